//! Constants in double precision beside exact numbers, means of whole numbers, rounding, instants
//! before 1970: expected values are worked out by hand.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch, TimestampNanosecondArray,
};
use sandbar::{Engine, Principal, Session};

use crate::percentiles::answer;

const MODEL: &str = "
tables:
  t:
    primary_key: [id]
    fields:
      id: {}
      total: {}
      pieces: {}
      wide: {}
      at: {}
      cheap: { expr: total < 1e2 }
    segments: { dear: { where: total >= 1e2 } }
metrics:
  few: { table: t, expr: count(*) filter (where total < 1e2) }
  dear: { table: t, expr: count(*), filter: total > 9.9e1 }
  pieces: { table: t, expr: sum(pieces) }
";

const POLICIES: &str = "
attributes: { most: { type: number }, some: { type: number, list: true } }
groups: { everyone: {}, below: {}, among: {}, least: {}, fitting: {} }
policies:
  all: { groups: [everyone], grant: { tables: [t] } }
  below: { groups: [below], grant: { tables: [t], rows: total < attribute.most } }
  among: { groups: [among], grant: { tables: [t], rows: pieces in (attribute.some) } }
  fitting:
    groups: [fitting]
    grant: { tables: [t], rows: \"try_cast(pieces as decimal(5,0)) > 0\" }
  least: { groups: [least], grant: { tables: [t], rows: pieces >= attribute.most } }
";

/// Totals 50.00, 1.01, 100.00, 9999999999.99 and none; pieces 3, 2, 10, 2^63 - 1 and 5.
async fn engine() -> Engine {
    let total = [Some(5_000), Some(101), Some(10_000), Some(999_999_999_999), None];
    let total = Decimal128Array::from(total.to_vec()).with_precision_and_scale(12, 2).unwrap();
    let wide = Float64Array::from(vec![1e300, 2.345, -0.5, 4_503_599_627_370_497.0, 100.0]);
    // The last nanosecond of 1969, and some of 1970.
    let at = TimestampNanosecondArray::from(vec![-1, 0, 1_999, -1_001, 86_400_000_000_000]);
    let columns: [(&str, ArrayRef); 5] = [
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5]))),
        ("total", Arc::new(total)),
        ("pieces", Arc::new(Int64Array::from(vec![3, 2, 10, i64::MAX, 5]))),
        ("wide", Arc::new(wide)),
        ("at", Arc::new(at)),
    ];
    let rows = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    );
    let builder = Engine::builder().model("model.yaml", MODEL).policies("policies.yaml", POLICIES);
    builder.batches("t", vec![rows.unwrap()]).build().await.unwrap()
}

async fn ana() -> Session {
    let ana = Principal::asserted_by_host("ana").group("everyone").build().unwrap();
    engine().await.session(ana)
}

/// The ids for which a condition is true, with commas between.
async fn check(condition: &str, expected: &str) {
    let question = format!(
        r#"{{"table":"t","calculated":{{"x":"{condition}"}},"fields":["id"],
            "filter":{{"field":"x","value":true}}}}"#
    );
    let found = answer(&ana().await, &question).await.unwrap();
    let ids: Vec<&str> = found.lines().skip(1).collect();
    assert_eq!(ids.join(","), expected, "{condition}");
}

#[tokio::test]
async fn a_double_beside_exact_numbers_is_what_its_digits_say() {
    check("total < 1e2", "1,2").await;
    check("total <= 1e2", "1,2,3").await;
    check("total > 1e2", "4").await;
    check("1e2 > total", "1,2").await;
    check("total = 1.01e0", "2").await;
    check("total <> 1.01e0", "1,3,4").await;
    check("total = 1.015e0", "").await;
    check("total in (1e2, 1.01)", "2,3").await;
    check("total between 1e0 and 5e1", "1,2").await;
    check("pieces < 2.5e0", "2").await;
    check("pieces in (3e0, 5e0)", "1,5").await;
    check("pieces > -1e300", "1,2,3,4,5").await;
    check("pieces < 1e300", "1,2,3,4,5").await;
    check("case pieces when 3e0 then true else false end", "1").await;
    check("nullif(pieces, 3e0) is null", "1").await;
    let session = ana().await;
    let numbers = r#"{"metrics":["few","dear"]}"#;
    assert_eq!(answer(&session, numbers).await.as_deref(), Ok("few,dear\n2,2\n"));
    let field = r#"{"table":"t","fields":["id"],"filter":{"field":"cheap","value":true}}"#;
    assert_eq!(answer(&session, field).await.as_deref(), Ok("id\n1\n2\n"));
    let segment = r#"{"table":"t","fields":["id"],"segments":["dear"]}"#;
    assert_eq!(answer(&session, segment).await.as_deref(), Ok("id\n3\n4\n"));
    let having = r#"{"metrics":["pieces"],"group_by":["id"],"having":{"field":"pieces","op":"<","value":2.5e0}}"#;
    assert_eq!(answer(&session, having).await.as_deref(), Ok("id,pieces\n2,2\n"));
}

/// Totals 50.00, 1.01, 100.00, 9999999999.99 and none.
#[tokio::test]
async fn what_is_cast_is_compared_as_what_it_is_cast_to() {
    check("cast(total as integer) = 1", "2").await;
    check("cast(total as integer) in (1, 50)", "1,2").await;
    check("cast(total as integer) between 1 and 50", "1,2").await;
    check("cast(total as decimal(12,1)) = 1.0", "2").await;
    check("cast(total as integer) is distinct from 1", "1,3,4,5").await;
    check("nullif(cast(total as integer), 1) is null", "2,5").await;
    check("case cast(total as integer) when 1 then true else false end", "2").await;
    check("1 = cast(total as integer)", "2").await;
    // 9999999999.99 and 2^63 - 1 do not fit.
    check("try_cast(total as decimal(5,2)) > 1", "1,2,3").await;
    check("try_cast(pieces as decimal(5,0)) > 0", "1,2,3,5").await;
    let question = r#"{"table":"t","calculated":{"k":"cast(total as integer)"},
        "aggregations":["count"],"group_by":["k"],"having":{"field":"k","value":1}}"#;
    assert_eq!(answer(&ana().await, question).await.as_deref(), Ok("k,count\n1,1\n"));
    // What does not fit is an error wherever it is looked at.
    for text in ["cast(pieces as decimal(5,0))", "cast(0 - pieces as decimal(5,0))"] {
        let question = format!(
            r#"{{"table":"t","calculated":{{"k":"{text}"}},"fields":["id"],
                "filter":{{"field":"k","op":">","value":0}}}}"#
        );
        assert_eq!(answer(&ana().await, &question).await, Err("E0304".to_owned()), "{text}");
    }
}

#[tokio::test]
async fn l1_a_policy_over_a_cast_shows_what_fits() {
    let asker = Principal::asserted_by_host("sam").group("fitting").build().unwrap();
    let question = r#"{"table":"t","fields":["id"]}"#;
    let found = answer(&engine().await.session(asker), question).await;
    assert_eq!(found.as_deref(), Ok("id\n1\n2\n3\n5\n"));
}

#[tokio::test]
async fn l1_a_number_attribute_beside_exact_numbers_hides_what_it_should() {
    let engine = engine().await;
    let seen = async |group: &str, name: &str, value: sandbar::AttributeValue| {
        let asker = Principal::asserted_by_host("sam").group(group).attribute(name, value);
        let question = r#"{"table":"t","fields":["id"]}"#;
        answer(&engine.session(asker.build().unwrap()), question).await.unwrap()
    };
    use sandbar::AttributeValue::{List, Number};
    assert_eq!(seen("below", "most", Number(50.0)).await, "id\n2\n");
    assert_eq!(seen("below", "most", Number(50.01)).await, "id\n1\n2\n");
    assert_eq!(seen("below", "most", Number(0.5)).await, "id\n");
    assert_eq!(seen("least", "most", Number(4.5)).await, "id\n3\n4\n5\n");
    assert_eq!(seen("among", "some", List(vec![Number(3.0), Number(2.5)])).await, "id\n1\n");
}

#[tokio::test]
async fn a_mean_of_whole_numbers_is_that_of_their_exact_sum() {
    // 3, 2, 10 and 5 beside the largest whole number and its negative: 20 over 6.
    let question = r#"{"table":"t","calculated":{"both":"case when id = 5 then 5 - pieces else pieces end",
            "x":"pieces"},
        "aggregations":[{"function":"avg","field":"x","as":"mean",
            "filter":{"field":"id","op":"!=","value":4}}]}"#;
    assert_eq!(answer(&ana().await, question).await.as_deref(), Ok("mean\n5.0\n"));
    // The largest, and what takes it away again but for 7.
    let question = r#"{"table":"t","calculated":{"x":"case id when 1 then -9223372036854775800 else pieces end"},
        "aggregations":[{"function":"avg","field":"x","as":"mean"}],
        "filter":{"field":"id","values":[1,2,3,4]}}"#;
    // 2^63 - 1 - 9223372036854775800 = 7; with 2 and 10 that is 19 over 4.
    assert_eq!(answer(&ana().await, question).await.as_deref(), Ok("mean\n4.75\n"));
}

#[tokio::test]
async fn numbers_are_rounded_and_never_lost() {
    let of = async |text: &str| {
        let question = format!(r#"{{"table":"t","calculated":{{"x":"{text}"}},"fields":["x"]}}"#);
        let found = answer(&ana().await, &question).await.unwrap();
        found.lines().skip(1).collect::<Vec<_>>().join(" ")
    };
    let as_they_are = "1e300 2.345 -0.5 4503599627370497.0 100.0";
    assert_eq!(of("round(wide, 300)").await, as_they_are);
    assert_eq!(of("round(wide, 400)").await, as_they_are);
    assert_eq!(of("round(wide, 20)").await, as_they_are);
    assert_eq!(of("round(wide, -309)").await, "0.0 0.0 0.0 0.0 0.0");
    assert_eq!(of("round(wide, 2)").await, "1e300 2.35 -0.5 4503599627370497.0 100.0");
    assert_eq!(of("round(wide, -2)").await, "1e300 0.0 -0.0 4503599627370500.0 100.0");
    // Ids 1 to 5: 100001 to 500001, and 10^9 + 1 to 5 × 10^9 + 1.
    let hundreds = "100000.0 200000.0 300000.0 400000.0 500000.0";
    assert_eq!(of("round(id * 1e5 + 1e0, -5)").await, hundreds);
    let billions = "1000000000.0 2000000000.0 3000000000.0 4000000000.0 5000000000.0";
    assert_eq!(of("round(id * 1e9 + 1e0, -9)").await, billions);
    assert_eq!(of("round(wide * -1e8, -300)").await, "-1e308 -0.0 0.0 -0.0 -0.0");
    assert_eq!(
        of("round(id * 1e5 + 1e0, id - 6)").await,
        "100000.0 200000.0 300000.0 400000.0 500000.0"
    );
    // No double is two times 10^308, and no number of digits is too large.
    let large = of("round(wide * 1.7e8, -308)").await;
    assert_eq!(large.split(' ').next(), Some("1.7000000000000001e308"));
    assert_eq!(of("round(wide, id * 1000000000000)").await, as_they_are);
    assert_eq!(
        of("round(wide, cast(pieces as integer) * 0 + 1)").await.split(' ').next(),
        Some("1e300")
    );
}

#[tokio::test]
async fn z1_every_instant_is_before_the_last_day_of_the_calendar() {
    for zone in ["UTC", "Europe/Berlin", "America/New_York"] {
        let question = format!(
            r#"{{"table":"t","time_zone":"{zone}","calculated":{{"x":"at < date '9999-12-31'",
                "y":"coalesce(at >= date '9999-12-31', true)"}},
                "aggregations":["count"],"group_by":["x","y"]}}"#
        );
        let found = answer(&ana().await, &question).await;
        assert_eq!(found.as_deref(), Ok("x,y,count\ntrue,false,5\n"), "{zone}");
    }
}

#[tokio::test]
async fn instants_before_1970_stay_in_their_microsecond() {
    let question = r#"{"table":"t","calculated":{"x":"coalesce(at, timestamp '2000-01-01 00:00:00')",
            "y":"year(coalesce(at, timestamp '2000-01-01 00:00:00'))"},
        "fields":["x","y"],"filter":{"field":"id","values":[1,3,4]}}"#;
    let found = answer(&ana().await, question).await.unwrap();
    let expected = "x,y\n1969-12-31T23:59:59.999999Z,1969\n1970-01-01T00:00:00.000001Z,1970\n\
                    1969-12-31T23:59:59.999998Z,1969\n";
    assert_eq!(found, expected);
}
