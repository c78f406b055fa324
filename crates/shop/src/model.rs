//! The model, the policies and the cases of the shop, as texts: this crate does not know what they mean.

/// The model, in the YAML of the model language. Its sources are named like the tables of
/// [`Shop::tables`](crate::Shop::tables) and declared as Parquet files beside the model; a host
/// that has the batches registers them under those names instead.
///
/// ```
/// use sandbar_catalog::{Definitions, SourceSchemas};
/// use sandbar_shop::{MODEL, MODEL_NAME, Shop};
///
/// # fn main() -> Result<(), arrow::error::ArrowError> {
/// let shop = Shop::generate()?;
/// let sources = shop.tables().fold(SourceSchemas::new(), |sources, (name, batch)| {
///     sources.with(name, batch.schema(), format!("memory:{name}"))
/// });
/// let checked = Definitions::from_yaml_str(MODEL_NAME, MODEL).check(&sources);
/// assert!(checked.is_ok_and(|snapshot| snapshot.find_metric("revenue").is_some()));
/// # Ok(())
/// # }
/// ```
pub const MODEL: &str = include_str!("../../../fixtures/shop/model.yaml");

/// The name of [`MODEL`] in messages.
pub const MODEL_NAME: &str = "fixtures/shop/model.yaml";

/// Who sees what: the policies, in the YAML of the policy language. [`ASKERS`](crate::ASKERS)
/// has people for them.
pub const POLICIES: &str = include_str!("../../../fixtures/shop/policies.yaml");

/// The name of [`POLICIES`] in messages.
pub const POLICIES_NAME: &str = "fixtures/shop/policies.yaml";

/// Cases that the policies are tested with, in the YAML of the language of cases.
pub const CASES: &str = include_str!("../../../fixtures/shop/cases.yaml");

/// The name of [`CASES`] in messages.
pub const CASES_NAME: &str = "fixtures/shop/cases.yaml";
