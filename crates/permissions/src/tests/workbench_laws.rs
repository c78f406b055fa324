//! What is told of a change holds for whoever is asked: random policies, compared row by row and
//! cell by cell for people with and without attributes, by an evaluator of its own.

use std::collections::BTreeMap;

use sandbar_auth::{AttributeValue, Principal};
use sandbar_catalog::Literal;
use sandbar_catalog::expr::{Comparison, Expr, ExprKind};

use super::world::{policies, snapshot, table, who};
use crate::{
    Administrator, Cell, ChangeEffect, Condition, CoverageKind, Grants, PolicyDiff, RowFilter,
};

/// Numbers that look random and are the same each time.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }

    pub(super) fn pick<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

const ROWS: [&str; 12] = [
    "",
    ", rows: \"state = 'CA'\"",
    ", rows: \"state = 'OR'\"",
    ", rows: \"state in ('CA', 'OR')\"",
    ", rows: state = attribute.text",
    ", rows: paid",
    ", rows: \"state = 'CA' and paid\"",
    ", rows: \"state = 'CA' or paid\"",
    ", rows: \"state = attribute.text or paid\"",
    ", rows: state is null",
    ", rows: \"'x' in (attribute.texts) or true\"",
    ", rows: 'false'",
];
const FIELDS: [&str; 4] = ["", "", ", fields: {except: [total]}", ", fields: {only: [id, state]}"];
const MASKS: [&str; 4] =
    ["", "", ", masks: {state: {prefix: 1}}", ", masks: {state: null, total: null}"];
const GROUPS: [&str; 3] = ["a", "b", "a, b"];

fn policy(random: &mut Random) -> String {
    let groups = random.pick(&GROUPS);
    match random.below(8) {
        0 => {
            let rows = random.pick(&ROWS[1..]);
            format!("groups: [{groups}], restrict: {{tables: [orders]{rows}}}")
        }
        1 if random.below(2) == 0 => format!("groups: [{groups}], deny: {{tables: [orders]}}"),
        1 => format!("groups: [{groups}], deny: {{tables: [orders], fields: [total]}}"),
        _ => {
            let (rows, fields) = (random.pick(&ROWS), random.pick(&FIELDS));
            let masks = random.pick(&MASKS);
            let level = if random.below(10) == 0 { ", level: describe" } else { "" };
            format!("groups: [{groups}], grant: {{tables: [orders]{rows}{fields}{masks}{level}}}")
        }
    }
}

/// A row: its state, and whether it is paid.
type Row = (Option<&'static str>, Option<bool>);

fn all_rows() -> Vec<Row> {
    let states = [Some("CA"), Some("OR"), Some("NV"), None];
    let paid = [Some(true), Some(false), None];
    states.iter().flat_map(|state| paid.map(|paid| (*state, paid))).collect()
}

/// The value of an expression in a row; `None` is NULL.
fn value(grants: &Grants, row: Row, expr: &Expr) -> Option<Literal> {
    match &expr.kind {
        ExprKind::Literal(Literal::Null) => None,
        ExprKind::Literal(value) => Some(value.clone()),
        ExprKind::Field(path) => match grants.snapshot().path_name(path).as_str() {
            "state" => row.0.map(|state| Literal::Text(state.to_owned())),
            "paid" => row.1.map(Literal::Boolean),
            other => panic!("no value of {other}"),
        },
        ExprKind::IsNull(inner) => Some(Literal::Boolean(value(grants, row, inner).is_none())),
        ExprKind::Compare(Comparison::Eq, a, b) => {
            let (a, b) = (value(grants, row, a)?, value(grants, row, b)?);
            Some(Literal::Boolean(a == b))
        }
        ExprKind::InList(a, list) => {
            let a = value(grants, row, a)?;
            Some(Literal::Boolean(list.iter().any(|b| value(grants, row, b).as_ref() == Some(&a))))
        }
        other => panic!("no value of {other:?}"),
    }
}

fn holds(grants: &Grants, row: Row, condition: &Condition) -> bool {
    match condition {
        Condition::All(parts) => parts.iter().all(|part| holds(grants, row, part)),
        Condition::Any(parts) => parts.iter().any(|part| holds(grants, row, part)),
        Condition::Own(expr) => value(grants, row, expr) == Some(Literal::Boolean(true)),
        other => panic!("no rows of other tables: {other:?}"),
    }
}

fn passes(grants: &Grants, row: Row, filter: &RowFilter) -> bool {
    match filter {
        RowFilter::Everything => true,
        RowFilter::Never => false,
        RowFilter::Where(condition) => holds(grants, row, condition),
    }
}

/// What is seen of each visible row: of each visible field how, by name.
fn seen(grants: &Grants) -> BTreeMap<Row, BTreeMap<&'static str, String>> {
    let orders = table(grants, "orders");
    let Ok(sandbox) = grants.sandbox(orders) else { return BTreeMap::new() };
    let fields = &grants.snapshot().table(orders).fields;
    let mut found = BTreeMap::new();
    for row in all_rows().into_iter().filter(|row| passes(grants, *row, sandbox.rows())) {
        let cells = ["id", "state", "paid", "total"].map(|name| {
            let field = fields.iter().find(|field| field.name == name).unwrap();
            let cell = match sandbox.cell(field.id) {
                Cell::Clear => "clear".to_owned(),
                Cell::Hidden => "hidden".to_owned(),
                Cell::Masked(mask) => format!("{mask:?}"),
                Cell::ByRow(rules) => {
                    let rule = rules.iter().find(|(rows, _)| passes(grants, row, rows));
                    match rule {
                        Some((_, None)) => "clear".to_owned(),
                        Some((_, Some(mask))) => format!("{mask:?}"),
                        None => "Null".to_owned(),
                    }
                }
            };
            (name, cell)
        });
        found.insert(row, cells.into_iter().collect());
    }
    found
}

/// Everybody there can be: groups, with and without each attribute.
fn people() -> Vec<(&'static str, Principal)> {
    let texts = |texts: &[&str]| {
        AttributeValue::List(texts.iter().map(|text| AttributeValue::from(*text)).collect())
    };
    let one = [None, Some("CA".into()), Some("NV".into())];
    let lists = [None, Some(texts(&[])), Some(texts(&["x"])), Some(texts(&["y"]))];
    let mut people = Vec::new();
    for groups in ["", "a", "b", "a b"] {
        for (text, list) in one.iter().flat_map(|one| lists.iter().map(move |list| (one, list))) {
            let text = text.clone().map(|text: AttributeValue| ("text", text));
            let attributes: Vec<_> =
                text.into_iter().chain(list.clone().map(|list| ("texts", list))).collect();
            people.push((groups, who(groups, &attributes)));
        }
    }
    people
}

/// The changes of `orders` that concern somebody in these groups.
fn told<'d>(diff: &'d PolicyDiff, groups: &str) -> Vec<&'d crate::PolicyChange> {
    let his: Vec<&str> = groups.split_whitespace().collect();
    let concerned =
        diff.groups.iter().filter(|group| group.groups.iter().all(|g| his.contains(&g.as_str())));
    concerned.flat_map(|group| &group.changes).collect()
}

#[test]
fn whatever_changes_for_somebody_is_told_and_more_is_more() {
    let snapshot = snapshot();
    let (mut random, people) = (Random(7), people());
    let (mut same, mut more, mut less) = (0, 0, 0);
    for _ in 0..160 {
        let set = |random: &mut Random| -> Vec<String> {
            (0..random.below(4)).map(|_| policy(random)).collect()
        };
        let before = set(&mut random);
        // Half of the changes are small ones.
        let mut after = if random.below(2) == 0 { before.clone() } else { set(&mut random) };
        match (random.below(3), after.len()) {
            (0, 1..) => drop(after.remove(0)),
            (1, _) => after.push(policy(&mut random)),
            _ => after.reverse(),
        }
        let lines = |set: &[String]| {
            let lines: Vec<&str> = set.iter().map(String::as_str).collect();
            policies(&snapshot, &lines)
        };
        let (old, new) = (lines(&before), lines(&after));
        let diff = old.diff(&new, &snapshot, &Administrator::asserted_by_host());
        for (groups, principal) in &people {
            let was = seen(&old.grants(&snapshot, principal));
            let is = seen(&new.grants(&snapshot, principal));
            let told = told(&diff, groups);
            let context = || format!("{before:#?}\n{after:#?}\n{groups} {principal:?}\n{diff}");
            if told.is_empty() {
                // Of two masks the one of the first grant counts, so their order matters.
                let rows = |seen: &BTreeMap<Row, _>| seen.keys().copied().collect::<Vec<_>>();
                assert_eq!(rows(&was), rows(&is), "{}", context());
                assert_eq!(was, is, "{}", context());
                same += 1;
            }
            let alone = !groups.contains(' ');
            for change in told.iter().filter(|change| alone && change.aspect == "rows") {
                match change.effect {
                    ChangeEffect::Gives => {
                        assert!(was.keys().all(|row| is.contains_key(row)), "{}", context());
                        more += 1;
                    }
                    ChangeEffect::Takes => {
                        assert!(is.keys().all(|row| was.contains_key(row)), "{}", context());
                        less += 1;
                    }
                    ChangeEffect::Changes => {}
                }
            }
        }
    }
    assert!(same > 500 && more > 200 && less > 200, "{same} {more} {less}");
}

#[test]
fn what_is_said_to_have_no_effect_has_none_and_every_row_is_every_row() {
    let snapshot = snapshot();
    let administrator = Administrator::asserted_by_host();
    let (mut random, people) = (Random(11), people());
    let (mut vain, mut whole) = (0, 0);
    for _ in 0..120 {
        let lines: Vec<String> = (0..1 + random.below(4)).map(|_| policy(&mut random)).collect();
        let set = |without: Option<usize>| {
            let kept = lines.iter().enumerate().filter(|(index, _)| Some(*index) != without);
            let kept: Vec<&str> = kept.map(|(_, line)| line.as_str()).collect();
            policies(&snapshot, &kept)
        };
        let all = set(None);
        for finding in all.coverage(&snapshot, &administrator).findings {
            let context = || format!("{lines:#?}\n{finding:?}");
            match finding.kind {
                CoverageKind::NoEffect if finding.subject != "nothing" => {
                    let index = finding.subject.strip_prefix('p').unwrap().parse().unwrap();
                    let without = set(Some(index));
                    for (_, principal) in &people {
                        let with = seen(&all.grants(&snapshot, principal));
                        let without = seen(&without.grants(&snapshot, principal));
                        assert_eq!(with, without, "{principal:?} {}", context());
                    }
                    vain += 1;
                }
                CoverageKind::EveryRow => {
                    let wanted = finding.detail.as_deref().unwrap().contains("attributes");
                    let his = people.iter().filter(|(groups, _)| *groups == finding.groups[0]);
                    for (_, principal) in his {
                        let rows = seen(&all.grants(&snapshot, principal)).len();
                        let has = principal.attribute("texts").is_some_and(|list| {
                            list.to_json().as_array().is_some_and(|list| !list.is_empty())
                        });
                        assert!(rows == 12 || wanted && !has, "{rows} {principal:?} {}", context());
                    }
                    whole += 1;
                }
                _ => {}
            }
        }
    }
    assert!(vain > 40 && whole > 40, "{vain} {whole}");
}
