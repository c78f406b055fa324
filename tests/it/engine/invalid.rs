//! Mistakes of authors as a host is told them: all of them, each at its place, whatever else is
//! wrong. The mistakes of `fixtures/invalid` are those that the check of each part is held to.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use sandbar::{
    Definitions, Engine, EngineBuilder, Error, ErrorKind, PolicyCases, PolicyDefinitions, Report,
    SemanticQuery, Session, SourceText,
};

use super::{MODEL, model, rows};

fn empty(columns: &[(&str, DataType)]) -> Vec<RecordBatch> {
    let fields = columns.iter().map(|(name, data_type)| Field::new(*name, data_type.clone(), true));
    vec![RecordBatch::new_empty(Arc::new(Schema::new(fields.collect::<Vec<_>>())))]
}

/// The sources that every model of `fixtures/invalid` may read.
fn sources() -> EngineBuilder {
    let (number, text) = (DataType::Int64, DataType::Utf8);
    let money = DataType::Decimal128(12, 2);
    let orders = [
        ("id", number.clone()),
        ("user_id", number.clone()),
        ("product_id", number.clone()),
        ("state", text.clone()),
        ("total", money.clone()),
        ("discount", money.clone()),
        ("paid", DataType::Boolean),
        ("weight", DataType::Float64),
        ("placed_on", DataType::Date32),
        ("created_at", DataType::Timestamp(TimeUnit::Microsecond, None)),
        ("note", text.clone()),
    ];
    let products = [
        ("id", number.clone()),
        ("category", text.clone()),
        ("price", money),
        ("vendor", text.clone()),
    ];
    let people = [
        ("id", number),
        ("name", text.clone()),
        ("email", text.clone()),
        ("state", text),
        ("birth_date", DataType::Date32),
    ];
    Engine::builder()
        .batches("orders", empty(&orders))
        .batches("products", empty(&products))
        .batches("people", empty(&people))
}

/// The files of a folder whose names start with `kind`, in order.
fn texts(folder: &Path, kind: &str) -> Vec<(String, String)> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name.starts_with(kind) && name.ends_with(".yaml"));
    names.sort();
    let read = |name: String| (name.clone(), fs::read_to_string(folder.join(name)).unwrap());
    names.into_iter().map(read).collect()
}

/// What is told, line by line: `CODE file:line:column message`.
fn lines(error: &Error) -> Vec<String> {
    let report = std::error::Error::source(error).unwrap().downcast_ref::<Report>().unwrap();
    let line = |finding: &sandbar::Finding| {
        let problem = &finding.problem;
        let file = finding.file.as_ref().map_or("-", |file| &*file.name);
        let place = problem.place.map_or("-".to_owned(), |p| format!("{}:{}", p.line, p.column));
        format!("{} {file}:{place} {}", problem.code, problem.message)
    };
    report.findings().iter().map(line).collect()
}

/// Whether a line says what is expected: code and place, and a part of the message.
fn says(line: &str, expected: &str) -> bool {
    let expected = expected.rsplit_once(" | ").map_or(expected, |(head, _)| head);
    let mut parts = expected.splitn(3, ' ');
    let (code, place, part) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    line.starts_with(&format!("{code} {place} ")) && line.contains(part)
}

#[track_caller]
fn same(found: &[String], expected: &[&str], what: &str) {
    let all = found.len() == expected.len();
    let same = all && found.iter().zip(expected).all(|(line, expected)| says(line, expected));
    assert!(same, "{what}: found\n  {}\nexpected\n  {}", found.join("\n  "), expected.join("\n  "));
}

#[tokio::test]
async fn every_mistake_is_told_by_the_engine_as_by_the_checks() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/invalid");
    let mut folders: Vec<PathBuf> =
        fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(folders.len() >= 50);
    for folder in folders {
        let mut builder = sources();
        for (name, text) in texts(&folder, "model") {
            builder = builder.model(&name, &text);
        }
        for (name, text) in texts(&folder, "policies") {
            builder = builder.policies(&name, &text);
        }
        let error = builder.build().await.unwrap_err();
        let expected = fs::read_to_string(folder.join("expected.txt")).unwrap();
        let expected: Vec<&str> = expected.lines().collect();
        same(&lines(&error), &expected, &folder.display().to_string());
    }
}

/// What is told of a model with policies over the usual source.
async fn check(model: &str, policies: &str, told: (ErrorKind, &str), expected: &[&str]) -> Error {
    let builder = Engine::builder().model("m.yaml", model).policies("p.yaml", policies);
    let error = builder.batches("sales", vec![rows(3)]).build().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), told, "{error}");
    same(&lines(&error), expected, &format!("{model}{policies}"));
    error
}

const FILES: &str = "
sources:
  gone: { format: csv, path: /nowhere/gone.csv }
  odd: { format: csv, path: /nowhere/odd.csv, delimiter: '→' }
tables:
  gone:
    primary_key: [id]
    time: at
    fields: { id: {}, at: {}, code: {}, twice: { expr: id + id }, four: { expr: twice * 2 } }
    segments: { some: { where: code = 'x' and four > 3 } }
    measures: { all: { expr: sum(four) } }
    relationships: { other: { to: odd, on: { id: id }, cardinality: many_to_one } }
  odd:
    primary_key: [id]
    fields: { id: { type: integer } }
    relationships: { one: { to: gone, on: { id: id }, cardinality: many_to_one } }
metrics:
  lost: { table: gone, expr: sum(twice), filter: code is null }
  more: { table: odd, expr: count(distinct one.code) }
  same: { table: gone, measure: all }
";

const MISSING: &str = "E0203 m.yaml:3:30 source `gone`: | -";
const ODD: &str = "E0204 m.yaml:4:3 source `odd`: the delimiter is one ASCII character | -";

#[tokio::test]
async fn a_source_that_cannot_be_opened_is_told_where_it_is_declared() {
    let error = check(FILES, "", (ErrorKind::Source, "E0203"), &[MISSING, ODD]).await;
    let text = error.to_string();
    assert!(text.contains("m.yaml:3:30") && text.contains("path: /nowhere/gone.csv"), "{text}");
    let only_odd = "
sources:

  odd: { format: csv, path: /nowhere/odd.csv, delimiter: '→' }
tables: { odd: { fields: { id: {} } } }
";
    check(only_odd, "", (ErrorKind::InvalidModel, "E0204"), &[ODD]).await;
}

#[tokio::test]
async fn keys_of_a_source_that_would_do_nothing_are_refused() {
    let told = (ErrorKind::InvalidModel, "E0204");
    for (declared, expected) in [
        ("json_lines, path: a, delimiter: ';'", "`delimiter` is for CSV files"),
        ("json_lines, path: a, header: false", "`header` is for CSV files"),
        ("parquet, path: a, header: true", "`header` is for CSV files"),
        ("arrow, path: a, delimiter: ','", "`delimiter` is for CSV files"),
        ("csv, path: a, delimiter: \"\\n\"", "no quote, end of a line or NUL"),
        ("csv, path: a, delimiter: \"\\r\"", "no quote, end of a line or NUL"),
        ("csv, path: a, delimiter: '\"'", "no quote, end of a line or NUL"),
        ("csv, path: a, delimiter: \"\\0\"", "no quote, end of a line or NUL"),
        ("csv, path: a, delimiter: é", "the delimiter is one ASCII character"),
    ] {
        let model = format!(
            "
sources: {{ odd: {{ format: {declared} }} }}
tables: {{ odd: {{ fields: {{ id: {{}} }} }} }}
"
        );
        let error = check(&model, "", told, &["E0204 m.yaml:2:12 source `odd`: | -"]).await;
        assert!(error.to_string().contains(expected), "{declared}: {error}");
    }
}

#[tokio::test]
async fn sources_that_the_host_gives_have_no_place() {
    let error = Engine::builder()
        .model("m.yaml", MODEL)
        .batches("sales", vec![])
        .batches("more", vec![])
        .build()
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Source, "E0203"), "{error}");
    same(&lines(&error), &["E0203 -:- `more` has no batch", "E0203 -:- `sales` has no batch"], "");
}

#[tokio::test]
async fn model_policies_and_sources_are_told_at_once() {
    let bad = format!("{FILES}  odder: {{ table: gone, expr: summ(id) }}\n");
    let policies = "
groups: { staff: {} }
policies:
  a: { groups: [stuff], grant: { tables: [gone, nowhere] } }
  b: { groups: [staff], grant: { tables: [gone], rows: id = 'x', fields: { only: [idd] } } }
  c: { groups: [staff], grant: { metrics: [lost] } }
  d: { groups: [staff] }
";
    let expected = [
        MISSING,
        ODD,
        "M0101 m.yaml:21:31 `summ` | -",
        "P0106 p.yaml:4:17 `stuff` is not a declared group | staff",
        "P0102 p.yaml:4:49 `nowhere` is not a table | -",
        "P0103 p.yaml:5:83 `idd` is not a field of `gone` | id",
        "P0111 p.yaml:7:3 policy `d` has exactly one of | -",
    ];
    check(&bad, policies, (ErrorKind::InvalidModel, "E0201"), &expected).await;
}

#[tokio::test]
async fn what_may_only_follow_from_another_problem_is_left_out() {
    // The field cannot be read; neither can the metric, and one that is made of it.
    let model = "
tables:
  sales: { fields: { id: {}, tenant: {}, code: { clumn: code } } }
metrics:
  all: { table: sales, expr: summ(id) }
  half: { derived: all / 2, inputs: { all: { metric: all } } }
";
    let policies = "
groups: { staff: {} }
policies:
  a: { groups: [staff], grant: { tables: [sales], fields: { only: [code, cod] } } }
  b: { groups: [staff], grant: { tables: [sales], rows: code = 7 } }
  c: { groups: [staff], grant: { tables: [sale], metrics: [all, half] } }
";
    let expected = [
        "D0002 m.yaml:3:50 unknown key `clumn` | column",
        "M0101 m.yaml:5:30 `summ` | -",
        "P0103 p.yaml:4:74 `cod` is not a field of `sales` | code",
        "P0102 p.yaml:6:43 `sale` is not a table | sales",
    ];
    let told = (ErrorKind::InvalidModel, "E0201");
    check(model, policies, told, &expected).await;
    // A file that is no YAML could have held anything.
    let error = check("tables: {", policies, told, &["D0000 m.yaml:1:9 unclosed"]).await;
    assert!(!error.to_string().contains("p.yaml"), "{error}");
}

/// A model of fields `x0` to `x{last}` and metrics `m0` to `m{last}`, each but the last computed
/// from the next; the first field stands in line 5, the first metric in the third line after them.
fn on_each_other(last: usize, of: impl Fn(String) -> String) -> String {
    let fields = (0..last).zip(1..).map(|(n, next): (_, usize)| {
        format!("      x{n}: {{ expr: {} }}\n", of(format!("x{next}")))
    });
    let metrics = (0..last).zip(1..).map(|(n, next): (_, usize)| {
        format!("  m{n}: {{ derived: {} }}\n", of(format!("m{next}")))
    });
    format!(
        "tables:\n  sales:\n    fields:\n      id: {{}}\n{}      x{last}: {{ expr: id }}\nmetrics:\n  \
         m{last}: {{ table: sales, expr: count(*) }}\n{}",
        fields.collect::<String>(),
        metrics.collect::<String>()
    )
}

/// Forty fields and forty metrics of which each uses the next one twice: written out, the first of
/// each has 2^41 - 1 parts. The 13th above the last one has 2^14 - 1, which is told; the ones below
/// it have at most 2^13 - 1 = 8191, and those above it are left out.
#[tokio::test]
async fn what_uses_the_next_twice_is_told_where_it_grows_too_large() {
    let model = on_each_other(40, |next| format!("{next} + {next}"));
    let expected = [
        "M0101 m.yaml:32:20 this has more than 10000 parts | -",
        "M0101 m.yaml:75:25 this has more than 10000 parts | -",
    ];
    check(&model, "", (ErrorKind::InvalidModel, "E0201"), &expected).await;
}

/// Of 3,000 fields and as many metrics, each computed from the next, all but the last 95 are too deep;
/// what stands on them is not told again.
#[tokio::test]
async fn thousands_that_stand_on_each_other_are_refused_and_overflow_no_stack() {
    let model = on_each_other(3_000, |next| format!("{next} + 1"));
    // x3000 is as deep as `id`: x2905 is 96 deep, and so is m2905 over its `count`.
    let expected = [
        "M0101 m.yaml:2909:22 or more than 96 in each other | -",
        "M0101 m.yaml:5912:3 or more than 96 in each other | -",
    ];
    check(&model, "", (ErrorKind::InvalidModel, "E0201"), &expected).await;
}

/// As deep as may be is not too deep for anything that a question goes through.
#[tokio::test]
async fn what_is_as_deep_as_may_be_is_answered() {
    let model = on_each_other(95, |next| format!("{next} + 1"));
    let model = model.replace("    fields:", "    primary_key: [id]\n    fields:");
    let policies = "
groups: { chiefs: {} }
policies: { all: { groups: [chiefs], grant: { tables: [sales] } } }
";
    let builder = Engine::builder().model("m.yaml", &model).policies("p.yaml", policies);
    let engine = builder.batches("sales", vec![rows(3)]).build().await.unwrap();
    let session = super::chief(&engine);
    for (question, told) in [
        (r#"{"table":"sales","fields":["x0"],"limit":1}"#, "x0\n95\n"),
        (r#"{"metrics":["m0"]}"#, "m0\n98\n"),
        (
            r#"{"table":"sales","aggregations":[{"function":"sum","field":"x0","as":"s"}]}"#,
            "s\n288\n",
        ),
    ] {
        let answer = session.query_json(question).await.unwrap().collect().await.unwrap();
        assert_eq!(answer.to_csv().unwrap(), told, "{question}");
    }
}

/// A session over fields of which each uses the next one twice: `x0` has as many before the `last`.
async fn doubling(fields: usize, last: &str) -> Session {
    let mut model = format!(
        "
tables:
  sales:
    primary_key: [id]
    fields:
      id: {{}}
      x{fields}: {{ expr: {last} }}
"
    );
    for (n, next) in (0..fields).zip(1..) {
        model += &format!("      x{n}: {{ expr: x{next} + x{next} }}\n");
    }
    let policies = "
groups: { chiefs: {} }
policies: { all: { groups: [chiefs], grant: { tables: [sales] } } }
";
    let builder = Engine::builder().model("m.yaml", &model).policies("p.yaml", policies);
    super::chief(&builder.batches("sales", vec![rows(3)]).build().await.unwrap())
}

#[track_caller]
fn check_refused(session: &Session, question: &str, code: Option<&str>) {
    let checked = session.check(&SemanticQuery::from_json(question).unwrap());
    assert_eq!(checked.err().map(|error| error.code()), code, "{question}");
}

/// What a question calculates counts the parts of the fields in it: 1 + 8191 + 1 and 1 + 2 × 8191.
#[tokio::test]
async fn values_of_a_question_count_what_the_model_calculates() {
    let session = doubling(12, "id").await;
    for (text, told) in [("x0 + 1", None), ("x0 + x0", Some("Q0162"))] {
        let question =
            format!(r#"{{"table":"sales","calculated":{{"y":"{text}"}},"fields":["y"]}}"#);
        check_refused(&session, &question, told);
    }
}

/// A comparison of a field of 8191 parts has 1 + 8191 + 1 = 8193: three have 24,579, and four 32,772,
/// of which 30,000 are allowed.
#[tokio::test]
async fn what_a_question_asks_for_counts_as_often_as_it_is_named() {
    let session = doubling(11, "id + 0").await;
    for (many, told) in [(3, None), (4, Some("Q0162"))] {
        let conditions: Vec<String> =
            (0..many).map(|n| format!(r#"{{"field":"x0","op":">","value":{n}}}"#)).collect();
        let filter = conditions.join(",");
        let question =
            format!(r#"{{"table":"sales","fields":["id"],"filter":{{"and":[{filter}]}}}}"#);
        check_refused(&session, &question, told);
    }
}

#[tokio::test]
async fn the_unreadable_definition_of_a_source_is_the_only_problem_of_its_table() {
    let model = "
sources: { files: { format: cvs, path: files.csv } }
tables: { files: { fields: { id: {} } } }
";
    let told = (ErrorKind::InvalidModel, "E0201");
    check(model, "", told, &["D0004 m.yaml:2:29 `cvs` is not one of | csv"]).await;
}

/// What reading a file of policies finds: codes and paths.
fn read_policies(text: &str) -> Vec<(&'static str, String)> {
    let report = PolicyDefinitions::from_yaml([SourceText::new("p.yaml", text)]).problems();
    report.findings().iter().map(|f| (f.problem.code, f.problem.path.clone())).collect()
}

#[test]
fn null_in_place_of_a_list_or_map_is_the_same_as_none() {
    for model in [
        "sources: null\ntables: null\nmetrics: null\ncollections:\n",
        "defaults: { fiscal_year: { starts: 2, named_after: null } }\n",
        "sources: { s: { format: csv, path: a, partitions: null, delimiter: null } }\n",
        "tables: { t: { synonyms: null, primary_key: null, fields: null, measures: null, \
         segments: null, relationships: null } }\n",
        "tables: { t: { fields: { id: { synonyms: null } }, \
         measures: { n: { expr: count(*), synonyms: null } }, \
         segments: { s: { where: id > 1, synonyms: null } } } }\n",
        "metrics: { m: { derived: a, inputs: null, requires: null, synonyms: null } }\n",
        "metrics: { m: { conversion: { base: a, conversion: b, entity: { base: x, conversion: z }, \
         gives: null, constant_properties: null } } }\n",
    ] {
        let report = Definitions::from_yaml_str("m.yaml", model).problems();
        assert!(report.is_empty(), "{model}: {report}");
    }
    for policies in [
        "attributes: null\ngroups: null\npolicies:\n",
        "policies: { p: { groups: [a], grant: { tables: [t], metrics: null, collections: null } } }",
        "policies: { p: { groups: [a], grant: { tables: null, collections: [c] } } }",
    ] {
        assert!(read_policies(policies).is_empty(), "{policies}");
    }
    for cases in ["people: null\ncases: null\n", "people: { a: { groups: null, attributes: } }\n"] {
        let report = PolicyCases::from_yaml([SourceText::new("c.yaml", cases)]).problems();
        assert!(report.is_empty(), "{cases}: {report}");
    }
}

#[test]
fn null_is_refused_where_a_policy_without_it_says_something_else() {
    for (policy, path) in [
        ("groups: null, deny: { tables: [t] }", "groups"),
        ("groups: null, restrict: { tables: [t], rows: x > 1 }", "groups"),
        ("groups: [a], grant: { tables: [t], masks: null }", "grant.masks"),
        ("deny: { tables: [t], fields: null }", "deny.fields"),
        ("deny: { tables: null, metrics: [m] }", "deny.tables"),
        ("deny: { tables: [t], metrics: null }", "deny.metrics"),
        ("deny: { tables: [t], collections: null }", "deny.collections"),
        ("restrict: { tables: null, rows: x > 1 }", "restrict.tables"),
    ] {
        let found = read_policies(&format!("policies: {{ p: {{ {policy} }} }}\n"));
        assert_eq!(found, [("D0001", format!("policies.p.{path}"))], "{policy}");
    }
}

#[tokio::test]
async fn a_reload_tells_as_much() {
    let engine = super::engine(3).await;
    let more = model().with_model("m.yaml", FILES).with_policies("p.yaml", "groups: 1");
    let error = engine.reload(&more).await.unwrap_err();
    same(&lines(&error), &[MISSING, ODD, "D0001 p.yaml:1:9 expected a map"], "");
    assert_eq!(engine.snapshot_version(), 1);
}
