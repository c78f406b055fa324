//! What one query may use, from its turn to its last row.

use std::sync::Arc;

use crate::admission::Permit;
use crate::deadline::Deadline;
use crate::limits::Limits;

/// What one query may use. Cheap to clone: whatever works for the query takes it along.
#[derive(Clone, Debug)]
pub struct Allowance {
    /// How much it may use; of its time the deadline counts.
    pub limits: Limits,
    /// When it has to be over.
    pub deadline: Deadline,
    /// The right to run, which ends with the last piece of work that holds it; `None` for what only
    /// looks at names.
    pub permit: Option<Arc<Permit>>,
}
