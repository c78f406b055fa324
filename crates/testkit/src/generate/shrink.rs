//! Smaller cases: each with one thing less than a world and question have.

use super::calendars::{lead_nowhere, leads_somewhere};
use crate::reference::calendar::Calendar;
use crate::reference::{
    Calculation, Condition, Function, InRows, Metric, Policies, Question, RowRule, World,
};

fn conditions(of: &Condition) -> Vec<Condition> {
    match of {
        Condition::And(parts) | Condition::Or(parts) => {
            let mut found = parts.clone();
            for (index, part) in parts.iter().enumerate() {
                for smaller in conditions(part) {
                    let mut parts = parts.clone();
                    parts[index] = smaller;
                    found.push(match of {
                        Condition::And(_) => Condition::And(parts),
                        _ => Condition::Or(parts),
                    });
                }
            }
            found
        }
        Condition::Not(inner) => {
            let mut found = vec![inner.as_ref().clone()];
            found.extend(conditions(inner).into_iter().map(|c| Condition::Not(Box::new(c))));
            found
        }
        Condition::Exists(name, Some(inner)) => {
            let mut found = vec![Condition::Exists(name.clone(), None)];
            let smaller = conditions(inner).into_iter();
            found.extend(smaller.map(|c| Condition::Exists(name.clone(), Some(Box::new(c)))));
            found
        }
        Condition::Field { field, grain, op: op @ ("in" | "not_in"), values, case } => {
            let without = |index: usize| {
                let mut values = values.clone();
                values.remove(index);
                let (field, grain) = (field.clone(), *grain);
                Condition::Field { field, grain, op, values, case: *case }
            };
            (0..values.len()).map(without).collect()
        }
        _ => Vec::new(),
    }
}

fn optional(of: &Option<Condition>) -> Vec<Option<Condition>> {
    match of {
        Some(condition) => {
            std::iter::once(None).chain(conditions(condition).into_iter().map(Some)).collect()
        }
        None => Vec::new(),
    }
}

/// The same question with one thing less, in every way.
pub fn questions_below(of: &Question) -> Vec<Question> {
    let mut found = Vec::new();
    let mut add = |change: &dyn Fn(&mut Question)| {
        let mut question = of.clone();
        change(&mut question);
        found.push(question);
    };
    if let Some(inner) = &of.from {
        add(&|q| *q = inner.as_ref().clone());
        for smaller in questions_below(inner) {
            add(&|q| q.from = Some(Box::new(smaller.clone())));
        }
    }
    for filter in optional(&of.filter) {
        add(&|q| q.filter = filter.clone());
    }
    for having in optional(&of.having) {
        add(&|q| q.having = having.clone());
    }
    for index in 0..of.metrics.len() {
        if of.metrics.len() > 1 {
            add(&|q| drop(q.metrics.remove(index)));
        }
        for filter in optional(&of.metrics[index].filter) {
            add(&|q| q.metrics[index].filter = filter.clone());
        }
        if of.metrics[index].offset.is_some() {
            add(&|q| {
                q.metrics[index].offset = None;
                q.metrics[index].compare = None;
            });
        }
        if of.metrics[index].compare.is_some() {
            add(&|q| q.metrics[index].compare = None);
        }
    }
    (0..of.segments.len()).for_each(|index| add(&|q| drop(q.segments.remove(index))));
    for index in 0..of.measures.len() {
        add(&|q| drop(q.measures.remove(index)));
        for filter in optional(&of.measures[index].filter) {
            add(&|q| q.measures[index].filter = filter.clone());
        }
    }
    for index in 0..of.aggregations.len() {
        add(&|q| drop(q.aggregations.remove(index)));
        for filter in optional(&of.aggregations[index].filter) {
            add(&|q| q.aggregations[index].filter = filter.clone());
        }
        if of.aggregations[index].function.is_spread() {
            add(&|q| q.aggregations[index].function = Function::Avg);
        }
        if of.aggregations[index].grain.is_some() {
            add(&|q| q.aggregations[index].grain = None);
        }
    }
    for index in 0..of.group_by.len() {
        add(&|q| drop(q.group_by.remove(index)));
        if of.group_by[index].cut.is_some() {
            add(&|q| q.group_by[index].cut = None);
        }
    }
    let fields = if of.fields.len() > 1 { of.fields.len() } else { 0 };
    (0..fields).for_each(|index| add(&|q| drop(q.fields.remove(index))));
    (0..of.totals.len()).for_each(|index| add(&|q| drop(q.totals.remove(index))));
    (0..of.shares.len()).for_each(|index| add(&|q| drop(q.shares.remove(index))));
    if of.limit.is_some() {
        add(&|q| q.limit = None);
    }
    if !of.order_by.is_empty() {
        add(&|q| q.order_by.clear());
    }
    if of.time_zone.is_some() {
        add(&|q| q.time_zone = None);
    }
    if of.week_start.is_some() {
        add(&|q| q.week_start = None);
    }
    found
}

fn worlds(of: &World) -> Vec<World> {
    let mut found = Vec::new();
    let mut add = |change: &dyn Fn(&mut World)| {
        let mut world = of.clone();
        change(&mut world);
        world.calculate();
        found.push(world);
    };
    if leads_somewhere(of) {
        add(&lead_nowhere);
    }
    let nothing = Calendar::default();
    if of.calendar.zone != nothing.zone {
        add(&|w| w.calendar.zone = nothing.zone);
    }
    if of.calendar.week_start != nothing.week_start {
        add(&|w| w.calendar.week_start = nothing.week_start);
    }
    if of.calendar.fiscal != nothing.fiscal {
        add(&|w| w.calendar.fiscal = nothing.fiscal);
    }
    for table in 0..of.tables.len() {
        if of.tables[table].rows.len() > 2 {
            let half = of.tables[table].rows.len() / 2;
            add(&|w| w.tables[table].rows.truncate(half));
            add(&|w| drop(w.tables[table].rows.drain(..half)));
        }
        for (column, _) in
            of.tables[table].columns.iter().enumerate().filter(|(_, c)| c.zone.is_some())
        {
            add(&|w| w.tables[table].columns[column].zone = None);
        }
        for (link, _) in of.tables[table].links.iter().enumerate().filter(|(_, l)| l.back.is_some())
        {
            add(&|w| w.tables[table].links[link].back = None);
        }
        if of.tables[table].validity.is_some() && of.tables[table].rows.len() < 2 {
            add(&|w| w.tables[table].validity = None);
        }
        let segments = 0..of.tables[table].segments.len();
        segments.for_each(|at| add(&|w| drop(w.tables[table].segments.remove(at))));
        for at in 0..of.tables[table].measures.len() {
            let measure = &of.tables[table].measures[at];
            if measure.filter.is_some() {
                add(&|w| w.tables[table].measures[at].filter = None);
            }
            if measure.per_row {
                add(&|w| w.tables[table].measures[at].per_row = false);
            }
        }
        // The last one: metrics name others by their place.
        let last = of.tables[table].measures.len().checked_sub(1);
        let of_metric = |m: &Metric| {
            let own = |t: &usize| *t == table && m.measure == last;
            matches!(&m.calculation, Calculation::Simple { table: t, .. } if own(t))
        };
        if last.is_some() && !of.metrics.iter().any(of_metric) {
            add(&|w| drop(w.tables[table].measures.pop()));
        }
        let count = of.tables[table].rows.len();
        for row in 0..count {
            add(&|w| drop(w.tables[table].rows.remove(row)));
        }
        if table + 1 == of.tables.len() && table > 0 {
            // A table that nothing needs; where something does, the case no longer fails.
            let links = of.tables.iter().flat_map(|t| &t.links);
            let of_metric = |m: &Metric| matches!(&m.calculation, Calculation::Simple { table: t, .. } if *t == table);
            if links.into_iter().all(|link| link.to != table) && !of.metrics.iter().any(of_metric) {
                add(&|w| drop(w.tables.pop()));
            }
        }
    }
    for index in 0..of.metrics.len() {
        if of.metrics[index].fill.is_some() {
            add(&|w| w.metrics[index].fill = None);
        }
        if of.metrics[index].measure.is_some() {
            add(&|w| w.metrics[index].measure = None);
        }
        if !of.metrics[index].requires.is_empty() {
            add(&|w| w.metrics[index].requires.clear());
        }
        if let Calculation::Simple { function, filter, time, semi, dense, .. } =
            &of.metrics[index].calculation
        {
            let mut simpler = |change: &dyn Fn(&mut Calculation)| {
                add(&|w| change(&mut w.metrics[index].calculation));
            };
            if filter.is_some() {
                simpler(&|c| {
                    if let Calculation::Simple { filter, .. } = c {
                        *filter = None;
                    }
                });
            }
            if function.is_spread() {
                simpler(&|c| {
                    if let Calculation::Simple { function, .. } = c {
                        *function = Function::Avg;
                    }
                });
            }
            if time.is_some() || semi.is_some() || *dense {
                simpler(&|c| {
                    if let Calculation::Simple { time, dense, .. } = c {
                        (*time, *dense) = (None, false);
                    }
                });
                simpler(&|c| {
                    if let Calculation::Simple { semi, .. } = c {
                        *semi = None;
                    }
                });
            }
        }
    }
    found
}

/// The same case with one thing less, in every way.
pub fn smaller(world: &World, question: &Question) -> Vec<(World, Question)> {
    let questions = questions_below(question).into_iter().map(|q| (world.clone(), q));
    questions.chain(worlds(world).into_iter().map(|w| (w, question.clone()))).collect()
}

fn rules(of: &RowRule) -> Vec<RowRule> {
    match of {
        RowRule::All(parts) | RowRule::Any(parts) => parts.clone(),
        RowRule::Related(link, inner) => {
            rules(inner).into_iter().map(|rule| RowRule::Related(*link, Box::new(rule))).collect()
        }
        RowRule::InRows(set) => {
            let smaller = set.rows.iter().flat_map(|rows| rules(rows).into_iter().map(Some));
            let all = set.rows.iter().map(|_| None);
            let with = |rows| RowRule::InRows(Box::new(InRows { rows, ..(**set).clone() }));
            all.chain(smaller).map(with).collect()
        }
        RowRule::Own(_) | RowRule::Among(..) | RowRule::Attribute(_) => Vec::new(),
    }
}

/// The same policies with one thing less, in every way.
pub fn weaker(of: &Policies) -> Vec<Policies> {
    let mut found = Vec::new();
    let mut add = |change: &dyn Fn(&mut Policies)| {
        let mut policies = of.clone();
        change(&mut policies);
        found.push(policies);
    };
    for (index, grant) in of.grants.iter().enumerate() {
        add(&|p| drop(p.grants.remove(index)));
        if let Some(rows) = &grant.rows {
            add(&|p| p.grants[index].rows = None);
            rules(rows).into_iter().for_each(|r| add(&|p| p.grants[index].rows = Some(r.clone())));
        }
        if grant.described {
            add(&|p| p.grants[index].described = false);
        }
        for at in 0..grant.hidden.len() {
            add(&|p| {
                p.grants[index].hidden.remove(at);
            });
        }
        (0..grant.masks.len()).for_each(|at| add(&|p| drop(p.grants[index].masks.remove(at))));
    }
    (0..of.restrictions.len()).for_each(|at| add(&|p| drop(p.restrictions.remove(at))));
    for at in 0..of.min_group_sizes.len() {
        add(&|p| {
            p.min_group_sizes.remove(at);
        });
    }
    (0..of.propagations.len()).for_each(|at| add(&|p| drop(p.propagations.remove(at))));
    for (at, propagation) in of.propagations.iter().enumerate() {
        for index in 0..propagation.over.as_ref().map_or(0, Vec::len) {
            add(&|p| {
                if let Some(over) = &mut p.propagations[at].over {
                    over.remove(index);
                }
            });
        }
    }
    if !of.attributes.is_empty() {
        // Where something asks for one, these are no policies.
        add(&|p| p.attributes.clear());
    }
    if !of.denied.is_empty() {
        add(&|p| p.denied.clear());
    }
    for at in 0..of.described_metrics.len() {
        add(&|p| {
            p.described_metrics.remove(at);
        });
    }
    if let Some(scope) = &of.scope {
        add(&|p| p.scope = None);
        for at in 0..scope.0.len() {
            add(&|p| {
                p.scope.iter_mut().for_each(|scope| drop(scope.0.remove(at)));
            });
        }
    }
    for at in 0..of.denials.len() {
        add(&|p| {
            p.denials.remove(at);
        });
    }
    found
}
