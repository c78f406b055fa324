//! A world from whose model and rows is deleted what somebody does not see.

use super::attributes::asking;
use super::twins::{is_free, questions};
use crate::reference::{Cell, Denied, Kind, Link, Policies, RowRule, Rule, Table, World};

/// Whether a table is built with a column, whoever sees it: a part of its key or of one that leads
/// to others, or a time.
fn is_held(table: &Table, column: usize) -> bool {
    let mut keys = table.keys().chain(table.links.iter().flat_map(Link::columns));
    table.columns[column].kind.is_time() || keys.any(|key| key == column)
}

/// A condition that every row passes, for each number another one.
fn every_row(table: &Table, number: usize) -> RowRule {
    let key = table.key;
    RowRule::Own(match table.columns[key].kind {
        Kind::Int => Rule::Compare(key, "<>", Cell::Int(-1_000 - number as i64)),
        Kind::Text => Rule::Compare(key, "<>", Cell::Text(format!("no key {number}"))),
        _ => Rule::Part(key, "day_of_month", "<>", 100 + number as i64),
    })
}

/// A world without what is hidden from somebody, and policies that show him of it what he saw:
/// tables that no policy shows, with all that leads there; columns, measures, segments and metrics
/// over them; metrics that are denied; rows.
///
/// What other tables are built with stays, and stays hidden by policies: keys and times, and what a
/// derived table asks for. So do masks, and that there are conditions on rows, as which they decide
/// what may be asked; every row that is left passes them. Where he lacks an attribute for all that
/// would show him a table, he is told so, and what goes with it stays as well; and so does what he
/// may know of and not ask about, without its rows.
pub fn without_hidden(world: &World, policies: &Policies) -> (World, Policies) {
    let (seen, questions) = (world.seen(&policies.promised().listed()), questions(world));
    let (mut bare, mut open) = (world.clone(), policies.clone());
    for (index, table) in bare.tables.iter_mut().enumerate() {
        let granted = policies.grants.iter().any(|grant| grant.table == index);
        let gone = !granted || policies.denies_table(index);
        table.hidden = gone && is_free(&table.name, &questions);
        if table.derived.is_some() {
            continue;
        }
        for column in 0..table.columns.len() {
            let gone = seen.tables[index].columns[column].hidden && !is_held(table, column);
            table.columns[column].hidden = gone && is_free(&table.columns[column].name, &questions);
        }
        let mut shown = world.shown(policies, index).into_iter();
        table.rows.retain(|_| shown.next() == Some(true));
    }
    if bare.tables.iter().all(|table| table.hidden) {
        // A model has a table, if only one that he does not see.
        bare.tables[0].hidden = false;
    }
    for (index, metric) in bare.metrics.iter_mut().enumerate() {
        metric.hidden = policies.denies_metric(index);
    }
    let is_left = |table: usize| !bare.tables[table].hidden;
    let column_is_left =
        |table: usize, column: usize| is_left(table) && !bare.tables[table].columns[column].hidden;
    open.grants.retain(|grant| is_left(grant.table));
    for (number, grant) in open.grants.iter_mut().enumerate() {
        let table = &bare.tables[grant.table];
        let passed = |rows: &RowRule| match (rows.lacking(), rows.empty_list()) {
            (Some(attribute), _) => asking(attribute),
            (None, Some(empty)) => asking(&empty),
            (None, None) => every_row(table, number),
        };
        grant.rows = grant.rows.as_ref().map(passed);
        let table = grant.table;
        grant.hidden.retain(|column| column_is_left(table, *column));
        grant.masks.retain(|(column, _)| column_is_left(table, *column));
    }
    open.restrictions.retain(|(table, _)| is_left(*table));
    for (number, (table, rule)) in open.restrictions.iter_mut().enumerate() {
        *rule = every_row(&bare.tables[*table], number);
    }
    open.min_group_sizes.retain(|(table, _)| is_left(*table));
    open.denied.retain(|(table, column)| column_is_left(*table, *column));
    open.described_metrics.retain(|metric| bare.shows(*metric));
    open.denials.retain(|denial| match denial.of {
        Denied::Table(table) => is_left(table),
        Denied::Column(table, column) => column_is_left(table, column),
        Denied::Metric(metric) => bare.shows(metric),
    });
    open.propagations.clear();
    (bare, open)
}
