//! Fields that metrics read with their authors' rights: they are lifted, and neither rows nor tables
//! nor anything else.

use std::sync::Arc;

use sandbar_catalog::{Definitions, MetricId, Snapshot};

use super::world::{policies, sources, who};
use crate::{Cell, Grants, Level, Mask, Refusal};

const MODEL: &str = "
tables:
  orders:
    primary_key: [id]
    fields: { id: {}, user_id: {}, state: {}, total: {}, discount: {}, net: { expr: 'coalesce(discount, total)' } }
    relationships: { customer: { to: people, on: { user_id: id }, cardinality: many_to_one } }
  people: { primary_key: [id], fields: { id: {}, name: {}, state: {} } }
  products: { primary_key: [id], fields: { id: {} } }
collections: { board: {} }
metrics:
  open: { table: orders, expr: sum(total) }
  lifted: { table: orders, expr: sum(total), filter: state = 'CA', definer: true, min_group_size: 5 }
  names: { table: orders, expr: count(distinct customer.name), definer: true, min_group_size: 5 }
  net: { table: orders, expr: sum(net), definer: true, min_group_size: 5 }
  kept: { table: orders, expr: sum(total), definer: true, min_group_size: 5, collection: board }
  over: { derived: lifted / kept }
";

const ORDERS: &str =
    "groups: [a], grant: {tables: [orders], rows: state = 'CA', fields: {only: [id]}}";
const PEOPLE: &str = "groups: [a], grant: {tables: [people], masks: {name: {prefix: 1}}}";

fn grants(lines: &[&str]) -> (Grants, Arc<Snapshot>) {
    let definitions = Definitions::from_yaml_str("model.yaml", MODEL);
    let snapshot = Arc::new(definitions.check(&sources()).unwrap_or_else(|r| panic!("{r}")));
    (policies(&snapshot, lines).grants(&snapshot, &who("a", &[])), snapshot)
}

fn metric(snapshot: &Snapshot, name: &str) -> MetricId {
    snapshot.find_metric(name).unwrap()
}

/// The levels of all metrics, by their first letters.
#[track_caller]
fn check(lines: &[&str], expected: &str) {
    let (grants, snapshot) = grants(lines);
    let seen = snapshot.metrics().iter().filter(|m| grants.metric_level(m.id) == Level::Query);
    assert_eq!(seen.map(|m| m.name.as_str()).collect::<Vec<_>>().join(" "), expected);
}

#[test]
fn l29_fields_are_lifted_and_tables_are_not() {
    check(&[ORDERS], "lifted net");
    check(&[ORDERS, PEOPLE], "lifted names net");
    check(&[PEOPLE], "");
    check(&[ORDERS, PEOPLE, "deny: {tables: [people]}"], "lifted net");
    // A denial of the field is one for who names it; one of the metric hides it.
    check(&[ORDERS, "deny: {tables: [orders], fields: [total, state]}"], "lifted net");
    check(&[ORDERS, "deny: {metrics: [lifted]}"], "net");
    check(&[ORDERS, "groups: [a], grant: {collections: [board]}"], "lifted net kept over");
    check(
        &[ORDERS, "groups: [a], grant: {collections: [board]}", "deny: {metrics: [lifted]}"],
        "net kept",
    );
    check(&["groups: [a], grant: {tables: [orders], level: describe}"], "");
}

#[test]
fn l29_a_sandbox_lifts_what_the_metrics_read_and_nothing_else() {
    let (grants, snapshot) = grants(&[ORDERS, PEOPLE]);
    let orders = snapshot.find_table("orders").unwrap();
    let people = snapshot.find_table("people").unwrap();
    let lifts = |table, metrics: &[&str]| {
        let metrics: Vec<MetricId> = metrics.iter().map(|name| metric(&snapshot, name)).collect();
        let sandbox = grants.sandbox_for(table, &metrics).unwrap();
        // Rows and cells are as without.
        let plain = grants.sandbox(table).unwrap();
        assert_eq!(sandbox.rows(), plain.rows());
        let fields = &snapshot.table(table).fields;
        assert!(fields.iter().all(|field| sandbox.cell(field.id) == plain.cell(field.id)));
        let lifted = fields.iter().filter(|field| sandbox.lifts(field.id));
        lifted.map(|field| field.name.as_str()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(lifts(orders, &[]), "");
    assert_eq!(lifts(orders, &["lifted"]), "state total");
    assert_eq!(lifts(orders, &["net"]), "total discount");
    assert_eq!(lifts(people, &["lifted"]), "");
    assert_eq!(lifts(people, &["names"]), "name");
    assert!(!grants.sandbox(orders).unwrap().lifts(snapshot.table(orders).fields[3].id));
    let name = snapshot.table(people).find_field("name").unwrap();
    let sandbox = grants.sandbox_for(people, &[metric(&snapshot, "names")]).unwrap();
    assert_eq!(sandbox.cell(name), &Cell::Masked(Mask::Prefix(1)));
}

#[test]
fn l29_who_may_not_ask_lifts_nothing() {
    let (grants, snapshot) = grants(&[ORDERS, PEOPLE]);
    let orders = snapshot.find_table("orders").unwrap();
    for name in ["open", "kept", "over"] {
        let refused = grants.sandbox_for(orders, &[metric(&snapshot, name)]);
        assert_eq!(refused.err(), Some(Refusal::Absent), "{name}");
    }
    let products = snapshot.find_table("products").unwrap();
    let refused = grants.sandbox_for(products, &[metric(&snapshot, "lifted")]);
    assert_eq!(refused.err(), Some(Refusal::Absent));
}
