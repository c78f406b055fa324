//! What somebody is denied as one of further groups of his, whatever grants show.

use super::policy::Policies;

/// What a denial hides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// A table.
    Table(usize),
    /// A column of a table.
    Column(usize, usize),
    /// A metric, and with it those that are computed from it.
    Metric(usize),
}

/// A denial for those of a group.
#[derive(Clone, Copy, Debug)]
pub struct Denial {
    /// The group, which need not be one of the asker's.
    pub group: &'static str,
    /// What it hides.
    pub of: Denied,
}

impl Policies {
    /// What the asker is denied as one of his further groups.
    pub(crate) fn denials_of_his(&self) -> impl Iterator<Item = Denied> {
        let his = self.denials.iter().filter(|denial| self.groups.contains(&denial.group));
        his.map(|denial| denial.of)
    }

    /// Whether a table is hidden as a whole.
    pub(crate) fn denies_table(&self, table: usize) -> bool {
        self.denials_of_his().any(|of| of == Denied::Table(table))
    }

    /// Whether a column is hidden, whatever else shows it.
    pub(crate) fn denies_column(&self, table: usize, column: usize) -> bool {
        self.denied.contains(&(table, column))
            || self.denials_of_his().any(|of| of == Denied::Column(table, column))
    }

    /// Whether a metric is hidden by its name.
    pub(crate) fn denies_metric(&self, metric: usize) -> bool {
        self.denials_of_his().any(|of| of == Denied::Metric(metric))
    }
}
