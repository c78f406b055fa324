//! How deep, long and wide a question may be: the last that is answered and the first that is
//! refused, on the two MiB of stack that a thread of a test has.

use sandbar::{Aggregation, Engine, ErrorKind, Filter, SemanticQuery};

use super::{MODEL, POLICIES, builder, chief, rows};

/// Answered as `expected`, and with one more of it refused.
async fn check(engine: &Engine, code: &str, query: impl Fn(usize) -> SemanticQuery, most: usize) {
    let session = chief(engine);
    session.query(&query(most)).await.unwrap().collect().await.unwrap();
    let error = session.query(&query(most + 1)).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidQuery, code), "{error}");
}

fn count() -> SemanticQuery {
    SemanticQuery::table("sales").aggregate(Aggregation::new("count"))
}

/// A condition that is like none of the others.
fn unlike(n: usize) -> String {
    let (field, op) = (["id", "amount"][n % 2], [">=", "<", "!="][n % 3]);
    format!(r#"{{"field":"{field}","op":"{op}","value":{n}}}"#)
}

#[tokio::test]
async fn q0131_a_thousand_conditions() {
    let engine = builder(10).build().await.unwrap();
    for word in ["or", "and"] {
        // The whole is one of them.
        let many = |n| {
            let all: Vec<String> = (1..n).map(unlike).collect();
            let all = all.join(",");
            let query = format!(
                r#"{{"table":"sales","aggregations":["count"],"filter":{{"{word}":[{all}]}}}}"#
            );
            SemanticQuery::from_json(&query).unwrap()
        };
        check(&engine, "Q0131", many, 1_000).await;
    }
}

#[tokio::test]
async fn q0130_thirty_two_levels_of_conditions() {
    let engine = builder(10).build().await.unwrap();
    let deep = |n| count().filter((0..n).fold(Filter::eq("id", 3), |filter, _| filter.negate()));
    check(&engine, "Q0130", deep, 32).await;
}

#[tokio::test]
async fn q0135_ten_thousand_values() {
    let engine = builder(10).build().await.unwrap();
    let long = |n: usize| count().filter(Filter::is_in("id", (0..n).map(|n| n as i64)));
    check(&engine, "Q0135", long, 10_000).await;
}

#[tokio::test]
async fn q0119_two_hundred_and_fifty_six_columns() {
    let engine = builder(10).build().await.unwrap();
    let wide = |n: usize| {
        let columns = (0..n).map(|n| Aggregation::of("sum", "amount").alias(&format!("c{n}")));
        columns.fold(SemanticQuery::table("sales"), SemanticQuery::aggregate)
    };
    check(&engine, "Q0119", wide, 256).await;
}

#[tokio::test]
async fn q0116_thirty_two_tables() {
    let roles = |n: usize| {
        let roles = (0..n).map(|n| {
            format!("      r{n}: {{ to: parts, on: {{ id: id }}, cardinality: many_to_one }}\n")
        });
        roles.collect::<String>()
    };
    let fields = "      id: {}\n      tenant: {}\n      code: {}\n";
    assert!(MODEL.contains(fields));
    let with = format!("    relationships:\n{}    fields:\n{fields}", roles(32));
    let model = MODEL.replace(&format!("    fields:\n{fields}"), &with);
    let model = model.replace(
        "metrics:\n",
        "  parts: { primary_key: [id], fields: { id: {}, amount: {} } }\nmetrics:\n",
    );
    let policies = POLICIES.replace("[sales, heap] }", "[sales, heap, parts] }");
    let engine = Engine::builder()
        .model("model.yaml", &model)
        .policies("policies.yaml", &policies)
        .batches("sales", vec![rows(10)])
        .batches("parts", vec![rows(10)])
        .build()
        .await
        .unwrap();
    let joined = |n: usize| {
        let columns = (0..n - 1)
            .map(|n| Aggregation::of("max", &format!("r{n}.amount")).alias(&format!("c{n}")));
        columns.fold(count(), SemanticQuery::aggregate)
    };
    check(&engine, "Q0116", joined, 32).await;
}

/// The engine with derived tables `d1` to `d9`, each over the one before it, and roles of `sales` that
/// lead to `d3` (`deep0`, …) and to `d1` (`flat0`, …).
async fn derived() -> Engine {
    let role = |name: &str, to: &str| {
        format!("      {name}: {{ to: {to}, on: {{ id: id }}, cardinality: many_to_one }}\n")
    };
    let deep = (0..22).map(|n| role(&format!("deep{n}"), "d3"));
    let roles: String = deep.chain((0..2).map(|n| role(&format!("flat{n}"), "d1"))).collect();
    let table = |n: usize| {
        let below = if n == 1 { "sales".to_owned() } else { format!("d{}", n - 1) };
        format!(
            "  d{n}:\n    query: {{ table: {below}, fields: [id, amount] }}\n    primary_key: [id]\n    \
             fields: {{ id: {{ type: integer }}, amount: {{ type: integer }} }}\n"
        )
    };
    let tables: String = (1..=9).map(table).collect();
    let fields = "    fields:\n      id: {}\n      tenant: {}\n      code: {}\n";
    assert!(MODEL.contains(fields));
    let model = MODEL.replace(fields, &format!("    relationships:\n{roles}{fields}"));
    let model = model.replace("metrics:\n", &format!("{tables}metrics:\n"));
    let names: Vec<String> = (1..=9).map(|n| format!("d{n}")).collect();
    let all = format!("[sales, heap, {}] }}", names.join(", "));
    let engine = Engine::builder()
        .model("model.yaml", &model)
        .policies("policies.yaml", &POLICIES.replace("[sales, heap] }", &all))
        .batches("sales", vec![rows(10)]);
    engine.build().await.unwrap()
}

#[tokio::test]
async fn q0116_eight_derived_tables_on_each_other() {
    let of = |n: usize| SemanticQuery::table(&format!("d{n}")).aggregate(Aggregation::new("count"));
    check(&derived().await, "Q0116", of, 8).await;
}

#[tokio::test]
async fn q0116_sixty_four_derived_tables() {
    let of = |roles: &[String]| {
        let columns = roles.iter().map(|role| {
            Aggregation::of("max", &format!("{role}.amount")).alias(&format!("of_{role}"))
        });
        columns.fold(count(), SemanticQuery::aggregate)
    };
    let deep = |n: usize| (0..n).map(|n| format!("deep{n}"));
    // Each of these stands for three tables, and each of the others for one.
    let read = |n: usize| {
        let flat = (0..n - 63).map(|n| format!("flat{n}"));
        of(&deep(21).chain(flat).collect::<Vec<_>>())
    };
    let engine = derived().await;
    check(&engine, "Q0116", read, 64).await;
    // Also where the one too many is met below another.
    let error = chief(&engine).query(&of(&deep(22).collect::<Vec<_>>())).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidQuery, "Q0116"), "{error}");
}

/// An engine over tables `t0`, `t1`, …, each with a number that is accumulated.
async fn accumulated(tables: usize) -> Engine {
    let table = |n| {
        format!(
            "  t{n}: {{ primary_key: [id], time: at, fields: {{ id: {{}}, at: {{}}, tenant: {{ dimension: tenant }} }} }}\n"
        )
    };
    let metric = |n| {
        format!(
            "  rows{n}: {{ table: t{n}, expr: count(*) }}\n  \
             so_far{n}: {{ cumulative: {{ metric: rows{n} }} }}\n"
        )
    };
    let all: String = (0..tables).map(table).collect();
    let metrics: String = (0..tables).map(metric).collect();
    let names: Vec<String> = (0..tables).map(|n| format!("t{n}")).collect();
    let policies = POLICIES.replace("[sales, heap] }", &format!("[{}] }}", names.join(", ")));
    let policies = policies.replace("tables: [sales], ", "tables: [t0], ");
    let model = format!("tables:\n{all}metrics:\n{metrics}");
    let builder =
        Engine::builder().model("model.yaml", &model).policies("policies.yaml", &policies);
    let all = names.iter().fold(builder, |all, name| all.batches(name, vec![rows(10)]));
    all.build().await.unwrap()
}

/// Each of 23 numbers looks at the tables of 22 others: at 506. Of 24 each looks at 23: at 552.
#[tokio::test]
async fn q0116_five_hundred_and_twelve_tables_for_the_days_that_periods_end_with() {
    let engine = accumulated(24).await;
    let asked = |n: usize, rest: &str| {
        let names: Vec<String> = (0..n).map(|n| format!(r#""so_far{n}""#)).collect();
        let key = r#"{"field":"metric_time","grain":"month"}"#;
        let names = names.join(",");
        let query = format!(r#"{{"metrics":[{names}],"group_by":[{key}{rest}}}"#);
        SemanticQuery::from_json(&query).unwrap()
    };
    check(&engine, "Q0116", |n| asked(n, "]"), 23).await;
    // For the months alone they are looked at once more: of 17 numbers at 272 tables twice.
    let totals = asked(17, r#","tenant"],"totals":[["metric_time"]]"#);
    let error = chief(&engine).query(&totals).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidQuery, "Q0116"), "{error}");
    // Where the question says until when, nothing is looked at.
    let until = r#"],"filter":{"field":"metric_time","op":"<","value":"1971-01-01"}"#;
    chief(&engine).query(&asked(24, until)).await.unwrap().collect().await.unwrap();
}
