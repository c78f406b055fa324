//! What is stored in types that calculations do not hold: whole numbers from 2^63, decimals that
//! have more than 38 digits together, nanoseconds. It is compared exactly, and no comparison fails.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Decimal256Array, Float32Array, Float64Array,
    Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, TimestampNanosecondArray,
    TimestampSecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, i256};
use sandbar::{AttributeValue, Engine, Error, Principal, Session, Subject};

const MODEL: &str = "
tables:
  t:
    primary_key: [id]
    fields: { id: {}, u: {}, v: {}, i: {}, wide: {}, fine: {}, at: {}, then: {}, n: {} }
";

fn rows() -> RecordBatch {
    let decimals = |values: [i128; 3], scale| -> ArrayRef {
        let values = Decimal128Array::from(values.to_vec()).with_precision_and_scale(38, scale);
        Arc::new(values.unwrap())
    };
    let nanos = |values: [i64; 3]| -> ArrayRef {
        Arc::new(TimestampNanosecondArray::from(values.to_vec()))
    };
    let columns: [(&str, ArrayRef); 9] = [
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("u", Arc::new(UInt64Array::from(vec![1, u64::MAX, 3]))),
        ("v", Arc::new(UInt64Array::from(vec![1, 2, (1 << 63) + 5]))),
        ("i", Arc::new(Int64Array::from(vec![1, -1, 4]))),
        // 38 digits before the point, and 20 behind it.
        ("wide", decimals([1, 10_i128.pow(38) - 1, 2], 0)),
        ("fine", decimals([150_000_000_000_000_000_000, 1, 200_000_000_000_000_000_000], 20)),
        ("at", nanos([1_500, 1_500, 1_500])),
        ("then", nanos([1_499, 1_500, 1_501])),
        ("n", Arc::new(Float64Array::from(vec![1.0, 9_007_199_254_740_992.0, 3.0]))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

async fn session(condition: &str) -> Result<Session, Error> {
    let policies = format!(
        "attributes: {{ big: {{ type: integer }} }}
groups: {{ everyone: {{}} }}
policies:
  some: {{ groups: [everyone], grant: {{ tables: [t], rows: \"{condition}\" }} }}
"
    );
    let engine = Engine::builder().model("model.yaml", MODEL).policies("policies.yaml", &policies);
    let engine = engine.batches("t", vec![rows()]).build().await?;
    let asker = Principal::asserted_by_host("ana").group("everyone");
    let asker = asker.attribute("big", AttributeValue::Integer(9_007_199_254_740_993));
    Ok(engine.session(asker.build().unwrap()))
}

#[tokio::test]
async fn what_is_stored_is_compared_exactly() {
    // The rows by hand.
    let expected = [
        ("u > v", "2"),
        ("u = v", "1"),
        ("u < v", "3"),
        ("u > i", "2"),
        ("i >= u", "1 3"),
        ("u in (v, 3)", "1 3"),
        ("u between v and 9223372036854775807", "1"),
        ("u = coalesce(i, 0)", "1"),
        ("wide > fine", "2"),
        ("wide < fine", "1"),
        ("wide = fine", "3"),
        ("fine > i", "1 2"),
        ("at > then", "1"),
        ("at = then", "2"),
        ("at is distinct from then", "1 3"),
        ("at < then", "3"),
        // There is no such double: its neighbor is another number.
        ("n = attribute.big", ""),
        ("n < attribute.big", "1 2 3"),
        ("n >= attribute.big", ""),
        ("n = 9007199254740992", "2"),
        ("n > 9007199254740991", "2"),
        ("try_cast(u as integer) = 3", "3"),
        ("try_cast(u as integer) is null", "2"),
        ("cast(u as text) = '18446744073709551615'", "2"),
        ("cast(u as number) > 1e19", "2"),
    ];
    for (condition, ids) in expected {
        let session = session(condition).await.unwrap_or_else(|e| panic!("{condition}: {e}"));
        let answer = session.query_json(r#"{"table":"t","fields":["id"],"order_by":["id"]}"#).await;
        let answer = answer.unwrap_or_else(|e| panic!("{condition}: {e}")).collect().await;
        let csv = answer.unwrap_or_else(|e| panic!("{condition}: {e}")).to_csv().unwrap();
        let found: Vec<&str> = csv.lines().skip(1).collect();
        assert_eq!(found.join(" "), ids, "{condition}");
    }
}

/// Somebody who sees all of one table, and its numbers.
async fn over(model: &str, rows: RecordBatch) -> Session {
    let policies = "
groups: { everyone: {} }
policies: { all: { groups: [everyone], grant: { tables: [t] } } }
";
    let engine = Engine::builder().model("model.yaml", model).policies("policies.yaml", policies);
    let engine = engine.batches("t", vec![rows]).build().await.unwrap();
    engine.session(Principal::asserted_by_host("ana").group("everyone").build().unwrap())
}

#[tokio::test]
async fn nothing_stands_behind_a_missing_extreme() {
    let decimals = Decimal256Array::from(vec![Some(i256::from_i128(150)), None]);
    let decimals = decimals.with_precision_and_scale(12, 2).unwrap();
    let rows = RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef, true),
        ("a", Arc::new(decimals), true),
    ]);
    let model = "
tables: { t: { primary_key: [id], fields: { id: {}, a: {} } } }
metrics: { twice: { table: t, expr: max(a) * 2 - min(a) } }
";
    let session = over(model, rows.unwrap()).await;
    let ask = async |question: &str| {
        let answer = session.query_json(question).await.unwrap().collect().await;
        answer.unwrap_or_else(|e| panic!("{question}: {e}")).to_csv().unwrap()
    };
    let question = r#"{"from":{"table":"t","group_by":["id"],
        "aggregations":[{"function":"max","field":"a","as":"m"}]},
        "calculated":{"x":"m + 1"},"fields":["id","x"]}"#;
    assert_eq!(ask(question).await, "id,x\n1,2.50\n2,\n");
    let question = r#"{"metrics":["twice"],"group_by":["id"]}"#;
    assert_eq!(ask(question).await, "id,twice\n1,1.50\n2,\n");
}

#[tokio::test]
async fn l1_decimals_of_a_negative_scale_are_listed_and_not_compared() {
    let hundreds = Decimal128Array::from(vec![12, -7]).with_precision_and_scale(38, -2);
    let rows = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
        ("d", Arc::new(hundreds.unwrap())),
    ]);
    let rows = rows.unwrap();
    let model = "tables: { t: { primary_key: [id], fields: { id: {}, d: {} } } }";
    let session = over(model, rows).await;
    let listed = session.query_json(r#"{"table":"t","fields":["id","d"]}"#).await.unwrap();
    assert_eq!(listed.collect().await.unwrap().to_csv().unwrap(), "id,d\n1,1200\n2,-700\n");
    for question in [
        r#"{"table":"t","fields":["id"],"filter":{"field":"d","op":">","value":1000}}"#,
        r#"{"table":"t","calculated":{"x":"d > 1000"},"fields":["x"]}"#,
        r#"{"table":"t","aggregations":[{"function":"sum","field":"d"}]}"#,
    ] {
        let refused = session.query_json(question).await.err().map(|error| error.code());
        assert!(refused.is_some_and(|code| code.starts_with('Q')), "{question}: {refused:?}");
    }
}

#[tokio::test]
async fn a_field_has_values_where_its_mean_leaves_the_decimals() {
    let most = 10_i128.pow(38) - 1;
    let decimals = Decimal128Array::from(vec![most, most - 1]).with_precision_and_scale(38, 0);
    let rows = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
        ("a", Arc::new(decimals.unwrap())),
    ]);
    let model = "tables: { t: { primary_key: [id], fields: { id: {}, a: {} } } }";
    let session = over(model, rows.unwrap()).await;
    let profile = session.field_profile(Subject::Table("t"), "a", 10).await.unwrap();
    assert_eq!(profile.statistics.to_csv().unwrap(), "rows,present,distinct_count\n2,2,2\n");
    let values = profile.values.to_csv().unwrap();
    let values: Vec<&str> = values.lines().skip(1).collect();
    assert_eq!(values, [(most - 1).to_string(), most.to_string()]);
}

#[tokio::test]
async fn large_numbers_of_a_question_are_the_doubles_that_they_are() {
    // 2^62, and 2^53 beside its neighbor.
    let numbers = vec![1 << 62, (1 << 53) + 1, -(1 << 62)];
    let rows = RecordBatch::try_from_iter([
        ("i", Arc::new(Int64Array::from(numbers)) as ArrayRef),
        ("n", Arc::new(Float64Array::from(vec![9_007_199_254_740_992.0, 1.0, 2.0]))),
    ]);
    let model = "tables: { t: { primary_key: [i], fields: { i: {}, n: {} } } }";
    let session = over(model, rows.unwrap()).await;
    for (field, op, value, rows) in [
        ("i", "=", "4.611686018427387904e18", 1),
        ("i", ">=", "4.611686018427388e18", 1),
        ("i", ">", "4.611686018427388e18", 0),
        ("i", "<=", "-4.611686018427388e18", 1),
        ("i", "=", "9007199254740993", 1),
        // Also with a point, what is written counts, and not the nearest double: 2^53.
        ("i", "=", "9007199254740993.0", 1),
        ("i", "=", "9007199254740993.5", 0),
        ("i", ">", "9007199254740992.5", 2),
        ("n", "=", "9007199254740992.5", 0),
        ("n", "<", "9007199254740992.5", 3),
        ("n", "=", "9007199254740992", 1),
        ("n", "=", "9007199254740993", 0),
        ("n", "<", "9007199254740993", 3),
    ] {
        let question = format!(
            r#"{{"table":"t","fields":["i"],"filter":{{"field":"{field}","op":"{op}","value":{value}}}}}"#
        );
        let answer = session.query_json(&question).await.unwrap().collect().await.unwrap();
        assert_eq!(answer.num_rows(), rows, "{question}");
    }
}

#[tokio::test]
async fn a10_narrow_doubles_are_compared_exactly() {
    // 2^24, 2^53, a fraction and -2^53; and what 16 bits hold.
    let numbers = [16_777_216.0, 9_007_199_254_740_992.0, 0.1, -9_007_199_254_740_992.0];
    let halves = Float64Array::from(vec![2048.0, 1.5, 0.1, -2048.0]);
    let half = arrow::compute::cast(&halves, &DataType::Float16).unwrap();
    let words = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Float32));
    let single: ArrayRef = Arc::new(Float32Array::from(numbers.to_vec()));
    let rows = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4])) as ArrayRef),
        ("r", single.clone()),
        ("w", arrow::compute::cast(&single, &words).unwrap()),
        ("h", half),
    ]);
    let model = "tables: { t: { primary_key: [id], fields: { id: {}, r: {}, w: {}, h: {} } } }";
    let session = over(model, rows.unwrap()).await;
    // The rows by hand.
    let expected = [
        ("r", "=", "9007199254740993", ""),
        ("r", "=", "9007199254740992", "2"),
        ("r", "!=", "9007199254740993", "1 2 3 4"),
        ("r", "<", "9007199254740993", "1 2 3 4"),
        ("r", "<", "9007199254740992", "1 3 4"),
        ("r", ">", "-9007199254740993", "1 2 3 4"),
        ("r", ">", "-9007199254740992", "1 2 3"),
        ("r", "<=", "-9007199254740993", ""),
        ("r", "=", "16777217", ""),
        ("r", "<", "36893488147419103233", "1 2 3 4"),
        // The double that 32 bits hold of it is a little more.
        ("r", "=", "0.1", ""),
        ("w", "=", "9007199254740993", ""),
        ("w", ">", "-9007199254740993", "1 2 3 4"),
        ("h", "=", "2049", ""),
        ("h", ">=", "2048", "1"),
        ("h", "<", "9007199254740993", "1 2 3 4"),
    ];
    for (field, op, value, ids) in expected {
        let question = format!(
            r#"{{"table":"t","fields":["id"],"order_by":["id"],
                "filter":{{"field":"{field}","op":"{op}","value":{value}}}}}"#
        );
        let answer = session.query_json(&question).await;
        let answer = answer.unwrap_or_else(|e| panic!("{question}: {e}")).collect().await;
        let csv = answer.unwrap_or_else(|e| panic!("{question}: {e}")).to_csv().unwrap();
        let found: Vec<&str> = csv.lines().skip(1).collect();
        assert_eq!(found.join(" "), ids, "{question}");
    }
    let question = r#"{"table":"t","aggregations":["count"],"filter":{"field":"r",
        "values":[9007199254740993,-9007199254740993,16777216]}}"#;
    let answer = session.query_json(question).await.unwrap().collect().await.unwrap();
    assert_eq!(answer.to_csv().unwrap(), "count\n1\n");
}

/// Three whole numbers near 2^63, and the least of 64 bits; decimals of 38 and of 20 digits.
async fn of_many_digits() -> Session {
    let large = 9_000_000_000_000_000_001;
    let decimals = |value: i128, scale| -> ArrayRef {
        let values = Decimal128Array::from(vec![value; 4]).with_precision_and_scale(38, scale);
        Arc::new(values.unwrap())
    };
    let rows = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4])) as ArrayRef),
        ("a", Arc::new(Int64Array::from(vec![large, large, i64::MIN, large]))),
        ("d", decimals(12_345_678_901_234_567_890_123_456_789_012_345_678, 0)),
        ("e", decimals(12_345_678_901_234_567_891, 3)),
        ("u", Arc::new(UInt64Array::from(vec![1, 2, 3, u64::MAX]))),
        // 2^63 and 2^64.
        ("n", Arc::new(Float64Array::from(vec![0.5, 1.5, 2_f64.powi(63), 2_f64.powi(64)]))),
    ]);
    let model = "tables: { t: { primary_key: [id],
        fields: { id: {}, a: {}, d: {}, e: {}, u: {}, n: {} } } }";
    over(model, rows.unwrap()).await
}

/// Whole numbers without a sign have a percentile of their own type, which holds all of them.
#[tokio::test]
async fn l30_a_percentile_is_one_of_the_whole_numbers_without_a_sign() {
    let session = of_many_digits().await;
    let at = |p: &str, name: &str| {
        format!(r#"{{"function":"percentile_disc","field":"u","p":{p},"as":"{name}"}}"#)
    };
    let (half, all) = (at("0.5", "half"), at("1", "all"));
    for (group, rows) in [
        ("", "half,all\n2,18446744073709551615\n"),
        (
            r#","group_by":["d"]"#,
            "d,half,all\n12345678901234567890123456789012345678,2,18446744073709551615\n",
        ),
    ] {
        let question = format!(r#"{{"table":"t","aggregations":[{half},{all}]{group}}}"#);
        let answer = session.query_json(&question).await.unwrap().collect().await.unwrap();
        assert_eq!(answer.to_csv().unwrap(), rows);
    }
}

#[tokio::test]
async fn a10_a_question_has_numbers_of_38_digits() {
    let session = of_many_digits().await;
    // The rows by hand.
    let expected = [
        ("a", "=", "-9223372036854775809", 0),
        ("a", "!=", "-9223372036854775809", 4),
        ("a", ">", "-9223372036854776000", 4),
        ("a", "<", "-9223372036854775809", 0),
        ("a", "=", "-9223372036854775808", 1),
        ("a", "<", "9223372036854775808", 4),
        ("a", "=", "18446744073709551616", 0),
        ("a", "<=", "18446744073709551617", 4),
        ("d", "=", "12345678901234567890123456789012345678", 4),
        ("d", ">", "12345678901234567890123456789012345678", 0),
        ("d", "<", "12345678901234567890123456789012345679", 4),
        ("d", "=", "12345678901234567890123456789012345679", 0),
        ("e", "=", "12345678901234567.891", 4),
        ("e", "=", "12345678901234567.8910", 4),
        ("e", "=", "12345678901234567.89", 0),
        ("e", ">", "12345678901234567.8905", 4),
        ("e", "<", "12345678901234567.8911", 4),
        ("u", "=", "18446744073709551615", 1),
        ("u", ">", "18446744073709551614", 1),
        ("u", "<", "18446744073709551616", 4),
        ("n", "=", "18446744073709551616", 1),
        ("n", "=", "18446744073709551617", 0),
        ("n", "<", "18446744073709551617", 4),
        ("n", ">", "18446744073709551615", 1),
        ("n", ">=", "9223372036854775809", 1),
        ("n", ">", "9223372036854775807.5", 2),
        // With an exponent it is a double.
        ("a", "<", "1e60", 4),
        ("a", "<", "9.3e18", 4),
    ];
    for (field, op, value, rows) in expected {
        let question = format!(
            r#"{{"table":"t","fields":["id"],"filter":{{"field":"{field}","op":"{op}","value":{value}}}}}"#
        );
        let answer = session.query_json(&question).await;
        let answer = answer.unwrap_or_else(|e| panic!("{question}: {e}")).collect().await;
        let answer = answer.unwrap_or_else(|e| panic!("{question}: {e}"));
        assert_eq!(answer.num_rows(), rows, "{question}");
    }
    let question = r#"{"table":"t","fields":["id"],"filter":{"field":"a",
        "values":[-9223372036854775809,9000000000000000001,9000000000000000000.5]}}"#;
    assert_eq!(session.query_json(question).await.unwrap().collect().await.unwrap().num_rows(), 3);
}

#[tokio::test]
async fn a10_a_sum_is_compared_with_what_is_written() {
    let session = of_many_digits().await;
    // Three times 9000000000000000001.
    for (value, rows) in [("27000000000000000003", 1), ("27000000000000000004", 0)] {
        let question = format!(
            r#"{{"table":"t","aggregations":[{{"function":"sum","field":"a","as":"s"}}],
                "filter":{{"field":"id","op":"!=","value":3}},
                "having":{{"field":"s","value":{value}}}}}"#
        );
        let answer = session.query_json(&question).await.unwrap().collect().await.unwrap();
        assert_eq!(answer.num_rows(), rows, "{question}");
    }
}

#[tokio::test]
async fn a10_what_has_more_than_38_digits_is_refused() {
    let session = of_many_digits().await;
    let (whole, fraction) = ("1".repeat(39), format!("0.{}", "1".repeat(39)));
    for value in [whole, format!("-1{fraction}"), fraction] {
        let question =
            format!(r#"{{"table":"t","fields":["id"],"filter":{{"field":"a","value":{value}}}}}"#);
        let refused = session.query_json(&question).await.err().unwrap();
        assert_eq!(refused.problems()[0].code, "D0005", "{value}: {refused}");
        assert!(refused.problems()[0].message.contains("at most 38 digits"), "{value}: {refused}");
    }
}

/// `endless` and `last` are what databases write for what is infinite: the last instant without a
/// zone, and the last day.
async fn of_times(zone: &str, condition: &str) -> Session {
    let model = format!(
        "defaults: {{ time_zone: {zone} }}
tables: {{ t: {{ primary_key: [id], fields: {{ id: {{}}, made: {{}}, endless: {{}}, first: {{}}, last: {{}} }} }} }}
"
    );
    let policies = format!(
        "groups: {{ everyone: {{}} }}
policies:
  some: {{ groups: [everyone], grant: {{ tables: [t], rows: \"{condition}\" }} }}
"
    );
    let times = |all: Vec<i64>| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(all)) };
    let rows = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
        ("made", times(vec![0, 1_000_000])),
        ("endless", times(vec![i64::MAX, 0])),
        ("first", times(vec![-i64::MAX, 0])),
        ("last", Arc::new(Date32Array::from(vec![i32::MAX, 0]))),
    ]);
    let engine = Engine::builder().model("model.yaml", &model).policies("policies.yaml", &policies);
    let engine = engine.batches("t", vec![rows.unwrap()]).build().await.unwrap();
    engine.session(Principal::asserted_by_host("ana").group("everyone").build().unwrap())
}

#[tokio::test]
async fn l1_what_is_endless_is_later_than_all_else() {
    let expected = [
        ("endless > made", "1"),
        ("endless is not null and (case when endless > made then false else true end)", "2"),
        ("endless = endless", "1 2"),
        ("first < made", "1 2"),
        ("first < endless and first < last", "1"),
        ("last > made", "1"),
        ("last >= endless", "1 2"),
        ("coalesce(endless, made) = made", ""),
        ("greatest(endless, made) > timestamp '2024-01-01'", "1"),
        ("endless >= timestamp '2024-01-01'", "1"),
    ];
    for (condition, ids) in expected {
        let session = of_times("UTC", condition).await;
        let answer = session.query_json(r#"{"table":"t","fields":["id"],"order_by":["id"]}"#).await;
        let answer = answer.unwrap_or_else(|e| panic!("{condition}: {e}")).collect().await;
        let csv = answer.unwrap_or_else(|e| panic!("{condition}: {e}")).to_csv().unwrap();
        let found: Vec<&str> = csv.lines().skip(1).collect();
        assert_eq!(found.join(" "), ids, "{condition}");
    }
    // A day of a zone that is beyond its calendar.
    let session = of_times("America/New_York", "last > made").await;
    let count = r#"{"table":"t","aggregations":["count"]}"#;
    let answer = session.query_json(count).await.unwrap().collect().await.unwrap();
    assert_eq!(answer.to_csv().unwrap(), "count\n2\n");
}

#[tokio::test]
async fn no_policy_calculates_with_what_would_fail() {
    for condition in [
        "coalesce(u, 0) = 1",
        "greatest(u, i) = 1",
        "case when i = 1 then u else 0 end = 1",
        "cast(u as integer) = 1",
        "coalesce(wide, fine) = 1",
    ] {
        let refused = session(condition).await.expect_err(condition).to_string();
        assert!(refused.contains("P0108"), "{condition}: {refused}");
        assert!(refused.contains("which not every value of"), "{condition}: {refused}");
    }
}

/// Keys in seconds, nanoseconds, and microseconds without a zone and with one.
async fn of_keys(policies: &str) -> Session {
    let model = "
tables:
  t:
    primary_key: [s]
    fields: { id: {}, s: {}, m: {} }
    relationships:
      fine: { to: u, on: { s: ns }, cardinality: many_to_one }
      zoned: { to: v, on: { m: z }, cardinality: many_to_one }
  u:
    primary_key: [ns]
    fields: { id: {}, ns: {}, word: {} }
    relationships: { coarse: { to: t, on: { ns: s }, cardinality: many_to_one } }
  v: { primary_key: [z], fields: { z: {}, word: {} } }
metrics:
  rows: { table: t, expr: count(*) }
";
    let ids = || -> ArrayRef { Arc::new(Int64Array::from(vec![1, 2, 3])) };
    let words = || -> ArrayRef { Arc::new(StringArray::from(vec!["a", "b", "c"])) };
    // In 2286, where nanoseconds have ended, at the end of all, and the second second.
    let seconds: ArrayRef = Arc::new(TimestampSecondArray::from(vec![10_000_000_000, i64::MAX, 2]));
    let m: ArrayRef =
        Arc::new(TimestampMicrosecondArray::from(vec![1_000_000, i64::MAX, -1_500_000]));
    let nanos = vec![2_000_000_000, 2_000_000_001, i64::MIN];
    let nanos: ArrayRef = Arc::new(TimestampNanosecondArray::from(nanos));
    let z = TimestampMicrosecondArray::from(vec![i64::MAX, -1_500_000, 7]);
    let z: ArrayRef = Arc::new(z.with_timezone("Europe/Berlin"));
    let t = RecordBatch::try_from_iter([("id", ids()), ("s", seconds), ("m", m)]);
    let u = RecordBatch::try_from_iter([("id", ids()), ("ns", nanos), ("word", words())]);
    let v = RecordBatch::try_from_iter([("z", z), ("word", words())]);
    let engine = Engine::builder().model("model.yaml", model).policies("policies.yaml", policies);
    let engine = engine.batches("t", vec![t.unwrap()]).batches("u", vec![u.unwrap()]);
    let engine = engine.batches("v", vec![v.unwrap()]).build().await.unwrap();
    engine.session(Principal::asserted_by_host("ana").group("everyone").build().unwrap())
}

#[tokio::test]
async fn l1_keys_of_instants_in_two_units_or_zones_meet_exactly_and_never_fail() {
    let all = "
groups: { everyone: {} }
policies: { all: { groups: [everyone], grant: { tables: [t, u, v] } } }
";
    let session = of_keys(all).await;
    let ask = async |question: &str| {
        let answer = session.query_json(question).await.unwrap().collect().await;
        let csv = answer.unwrap_or_else(|e| panic!("{question}: {e}")).to_csv().unwrap();
        csv.lines().skip(1).collect::<Vec<_>>().join(" ")
    };
    let fine = r#"{"table":"t","fields":["id","fine.word"],"order_by":["id"]}"#;
    assert_eq!(ask(fine).await, "1, 2, 3,a");
    let coarse = r#"{"table":"u","fields":["id","coarse.id"],"order_by":["id"]}"#;
    assert_eq!(ask(coarse).await, "1,3 2, 3,");
    // -1.5 seconds stand in the second row of `v`, and what is infinite in the first.
    let zoned = r#"{"table":"t","fields":["id","zoned.word"],"order_by":["id"]}"#;
    assert_eq!(ask(zoned).await, "1, 2,a 3,b");
}

#[tokio::test]
async fn l1_conditions_over_keys_of_instants_do_not_fail_on_hidden_rows() {
    let narrowed = "
groups: { everyone: {} }
policies:
  own: { groups: [everyone], grant: { tables: [t], rows: fine.word = 'a' } }
  theirs: { groups: [everyone], grant: { tables: [u, v] } }
";
    let session = of_keys(narrowed).await;
    let answer = session.query_json(r#"{"metrics":["rows"]}"#).await.unwrap().collect().await;
    assert_eq!(answer.unwrap().to_csv().unwrap(), "rows\n1\n");
}

#[tokio::test]
async fn days_and_instants_beyond_the_calendar_are_told() {
    let days = Date32Array::from(vec![Some(i32::MAX), None, Some(i32::MIN)]);
    let instants = TimestampMicrosecondArray::from(vec![i64::MIN, 0, i64::MAX]);
    let rows = RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef, true),
        ("day", Arc::new(days), true),
        ("at", Arc::new(instants), true),
    ]);
    let model = "tables: { t: { primary_key: [id], fields: { id: {}, day: {}, at: {} } } }";
    let session = over(model, rows.unwrap()).await;
    let ask = async |question: &str| {
        let answer = session.query_json(question).await.unwrap().collect().await;
        answer.unwrap_or_else(|e| panic!("{question}: {e}"))
    };
    // What Java's `LocalDate` and `Instant` say of them.
    let (last_day, last) = ("+5881580-07-11", "+294247-01-10T04:00:54.775807Z");
    let (first_day, first) = ("-5877641-06-23", "-290308-12-21T19:59:05.224192Z");
    let listed = ask(r#"{"table":"t","fields":["id","day","at"]}"#).await;
    let csv =
        format!("id,day,at\n1,{last_day},{first}\n2,,1970-01-01T00:00:00Z\n3,{first_day},{last}\n");
    assert_eq!(listed.to_csv().unwrap(), csv);
    assert!(listed.to_table().unwrap().contains(last_day));
    let json = listed.to_json_rows().unwrap();
    assert_eq!((&json[2]["day"], &json[2]["at"]), (&first_day.into(), &last.into()));
    let ends = r#"{"table":"t","aggregations":[
        {"function":"min","field":"at","as":"a"},{"function":"max","field":"day","as":"b"}]}"#;
    assert_eq!(ask(ends).await.to_csv().unwrap(), format!("a,b\n{first},{last_day}\n"));
    let groups = r#"{"table":"t","group_by":["at"],"aggregations":["count"]}"#;
    let found = ask(groups).await.to_csv().unwrap();
    assert_eq!(found, format!("at,count\n{first},1\n1970-01-01T00:00:00Z,1\n{last},1\n"));
}
