//! Totals and shares: coarser groups of the same numbers, each computed from its own rows.

use sandbar_catalog::Type;
use sandbar_catalog::query::SemanticQuery;

use super::numbers::{Draft, Kind};
use super::{Asking, did_you_mean, shorten};
use crate::query::{AnswerColumn, Groups, Output, Place, Shape, ShareOf};

/// The most coarser groups of one question.
const MAX_LEVELS: usize = 16;
/// The name of the column that tells totals from groups.
const MARKER: &str = "totals";

impl Asking<'_> {
    /// A list has no numbers to tell totals or shares of.
    pub(super) fn none_of_a_list(&mut self, query: &SemanticQuery) {
        let given = [("totals", !query.totals.is_empty()), ("shares", !query.shares.is_empty())];
        for (name, _) in given.into_iter().filter(|(_, given)| *given) {
            let message = format!(
                "`{name}` are of the numbers of groups, and this is a list of rows: put the fields \
                 in `group_by`, or leave them out"
            );
            self.problem("Q0155", name, message);
        }
    }

    pub(super) fn shape_of_groups(
        &mut self,
        query: &SemanticQuery,
        keys: Vec<AnswerColumn>,
        places: Vec<Place>,
        values: Vec<Output>,
    ) -> Shape {
        let mut levels: Vec<Vec<usize>> = Vec::new();
        for (index, kept) in query.totals.iter().enumerate() {
            let path = format!("totals[{index}]");
            if let Some(level) = self.level(kept, &keys, &path) {
                if level.len() == keys.len() || levels.contains(&level) {
                    let message = "each row of totals is over fewer columns than the groups, and \
                                   stands once";
                    self.problem("Q0155", &path, message);
                }
                levels.push(level);
            }
        }
        if let (Some(limit), false) = (&query.limit, levels.is_empty()) {
            let path = if limit.path.is_empty() { "limit" } else { &limit.path };
            let message = "a `limit` would cut totals off: ask for them in a question of their own";
            self.problem("Q0155", path, message);
        }
        let shown_levels = levels.len();
        let mut shares = Vec::new();
        for (index, asked) in query.shares.iter().enumerate() {
            let path = format!("shares[{index}]");
            let name = &asked.value.of.value;
            let found = values.iter().position(|output| output.column.name == *name);
            let number = found.and_then(|at| Some((at, values.get(at)?)));
            let Some((value, output)) = number else {
                let known = values.iter().map(|output| output.column.name.as_str());
                let hint = did_you_mean(name, known).unwrap_or_default();
                let message = format!("`{}` is not a number of the answer{hint}", shorten(name));
                self.problem("Q0147", &path, message);
                continue;
            };
            if !output.column.data_type.is_numeric() {
                let message = format!("`{}` is no number, so it has no share", shorten(name));
                self.problem("Q0155", &path, message);
                continue;
            }
            let Some(level) = self.level(&asked.value.within, &keys, &path) else { continue };
            let position = match levels.iter().position(|known| *known == level) {
                Some(position) => position,
                None => {
                    levels.push(level);
                    levels.len() - 1
                }
            };
            let name = asked.value.alias.clone().unwrap_or_else(|| format!("share_{name}"));
            let column = AnswerColumn {
                name,
                label: None,
                data_type: Type::Number,
                semantic: None,
                unit: None,
            };
            shares.push(ShareOf { column, value, level: position });
        }
        if levels.len() > MAX_LEVELS {
            self.problem("Q0155", "", format!("a question has at most {MAX_LEVELS} totals"));
        }
        let marker = (shown_levels > 0).then(|| AnswerColumn {
            name: MARKER.to_owned(),
            label: None,
            data_type: Type::Integer,
            semantic: None,
            unit: None,
        });
        Shape::Grouped(Box::new(Groups {
            keys,
            places,
            values,
            levels,
            shown_levels,
            shares,
            marker,
        }))
    }

    /// The positions of the keys that coarser groups go by.
    fn level(&mut self, kept: &[String], keys: &[AnswerColumn], path: &str) -> Option<Vec<usize>> {
        let mut level = Vec::with_capacity(kept.len());
        for name in kept {
            let Some(position) = keys.iter().position(|key| key.name == *name) else {
                let known = keys.iter().map(|key| key.name.as_str());
                let hint = did_you_mean(name, known).unwrap_or_default();
                let message = format!(
                    "`{}` is not a column that the answer is grouped by{hint}",
                    shorten(name)
                );
                self.problem("Q0147", path, message);
                return None;
            };
            level.push(position);
        }
        level.sort_unstable();
        level.dedup();
        Some(level)
    }

    /// A number of periods has no total over periods.
    pub(super) fn levels_fit(&mut self, shape: &Shape, drafts: &[Draft]) {
        let Shape::Grouped(groups) = shape else { return };
        for draft in drafts {
            let Some(series) = &draft.series else { continue };
            let lost = groups.levels.iter().any(|level| !level.contains(&series.key));
            if lost && matches!(draft.kind, Kind::Moved { .. }) {
                let message = format!(
                    "`{}` is a number of each period, so it has no total over all of them",
                    shorten(&draft.ground.about)
                );
                self.problem("Q0155", "", message);
                return;
            }
        }
    }
}
