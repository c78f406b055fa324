//! Fields that a metric reads with its author's rights: clear, for its numbers alone.

use sandbar_catalog::{MetricId, TableId};

use crate::grants::{Grants, Refusal};
use crate::sandbox::Sandbox;

impl Grants {
    /// The table as this principal sees it, for questions with numbers of these metrics. Beside what
    /// he sees, it gives the stored fields that they read with their authors' rights. Its rows are
    /// those that he sees.
    ///
    /// # Errors
    /// As for [`Grants::may_query`], also where he may not ask for one of the metrics.
    pub fn sandbox_for(&self, table: TableId, metrics: &[MetricId]) -> Result<Sandbox, Refusal> {
        let mut lifted = vec![false; self.snapshot.table(table).fields.len()];
        for id in metrics {
            self.may_ask(*id)?;
            let metric = self.snapshot.metric(*id);
            // What a metric takes from others it reads with their rights: those are asked for here.
            let own =
                metric.leaves.iter().filter(|leaf| leaf.definer.as_ref() == Some(&metric.name));
            for expr in own.flat_map(|leaf| leaf.expressions()) {
                let inputs = self.snapshot.stored_inputs(expr).into_iter();
                for path in inputs.filter(|path| path.field.table() == table) {
                    if let Some(flag) = lifted.get_mut(path.field.index()) {
                        *flag = true;
                    }
                }
            }
        }
        Ok(self.sandbox(table)?.with_lifted(lifted.into()))
    }
}
