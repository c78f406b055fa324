//! How much a question computes: what the fields, numbers and conditions of the model are made of
//! counts as often as the question names it.

use sandbar_catalog::expr::{Expr, Extent};
use sandbar_catalog::{Snapshot, TableId};

use super::Asking;
use super::derived::TOO_MANY;
use crate::query::{
    Events, Leaf, MemberOf, Part, Predicate, ResolvedQuery, Rows, Shape, SortBy, Source,
};

/// How much it may be: three times as much as one field may have, of which one alone is planned in
/// seconds.
const MOST: usize = 3 * Extent::MOST.parts;

/// How often tables may be read: of more the optimiser makes a plan for many seconds, in which it
/// does not rest.
const MOST_READ: usize = 128;

impl Asking<'_> {
    /// Refuses what would be planned for minutes.
    pub(super) fn extent(&mut self, query: &ResolvedQuery) {
        let mut sum = Sum { snapshot: self.compiled.snapshot(), parts: 0, tables: 0 };
        sum.query(query);
        if sum.parts > MOST {
            let message = format!(
                "what this question asks for is computed from more than {MOST} parts of fields, \
                 numbers and conditions, each as often as it is used: ask for less at once"
            );
            self.problem("Q0162", "", message);
        }
        if sum.tables > MOST_READ {
            let message = format!(
                "this question reads tables {} times, of at most {MOST_READ}: numbers of their own \
                 rows or times read them each for itself, and all again for each of the totals; ask \
                 for less at once",
                sum.tables
            );
            self.problem(TOO_MANY, "", message);
        }
    }
}

struct Sum<'s> {
    snapshot: &'s Snapshot,
    parts: usize,
    tables: usize,
}

impl Sum<'_> {
    fn expr(&mut self, expr: &Expr) {
        self.parts = self.parts.saturating_add(self.snapshot.extent(expr).parts);
    }

    fn conditions(&mut self, conditions: &[Predicate]) {
        conditions.iter().for_each(|condition| condition.expressions(&mut |expr| self.expr(expr)));
    }

    fn leaves(&mut self, leaves: &[Leaf]) {
        for leaf in leaves {
            self.expr(&leaf.expr);
            self.conditions(&leaf.filters);
            leaf.definer.iter().for_each(|definer| self.conditions(&definer.filters));
        }
    }

    fn query(&mut self, query: &ResolvedQuery) {
        match &query.source {
            Source::Answer(stage) => {
                self.query(&stage.inner);
                self.conditions(&stage.filter);
                stage.keys.iter().for_each(|key| self.expr(key));
                self.leaves(&stage.leaves);
            }
            Source::Parts(parts) => {
                let before = (self.parts, self.tables);
                parts.iter().for_each(|part| self.part(part));
                // Coarser groups are computed from the rows as well.
                let more = match &query.shape {
                    Shape::Grouped(groups) => groups.levels.len(),
                    Shape::Listing(_) => 0,
                };
                for (sum, before) in [(&mut self.parts, before.0), (&mut self.tables, before.1)] {
                    let once = sum.saturating_sub(before);
                    *sum = sum.saturating_add(once.saturating_mul(more));
                }
            }
        }
        for key in &query.order {
            if let SortBy::Value(of) = &key.by {
                self.expr(&of.expr(self.snapshot));
            }
        }
        self.conditions(&query.having);
    }

    fn part(&mut self, part: &Part<TableId>) {
        part.keys.iter().for_each(|key| self.expr(&key.of.expr(self.snapshot)));
        self.leaves(&part.leaves);
        self.rows(&part.rows);
        part.bridge.iter().for_each(|bridge| self.rows(&bridge.rows));
        part.events.iter().for_each(|Events { rows, .. }| self.rows(rows));
    }

    fn rows(&mut self, rows: &Rows<TableId>) {
        self.conditions(&rows.filter);
        self.tables = self.tables.saturating_add(rows.scans.len());
        rows.scans.iter().filter_map(|scan| scan.derived.as_ref()).for_each(|of| self.query(of));
        for member in &rows.members {
            match &member.of {
                MemberOf::Rows { rows, .. } => self.rows(rows),
                MemberOf::Value { parts, value, .. } => {
                    parts.iter().for_each(|part| self.part(part));
                    self.expr(value);
                }
            }
        }
    }
}
