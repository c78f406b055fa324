//! `sandbar`, `query` and `explain`: what comes on stdout, and that nothing else does.

use std::io::Cursor;

use arrow::array::{AsArray, RecordBatch, RecordBatchReader};
use arrow::datatypes::{DataType, Decimal128Type};
use arrow::ipc::reader::StreamReader;
use serde_json::{Value, json};

use crate::{Ran, run, run_with};

/// Revenue by category in the last full quarter, for the regional manager.
const ROWS: [(Option<&str>, &str); 5] = [
    (Some("Doohickey"), "18371.80"),
    (Some("Gadget"), "22904.09"),
    (Some("Gizmo"), "28848.32"),
    (Some("Widget"), "21550.66"),
    (None, "432.83"),
];

const QUESTION: [&str; 6] =
    ["query", "revenue", "--by", "product.category", "--when", "previous quarter"];

fn wei(format: &str) -> Ran {
    let mut args = QUESTION.to_vec();
    args.extend(["--as", "wei", "--format", format]);
    run(&args).ends(0, &[])
}

#[test]
fn bare_it_shows_one_question_four_people_and_why() {
    let ran = run(&[]).ends(0, &[]);
    let told = [
        "revenue by product category in the last full quarter",
        "ana@shop.test",
        "Gizmo             118760.34",
        "Gizmo             28848.32",
        "Q0101 NotFound",
        "Q0104 Denied",
        "fixtures/shop/policies.yaml:",
        "SELECT",
        "cargo run -- serve",
    ];
    for words in told {
        assert!(ran.text().contains(words), "`{words}` is not in {}", ran.text());
    }
    assert_eq!(ran.err, "", "the demo has nothing else to say");
}

#[test]
fn a_table_has_aligned_columns_and_its_words_go_to_stderr() {
    let ran = wei("table");
    let lines = ran.lines();
    assert!(lines[0].contains("product.category") && lines[0].contains("revenue"), "{lines:?}");
    for (category, revenue) in ROWS {
        let category = category.unwrap_or("∅");
        let line = lines.iter().find(|line| line.starts_with(category)).unwrap();
        assert!(line.ends_with(revenue), "{line}");
    }
    assert!(!ran.text().contains("scoped"), "{}", ran.text());
    assert_eq!(ran.err, "5 rows, scoped to what this person may see\n");
}

#[test]
fn csv_is_the_rows_and_nothing_else() {
    let ran = wei("csv");
    let mut expected = "product.category,revenue\n".to_owned();
    for (category, revenue) in ROWS {
        expected.push_str(&format!("{},{revenue}\n", category.unwrap_or_default()));
    }
    assert_eq!((ran.text(), ran.err.as_str()), (expected.as_str(), ""));
}

#[test]
fn json_is_one_document() {
    let document: Value = serde_json::from_slice(&wei("json").out).unwrap();
    let rows: Vec<Value> = ROWS
        .iter()
        .map(|(category, revenue)| json!({ "product.category": category, "revenue": revenue }))
        .collect();
    assert_eq!(document["rows"], json!(rows));
    assert_eq!(
        document["columns"],
        json!([{ "name": "product.category", "type": "text" },
               { "name": "revenue", "type": "decimal(38,2)" }])
    );
    assert_eq!(document["scoped"], json!(true));
    assert_eq!(document["truncated"], json!(false));
}

#[test]
fn ndjson_is_one_object_a_line() {
    let ran = wei("ndjson");
    let lines: Vec<Value> =
        ran.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected: Vec<Value> = ROWS
        .iter()
        .map(|(category, revenue)| json!({ "product.category": category, "revenue": revenue }))
        .collect();
    assert_eq!(lines, expected);
}

/// What is read back: types and values of the first column and the second.
#[track_caller]
fn read_back(reader: impl RecordBatchReader) {
    let schema = reader.schema();
    assert_eq!(schema.field(0).name(), "product.category");
    assert_eq!(*schema.field(1).data_type(), DataType::Decimal128(38, 2));
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    let mut rows = Vec::new();
    for batch in &batches {
        let categories = arrow::compute::cast(batch.column(0), &DataType::Utf8).unwrap();
        let revenue = batch.column(1).as_primitive::<Decimal128Type>();
        for (index, category) in categories.as_string::<i32>().iter().enumerate() {
            rows.push((category.map(str::to_owned), revenue.value_as_string(index)));
        }
    }
    let expected: Vec<_> =
        ROWS.iter().map(|(a, b)| (a.map(str::to_owned), (*b).to_owned())).collect();
    assert_eq!(rows, expected);
}

#[test]
fn arrow_is_a_stream_that_can_be_read_back() {
    let ran = wei("arrow");
    assert_eq!(ran.err, "");
    read_back(StreamReader::try_new(Cursor::new(ran.out), None).unwrap());
}

#[test]
fn parquet_is_a_file_that_can_be_read_back() {
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    let ran = wei("parquet");
    assert_eq!(ran.err, "");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answer.parquet");
    std::fs::write(&path, ran.out).unwrap();
    let file = std::fs::File::open(path).unwrap();
    read_back(ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap());
}

#[test]
fn a_question_is_read_from_its_argument_a_file_or_stdin() {
    let json = r#"{"metrics": ["revenue"], "group_by": ["product.category"],
        "filter": {"field": "created_at", "op": "previous", "unit": "quarter"}}"#;
    let expected = wei("csv");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("question.json");
    std::fs::write(&file, json).unwrap();
    for (query, stdin) in [(json, ""), (file.to_str().unwrap(), ""), ("-", json)] {
        let ran = run_with(&["query", query, "--as", "wei", "--format", "csv"], stdin).ends(0, &[]);
        assert_eq!(ran.text(), expected.text(), "{query}");
    }
}

#[test]
fn somebody_described_on_the_command_line_is_asked_as() {
    let wei = wei("csv");
    let mut args = QUESTION.to_vec();
    args.extend(["--as", "zoe@shop.test", "--group", "regional", "--format", "csv"]);
    args.extend(["--attribute", r#"states=["CA", "WA", "OR", "NV", "AZ"]"#]);
    assert_eq!(run(&args).ends(0, &[]).text(), wei.text());
}

#[test]
fn what_is_refused_ends_with_one() {
    let mut args = QUESTION.to_vec();
    args.extend(["--as", "vic"]);
    run(&args).refused(1, &["Q0101 NotFound", "`revenue`"]);
    run(&["query", "revenue", "--as", "nia"]).refused(1, &["Q0104 Denied"]);
    run(&["query", r#"{"metric": 1}"#, "--as", "ana"]).refused(1, &["InvalidQuery"]);
}

/// The days of the rows, the newest last.
fn days(more: &[&str]) -> Vec<String> {
    let mut args = vec!["query", "revenue", "--by", "created_at:day", "--when", "last 3 days"];
    args.extend(["--as", "ana", "--format", "csv"]);
    args.extend(more);
    let ran = run(&args).ends(0, &[]);
    let lines = ran.lines();
    lines[1..].iter().map(|line| line.split(',').next().unwrap()[..10].to_owned()).collect()
}

#[test]
fn the_shop_ends_on_one_day_or_yesterday() {
    assert_eq!(days(&[]), ["2026-06-28", "2026-06-29", "2026-06-30"]);
    let day = |back: u64| {
        let now = crate::now() - std::time::Duration::from_secs(back * 86_400);
        jiff::Timestamp::try_from(now).unwrap().to_string()[..10].to_owned()
    };
    let before = day(1);
    let newest = days(&["--today"]).pop();
    assert!([Some(before), Some(day(1))].contains(&newest), "{newest:?}");
}

#[test]
fn an_export_is_as_long_as_it_is_asked_to_be() {
    let all = r#"{"table": "orders", "fields": ["id"]}"#;
    let export = |more: &[&str]| {
        let mut args = vec!["query", all, "--as", "ana", "--format", "csv"];
        args.extend(more);
        run(&args)
    };
    let usual = export(&[]).ends(0, &["W0002", "`--max-rows N`"]);
    assert_eq!(usual.lines().len(), 1 + 10_000);
    let long = export(&["--max-rows", "20000"]).ends(0, &[]);
    assert_eq!((long.lines().len(), long.err.as_str()), (1 + 18_760, ""));
    let short = export(&["--max-rows", "5"]).ends(0, &["`--max-rows N`"]);
    assert_eq!(short.lines().len(), 1 + 5);
    export(&["--max-rows", "0"]).refused(2, &["--max-rows"]);
}

#[test]
fn an_explanation_says_why_somebody_sees_less() {
    let mut args = QUESTION.to_vec();
    args[0] = "explain";
    args.extend(["--as", "wei"]);
    let ran = run(&args).ends(0, &[]);
    for words in ["columns: product.category", "scoped: yes", "regional_orders", "SELECT"] {
        assert!(ran.text().contains(words), "`{words}` is not in {}", ran.text());
    }
    assert!(!ran.text().contains("physical plan"), "{}", ran.text());
    args.push("--plans");
    let ran = run(&args).ends(0, &[]);
    assert!(ran.text().contains("physical plan") && ran.text().contains("logical plan"));
}

#[test]
fn an_explanation_says_why_somebody_sees_nothing() {
    // The time of the metric is looked up for `--when`; vic may not see the metric.
    let mut args = QUESTION.to_vec();
    args[0] = "explain";
    args.extend(["--as", "vic"]);
    let ran = run(&args).ends(0, &[]);
    for words in ["refused: Q0101", "hidden: `revenue` reads", "vendor_orders"] {
        assert!(ran.text().contains(words), "`{words}` is not in {}", ran.text());
    }
    args[1] = "revenues";
    run(&args).refused(1, &["NotFound"]);
}
