//! Made-up models of any size, to measure reading and checking them.
//!
//! Each table has twenty fields (four of them calculated), three measures, two relationships and
//! one metric: about what a table of a real model has.

use std::fmt::Write;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, TimeUnit};
use sandbar_catalog::SourceSchemas;

/// A model of that many tables, as YAML.
///
/// ```
/// use sandbar_benches::load::{model_yaml, sources};
/// use sandbar_catalog::Definitions;
///
/// let model = Definitions::from_yaml_str("model.yaml", &model_yaml(3));
/// assert_eq!(model.check(&sources(3)).unwrap().tables().len(), 3);
/// ```
pub fn model_yaml(tables: usize) -> String {
    let mut text = String::from("format: 1\ntables:\n");
    for index in 0..tables {
        table(&mut text, index, tables);
    }
    text.push_str("metrics:\n");
    for index in 0..tables {
        metric(&mut text, index);
    }
    text
}

/// The schemas that [`model_yaml`] reads.
pub fn sources(tables: usize) -> SourceSchemas {
    let mut columns = vec![
        Field::new("id", DataType::Int64, false),
        Field::new("parent_id", DataType::Int64, true),
        Field::new("other_id", DataType::Int64, true),
        Field::new("created_at", DataType::Timestamp(TimeUnit::Microsecond, None), true),
        Field::new("amount", DataType::Decimal128(12, 2), true),
        Field::new("quantity", DataType::Int64, true),
    ];
    let texts = (0..10).map(|n| Field::new(format!("text_{n}"), DataType::Utf8, true));
    columns.extend(texts);
    let schema = Arc::new(Schema::new(columns));
    (0..tables).fold(SourceSchemas::new(), |all, index| {
        let name = format!("table_{index}");
        let identity = name.clone();
        all.with(name, Arc::clone(&schema), identity)
    })
}

fn table(text: &mut String, index: usize, tables: usize) {
    // Two earlier tables (the first ones refer to themselves and their neighbors).
    let (parent, other) = (index / 2, (index * 7 + 3) % tables.max(1));
    let mut say = |line: std::fmt::Arguments<'_>| {
        // Writing to a String cannot fail.
        let _ = text.write_fmt(line);
    };
    say(format_args!(
        "  table_{index}:
    label: Table {index}
    description: One row per thing of kind {index}.
    primary_key: [id]
    time: created_at
    fields:
      id: {{ type: integer, semantic: key }}
      parent_id: {{ type: integer, semantic: foreign_key }}
      other_id: {{ type: integer, semantic: foreign_key }}
      created_at: {{ type: datetime, semantic: created_at, label: Created }}
      amount: {{ type: \"decimal(12,2)\", semantic: money, unit: USD }}
      quantity: {{ type: integer, description: How many were moved }}
"
    ));
    for n in 0..10 {
        say(format_args!("      text_{n}: {{ type: text, label: Text {n} }}\n"));
    }
    say(format_args!(
        "      large: {{ expr: \"amount > 1000\" }}
      month: {{ expr: \"date_trunc('month', created_at)\" }}
      name: {{ expr: \"coalesce(text_0, parent.text_1, 'none')\" }}
      size: {{ expr: \"case when large then 'large' else lower(text_2) end\" }}
    measures:
      total: {{ expr: sum(amount) }}
      count: {{ expr: count(*) }}
      mean: {{ expr: sum(amount) / count(distinct parent_id) }}
    relationships:
      parent: {{ to: table_{parent}, on: {{ parent_id: id }}, cardinality: many_to_one }}
      other: {{ to: table_{other}, on: {{ other_id: id }}, cardinality: many_to_one }}
"
    ));
}

fn metric(text: &mut String, index: usize) {
    let _ = text.write_fmt(format_args!(
        "  metric_{index}:
    table: table_{index}
    expr: sum(amount * quantity) / count(*)
    filter: other.quantity > 0 and size <> 'large'
    label: Metric {index}
"
    ));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use sandbar_catalog::Definitions;

    use super::*;

    #[test]
    fn a_made_up_model_is_a_model() {
        let model = Definitions::from_yaml_str("model.yaml", &model_yaml(20));
        let snapshot = model.check(&sources(20)).unwrap_or_else(|report| panic!("{report}"));
        assert_eq!(snapshot.metrics().len(), 20);
        for table in snapshot.tables() {
            let parts = (table.fields.len(), table.measures.len(), table.relationships.len());
            assert_eq!(parts, (20, 3, 2), "{}", table.name);
        }
    }
}
