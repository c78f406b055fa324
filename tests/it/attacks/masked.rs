//! L22, L23, L24: a masked field is its mask wherever it stands. The clear values cannot be
//! grouped, filtered, sorted or aggregated by, neither in memory nor through the statistics of
//! files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use sandbar::{Engine, Principal, Session};
use tempfile::TempDir;

const PEOPLE: i64 = 2_000;

const MODEL: &str = "
tables:
  people:
    primary_key: [id]
    fields:
      id: {}
      email: {}
      name: {}
      note: {}
      score: {}
      city: {}
      double_score: { expr: score * 2 }
      loud_name: { expr: upper(name) }
      tenth: { expr: 'div(100, score - 8)' }
    segments: { named_clearly: { where: name = 'Ann 1' } }
    measures: { best: { expr: max(score) } }
  visits:
    primary_key: [id]
    fields: { id: {}, person_id: {} }
    relationships: { person: { to: people, on: { person_id: id }, cardinality: many_to_one } }
metrics: { visit_count: { table: visits, expr: count(*) } }
";

const POLICIES: &str = "
groups: { masked: {}, blind: {}, headless: {}, clear: {}, narrow: {} }
policies:
  visits: { groups: [masked, blind, headless, clear], grant: { tables: [visits] } }
  people: { groups: [clear], grant: { tables: [people] } }
  masked_people:
    groups: [masked]
    grant:
      tables: [people]
      masks: { email: hash, name: { prefix: 2 }, note: null, score: { constant: 7 } }
  narrow_people:
    groups: [narrow]
    grant: { tables: [people], rows: city = 'Oslo', masks: { score: { constant: 7 } } }
  blind_people: { groups: [blind], grant: { tables: [people], masks: { id: { constant: 0 } } } }
  headless_people: { groups: [headless], grant: { tables: [people], fields: { only: [city] } } }
";

fn email(id: i64) -> String {
    format!("user{:05}@example.com", id / 2)
}

fn name(id: i64) -> String {
    format!("{} {id}", ["Ann", "Anton", "Bob", "Cyd"][usize::try_from(id % 4).unwrap()])
}

fn prefix(id: i64) -> String {
    format!("{}***", name(id).chars().take(2).collect::<String>())
}

fn people() -> RecordBatch {
    let ids = 0..PEOPLE;
    let text = |of: fn(i64) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..PEOPLE).map(of)))
    };
    let columns: [(&str, ArrayRef); 6] = [
        ("id", Arc::new(Int64Array::from_iter_values(ids.clone()))),
        ("email", text(email)),
        ("name", text(name)),
        ("note", text(|id| format!("note {id}"))),
        ("score", Arc::new(Int64Array::from_iter_values(ids.map(|id| id % 100)))),
        ("city", text(|id| ["Rome", "Oslo"][usize::try_from(id % 2).unwrap()].to_owned())),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn visits() -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..50));
    let people: ArrayRef = Arc::new(Int64Array::from_iter_values((0..50).map(|id| id * 3)));
    RecordBatch::try_from_iter([("id", ids), ("person_id", people)]).unwrap()
}

/// The same rows in memory, and in a file with tight statistics in small row groups.
async fn engines() -> (Vec<Engine>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = File::create(folder.path().join("people.parquet")).unwrap();
    let small = WriterProperties::builder()
        .set_max_row_group_row_count(Some(100))
        .set_bloom_filter_enabled(true)
        .build();
    let mut writer = ArrowWriter::try_new(file, people().schema(), Some(small)).unwrap();
    writer.write(&people()).unwrap();
    writer.close().unwrap();
    let source = "sources: { people: { format: parquet, path: people.parquet } }";
    let start = || {
        Engine::builder()
            .model("model.yaml", MODEL)
            .policies("policies.yaml", POLICIES)
            .batches("visits", vec![visits()])
    };
    let memory = start().batches("people", vec![people()]).build().await.unwrap();
    let parquet = start().model("sources.yaml", source).base_dir(folder.path());
    (vec![memory, parquet.build().await.unwrap()], folder)
}

fn session(engine: &Engine, group: &str) -> Session {
    engine.session(Principal::asserted_by_host("mia").group(group).build().unwrap())
}

async fn lines(engine: &Engine, group: &str, query: &str) -> Vec<String> {
    let answer = session(engine, group).query_json(query).await.unwrap();
    let csv = answer.collect().await.unwrap().to_csv().unwrap();
    csv.lines().skip(1).map(str::to_owned).collect()
}

/// Asks the same of both engines.
async fn check_as(group: &str, query: &str, expected: &[String]) {
    let (engines, _folder) = engines().await;
    for engine in &engines {
        assert_eq!(lines(engine, group, query).await, expected, "{query}");
    }
}

/// A question about people, as somebody who sees them masked.
async fn check(rest: &str, expected: &[&str]) {
    let expected: Vec<String> = expected.iter().map(|line| (*line).to_owned()).collect();
    check_as("masked", &format!(r#"{{"table":"people",{rest}}}"#), &expected).await;
}

/// How many people fulfill a condition.
async fn check_count(condition: &str, expected: i64) {
    let expected = expected.to_string();
    check(&format!(r#""aggregations":["count"],"filter":{condition}"#), &[&expected]).await;
}

macro_rules! counts {
    ($($name:ident: $condition:literal => $expected:expr;)*) => {
        $(#[tokio::test]
        async fn $name() {
            check_count($condition, $expected).await;
        })*
    };
}

counts! {
    l24_clear_text_behind_a_hash: r#"{"field":"email","value":"user00007@example.com"}"# => 0;
    l24_clear_texts_behind_a_hash: r#"{"field":"email","values":["user00007@example.com","user00008@example.com"]}"# => 0;
    l24_start_of_clear_text_behind_a_hash: r#"{"field":"email","op":"starts_with","value":"user0"}"# => 0;
    l24_part_of_clear_text_behind_a_hash: r#"{"field":"email","op":"contains","value":"@example"}"# => 0;
    l24_every_clear_text_is_different: r#"{"field":"email","op":"!=","value":"user00007@example.com"}"# => PEOPLE;
    l24_clear_text_behind_a_prefix: r#"{"field":"name","value":"Ann 0"}"# => 0;
    l24_end_of_clear_text_behind_a_prefix: r#"{"field":"name","op":"ends_with","value":"7"}"# => 0;
    l24_masked_text_behind_a_prefix: r#"{"field":"name","value":"An***"}"# => PEOPLE / 2;
    l24_clear_number_behind_a_constant: r#"{"field":"score","value":50}"# => 0;
    l24_clear_numbers_behind_a_constant: r#"{"field":"score","op":">","value":90}"# => 0;
    l24_the_constant: r#"{"field":"score","value":7}"# => PEOPLE;
    l24_around_the_constant: r#"{"field":"score","op":"between","values":[6,8]}"# => PEOPLE;
    l24_clear_text_behind_null: r#"{"field":"note","value":"note 7"}"# => 0;
    l24_nothing_behind_null_is_present: r#"{"field":"note","op":"not_null"}"# => 0;
    l24_everything_behind_null_is_missing: r#"{"field":"note","op":"is_null"}"# => PEOPLE;
    l24_not_of_a_clear_number: r#"{"not":{"field":"score","op":"<","value":50}}"# => 0;
    l24_a_calculation_from_a_constant: r#"{"field":"double_score","value":14}"# => PEOPLE;
    l24_a_clear_calculation: r#"{"field":"double_score","op":"!=","value":14}"# => 0;
    l24_a_failing_calculation_sees_the_mask: r#"{"field":"tenth","value":-100}"# => PEOPLE;
    l24_a_calculation_from_a_prefix: r#"{"field":"loud_name","value":"BO***"}"# => PEOPLE / 4;
    l24_a_segment_over_a_clear_value: r#"{"segment":"named_clearly"}"# => 0;
}

#[tokio::test]
async fn l24_conditions_below_a_barrier_see_the_mask() {
    // Odd numbers live in Oslo. Because of what may fail, a barrier stands above the table, and the
    // condition below it, too.
    let question = r#"{"table":"people","fields":["id","tenth"],"order_by":["id"],"limit":3,
        "filter":{"field":"score","value":7}}"#;
    check_as("narrow", question, &["1,-100", "3,-100", "5,-100"].map(str::to_owned)).await;
}

#[tokio::test]
async fn l22_groups_of_a_prefix() {
    let groups = r#""group_by":["name"],"aggregations":["count"]"#;
    check(groups, &["An***,1000", "Bo***,500", "Cy***,500"]).await;
}

#[tokio::test]
async fn l22_groups_of_a_constant_and_of_null() {
    check(r#""group_by":["score","note"],"aggregations":["count"]"#, &["7,,2000"]).await;
}

#[tokio::test]
async fn l22_groups_of_a_calculation() {
    check(r#""group_by":["double_score"],"aggregations":["count"]"#, &["14,2000"]).await;
}

#[tokio::test]
async fn l23_aggregations_of_a_constant() {
    let of = |f: &str| format!(r#"{{"function":"{f}","field":"score"}}"#);
    let all = ["min", "max", "sum", "avg", "median", "count_distinct"].map(of).join(",");
    check(&format!(r#""aggregations":[{all}]"#), &["7,7,14000,7.0,7.0,1"]).await;
    check(r#""measures":["best"]"#, &["7"]).await;
}

#[tokio::test]
async fn l23_aggregations_of_a_prefix_and_of_null() {
    let of = |field: &str| {
        let all = ["min", "max", "count", "count_distinct"];
        all.map(|f| format!(r#"{{"function":"{f}","field":"{field}"}}"#)).join(",")
    };
    check(&format!(r#""aggregations":[{}]"#, of("name")), &["An***,Cy***,2000,3"]).await;
    check(&format!(r#""aggregations":[{}]"#, of("note")), &[",,0,0"]).await;
}

#[tokio::test]
async fn l24_order_of_a_constant_and_of_null_is_that_of_the_key() {
    for field in ["score", "note", "double_score"] {
        let order = format!(r#""order_by":[{{"field":"{field}","order":"desc"}}]"#);
        check(&format!(r#""fields":["id"],{order},"limit":3"#), &["0", "1", "2"]).await;
    }
}

#[tokio::test]
async fn l24_order_of_a_prefix() {
    let order = r#""fields":["id","name"],"order_by":[{"field":"name","order":"desc"}],"limit":2"#;
    check(order, &["3,Cy***", "7,Cy***"]).await;
    check(r#""fields":["id"],"order_by":["name"],"limit":3"#, &["0", "1", "4"]).await;
}

#[tokio::test]
async fn l22_a_hash_keeps_equality_and_nothing_else() {
    let (engines, _folder) = engines().await;
    for engine in &engines {
        let query = r#"{"table":"people","fields":["id","email"]}"#;
        let rows = lines(engine, "masked", query).await;
        let mut clear: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in &rows {
            let (id, hash) = row.split_once(',').unwrap();
            assert!(!hash.contains("user") && !hash.contains('@'), "{row}");
            clear.entry(hash.to_owned()).or_default().insert(email(id.parse().unwrap()));
        }
        assert_eq!(clear.len(), 1_000);
        assert!(clear.values().all(|emails| emails.len() == 1));
        // Who knows a hash finds its rows by it.
        let hash = rows[7].split_once(',').unwrap().1;
        let filter = format!(r#""filter":{{"field":"email","value":"{hash}"}}"#);
        let query = format!(r#"{{"table":"people","fields":["id"],{filter}}}"#);
        assert_eq!(lines(engine, "masked", &query).await, ["6", "7"]);
    }
}

#[tokio::test]
async fn l22_masked_values_over_a_relationship() {
    let named = (0..50).map(|visit| prefix(visit * 3));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    named.for_each(|name| *counts.entry(name).or_default() += 1);
    let expected: Vec<String> = counts.iter().map(|(name, n)| format!("{name},{n}")).collect();
    let groups = r#"{"table":"visits","group_by":["person.name"],"aggregations":["count"]}"#;
    check_as("masked", groups, &expected).await;
    let clear = r#"{"table":"visits","aggregations":["count"],
        "filter":{"field":"person.name","value":"Ann 0"}}"#;
    check_as("masked", clear, &["0".to_owned()]).await;
    check_as("clear", clear, &["1".to_owned()]).await;
}

#[tokio::test]
async fn l22_a_masked_key_joins_clearly_and_shows_its_mask() {
    let cities = r#"{"table":"visits","group_by":["person.city"],"aggregations":["count"]}"#;
    check_as("blind", cities, &["Oslo,25".to_owned(), "Rome,25".to_owned()]).await;
    let keys = r#"{"table":"visits","group_by":["person.id"],"aggregations":["count"]}"#;
    check_as("blind", keys, &["0,50".to_owned()]).await;
    let one =
        r#"{"table":"visits","aggregations":["count"],"filter":{"field":"person.id","value":3}}"#;
    check_as("blind", one, &["0".to_owned()]).await;
}

/// Every third of the first 150 people is visited once, whoever asks.
#[tokio::test]
async fn l24_numbers_are_looked_up_by_clear_keys_that_are_masked_or_hidden() {
    let visited = r#"{"table":"people","aggregations":["count"],
        "filter":{"metric":"visit_count","value":1}}"#;
    let of_person = r#"{"table":"visits","aggregations":["count"],
        "filter":{"metric":"visit_count","per":"person","value":1}}"#;
    for group in ["clear", "blind", "headless"] {
        check_as(group, visited, &["50".to_owned()]).await;
        check_as(group, of_person, &["50".to_owned()]).await;
    }
}

/// An answer is narrowed where masked values were read, or rows were left out; what is masked or
/// hidden beside it narrows nothing.
#[tokio::test]
async fn l21_l22_an_answer_says_that_masked_values_were_read() {
    let (engines, _folder) = engines().await;
    for (group, query, expected) in [
        ("masked", r#"{"table":"people","fields":["email"]}"#, true),
        ("masked", r#"{"table":"people","fields":["loud_name"]}"#, true),
        ("masked", r#"{"table":"people","fields":["city"],"order_by":["score"]}"#, true),
        (
            "masked",
            r#"{"table":"people","aggregations":["count"],"filter":{"field":"name","value":"An***"}}"#,
            true,
        ),
        ("masked", r#"{"metrics":["visit_count"],"group_by":["person.name"]}"#, true),
        ("masked", r#"{"metrics":["visit_count"],"group_by":["person.city"]}"#, false),
        ("masked", r#"{"table":"people","fields":["city"]}"#, false),
        ("masked", r#"{"table":"people","aggregations":["count"]}"#, false),
        ("headless", r#"{"table":"people","fields":["city"]}"#, false),
        ("narrow", r#"{"table":"people","fields":["city"]}"#, true),
        ("clear", r#"{"table":"people"}"#, false),
    ] {
        let answer = session(&engines[0], group).query_json(query).await.unwrap();
        assert_eq!(answer.is_scoped(), expected, "{group}: {query}");
    }
}
