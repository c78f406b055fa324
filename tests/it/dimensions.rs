//! Fields of one dimension are asked together, whatever each is called in its table.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use sandbar::{Engine, Principal};
use sandbar_testkit::csv;

const MODEL: &str = "
tables:
  sales:
    fields: { region: { dimension: region }, amount: {}, city: { dimension: place }, town: { dimension: place } }
  goals:
    fields: { area: { dimension: region }, wanted: {}, spot: { dimension: place } }
metrics:
  sold: { table: sales, expr: sum(amount) }
  goal: { table: goals, expr: sum(wanted) }
";
const POLICIES: &str = "
groups: { all: {}, some: {} }
policies:
  all: { groups: [all], grant: { tables: [sales, goals] } }
  sales: { groups: [some], grant: { tables: [sales] } }
  goals: { groups: [some], grant: { tables: [goals], fields: { except: [area] } } }
";

async fn asked_by(group: &str, question: &str) -> Result<String, String> {
    let texts = |texts: [&str; 2]| -> ArrayRef { Arc::new(StringArray::from(texts.to_vec())) };
    let numbers = |numbers: [i64; 2]| -> ArrayRef { Arc::new(Int64Array::from(numbers.to_vec())) };
    let sales = RecordBatch::try_from_iter([
        ("region", texts(["N", "S"])),
        ("amount", numbers([1, 2])),
        ("city", texts(["a", "b"])),
        ("town", texts(["a", "b"])),
    ]);
    let goals = RecordBatch::try_from_iter([
        ("area", texts(["N", "W"])),
        ("wanted", numbers([10, 5])),
        ("spot", texts(["a", "c"])),
    ]);
    let engine = Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .batches("sales", vec![sales.unwrap()])
        .batches("goals", vec![goals.unwrap()])
        .build()
        .await
        .unwrap();
    let asker = Principal::asserted_by_host("ann").group(group).build().unwrap();
    csv(&engine.session(asker), question).await
}

#[tokio::test]
async fn numbers_are_grouped_by_one_dimension_under_either_name() {
    for name in ["region", "area"] {
        let question = format!(r#"{{"metrics":["sold","goal"],"group_by":["{name}"]}}"#);
        let rows = asked_by("all", &question).await.unwrap();
        assert_eq!(rows, format!("{name},sold,goal\nN,1,10\nS,2,\nW,,5\n"));
        let question =
            format!(r#"{{"metrics":["sold","goal"],"filter":{{"field":"{name}","value":"N"}}}}"#);
        assert_eq!(asked_by("all", &question).await.unwrap(), "sold,goal\n1,10\n");
    }
}

#[tokio::test]
async fn a_dimension_that_is_not_one_field_of_a_table_is_not_guessed() {
    // One of two fields of the dimension.
    let question = r#"{"metrics":["sold","goal"],"group_by":["spot"]}"#;
    assert!(asked_by("all", question).await.unwrap_err().starts_with("Q0142"));
    // Of each of the two by its name there is one in the other table.
    let question = r#"{"metrics":["sold","goal"],"group_by":["town"]}"#;
    let rows = "town,sold,goal\na,1,10\nb,2,\nc,,5\n";
    assert_eq!(asked_by("all", question).await.unwrap(), rows);
    // A number alone is not asked by what another table has.
    let question = r#"{"metrics":["sold"],"group_by":["area"]}"#;
    assert!(asked_by("all", question).await.unwrap_err().starts_with("Q0105"));
    // With its table it is a field of that.
    let question = r#"{"metrics":["sold","goal"],"group_by":["sales.region"]}"#;
    assert!(asked_by("all", question).await.unwrap_err().starts_with("Q0142"));
    // Whoever is not shown the one field has no such dimension there.
    let question = r#"{"metrics":["sold","goal"],"group_by":["region"]}"#;
    assert!(asked_by("some", question).await.unwrap_err().starts_with("Q0142"));
    let question = r#"{"metrics":["sold","goal"],"group_by":["area"]}"#;
    assert!(asked_by("some", question).await.unwrap_err().starts_with("Q0105"));
}
