//! TPC-H: the eight tables as Arrow batches, and the model and policies that go with them.
//!
//! The data are those of the official generator, bit for bit, for any scale factor. This module
//! never reads or writes a file and knows no engine; `fixtures/tpch` holds the queries, the SQL
//! that says the same, and the answers.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow_schema::SchemaRef;
use tpchgen::generators as rows;
use tpchgen_arrow as columns;
use tpchgen_arrow::RecordBatchIterator;

/// The model of the eight tables, with what is derived from them: sources by table name, batches
/// given by the host.
pub const MODEL: &str = include_str!("../../fixtures/tpch/model.yaml");

/// The policies: one group, `analysts`, that sees everything.
pub const POLICIES: &str = include_str!("../../fixtures/tpch/policies.yaml");

/// The questions, by the number of the TPC-H query, in the JSON query language.
pub const QUERIES: [(&str, &str); 22] = [
    ("q1", include_str!("../../fixtures/tpch/queries/q1.json")),
    ("q2", include_str!("../../fixtures/tpch/queries/q2.json")),
    ("q3", include_str!("../../fixtures/tpch/queries/q3.json")),
    ("q4", include_str!("../../fixtures/tpch/queries/q4.json")),
    ("q5", include_str!("../../fixtures/tpch/queries/q5.json")),
    ("q6", include_str!("../../fixtures/tpch/queries/q6.json")),
    ("q7", include_str!("../../fixtures/tpch/queries/q7.json")),
    ("q8", include_str!("../../fixtures/tpch/queries/q8.json")),
    ("q9", include_str!("../../fixtures/tpch/queries/q9.json")),
    ("q10", include_str!("../../fixtures/tpch/queries/q10.json")),
    ("q11", include_str!("../../fixtures/tpch/queries/q11.json")),
    ("q12", include_str!("../../fixtures/tpch/queries/q12.json")),
    ("q13", include_str!("../../fixtures/tpch/queries/q13.json")),
    ("q14", include_str!("../../fixtures/tpch/queries/q14.json")),
    ("q15", include_str!("../../fixtures/tpch/queries/q15.json")),
    ("q16", include_str!("../../fixtures/tpch/queries/q16.json")),
    ("q17", include_str!("../../fixtures/tpch/queries/q17.json")),
    ("q18", include_str!("../../fixtures/tpch/queries/q18.json")),
    ("q19", include_str!("../../fixtures/tpch/queries/q19.json")),
    ("q20", include_str!("../../fixtures/tpch/queries/q20.json")),
    ("q21", include_str!("../../fixtures/tpch/queries/q21.json")),
    ("q22", include_str!("../../fixtures/tpch/queries/q22.json")),
];

/// The names of the tables, the smallest first.
pub const TABLES: [&str; 8] =
    ["region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem"];

/// One table: its name, its schema, its rows.
pub type TableData = (String, SchemaRef, Vec<RecordBatch>);

/// Why no data were generated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TpchError {
    /// The scale factor is not a number from above 0 to 1000.
    #[error("`{0}` is not a scale factor: use a number above 0, at most 1000")]
    Scale(f64),
    /// TPC-H has no such table.
    #[error("`{0}` is not a table of TPC-H")]
    UnknownTable(String),
}

/// All eight tables at a scale factor: 1.0 is six million rows of lineitem, about 1 GB as text.
///
/// # Errors
/// A scale factor that is not above 0 and at most 1000.
///
/// ```
/// let tables = sandbar_benches::tpch::tables(0.001)?;
/// assert_eq!(tables.len(), 8);
/// # Ok::<(), sandbar_benches::tpch::TpchError>(())
/// ```
pub fn tables(scale: f64) -> Result<Vec<TableData>, TpchError> {
    some_tables(scale, TABLES)
}

/// The named tables only, in the order asked: the others cost nothing.
///
/// # Errors
/// As for [`tables`], and a name that TPC-H does not have.
pub fn some_tables<'n>(
    scale: f64,
    names: impl IntoIterator<Item = &'n str>,
) -> Result<Vec<TableData>, TpchError> {
    let readers = names.into_iter().map(|name| Ok((name, reader(scale, name)?)));
    readers
        .map(|reader| {
            let (name, reader) = reader?;
            Ok((name.to_owned(), Arc::clone(reader.schema()), reader.collect()))
        })
        .collect()
}

/// The schemas of all eight tables; no row is generated.
///
/// # Errors
/// None in practice: the scale and the names are known to be right.
pub fn schemas() -> Result<Vec<(String, SchemaRef)>, TpchError> {
    let read = |name: &str| Ok((name.to_owned(), Arc::clone(reader(1.0, name)?.schema())));
    TABLES.into_iter().map(read).collect()
}

/// The batches of one table, generated as they are asked for.
///
/// # Errors
/// As for [`some_tables`].
pub fn reader(scale: f64, name: &str) -> Result<Box<dyn RecordBatchIterator>, TpchError> {
    if !(scale > 0.0 && scale <= 1000.0) {
        return Err(TpchError::Scale(scale));
    }
    // Part 1 of 1: the whole table.
    Ok(match name {
        "region" => Box::new(columns::RegionArrow::new(rows::RegionGenerator::new(scale, 1, 1))),
        "nation" => Box::new(columns::NationArrow::new(rows::NationGenerator::new(scale, 1, 1))),
        "supplier" => {
            Box::new(columns::SupplierArrow::new(rows::SupplierGenerator::new(scale, 1, 1)))
        }
        "customer" => {
            Box::new(columns::CustomerArrow::new(rows::CustomerGenerator::new(scale, 1, 1)))
        }
        "part" => Box::new(columns::PartArrow::new(rows::PartGenerator::new(scale, 1, 1))),
        "partsupp" => {
            Box::new(columns::PartSuppArrow::new(rows::PartSuppGenerator::new(scale, 1, 1)))
        }
        "orders" => Box::new(columns::OrderArrow::new(rows::OrderGenerator::new(scale, 1, 1))),
        "lineitem" => {
            Box::new(columns::LineItemArrow::new(rows::LineItemGenerator::new(scale, 1, 1)))
        }
        other => return Err(TpchError::UnknownTable(other.to_owned())),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use sandbar_catalog::query::SemanticQuery;
    use sandbar_catalog::{Definitions, Snapshot, SourceSchemas, SourceText};
    use sandbar_permissions::PolicyDefinitions;

    use super::*;

    fn snapshot() -> Snapshot {
        let sources = schemas().unwrap();
        let sources = sources.into_iter().fold(SourceSchemas::new(), |all, (name, schema)| {
            let identity = name.clone();
            all.with(name, schema, identity)
        });
        let model = Definitions::from_yaml_str("model.yaml", MODEL);
        model.check(&sources).unwrap_or_else(|report| panic!("{report}"))
    }

    #[test]
    fn the_model_fits_the_data() {
        let snapshot = snapshot();
        let stored = snapshot.tables().iter().filter(|t| snapshot.derived(t.id).is_none());
        assert_eq!(stored.count(), TABLES.len());
        for (name, schema) in schemas().unwrap() {
            let table = snapshot.table(snapshot.find_table(&name).unwrap());
            for column in schema.fields() {
                assert!(table.find_field(column.name()).is_some(), "{name}.{}", column.name());
            }
        }
    }

    #[test]
    fn the_policies_fit_the_model() {
        let text = SourceText::new("policies.yaml", POLICIES);
        let policies = PolicyDefinitions::from_yaml([text]);
        policies.check(&snapshot()).unwrap_or_else(|report| panic!("{report}"));
    }

    /// Every name of every query is one of the model; the planner's own tests say more.
    #[test]
    fn the_queries_fit_the_model() {
        let snapshot = snapshot();
        for (name, text) in QUERIES {
            let query = SemanticQuery::from_json(text).unwrap_or_else(|e| panic!("{name}: {e}"));
            let inner = query.from.as_ref().map(|inner| &inner.value);
            let asked = query.metrics.iter().chain(inner.iter().flat_map(|q| q.metrics.iter()));
            for metric in asked {
                let known = snapshot.find_metric(&metric.name);
                assert!(known.is_some(), "{name}: {}", *metric.name);
            }
        }
    }

    /// Row counts of the specification (4.2.5), which are exact for all tables but lineitem.
    #[test]
    fn small_scales_have_the_specified_rows() {
        let rows: Vec<usize> = tables(0.01)
            .unwrap()
            .iter()
            .map(|(_, _, batches)| batches.iter().map(RecordBatch::num_rows).sum())
            .collect();
        assert_eq!(rows, [5, 25, 100, 1_500, 2_000, 8_000, 15_000, 60_175]);
    }

    #[test]
    fn bad_requests_are_told() {
        for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(tables(scale), Err(TpchError::Scale(_))), "{scale}");
        }
        let unknown = TpchError::UnknownTable("line_item".to_owned());
        assert_eq!(some_tables(0.01, ["line_item"]).unwrap_err(), unknown);
        let two = some_tables(0.01, ["nation", "region"]).unwrap();
        assert_eq!(two.iter().map(|(name, ..)| name).collect::<Vec<_>>(), ["nation", "region"]);
    }
}
