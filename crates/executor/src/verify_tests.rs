//! The third lock, second half, tried: physical plans that were proven are tampered with, and each
//! must be refused.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{JoinType, ScalarValue};
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};
use jiff::Timestamp;
use sandbar_auth::{AttributeValue, Principal};
use sandbar_catalog::query::SemanticQuery;
use sandbar_catalog::{Definitions, SourceSchemas, SourceText};
use sandbar_permissions::PolicyDefinitions;
use sandbar_query_planner::{Compiled, MaskKey, QueryPlan, Shield, authorize, plan, resolve};

use crate::barrier::{BarrierPlanner, SecurityBarrierExec};
use crate::source::{SourceSpec, Sources};
use crate::verify::{lies_within, verify};
use crate::{Executor, Place, RunError};

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
groups: { all: {}, own: {}, both: {}, related: {}, set: {}, none: {} }
policies:
  offices: { groups: [all, own, both, related, set, none], grant: { tables: [offices] } }
  all: { groups: [all], grant: { tables: [items] } }
  own: { groups: [own, both], grant: { tables: [items], rows: tenant = attribute.tenant } }
  some: { groups: [both], restrict: { tables: [items], rows: amount > 5 } }
  related: { groups: [related], grant: { tables: [items], rows: office.state = attribute.tenant } }
  set:
    groups: [set]
    grant:
      tables: [items]
      rows: office_id in (select id from offices where state = attribute.tenant)
  none: { groups: [none], grant: { tables: [items], rows: tenant in (attribute.tenants) } }
";

const LIST: &str = r#"{"table": "items", "fields": ["id", "tenant", "amount"]}"#;
const JOINED: &str = r#"{"table": "items", "fields": ["id", "office.state"]}"#;
/// With a condition that can fail, so that a barrier stands below it.
const FAILING: &str = r#"{"table": "items", "fields": ["id"],
    "filter": {"field": "twice", "op": ">", "value": 5}}"#;

type Node = Arc<dyn ExecutionPlan>;

/// A question planned twice, and all that its proof needs.
struct Made {
    plan: QueryPlan,
    optimised: LogicalPlan,
    physical: Node,
    state: SessionState,
    sources: Sources,
}

fn rows() -> BTreeMap<String, SourceSpec> {
    let whole = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as _;
    let text = |values: Vec<&str>| Arc::new(StringArray::from(values)) as _;
    let items = RecordBatch::try_from_iter([
        ("id", whole(vec![1, 2, 3])),
        ("tenant", text(vec!["a", "b", "a"])),
        ("amount", whole(vec![3, 6, 9])),
        ("office_id", whole(vec![1, 2, 2])),
    ]);
    let offices =
        RecordBatch::try_from_iter([("id", whole(vec![1, 2])), ("state", text(vec!["a", "b"]))]);
    let spec = |batch: RecordBatch| {
        let schema = batch.schema();
        SourceSpec::Batches { schema, batches: vec![batch] }
    };
    BTreeMap::from([
        ("items".to_owned(), spec(items.unwrap())),
        ("offices".to_owned(), spec(offices.unwrap())),
    ])
}

/// The plans of a question for somebody in one group.
async fn made(group: &str, question: &str, shield: Shield) -> Made {
    let state = Executor::session_state(None, usize::MAX, None, Default::default()).unwrap();
    let opened = Sources::open(&state, rows()).await.unwrap();
    let schemas = opened.iter().fold(SourceSchemas::new(), |all, (name, schema, identity)| {
        all.with(name, Arc::clone(schema), identity)
    });
    let snapshot = Definitions::from_yaml_str("model.yaml", MODEL).check(&schemas).unwrap();
    let snapshot = Arc::new(snapshot);
    let executor = Executor::new(state.clone(), opened, Place::default());
    let source = |name: &str| executor.scan_source(name);
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
    let plan = plan(&authorized, &compiled, 100, shield).unwrap();
    let optimised = state.optimize(plan.logical()).unwrap();
    let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(BarrierPlanner)]);
    let physical = planner.create_physical_plan(&optimised, &state).await.unwrap();
    let sources = Sources::open(&state, rows()).await.unwrap();
    Made { plan, optimised, physical, state, sources }
}

async fn open(group: &str, question: &str) -> Made {
    made(group, question, Shield::Open).await
}

fn shown(plan: &Node) -> String {
    datafusion::physical_plan::displayable(plan.as_ref()).indent(false).to_string()
}

impl Made {
    fn proof(&self, physical: &Node) -> Result<(), RunError> {
        verify(physical, &self.optimised, &self.plan, &self.state, &self.sources)
    }

    /// The plan with every node replaced for which there is a replacement; there must be one.
    fn changed(&self, replace: impl Fn(&Node) -> Option<Node>) -> Node {
        let count = Cell::new(0);
        let changed = Arc::clone(&self.physical).transform_up(|node| {
            Ok(match replace(&node) {
                Some(other) => {
                    count.set(count.get() + 1);
                    Transformed::yes(other)
                }
                None => Transformed::no(node),
            })
        });
        assert!(count.get() > 0, "nothing was tampered with: {}", shown(&self.physical));
        changed.unwrap().data
    }

    /// The plan is proven as it was made, and refused as it was tampered with.
    #[track_caller]
    fn refused(&self, tampered: &Node, why: &str) {
        self.proof(&self.physical).unwrap();
        match self.proof(tampered) {
            Err(RunError::Unproven(told)) => {
                assert!(told.contains(why), "`{why}` is not in {told}");
            }
            other => panic!("{other:?}: {}", shown(tampered)),
        }
    }

    /// What reads the first table, with nothing above it.
    fn bare_leaf(&self) -> Node {
        let mut node = &self.physical;
        while let Some(child) = node.children().first() {
            node = child;
        }
        Arc::clone(node)
    }
}

fn child(node: &Node) -> Node {
    Arc::clone(node.children()[0])
}

/// A plan with the other side in place of each join that reads a table.
fn without(plan: &LogicalPlan, table: &str) -> LogicalPlan {
    let reads = |plan: &LogicalPlan| plan.display_indent().to_string().contains(table);
    let changed = plan.clone().transform_up(|node| {
        Ok(match &node {
            LogicalPlan::Join(join) if reads(&join.left) => {
                Transformed::yes(join.right.as_ref().clone())
            }
            LogicalPlan::Join(join) if reads(&join.right) => {
                Transformed::yes(join.left.as_ref().clone())
            }
            _ => Transformed::no(node),
        })
    });
    let changed = changed.unwrap().data;
    assert!(reads(plan) && !reads(&changed));
    changed
}

/// A filter of the same shape with another condition.
fn filter(node: &FilterExec, predicate: Arc<dyn PhysicalExpr>, input: Node) -> Node {
    let projection = node.projection().as_ref().map(|columns| columns.to_vec());
    let builder = FilterExecBuilder::new(predicate, input);
    Arc::new(builder.apply_projection(projection).unwrap().build().unwrap())
}

fn always() -> Arc<dyn PhysicalExpr> {
    Arc::new(Literal::new(ScalarValue::Boolean(Some(true))))
}

#[tokio::test]
async fn what_is_planned_is_proven() {
    for group in ["all", "own", "both", "related", "set", "none"] {
        for question in [LIST, JOINED, FAILING] {
            for shield in [Shield::Open, Shield::Barrier, Shield::Sealed] {
                let made = made(group, question, shield).await;
                made.proof(&made.physical).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_filter_is_dropped() {
    for group in ["own", "both"] {
        let made = open(group, LIST).await;
        let tampered = made.changed(|node| node.is::<FilterExec>().then(|| child(node)));
        made.refused(&tampered, "the policy over `items` is not found");
    }
}

#[tokio::test]
async fn a_filter_says_something_else() {
    let made = open("own", LIST).await;
    let tampered = made.changed(|node| {
        let old = node.downcast_ref::<FilterExec>()?;
        Some(filter(old, always(), child(node)))
    });
    made.refused(&tampered, "the policy over `items` is not found");
}

#[tokio::test]
async fn a_filter_speaks_of_another_column() {
    // The plan is that of somebody who sees other rows, by a condition of the same form.
    let made = open("own", LIST).await;
    let tampered = made.changed(|node| {
        let old = node.downcast_ref::<FilterExec>()?;
        let moved = Arc::clone(old.predicate()).transform(|part| {
            Ok(match part.downcast_ref::<Column>() {
                Some(column) if column.name() == "tenant" => {
                    Transformed::yes(Arc::new(Column::new("id", 0)) as Arc<dyn PhysicalExpr>)
                }
                _ => Transformed::no(part),
            })
        });
        let names = child(node).schema();
        assert_eq!(names.field(0).name(), "id");
        Some(filter(old, moved.unwrap().data, child(node)))
    });
    made.refused(&tampered, "the policy over `items` is not found");
}

#[tokio::test]
async fn one_of_two_conditions_is_dropped() {
    use datafusion::physical_expr::split_conjunction;
    let made = open("both", LIST).await;
    for kept in 0..2 {
        let tampered = made.changed(|node| {
            let old = node.downcast_ref::<FilterExec>()?;
            let parts = split_conjunction(old.predicate());
            assert_eq!(parts.len(), 2);
            Some(filter(old, Arc::clone(parts[kept]), child(node)))
        });
        made.refused(&tampered, "the policy over `items` is not found");
    }
}

#[tokio::test]
async fn a_filter_reads_a_computed_column_of_the_same_name() {
    let made = open("own", LIST).await;
    let tampered = made.changed(|node| {
        let old = node.downcast_ref::<FilterExec>()?;
        let input = child(node);
        let columns = input
            .schema()
            .fields()
            .iter()
            .enumerate()
            .map(|(index, field)| {
                let tenant =
                    Arc::new(Literal::new(ScalarValue::from("a"))) as Arc<dyn PhysicalExpr>;
                let column = Arc::new(Column::new(field.name(), index));
                let expr = if field.name() == "tenant" { tenant } else { column };
                ProjectionExpr::new(expr, field.name().clone())
            })
            .collect::<Vec<_>>();
        let all_are_a = Arc::new(ProjectionExec::try_new(columns, input).unwrap());
        Some(filter(old, Arc::clone(old.predicate()), all_are_a))
    });
    made.refused(&tampered, "the policy over `items` is not found");
}

#[tokio::test]
async fn a_barrier_is_removed() {
    for (group, question) in [("own", FAILING), ("related", LIST), ("set", LIST)] {
        let made = open(group, question).await;
        let tampered = made.changed(|node| node.is::<SecurityBarrierExec>().then(|| child(node)));
        made.refused(&tampered, "is not found");
    }
}

#[tokio::test]
async fn a_limit_stands_below_a_policy() {
    let made = open("own", LIST).await;
    let below = |limit: &dyn Fn(Node) -> Node| {
        made.changed(|node| {
            let old = node.downcast_ref::<FilterExec>()?;
            Some(filter(old, Arc::clone(old.predicate()), limit(child(node))))
        })
    };
    let why = "a limit stands below a policy";
    made.refused(&below(&|node| Arc::new(GlobalLimitExec::new(node, 0, Some(1)))), why);
    made.refused(&below(&|node| Arc::new(LocalLimitExec::new(node, 1))), why);
    made.refused(&below(&|node| node.with_fetch(Some(1)).unwrap()), why);
}

#[tokio::test]
async fn more_is_read_than_was_planned() {
    for (group, question) in [("own", LIST), ("all", LIST), ("related", JOINED), ("set", LIST)] {
        let made = open(group, question).await;
        // A bare one, and one that has its policy and was not asked for.
        let twice = UnionExec::try_new(vec![made.physical.clone(), made.physical.clone()]);
        made.refused(&twice.unwrap(), "data is read that was not planned");
        let leaf = made.bare_leaf();
        let joined = made.changed(|node| {
            let hidden = UnionExec::try_new(vec![Arc::clone(node), Arc::clone(node)]);
            Arc::ptr_eq(node, &leaf).then(|| hidden.unwrap())
        });
        // Which rule finds it depends on the policy.
        made.refused(&joined, "");
    }
}

#[tokio::test]
async fn a_join_has_no_key() {
    for (group, question) in [("all", JOINED), ("own", JOINED), ("related", LIST), ("set", LIST)] {
        let made = open(group, question).await;
        let sides = RefCell::new(Vec::new());
        made.changed(|node| {
            let join = node.downcast_ref::<HashJoinExec>()?;
            sides.borrow_mut().push((Arc::clone(join.left()), Arc::clone(join.right())));
            Some(Arc::clone(node))
        });
        let (left, right) = sides.into_inner().pop().unwrap();
        let nested = NestedLoopJoinExec::try_new(
            Arc::clone(&left),
            Arc::clone(&right),
            None,
            &JoinType::Inner,
            None,
        );
        let nested: Node = Arc::new(nested.unwrap());
        made.refused(&nested, "a join without a key");
        let cross: Node = Arc::new(CrossJoinExec::new(left, right));
        made.refused(&cross, "a join without a key");
    }
}

#[tokio::test]
async fn two_columns_have_one_name() {
    for (group, question) in [("all", JOINED), ("own", LIST)] {
        let made = open(group, question).await;
        let schema = made.physical.schema();
        let columns = schema.fields().iter().enumerate().map(|(index, field)| {
            ProjectionExpr::new(Arc::new(Column::new(field.name(), index)), "id".to_owned())
        });
        let columns: Vec<_> = columns.collect();
        let alike = ProjectionExec::try_new(columns, Arc::clone(&made.physical)).unwrap();
        made.refused(&(Arc::new(alike) as Node), "two columns are called `id`");
    }
}

#[tokio::test]
async fn what_nothing_may_be_read_of_is_read() {
    let none = open("none", LIST).await;
    assert!(none.plan.guards()[0].never());
    assert!(shown(&none.physical).contains("EmptyExec"), "{}", shown(&none.physical));
    let everything = open("all", LIST).await;
    none.refused(&everything.physical, "data is read that was not planned");
    let own = open("own", LIST).await;
    none.refused(&own.physical, "data is read that was not planned");
    let tampered = none.changed(|node| node.is::<EmptyExec>().then(|| everything.bare_leaf()));
    none.refused(&tampered, "data is read that was not planned");
}

#[tokio::test]
async fn a_policys_table_is_dropped() {
    for group in ["related", "set"] {
        let made = open(group, LIST).await;
        // Which side of the join the asked table is on is the optimiser's choice.
        let amount = |node: &Node| node.schema().field_with_name("amount").is_ok();
        let tampered = made.changed(|node| {
            let join = node.downcast_ref::<HashJoinExec>()?;
            let asked = if amount(join.left()) { join.left() } else { join.right() };
            Some(Arc::clone(asked))
        });
        made.refused(&tampered, "the policy over `offices` is not found");
        // Neither does it help where the optimiser says so.
        let optimised = without(&made.optimised, "offices");
        match (Made { optimised, ..made }).proof(&tampered) {
            Err(RunError::Unproven(told)) => {
                assert_eq!(told, "a policy's table is gone, and what it guards is not");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_policys_table_is_read_without_its_condition() {
    for group in ["related", "set"] {
        let made = open(group, LIST).await;
        let state = |node: &Node| node.schema().field_with_name("state").is_ok();
        let tampered = made.changed(|node| {
            (node.is::<FilterExec>() && state(&child(node))).then(|| {
                let old = node.downcast_ref::<FilterExec>().unwrap();
                filter(old, always(), child(node))
            })
        });
        made.refused(&tampered, "the policy over `offices` is not found");
    }
}

#[tokio::test]
async fn a_table_is_gone_and_another_is_read_in_its_place() {
    let offices = open("all", r#"{"table": "offices", "fields": ["id", "state"]}"#).await;
    for group in ["own", "all"] {
        let made = open(group, LIST).await;
        made.refused(&offices.physical, "the policy over `items` is not found");
    }
}

#[tokio::test]
async fn a_table_that_is_not_asked_for_may_be_left_out() {
    let made = open("own", JOINED).await;
    let tenant = |node: &Node| node.schema().field_with_name("tenant").is_ok();
    let narrowed = |node: &Node| shown(node).contains("FilterExec");
    let sides = RefCell::new(Vec::new());
    let filters = RefCell::new(Vec::new());
    made.changed(|node| {
        if let Some(join) = node.downcast_ref::<HashJoinExec>() {
            sides.borrow_mut().extend([Arc::clone(join.left()), Arc::clone(join.right())]);
        }
        filters.borrow_mut().extend(node.is::<FilterExec>().then(|| child(node)));
        Some(Arc::clone(node))
    });
    let alone = sides.into_inner().into_iter().find(narrowed).unwrap();
    // A table is left out by the optimiser, or it is missing.
    made.refused(&alone, "the policy over `offices` is not found");
    let optimised = without(&made.optimised, "offices");
    let made = Made { optimised, physical: alone, ..made };
    made.proof(&made.physical).unwrap();
    let bare = filters.into_inner().into_iter().find(tenant).unwrap();
    made.refused(&bare, "the policy over `items` is not found");
}

/// Every comparison with 2, 3 or 4 against every other one: one lies within another exactly where no
/// whole number tells otherwise.
#[test]
fn a_comparison_lies_within_another_where_every_value_says_so() {
    use datafusion::logical_expr::Operator;
    use datafusion::physical_expr::expressions::BinaryExpr;
    let ops =
        [Operator::Lt, Operator::LtEq, Operator::Gt, Operator::GtEq, Operator::Eq, Operator::NotEq];
    let holds = |op: Operator, value: i64, bound: i64| match op {
        Operator::Lt => value < bound,
        Operator::LtEq => value <= bound,
        Operator::Gt => value > bound,
        Operator::GtEq => value >= bound,
        Operator::Eq => value == bound,
        _ => value != bound,
    };
    let written = |op: Operator, bound: i64| -> Arc<dyn PhysicalExpr> {
        let bound = Literal::new(ScalarValue::Int64(Some(bound)));
        Arc::new(BinaryExpr::new(Arc::new(Column::new("x", 0)), op, Arc::new(bound)))
    };
    let mut found = 0;
    for (a, b) in [20, 30, 40].into_iter().flat_map(|a| [20, 30, 40].map(|b| (a, b))) {
        for (narrow, wide) in ops.into_iter().flat_map(|n| ops.map(|w| (n, w))) {
            let told = lies_within(&written(narrow, a), &written(wide, b));
            let certain = (0..60).all(|x| !holds(narrow, x, a) || holds(wide, x, b));
            assert!(!told || certain, "x {narrow} {a} is not within x {wide} {b}");
            found += usize::from(told);
        }
    }
    assert!(found > 50, "{found}");
    let other: Arc<dyn PhysicalExpr> = Arc::new(BinaryExpr::new(
        Arc::new(Column::new("y", 0)),
        Operator::Lt,
        Arc::new(Literal::new(ScalarValue::Int64(Some(9)))),
    ));
    assert!(!lies_within(&other, &written(Operator::Lt, 20)));
}
