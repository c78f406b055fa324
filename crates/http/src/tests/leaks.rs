//! What lies beside an answer stays there: in memory, behind a policy, and in the past.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Int64Array, RecordBatch, StringArray, StringViewArray,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use arrow::ipc::reader::StreamReader;
use axum::{Extension, Router};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::{FileReader, SerializedFileReader};
use sandbar::{Engine, Principal};

use super::{Told, get, post, shop};
use crate::{Metrics, Options};

const MODEL: &str = "
tables:
  notes: { primary_key: [id], source: notes, fields: { id: {}, place: {}, text: {}, amount: {} } }
";
const POLICIES: &str = "
attributes: { place: { type: text } }
groups: { staff: {} }
policies:
  own: { groups: [staff], grant: { tables: [notes], rows: place = attribute.place } }
  others_in_part:
    groups: [staff]
    grant: { tables: [notes], rows: place = 'south', fields: { except: [text, amount] } }
";
/// As an integer: eight bytes that stand nowhere by chance.
const HIDDEN_AMOUNT: i64 = 0x0123_4567_89ab_cdef;

/// Rows of two places, in arrays that share texts, under a schema that says where it comes from.
fn notes() -> RecordBatch {
    let places: DictionaryArray<Int32Type> =
        ["north", "south", "hidden-place"].into_iter().collect();
    let texts =
        ["the text of the north, in full", "hidden-text in the south", "hidden-text elsewhere"];
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec!["a", "b", "c"])),
        Arc::new(places),
        Arc::new(StringViewArray::from(texts.to_vec())),
        Arc::new(Int64Array::from(vec![7, HIDDEN_AMOUNT, HIDDEN_AMOUNT])),
    ];
    let metadata = HashMap::from([("origin".to_owned(), "hidden-metadata".to_owned())]);
    let fields: Vec<Field> = ["id", "place", "text", "amount"]
        .iter()
        .zip(&columns)
        .map(|(name, array)| {
            Field::new(*name, array.data_type().clone(), true).with_metadata(metadata.clone())
        })
        .collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
    RecordBatch::try_new(schema, columns).unwrap()
}

fn holds(told: &[u8], hidden: &[u8]) -> bool {
    told.windows(hidden.len()).any(|window| window == hidden)
}

const ARROW: &str = "application/vnd.apache.arrow.stream";
const PARQUET: &str = "application/vnd.apache.parquet";

/// The bytes of a body, and after them those of the pages of a Parquet file, unpacked.
fn unpacked(told: &Told, format: &str) -> Vec<u8> {
    let mut bytes = told.body.to_vec();
    if format == PARQUET {
        let reader = SerializedFileReader::new(told.body.clone()).unwrap();
        for group in 0..reader.num_row_groups() {
            let group = reader.get_row_group(group).unwrap();
            for column in 0..group.num_columns() {
                for page in group.get_column_page_reader(column).unwrap() {
                    bytes.extend_from_slice(page.unwrap().buffer());
                }
            }
        }
    }
    bytes
}

/// The door of somebody in the north.
async fn north(notes: Vec<RecordBatch>) -> Router {
    let builder = Engine::builder().model("model.yaml", MODEL).policies("policies.yaml", POLICIES);
    let engine = builder.batches("notes", notes).build().await.unwrap();
    let mia = Principal::asserted_by_host("mia").group("staff").attribute("place", "north");
    crate::router(engine).layer(Extension(mia.build().unwrap()))
}

async fn ask(body: &str, format: &str) -> Told {
    post(body.to_owned()).with("accept", format).of(&north(vec![notes()]).await).await
}

#[tokio::test]
async fn l32_an_arrow_stream_and_a_parquet_file_hold_only_what_is_seen() {
    let bodies = [
        r#"{"table":"notes","fields":["id","place","text","amount"],"order_by":["id"]}"#,
        r#"{"table":"notes","fields":["place","text"],"filter":{"field":"id","op":"=","value":"a"}}"#,
        r#"{"table":"notes","group_by":["place","text","amount"]}"#,
    ];
    for (body, format) in bodies.into_iter().flat_map(|body| [(body, ARROW), (body, PARQUET)]) {
        let told = ask(body, format).await;
        assert_eq!(told.status, 200, "{}", String::from_utf8_lossy(&told.body));
        let bytes = unpacked(&told, format);
        for hidden in ["hidden-place", "hidden-text", "hidden-metadata"] {
            assert!(!holds(&bytes, hidden.as_bytes()), "`{hidden}` for {body} as {format}");
        }
        assert!(!holds(&bytes, &HIDDEN_AMOUNT.to_le_bytes()), "{body} as {format}");
        assert!(holds(&bytes, b"the text of the north, in full"), "{body} as {format}");
        if format == PARQUET {
            let reader = ParquetRecordBatchReaderBuilder::try_new(told.body.clone()).unwrap();
            let schema = reader.schema();
            assert!(schema.metadata().is_empty());
            assert!(schema.fields().iter().all(|field| field.metadata().is_empty()));
            continue;
        }
        let schema = StreamReader::try_new(&told.body[..], None).unwrap().schema();
        assert!(schema.metadata().is_empty());
        assert!(schema.fields().iter().all(|field| field.metadata().is_empty()));
    }
}

#[tokio::test]
async fn what_a_dictionary_stands_for_is_sent() {
    let body = r#"{"table":"notes","fields":["place"],"order_by":["place"]}"#;
    let told = ask(body, ARROW).await;
    let reader = StreamReader::try_new(&told.body[..], None).unwrap();
    assert_eq!(reader.schema().field(0).data_type(), &DataType::Utf8);
    let rows: usize = reader.map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, 2);
}

/// More rows of a place that nobody in the north is shown.
fn hidden(count: usize) -> RecordBatch {
    let places: DictionaryArray<Int32Type> = vec!["hidden-place"; count].into_iter().collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values((0..count).map(|n| format!("hidden {n}")))),
        Arc::new(places),
        Arc::new(StringViewArray::from(vec!["hidden-text in many rows"; count])),
        Arc::new(Int64Array::from(vec![HIDDEN_AMOUNT; count])),
    ];
    RecordBatch::try_new(notes().schema(), columns).unwrap()
}

/// Nothing that is told counts rows that were read, or the time it took; how long the answer is on
/// its way is not looked at (SECURITY.md).
#[tokio::test]
async fn l31_l32_how_much_is_hidden_changes_neither_bytes_nor_headers() {
    let few = north(vec![notes()]).await;
    let many = north(vec![hidden(10_000), notes(), hidden(0)]).await;
    for body in [
        r#"{"table":"notes","fields":["id","place","text","amount"],"order_by":["id"]}"#,
        r#"{"table":"notes","group_by":["place"],"aggregations":["count"]}"#,
        r#"{"table":"notes","aggregations":["count",{"function":"max","field":"amount"}]}"#,
        r#"{"table":"notes","fields":["nothing"]}"#,
    ] {
        for accept in ["application/json", "text/csv", "application/x-ndjson", ARROW, PARQUET] {
            let ask = async |app: &Router| post(body).with("accept", accept).of(app).await;
            let (one, other) = (ask(&few).await, ask(&many).await);
            assert_eq!((one.status, &one.headers), (other.status, &other.headers), "{body}");
            assert_eq!(one.body, other.body, "{accept}: {body}");
            assert_eq!(one.status == 200, !body.contains("nothing"), "{accept}: {body}");
        }
    }
}

/// Whether something was narrowed is told of what was asked: that a table has a field which somebody
/// may not see is told by no header, body or explanation.
#[tokio::test]
async fn l21_no_answer_says_that_a_table_has_hidden_fields() {
    let door = async |model: &str, fields: &str| {
        let policies = format!(
            "groups: {{ staff: {{}} }}\npolicies:\n  all: {{ groups: [staff], grant: {{ tables: [notes]{fields} }} }}\n"
        );
        let builder = Engine::builder().model("model.yaml", model);
        let builder = builder.policies("policies.yaml", &policies).batches("notes", vec![notes()]);
        let mia = Principal::asserted_by_host("mia").group("staff").build().unwrap();
        crate::router(builder.build().await.unwrap()).layer(Extension(mia))
    };
    let hidden = door(MODEL, ", fields: { except: [amount] }").await;
    let absent = door(&MODEL.replace(", amount: {}", ""), "").await;
    for body in [
        r#"{"table":"notes","order_by":["id"]}"#,
        r#"{"table":"notes","group_by":["place"],"aggregations":["count"]}"#,
        r#"{"table":"notes","fields":["amount"]}"#,
    ] {
        for (path, accept) in [
            ("query", "application/json"),
            ("query", "text/csv"),
            ("query", "application/x-ndjson"),
            ("query", ARROW),
            ("query", PARQUET),
            ("explain", "application/json"),
        ] {
            let ask = async |app: &Router| {
                let mut ask = post(body).with("accept", accept);
                *ask.0.uri_mut() = format!("/api/agent/{path}").parse().unwrap();
                ask.of(app).await
            };
            let (one, other) = (ask(&hidden).await, ask(&absent).await);
            assert_eq!((one.status, &one.headers), (other.status, &other.headers), "{path} {body}");
            assert_eq!(one.body, other.body, "{path} {accept}: {body}");
            let answered = !body.contains("amount");
            assert_eq!(one.status == 200, answered, "{path} {accept}: {body}");
            if answered && path == "query" {
                assert_eq!(one.header("x-sandbar-scoped"), "false", "{accept}: {body}");
            }
        }
    }
}

/// There is no history: what somebody has asked is told by no address, to nobody.
#[tokio::test]
async fn l55_no_address_tells_what_others_have_asked() {
    let metrics = Metrics::new();
    let engine = shop().decisions(metrics.clone()).build().await.unwrap();
    let app = Options::default().metrics(metrics.clone()).router(engine);
    let planted = "planted4711";
    for (field, status) in [("vendor", 200), (planted, 404)] {
        let filter = format!(r#"{{"field":"{field}","value":"{planted}"}}"#);
        let body = format!(r#"{{"table":"products","fields":["id"],"filter":{filter}}}"#);
        assert_eq!(post(body).bearing("ana").of(&app).await.status, status);
    }
    let mut answered = 0;
    for route in crate::routes().into_iter().filter(|route| route.method == "GET") {
        let id = if route.path.contains("metric") {
            "revenue"
        } else if route.path.contains("database") {
            "1"
        } else {
            "products"
        };
        let path = route.path.replace("{id}", id).replace("{field}", "vendor");
        let mut path = path.replace("{file}", "index.html");
        if path.ends_with("/search") {
            path.push_str("?q=products");
        }
        for name in ["ana", "wei", "vic"] {
            let told = get(&path).bearing(name).of(&app).await;
            answered += usize::from(told.status == 200);
            assert!(!holds(&told.body, planted.as_bytes()), "{path}");
        }
    }
    assert!(answered > 20, "only {answered} addresses told anything");
    let told = get("/metrics").of(&metrics.router()).await;
    assert!(told.status == 200 && !holds(&told.body, planted.as_bytes()), "{}", told.text());
}
