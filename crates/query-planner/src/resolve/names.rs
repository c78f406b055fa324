//! Finding tables, metrics, measures and segments, and saying so when there is none.

use sandbar_catalog::query::SemanticQuery;
use sandbar_catalog::{MeasureId, MetricId, TableId};
use sandbar_permissions::{Missing, Refusal, Suggestion};

use super::ground::Ground;
use super::{AskedMetric, Asking, shorten};
use crate::authorize::refusal_problem;
use crate::error::ProblemKind;
use crate::query::Predicate;

impl Asking<'_> {
    /// Answers for a name that is not to be had. A name that the asker may not see and one that
    /// does not exist take the same way through here.
    pub(super) fn missing(
        &mut self,
        code: &'static str,
        what: &str,
        name: &str,
        missing: &Missing,
        path: &str,
    ) {
        let name = shorten(name);
        match missing {
            Missing::Unknown { suggestion } => {
                let mut message = format!("there is no {what} `{name}`");
                match suggestion {
                    Some(Suggestion::Close(close)) => {
                        message.push_str(&format!("; did you mean `{close}`?"));
                    }
                    Some(Suggestion::Instead(other)) => {
                        message.push_str(&format!("; `{other}` can be asked for"));
                    }
                    None => {}
                }
                self.push(code, ProblemKind::NotFound, path, message);
            }
            Missing::Refused(Refusal::Absent) => {
                let message = format!("there is no {what} `{name}`");
                self.push(code, ProblemKind::NotFound, path, message);
            }
            Missing::Refused(refusal) => {
                let problem = refusal_problem(refusal, path);
                let message = format!("{what} `{name}`: {}", problem.message);
                self.push(problem.code, problem.kind, path, message);
            }
            Missing::ToMany { relationship } => {
                let message = format!(
                    "`{}` leads to many rows, so `{name}` has no single value here",
                    shorten(relationship)
                );
                self.push("Q0117", ProblemKind::Invalid, path, message);
            }
        }
    }

    pub(super) fn table_named(&mut self, name: &str, path: &str) -> Option<TableId> {
        match self.grants.find_table(name) {
            Ok(table) => Some(table),
            Err(missing) => {
                self.missing("Q0102", "table", name, &missing, path);
                None
            }
        }
    }

    /// The metrics asked for, with the positions at which they were.
    pub(super) fn metrics<'q>(&mut self, query: &'q SemanticQuery) -> Vec<AskedMetric<'q>> {
        let mut found = Vec::new();
        for (index, asked) in query.metrics.iter().enumerate() {
            let path = format!("metrics[{index}]");
            let id = self.metric_named(&asked.value.name.value, &path);
            found.extend(id.map(|id| AskedMetric { id, ask: &asked.value, path }));
        }
        found
    }

    pub(super) fn metric_named(&mut self, name: &str, path: &str) -> Option<MetricId> {
        if self.told_enough() {
            return None;
        }
        match self.grants.find_metric(name) {
            Ok(id) => {
                self.metrics.push(id);
                Some(id)
            }
            Err(missing) => {
                self.missing("Q0101", "metric", name, &missing, path);
                None
            }
        }
    }

    pub(super) fn measure(&mut self, table: TableId, name: &str, path: &str) -> Option<MeasureId> {
        match self.grants.find_measure(table, name) {
            Ok(id) => Some(id),
            Err(missing) => {
                self.missing("Q0106", "measure", name, &missing, path);
                None
            }
        }
    }

    /// A named condition of the table, or of one that it leads to: `customer.west`.
    pub(super) fn segment(&mut self, ground: &Ground, name: &str, path: &str) -> Option<Predicate> {
        match self.grants.find_segment(ground.table, name) {
            Ok((via, id)) => {
                let condition = &self.compiled.snapshot().segment(id).condition;
                Some(Predicate::Modelled(condition.behind(&via)))
            }
            Err(missing) => {
                self.missing("Q0107", "segment", name, &missing, path);
                None
            }
        }
    }
}
