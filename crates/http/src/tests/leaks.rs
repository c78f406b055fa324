//! What lies in memory beside an answer stays there.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Int64Array, RecordBatch, StringArray, StringViewArray,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use arrow::ipc::reader::StreamReader;
use axum::Extension;
use sandbar::{Engine, Principal};

use super::{Told, post};

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

async fn ask(body: &str) -> Told {
    let builder = Engine::builder().model("model.yaml", MODEL).policies("policies.yaml", POLICIES);
    let engine = builder.batches("notes", vec![notes()]).build().await.unwrap();
    let mia = Principal::asserted_by_host("mia").group("staff").attribute("place", "north");
    let app = crate::router(engine).layer(Extension(mia.build().unwrap()));
    post(body.to_owned()).with("accept", "application/vnd.apache.arrow.stream").of(&app).await
}

#[tokio::test]
async fn an_arrow_stream_holds_only_what_is_seen() {
    for body in [
        r#"{"table":"notes","fields":["id","place","text","amount"],"order_by":["id"]}"#,
        r#"{"table":"notes","fields":["place","text"],"filter":{"field":"id","op":"=","value":"a"}}"#,
        r#"{"table":"notes","group_by":["place","text","amount"]}"#,
    ] {
        let told = ask(body).await;
        assert_eq!(told.status, 200, "{}", String::from_utf8_lossy(&told.body));
        for hidden in ["hidden-place", "hidden-text", "hidden-metadata"] {
            assert!(!holds(&told.body, hidden.as_bytes()), "`{hidden}` for {body}");
        }
        assert!(!holds(&told.body, &HIDDEN_AMOUNT.to_le_bytes()), "{body}");
        assert!(holds(&told.body, b"the text of the north, in full"), "{body}");
        let schema = StreamReader::try_new(&told.body[..], None).unwrap().schema();
        assert!(schema.metadata().is_empty());
        assert!(schema.fields().iter().all(|field| field.metadata().is_empty()));
    }
}

#[tokio::test]
async fn what_a_dictionary_stands_for_is_sent() {
    let told = ask(r#"{"table":"notes","fields":["place"],"order_by":["place"]}"#).await;
    let reader = StreamReader::try_new(&told.body[..], None).unwrap();
    assert_eq!(reader.schema().field(0).data_type(), &DataType::Utf8);
    let rows: usize = reader.map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, 2);
}
