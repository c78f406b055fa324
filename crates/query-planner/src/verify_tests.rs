//! The third lock, tried: plans that were proven are tampered with, and each must be refused.

use std::cell::Cell;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use datafusion_common::ScalarValue;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_expr::logical_plan::builder::LogicalTableSource;
use datafusion_expr::{
    Expr, Filter, Limit, LogicalPlan, Projection, TableSource, Union, Values, lit,
};
use jiff::Timestamp;
use sandbar_auth::{AttributeValue, Principal};
use sandbar_catalog::query::SemanticQuery;
use sandbar_catalog::{Definitions, SourceSchemas, SourceText};
use sandbar_permissions::PolicyDefinitions;

use crate::verify::verify;
use crate::{Compiled, MaskKey, QueryError, QueryPlan, Shield, authorize, plan, resolve};

const MODEL: &str = "
tables:
  items:
    primary_key: [id]
    fields: { id: {}, tenant: {}, amount: {}, office_id: {}, twice: { expr: amount * 2 } }
    relationships:
      office: { to: offices, on: { office_id: id }, cardinality: many_to_one }
  offices: { primary_key: [id], fields: { id: {}, state: {} } }
";

const POLICIES: &str = "
attributes: { tenant: { type: text }, tenants: { type: text, list: true } }
groups:
  { all: {}, own: {}, both: {}, joint: {}, related: {}, set: {}, none: {}, goes: {}, either: {} }
policies:
  offices:
    groups: [all, own, both, joint, related, set, none, either]
    grant: { tables: [offices] }
  all: { groups: [all, goes], grant: { tables: [items] } }
  goes:
    groups: [goes]
    grant: { tables: [offices], rows: state = attribute.tenant, propagate: true }
  either:
    groups: [either]
    grant: { tables: [items], rows: office.state = attribute.tenant or office.state = 'b' }
  own: { groups: [own, both], grant: { tables: [items], rows: tenant = attribute.tenant } }
  some: { groups: [both], restrict: { tables: [items], rows: amount > 5 } }
  joint:
    groups: [joint]
    grant: { tables: [items], rows: tenant = attribute.tenant and amount > 5 }
  related: { groups: [related], grant: { tables: [items], rows: office.state = attribute.tenant } }
  set:
    groups: [set]
    grant:
      tables: [items]
      rows: office_id in (select id from offices where state = attribute.tenant)
  none: { groups: [none], grant: { tables: [items], rows: tenant in (attribute.tenants) } }
";

const LIST: &str = r#"{"table": "items", "fields": ["id", "amount"]}"#;
const JOINED: &str = r#"{"table": "items", "fields": ["id", "office.state"]}"#;
/// With a condition that can fail, so that a barrier stands below it.
const FAILING: &str = r#"{"table": "items", "fields": ["id"],
    "filter": {"field": "twice", "op": ">", "value": 5}}"#;

/// The plan of a question for somebody in one group.
fn planned(group: &str, question: &str, shield: Shield) -> QueryPlan {
    let integer = |name: &str| Field::new(name, DataType::Int64, false);
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let items =
        Schema::new(vec![integer("id"), text("tenant"), integer("amount"), integer("office_id")]);
    let offices = Schema::new(vec![integer("id"), text("state")]);
    let (items, offices) = (Arc::new(items), Arc::new(offices));
    let schemas = SourceSchemas::new().with("items", Arc::clone(&items), "items").with(
        "offices",
        Arc::clone(&offices),
        "offices",
    );
    let snapshot = Definitions::from_yaml_str("model.yaml", MODEL).check(&schemas).unwrap();
    let snapshot = Arc::new(snapshot);
    let source = |name: &str| -> Option<Arc<dyn TableSource>> {
        let schema = if name == "items" { &items } else { &offices };
        Some(Arc::new(LogicalTableSource::new(Arc::clone(schema))))
    };
    let compiled = Compiled::new(Arc::clone(&snapshot), &source, MaskKey::new([7; 32])).unwrap();
    let policies = PolicyDefinitions::from_yaml([SourceText::new("policies.yaml", POLICIES)]);
    let policies = Arc::new(policies.check(&snapshot).unwrap());
    let mallory = Principal::asserted_by_host("mallory")
        .group(group)
        .attribute("tenant", "a")
        .attribute("tenants", AttributeValue::List(Vec::new()))
        .build()
        .unwrap();
    let grants = policies.grants(&snapshot, &mallory);
    let question = SemanticQuery::from_json(question).unwrap();
    let resolved = resolve(&question, &grants, &compiled, Timestamp::UNIX_EPOCH).unwrap();
    let authorized = authorize(resolved, &grants).unwrap();
    plan(&authorized, &compiled, 100, shield).unwrap()
}

fn open(group: &str, question: &str) -> QueryPlan {
    planned(group, question, Shield::Open)
}

/// The plan with every node replaced for which there is a replacement; there must be one.
fn changed(
    planned: &QueryPlan,
    replace: impl Fn(&LogicalPlan) -> Option<LogicalPlan>,
) -> LogicalPlan {
    let count = Cell::new(0);
    let changed = planned.logical().clone().transform_up(|node| {
        Ok(match replace(&node) {
            Some(other) => {
                count.set(count.get() + 1);
                Transformed::yes(other)
            }
            None => Transformed::no(node),
        })
    });
    assert!(count.get() > 0, "nothing was tampered with: {}", planned.logical().display_indent());
    changed.unwrap().data
}

/// The plan is proven as it was made, and refused as it was tampered with.
#[track_caller]
fn refused(planned: &QueryPlan, tampered: &LogicalPlan, why: &str) {
    verify(planned.logical(), planned.guards()).unwrap();
    match verify(tampered, planned.guards()) {
        Err(QueryError::Internal(told)) => assert!(told.contains(why), "`{why}` is not in {told}"),
        other => panic!("{other:?}: {}", tampered.display_indent()),
    }
}

/// A scan as it stands in a plan, with nothing above it.
fn bare_scan(plan: &LogicalPlan) -> LogicalPlan {
    match plan {
        LogicalPlan::TableScan(_) => plan.clone(),
        other => bare_scan(other.inputs()[0]),
    }
}

fn is_scan(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::TableScan(_))
}

#[test]
fn what_is_planned_is_proven() {
    for group in ["all", "own", "both", "related", "set", "none", "goes", "either"] {
        for question in [LIST, JOINED, FAILING] {
            for shield in [Shield::Open, Shield::Barrier, Shield::Sealed] {
                let planned = planned(group, question, shield);
                verify(planned.logical(), planned.guards()).unwrap();
            }
        }
    }
}

#[test]
fn a_filter_is_dropped() {
    for group in ["own", "both"] {
        let planned = open(group, LIST);
        let tampered = changed(&planned, |node| match node {
            LogicalPlan::Filter(filter) => Some(filter.input.as_ref().clone()),
            _ => None,
        });
        refused(&planned, &tampered, "`items` is scanned without its policy");
    }
}

#[test]
fn a_filter_says_something_else() {
    let planned = open("own", LIST);
    for other in [lit(true), planned.guards()[0].policy()[0].clone().or(lit(true))] {
        let tampered = changed(&planned, |node| match node {
            LogicalPlan::Filter(filter) => {
                let mut filter = filter.clone();
                filter.predicate = other.clone();
                Some(LogicalPlan::Filter(filter))
            }
            _ => None,
        });
        refused(&planned, &tampered, "`items` is scanned without its policy");
    }
}

#[test]
fn one_of_two_conditions_is_dropped() {
    for group in ["both", "joint"] {
        let planned = open(group, LIST);
        for second in [false, true] {
            let tampered = changed(&planned, |node| match node {
                LogicalPlan::Filter(filter) => {
                    let mut filter = filter.clone();
                    let Expr::BinaryExpr(both) = &filter.predicate else { return None };
                    let kept = if second { &both.right } else { &both.left };
                    filter.predicate = kept.as_ref().clone();
                    Some(LogicalPlan::Filter(filter))
                }
                _ => None,
            });
            refused(&planned, &tampered, "`items` is scanned without its policy");
        }
    }
}

#[test]
fn a_filter_stands_above_what_is_shown() {
    // There the same name can mean a masked or a computed value.
    let planned = open("own", LIST);
    let tampered = changed(&planned, |node| match node {
        LogicalPlan::Filter(filter) if is_scan(&filter.input) => {
            let fields = filter.input.schema().columns().into_iter().map(Expr::Column).collect();
            let shown = Projection::try_new(fields, Arc::clone(&filter.input)).unwrap();
            let mut filter = filter.clone();
            filter.input = Arc::new(LogicalPlan::Projection(shown));
            Some(LogicalPlan::Filter(filter))
        }
        _ => None,
    });
    refused(&planned, &tampered, "`items` is scanned without its policy");
}

#[test]
fn a_barrier_is_removed() {
    for (group, question) in
        [("own", FAILING), ("related", LIST), ("set", LIST), ("goes", LIST), ("either", LIST)]
    {
        let planned = open(group, question);
        let tampered = changed(&planned, |node| match node {
            LogicalPlan::Extension(barrier) => Some(barrier.node.inputs()[0].clone()),
            _ => None,
        });
        refused(&planned, &tampered, "is scanned without its policy");
    }
}

#[test]
fn a_scan_has_a_limit_or_a_filter_of_its_own() {
    let planned = open("own", LIST);
    let limited = changed(&planned, |node| match node {
        LogicalPlan::TableScan(scan) => {
            let mut scan = scan.clone();
            scan.fetch = Some(1);
            Some(LogicalPlan::TableScan(scan))
        }
        _ => None,
    });
    refused(&planned, &limited, "a scan filters by itself");
    let filtered = changed(&planned, |node| match node {
        LogicalPlan::TableScan(scan) => {
            let mut scan = scan.clone();
            scan.filters = planned.guards()[0].policy().to_vec();
            Some(LogicalPlan::TableScan(scan))
        }
        _ => None,
    });
    refused(&planned, &filtered, "a scan filters by itself");
}

#[test]
fn a_second_scan_is_added() {
    for (group, question) in [("own", LIST), ("all", LIST), ("related", JOINED), ("set", LIST)] {
        let planned = open(group, question);
        let whole = planned.logical();
        // A bare one, and one that has its policy and was not asked for.
        for more in [bare_scan(whole), whole.clone()] {
            let inputs = vec![Arc::new(whole.clone()), Arc::new(more)];
            let schema = Arc::clone(whole.schema());
            let tampered = LogicalPlan::Union(Union { inputs, schema });
            refused(&planned, &tampered, "is scanned without its policy");
        }
    }
}

#[test]
fn a_join_has_no_key() {
    for (group, question) in
        [("all", JOINED), ("own", JOINED), ("related", LIST), ("set", LIST), ("goes", LIST)]
    {
        let planned = open(group, question);
        let tampered = changed(&planned, |node| match node {
            LogicalPlan::Join(join) => {
                let mut join = join.clone();
                join.on.clear();
                Some(LogicalPlan::Join(join))
            }
            _ => None,
        });
        refused(&planned, &tampered, "a join without a key");
    }
}

#[test]
fn a_filter_that_nothing_passes_is_dropped() {
    let planned = open("none", LIST);
    assert!(planned.guards()[0].never());
    let tampered = changed(&planned, |node| match node {
        LogicalPlan::Filter(filter) => Some(filter.input.as_ref().clone()),
        _ => None,
    });
    refused(&planned, &tampered, "`items` is scanned without its policy");
}

/// Rows that have a partner are told from others, and all of them stay.
#[test]
fn a_test_of_a_mark_is_dropped_or_says_something_else() {
    for group in ["goes", "either"] {
        let planned = open(group, LIST);
        let of_marks = |filter: &Filter| filter.predicate.to_string().contains("policy.");
        let dropped = changed(&planned, |node| match node {
            LogicalPlan::Filter(filter) if of_marks(filter) => Some(filter.input.as_ref().clone()),
            _ => None,
        });
        refused(&planned, &dropped, "`items` is scanned without its policy");
        let either = changed(&planned, |node| match node {
            LogicalPlan::Filter(filter) if of_marks(filter) => {
                let mut filter = filter.clone();
                filter.predicate = filter.predicate.or(lit(true));
                Some(LogicalPlan::Filter(filter))
            }
            _ => None,
        });
        refused(&planned, &either, "`items` is scanned without its policy");
    }
}

#[test]
fn one_of_two_joins_with_a_policys_table_is_dropped() {
    let planned = open("either", LIST);
    let count = Cell::new(0);
    let tampered = changed(&planned, |node| {
        let LogicalPlan::Projection(shown) = node else { return None };
        let LogicalPlan::Join(join) = &*shown.input else { return None };
        count.set(count.get() + 1);
        let whole = join.left.schema().columns().into_iter().map(Expr::Column);
        let mark = Expr::Literal(ScalarValue::Boolean(Some(true)), None);
        let mark = mark.alias(shown.schema.field(shown.schema.fields().len() - 1).name());
        let shown = whole.chain([mark]).collect();
        (count.get() == 2).then(|| {
            LogicalPlan::Projection(Projection::try_new(shown, Arc::clone(&join.left)).unwrap())
        })
    });
    refused(&planned, &tampered, "`items` is scanned without its policy");
}

#[test]
fn a_policys_table_is_dropped() {
    let planned = open("related", LIST);
    let tampered = changed(&planned, |node| match node {
        LogicalPlan::Join(join) => Some(join.left.as_ref().clone()),
        _ => None,
    });
    refused(&planned, &tampered, "`items` is scanned without its policy");
}

#[test]
fn a_scan_is_lost() {
    let planned = open("own", LIST);
    let tampered = changed(&planned, |node| match node {
        LogicalPlan::Union(_) | LogicalPlan::Extension(_) => None,
        node if is_scan(node) => {
            let nothing = Union { inputs: Vec::new(), schema: Arc::clone(node.schema()) };
            Some(LogicalPlan::Union(nothing))
        }
        _ => None,
    });
    refused(&planned, &tampered, "the scan of `items` is lost");
}

#[test]
fn l52_rows_are_cut_before_the_policy_has_seen_them() {
    let planned = open("own", LIST);
    let tampered = changed(&planned, |node| match node {
        LogicalPlan::Limit(_) => None,
        node if is_scan(node) => {
            let (skip, fetch) = (None, Some(Box::new(lit(1_i64))));
            let input = Arc::new(node.clone());
            Some(LogicalPlan::Limit(Limit { skip, fetch, input }))
        }
        _ => None,
    });
    refused(&planned, &tampered, "`items` is scanned without its policy");
}

#[test]
fn a_node_is_of_a_kind_that_is_not_planned() {
    let planned = open("own", LIST);
    let tampered = changed(&planned, |node| {
        is_scan(node).then(|| {
            let schema = Arc::clone(node.schema());
            LogicalPlan::Values(Values { schema, values: Vec::new() })
        })
    });
    refused(&planned, &tampered, "an unexpected node");
}
