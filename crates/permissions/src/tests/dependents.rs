//! What is computed from hidden things is hidden; collections hand their rights down.

use super::text::{cell, level, rows};
use super::world::{all, grants, path, table, who};
use crate::{Grants, Level};

const ORDERS: &str = "groups: [a], grant: {tables: [orders]}";
const PEOPLE: &str = "groups: [a], grant: {tables: [people]}";
const NO_DISCOUNT: &str = "deny: {tables: [orders], fields: [discount]}";
const NO_STATE: &str = "deny: {tables: [people], fields: [state]}";
const PEOPLE_DESCRIBED: &str = "groups: [a], grant: {tables: [people], level: describe}";

fn see(policies: &[&str]) -> Grants {
    grants(policies, &who("a", &[]))
}

/// How far access to a field, measure, segment or metric goes.
#[track_caller]
fn check(policies: &[&str], name: &str, expected: &str) {
    let grants = see(policies);
    let snapshot = grants.snapshot();
    let found = match name.split_once('.') {
        None => grants.metric_level(snapshot.find_metric(name).unwrap()),
        Some((start, member)) => {
            let table = snapshot.table(table(&grants, start));
            let measure = table.find_measure(member).map(|id| grants.measure_level(id));
            let segment = table.find_segment(member).map(|id| grants.segment_level(id));
            measure.or(segment).unwrap_or_else(|| grants.field_level(&path(&grants, name)))
        }
    };
    assert_eq!(level(found), expected, "{name}");
}

#[test]
fn calculated_fields_are_as_visible_as_their_inputs() {
    check(&[ORDERS], "orders.net", "query");
    check(&[ORDERS], "orders.net_twice", "query");
    check(&[ORDERS, NO_DISCOUNT], "orders.net", "none");
    check(&[ORDERS, NO_DISCOUNT], "orders.net_twice", "none");
    check(&[ORDERS, "deny: {tables: [orders], fields: [net]}"], "orders.net", "none");
    // A calculated field that is hidden for itself is a hidden input too.
    check(&[ORDERS, "deny: {tables: [orders], fields: [net]}"], "orders.net_twice", "none");
    check(&[ORDERS, "deny: {tables: [orders], fields: [net]}"], "orders.big_net", "none");
    check(&[ORDERS], "orders.buyer_state", "none");
    check(&[ORDERS, PEOPLE], "orders.buyer_state", "query");
    check(&[ORDERS, PEOPLE, NO_STATE], "orders.buyer_state", "none");
    check(&[ORDERS, PEOPLE_DESCRIBED], "orders.buyer_state", "describe");
    let only = "groups: [a], grant: {tables: [orders], fields: {only: [net]}}";
    check(&[only], "orders.net", "none");
    let with = "groups: [a], grant: {tables: [orders], fields: {only: [net, total, discount]}}";
    check(&[with], "orders.net", "query");
    check(&[with], "orders.net_twice", "none");
}

#[test]
fn measures_and_segments_are_as_visible_as_their_inputs() {
    check(&[], "orders.rows", "none");
    check(&[ORDERS], "orders.rows", "query");
    check(&[ORDERS], "orders.revenue_sum", "query");
    check(&[ORDERS, NO_DISCOUNT], "orders.discounts", "none");
    check(&[ORDERS, NO_DISCOUNT], "orders.revenue_sum", "query");
    check(&[ORDERS], "orders.buyer_states", "none");
    check(&[ORDERS, PEOPLE], "orders.buyer_states", "query");
    check(&[ORDERS], "orders.big", "query");
    check(&[ORDERS, NO_DISCOUNT], "orders.big", "query");
    check(&[ORDERS, NO_DISCOUNT], "orders.big_net", "none");
    check(&[ORDERS], "orders.western", "none");
    check(&[ORDERS, PEOPLE], "orders.western", "query");
    check(&[ORDERS, PEOPLE_DESCRIBED], "orders.western", "describe");
    check(&["groups: [a], grant: {tables: [orders], level: describe}"], "orders.rows", "describe");
    let grants = see(&[ORDERS, NO_DISCOUNT]);
    let orders = table(&grants, "orders");
    let measures: Vec<&str> = grants.measures(orders).map(|m| m.name.as_str()).collect();
    let segments: Vec<&str> = grants.segments(orders).map(|s| s.name.as_str()).collect();
    assert_eq!((measures, segments), (vec!["revenue_sum", "rows"], vec!["big"]));
}

#[test]
fn metrics_are_as_visible_as_their_inputs() {
    check(&[], "order_count", "none");
    check(&[ORDERS], "order_count", "query");
    check(&[ORDERS], "revenue", "query");
    check(&[ORDERS, "deny: {tables: [orders], fields: [total]}"], "revenue", "none");
    check(&[ORDERS, "deny: {tables: [orders], fields: [total]}"], "order_count", "query");
    // What a metric filters by is an input too.
    check(&[ORDERS, NO_DISCOUNT], "big_revenue", "none");
    check(&[ORDERS], "western_buyers", "none");
    check(&[ORDERS, PEOPLE], "western_buyers", "query");
    check(&[ORDERS, PEOPLE, NO_STATE], "western_buyers", "none");
    check(&["groups: [a], grant: {tables: [orders], level: describe}"], "revenue", "describe");
    check(&["groups: [a], grant: {metrics: [revenue]}"], "revenue", "none");
    check(
        &[ORDERS, "groups: [a], grant: {metrics: [revenue], level: describe}"],
        "revenue",
        "describe",
    );
}

#[test]
fn a_denied_metric_is_hidden_whoever_grants_it() {
    let granted = "groups: [a], grant: {metrics: [revenue]}";
    check(&[ORDERS, granted, "deny: {metrics: [revenue]}"], "revenue", "none");
    check(&[ORDERS, granted, "deny: {metrics: [revenue]}"], "order_count", "query");
    check(&[ORDERS, granted, "groups: [b], deny: {metrics: [revenue]}"], "revenue", "query");
}

#[test]
fn collections_hand_rights_and_denials_down_the_tree() {
    let finance = "groups: [a], grant: {collections: [finance]}";
    check(&[ORDERS], "margin", "none");
    check(&[ORDERS, finance], "margin", "query");
    check(&[ORDERS, "groups: [a], grant: {collections: [board]}"], "margin", "query");
    check(&[ORDERS, "groups: [a], grant: {collections: [marketing]}"], "margin", "none");
    check(&[ORDERS, "groups: [b], grant: {collections: [finance]}"], "margin", "none");
    check(
        &[ORDERS, "groups: [a], grant: {collections: [finance], level: describe}"],
        "margin",
        "describe",
    );
    check(&[finance], "margin", "none");
    check(&[ORDERS, "groups: [a], grant: {metrics: [margin]}"], "margin", "query");
    check(&[ORDERS, finance, "deny: {collections: [board]}"], "margin", "none");
    check(&[ORDERS, finance, "deny: {collections: [finance]}"], "margin", "none");
    check(&[ORDERS, finance, "deny: {metrics: [margin]}"], "margin", "none");
    check(&[ORDERS, finance, "deny: {collections: [marketing]}"], "margin", "query");
    let metric = "groups: [a], grant: {metrics: [margin]}";
    check(&[ORDERS, metric, "deny: {collections: [finance]}"], "margin", "none");
    // A grant below does not reach up, and a denial below does not either.
    check(&[PEOPLE, "groups: [a], grant: {collections: [board]}"], "reach", "none");
    check(&[PEOPLE, "groups: [a], grant: {collections: [marketing]}"], "reach", "query");
}

#[test]
fn a_denied_collection_hides_its_derived_tables() {
    let states = "groups: [a], grant: {tables: [orders, states]}";
    assert_eq!(rows(&see(&[states]), "states"), "everything");
    for denied in ["collections: [board]", "collections: [finance]", "tables: [states]"] {
        let deny = format!("deny: {{{denied}}}");
        assert_eq!(rows(&see(&[states, &deny]), "states"), "Absent", "{denied}");
        assert_eq!(rows(&see(&[states, &deny]), "orders"), "everything", "{denied}");
    }
    let elsewhere = "deny: {collections: [marketing]}";
    assert_eq!(rows(&see(&[states, elsewhere]), "states"), "everything");
}

#[test]
fn a_relationship_is_usable_iff_its_target_is_visible() {
    check(&[ORDERS], "orders.customer.state", "none");
    check(&[ORDERS, PEOPLE], "orders.customer.state", "query");
    check(&[PEOPLE], "orders.customer.state", "none");
    check(&[ORDERS, PEOPLE_DESCRIBED], "orders.customer.state", "describe");
    // The keys that it joins on need not be visible.
    let keyless = "deny: {tables: [orders], fields: [user_id]}";
    let idless = "deny: {tables: [people], fields: [id]}";
    check(&[ORDERS, PEOPLE, keyless, idless], "orders.customer.state", "query");
    check(&[ORDERS, PEOPLE, keyless, idless], "orders.customer.id", "none");
    let names = |policies: &[&str]| -> Vec<String> {
        let grants = see(policies);
        let orders = table(&grants, "orders");
        grants.relationships(orders).map(|r| r.name.clone()).collect()
    };
    assert_eq!(names(&[ORDERS, PEOPLE]), ["customer"]);
    assert_eq!(names(&[ORDERS]), Vec::<String>::new());
    assert_eq!(names(&[PEOPLE]), Vec::<String>::new(), "the table itself is hidden");
}

#[test]
fn internal_things_are_never_shown() {
    let everything = "groups: [a], grant: {tables: [orders, people, audit]}";
    let grants = see(&[everything]);
    assert_eq!(rows(&grants, "audit"), "Absent");
    assert_eq!(level(grants.table_level(table(&grants, "audit"))), "none");
    check(&[everything], "orders.note", "none");
    // A calculation over an internal field is the model's way to show something of it.
    check(&[everything], "orders.noted", "query");
    check(&[everything, "deny: {tables: [orders], fields: [note]}"], "orders.noted", "none");
}

#[test]
fn an_administrator_uses_everything() {
    let grants = all(&[
        "deny: {tables: [orders], fields: [discount], metrics: [revenue], collections: [finance]}",
    ]);
    for metric in grants.snapshot().metrics() {
        assert_eq!(grants.metric_level(metric.id), Level::Query, "{}", metric.name);
    }
    assert_eq!(grants.field_level(&path(&grants, "orders.net_twice")), Level::Query);
    assert_eq!(grants.field_level(&path(&grants, "orders.customer.state")), Level::Query);
    assert_eq!(cell(&grants, "orders.discount"), "clear");
}
