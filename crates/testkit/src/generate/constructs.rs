//! What a question makes use of, by names that the test counts.

use super::calendars::{is_of_days, of_calendars};
use super::metrics::{asked_tables, below};
use super::written::function;
use crate::reference::calendar::{Calendar, Unit};
use crate::reference::{
    AskedField, AskedMeasure, Bin, Calculation, Cell, Condition, Cut, Kind, Question, Rule, Start,
    Table, World,
};

/// Whether a name goes over a relationship that leads to many rows.
fn leads_to_many(name: &str) -> bool {
    name.split('.').any(|step| step.starts_with("of_t"))
}

fn segment(name: &str) -> &'static str {
    if name.contains('.') { "segment path" } else { "segment" }
}

/// A segment that is a part of another condition.
fn segment_inside(part: &Condition) -> Option<&'static str> {
    matches!(part, Condition::Segment(_)).then_some("segment inside")
}

fn of_condition(of: &Condition, found: &mut Vec<&'static str>) {
    match of {
        Condition::And(parts) => {
            found.push("filter and");
            found.extend(parts.iter().find_map(segment_inside));
            parts.iter().for_each(|part| of_condition(part, found));
        }
        Condition::Or(parts) => {
            found.push("filter or");
            found.extend(parts.iter().find_map(segment_inside));
            parts.iter().for_each(|part| of_condition(part, found));
        }
        Condition::Not(inner) => {
            found.push("filter not");
            found.extend(segment_inside(inner));
            of_condition(inner, found);
        }
        Condition::Segment(name) => found.push(segment(name)),
        Condition::Exists(name, inner) => {
            found.push(if leads_to_many(name) { "filter exists named" } else { "filter exists" });
            inner.iter().for_each(|inner| of_condition(inner, found));
        }
        Condition::Metric(_, per, ..) => {
            found.push(if per.is_some() { "filter metric per" } else { "filter metric" });
        }
        Condition::Relative(..) => found.push("filter relative"),
        Condition::Field { field, grain, op, values, case } => {
            found.extend(case.then_some("case_sensitive"));
            found.extend(field.contains("calc").then_some("filter calculated"));
            found.push(op);
            found.extend(grain.map(|grain| match Unit::of_grain(grain) {
                Some(_) => "filter grain",
                None if grain == "hour" || grain == "minute" => "filter hour",
                None => "filter part",
            }));
            found.extend(values.iter().filter_map(|value| match value {
                Cell::Clock(_) => Some("filter clock"),
                Cell::Instant(_) => Some("filter instant"),
                _ => None,
            }));
            found.extend(field.contains("was_").then_some("filter history"));
            found.extend(field.contains("when_").then_some("filter history as of"));
            found.extend(leads_to_many(field).then_some("filter to many"));
            if field.contains('.') {
                found.push("filter path");
            }
        }
    }
}

fn speaks_of_time(rule: &Rule) -> bool {
    match rule {
        Rule::Part(..) | Rule::Bucket(..) => true,
        Rule::And(a, b) | Rule::Or(a, b) => speaks_of_time(a) || speaks_of_time(b),
        Rule::Not(inner) => speaks_of_time(inner),
        Rule::Compare(..) | Rule::IsNull(_) => false,
    }
}

/// How a question counts time, where it is not as if nothing were said.
fn of_calendar(world: &World, question: &Question, found: &mut Vec<&'static str>) {
    let (own, nothing) = (world.calendar, Calendar::default());
    let said = [
        ("model zone", own.zone != nothing.zone),
        ("model week start", own.week_start != nothing.week_start),
        ("model fiscal year", own.fiscal != nothing.fiscal),
        ("asked zone", question.time_zone.is_some_and(|zone| zone != own.zone)),
        ("asked week start", question.week_start.is_some_and(|start| start != own.week_start)),
    ];
    found.extend(said.into_iter().filter(|(_, said)| *said).map(|(name, _)| name));
}

/// What stands in place of times.
fn of_times(asked: &AskedField) -> Option<&'static str> {
    let Some(Cut::Grain(grain)) = asked.cut else { return None };
    Some(match grain {
        "fiscal_quarter" | "fiscal_year" => "fiscal grain",
        "fiscal_quarter_of_year" | "fiscal_year_number" => "fiscal part",
        "week" => "weeks",
        "week_of_year" | "iso_year_number" | "day_of_week" | "iso_day_of_week" => "part of weeks",
        "hour" | "minute" | "second" => "hours",
        "hour_of_day" | "minute_of_hour" | "second_of_minute" => "part of days",
        _ => return None,
    })
}

fn of_metric(world: &World, metric: usize, found: &mut Vec<&'static str>) {
    let is_spread = |metric: &usize| {
        let of = &world.metrics[*metric].calculation;
        matches!(of, Calculation::Simple { function, .. } if function.is_spread())
    };
    let all = below(world, metric);
    // The first of them is the metric itself.
    found.extend(all[1..].iter().any(is_spread).then_some("computed from a spread"));
    for metric in all {
        let metric = &world.metrics[metric];
        if metric.fill.is_some() {
            found.push("fill");
        }
        found.extend(metric.measure.map(|_| "metric measure"));
        found.extend((!metric.requires.is_empty()).then_some("requires"));
        match &metric.calculation {
            Calculation::Simple { table, function: f, filter, time, semi, dense, .. } => {
                found.push(function(*f));
                found.extend(world.tables[*table].derived.as_ref().map(|_| "derived metric"));
                found.extend(filter.is_some().then_some("metric filter"));
                let of_time = filter.as_ref().is_some_and(speaks_of_time);
                found.extend(of_time.then_some("metric filter of time"));
                found.extend(time.is_some().then_some("metric time"));
                found.extend(dense.then_some("timespine"));
                if let Some(semi) = semi {
                    found.push(if semi.first { "semi first" } else { "semi last" });
                    found.push(if semi.per.is_empty() { "semi global" } else { "semi per" });
                }
            }
            Calculation::Ratio(a, b) => {
                found.push("ratio");
                for input in [a, b] {
                    found.extend(input.filter.is_some().then_some("input filter"));
                    found.extend(input.offset.is_some().then_some("input offset"));
                }
            }
            Calculation::Derived(_, inputs) => {
                found.push("derived");
                for input in inputs {
                    found.extend(input.filter.is_some().then_some("input filter"));
                    found.extend(input.offset.is_some().then_some("input offset"));
                }
            }
            Calculation::Cumulative(_, (start, first)) => {
                found.push(match start {
                    Start::AllTime => "all time",
                    Start::Trailing(..) => "trailing",
                    Start::ToDate(_) => "to date",
                });
                found.extend(first.then_some("report first"));
            }
            Calculation::Conversion { count, on, .. } => {
                found.extend((on.len() > 1).then_some("constant_properties"));
                found.push(if *count { "conversion count" } else { "conversion rate" });
            }
        }
    }
}

/// The names of a condition that are looked up from its own rows.
fn names_of<'c>(of: &'c Condition, found: &mut Vec<&'c str>) {
    match of {
        Condition::And(parts) | Condition::Or(parts) => {
            parts.iter().for_each(|part| names_of(part, found));
        }
        Condition::Not(inner) => names_of(inner, found),
        Condition::Field { field: name, .. }
        | Condition::Relative(name, ..)
        | Condition::Exists(name, _)
        | Condition::Metric(_, Some(name), ..) => found.push(name),
        Condition::Segment(_) | Condition::Metric(..) => {}
    }
}

/// The keys of the relationships that a name goes over from a table, or from the one that it names.
fn of_keys(world: &World, from: usize, name: &str, found: &mut Vec<&'static str>) {
    let named = |step: &str| world.tables.iter().position(|table| table.name == step);
    let mut at = from;
    for (index, step) in name.split('.').enumerate() {
        let one = world.tables[at].links.iter().find(|link| link.name == step);
        let many = world.backs(at).find(|(back, ..)| back.name == step);
        let way = one.map(|link| (link, link.to)).or(many.map(|(_, there, link)| (link, there)));
        let Some((link, there)) = way else {
            let Some(table) = named(step).filter(|_| index == 0) else { return };
            at = table;
            continue;
        };
        let to = &world.tables[link.to];
        found.extend((to.columns[to.key].kind == Kind::Text).then_some("text key"));
        found.extend(to.rest.map(|_| "composite key"));
        found.extend(link.one.then_some("one to one"));
        at = there;
    }
}

/// Keys that are not one whole number, of the relationships that a question goes over, and how many
/// tables there are.
fn of_tables(world: &World, question: &Question, found: &mut Vec<&'static str>) {
    found.extend((world.stored().count() == 6).then_some("six tables"));
    let asked = question.group_by.iter().chain(&question.fields);
    let mut names: Vec<&str> = asked.map(|asked| asked.field.as_str()).collect();
    question.filter.iter().for_each(|filter| names_of(filter, &mut names));
    for table in asked_tables(world, question) {
        names.iter().for_each(|name| of_keys(world, table, name, found));
    }
}

fn of_measure(
    world: &World,
    question: &Question,
    asked: &AskedMeasure,
    found: &mut Vec<&'static str>,
) {
    let table = world.tables.iter().find(|table| question.table.as_ref() == Some(&table.name));
    let mut measures = table.iter().flat_map(|table| &table.measures);
    let Some(measure) = measures.find(|measure| measure.name == asked.name) else { return };
    found.extend(["measure", function(measure.function)]);
    found.extend(measure.filter.is_some().then_some("measure of rows"));
    found.extend(measure.per_row.then_some("measure per row"));
    found.extend((!question.metrics.is_empty()).then_some("measure beside metrics"));
    if let Some(filter) = &asked.filter {
        found.push("measure filter");
        of_condition(filter, found);
    }
}

/// What a question makes use of, each once.
pub fn constructs(world: &World, question: &Question) -> Vec<&'static str> {
    let mut found = Vec::new();
    of_calendar(world, question, &mut found);
    of_tables(world, question, &mut found);
    found.extend(question.group_by.iter().chain(&question.fields).filter_map(of_times));
    if let Some(inner) = &question.from {
        found.push("from");
        found.extend(constructs(world, inner));
    }
    for asked in &question.metrics {
        let metric = world.metrics.iter().position(|m| m.name == asked.name);
        metric.into_iter().for_each(|metric| of_metric(world, metric, &mut found));
        if let Some(filter) = &asked.filter {
            found.push("asked filter");
            of_condition(filter, &mut found);
        }
        found.extend(asked.offset.map(|_| "asked offset"));
        found.extend(asked.compare.map(|_| "compare"));
    }
    let derived =
        |table: &&Table| table.derived.is_some() && question.table.as_ref() == Some(&table.name);
    found.extend(world.tables.iter().find(derived).map(|_| "derived table"));
    if question.metrics.len() > 1 {
        found.push("several metrics");
    }
    found.extend(question.segments.iter().map(|name| segment(name)));
    found.extend((!question.segments.is_empty()).then_some("segments"));
    for asked in &question.measures {
        of_measure(world, question, asked, &mut found);
    }
    for asked in &question.aggregations {
        found.push("aggregation");
        found.extend(asked.grain.map(|_| "aggregation grain"));
        found.push(function(asked.function));
        asked.filter.iter().for_each(|filter| of_condition(filter, &mut found));
    }
    let keys = question.group_by.iter().chain(&question.fields).map(|asked| &asked.field);
    let of = question.aggregations.iter().filter_map(|asked| asked.field.as_ref());
    let own = |field: &&String| question.calculated.iter().any(|(name, _)| name == *field);
    found.extend(keys.clone().chain(of.clone()).find(own).map(|_| "calculated by the question"));
    found.extend(keys.chain(of).find(|field| field.contains("calc")).map(|_| "calculated"));
    for key in &question.group_by {
        found.push(match (key.field.as_str(), key.cut) {
            ("metric_time", _) => "metric_time",
            (_, Some(Cut::Grain(_))) => "grain",
            (_, Some(Cut::Bin(Bin::Count(..)))) => "bin count",
            (_, Some(Cut::Bin(Bin::Width(_, start)))) => {
                if start.is_some() {
                    "bin start"
                } else {
                    "bin"
                }
            }
            (name, None) if name.starts_with("to_") || name.starts_with("one_") => "role path",
            (name, None) if is_of_days(name) => "calendar",
            (name, None) if name.contains('.') => "table name",
            _ => "key",
        });
    }
    if question.group_by.iter().any(|key| leads_to_many(&key.field)) {
        found.push("bridge");
        found.extend((!question.totals.is_empty()).then_some("bridge totals"));
    }
    let names = question.group_by.iter().chain(&question.fields).map(|asked| &asked.field);
    for name in names {
        found.extend(name.contains("was_").then_some("history"));
        found.extend(name.contains("when_").then_some("history as of"));
    }
    let binned = |asked: &&AskedField| matches!(asked.cut, Some(Cut::Bin(_)));
    found.extend(question.fields.iter().find(binned).map(|_| "listed bin"));
    question.filter.iter().for_each(|filter| of_condition(filter, &mut found));
    let members = [
        ("listing", !question.fields.is_empty()),
        ("having", question.having.is_some()),
        ("having and", matches!(question.having, Some(Condition::And(_)))),
        ("having or", matches!(question.having, Some(Condition::Or(_)))),
        ("totals", !question.totals.is_empty()),
        ("shares", !question.shares.is_empty()),
        ("share within", question.shares.iter().any(|share| !share.within.is_empty())),
        ("order", !question.order_by.is_empty()),
        ("orders", question.order_by.len() > 1),
        ("limit", question.limit.is_some()),
    ];
    found.extend(members.into_iter().filter(|(_, used)| *used).map(|(name, _)| name));
    // What is counted over time, in a zone or by weeks that are not the model's.
    let elsewhere = |found: &[&str]| {
        found.iter().any(|name| matches!(*name, "asked zone" | "asked week start"))
    };
    let over_time = [
        ("all time", "accumulated elsewhere"),
        ("trailing", "accumulated elsewhere"),
        ("to date", "to date elsewhere"),
        ("asked offset", "offset elsewhere"),
        ("input offset", "offset elsewhere"),
        ("conversion count", "conversion elsewhere"),
        ("conversion rate", "conversion elsewhere"),
        ("timespine", "timespine elsewhere"),
        ("filter relative", "relative elsewhere"),
    ];
    if elsewhere(&found) {
        let counted = over_time.into_iter().filter(|(name, _)| found.contains(name));
        let counted: Vec<&str> = counted.map(|(_, elsewhere)| elsewhere).collect();
        found.extend(counted);
    }
    let days = of_calendars(world, question, &found);
    found.extend(days);
    found.sort_unstable();
    found.dedup();
    found
}
