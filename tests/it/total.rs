//! What is taken for a calculation that cannot fail cannot: every function and conversion over the
//! ends of every stored type. It stands in a row filter, or beside rows that are told in groups only
//! if that is so; and of rows that are hidden no calculation tells.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Date64Array, Decimal64Array, Decimal128Array,
    Decimal256Array, DictionaryArray, Float32Array, Float64Array, Int16Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray, TimestampNanosecondArray,
    TimestampSecondArray, UInt64Array,
};
use arrow::datatypes::{Int32Type, i256};
use sandbar::{Engine, Principal, Session};
use sandbar_testkit::{csv, told};

/// The fields, by what they can be calculated with.
const NUMBERS: [&str; 13] = [
    "i16", "i64", "u64", "f32", "f64", "d5_2", "d38_0", "d38_10", "d38_38", "d76", "d64", "d256",
    "id",
];
const TIMES: [&str; 5] = ["day", "day64", "seconds", "micros", "nanos"];
const OTHERS: [&str; 2] = ["word", "flag"];

/// A harmless row, the least and the greatest of each type, and what else is special: of times, the
/// last day before Arrow's calendar.
fn rows(count: usize) -> RecordBatch {
    let decimals = |values: [i128; 4], precision, scale| -> ArrayRef {
        let values = Decimal128Array::from(values.to_vec());
        Arc::new(values.with_precision_and_scale(precision, scale).unwrap())
    };
    let most = 10_i128.pow(38) - 1;
    let huge = i256::from_i128(10).wrapping_pow(50);
    let huge = Decimal256Array::from(vec![i256::from_i128(1), huge, huge, huge.wrapping_neg()]);
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3, 4]));
    let short = Decimal64Array::from(vec![1, 999_999_999_999_999_999, -999_999_999_999_999_999, 0]);
    let wide = [1, most, -most, 0].map(i256::from_i128).to_vec();
    let wide = Decimal256Array::from(wide).with_precision_and_scale(38, 0).unwrap();
    let columns: [(&str, ArrayRef); 20] = [
        ("d64", Arc::new(short.with_precision_and_scale(18, 0).unwrap())),
        ("d256", Arc::new(wide)),
        ("id", ids.clone()),
        ("i16", Arc::new(Int16Array::from(vec![1, i16::MIN, i16::MAX, 0]))),
        ("i64", Arc::new(Int64Array::from(vec![Some(1), Some(i64::MIN), Some(i64::MAX), None]))),
        ("u64", Arc::new(UInt64Array::from(vec![1, 0, u64::MAX, 1 << 63]))),
        ("f32", Arc::new(Float32Array::from(vec![1.0, f32::MIN, f32::INFINITY, f32::NAN]))),
        ("f64", Arc::new(Float64Array::from(vec![1.0, f64::MIN, f64::NEG_INFINITY, f64::NAN]))),
        ("d5_2", decimals([1, -99_999, 99_999, 0], 5, 2)),
        ("d38_0", decimals([1, -most, most, 0], 38, 0)),
        ("d38_10", decimals([1, -most, most, 0], 38, 10)),
        ("d38_38", decimals([1, -most, most, 0], 38, 38)),
        ("d76", Arc::new(huge.with_precision_and_scale(76, 2).unwrap())),
        ("day", Arc::new(Date32Array::from(vec![1, i32::MIN, i32::MAX, -96_465_293]))),
        ("day64", Arc::new(Date64Array::from(vec![86_400_000, i64::MIN, i64::MAX, -1]))),
        (
            "seconds",
            Arc::new(TimestampSecondArray::from(vec![1, i64::MIN, i64::MAX, -8_334_601_228_801])),
        ),
        (
            "micros",
            Arc::new(
                TimestampMicrosecondArray::from(vec![1, i64::MIN, i64::MAX, -1])
                    .with_timezone("UTC"),
            ),
        ),
        ("nanos", Arc::new(TimestampNanosecondArray::from(vec![1, i64::MIN, i64::MAX, -1]))),
        ("word", Arc::new(StringArray::from(vec!["1", "", "9999999999999999999999999", "x"]))),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, None]))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, values)| (name, values, true)))
        .unwrap()
        .slice(0, count)
}

/// Calculations over one field and over two.
fn calculations() -> Vec<String> {
    let types = ["integer", "number", "decimal(38,0)", "decimal(38,30)", "text", "date"];
    let types = types.iter().chain(&["datetime", "boolean"]);
    let fields = || NUMBERS.iter().chain(&TIMES).chain(&OTHERS);
    let mut all: Vec<String> = Vec::new();
    for field in fields() {
        for to in types.clone() {
            all.push(format!("cast({field} as {to})"));
            all.push(format!("try_cast({field} as {to})"));
        }
        for other in fields() {
            let alike = |of: &[&str]| of.contains(field) && of.contains(other);
            if !alike(&NUMBERS) && !alike(&TIMES) && !alike(&OTHERS) {
                continue;
            }
            all.push(format!("coalesce({field}, {other})"));
            all.push(format!("greatest({field}, {other})"));
            all.push(format!("nullif({field}, {other})"));
            all.push(format!("case when id > 0 then {field} else {other} end"));
            all.push(format!("case when {field} < {other} then 1 else 2 end"));
            all.push(format!("case when {field} in ({other}, null) then 1 else 2 end"));
            all.push(format!("{field} / {other}"));
            all.push(format!("{field} - {other}"));
        }
    }
    for number in NUMBERS {
        for of in ["abs(X)", "ceil(X)", "round(X)", "round(X, 300)", "round(X, -2)", "-X", "X"] {
            all.push(of.replace('X', number));
        }
        for of in
            ["bin(X, 7)", "bin(X, 7, 3)", "case when X > 0.5 then 1 else 2 end", "least(X, 0)"]
        {
            all.push(of.replace('X', number));
        }
        all.push(format!("coalesce({number}, 0.00000000000000000000000000000000000001)"));
        all.push(format!("case when {number} = 18446744073709551615 then 1 else 2 end"));
        let tiny = "0.00000000001292312268966698634514489502";
        all.push(format!("case when {number} > {tiny} then 1 else 2 end"));
        all.push(format!("case when {number} between -1 and 99999.999 then 1 else 2 end"));
    }
    for time in TIMES {
        for part in ["year", "month", "day", "isoyear", "quarter", "week", "hour", "minute"] {
            all.push(format!("extract({part} from {time})"));
        }
        for grain in ["hour", "day", "week", "month", "quarter", "year"] {
            all.push(format!("date_trunc('{grain}', {time})"));
        }
        all.push(format!("case when {time} >= date '2026-01-01' then 1 else 2 end"));
        all.push(format!("case when {time} < timestamp '9999-12-31 00:00:00' then 1 else 2 end"));
    }
    for of in ["length(word)", "substring(word, 2)", "substring(word, 1, i64)", "word like '%9%'"] {
        all.push(of.to_owned());
    }
    all
}

fn model(zone: &str) -> String {
    let fields = NUMBERS.iter().chain(&TIMES).chain(&OTHERS);
    let fields: Vec<String> = fields.map(|field| format!("{field}: {{}}")).collect();
    format!(
        "defaults: {{ time_zone: {zone} }}
tables:
  t:
    primary_key: [id]
    fields: {{ {} }}
    relationships: {{ with: {{ to: small, on: {{ id: id }}, cardinality: many_to_one }} }}
  small: {{ primary_key: [id], fields: {{ id: {{}} }} }}
",
        fields.join(", ")
    )
}

const POLICIES: &str = "
groups: { first: {}, few: {} }
policies:
  first: { groups: [first], grant: { tables: [t], rows: id = 1 } }
  all: { groups: [few], grant: { tables: [t, small] } }
  few: { groups: [few], restrict: { tables: [small], min_group_size: 2 } }
";

async fn engine(zone: &str, policies: &str, count: usize) -> Result<Engine, sandbar::Error> {
    let engine = Engine::builder().model("model.yaml", &model(zone)).policies("p.yaml", policies);
    let small =
        RecordBatch::try_from_iter([("id", rows(count).column_by_name("id").unwrap().clone())])
            .unwrap();
    engine.batches("t", vec![rows(count)]).batches("small", vec![small]).build().await
}

fn session(engine: &Engine, group: &str) -> Session {
    engine.session(Principal::asserted_by_host("ann").group(group).build().unwrap())
}

/// The questions in which a calculation stands: over a table, and over an answer.
fn questions(calculation: &str) -> [String; 2] {
    let members = format!(
        r#""calculated":{{"c":{calculation:?}}},"filter":{{"field":"c","op":"not_null"}},"aggregations":["count"]"#
    );
    let fields = NUMBERS.iter().chain(&TIMES).chain(&OTHERS).filter(|f| calculation.contains(*f));
    let fields: BTreeSet<&str> = fields.copied().chain(["id"]).collect();
    [
        format!(r#"{{"table":"t",{members}}}"#),
        format!(r#"{{"from":{{"table":"t","fields":{fields:?}}},{members}}}"#),
    ]
}

async fn check(zone: &str, calculations: impl Iterator<Item = String>) {
    let alone = session(&engine(zone, POLICIES, 1).await.unwrap(), "first");
    let all = engine(zone, POLICIES, 4).await.unwrap();
    let (among, few) = (session(&all, "first"), session(&all, "few"));
    let (mut wrong, mut answered, mut refused) = (String::new(), 0, 0);
    for calculation in calculations {
        for question in questions(&calculation) {
            let (one, two) = (csv(&alone, &question).await, csv(&among, &question).await);
            if one != two {
                let _ = writeln!(wrong, "{question}\n  {one:?}\n  {two:?}");
            }
        }
        // Beside rows that are told in groups.
        let known = r#"{"field":"c","op":"not_null"}"#;
        let beside = format!(r#"{{"and":[{known},{{"field":"with.id","op":">","value":0}}]}}"#);
        let question = questions(&calculation)[0].replace(known, &beside);
        match csv(&few, &question).await {
            Ok(_) => answered += 1,
            Err(error) if error.starts_with("Q0160") => refused += 1,
            Err(error) if error.starts_with('Q') => {}
            Err(error) => {
                let _ = writeln!(wrong, "{question}\n  in groups: {error}");
            }
        }
    }
    assert!(wrong.is_empty(), "{answered} answered, {refused} refused\n{wrong}");
    assert!(answered > 150 && refused > 5, "{answered} answered, {refused} refused");
}

#[tokio::test]
async fn l1_l30_no_calculation_tells_of_the_ends_of_types() {
    check("UTC", calculations().into_iter()).await;
}

#[tokio::test]
async fn l1_l30_no_calculation_tells_of_the_ends_of_types_in_another_zone() {
    let times = |calculation: &String| TIMES.iter().any(|time| calculation.contains(time));
    check("America/New_York", calculations().into_iter().filter(times)).await;
}

/// Of too few rows no number is told, and none fails.
#[tokio::test]
async fn l30_no_aggregation_of_few_rows_tells_of_the_ends_of_types() {
    let policies = POLICIES.replace("min_group_size: 2", "min_group_size: 3");
    let session = session(&engine("UTC", &policies, 4).await.unwrap(), "few");
    let named = ["sum", "avg", "min", "max", "count", "count_distinct", "median", "stddev"];
    let named = named.iter().chain(&["stddev_pop", "variance", "variance_pop", "approx_distinct"]);
    let share = |of| format!(r#"{{"function":"{of}","p":0.5,"field":"FIELD","as":"n"}}"#);
    let functions: Vec<String> = named
        .map(|name| format!(r#"{{"function":"{name}","field":"FIELD","as":"n"}}"#))
        .chain(["percentile", "percentile_disc"].map(share))
        .collect();
    let (mut wrong, mut missing) = (String::new(), 0);
    for field in NUMBERS.iter().chain(&TIMES).chain(&OTHERS) {
        let question = |functions: &[&String], ids: &str| {
            let named = functions.iter().enumerate().map(|(at, function)| {
                function.replace("FIELD", field).replace(r#""n""#, &format!(r#""n{at}""#))
            });
            format!(
                r#"{{"table":"t","aggregations":[{}],"filter":{{"and":[
                    {{"field":"id","op":"in","values":[{ids}]}},
                    {{"field":"with.id","op":">","value":0}}]}}}}"#,
                named.collect::<Vec<_>>().join(",")
            )
        };
        // Those that have a meaning for the type.
        let mut meant = Vec::new();
        for function in &functions {
            match csv(&session, &question(&[function], "1")).await {
                Err(error) if error.starts_with("Q0127") => {}
                _ => meant.push(function),
            }
        }
        for ids in ["1", "2", "3", "4", "2,4", "1,3", "3,4"] {
            let question = question(&meant, ids);
            match csv(&session, &question).await {
                Ok(answer) if answer.lines().nth(1) == Some(&",".repeat(meant.len() - 1)) => {
                    missing += meant.len();
                }
                other => {
                    let _ = writeln!(wrong, "{question}\n  {other:?}");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(missing > 1000, "{missing} missing");
}

/// Each calculation stands in a row filter of its own; those that the check refuses are left out.
#[tokio::test]
async fn l1_no_row_filter_fails_on_the_ends_of_types() {
    let mut calculations = calculations();
    let policies = |calculations: &[String]| {
        let mut policies = "groups: {".to_owned();
        (0..calculations.len()).for_each(|n| write!(policies, " g{n}: {{}},").unwrap());
        policies.push_str(" }\npolicies:\n");
        for (n, calculation) in calculations.iter().enumerate() {
            let grant = format!("{{ tables: [t], rows: \"({calculation}) is not null\" }}");
            writeln!(policies, "  p{n}: {{ groups: [g{n}], grant: {grant} }}").unwrap();
        }
        policies
    };
    let engine = loop {
        let error = match engine("America/New_York", &policies(&calculations), 4).await {
            Ok(engine) => break engine,
            Err(error) => told(&error),
        };
        let refused: BTreeSet<usize> = error
            .lines()
            .filter_map(|line| line.split_once("p.yaml:")?.1.split(':').next()?.parse().ok())
            // The policies begin in the third line.
            .filter_map(|line: usize| line.checked_sub(3))
            .collect();
        assert!(!refused.is_empty(), "{error}");
        for n in refused.into_iter().rev() {
            calculations.remove(n);
        }
    };
    let mut wrong = String::new();
    for (n, calculation) in calculations.iter().enumerate() {
        let question = r#"{"table":"t","aggregations":["count"]}"#;
        if let Err(error) = csv(&session(&engine, &format!("g{n}")), question).await {
            let _ = writeln!(wrong, "{calculation}: {error}");
        }
    }
    assert!(wrong.is_empty(), "{} kept\n{wrong}", calculations.len());
    assert!(calculations.len() > 500, "{} kept", calculations.len());
}

/// Of texts in dictionaries: two different ones in the first group, and one in the second.
#[tokio::test]
async fn l30_texts_in_dictionaries_are_counted_in_groups() {
    let texts: DictionaryArray<Int32Type> = ["a", "b", "b", "a"].into_iter().collect();
    let rows = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4])) as ArrayRef),
        ("of", Arc::new(Int64Array::from(vec![1, 1, 1, 2]))),
        ("text", Arc::new(texts)),
    ]);
    let engine = Engine::builder()
        .model(
            "model.yaml",
            "tables: { t: { primary_key: [id], fields: { id: {}, of: {}, text: {} } } }",
        )
        .policies(
            "p.yaml",
            "groups: { all: {} }\npolicies: { all: { groups: [all], grant: { tables: [t] } } }",
        )
        .batches("t", vec![rows.unwrap()])
        .build()
        .await
        .unwrap();
    let question = r#"{"table":"t","group_by":["of"],"aggregations":[{"function":"count_distinct","field":"text","as":"n"}]}"#;
    assert_eq!(csv(&session(&engine, "all"), question).await.unwrap(), "of,n\n1,2\n2,1\n");
}
