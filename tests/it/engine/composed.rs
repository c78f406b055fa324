//! Tables of the host that are plans of their own: views, and providers that put reads together.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::prelude::SessionContext;
use sandbar::{Administrator, Engine, EngineBuilder, ErrorKind, SemanticQuery};

use super::{COUNT, LIST, MODEL, POLICIES, asked, chief, csv, rows, tenant};

/// A field that cannot be computed for one row, which is one of tenant b.
const RISK: &str = "risk: { expr: 'div(100, id - 7)' }\n      share:";

fn modelled() -> EngineBuilder {
    Engine::builder()
        .model("model.yaml", &MODEL.replace("share:", RISK))
        .policies("policies.yaml", POLICIES)
}

async fn over(table: Arc<dyn TableProvider>) -> Engine {
    modelled().table_provider("sales", table).build().await.unwrap()
}

async fn plain(count: i64) -> Engine {
    modelled().batches("sales", vec![rows(count)]).build().await.unwrap()
}

fn partitioned(count: i64) -> Arc<MemTable> {
    let all = rows(count);
    let half = all.num_rows() / 2;
    let parts = vec![vec![all.slice(0, half)], vec![all.slice(half, all.num_rows() - half)]];
    Arc::new(MemTable::try_new(all.schema(), parts).unwrap())
}

/// A view of a host's session over sixty rows in two partitions.
#[expect(clippy::disallowed_methods, reason = "a host writes its views as it likes")]
async fn view(sql: &str) -> Arc<dyn TableProvider> {
    let context = SessionContext::new();
    context.register_table("t", partitioned(60)).unwrap();
    context.sql("create view names as values ('a', 'a', 1), ('b', 'b', 2)").await.unwrap();
    context.sql(&format!("create view v as {sql}")).await.unwrap();
    context.table_provider("v").await.unwrap()
}

const JOINED: &str = "select t.id, names.column2 as tenant, t.code, t.amount, t.at
    from t join names on names.column1 = t.tenant";

/// How a provider puts its reads together.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Union,
    /// Which runs on one partition only, and has two below it until it is made fit to run.
    Single,
    /// A join, planned by the session it is scanned in.
    Joined,
}

#[derive(Debug)]
struct Composite(Arc<MemTable>, Arc<MemTable>, Shape);

#[async_trait]
impl TableProvider for Composite {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let first = self.0.scan(state, projection, &[], None).await?;
        let second = self.1.scan(state, projection, &[], None).await?;
        let both = UnionExec::try_new(vec![first, second])?;
        match self.2 {
            Shape::Union => Ok(both),
            Shape::Single => Ok(Arc::new(GlobalLimitExec::new(both, 0, None))),
            Shape::Joined => {
                let view = view(JOINED).await;
                view.scan(state, projection, &[], None).await
            }
        }
    }
}

/// The rows of [`rows`] in two tables.
fn composite(shape: Shape) -> Arc<dyn TableProvider> {
    let all = rows(60);
    let half = |start| {
        let rows = all.slice(start, 30);
        Arc::new(MemTable::try_new(all.schema(), vec![vec![rows]]).unwrap())
    };
    Arc::new(Composite(half(0), half(30), shape))
}

const QUESTIONS: [&str; 9] = [
    LIST,
    COUNT,
    r#"{"table":"sales","fields":["id","share","risk"],"order_by":["code"],"limit":4}"#,
    r#"{"table":"sales","fields":["id","risk"],"filter":{"field":"risk","op":"<","value":20}}"#,
    r#"{"table":"sales","fields":["id"],"filter":{"field":"tenant","value":"b"}}"#,
    r#"{"table":"sales","group_by":["tenant"],"aggregations":["count"]}"#,
    r#"{"metrics":["turnover"],"group_by":["tenant"],"segments":["of_a"]}"#,
    r#"{"table":"sales","aggregations":[{"function":"sum","field":"risk"}]}"#,
    r#"{"table":"heap","fields":["id"],"order_by":["id"],"limit":3}"#,
];

/// It answers like the same rows in memory: whole answers and refusals, for each who asks.
async fn check(table: Arc<dyn TableProvider>, count: i64) {
    let (hosted, own) = (over(table).await, plain(count).await);
    let askers = |engine: &Engine| {
        [tenant(engine, "a"), tenant(engine, "b"), tenant(engine, "nobody"), chief(engine)]
    };
    for query in QUESTIONS {
        for (hosted, own) in askers(&hosted).iter().zip(&askers(&own)) {
            let told = |answer: Result<sandbar::Collected, sandbar::Error>| match answer {
                Ok(answer) => Ok(answer.to_csv().unwrap()),
                Err(error) => Err((error.code(), error.to_string())),
            };
            let expected = told(asked(own, query).await);
            assert_eq!(told(asked(hosted, query).await), expected, "{query} as {own:?}");
        }
    }
    // What is computed is computed for visible rows only; the others show only to whom they may.
    let risky = r#"{"table":"sales","fields":["id","risk"],"order_by":["id"],"limit":1}"#;
    assert_eq!(csv(&tenant(&hosted, "a"), risky).await, "id,risk\n0,-14\n");
    let all = r#"{"table":"sales","aggregations":[{"function":"sum","field":"risk"}]}"#;
    for session in [tenant(&hosted, "b"), chief(&hosted)] {
        assert_eq!(asked(&session, all).await.unwrap_err().code(), "E0304");
    }
}

#[tokio::test]
async fn a_view_with_a_condition_is_one_table() {
    check(view("select * from t where id < 30").await, 30).await;
}

#[tokio::test]
async fn a_view_that_renames_is_known_by_its_own_names() {
    let columns = "id, b as tenant, a as code, amount, at";
    let swapped = format!("select {columns} from (select *, code as a, tenant as b from t)");
    check(view(&swapped).await, 60).await;
}

#[tokio::test]
async fn a_view_that_joins_is_one_table() {
    check(view(JOINED).await, 60).await;
}

#[tokio::test]
async fn a_view_that_groups_is_one_table() {
    let grouped = "select id, tenant, code, max(amount) as amount, max(at) as at from t
        group by id, tenant, code";
    check(view(grouped).await, 60).await;
}

#[tokio::test]
async fn a_provider_that_gives_a_union_is_one_table() {
    check(composite(Shape::Union), 60).await;
}

#[tokio::test]
async fn a_plan_of_a_provider_is_made_fit_to_run() {
    check(composite(Shape::Single), 60).await;
}

#[tokio::test]
async fn a_plan_that_a_provider_has_made_fit_to_run_is_left_as_it_is() {
    check(composite(Shape::Joined), 60).await;
}

/// A calculation of a view that fails on a row fails for everybody and whatever is asked: which
/// rows it is made for does not depend on the question.
#[tokio::test]
async fn a_view_is_computed_as_a_whole() {
    let failing = "select id, tenant, code, 100 / (id - 8) as amount, at from t";
    let engine = over(view(failing).await).await;
    for id in [7, 8, 9] {
        let filter = format!(r#"{{"field":"id","value":{id}}}"#);
        let query = format!(r#"{{"table":"sales","fields":["amount"],"filter":{filter}}}"#);
        let error = asked(&tenant(&engine, "b"), &query).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidQuery, "E0304"), "{query}");
    }
}

#[tokio::test]
async fn a_plan_shows_the_scan_and_nothing_inside() {
    let engine = over(view("select * from t where id < 30").await).await;
    let query = SemanticQuery::from_json(LIST).unwrap();
    let asker = tenant(&engine, "a").principal().clone();
    let told = engine.explain_as(&Administrator::asserted_by_host(), &asker, &query).await.unwrap();
    let plan = told.physical_plan.unwrap();
    assert_eq!(plan.matches("ComposedScanExec").count(), 1, "{plan}");
    assert!(!plan.contains("DataSourceExec"), "{plan}");
}

/// L47: the rows that a policy hides in one table are not to be read through a view over it.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a host writes its views as it likes")]
async fn l47_a_view_and_the_table_below_it_are_one_source() {
    let context = SessionContext::new();
    let (below, apart) = (partitioned(60), partitioned(60));
    context.register_table("t", Arc::clone(&below) as Arc<dyn TableProvider>).unwrap();
    context.sql("create view inner_v as select * from t").await.unwrap();
    context.sql("create view v as select id, tenant from inner_v where id > 3").await.unwrap();
    let view = context.table_provider("v").await.unwrap();
    let model = MODEL.replace(
        "  heap: { fields: { id: {}, tenant: {} }, source: sales, shares_source: reviewed }",
        "  heap: { fields: { id: {}, tenant: {} } }",
    );
    let build = |sales: Arc<MemTable>| {
        let builder = Engine::builder().model("model.yaml", &model);
        let builder = builder.policies("policies.yaml", POLICIES);
        builder.table_provider("sales", sales).table_provider("heap", Arc::clone(&view)).build()
    };
    let error = build(below).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidPolicy, "{error}");
    assert!(error.to_string().contains("P0113"), "{error}");
    assert!(build(apart).await.is_ok());
}
