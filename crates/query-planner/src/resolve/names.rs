//! Finding tables, metrics, measures and segments, and saying so when there is none.

use sandbar_catalog::decode::suggest;
use sandbar_catalog::query::SemanticQuery;
use sandbar_catalog::{FieldPath, MeasureId, MetricId, TableId};
use sandbar_permissions::{Level, Missing, Refusal, Suggestion};

use super::{Asking, shorten};
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
                let mut problem = refusal_problem(refusal, path);
                problem.message = format!("{what} `{name}`: {}", problem.message);
                self.problems.push(problem);
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

    /// The metrics asked for, with the names of their columns.
    pub(super) fn metrics(&mut self, query: &SemanticQuery) -> Vec<(MetricId, String)> {
        let mut found = Vec::new();
        for (index, asked) in query.metrics.iter().enumerate() {
            let name = &asked.value.name.value;
            match self.grants.find_metric(name) {
                Ok(id) => {
                    let own = || self.compiled.snapshot().metric(id).name.clone();
                    found.push((id, asked.value.alias.clone().unwrap_or_else(own)));
                }
                Err(missing) => {
                    let path = format!("metrics[{index}]");
                    self.missing("Q0101", "metric", name, &missing, &path);
                }
            }
        }
        found
    }

    pub(super) fn measure(&mut self, table: TableId, name: &str, path: &str) -> Option<MeasureId> {
        let snapshot = self.compiled.snapshot();
        let visible = |inputs: &[FieldPath]| self.grants.inputs_level(inputs) == Level::Query;
        let table = snapshot.table(table);
        if let Some(id) = table.find_measure(name)
            && visible(&snapshot.measure(id).inputs)
        {
            return Some(id);
        }
        let known = table.measures.iter().filter(|m| visible(&m.inputs)).map(|m| m.name.as_str());
        let suggestion = suggest(name, known).map(|found| Suggestion::Close(found.to_owned()));
        self.missing("Q0106", "measure", name, &Missing::Unknown { suggestion }, path);
        None
    }

    pub(super) fn segment(&mut self, table: TableId, name: &str, path: &str) -> Option<Predicate> {
        let snapshot = self.compiled.snapshot();
        let visible = |inputs: &[FieldPath]| self.grants.inputs_level(inputs) == Level::Query;
        let table = snapshot.table(table);
        if let Some(id) = table.find_segment(name)
            && visible(&snapshot.segment(id).inputs)
        {
            return Some(Predicate::Modelled(snapshot.segment(id).condition.clone()));
        }
        let known = table.segments.iter().filter(|s| visible(&s.inputs)).map(|s| s.name.as_str());
        let suggestion = suggest(name, known).map(|found| Suggestion::Close(found.to_owned()));
        self.missing("Q0107", "segment", name, &Missing::Unknown { suggestion }, path);
        None
    }
}
