//! The questions in Rust of docs/query.md. Each is code here: the page has it as it stands here, and
//! it is the question that the page has in JSON before it. Nothing is asked; `docs.rs` asks.

use sandbar::query::{
    Aggregation, Bin, Compare, Filter, GroupBy, MeasureAsk, MetricAsk, Op, Order, RelativeUnit,
    SemanticQuery, Share, Truncation,
};
use sandbar::time::{Grain, Part, WeekStart};

use crate::docs::{blocks, page};

/// Code that builds a question, or a part of one.
struct Code {
    text: &'static str,
    /// What stands around the JSON of such a part in the question that has nothing else.
    around: (&'static str, &'static str),
    /// What it builds, as that question.
    question: SemanticQuery,
}

/// What code builds.
trait Built {
    const AROUND: (&'static str, &'static str);

    fn question(self) -> SemanticQuery;
}

impl Built for SemanticQuery {
    const AROUND: (&'static str, &'static str) = ("", "");

    fn question(self) -> SemanticQuery {
        self
    }
}

impl Built for Filter {
    const AROUND: (&'static str, &'static str) = (r#"{"filter": "#, "}");

    fn question(self) -> SemanticQuery {
        SemanticQuery::default().filter(self)
    }
}

impl Built for Aggregation {
    const AROUND: (&'static str, &'static str) = (r#"{"aggregations": ["#, "]}");

    fn question(self) -> SemanticQuery {
        SemanticQuery::default().aggregate(self)
    }
}

impl Built for Bin {
    const AROUND: (&'static str, &'static str) =
        (r#"{"group_by": [{"field": "total", "bin": "#, "}]}");

    fn question(self) -> SemanticQuery {
        SemanticQuery::default().group_by_bin("total", self)
    }
}

impl Code {
    fn new<B: Built>(text: &'static str, built: B) -> Self {
        Self { text, around: B::AROUND, question: built.question() }
    }

    /// How this differs from what is written in JSON.
    fn differs(&self, json: &str) -> Option<String> {
        let (before, behind) = self.around;
        let read = match SemanticQuery::from_json(&format!("{before}{json}{behind}")) {
            Ok(read) => read,
            Err(problems) => return Some(format!("the JSON before it cannot be read: {problems}")),
        };
        let written = |query: &SemanticQuery| serde_json::to_string(query).unwrap();
        let (read, built) = (written(&read), written(&self.question));
        (read != built).then(|| format!("the JSON before it is {read}, and it builds {built}"))
    }
}

/// Code with its text.
macro_rules! code {
    ($($code:tt)+) => {
        Code::new(stringify!($($code)+), $($code)+)
    };
}

/// All that docs/query.md builds, in its order.
fn manual() -> Vec<Code> {
    vec![
        code!(
            SemanticQuery::metric("revenue")
                .group_by("customer.state")
                .group_by_as(
                    GroupBy::new("created_at")
                        .grain(Truncation::Grain(Grain::Month))
                        .alias("month")
                )
                .filter(Filter::previous("created_at", 2, RelativeUnit::Quarter))
                .segment("discounted")
                .order_by("revenue", Order::Desc)
                .limit(20)
        ),
        code!(
            SemanticQuery::metric("revenue")
                .and_metric_as(MetricAsk::new("order_count").alias("orders"))
        ),
        code!(
            SemanticQuery::metric("revenue")
                .and_metric("review_count")
                .group_by_grain("metric_time", Truncation::Grain(Grain::Month))
                .group_by("products.category")
        ),
        code!(
            SemanticQuery::metric("revenue").and_metric_as(
                MetricAsk::new("revenue")
                    .alias("west")
                    .filter(Filter::is_in("customer.state", ["CA", "WA"]))
            )
        ),
        code!(
            SemanticQuery::metric("revenue")
                .and_metric_as(
                    MetricAsk::new("revenue").alias("a_year_ago").back(1, RelativeUnit::Year)
                )
                .and_metric_as(
                    MetricAsk::new("revenue")
                        .alias("growth")
                        .back(1, RelativeUnit::Year)
                        .compare(Compare::Ratio)
                )
                .group_by_grain("metric_time", Truncation::Grain(Grain::Month))
        ),
        code!(
            SemanticQuery::metric("revenue")
                .and_metric_as(
                    MetricAsk::new("revenue").alias("of_january").start_of(RelativeUnit::Year)
                )
                .and_metric_as(
                    MetricAsk::new("revenue")
                        .alias("since_january")
                        .start_of(RelativeUnit::Year)
                        .compare(Compare::Difference)
                )
                .group_by_grain("metric_time", Truncation::Grain(Grain::Month))
                .filter(Filter::previous("created_at", 6, RelativeUnit::Month))
        ),
        code!(
            SemanticQuery::table("orders")
                .measure("units_per_order")
                .aggregate(Aggregation::new("count"))
                .aggregate(Aggregation::of("avg", "total").alias("mean"))
        ),
        code!(
            SemanticQuery::table("products")
                .group_by("category")
                .aggregate(Aggregation::of("median", "price"))
                .aggregate(Aggregation::of("stddev", "price"))
                .aggregate(Aggregation::of("variance", "price"))
        ),
        code!(
            SemanticQuery::table("orders")
                .group_by_as(
                    GroupBy::new("created_at").grain(Truncation::Grain(Grain::Year)).alias("year")
                )
                .measure("orders_placed")
                .measure_as(
                    MeasureAsk::new("units").alias("bulk_units").filter(Filter::segment("bulk"))
                )
                .aggregate(
                    Aggregation::of("sum", "total")
                        .alias("californian")
                        .filter(Filter::eq("customer.state", "CA"))
                )
        ),
        code!(
            Aggregation::of("count_distinct", "created_at").grain(Truncation::Grain(Grain::Month))
        ),
        code!(
            SemanticQuery::table("orders")
                .group_by("product.category")
                .aggregate(Aggregation::of("percentile", "total").at(0.9).alias("p90"))
                .aggregate(
                    Aggregation::of("percentile_disc", "total").at(0.9).alias("ninth_of_ten")
                )
                .aggregate(Aggregation::of("approx_distinct", "user_id").alias("buyers"))
        ),
        code!(
            SemanticQuery::metric("revenue")
                .group_by("customer.state")
                .group_by_grain("created_at", Truncation::Grain(Grain::Week))
        ),
        code!(SemanticQuery::table("products").group_by("category").group_by("price_band")),
        code!(
            SemanticQuery::metric("revenue")
                .group_by_grain("created_at", Truncation::Grain(Grain::Week))
                .week_start(WeekStart::Sunday)
        ),
        code!(
            SemanticQuery::table("orders")
                .aggregate(Aggregation::new("count"))
                .group_by_as(GroupBy::new("total").bin(Bin::width(50)).alias("total_from"))
                .group_by_as(
                    GroupBy::new("discount").bin(Bin::count(4, 0, 10)).alias("discount_from")
                )
        ),
        code!(Bin::width(50)),
        code!(Bin::width(50).start(20)),
        code!(Bin::count(4, 0, 10)),
        code!(
            SemanticQuery::metric("balance")
                .group_by_as(GroupBy::new("owner.person").alias("person"))
                .total(&[])
        ),
        code!(
            SemanticQuery::table("orders")
                .calculate("per_piece", "subtotal / quantity")
                .calculate("reduced", "coalesce(discount, 0) > 0")
                .group_by("reduced")
                .aggregate(Aggregation::of("max", "per_piece"))
                .filter(Filter::compare("per_piece", Op::Gt, 5))
        ),
        code!(
            SemanticQuery::from_answer(
                SemanticQuery::metric("revenue")
                    .and_metric("order_count")
                    .group_by_grain("created_at", Truncation::Grain(Grain::Month))
            )
            .calculate("per_order", "revenue / order_count")
            .field("created_at")
            .field("per_order")
        ),
        code!(
            SemanticQuery::table("orders")
                .field("id")
                .field("total")
                .field("customer.name")
                .limit(100)
        ),
        code!(
            SemanticQuery::metric("revenue")
                .group_by("products.category")
                .group_by("product.price_band")
                .filter(Filter::is_in("product.category", ["Gizmo", "Widget"]))
                .share_as(
                    Share::new("revenue").within(&["products.category"]).alias("share_of_category")
                )
                .total(&["products.category"])
                .total(&[])
        ),
        code!(SemanticQuery::table("orders").aggregate(Aggregation::new("count")).filter(
            Filter::all([
                Filter::is_in("customer.state", ["CA", "OR"]),
                Filter::any([Filter::compare("total", Op::Gt, 100), Filter::segment("bulk")]),
                Filter::eq("product.category", "Gizmo").negate()
            ])
        )),
        code!(Filter::eq("customer.state", "CA")),
        code!(Filter::compare("customer.state", Op::NotEq, "CA")),
        code!(Filter::is_in("customer.state", ["CA", "OR"])),
        code!(Filter::in_range("total", 10, 20.5)),
        code!(Filter::is_null("discount")),
        code!(Filter::with("customer.name", Op::Contains, vec!["van".into(), "von".into()])),
        code!(Filter::with_case("customer.name", Op::StartsWith, vec!["Mc".into()])),
        code!(SemanticQuery::metric("signups").filter(Filter::all([
            Filter::compare("orders.total", Op::Gt, 1000),
            Filter::exists("orders", Some(Filter::with("discount", Op::NotNull, vec![]))).negate(),
            Filter::metric("order_count", "", Op::Gt, 5)
        ]))),
        code!(SemanticQuery::metric("revenue").group_by("customer.source").filter(Filter::metric(
            "order_count",
            "customer",
            Op::GtEq,
            20
        ))),
        code!(SemanticQuery::metric("revenue").time_zone("America/New_York").filter(Filter::with(
            "created_at",
            Op::Between,
            vec!["2026-01-01".into(), "2026-03-31".into()]
        ))),
        code!(
            SemanticQuery::metric("order_count")
                .group_by_grain("created_at", Truncation::Grain(Grain::Month))
                .filter(
                    Filter::with_grain(
                        "created_at",
                        Truncation::Grain(Grain::Year),
                        Op::Eq,
                        vec!["2026-01-01".into()]
                    )
                    .and(Filter::with_grain(
                        "created_at",
                        Truncation::Part(Part::IsoDayOfWeek),
                        Op::In,
                        vec![6_i64.into(), 7_i64.into()]
                    ))
                )
        ),
        code!(SemanticQuery::metric("revenue").filter(Filter::last(
            "created_at",
            3,
            RelativeUnit::Month
        ))),
        code!(Filter::this("created_at", RelativeUnit::Month)),
        code!(Filter::previous("created_at", 3, RelativeUnit::Month)),
        code!(Filter::last("created_at", 3, RelativeUnit::Month)),
        code!(SemanticQuery::metric("revenue").segment("discounted").segment("western")),
        code!(SemanticQuery::metric("revenue").group_by("customer.state").having(Filter::compare(
            "revenue",
            Op::Gt,
            100_000
        ))),
        code!(
            SemanticQuery::from_answer(
                SemanticQuery::metric("order_count").group_by("customer.id")
            )
            .filter(Filter::compare("order_count", Op::Gt, 5))
            .aggregate(Aggregation::new("count").alias("customers"))
        ),
        code!(
            SemanticQuery::metric("revenue")
                .group_by("customer.state")
                .order_by("revenue", Order::Desc)
                .order_by("customer.state", Order::Asc)
                .limit(10)
        ),
    ]
}

#[derive(Clone, Copy)]
enum Kind {
    /// A question in JSON, in a block of its own.
    Question,
    /// JSON within a line.
    Json,
    /// Something in Rust.
    Builder,
}

/// What stands on a page, and the line.
struct Piece {
    line: usize,
    kind: Kind,
    text: String,
}

/// The questions of a page and what is built on it, from above.
fn pieces(page: &str) -> Vec<Piece> {
    let blocks = blocks(page);
    let mut pieces = Vec::new();
    for block in &blocks {
        let line = block.line;
        if block.is_question() {
            pieces.push(Piece { line, kind: Kind::Question, text: block.text.clone() });
        } else if block.language == "rust" {
            // What stands before it is compiled with it, as a doc test.
            let bound = block.text.split_once("let query = ");
            let text = bound.map_or(block.text.as_str(), |(_, text)| text);
            let text = text.trim().trim_end_matches(';').to_owned();
            pieces.push(Piece { line, kind: Kind::Builder, text });
        }
    }
    let in_a_block = |line: usize| {
        let mut spans = blocks.iter().map(|b| b.line..=b.line + b.text.lines().count() + 1);
        spans.any(|lines| lines.contains(&line))
    };
    for (index, text) in page.lines().enumerate() {
        let line = index + 1;
        if in_a_block(line) {
            continue;
        }
        for code in text.split('`').skip(1).step_by(2) {
            let kind = if code.starts_with('{') {
                Kind::Json
            } else if code.contains("::") && code.contains('(') {
                Kind::Builder
            } else {
                continue;
            };
            pieces.push(Piece { line, kind, text: code.to_owned() });
        }
    }
    pieces.sort_by_key(|piece| piece.line);
    pieces
}

/// Code without what its layout brings: space outside of texts, and commas behind what is last.
fn tight(code: &str) -> String {
    let mut quoted = false;
    let kept = code.chars().filter(|c| {
        quoted ^= *c == '"';
        quoted || !c.is_whitespace()
    });
    kept.collect::<String>().replace(",)", ")").replace(",]", "]")
}

/// What is wrong on a page, each with its line.
fn wrong(page: &str, code: &[Code]) -> Vec<String> {
    let without =
        |question: Piece| format!("docs/query.md:{}: this question is not built", question.line);
    let mut wrong = Vec::new();
    let mut lines: Vec<Option<usize>> = vec![None; code.len()];
    let (mut question, mut json): (Option<Piece>, Option<Piece>) = (None, None);
    for piece in pieces(page) {
        let line = piece.line;
        match piece.kind {
            Kind::Question => wrong.extend(question.replace(piece).map(without)),
            Kind::Json => json = Some(piece),
            Kind::Builder => {
                let text = tight(&piece.text);
                // A question stands for the block before it, a part for JSON of its line.
                let of = if text.starts_with("SemanticQuery::") {
                    question.take()
                } else {
                    json.take().filter(|json| json.line == line)
                };
                let found = code.iter().position(|code| tight(code.text) == text);
                if let Some(index) = found {
                    lines[index] = Some(line);
                }
                let what = match (of, found) {
                    (None, _) => Some("no JSON stands before it".to_owned()),
                    (_, None) => Some("it is no code of tests/it/builders.rs".to_owned()),
                    (Some(json), Some(index)) => code[index].differs(&json.text),
                };
                wrong.extend(
                    what.map(|what| format!("docs/query.md:{line}: `{}`: {what}", piece.text)),
                );
            }
        }
    }
    wrong.extend(question.map(without));
    let mut above = 1;
    for (code, line) in code.iter().zip(lines) {
        match line {
            Some(line) => above = line,
            None => wrong.push(format!(
                "docs/query.md:{above}: below it, the page does not have `{}`",
                code.text
            )),
        }
    }
    wrong
}

#[test]
fn what_the_manual_builds_is_what_it_asks_in_json() {
    let wrong = wrong(&page("query.md"), &manual());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const RIGHT: &str = r#"```json
{ "metrics": ["a"], "limit": 5 }
```

`SemanticQuery::metric("a").limit(5)`

`{"field": "b", "value": "x y"}`, in Rust `Filter::eq("b", "x y")`
"#;

#[track_caller]
fn check(page: &str, expected: &[&str]) {
    let code = [code!(SemanticQuery::metric("a").limit(5)), code!(Filter::eq("b", "x y"))];
    let found = wrong(page, &code);
    let fits = found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, start)| {
            let (line, words) = start.split_once(' ').unwrap();
            found.starts_with(&format!("docs/query.md:{line}:")) && found.contains(words)
        });
    assert!(fits, "{}", found.join("\n"));
}

#[test]
fn the_reader_of_builders_has_teeth() {
    check(RIGHT, &[]);
    let long = RIGHT.replace("metric(\"a\").limit(5)", "metric( \"a\", ).limit(5)");
    check(&long, &[]);
    check(&RIGHT.replace("\"limit\": 5", "\"limit\": 6"), &["5 it builds"]);
    check(&RIGHT.replace("\"value\"", "\"values\""), &["7 cannot be read"]);
    check(&RIGHT.replace("limit(5)", "limit(6)"), &["5 no code", "1 does not have"]);
    check(&RIGHT.replace("\"x y\")", "\"xy\")"), &["7 no code", "5 does not have"]);
    check(&RIGHT.replace("in Rust `", "in Rust\n`"), &["8 no JSON"]);
    check(&format!("{RIGHT}\n```json\n{{}}\n```\n"), &["9 is not built"]);
    let twice = format!("{RIGHT}\n`SemanticQuery::metric(\"a\").limit(5)`\n");
    check(&twice, &["9 no JSON"]);
    let bound =
        "```rust\nuse a::b;\n\nlet query = SemanticQuery::metric(\"a\")\n    .limit(5);\n```";
    check(&RIGHT.replace("`SemanticQuery::metric(\"a\").limit(5)`", bound), &[]);
}
