//! What the asker's token may be used for, as it says so itself: it takes away what a question may
//! be about, and nothing that its numbers are made of, grouped or narrowed by.

use super::question::{Condition, Question};
use super::{Reference, Refused};

/// The words of a scope.
#[derive(Clone, Debug)]
pub struct Scope(pub Vec<String>);

impl Scope {
    /// Whether one of the words is this, or stands for all that begins like it.
    fn covers(&self, wanted: &str) -> bool {
        self.0.iter().any(|word| match word.strip_suffix('*') {
            Some(start) if start.ends_with(':') => wanted.starts_with(start),
            _ => word == wanted,
        })
    }

    /// Whether questions may be about something of this name: by either word for asking, for all,
    /// for all of its kind, or for it alone.
    fn asks(&self, kind: &str, name: &str) -> bool {
        ["agent:query", "agent:query:execute"].into_iter().any(|asking| {
            let all = format!("{asking}:{kind}");
            self.covers(asking) || self.covers(&all) || self.covers(&format!("{all}:{name}"))
        })
    }
}

/// The names of the tables and metrics that a question is about.
#[derive(Default)]
struct About<'q> {
    tables: Vec<&'q str>,
    metrics: Vec<&'q str>,
    /// Metrics whose table is asked for other numbers as well.
    tables_of: Vec<&'q str>,
}

impl<'q> About<'q> {
    fn question(&mut self, of: &'q Question) {
        if let Some(inner) = &of.from {
            self.question(inner);
        }
        self.tables.extend(of.table.iter().map(String::as_str));
        if of.table.is_none() && !(of.measures.is_empty() && of.aggregations.is_empty()) {
            self.tables_of.extend(of.metrics.iter().map(|asked| asked.name.as_str()));
        }
        self.metrics.extend(of.metrics.iter().map(|asked| asked.name.as_str()));
        let filters = of.metrics.iter().map(|asked| &asked.filter);
        let filters = filters.chain(of.measures.iter().map(|asked| &asked.filter));
        let filters = filters.chain(of.aggregations.iter().map(|asked| &asked.filter));
        filters.chain([&of.filter]).flatten().for_each(|condition| self.condition(condition));
    }

    fn condition(&mut self, of: &'q Condition) {
        match of {
            Condition::And(parts) | Condition::Or(parts) => {
                parts.iter().for_each(|part| self.condition(part));
            }
            Condition::Not(inner) => self.condition(inner),
            Condition::Exists(_, inner) => {
                inner.iter().for_each(|inner| self.condition(inner));
            }
            Condition::Metric(name, ..) => self.metrics.push(name),
            Condition::Field { .. } | Condition::Relative(..) | Condition::Segment(_) => {}
        }
    }
}

impl Reference<'_> {
    /// Refuses a question about something that the asker's token is not for.
    pub(super) fn within_scope(&self, question: &Question) -> Result<(), Refused> {
        let Some(scope) = &self.world.scope else { return Ok(()) };
        let mut about = About::default();
        about.question(question);
        let asks = |kind: &str, names: &[&str]| names.iter().all(|name| scope.asks(kind, name));
        for name in std::mem::take(&mut about.tables_of) {
            let mut leaves = Vec::new();
            if let Some(metric) = self.world.metrics.iter().position(|of| of.name == name) {
                self.calculation(metric, &mut leaves);
            }
            let tables = leaves.iter().map(|leaf| leaf.ground().table);
            about.tables.extend(tables.map(|table| self.world.tables[table].name.as_str()));
        }
        match asks("table", &about.tables) && asks("metric", &about.metrics) {
            true => Ok(()),
            false => Err("outside of the scope".to_owned()),
        }
    }
}
