//! One answer in every format, and how streams end.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamReader;
use axum::http::Version;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::SessionConfig;
use futures::StreamExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sandbar::DecisionOutcome;
use sandbar_shop::Asker;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{Told, app, outcomes, post, shop};
use crate::cells;

const ARROW: &str = "application/vnd.apache.arrow.stream";
const LINES: &str = "application/x-ndjson";
const PARQUET: &str = "application/vnd.apache.parquet";
/// More rows than an answer has unless a host says so, in more than one batch.
const ALL_ORDERS: &str = r#"{"table":"orders","fields":["id","created_at","total"]}"#;

fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// As a client reads them: the reader here rounds some doubles in their last digit.
fn reread(rows: &[Value]) -> Vec<Value> {
    serde_json::from_str(&serde_json::to_string(rows).unwrap()).unwrap()
}

/// The rows of an Arrow stream, and its columns.
fn read_arrow(told: &Told) -> (Vec<String>, Vec<Value>) {
    let reader = StreamReader::try_new(&told.body[..], None).unwrap();
    let schema = reader.schema();
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let rows = reader.flat_map(|batch| {
        let text = cells::lines(&names, &batch.unwrap()).unwrap();
        objects(std::str::from_utf8(&text).unwrap())
    });
    let rows = rows.collect();
    (names, rows)
}

#[tokio::test]
async fn l57_all_formats_say_what_the_engine_says() {
    // Each format is asked for apart. A mean of doubles goes in its last digit by which of several
    // partitions is first.
    let config = SessionConfig::new().with_target_partitions(1);
    let state = SessionStateBuilder::new().with_config(config).with_default_features().build();
    let engine = shop().session_state(state).build().await.unwrap();
    let app = crate::router(engine.clone());
    let session = engine.session(sandbar_testkit::principal(Asker::named("wei").unwrap()));
    let mut answered = 0;
    for file in std::fs::read_dir(sandbar_testkit::fixture("queries")).unwrap() {
        let body = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let ask = async |format: &str| {
            post(body.clone()).bearing("wei").with("accept", format).of(&app).await
        };
        let (json, lines, arrow) =
            (ask("application/json").await, ask(LINES).await, ask(ARROW).await);
        let expected = match session.query_json(&body).await {
            Ok(answer) => answer.collect().await.unwrap(),
            Err(error) => {
                assert_eq!(json.refusal().2, error.code());
                assert_eq!((&json.body, json.status), (&lines.body, lines.status));
                assert_eq!((&json.body, json.status), (&arrow.body, arrow.status));
                continue;
            }
        };
        answered += 1;
        let json_body = json.json();
        let names: Vec<&str> = expected.columns().iter().map(|c| c.name.as_str()).collect();
        let arrays = |rows: &[Value]| -> Vec<Value> {
            rows.iter().map(|row| names.iter().map(|n| row[n].clone()).collect()).collect()
        };
        let (arrow_names, from_arrow) = read_arrow(&arrow);
        assert_eq!(names, arrow_names);
        let mut all = [
            arrays(&reread(&expected.to_json_rows().unwrap())),
            json_body["rows"].as_array().unwrap().clone(),
            arrays(&objects(lines.text())),
            arrays(&from_arrow),
        ];
        if json_body["ordered"] == false {
            all.iter_mut().for_each(|rows| rows.sort_by_key(ToString::to_string));
        }
        let [expected_rows, others @ ..] = all;
        for rows in others {
            assert_eq!(rows, expected_rows, "{body}");
        }
        assert_eq!(json_body["row_count"], expected.num_rows());
        for told in [&json, &lines, &arrow] {
            assert_eq!(told.header("x-sandbar-scoped"), expected.is_scoped().to_string());
            assert_eq!(told.header("x-sandbar-snapshot"), "1");
        }
    }
    assert!(answered > 30, "{answered}");
}

/// The rows are those of another database: `groups_in_their_order` of fixtures/contract/answers.json.
#[tokio::test]
async fn a_question_in_the_words_of_v1_comes_in_every_format() {
    let app = app().await;
    let body = r#"{"table_id":2,"aggregations":[{"function":"count"}],"group_by":[{"field_id":"category"}],"limit":3}"#;
    let ask = async |format: &str| post(body).bearing("ana").with("accept", format).of(&app).await;
    let expected = json!([["Doohickey", 47], ["Gadget", 52], ["Gizmo", 55]]);
    let arrays = |rows: &[Value]| -> Value {
        rows.iter().map(|row| json!([row["category"], row["count"]])).collect()
    };
    let told = ask("application/json").await;
    assert_eq!((told.status.as_u16(), &told.json()["data"]["rows"]), (200, &expected));
    let told = ask("text/csv").await;
    assert_eq!(told.text(), "category,count\nDoohickey,47\nGadget,52\nGizmo,55\n");
    assert_eq!(told.header("x-sandbar-scoped"), "false");
    let told = ask(LINES).await;
    assert_eq!(told.header("content-type"), LINES);
    assert_eq!(arrays(&objects(told.text())), expected);
    let (names, rows) = read_arrow(&ask(ARROW).await);
    assert_eq!(names, ["category", "count"]);
    assert_eq!(arrays(&rows), expected);
    let (schema, batches) = read_parquet(&ask(PARQUET).await);
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let rows: Vec<Value> = batches
        .iter()
        .flat_map(|batch| {
            let text = cells::lines(&names, batch).unwrap();
            objects(std::str::from_utf8(&text).unwrap())
        })
        .collect();
    assert_eq!(arrays(&rows), expected);
    // What is refused is told in JSON, as ever.
    for format in ["text/csv", LINES, ARROW, PARQUET] {
        let wrong = r#"{"table_id":2,"fields":[{"field_id":"nothing"}]}"#;
        let told = post(wrong).bearing("ana").with("accept", format).of(&app).await;
        told.refused(400, "InvalidQuery", "H0203");
    }
}

#[tokio::test]
async fn each_format_has_its_type() {
    let app = app().await;
    let body = r#"{"metrics":["revenue"]}"#;
    for (accept, given) in [
        ("*/*", "application/json"),
        ("text/csv", "text/csv; charset=utf-8; header=present"),
        (LINES, LINES),
        (ARROW, ARROW),
        (PARQUET, PARQUET),
    ] {
        let told = post(body).bearing("ana").with("accept", accept).of(&app).await;
        assert_eq!((told.status.as_u16(), told.header("content-type")), (200, given));
        assert_eq!(told.header("x-sandbar-truncated"), "false", "{accept}");
        let ask = post(body).bearing("ana").with("accept", accept).with("te", "gzip, Trailers");
        let streamed = ask.of(&app).await;
        assert_eq!((&streamed.body, streamed.status), (&told.body, told.status), "{accept}");
        let here = streamed.header("x-sandbar-truncated").to_owned();
        let behind = streamed.trailers.get("x-sandbar-truncated").map(|v| v.to_str().unwrap());
        assert_eq!(behind.unwrap_or(&here), "false");
        assert_eq!(behind.is_some(), [LINES, ARROW].contains(&accept), "{accept}");
        assert_eq!(behind.is_some(), here.is_empty(), "{accept}");
    }
}

/// The rows of a Parquet file, and its columns.
fn read_parquet(told: &Told) -> (SchemaRef, Vec<RecordBatch>) {
    assert_eq!(told.header("content-type"), PARQUET, "{}", String::from_utf8_lossy(&told.body));
    let reader = ParquetRecordBatchReaderBuilder::try_new(told.body.clone()).unwrap();
    let schema = Arc::clone(reader.schema());
    (schema, reader.build().unwrap().map(Result::unwrap).collect())
}

#[tokio::test]
async fn parquet_and_arrow_have_the_same_types_and_rows() {
    let app = app().await;
    let nothing = super::question("empty_result");
    for body in [ALL_ORDERS, r#"{"table":"people"}"#, &nothing] {
        let ask = async |format: &str| {
            post(body.to_owned()).bearing("ana").with("accept", format).of(&app).await
        };
        let (schema, rows) = read_parquet(&ask(PARQUET).await);
        let arrow = ask(ARROW).await;
        let reader = StreamReader::try_new(&arrow.body[..], None).unwrap();
        let (expected, batches) = (reader.schema(), reader.map(Result::unwrap));
        assert_eq!(schema, expected, "{body}");
        let together = |batches: Vec<RecordBatch>| concat_batches(&expected, &batches).unwrap();
        assert_eq!(together(rows), together(batches.collect()), "{body}");
    }
}

#[tokio::test]
async fn no_rows_are_an_answer_too() {
    let app = app().await;
    let body = super::question("empty_result");
    let ask = async |format: &str| {
        post(body.clone()).bearing("ana").with("accept", format).of(&app).await
    };
    let json = ask("application/json").await.json();
    let columns = json["columns"].as_array().unwrap().len();
    assert_eq!((json["rows"].as_array().unwrap().len(), columns > 0), (0, true));
    assert_eq!(ask(LINES).await.text(), "");
    let (names, rows) = read_arrow(&ask(ARROW).await);
    assert_eq!((names.len(), rows.len()), (columns, 0));
    assert_eq!(ask("text/csv").await.text().lines().count(), 1);
}

#[tokio::test]
async fn a_truncated_answer_says_so() {
    let app = app().await;
    for format in ["application/json", "text/csv", LINES, ARROW] {
        for te in [None, Some("trailers")] {
            let ask = post(ALL_ORDERS).bearing("ana").with("accept", format);
            let ask = if let Some(te) = te { ask.with("te", te) } else { ask };
            let told = ask.of(&app).await;
            let streamed = te.is_some() && [LINES, ARROW].contains(&format);
            let end = if streamed { &told.trailers } else { &told.headers };
            let end = |name: &str| end.get(name).map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(end("x-sandbar-truncated").as_deref(), Some("true"), "{format}, {te:?}");
            assert_eq!(end("x-sandbar-warnings").as_deref(), Some("W0002"), "{format}, {te:?}");
            match format {
                LINES => assert_eq!(told.text().lines().count(), 10_000),
                ARROW => assert_eq!(read_arrow(&told).1.len(), 10_000),
                "text/csv" => assert_eq!(told.text().lines().count(), 10_001),
                _ => assert_eq!(told.json()["warnings"][0]["code"], "W0002"),
            }
        }
    }
}

#[tokio::test]
async fn every_format_says_what_the_asker_should_know() {
    let app = app().await;
    let body =
        r#"{"table":"orders","aggregations":[{"function":"approx_distinct","field":"user_id"}]}"#;
    for format in ["application/json", "text/csv", LINES, ARROW] {
        let told = post(body).bearing("ana").with("accept", format).of(&app).await;
        assert_eq!(told.header("x-sandbar-warnings"), "W0003", "{format}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_read_is_let_go_when_its_time_is_over() {
    let (outcomes, record) = outcomes();
    let limits = sandbar::Limits::default().with_time(Some(std::time::Duration::from_secs(5)));
    let app = crate::router(shop().limits(limits).decisions(record).build().await.unwrap());
    let ask = post(ALL_ORDERS).bearing("ana").with("accept", LINES).with("te", "trailers");
    let response = app.oneshot(ask.0).await.unwrap();
    let mut pieces = response.into_body().into_data_stream();
    assert!(!pieces.next().await.unwrap().unwrap().is_empty());
    // Its place becomes another's, and nobody takes what has come for the whole.
    while outcomes.lock().unwrap().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(*outcomes.lock().unwrap(), [DecisionOutcome::Cancelled]);
    let rest: Vec<_> = pieces.collect().await;
    assert_eq!(rest.last().unwrap().as_ref().unwrap_err().to_string(), "the answer is cut off");
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_query() {
    for format in [LINES, ARROW] {
        let (outcomes, record) = outcomes();
        let app = crate::router(shop().decisions(record).build().await.unwrap());
        let ask = post(ALL_ORDERS).bearing("ana").with("accept", format).with("te", "trailers");
        let response = app.oneshot(ask.0).await.unwrap();
        let mut pieces = response.into_body().into_data_stream();
        assert!(!pieces.next().await.unwrap().unwrap().is_empty());
        assert!(outcomes.lock().unwrap().is_empty());
        drop(pieces);
        assert_eq!(*outcomes.lock().unwrap(), [DecisionOutcome::Cancelled], "{format}");
    }
}

/// Before HTTP/1.1 there is no place for what is known at the end, and no end that is not regular.
#[tokio::test]
async fn an_answer_before_http_1_1_is_told_whole() {
    let app = app().await;
    for format in [LINES, ARROW] {
        for (version, streamed) in [(Version::HTTP_10, false), (Version::HTTP_11, true)] {
            let mut ask = post(ALL_ORDERS).bearing("ana").with("accept", format);
            ask = ask.with("te", "trailers");
            *ask.0.version_mut() = version;
            let response = app.clone().oneshot(ask.0).await.unwrap();
            assert_eq!(response.status(), 200);
            // 18,760 orders are more than the 10,000 rows of an answer.
            let told = response.headers().get("x-sandbar-truncated");
            assert_eq!(told.is_none(), streamed, "{format} {version:?}");
            assert_eq!(response.headers().contains_key("trailer"), streamed, "{format}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_fails_half_way_has_no_regular_end() {
    use sandbar::{Limits, Overflow};
    let limits = Limits::default().with_overflow(Overflow::Fail);
    let app = crate::router(shop().limits(limits).build().await.unwrap());
    for format in [LINES, ARROW] {
        let whole = post(ALL_ORDERS).bearing("ana").with("accept", format).of(&app).await;
        assert_eq!((whole.status.as_u16(), &whole.json()["code"]), (422, &"E0301".into()));
        let ask = post(ALL_ORDERS).bearing("ana").with("accept", format).with("te", "trailers");
        let response = app.clone().oneshot(ask.0).await.unwrap();
        assert_eq!(response.status(), 200);
        let pieces: Vec<_> = response.into_body().into_data_stream().collect().await;
        let (last, before) = pieces.split_last().unwrap();
        assert!(before.iter().all(Result::is_ok) && !before.is_empty(), "{format}");
        assert_eq!(last.as_ref().unwrap_err().to_string(), "the answer is cut off");
    }
}
