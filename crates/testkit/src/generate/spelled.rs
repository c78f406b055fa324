//! Questions that calculate themselves what the model calculates: the same values under other names.

use super::calculated::expr;
use super::metrics::below;
use super::random::Random;
use crate::reference::{AskedField, Calculation, Condition, Question, World};

/// The name under which a question calculates what the model has as a column.
fn own(name: &str) -> String {
    format!("own_{name}")
}

/// The only table whose rows a question is about, if that is one.
pub(super) fn only_table(world: &World, question: &Question) -> Option<usize> {
    if let Some(name) = &question.table {
        return world.tables.iter().position(|table| table.name == *name);
    }
    let mut tables = Vec::new();
    for asked in &question.metrics {
        let metric = world.metrics.iter().position(|metric| metric.name == asked.name)?;
        tables.extend(tables_of(world, metric));
    }
    let first = *tables.first()?;
    tables.iter().all(|table| *table == first).then_some(first)
}

/// The tables whose rows a metric is grouped by. Conversions are grouped by what is followed.
fn tables_of(world: &World, metric: usize) -> Vec<usize> {
    match &world.metrics[metric].calculation {
        Calculation::Simple { table, .. } => vec![*table],
        Calculation::Conversion { base, .. } => tables_of(world, base.metric),
        _ => {
            let below = below(world, metric).into_iter().filter(|other| *other != metric);
            below.flat_map(|other| tables_of(world, other)).collect()
        }
    }
}

/// Lets a question calculate some of what the model calculates for its table itself. `seen` is the
/// world as its asker sees it: a column that is hidden although nothing is that it is computed from
/// would be answered all the same.
pub fn spell_out(random: &mut Random, world: &World, seen: &World, question: &mut Question) {
    // What the model calculates counts time as the model does.
    if question.time_zone.is_some() || question.week_start.is_some() {
        return;
    }
    if let Some(inner) = &mut question.from {
        spell_out(random, world, seen, inner);
        return;
    }
    let Some(table) = only_table(world, question) else { return };
    for (index, column) in world.tables[table].columns.iter().enumerate() {
        let Some(of) = &column.calculated else { continue };
        if seen.may_be_calculated(table, index) && random.percent(60) {
            question.calculated.push((column.name.clone(), expr(world, table, of)));
        }
    }
}

/// The same question with the names that it has in JSON.
pub(super) fn named(question: &Question) -> Question {
    let mut named = question.clone();
    let rename = |name: &mut String| {
        if question.calculated.iter().any(|(known, _)| known == name) {
            *name = own(name);
        }
    };
    named.calculated.iter_mut().for_each(|(name, _)| *name = own(name));
    let asked = named.fields.iter_mut().chain(&mut named.group_by);
    asked.for_each(|AskedField { field, .. }| rename(field));
    let filters = named.metrics.iter_mut().map(|metric| &mut metric.filter);
    let filters = filters.chain(named.measures.iter_mut().map(|measure| &mut measure.filter));
    let conditions = filters.chain(named.aggregations.iter_mut().map(|a| &mut a.filter));
    conditions.chain([&mut named.filter]).flatten().for_each(|c| renamed(c, &rename));
    named.aggregations.iter_mut().filter_map(|a| a.field.as_mut()).for_each(rename);
    named
}

/// Names of the rows themselves: within `exists`, names are of other rows.
fn renamed(condition: &mut Condition, rename: &dyn Fn(&mut String)) {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => {
            parts.iter_mut().for_each(|part| renamed(part, rename));
        }
        Condition::Not(inner) => renamed(inner, rename),
        Condition::Field { field, .. } | Condition::Relative(field, ..) => rename(field),
        Condition::Segment(_) | Condition::Exists(..) | Condition::Metric(..) => {}
    }
}
