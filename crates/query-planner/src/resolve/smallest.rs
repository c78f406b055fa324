//! What is not asked of a table of which only groups are told: anything of a single row.

use sandbar_catalog::TableId;

use super::Asking;
use crate::error::{ProblemKind, QueryProblem};
use crate::query::{MemberOf, Part, ResolvedQuery, Rows, Shape, Source};

/// The code of such a refusal.
const SINGLE_ROWS: &str = "Q0160";

impl Asking<'_> {
    /// Refuses what would tell of single rows. Numbers of groups are computed, and told where the
    /// groups are large enough; the questions of derived tables have been looked at themselves.
    pub(super) fn of_groups(&mut self, query: &ResolvedQuery) {
        match (&query.source, &query.shape) {
            (Source::Answer(stage), _) => self.of_groups(&stage.inner),
            (Source::Parts(parts), Shape::Listing(_)) => {
                for part in parts {
                    self.members_of_groups(&part.rows);
                    if let Some(table) = self.told_in_groups(&part.rows) {
                        let why = "a list would tell of single ones: ask for `metrics`, `measures` \
                                   or `aggregations`, or for the values of `group_by`";
                        self.single_rows(table, why);
                    }
                }
            }
            (Source::Parts(parts), Shape::Grouped(_)) => {
                parts.iter().for_each(|part| self.part_of_groups(part));
            }
        }
    }

    fn part_of_groups(&mut self, part: &Part<TableId>) {
        self.members_of_groups(&part.rows);
        if let Some(bridge) = &part.bridge {
            self.members_of_groups(&bridge.rows);
            if let Some(table) = self.told_in_groups(&bridge.rows) {
                let why = "what has many of them is not grouped by them: group their own numbers";
                self.single_rows(table, why);
            }
        }
        if let Some(events) = &part.events {
            let rows = [&part.rows, &events.rows];
            if let Some(table) = rows.into_iter().find_map(|rows| self.told_in_groups(rows)) {
                self.single_rows(table, "which of them is followed by another is not counted");
            }
        }
    }

    /// A condition that looks at other rows tells of each row that it lets pass.
    fn members_of_groups(&mut self, rows: &Rows<TableId>) {
        for member in &rows.members {
            let found = match &member.of {
                MemberOf::Rows { rows, .. } => {
                    self.members_of_groups(rows);
                    self.told_in_groups(rows)
                }
                MemberOf::Value { parts, .. } => {
                    parts.iter().for_each(|part| self.members_of_groups(&part.rows));
                    parts.iter().find_map(|part| self.told_of_entities(part))
                }
            };
            if let Some(table) = found {
                let why = "no condition looks at them from the rows of another: narrow their own \
                           numbers by their fields";
                self.single_rows(table, why);
            }
        }
    }

    /// The first table among some rows of which only groups are told.
    pub(super) fn told_in_groups(&self, rows: &Rows<TableId>) -> Option<TableId> {
        let mut tables = rows.scans.iter().map(|scan| scan.source);
        tables.find(|table| self.grants.min_group_size(*table).is_some())
    }

    /// The same of the rows of numbers that are looked up. What they are looked up for stands among
    /// the rows that look, and is counted there.
    fn told_of_entities(&self, part: &Part<TableId>) -> Option<TableId> {
        let others = part.rows.scans.iter().filter(|scan| part.entity() != Some(&scan.via));
        let mut tables = others.map(|scan| scan.source);
        tables.find(|table| self.grants.min_group_size(*table).is_some())
    }

    pub(super) fn single_rows(&mut self, table: TableId, why: &str) {
        let name = self.table_name(table);
        self.single_rows_of(format!("of `{name}` only groups of enough rows are told, so {why}"));
    }

    /// Refuses what would tell of single rows; once for each message.
    pub(super) fn single_rows_of(&mut self, message: String) {
        if !self.problems.iter().any(|problem| problem.message == message) {
            self.push(SINGLE_ROWS, ProblemKind::Denied, "", message);
        }
    }
}

/// Whether a question is refused because it would tell of single rows.
pub(super) fn tells_of_single_rows(problems: &[QueryProblem]) -> bool {
    problems.iter().any(|problem| problem.code == SINGLE_ROWS)
}
