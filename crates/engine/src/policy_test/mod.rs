//! Testing policies: cases of who asks what, and what must come of it.
//!
//! A host runs the cases that `sandbar policy test` runs:
//!
//! ```
//! use std::sync::Arc;
//! use arrow::array::{Int64Array, RecordBatch, StringArray};
//! use sandbar::{Administrator, Engine, PolicyCases, SourceText};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! # let visits = RecordBatch::try_from_iter([
//! #     ("id", Arc::new(Int64Array::from(vec![1, 2, 3])) as _),
//! #     ("region", Arc::new(StringArray::from(vec!["north", "south", "north"])) as _),
//! # ])?;
//! # let engine = Engine::builder()
//! #     .model("model.yaml", "
//! # tables: { visits: { primary_key: [id], fields: { id: {}, region: {} } } }
//! # metrics: { visits_made: { table: visits, expr: count(*) } }
//! # ")
//! #     .policies("policies.yaml", "
//! # attributes: { region: { type: text } }
//! # groups: { staff: {} }
//! # policies:
//! #   own: { groups: [staff], grant: { tables: [visits], rows: region = attribute.region } }
//! # ")
//! #     .batches("visits", vec![visits])
//! #     .build()
//! #     .await?;
//! let cases = PolicyCases::from_yaml([SourceText::new("cases.yaml", "
//! people:
//!   mia: { groups: [staff], attributes: { region: north } }
//! cases:
//!   staff_count_their_own_region: { as: mia, query: visits_made, total: 2 }
//!   nobody_else_sees_visits: { as: {}, query: visits_made, refused: not_found, hidden: [visits] }
//! ")]);
//! let report = engine.policy_test_as(&Administrator::asserted_by_host(), &cases).await?;
//! assert!(report.passed(), "{report}");
//! assert_eq!(report.cases.len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod compare;
mod run;
mod value;

use std::fmt;

use serde::Serialize;

pub use sandbar_permissions::PolicyCases;

/// What came of some cases.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PolicyTestReport {
    /// The cases, in the order of the files.
    pub cases: Vec<CaseOutcome>,
}

/// What came of one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CaseOutcome {
    /// Its name.
    pub name: String,
    /// The file and line it was written at.
    pub origin: String,
    /// Who asked.
    pub subject: String,
    /// His groups.
    pub groups: Vec<String>,
    /// What is not as it was expected; nothing if the case holds.
    pub differences: Vec<CaseDifference>,
}

/// Something that is not as a case expects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CaseDifference {
    /// What it is: `answer`, `columns`, `rows`, `order`, `count`, `total`, or a name of the model.
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// Rows that were expected and not found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Rows that were found and not expected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unexpected: Vec<String>,
}

impl CaseDifference {
    fn new(what: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        let (what, expected, found) = (what.into(), expected.into(), found.into());
        Self { what, expected, found, missing: Vec::new(), unexpected: Vec::new() }
    }
}

impl CaseOutcome {
    /// Whether everything is as expected.
    pub fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

impl PolicyTestReport {
    /// Whether every case holds.
    pub fn passed(&self) -> bool {
        self.failed() == 0
    }

    /// How many cases do not hold.
    pub fn failed(&self) -> usize {
        self.cases.iter().filter(|case| !case.passed()).count()
    }
}

/// Every case that does not hold, with its place and what differs; then how many hold.
impl fmt::Display for PolicyTestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for case in self.cases.iter().filter(|case| !case.passed()) {
            let groups = case.groups.join(", ");
            writeln!(f, "{}: {} as {} [{groups}]", case.origin, case.name, case.subject)?;
            for difference in &case.differences {
                let CaseDifference { what, expected, found, missing, unexpected } = difference;
                writeln!(f, "  {what}: expected {expected}, found {found}")?;
                missing.iter().try_for_each(|row| writeln!(f, "    - {row}"))?;
                unexpected.iter().try_for_each(|row| writeln!(f, "    + {row}"))?;
            }
        }
        let (all, failed) = (self.cases.len(), self.failed());
        let plural = if all == 1 { "" } else { "s" };
        writeln!(f, "{} of {all} case{plural} passed", all - failed)
    }
}
