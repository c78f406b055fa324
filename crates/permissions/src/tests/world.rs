//! One small world: orders of people for products, and an internal table.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use sandbar_auth::{AttributeValue, Principal};
use sandbar_catalog::{Definitions, FieldPath, Snapshot, SourceSchemas, SourceText, TableId};

use crate::{Administrator, Grants, PolicyDefinitions, PolicySet};

const MODEL: &str = "
tables:
  orders:
    primary_key: [id]
    time: placed_on
    fields:
      id: {}
      user_id: {}
      product_id: {}
      state: {}
      total: {}
      discount: {}
      paid: {}
      weight: {}
      placed_on: {}
      note: {visibility: internal}
      net: {expr: total - discount}
      net_twice: {expr: net + net}
      buyer_state: {expr: customer.state}
      noted: {expr: note is not null}
    measures:
      revenue_sum: {expr: sum(total)}
      discounts: {expr: sum(discount)}
      rows: {expr: count(*)}
      buyer_states: {expr: count(distinct customer.state)}
    segments:
      big: {where: total > 100}
      big_net: {where: net > 100}
      western: {where: customer.state = 'CA'}
    relationships:
      customer: {to: people, on: {user_id: id}, cardinality: many_to_one}
      product: {to: products, on: {product_id: id}, cardinality: many_to_one}
  products:
    primary_key: [id]
    fields: {id: {}, category: {}, price: {}}
    relationships:
      sold: {to: orders, on: {id: product_id}, cardinality: one_to_many}
  people:
    primary_key: [id]
    description: everybody who ever bought something
    fields: {id: {}, name: {}, email: {}, state: {}, birth_date: {}}
  audit:
    visibility: internal
    fields: {id: {}, what: {}}
  states:
    query: {table: orders, group_by: [state]}
    collection: board
    fields: {state: {type: text}}
collections:
  finance: {}
  board: {parent: finance}
  marketing: {}
metrics:
  revenue: {table: orders, expr: sum(total), verified: true, synonyms: [turnover]}
  order_count: {table: orders, expr: count(*), verified: true, description: how many were placed}
  given_away: {table: orders, expr: sum(discount)}
  big_revenue: {table: orders, expr: sum(total), filter: discount = 0}
  western_buyers: {table: orders, expr: count(distinct customer.state)}
  margin: {table: orders, expr: avg(total), collection: board, verified: true}
  reach: {table: people, expr: count(*), collection: marketing}
";

const DECLARATIONS: &str = "
attributes:
  text: {type: text}
  integer: {type: integer}
  number: {type: number}
  boolean: {type: boolean}
  date: {type: date}
  texts: {type: text, list: true}
  integers: {type: integer, list: true}
  dates: {type: date, list: true}
groups: {a: {}, b: {}, c: {}}
policies:
  nothing: {groups: [c], grant: {tables: [products], level: none}}
";

/// The sources that every model of these tests may read.
pub(super) fn sources() -> SourceSchemas {
    let decimal = DataType::Decimal128(12, 2);
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    SourceSchemas::new()
        .with(
            "orders",
            schema(&[
                ("id", DataType::Int64),
                ("user_id", DataType::Int64),
                ("product_id", DataType::Int64),
                ("state", DataType::Utf8),
                ("total", decimal.clone()),
                ("discount", decimal.clone()),
                ("paid", DataType::Boolean),
                ("weight", DataType::Float64),
                ("placed_on", DataType::Date32),
                ("created_at", micros),
                ("note", DataType::Utf8),
            ]),
            "memory:orders",
        )
        .with(
            "products",
            schema(&[
                ("id", DataType::Int64),
                ("category", DataType::Utf8),
                ("price", decimal),
                ("vendor", DataType::Utf8),
            ]),
            "memory:products",
        )
        .with(
            "people",
            schema(&[
                ("id", DataType::Int64),
                ("name", DataType::Utf8),
                ("email", DataType::Utf8),
                ("state", DataType::Utf8),
                ("birth_date", DataType::Date32),
            ]),
            "memory:people",
        )
}

fn schema(columns: &[(&str, DataType)]) -> SchemaRef {
    let fields = columns.iter().map(|(name, data_type)| Field::new(*name, data_type.clone(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The model.
pub(super) fn snapshot() -> Arc<Snapshot> {
    let audit = schema(&[("id", DataType::Int64), ("what", DataType::Utf8)]);
    let sources = sources().with("audit", audit, "memory:audit");
    let definitions = Definitions::from_yaml_str("model.yaml", MODEL);
    Arc::new(definitions.check(&sources).unwrap_or_else(|report| panic!("{report}")))
}

/// Policies, one a line, over the declared attributes and groups.
pub(super) fn policies(snapshot: &Snapshot, lines: &[&str]) -> Arc<PolicySet> {
    let mut text = DECLARATIONS.to_owned();
    for (index, line) in lines.iter().enumerate() {
        text.push_str(&format!("  p{index}: {{{line}}}\n"));
    }
    let definitions = PolicyDefinitions::from_yaml([SourceText::new("policies.yaml", text)]);
    Arc::new(definitions.check(snapshot).unwrap_or_else(|report| panic!("{report}")))
}

/// A principal in these groups (a word each) with these attributes.
pub(super) fn who(groups: &str, attributes: &[(&str, AttributeValue)]) -> Principal {
    let mut builder = Principal::asserted_by_host("ana@shop.test");
    for group in groups.split_whitespace() {
        builder = builder.group(group);
    }
    for (name, value) in attributes {
        builder = builder.attribute(name, value.clone());
    }
    builder.build().unwrap()
}

/// What the principal sees under these policies.
pub(super) fn grants(lines: &[&str], principal: &Principal) -> Grants {
    let snapshot = snapshot();
    policies(&snapshot, lines).grants(&snapshot, principal)
}

/// What an administrator sees under these policies.
pub(super) fn all(lines: &[&str]) -> Grants {
    let snapshot = snapshot();
    policies(&snapshot, lines).all(&snapshot, &Administrator::asserted_by_host())
}

/// The table of that name, hidden or not.
pub(super) fn table(grants: &Grants, name: &str) -> TableId {
    grants.snapshot().find_table(name).unwrap()
}

/// The field `table.field` or `table.relationship.field`, hidden or not.
pub(super) fn path(grants: &Grants, name: &str) -> FieldPath {
    let (start, rest) = name.split_once('.').unwrap();
    let chain: Vec<&str> = rest.split('.').collect();
    grants.snapshot().resolve_field(table(grants, start), &chain).unwrap()
}
