//! What a question calculates itself: where it stands, in whose zone it counts, what it may name,
//! and what is refused.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use sandbar::query::{Aggregation, Filter, Op, SemanticQuery};
use sandbar::{Engine, ErrorKind, Principal, Session};

use crate::percentiles::answer;

const MODEL: &str = "
tables:
  lines:
    primary_key: [id]
    time: sold_at
    fields:
      id: {}
      item_id: {}
      pieces: {}
      price: {}
      cost: {}
      sold_at: {}
      month: { grain: month }
    relationships: { item: { to: items, on: { item_id: id }, cardinality: many_to_one } }
  items:
    primary_key: [id]
    fields: { id: {}, name: {}, weight: {} }
  returns:
    primary_key: [id]
    time: sold_at
    fields: { id: {}, item_id: {}, pieces: {}, sold_at: {} }
    relationships: { item: { to: items, on: { item_id: id }, cardinality: many_to_one } }
  priced:
    query:
      table: lines
      calculated: { margin: price - cost }
      fields: [id, margin]
      filter: { field: margin, op: \"!=\", value: 0.5 }
    primary_key: [id]
    fields: { id: { type: integer }, margin: { type: \"decimal(11,2)\" } }
metrics:
  sold: { table: lines, expr: sum(pieces) }
  returned: { table: returns, expr: sum(pieces) }
  so_far: { cumulative: { metric: sold } }
";

const POLICIES: &str = "
groups: { everyone: {}, sellers: {}, masked: {} }
policies:
  all: { groups: [everyone], grant: { tables: [lines, items, returns, priced] } }
  seller:
    groups: [sellers]
    grant: { tables: [lines], rows: item_id = 1, fields: { except: [cost] } }
  seller_of_priced: { groups: [sellers], grant: { tables: [priced] } }
  masked: { groups: [masked], grant: { tables: [lines], masks: { price: { constant: 1.00 } } } }
";

fn cents(values: &[i128]) -> ArrayRef {
    let cents = Decimal128Array::from(values.to_vec());
    Arc::new(cents.with_precision_and_scale(10, 2).unwrap())
}

/// Lines: 2 × 10.00 of 1 at 23:30 on January 31, 3 × 4.00 of 2 and 1 × 0.50 of nothing in February.
async fn session(group: &str) -> Session {
    let hour = 3_600_000_000_i64;
    let day = |days: i64| days * 24 * hour;
    // 20484 is 2026-01-31.
    let times = vec![day(20_484) + 23 * hour + hour / 2, day(20_490), day(20_491)];
    let columns: [(&str, ArrayRef, bool); 7] = [
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3])), true),
        ("item_id", Arc::new(Int64Array::from(vec![Some(1), Some(2), None])), true),
        ("pieces", Arc::new(Int64Array::from(vec![2, 3, 1])), true),
        ("price", cents(&[1_000, 400, 50]), true),
        ("cost", cents(&[600, 500, 0]), true),
        ("sold_at", Arc::new(TimestampMicrosecondArray::from(times)), true),
        ("month", Arc::new(Date32Array::from(vec![20_454, 20_485, 20_485])), true),
    ];
    let lines = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let columns: [(&str, ArrayRef, bool); 3] = [
        ("id", Arc::new(Int64Array::from(vec![1, 2])), true),
        ("name", Arc::new(StringArray::from(vec!["Ball", "Net"])), true),
        ("weight", Arc::new(Int64Array::from(vec![5, 7])), true),
    ];
    let items = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let columns: [(&str, ArrayRef, bool); 4] = [
        ("id", Arc::new(Int64Array::from(vec![1, 2])), true),
        ("item_id", Arc::new(Int64Array::from(vec![2, 2])), true),
        ("pieces", Arc::new(Int64Array::from(vec![1, 4])), true),
        ("sold_at", Arc::new(TimestampMicrosecondArray::from(vec![day(20_490); 2])), true),
    ];
    let returns = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let builder = Engine::builder().model("model.yaml", MODEL).policies("policies.yaml", POLICIES);
    let builder = builder.batches("lines", vec![lines]).batches("items", vec![items]);
    let engine = builder.batches("returns", vec![returns]).build().await.unwrap();
    engine.session(Principal::asserted_by_host("ana").group(group).build().unwrap())
}

async fn check(question: &str, expected: &str) {
    let found = answer(&session("everyone").await, question).await;
    assert_eq!(found.as_deref(), Ok(expected), "{question}");
}

/// The code and path of every problem.
async fn problems(group: &str, question: &str) -> Vec<String> {
    let error = session(group).await.query_json(question).await.map(|_| ()).unwrap_err();
    let mut found: Vec<String> = error
        .problems()
        .iter()
        .map(|problem| format!("{} {}", problem.code, problem.path))
        .collect();
    if found.is_empty() {
        found.push(error.code().to_owned());
    }
    found
}

#[tokio::test]
async fn a_name_stands_wherever_a_field_does() {
    // 20.00, 12.00 and 0.50.
    check(
        r#"{"table":"lines","calculated":{"paid":"pieces * price"},"fields":["id","paid"],
            "filter":{"field":"paid","op":">","value":1},"order_by":["paid"]}"#,
        "id,paid\n2,12.00\n1,20.00\n",
    )
    .await;
    check(
        r#"{"table":"lines","calculated":{"paid":"pieces * price","dear":"price >= 4"},
            "aggregations":[{"function":"sum","field":"paid"},{"function":"max","field":"paid","as":"most"},
              {"function":"percentile_disc","field":"paid","p":0.5,"as":"middle"},
              {"function":"count","filter":{"field":"dear","value":true},"as":"dear_ones"}]}"#,
        "sum_paid,most,middle,dear_ones\n32.50,20.00,12.00,2\n",
    )
    .await;
    check(
        r#"{"table":"lines","calculated":{"paid":"pieces * price"},"aggregations":["count"],
            "group_by":[{"field":"paid","bin":{"width":10},"as":"from"}],"totals":[[]]}"#,
        "from,count,totals\n0.00,1,0\n10.00,1,0\n20.00,1,0\n,3,1\n",
    )
    .await;
    // An order by what is not shown: by margin, -1.00 × 3, 0.50 and 4.00 × 2.
    check(
        r#"{"table":"lines","calculated":{"margin":"(price - cost) * pieces"},"fields":["id"],
            "order_by":["margin"]}"#,
        "id\n2\n3\n1\n",
    )
    .await;
}

#[tokio::test]
async fn related_rows_and_the_answer_of_a_question_are_calculated_with() {
    // A line without an item has no weight.
    check(
        r#"{"table":"lines","calculated":{"heavy":"pieces * item.weight"},
            "fields":["id","heavy"]}"#,
        "id,heavy\n1,10\n2,21\n3,\n",
    )
    .await;
    check(
        r#"{"table":"lines","calculated":{"short":"lower(items.name)"},"aggregations":["count"],
            "group_by":["short"]}"#,
        "short,count\nball,1\nnet,1\n,1\n",
    )
    .await;
    // 2, 3 and 1 pieces sold, 0, 5 and 0 returned.
    check(
        r#"{"from":{"metrics":["sold","returned"],"group_by":["item.name"]},
            "calculated":{"kept":"sold - coalesce(returned, 0)","known":"item.name is not null"},
            "fields":["item.name","kept"],"filter":{"field":"known","value":true},
            "order_by":["kept"]}"#,
        "item.name,kept\nNet,-2\nBall,2\n",
    )
    .await;
    check(
        r#"{"from":{"metrics":["sold","returned"],"group_by":["item.name"]},
            "calculated":{"kept":"sold - coalesce(returned, 0)"},"group_by":[],
            "aggregations":[{"function":"sum","field":"kept"},
              {"function":"min","field":"kept","filter":{"field":"kept","op":">","value":0},"as":"least"}]}"#,
        "sum_kept,least\n1,1\n",
    )
    .await;
}

#[tokio::test]
async fn numbers_of_several_tables_are_grouped_by_what_both_have() {
    check(
        r#"{"metrics":["sold","returned"],"calculated":{"odd":"item.weight / 2 > 3"},
            "group_by":["odd"]}"#,
        "odd,sold,returned\nfalse,2,\ntrue,3,5\n,1,\n",
    )
    .await;
    // The name has to be there for all of them.
    let question = r#"{"metrics":["sold","returned"],"calculated":{"paid":"price * 2"},
        "group_by":["paid"]}"#;
    assert_eq!(problems("everyone", question).await, ["Q0142 calculated.paid"]);
}

#[tokio::test]
async fn time_is_counted_as_the_question_counts_it() {
    let day = |zone: &str| {
        format!(
            r#"{{"table":"lines","calculated":{{"day":"extract(day from sold_at)"}},{zone}
                "aggregations":[{{"function":"max","field":"day"}}],"group_by":["day"],
                "filter":{{"field":"id","value":1}}}}"#
        )
    };
    check(&day(""), "day,max_day\n31,31\n").await;
    // It was February in Berlin, as a group and in an aggregation.
    check(&day(r#""time_zone":"Europe/Berlin","#), "day,max_day\n1,1\n").await;
    let of_answer = r#"{"from":{"table":"lines","fields":["id","sold_at"]},
        "calculated":{"day":"extract(day from sold_at)"},"time_zone":"Europe/Berlin",
        "aggregations":[{"function":"max","field":"day"}],"group_by":["day"],
        "filter":{"field":"id","value":1}}"#;
    check(of_answer, "day,max_day\n1,1\n").await;
}

#[tokio::test]
async fn a_failure_is_an_error_and_never_a_number() {
    let question = r#"{"table":"lines","calculated":{"bad":"div(1, pieces - 3)"},
        "aggregations":[{"function":"sum","field":"bad"}]}"#;
    assert_eq!(answer(&session("everyone").await, question).await, Err("E0304".to_owned()));
    // The line of which it fails is hidden from a seller, who sees 2 pieces: 1 / -1.
    let found = answer(&session("sellers").await, question).await;
    assert_eq!(found.as_deref(), Ok("sum_bad\n-1\n"));
    let question = question.replace("lines\",", "lines\",\"group_by\":[\"bad\"],");
    let found = answer(&session("sellers").await, &question).await;
    assert_eq!(found.as_deref(), Ok("bad,sum_bad\n-1,-1\n"));
}

#[tokio::test]
async fn l1_what_is_calculated_of_an_answer_fails_on_no_hidden_row() {
    let asked = [
        (r#""fields":["id"],"filter":{"field":"bad","op":"<","value":0}"#, "id\n1\n"),
        (r#""fields":["bad"]"#, "bad\n-1\n"),
        (r#""group_by":["bad"]"#, "bad\n-1\n"),
        (r#""aggregations":[{"function":"max","field":"bad"}]"#, "max_bad\n-1\n"),
        (
            r#""aggregations":[{"function":"count","filter":{"field":"bad","op":"<","value":0}}]"#,
            "count\n1\n",
        ),
    ];
    let inner = [
        r#"{"table":"lines","fields":["id","pieces"]}"#,
        r#"{"table":"lines","group_by":["id","pieces"]}"#,
    ];
    for (members, expected) in asked {
        for inner in inner {
            let calculated = r#""calculated":{"bad":"div(1, pieces - 3)"}"#;
            let question = format!(r#"{{"from":{inner},{calculated},{members}}}"#);
            let found = answer(&session("sellers").await, &question).await;
            assert_eq!(found.as_deref(), Ok(expected), "{question}");
            let found = answer(&session("everyone").await, &question).await;
            assert_eq!(found, Err("E0304".to_owned()), "{question}");
        }
    }
}

#[tokio::test]
async fn l20_l21_what_is_hidden_cannot_be_calculated_with() {
    let of =
        |text: &str| format!(r#"{{"table":"lines","calculated":{{"x":"{text}"}},"fields":["x"]}}"#);
    let told = async |text: &str| {
        let session = session("sellers").await;
        let error = session.query_json(&of(text)).await.map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        format!("{error} {error:?} {:?}", error.problems())
    };
    // What is hidden and what does not exist are told alike, but for the name that was asked.
    let hidden = told("cost + 1").await;
    assert_eq!(hidden, told("zost + 1").await.replace("zost", "cost"));
    let hidden = told("item.weight + 1").await;
    assert_eq!(hidden, told("ztem.weight + 1").await.replace("ztem", "item"));
    // A name that is hidden may be given to something else, which says nothing of it.
    let session = session("sellers").await;
    let question = r#"{"table":"lines","calculated":{"cost":"pieces + 1","item":"pieces + 2"},
        "fields":["cost","item"]}"#;
    assert_eq!(answer(&session, question).await.as_deref(), Ok("cost,item\n3,4\n"));
}

#[tokio::test]
async fn l20_a_derived_table_calculates_with_what_its_asker_sees() {
    let question = r#"{"table":"priced","fields":["id","margin"]}"#;
    check(question, "id,margin\n1,4.00\n2,-1.00\n").await;
    // A seller does not see what it is calculated from.
    assert_eq!(problems("sellers", question).await, ["Q0102 table"]);
}

#[tokio::test]
async fn l22_a_masked_field_is_calculated_with_its_mask() {
    let session = session("masked").await;
    let question = r#"{"table":"lines","calculated":{"paid":"pieces * price"},
        "fields":["id","paid"],"filter":{"field":"paid","op":"<","value":3},"order_by":["paid"]}"#;
    assert_eq!(answer(&session, question).await.as_deref(), Ok("id,paid\n3,1.00\n1,2.00\n"));
}

#[tokio::test]
async fn q0161_a_name_that_is_none() {
    for name in ["a b", "", "metric_time", "attribute", "9th"] {
        let question =
            format!(r#"{{"table":"lines","calculated":{{"{name}":"pieces"}},"fields":["id"]}}"#);
        assert_eq!(problems("everyone", &question).await, [format!("Q0161 calculated.{name}")]);
    }
    // A field, and a relationship.
    for name in ["price", "item"] {
        let question = format!(
            r#"{{"table":"lines","calculated":{{"{name}":"pieces"}},"fields":["{name}"]}}"#
        );
        assert_eq!(problems("everyone", &question).await, [format!("Q0161 calculated.{name}")]);
    }
}

#[tokio::test]
async fn q0162_what_cannot_be_calculated() {
    let of = |text: &str| {
        format!(r#"{{"table":"lines","calculated":{{"x":"{text}"}},"fields":["id"]}}"#)
    };
    let broken = [
        "pieces +",
        "sum(pieces)",
        "1 + 1",
        "attribute.city",
        "pieces + name_of('x')",
        "random()",
        "case when pieces > 0 then null end",
        "",
    ];
    for text in broken {
        assert_eq!(problems("everyone", &of(text)).await, ["Q0162 calculated.x"], "{text}");
    }
    // Names are those of what is asked, and of nothing that is calculated beside.
    assert_eq!(problems("everyone", &of("x + 1")).await, ["Q0105 calculated.x"]);
    // Each value of `month` stands for a month.
    assert_eq!(problems("everyone", &of("extract(day from month)")).await, ["Q0152 calculated.x"]);
    let from = r#"{"from":{"metrics":["sold"]},"calculated":{"x":"sols + 1"},"fields":["x"]}"#;
    assert_eq!(problems("everyone", from).await, ["Q0147 calculated.x"]);
    // Many uses of what has many parts.
    let long = format!("coalesce(pieces, {})", vec!["1"; 150].join(", "));
    let one = r#"{"field":"x","op":">","value":0}"#;
    let filter = vec![one; 100].join(",");
    let question = of(&long).replacen('}', &format!(r#"}},"filter":{{"and":[{filter}]}}"#), 1);
    assert_eq!(problems("everyone", &question).await, ["Q0162 calculated"]);
    // Texts that are put together from many, at once or question by question.
    let joined = |name: &str, count: usize| format!("concat({})", vec![name; count].join(", "));
    let of_texts = |text: &str, fields: &str| {
        format!(r#"{{"table":"items","calculated":{{"x":"{text}"}},{fields}}}"#)
    };
    let long = of_texts(&joined("name", 65), r#""aggregations":["count"]"#);
    assert_eq!(problems("everyone", &long).await, ["Q0162 calculated"]);
    let long = of_texts(&format!("length({})", joined("name", 65)), r#""fields":["x"]"#);
    assert_eq!(problems("everyone", &long).await, ["Q0162 calculated"]);
    let inner = of_texts(&joined("name", 10), r#""fields":["x"]"#);
    assert!(answer(&session("everyone").await, &inner).await.is_ok());
    let outer = |inner: &str, aggregated: &str| {
        format!(r#"{{"from":{inner},"calculated":{{"y":"{}"}},{aggregated}}}"#, joined("x", 10))
    };
    let longest = outer(&inner, r#""aggregations":[{"function":"max","field":"y"}]"#);
    assert_eq!(problems("everyone", &longest).await, ["Q0162 calculated"]);
    let most = of_texts(&joined("name", 10), r#""aggregations":[{"function":"max","field":"x"}]"#);
    let most = most.replace(r#""x"}]"#, r#""x","as":"z"}]"#);
    let longest = outer(&most, r#""fields":["y"]"#)
        .replace("concat(x, x, x, x, x, x, x, x, x, x)", &joined("z", 10));
    assert_eq!(problems("everyone", &longest).await, ["Q0162 calculated"]);
    let many: Vec<String> = (0..65).map(|n| format!(r#""x{n}":"pieces""#)).collect();
    let question =
        format!(r#"{{"table":"lines","calculated":{{{}}},"fields":["id"]}}"#, many.join(","));
    assert_eq!(problems("everyone", &question).await, ["Q0162 calculated"]);
}

#[tokio::test]
async fn l26_no_text_of_a_question_is_a_query_of_its_own() {
    let of = |text: &str| {
        format!(r#"{{"table":"lines","calculated":{{"x":"{text}"}},"fields":["id"]}}"#)
    };
    for text in [
        "pieces in (select id from items)",
        "(select max(weight) from items) + pieces",
        "exists (select 1 from items)",
        "pieces = any (select id from items)",
        "case when exists (select 1 from items) then 1 else pieces end",
        "pieces; drop table lines",
        "pieces union select id from items",
        "pieces) from items --",
        "pieces /* and",
        "table items",
    ] {
        assert_eq!(problems("everyone", &of(text)).await, ["Q0162 calculated.x"], "{text}");
    }
    for condition in [
        r#"{"sql":"1 = 1"}"#,
        r#"{"query":"select id from items"}"#,
        r#"{"field":"id","values":{"select":"id"}}"#,
        r#"{"field":"id","value":{"select":"id"}}"#,
        r#""id = 1 or 1 = 1""#,
    ] {
        let question = format!(r#"{{"table":"lines","fields":["id"],"filter":{condition}}}"#);
        let error = session("everyone").await.query_json(&question).await.map(|_| ());
        assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidQuery, "{condition}");
    }
}

#[tokio::test]
async fn q0151_a_number_of_other_times_is_not_grouped_by_what_is_calculated_of_its_time() {
    let question = r#"{"metrics":["so_far"],"calculated":{"m":"month(sold_at)"},
        "group_by":["m",{"field":"metric_time","grain":"month"}]}"#;
    assert_eq!(problems("everyone", question).await, ["Q0151 group_by"]);
}

#[tokio::test]
async fn conditions_on_other_rows_know_nothing_of_it() {
    let question = r#"{"table":"items","calculated":{"twice":"weight * 2"},"fields":["id"],
        "filter":{"exists":"lines","filter":{"field":"twice","op":">","value":1}}}"#;
    assert_eq!(problems("everyone", question).await, ["Q0105 filter.filter"]);
}

#[tokio::test]
async fn the_builder_and_json_say_the_same() {
    let query = SemanticQuery::table("lines")
        .calculate("paid", "pieces * price")
        .aggregate(Aggregation::of("sum", "paid"))
        .filter(Filter::compare("paid", Op::Gt, 1_i64));
    let answer = session("everyone").await.query(&query).await.unwrap().collect().await.unwrap();
    assert_eq!(answer.to_csv().unwrap(), "sum_paid\n32.00\n");
    let json = serde_json::to_string(&query).unwrap();
    let same = SemanticQuery::from_json(&json).unwrap();
    assert_eq!(serde_json::to_string(&same).unwrap(), json);
    assert!(json.contains(r#""calculated":{"paid":"pieces * price"}"#), "{json}");
}
