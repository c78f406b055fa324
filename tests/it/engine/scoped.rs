//! What a token may be used for takes away from what policies give, and never adds.

use sandbar::{Engine, Error, ErrorKind, Principal, Scopes, SemanticQuery, Session};
use sandbar_testkit::shop;

const ALL: &str = "agent:search agent:table:read agent:metric:read agent:query";

fn wei(engine: &Engine, scope: Option<&str>) -> Session {
    let states = vec!["CA", "WA", "OR", "NV", "AZ"];
    let mut wei = Principal::asserted_by_host("wei").group("regional").attribute("states", states);
    if let Some(scope) = scope {
        wei = wei.scope(scope);
    }
    engine.session(wei.build().unwrap())
}

/// Every way in that reads for a principal, with what came of it: text, or the code of the refusal.
async fn everything(session: &Session) -> Vec<(String, Result<String, String>)> {
    fn told<T: std::fmt::Debug>(result: Result<T, Error>) -> Result<String, String> {
        result.map(|told| format!("{told:?}")).map_err(|error| error.code().to_owned())
    }
    let mut all = vec![
        ("tables".to_owned(), told(session.tables())),
        ("metrics".to_owned(), told(session.metrics())),
        ("search".to_owned(), told(session.search(""))),
    ];
    for table in ["people", "products", "orders", "reviews", "nothing"] {
        all.push((format!("table {table}"), told(session.describe_table(table))));
        let question = format!(r#"{{"table":"{table}","aggregations":["count"]}}"#);
        all.push((format!("count {table}"), told(rows(session, &question).await)));
        let values = session.field_values(table, "id", 3).await;
        all.push((format!("values {table}"), told(values.map(|v| v.to_csv().unwrap()))));
    }
    for metric in ["revenue", "average_order", "nothing"] {
        all.push((format!("metric {metric}"), told(session.describe_metric(metric))));
        let question = format!(r#"{{"metrics":["{metric}"],"group_by":["customer.state"]}}"#);
        all.push((format!("ask {metric}"), told(rows(session, &question).await)));
        let query = SemanticQuery::from_json(&question).unwrap();
        let explained = session.explain(&query).await;
        all.push((format!("explain {metric}"), told(explained.map(|e| e.outline))));
    }
    all
}

async fn rows(session: &Session, question: &str) -> Result<String, Error> {
    Ok(session.query_json(question).await?.collect().await?.to_csv().unwrap())
}

/// What a token with this scope may do, by the names above.
async fn allowed(scope: &str) -> Vec<String> {
    let engine = shop().build().await.unwrap();
    let told = everything(&wei(&engine, Some(scope))).await;
    told.into_iter().filter(|(_, result)| result.is_ok()).map(|(name, _)| name).collect()
}

#[tokio::test]
async fn l58_a_token_may_be_used_for_what_it_says() {
    assert_eq!(allowed("").await, [""; 0]);
    assert_eq!(allowed("agent openid agent:quer profile").await, [""; 0]);
    assert_eq!(allowed("agent:search").await, ["search"]);
    let tables = ["people", "products", "orders", "reviews"];
    let read = |table: &str| [format!("table {table}"), format!("values {table}")];
    let mut wanted = vec!["tables".to_owned()];
    wanted.extend(tables.iter().flat_map(|table| read(table)));
    assert_eq!(allowed("agent:table:read").await, wanted);
    assert_eq!(allowed("agent:table:*").await, wanted);
    assert_eq!(
        allowed("agent:table:read:orders").await,
        ["tables", "table orders", "values orders"]
    );
    assert_eq!(allowed("agent:metric:read:revenue").await, ["metrics", "metric revenue"]);
    // A number may be asked for without the numbers and tables that it is made of.
    assert_eq!(
        allowed("agent:query:metric:average_order").await,
        ["ask average_order", "explain average_order"]
    );
    assert_eq!(allowed("agent:query:construct:metric:revenue").await, ["explain revenue"]);
    assert_eq!(
        allowed("agent:query:execute:table:orders").await,
        ["count orders", "values orders"]
    );
    assert_eq!(allowed("agent:query:table:orders").await, ["count orders", "values orders"]);
    // Words of one use do not widen another.
    assert_eq!(
        allowed("agent:query:construct agent:query:execute:metric:revenue agent:table:read:people")
            .await,
        [
            "tables",
            "table people",
            "values people",
            "ask revenue",
            "explain revenue",
            "explain average_order"
        ]
    );
}

#[tokio::test]
async fn l58_metrics_are_shown_with_their_table_as_the_token_says() {
    let engine = shop().build().await.unwrap();
    let open = wei(&engine, None).describe_table("orders").unwrap().metrics;
    assert!(open.len() > 3 && open.contains(&"revenue".to_owned()), "{open:?}");
    for (scope, shown) in [
        ("agent:table:read", &open[..]),
        ("agent:table:read agent:metric:read", &open[..]),
        ("agent:table:read agent:metric:read:revenue", &["revenue".to_owned()]),
        ("agent:table:read:orders agent:metric:read:revenue", &["revenue".to_owned()]),
        ("agent:table:read agent:metric:read:nothing", &[]),
        ("agent:table:read:orders", &[]),
    ] {
        let told = wei(&engine, Some(scope)).describe_table("orders").unwrap();
        assert_eq!(told.metrics, shown, "{scope}");
    }
}

#[tokio::test]
async fn l58_a_token_for_a_metric_is_not_for_other_numbers_of_its_table() {
    let engine = shop().build().await.unwrap();
    let numbers = [
        r#""aggregations":["count"]"#,
        r#""aggregations":[{"function":"max","field":"total"}]"#,
        r#""measures":["orders_placed"]"#,
    ];
    for number in numbers {
        let metric = r#""metrics":["revenue"]"#;
        let question = format!("{{{metric},{number}}}");
        let within = format!(r#"{{"from":{question}}}"#);
        let both = "agent:query:metric:revenue agent:query:table:orders";
        for question in [&question, &within] {
            let open = rows(&wei(&engine, None), question).await.unwrap();
            assert_eq!(rows(&wei(&engine, Some(both)), question).await.unwrap(), open);
            let scoped = rows(&wei(&engine, Some("agent:query:metric:revenue")), question).await;
            assert_eq!(scoped.unwrap_err().code(), "Q0114", "{question}");
        }
    }
}

#[tokio::test]
async fn l58_no_scope_gives_more_than_policies_do() {
    let engine = shop().build().await.unwrap();
    let free = everything(&wei(&engine, None)).await;
    assert!(free.iter().filter(|(_, told)| told.is_ok()).count() > 20);
    let words: Vec<&str> = ALL.split(' ').chain(["agent:query:execute"]).collect();
    for drawn in 0_usize..1 << words.len() {
        let kept = words.iter().enumerate().filter(|(bit, _)| drawn & (1 << bit) != 0);
        let scope: Vec<&str> = kept.map(|(_, word)| *word).collect();
        let scoped = everything(&wei(&engine, Some(&scope.join(" ")))).await;
        for ((name, told), (_, open)) in scoped.iter().zip(&free) {
            let same = told == open || told.is_err();
            // What is described tells how far a question may go.
            let lists = ["table ", "metric "].iter().any(|kind| name.starts_with(kind))
                || ["tables", "metrics"].contains(&name.as_str());
            assert!(same || lists && open.is_ok(), "{scope:?} {name}: {told:?} and not {open:?}");
        }
    }
    let all = everything(&wei(&engine, Some("agent:*"))).await;
    assert_eq!(all, free);
    assert_eq!(everything(&wei(&engine, Some(ALL))).await, free);
}

#[tokio::test]
async fn l9_what_is_out_of_scope_is_absent() {
    let engine = shop().build().await.unwrap();
    let session = wei(&engine, Some("agent:query:table:orders agent:table:read:people"));
    let error = |question: &'static str| async {
        let told = rows(&session, question).await.unwrap_err();
        (told.code(), told.kind(), told.to_string())
    };
    let (code, kind, out) = error(r#"{"table":"reviews","aggregations":["count"]}"#).await;
    assert_eq!((code, kind), ("Q0102", ErrorKind::NotFound), "{out}");
    let (_, _, absent) = error(r#"{"table":"reviewz","aggregations":["count"]}"#).await;
    assert_eq!(out.replace("reviews", "?"), absent.replace("reviewz", "?"));
    let (code, kind, _) = error(r#"{"table":"people","aggregations":["count"]}"#).await;
    assert_eq!((code, kind), ("Q0103", ErrorKind::Denied));
    // By number, within a question over a question, and as a condition.
    let number = wei(&engine, None).describe_table("reviews").unwrap().id;
    let question = format!(r#"{{"table":"{number}","aggregations":["count"]}}"#);
    assert_eq!(rows(&session, &question).await.unwrap_err().code(), "Q0102");
    let (code, ..) = error(r#"{"from":{"table":"reviews","fields":["id"]}}"#).await;
    assert_eq!(code, "Q0102");
    let (code, ..) = error(r#"{"metrics":["revenue"]}"#).await;
    assert_eq!(code, "Q0101");
    // Without any word for it the whole use is refused, before a name is looked at.
    let told = session.search("orders").unwrap_err();
    assert_eq!((told.code(), told.kind()), ("E0103", ErrorKind::Denied));
    assert_eq!(told.to_string(), "the token is not for this; it needs the scope `agent:search`");
}

#[tokio::test]
async fn l58_a_token_with_a_scope_keeps_it() {
    let secret = b"a long and random secret: 7f3c9a1e5b2d8f40";
    let minter = sandbar::TokenMinter::hs256(secret).unwrap();
    let minter = minter.scoped(Scopes::parse("agent:search agent:search:x").unwrap());
    let now = 1_782_864_000;
    let token = minter.mint("ana@shop.test", &["analysts"], &[], now).unwrap();
    let verifier = sandbar::Verifier::hs256(secret).unwrap();
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(now);
    let engine = shop().verifier(verifier).clock(move || at).build().await.unwrap();
    let session = engine.authenticate(&token).unwrap();
    let ana = Principal::asserted_by_host("ana").group("analysts").build().unwrap();
    let free = engine.session(ana).search("orders").unwrap().len();
    assert_eq!(session.search("orders").unwrap().len(), free);
    assert_eq!(session.tables().unwrap_err().code(), "E0103");
}

/// What a derived table asks is the model's question: a scope is about the one that is asked.
#[tokio::test]
async fn l58_a_token_for_a_derived_table_is_not_for_what_it_is_made_of() {
    let model = "
tables:
  by_state:
    query: { metrics: [revenue], group_by: [{ field: customer.state, as: state }] }
    fields: { state: { type: text }, revenue: { type: \"decimal(38,2)\" } }
  large:
    query: { table: by_state, fields: [state], filter: { field: revenue, op: '>', value: 1 } }
    fields: { state: { type: text } }
";
    let policies = "
policies: { derived: { groups: [regional], grant: { tables: [by_state, large] } } }
";
    let engine = shop().model("derived.yaml", model).policies("derived.yaml", policies);
    let engine = engine.build().await.unwrap();
    for table in ["by_state", "large"] {
        let question = format!(r#"{{"table":"{table}"}}"#);
        let open = rows(&wei(&engine, None), &question).await.unwrap();
        assert!(open.contains("CA") && open.lines().count() == 6, "{open}");
        let narrow = wei(&engine, Some(&format!("agent:query:table:{table}")));
        assert_eq!(rows(&narrow, &question).await.unwrap(), open);
        for (other, code) in [
            (r#"{"table":"orders"}"#, "Q0102"),
            (r#"{"metrics":["revenue"]}"#, "Q0101"),
            (r#"{"table":"people"}"#, "Q0102"),
        ] {
            assert_eq!(rows(&narrow, other).await.unwrap_err().code(), code, "{other}");
        }
    }
    // Who is not shown what it is made of is not shown the table, whatever his token is for.
    let nobody = Principal::asserted_by_host("nobody").scope("agent:query").build().unwrap();
    let error = rows(&engine.session(nobody), r#"{"table":"by_state"}"#).await.unwrap_err();
    assert_eq!(error.code(), "Q0102");
}
