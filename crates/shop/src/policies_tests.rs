//! The model and the policies fit the tables, and show each asker what they say.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use sandbar_auth::Principal;
use sandbar_catalog::{Definitions, Snapshot, SourceSchemas, SourceText, TableId};
use sandbar_permissions::{
    Cell, Grants, Level, Mask, PolicyDefinitions, PolicySet, Refusal, RowFilter,
};

use crate::testing::shop;
use crate::{Asker, Attribute, MODEL, MODEL_NAME, POLICIES, POLICIES_NAME};

fn world() -> (Arc<Snapshot>, Arc<PolicySet>) {
    let shop = shop();
    let sources = shop.tables().fold(SourceSchemas::new(), |sources, (name, batch)| {
        sources.with(name, batch.schema(), format!("memory:{name}"))
    });
    let model = Definitions::from_yaml_str(MODEL_NAME, MODEL);
    let snapshot = model.check(&sources).unwrap_or_else(|report| panic!("{report}"));
    let policies = PolicyDefinitions::from_yaml([SourceText::new(POLICIES_NAME, POLICIES)]);
    let policies = policies.check(&snapshot).unwrap_or_else(|report| panic!("{report}"));
    (Arc::new(snapshot), Arc::new(policies))
}

fn principal(asker: &Asker) -> Principal {
    let mut builder = Principal::asserted_by_host(asker.email).email(asker.email);
    for group in asker.groups {
        builder = builder.group(group);
    }
    for (name, value) in asker.attributes {
        builder = match value {
            Attribute::Text(text) => builder.attribute(name, *text),
            Attribute::Texts(texts) => builder.attribute(name, texts.to_vec()),
        };
    }
    builder.build().unwrap()
}

pub(crate) fn grants(name: &str) -> Grants {
    let (snapshot, policies) = world();
    policies.grants(&snapshot, &principal(Asker::named(name).unwrap()))
}

fn table(grants: &Grants, name: &str) -> TableId {
    grants.snapshot().find_table(name).unwrap()
}

fn cell(grants: &Grants, of: &str, field: &str) -> Cell {
    let of = table(grants, of);
    let field = grants.snapshot().table(of).find_field(field).unwrap();
    grants.sandbox(of).unwrap().cell(field).clone()
}

fn rows(grants: &Grants, of: &str) -> RowFilter {
    grants.sandbox(table(grants, of)).unwrap().rows().clone()
}

#[track_caller]
fn check<'n>(found: impl Iterator<Item = &'n str>, expected: &str) {
    let found: Vec<&str> = found.collect();
    assert_eq!(found, expected.split_whitespace().collect::<Vec<_>>());
}

#[track_caller]
fn check_tables(grants: &Grants, expected: &str) {
    check(grants.tables().map(|t| t.name.as_str()), expected);
    assert!(grants.tables().all(|t| grants.table_level(t.id) == Level::Query));
}

#[track_caller]
fn check_metrics(grants: &Grants, expected: &str) {
    check(grants.metrics().map(|m| m.name.as_str()), expected);
    assert!(grants.metrics().all(|m| grants.metric_level(m.id) == Level::Query));
}

#[track_caller]
fn check_fields(grants: &Grants, of: &str, expected: &str) {
    check(grants.fields(table(grants, of)).map(|f| f.name.as_str()), expected);
}

const ALL_METRICS: &str = "revenue net_revenue discounted_revenue units_sold order_count \
    average_order discount_rate customers signups average_rating review_count positive_share";

#[test]
fn model_and_policies_check() {
    let (snapshot, policies) = world();
    assert_eq!((snapshot.tables().len(), policies.len()), (4, 10));
    assert!(snapshot.metrics().iter().all(|m| m.collection.is_some() && m.time().is_some()));
    assert!(snapshot.tables().iter().all(|t| t.description.is_some() && t.number <= 4));
    for asker in crate::ASKERS {
        assert_eq!(Asker::named(asker.name).unwrap().email, asker.email);
    }
}

#[test]
fn ana_sees_everything() {
    let ana = grants("ana");
    check_tables(&ana, "people products orders reviews");
    check_metrics(&ana, ALL_METRICS);
    for of in ["people", "products", "orders", "reviews"] {
        assert!(!ana.sandbox(table(&ana, of)).unwrap().is_narrowed(), "{of}");
    }
    // Not for anyone: the model does not have it.
    assert!(ana.find_field(table(&ana, "people"), &["password"]).is_err());
}

#[test]
fn wei_sees_people_and_orders_of_the_west() {
    let wei = grants("wei");
    check_tables(&wei, "people products orders reviews");
    check_metrics(&wei, ALL_METRICS);
    check_fields(
        &wei,
        "people",
        "id name email address city state zip latitude longitude source created_at",
    );
    assert_eq!(cell(&wei, "people", "email"), Cell::Masked(Mask::Prefix(3)));
    assert_eq!(cell(&wei, "people", "birth_date"), Cell::Hidden);
    assert_eq!(cell(&wei, "orders", "total"), Cell::Clear);
    assert!(matches!(rows(&wei, "people"), RowFilter::Where(_)));
    assert!(matches!(rows(&wei, "orders"), RowFilter::Where(_)));
    assert!(wei.find_field(table(&wei, "orders"), &["customer", "generation"]).is_err());
    assert!(wei.find_field(table(&wei, "orders"), &["customer", "state"]).is_ok());
}

#[test]
fn vic_sees_own_products_and_no_money() {
    let vic = grants("vic");
    check_tables(&vic, "products orders reviews");
    check_metrics(&vic, "units_sold order_count average_rating review_count positive_share");
    check_fields(&vic, "products", "id ean title category vendor rating created_at");
    check_fields(&vic, "orders", "id product_id quantity created_at");
    check_fields(&vic, "reviews", "id product_id reviewer rating body created_at positive");
    let orders = table(&vic, "orders");
    check(vic.relationships(orders).map(|r| r.name.as_str()), "product");
    check(vic.segments(orders).map(|s| s.name.as_str()), "bulk");
    check(
        vic.measures(orders).map(|m| m.name.as_str()),
        "orders_placed units units_per_order bulk_orders",
    );
    for of in ["products", "orders", "reviews"] {
        assert!(matches!(rows(&vic, of), RowFilter::Where(_)), "{of}");
    }
    assert!(vic.find_table("people").is_err());
    let suggested = format!("{:?}", vic.find_metric("revenue").unwrap_err());
    assert!(!suggested.contains("revenue"), "{suggested}");
}

#[test]
fn nia_sees_nothing_and_is_told_which_attribute_is_missing() {
    let nia = grants("nia");
    check_tables(&nia, "");
    check_metrics(&nia, "");
    let missing = || Err(Refusal::MissingAttribute("states".to_owned()));
    for of in ["people", "products", "orders", "reviews"] {
        assert_eq!(nia.may_query(table(&nia, of)), missing(), "{of}");
    }
    for metric in ["revenue", "units_sold", "customers", "signups", "average_rating"] {
        let id = nia.snapshot().find_metric(metric).unwrap();
        assert_eq!(nia.may_ask(id), missing(), "{metric}");
    }
}

#[test]
fn an_empty_list_of_states_shows_no_row_of_any_table() {
    let (snapshot, policies) = world();
    let nobody = Principal::asserted_by_host("nia@shop.test")
        .group("regional")
        .attribute("states", Vec::<&str>::new())
        .build()
        .unwrap();
    let grants = policies.grants(&snapshot, &nobody);
    for of in ["people", "products", "orders", "reviews"] {
        assert_eq!(rows(&grants, of), RowFilter::Never, "{of}");
    }
}
