//! L3, L9, L21: what a refusal proposes in place of a question comes from what the asker sees. The
//! same question is asked of two engines, one that has more ways, bridges, times and fields and
//! hides them, and one that lacks them: both say the same, to the byte.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use sandbar::{Engine, Principal, Session};

use super::hidden::all_of;

/// What only chiefs see: `agents` and the ways over them, `invoices` and `clues` with rows of which
/// there are many, the time `born` and the field `secret`.
fn model(with_hidden: bool) -> String {
    let or_nothing = |text: &'static str| if with_hidden { text } else { "" };
    format!(
        "
tables:
  sales:
    primary_key: [id]
    time: sold
    fields: {{ id: {{}}, buyer_id: {{}}, shop_id: {{}}, amount: {{}}, sold: {{}}{agent_id} }}
    relationships:
{agent}
      buyer: {{ to: people, on: {{ buyer_id: id }}, cardinality: many_to_one }}
      shop: {{ to: shops, on: {{ shop_id: id }}, cardinality: many_to_one }}
      tags: {{ to: tags, on: {{ id: sale_id }}, cardinality: one_to_many, bridge: true }}
      marks: {{ to: marks, on: {{ id: sale_id }}, cardinality: one_to_many, bridge: true }}
{clues}
  people:
    primary_key: [id]
{time}
    fields: {{ id: {{}}, area: {{}}, name: {{}}{born} }}
    relationships: {{ home: {{ to: areas, on: {{ area: name }}, cardinality: many_to_one }} }}
  shops:
    primary_key: [id]
    fields: {{ id: {{}}, area: {{}} }}
    relationships: {{ home: {{ to: areas, on: {{ area: name }}, cardinality: many_to_one }} }}
  areas: {{ primary_key: [name], fields: {{ name: {{}}, land: {{}}{secret} }} }}
  returns:
    primary_key: [id]
    fields: {{ id: {{}}, shop_id: {{}}{agent_id} }}
    relationships:
{agent}
      shop: {{ to: shops, on: {{ shop_id: id }}, cardinality: many_to_one }}
  tags: {{ fields: {{ sale_id: {{}}, tag: {{}} }} }}
  marks: {{ fields: {{ sale_id: {{}}, mark: {{}} }} }}
  targets: {{ time: month, fields: {{ month: {{ grain: month }}, amount: {{}} }} }}
{tables}
metrics:
  revenue: {{ table: sales, expr: sum(amount) }}
  people_count: {{ table: people, expr: count(*) }}
  returned: {{ table: returns, expr: count(*) }}
  target: {{ table: targets, expr: sum(amount) }}
",
        agent_id = or_nothing(", agent_id: {}"),
        agent = or_nothing(
            "      agent: { to: agents, on: { agent_id: id }, cardinality: many_to_one }"
        ),
        clues = or_nothing(
            "      clues: { to: clues, on: { id: sale_id }, cardinality: one_to_many, bridge: true }"
        ),
        time = or_nothing("    time: born"),
        born = or_nothing(", born: {}"),
        secret = or_nothing(", secret: {}"),
        tables = or_nothing(
            "
  agents:
    primary_key: [id]
    fields: { id: {}, area: {} }
    relationships: { home: { to: areas, on: { area: name }, cardinality: many_to_one } }
  clues: { fields: { sale_id: {}, clue: {} } }
  invoices:
    fields: { buyer_id: {} }
    relationships: { buyer: { to: people, on: { buyer_id: id }, cardinality: many_to_one } }
"
        ),
    )
}

fn policies(with_hidden: bool) -> &'static str {
    if with_hidden {
        "
groups: { staff: {}, chiefs: {} }
policies:
  open: { groups: [staff], grant: { tables: [shops, tags, marks, targets] } }
  sales: { groups: [staff], grant: { tables: [sales, returns], fields: { except: [agent_id] } } }
  people: { groups: [staff], grant: { tables: [people], fields: { except: [born] } } }
  areas: { groups: [staff], grant: { tables: [areas], fields: { except: [secret] } } }
  chiefs:
    groups: [chiefs]
    grant:
      tables:
        [sales, people, shops, areas, returns, tags, marks, targets, agents, clues, invoices]
"
    } else {
        "
groups: { staff: {}, chiefs: {} }
policies:
  open:
    groups: [staff]
    grant: { tables: [shops, tags, marks, targets, sales, returns, people, areas] }
"
    }
}

async fn engine(with_hidden: bool) -> Engine {
    let number = |n: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![n])) };
    let text = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text])) };
    let day = |n: i32| -> ArrayRef { Arc::new(Date32Array::from(vec![n])) };
    let tables: [(&str, Vec<(&str, ArrayRef)>); 11] = [
        (
            "sales",
            vec![
                ("id", number(1)),
                ("buyer_id", number(1)),
                ("shop_id", number(1)),
                ("agent_id", number(1)),
                ("amount", number(10)),
                ("sold", day(20_000)),
            ],
        ),
        (
            "people",
            vec![
                ("id", number(1)),
                ("area", text("North")),
                ("name", text("Ada")),
                ("born", day(0)),
            ],
        ),
        ("shops", vec![("id", number(1)), ("area", text("South"))]),
        ("areas", vec![("name", text("North")), ("land", text("A")), ("secret", text("s"))]),
        ("returns", vec![("id", number(1)), ("shop_id", number(1)), ("agent_id", number(1))]),
        ("tags", vec![("sale_id", number(1)), ("tag", text("new"))]),
        ("marks", vec![("sale_id", number(1)), ("mark", text("red"))]),
        // 2026-01-01.
        ("targets", vec![("month", day(20_454)), ("amount", number(100))]),
        ("agents", vec![("id", number(1)), ("area", text("North"))]),
        ("clues", vec![("sale_id", number(1)), ("clue", text("c"))]),
        ("invoices", vec![("buyer_id", number(1))]),
    ];
    let mut builder = Engine::builder()
        .model("model.yaml", &model(with_hidden))
        .policies("policies.yaml", policies(with_hidden));
    for (name, columns) in tables {
        if with_hidden || !["agents", "clues", "invoices"].contains(&name) {
            builder = builder.batches(name, vec![RecordBatch::try_from_iter(columns).unwrap()]);
        }
    }
    builder.build().await.unwrap()
}

fn session(engine: &Engine, group: &str) -> Session {
    engine.session(Principal::asserted_by_host("sam").group(group).build().unwrap())
}

/// What is told of a question that is refused.
async fn refused(session: &Session, question: &str) -> Option<(String, String)> {
    let error = session.query_json(question).await.err()?;
    Some((error.code().to_owned(), all_of(&error)))
}

/// Each question with its code, and what a chief is told beside, where he is refused as well.
const QUESTIONS: [(&str, &str, Option<&str>); 14] = [
    (r#"{"metrics":["revenue"],"group_by":["areas.land"]}"#, "Q0140", Some("agent.home.land")),
    (r#"{"metrics":["people_count"],"filter":{"exists":"invoice"}}"#, "Q0148", Some("invoices")),
    (r#"{"metrics":["people_count"],"group_by":["sales.amount"]}"#, "Q0141", None),
    (r#"{"metrics":["returned"],"group_by":["people.name"]}"#, "Q0142", Some("home.secret")),
    (r#"{"metrics":["people_count","revenue"],"group_by":["amount"]}"#, "Q0142", None),
    (r#"{"metrics":["revenue","returned"],"group_by":["id"]}"#, "Q0143", None),
    (r#"{"metrics":["people_count"],"group_by":["metric_time"]}"#, "Q0144", None),
    (
        r#"{"metrics":["revenue"],"filter":{"metric":"returned","per":"agen","op":">","value":1}}"#,
        "Q0148",
        Some("`agent`"),
    ),
    (
        r#"{"metrics":["revenue"],"filter":{"metric":"returned","per":"buyer","op":">","value":1}}"#,
        "Q0149",
        Some("`agent`"),
    ),
    (
        r#"{"metrics":["people_count","revenue"],"group_by":["areas.land"]}"#,
        "Q0140",
        Some("agent.home"),
    ),
    (r#"{"metrics":[{"name":"people_count","offset":{"unit":"month"}}]}"#, "Q0151", None),
    (r#"{"metrics":["target"],"group_by":[{"field":"month","grain":"day"}]}"#, "Q0152", None),
    (r#"{"metrics":["target","people_count"],"group_by":["metric_time"]}"#, "Q0152", None),
    (r#"{"metrics":["revenue"],"group_by":["tags.tag","marks.mark"]}"#, "Q0157", None),
];

#[tokio::test]
async fn l3_l9_l21_no_refusal_proposes_what_is_hidden() {
    let (with, without) = (engine(true).await, engine(false).await);
    let (staff, others) = (session(&with, "staff"), session(&without, "staff"));
    let chief = session(&with, "chiefs");
    for (question, code, beside) in QUESTIONS {
        let (found, told) = refused(&staff, question).await.expect(question);
        assert_eq!(found, code, "{question}: {told}");
        for hidden in ["agent", "born", "clue", "invoices", "secret"] {
            assert!(!told.contains(hidden), "{question}: {told}");
        }
        assert_eq!(refused(&others, question).await, Some((found, told)), "{question}");
        // The hidden names are those of things that are proposed to whoever sees them.
        if let Some(beside) = beside {
            let (found, told) = refused(&chief, question).await.expect(question);
            assert!(found == code && told.contains(beside), "{question}: {told}");
        }
    }
}

#[tokio::test]
async fn l3_l9_a_field_of_one_number_alone_is_told_to_nobody_who_may_not_see_it() {
    let (with, without) = (engine(true).await, engine(false).await);
    let (staff, others) = (session(&with, "staff"), session(&without, "staff"));
    let chief = session(&with, "chiefs");
    for question in [
        r#"{"metrics":["people_count","returned"],"group_by":["born"]}"#,
        r#"{"metrics":["returned","people_count"],"group_by":["born"]}"#,
        r#"{"metrics":["revenue","people_count"],"group_by":["born"]}"#,
        r#"{"metrics":["returned","people_count"],"filter":{"field":"born","op":"not_null"}}"#,
        r#"{"metrics":["returned","people_count"],"group_by":["x"],"calculated":{"x":"year(born)"}}"#,
    ] {
        let (code, told) = refused(&staff, question).await.expect(question);
        assert_eq!(code, "Q0105", "{question}: {told}");
        assert_eq!(refused(&others, question).await, Some((code, told)), "{question}");
        let (code, told) = refused(&chief, question).await.expect(question);
        let whose = "`born` is `people.born` for `people_count`, and `re";
        assert!(code == "Q0142" && told.contains(whose), "{question}: {told}");
    }
}
