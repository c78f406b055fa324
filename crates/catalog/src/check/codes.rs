//! The codes of the model check. Each has a section in docs/errors.md.

pub(super) const FORMAT: &str = "M0100";
pub(super) const EXPRESSION: &str = "M0101";
pub(super) const UNKNOWN_NAME: &str = "M0102";
pub(super) const UNKNOWN_TABLE: &str = "M0103";
pub(super) const UNKNOWN_SOURCE: &str = "M0104";
pub(super) const UNKNOWN_COLUMN: &str = "M0105";
pub(super) const WRONG_TYPE: &str = "M0106";
pub(super) const DEFINED_TWICE: &str = "M0107";
pub(super) const BAD_NAME: &str = "M0108";
pub(super) const COLUMN_AND_EXPR: &str = "M0109";
pub(super) const UNKNOWN_FIELD: &str = "M0110";
pub(super) const CYCLE: &str = "M0111";
pub(super) const KEY_TYPES: &str = "M0112";
pub(super) const NOT_A_KEY: &str = "M0113";
pub(super) const METRIC_SHAPE: &str = "M0114";
pub(super) const UNKNOWN_MEASURE: &str = "M0115";
pub(super) const AGGREGATION: &str = "M0116";
pub(super) const TIME_FIELD: &str = "M0117";
pub(super) const UNKNOWN_COLLECTION: &str = "M0118";
pub(super) const WIRE_ID: &str = "M0119";
pub(super) const TIME_ZONE: &str = "M0120";
pub(super) const SOURCE_AND_QUERY: &str = "M0121";
pub(super) const NO_FIELDS: &str = "M0122";
pub(super) const DERIVED: &str = "M0123";
