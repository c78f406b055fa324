//! What is told of policies as a whole, and of a change of them.

use std::sync::Arc;

use sandbar_auth::{AttributeValue, Principal};
use sandbar_catalog::SourceText;

use super::world::{policies, snapshot, table, who};
use crate::workbench::View;
use crate::{Administrator, Cell, CoverageKind, Level, PolicyDefinitions, RowFilter};

const ALL: &str = "groups: [a], grant: {tables: [orders]}";
const CA: &str = "groups: [b], grant: {tables: [orders], rows: state = 'CA'}";

/// The findings of one kind, as lines.
#[track_caller]
fn check(kind: CoverageKind, policies_of: &[&str], expected: &[&str]) {
    let snapshot = snapshot();
    let set = policies(&snapshot, policies_of);
    let coverage = set.coverage(&snapshot, &Administrator::asserted_by_host());
    let of_kind = coverage.findings.iter().filter(|finding| finding.kind == kind);
    let lines = of_kind.map(|finding| {
        let detail = finding.detail.as_ref().map(|detail| format!(": {detail}"));
        format!("{} {}{}", finding.subject, finding.groups.join("+"), detail.unwrap_or_default())
    });
    // The policy that the world comes with is one of them.
    let lines: Vec<String> = lines.filter(|line| !line.starts_with("nothing ")).collect();
    assert_eq!(lines, expected, "{coverage}");
}

#[test]
fn what_nobody_sees_is_told() {
    let tables =
        |lines: &[&str], expected: &[&str]| check(CoverageKind::UnseenTable, lines, expected);
    tables(&[], &["orders ", "products ", "people ", "states "]);
    tables(&[ALL], &["products ", "people ", "states "]);
    tables(&[ALL, "groups: [b], grant: {collections: [board]}"], &["products ", "people "]);
    // A denial hides it from all who were granted it; a wider grant is another matter.
    tables(&[ALL, "deny: {tables: [orders]}"], &["orders ", "products ", "people ", "states "]);
    tables(
        &[ALL, CA, "groups: [a], deny: {tables: [orders]}"],
        &["products ", "people ", "states "],
    );
    let fields =
        |lines: &[&str], expected: &[&str]| check(CoverageKind::UnseenField, lines, expected);
    // What the model keeps internal is not missed; what is made of a hidden table is.
    fields(&[ALL], &["orders.buyer_state "]);
    fields(
        &["groups: [a], grant: {tables: [people], fields: {except: [email]}}"],
        &["people.email "],
    );
    fields(
        &[
            "groups: [a], grant: {tables: [people], fields: {except: [email]}}",
            "groups: [b], grant: {tables: [people], fields: {only: [email]}}",
        ],
        &[],
    );
}

#[test]
fn metrics_that_nobody_sees_or_no_policy_speaks_of_are_told() {
    let unseen =
        |lines: &[&str], expected: &[&str]| check(CoverageKind::UnseenMetric, lines, expected);
    unseen(&[ALL], &["western_buyers ", "margin ", "reach "]);
    // What one group alone cannot ask, two together can.
    let people = "groups: [b], grant: {tables: [people], collections: [marketing]}";
    unseen(&[ALL, people], &["margin "]);
    unseen(&[ALL, people, "groups: [c], grant: {collections: [finance]}"], &[]);
    unseen(
        &[ALL, "deny: {metrics: [revenue]}"],
        &["revenue ", "western_buyers ", "margin ", "reach "],
    );
    let open =
        |lines: &[&str], expected: &[&str]| check(CoverageKind::MetricByInputs, lines, expected);
    open(&[ALL], &["revenue a", "order_count a", "given_away a", "big_revenue a"]);
    open(
        &[
            ALL,
            CA,
            "groups: [b], deny: {metrics: [given_away]}",
            "groups: [a], grant: {metrics: [revenue]}",
        ],
        &["order_count a+b", "big_revenue a+b"],
    );
}

#[test]
fn who_sees_every_row_is_told() {
    let rows = |lines: &[&str], expected: &[&str]| check(CoverageKind::EveryRow, lines, expected);
    rows(&[CA], &[]);
    rows(&[ALL], &["orders a: and 12 of 13 fields in clear"]);
    rows(&["groups: [b], grant: {tables: [people]}"], &["people b: and every field in clear"]);
    rows(
        &["groups: [b], grant: {tables: [people], masks: {name: hash, email: null}}"],
        &["people b: and 3 of 5 fields in clear"],
    );
    // One condition that is always true, and one restriction that is not.
    rows(
        &["groups: [b], grant: {tables: [people], rows: 'true'}"],
        &["people b: and every field in clear"],
    );
    rows(
        &["groups: [b], grant: {tables: [people]}", "restrict: {tables: [people], rows: id > 0}"],
        &[],
    );
    rows(
        &["groups: [b], grant: {tables: [people], rows: \"'x' in (attribute.texts) or true\"}"],
        &["people b: if the attributes are there that it wants: 'x' in (attribute.texts) or true"],
    );
    rows(&["groups: [b], grant: {tables: [people], level: describe}"], &[]);
}

#[test]
fn what_every_group_sees_is_told() {
    let seen = |lines: &[&str], expected: &[&str]| check(CoverageKind::SeenByAll, lines, expected);
    let a = "groups: [a], grant: {tables: [people], masks: {email: hash}}";
    let b = "groups: [b], grant: {tables: [people], rows: id = 1, fields: {except: [name]}}";
    seen(&[a], &[]);
    seen(&[a, b], &["people : id, state, birth_date"]);
    // Who sees nothing at all does not count; who sees another table does.
    seen(&[a, b, "groups: [c], grant: {tables: [products]}"], &[]);
    check(CoverageKind::GrantedToAll, &[a, b], &[]);
    check(CoverageKind::GrantedToAll, &["groups: [a, b, c], grant: {tables: [people]}"], &["p0 "]);
    check(CoverageKind::GrantedToAll, &["groups: [a, b, c], deny: {tables: [people]}"], &[]);
}

#[test]
fn what_is_declared_for_nothing_is_told() {
    check(CoverageKind::UnusedGroup, &[], &["a ", "b "]);
    check(CoverageKind::UnusedGroup, &[ALL, "groups: [b], deny: {tables: [orders]}"], &[]);
    check(CoverageKind::BlindGroup, &[ALL, "groups: [b], deny: {tables: [orders]}"], &["b ", "c "]);
    let used = "groups: [a], grant: {tables: [orders], rows: 'state = attribute.text \
                and (customer.state in (attribute.texts) or weight < attribute.number)'}";
    check(
        CoverageKind::UnusedAttribute,
        &[used, "restrict: {tables: [people], rows: birth_date < attribute.date}"],
        &["integer ", "boolean ", "integers ", "dates "],
    );
}

#[test]
fn attributes_within_sets_of_other_rows_count() {
    let set = |rows: &str| {
        format!(
            "groups: [a], grant: {{tables: [people], rows: 'id in (select user_id from orders where {rows})'}}"
        )
    };
    let of = set("state = attribute.text and placed_on > attribute.date");
    let left = ["integer ", "number ", "boolean ", "texts ", "integers ", "dates "];
    check(CoverageKind::UnusedAttribute, &[&of], &left);
    check(CoverageKind::EveryRow, &[&of], &[]);
    check_diff(
        &[&of],
        &[&set("placed_on > attribute.date")],
        "group a\n  ~ table people: rows id in (select user_id from orders where state = attribute.text \
         and placed_on > attribute.date) → id in (select user_id from orders where placed_on > attribute.date)\n",
    );
    check_diff(&[&of], &[&of, &of], "");
}

#[test]
fn policies_without_effect_are_told() {
    let vain = |lines: &[&str], expected: &[&str]| check(CoverageKind::NoEffect, lines, expected);
    vain(&[ALL, CA], &[]);
    vain(
        &[CA, "deny: {tables: [orders]}"],
        &["p0 b: `p1` hides `orders` from all whom it concerns"],
    );
    vain(
        &["groups: [a, b], grant: {tables: [orders]}", "groups: [a], deny: {tables: [orders]}"],
        &[],
    );
    vain(
        &[
            "groups: [a], grant: {tables: [people], fields: {only: [email]}}",
            "deny: {tables: [people], fields: [email]}",
        ],
        &["p0 a: every field that it shows of `people` is denied"],
    );
    vain(
        &[ALL, "groups: [a], grant: {tables: [orders], rows: state = 'OR'}"],
        &["p1 a: `p0` shows all of that of `orders` already"],
    );
    // Of two that are alike, the later one.
    vain(&[CA, CA], &["p1 b: `p0` shows all of that of `orders` already"]);
    // Somebody in both groups sees no more by it, but somebody in one does.
    vain(
        &[ALL, "groups: [a, b], grant: {tables: [orders]}"],
        &["p0 a: `p1` shows all of that of `orders` already"],
    );
    // A mask less is more.
    vain(
        &[
            "groups: [a], grant: {tables: [people], masks: {email: hash}}",
            "groups: [a], grant: {tables: [people], rows: id = 1}",
        ],
        &[],
    );
    vain(
        &[
            "groups: [a], grant: {tables: [people], masks: {email: hash}}",
            "groups: [a], grant: {tables: [people], rows: id = 1, masks: {email: hash}}",
        ],
        &["p1 a: `p0` shows all of that of `people` already"],
    );
    vain(
        &["restrict: {tables: [people], rows: id = 1}"],
        &["p0 : it concerns no one: nothing grants `people`"],
    );
    vain(
        &[ALL, "restrict: {tables: [orders], rows: 'true'}"],
        &["p1 : it keeps every row of `orders`"],
    );
    vain(&["deny: {tables: [people]}"], &["p0 : nothing grants `people`, so it is hidden anyway"]);
    vain(
        &[
            "groups: [a], grant: {tables: [people], fields: {only: [id]}}",
            "deny: {tables: [people], fields: [email]}",
        ],
        &["p1 : no grant of `people` shows the fields that it denies"],
    );
    vain(
        &["groups: [a], grant: {metrics: [revenue]}"],
        &["p0 a: metric `revenue` is in no collection, so that it needs no grant"],
    );
    vain(
        &["groups: [a], grant: {metrics: [margin]}", "deny: {collections: [finance]}"],
        &["p0 a: `p1` hides metric `margin` from all whom it concerns"],
    );
    vain(
        &[
            "groups: [a], grant: {collections: [board]}",
            "groups: [a], deny: {collections: [finance]}",
        ],
        &["p0 a: `p1` hides collection `board` from all whom it concerns"],
    );
    vain(
        &["groups: [a], grant: {tables: [audit]}"],
        &["p0 a: `audit` is internal to the model, so nobody is shown it"],
    );
    vain(
        &["groups: [a], grant: {tables: [orders], level: none}"],
        &["p0 a: its level is `none`, which gives nothing of `orders`"],
    );
}

/// What changes from the first policies to the second, as text.
#[track_caller]
fn check_diff(before: &[&str], after: &[&str], expected: &str) {
    let snapshot = snapshot();
    let (before, after) = (policies(&snapshot, before), policies(&snapshot, after));
    let administrator = Administrator::asserted_by_host();
    let diff = before.diff(&after, &snapshot, &administrator);
    assert_eq!(diff.to_string(), expected);
    assert_eq!(diff.is_empty(), expected.is_empty());
    // Backwards the same changes, the other way round.
    let back = after.diff(&before, &snapshot, &administrator);
    let count = |text: &str, sign: &str| text.lines().filter(|l| l.starts_with(sign)).count();
    let (there, back) = (diff.to_string(), back.to_string());
    for (one, other) in [("  +", "  -"), ("  -", "  +"), ("  ~", "  ~")] {
        // What appears masked is told, what disappears is gone whatever it was.
        let masked = |text: &str| text.lines().filter(|l| l.contains(": values none →")).count();
        let there = count(&there, one) - if one == "  +" { masked(&there) } else { 0 };
        let back = count(&back, other) - if other == "  +" { masked(&back) } else { 0 };
        assert_eq!(there, back, "{one}");
    }
}

#[test]
fn policies_that_mean_the_same_do_not_differ() {
    check_diff(&[], &[], "");
    check_diff(&[ALL, CA], &[CA, ALL], "");
    check_diff(&[CA], &[CA, CA], "");
    check_diff(&[CA], &["groups: [b], grant: {tables: [orders], rows: \"  state   = 'CA'\"}"], "");
    check_diff(&[ALL], &[ALL, "groups: [a], grant: {tables: [orders], rows: state = 'OR'}"], "");
}

#[test]
fn rows_are_told_in_the_words_of_the_author() {
    check_diff(
        &[CA],
        &["groups: [b], grant: {tables: [orders], rows: \"state in ('CA', 'OR')\"}"],
        "group b\n  ~ table orders: rows state = 'CA' → state in ('CA', 'OR')\n",
    );
    check_diff(
        &[CA],
        &["groups: [b], grant: {tables: [orders]}"],
        "group b\n  + table orders: rows state = 'CA' → every row\n",
    );
    check_diff(
        &[CA],
        &[CA, "groups: [b], grant: {tables: [orders], rows: state = attribute.text}"],
        "group b\n  + table orders: rows state = 'CA' → (state = 'CA') or (state = attribute.text)\n",
    );
    check_diff(
        &[CA],
        &[CA, "restrict: {tables: [orders], rows: paid}"],
        "group b\n  - table orders: rows state = 'CA' → (state = 'CA') and (paid)\n",
    );
    // Two attributes of one type are two, whatever somebody's values are.
    check_diff(
        &["groups: [b], grant: {tables: [products], rows: category = attribute.text}"],
        &["groups: [b], grant: {tables: [products], rows: category in (attribute.texts)}"],
        "group b\n  ~ table products: rows category = attribute.text → category in (attribute.texts)\n",
    );
    // A condition that is true of every row still wants its attribute.
    check_diff(
        &["groups: [b], grant: {tables: [products], rows: \"'x' in (attribute.texts) or true\"}"],
        &["groups: [b], grant: {tables: [products]}"],
        "group b\n  + table products: rows 'x' in (attribute.texts) or true → every row\n",
    );
}

#[test]
fn whether_rows_are_more_or_less_is_told_where_it_is_certain() {
    let orders = |rows: &str| format!("groups: [b], grant: {{tables: [orders], rows: \"{rows}\"}}");
    let check = |before: &str, after: &str, sign: &str| {
        let told = format!("group b\n  {sign} table orders: rows {before} → {after}\n");
        check_diff(&[&orders(before)], &[&orders(after)], &told);
    };
    check("state = 'CA'", "state = 'CA' or state = 'OR'", "+");
    check("state = 'CA'", "state = 'OR' or state = 'CA'", "+");
    check("state = 'CA'", "state = 'CA' and paid", "-");
    check("paid and state = 'CA' or state = 'OR'", "state = 'OR' or state = 'CA'", "+");
    check("state = 'CA' and paid", "state = 'CA' or state = attribute.text", "~");
    check("state = attribute.text and paid", "state = attribute.text", "+");
    // Whoever lacks the attribute gains, and others lose.
    check("state = attribute.text or paid", "paid", "~");
    check("state = 'CA'", "state = 'OR'", "~");
    check("customer.state = 'CA'", "customer.state = 'CA' or customer.state = 'OR'", "+");
    let kept = |rows: &str| format!("restrict: {{tables: [orders], rows: \"{rows}\"}}");
    check_diff(
        &[CA, &kept("paid")],
        &[CA, &kept("paid and weight < attribute.number")],
        "group b\n  - table orders: rows (state = 'CA') and (paid) → (state = 'CA') and (paid and weight < attribute.number)\n",
    );
}

#[test]
fn names_that_appear_or_disappear_are_told() {
    check_diff(
        &[],
        &[
            "groups: [c], grant: {tables: [people], fields: {only: [id, name]}, masks: {name: {prefix: 1}}}",
        ],
        "group c\n  + table people: level none → query\n  + table people: rows no row → every row\n  \
         + fields of people: level none → query: id, name\n  \
         + field people.name: values none → prefix 1\n",
    );
    check_diff(
        &["groups: [c], grant: {tables: [people]}"],
        &["groups: [c], grant: {tables: [people], level: describe, fields: {except: [email]}}"],
        "group c\n  - table people: level query → describe\n  - table people: rows every row → no row\n  \
         - fields of people: level query → describe: id, name\n  \
         - field people.email: level query → none\n  \
         - fields of people: level query → describe: state, birth_date\n",
    );
    check_diff(
        &["groups: [c], grant: {tables: [people]}"],
        &["groups: [c], grant: {tables: [people], collections: [marketing]}"],
        "group c\n  + metric reach: level none → query\n",
    );
}

#[test]
fn masks_that_change_are_told() {
    let masked = "groups: [a], grant: {tables: [people], masks: {email: {prefix: 3}, birth_date: {constant: '2000-01-01'}}}";
    check_diff(
        &[masked],
        &["groups: [a], grant: {tables: [people], masks: {email: hash}}"],
        "group a\n  ~ field people.email: values prefix 3 → hash\n  \
         + field people.birth_date: values constant 2000-01-01 → clear\n",
    );
    check_diff(
        &[masked],
        &[masked, "groups: [a], grant: {tables: [people], rows: id = 1, fields: {only: [email]}}"],
        "group a\n  ~ field people.email: values prefix 3 → clear where id = 1; prefix 3 where every row; else NULL\n",
    );
}

#[test]
fn two_groups_together_are_told_where_neither_tells_it_alone() {
    let a = "groups: [a], grant: {tables: [orders]}";
    let b = "groups: [b], grant: {tables: [people], rows: id = 1}";
    check_diff(
        &[a, b],
        &[a, b, "groups: [b], deny: {tables: [orders]}"],
        "groups a and b together\n  - table orders: level query → none\n  \
         - table orders: rows every row → no row\n  \
         - fields of orders: level query → none: id, user_id, product_id, state, total, discount, \
         paid, weight, placed_on, net, net_twice, buyer_state, noted\n  \
         - metrics: level query → none: revenue, order_count, given_away, big_revenue, western_buyers\n",
    );
}

/// The view of policies with open attributes says of rows and cells what the grants of somebody
/// say who has them.
#[test]
fn the_view_agrees_with_the_grants() {
    let sets: [&[&str]; 5] = [
        &[ALL, CA],
        &[
            "groups: [a], grant: {tables: [people], rows: state = attribute.text, masks: {email: hash}}",
            "groups: [b], grant: {tables: [people], rows: 'true', fields: {except: [email, name]}}",
            "groups: [b, c], grant: {tables: [orders, products], collections: [finance]}",
        ],
        &[
            "groups: [a], grant: {tables: [people], rows: 'false'}",
            "groups: [b], grant: {tables: [people], masks: {email: null}}",
            "groups: [c], deny: {tables: [people], fields: [name]}",
        ],
        &[
            "groups: [a, b], grant: {tables: [people, orders]}",
            "groups: [a], restrict: {tables: [people], rows: 'false'}",
            "groups: [c], restrict: {tables: [orders], rows: \"state in (attribute.texts)\"}",
            "groups: [c], deny: {tables: [people]}",
        ],
        &[
            "groups: [a], grant: {tables: [people], level: describe}",
            "groups: [b], grant: {tables: [people], rows: id = 1}",
            "groups: [a, c], grant: {tables: [people], rows: \"'x' in (attribute.texts) or true\", fields: {only: [name]}}",
        ],
    ];
    let snapshot = snapshot();
    let texts = || AttributeValue::List(vec!["x".into()]);
    let mut compared = 0;
    for (lines, groups) in sets.iter().flat_map(|set| {
        ["", "a", "b", "c", "a b", "a c", "b c", "a b c"].map(|groups| (set, groups))
    }) {
        let set = policies(&snapshot, lines);
        let list: Vec<&str> = groups.split_whitespace().collect();
        let view = View::of(&set, &snapshot, &list).unwrap();
        let principal: Principal = who(groups, &[("text", "x".into()), ("texts", texts())]);
        let grants = set.grants(&snapshot, &principal);
        for name in ["orders", "people", "products", "states"] {
            let id = table(&grants, name);
            assert_eq!(view.table_level(id), grants.table_level(id), "{lines:?} {groups} {name}");
            let Ok(sandbox) = grants.sandbox(id) else {
                assert!(view.rows(id).is_nothing());
                continue;
            };
            let rows = view.rows(id);
            let told = format!("{lines:?} {groups} {name} {rows}");
            assert_eq!(
                rows.is_everything_with_attributes(),
                sandbox.rows().is_everything(),
                "{told}"
            );
            assert_eq!(rows.is_nothing(), *sandbox.rows() == RowFilter::Never, "{told}");
            for field in &snapshot.table(id).fields {
                let (shown, cell) = (view.shown(field.id), sandbox.cell(field.id));
                let level = view.field_level(field.id);
                if matches!(field.kind, sandbar_catalog::FieldKind::Calculated(_)) {
                    continue;
                }
                let clear = level == Level::Query && shown.is_clear();
                assert_eq!(
                    clear,
                    level == Level::Query && *cell == Cell::Clear,
                    "{told} {} {shown}",
                    field.name
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 200, "{compared}");
}

#[test]
fn l19_rows_of_either_are_those_of_both_without_a_field() {
    let snapshot = snapshot();
    let either = |one: &[&str], other: &[&str]| {
        let principal = who("a b", &[]);
        let one = policies(&snapshot, one).grants(&snapshot, &principal);
        let other = policies(&snapshot, other).grants(&snapshot, &principal);
        one.rows_of_either(&other, &Administrator::asserted_by_host())
    };
    let both = either(&[CA], &["groups: [b], grant: {tables: [orders], rows: state = 'OR'}"]);
    assert_eq!(super::text::rows(&both, "orders"), "(state = 'CA' or state = 'OR')");
    let sandbox = both.sandbox(table(&both, "orders")).unwrap();
    for field in &snapshot.table(table(&both, "orders")).fields {
        assert_eq!(*sandbox.cell(field.id), Cell::Hidden);
        assert_eq!(both.field_level(&sandbar_catalog::FieldPath::own(field.id)), Level::None);
    }
    assert_eq!(super::text::rows(&either(&[CA], &[]), "orders"), "state = 'CA'");
    assert_eq!(super::text::rows(&either(&[CA], &[ALL]), "orders"), "everything");
    assert_eq!(super::text::rows(&either(&[], &[]), "orders"), "Absent");
    // It is a key of its own: no plan or answer of the two is taken for one of these.
    let one = policies(&snapshot, &[CA]).grants(&snapshot, &who("a b", &[]));
    assert_ne!(both.effective(), one.effective());
}

#[test]
fn many_groups_are_not_looked_at_in_pairs_and_that_is_said() {
    let snapshot = snapshot();
    let administrator = Administrator::asserted_by_host();
    let check = |count: usize, more: &str, pairs: bool| {
        let groups: Vec<String> = (0..count).map(|n| format!("g{n}: {{}}")).collect();
        let text = format!(
            "groups: {{{}}}\npolicies:\n  one: {{groups: [g0], grant: {{tables: [orders]}}}}\n{more}",
            groups.join(", ")
        );
        let text = SourceText::new("policies.yaml", text);
        let set = Arc::new(PolicyDefinitions::from_yaml([text]).check(&snapshot).unwrap());
        let told = "two groups together were not compared";
        assert_eq!(set.diff(&set, &snapshot, &administrator).to_string().contains(told), !pairs);
        let coverage = set.coverage(&snapshot, &administrator);
        assert_eq!(coverage.pairs, pairs);
        assert_eq!(coverage.to_string().contains("together was not looked at"), !pairs);
        let mut unseen = coverage.findings.iter().filter(|f| f.kind == CoverageKind::UnseenMetric);
        let seen = !unseen.any(|finding| finding.subject == "western_buyers");
        // All groups together are looked at in any case.
        assert_eq!(seen, !more.is_empty(), "{coverage}");
    };
    let people = "  two: {groups: [g1], grant: {tables: [people]}}\n";
    check(24, "", true);
    check(24, people, true);
    check(25, "", false);
    check(25, people, false);
}
