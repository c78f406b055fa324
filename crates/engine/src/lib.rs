//! Sandbar: a semantic layer that a host application links.
//!
//! A host describes its tables, metrics and access policies once, and then answers questions for
//! one principal at a time: each sees only the rows and columns that the policies give him.
//!
//! ```
//! use std::sync::Arc;
//! use arrow::array::{Decimal128Array, RecordBatch, StringArray};
//! use sandbar::{Engine, Principal, SemanticQuery};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let total = Decimal128Array::from(vec![1_000, 2_500, 400]).with_precision_and_scale(10, 2)?;
//! let orders = RecordBatch::try_from_iter([
//!     ("id", Arc::new(StringArray::from(vec!["a", "b", "c"])) as _),
//!     ("region", Arc::new(StringArray::from(vec!["north", "south", "north"])) as _),
//!     ("total", Arc::new(total) as _),
//! ])?;
//! let engine = Engine::builder()
//!     .model("model.yaml", "
//! tables:
//!   orders: { primary_key: [id], source: orders, fields: { id: {}, region: {}, total: {} } }
//! metrics:
//!   revenue: { table: orders, expr: sum(total) }
//! ")
//!     .policies("policies.yaml", "
//! attributes: { region: { type: text } }
//! groups: { staff: {} }
//! policies:
//!   own_region: { groups: [staff], grant: { tables: [orders], rows: region = attribute.region } }
//! ")
//!     .batches("orders", vec![orders])
//!     .build()
//!     .await?;
//! let mia = Principal::asserted_by_host("mia").group("staff").attribute("region", "north").build()?;
//! let answer = engine.session(mia).query(&SemanticQuery::metric("revenue")).await?.collect().await?;
//! assert_eq!(answer.to_csv()?, "revenue\n14.00\n");
//! assert!(answer.is_scoped());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Engine`] is cheap to clone and to share; it has no runtime of its own, reads no environment and
//! keeps no global state. [`Session`] is where the calls of one request stand in their order.

mod answer;
mod builder;
mod call;
mod check;
mod decision;
mod declared;
mod describe;
mod engine;
mod error;
mod explain;
mod format;
mod pages;
mod people;
mod policies;
pub mod policy_test;
mod profile;
mod quota;
mod request;
mod session;
mod watch;
mod world;

pub use answer::{Answer, Collected, Warning};
pub use builder::{EngineBuilder, Model};
pub use decision::{Action, Decision, DecisionOutcome, DecisionSink};
pub use declared::{Misdeclared, declared_files};
pub use describe::{
    FieldDescription, FoundObject, MeasureDescription, MetricDescription, MetricDetail,
    RelatedTable, RelationshipDescription, SegmentDescription, TableDescription, TableDetail,
};
pub use engine::Engine;
pub use error::{Error, ErrorKind};
pub use explain::{Explanation, PolicyTrace};
pub use format::beyond_calendar;
pub use people::read_people;
pub use policies::{DiffSamples, PolicyComparison, SampleRows};
pub use policy_test::PolicyCases;
pub use profile::{FieldProfile, Subject};
pub use sandbar_query_planner::{
    ColumnOutline, ConversionOutline, GrainOutline, JoinOutline, NumberOutline, Outline,
    PropertyOutline, SemiAdditiveOutline, SpineOutline,
};
pub use session::Session;

pub use sandbar_auth::{
    Algorithm, ApiKey, ApiKeyError, ApiKeys, AttributeValue, BadScope, Buckets, Claimed, Directory,
    KeyError, KeyRing, KeySet, NewApiKey, OpenedSession, People, Person, Principal,
    PrincipalBuilder, PrincipalError, RateLimit, SamePerson, Scopes, SecretError, Sessions,
    SharedSecret, TokenError, TokenMinter, TokenRefusal, TooManySessions, Verifier, VerifyingKey,
};
pub use sandbar_catalog::decode;
pub use sandbar_catalog::query::{self, Aggregation, Filter, Order, SemanticQuery, Truncation};
pub use sandbar_catalog::{
    Definitions, Finding, Report, SemanticType, Shift, SourceText, Type, Window, WindowStart,
    definitions, time,
};
pub use sandbar_executor::source::{FilesSpec, Format, SourceSpec};
pub use sandbar_executor::{Admission, Limits, NoSqlText, Outcome, Overflow, Spill, SqlDialect};
pub use sandbar_permissions::{
    Administrator, ChangeEffect, Coverage, CoverageFinding, CoverageKind, DeclarationChange,
    FieldsDef, GrantDef, GroupDiff, Level, MaskDef, PolicyChange, PolicyDefinitions, PolicyDiff,
    PolicyFile, Purpose,
};
pub use sandbar_query_planner::{AnswerColumn, MaskKey, ProblemKind, QueryProblem};
