//! Metrics and aggregations of how far values lie apart, where others were asked for. Their last
//! digits are not the same in all ways to compute them, so nothing is decided by these: what is
//! divided by, ordered by, grouped by or counted by its different values stays as it was.

use super::random::Random;
use crate::reference::{Calculation, Formula, Function, Input, Metric, Question, World};

/// The name of the metric beside another one.
fn beside_it(name: &str) -> String {
    format!("spread_{name}")
}

fn spread(random: &mut Random) -> Function {
    *random.pick(&[
        Function::Stddev,
        Function::StddevPop,
        Function::Variance,
        Function::VariancePop,
    ])
}

/// Whether a function takes what these take: numbers alone.
fn is_of_numbers(function: Function) -> bool {
    matches!(function, Function::Sum | Function::Avg | Function::Median | Function::Percentile(_))
}

/// Which inputs something is divided by.
fn divisors(of: &Formula, divides: bool, found: &mut Vec<usize>) {
    match of {
        Formula::Input(index) => found.extend(divides.then_some(*index)),
        Formula::Number(_) => {}
        Formula::Calculate(op, a, b) => {
            divisors(a, divides, found);
            divisors(b, divides || *op == '/', found);
        }
    }
}

/// Lets an input be of the metric beside its own, if there is one.
fn moved(input: &mut Input, beside: &[Option<usize>]) -> bool {
    let other = beside[input.metric];
    input.metric = other.unwrap_or(input.metric);
    other.is_some()
}

/// The same calculation of how far values lie apart, if it is one of numbers.
fn apart(random: &mut Random, of: &Calculation, beside: &[Option<usize>]) -> Option<Calculation> {
    let mut found = of.clone();
    let is_other = match &mut found {
        Calculation::Simple { function, .. } => {
            let fits = is_of_numbers(*function);
            if fits {
                *function = spread(random);
            }
            fits
        }
        Calculation::Ratio(above, _) => moved(above, beside),
        Calculation::Derived(formula, inputs) => {
            let (mut kept, mut any) = (Vec::new(), false);
            divisors(formula, false, &mut kept);
            for (index, input) in inputs.iter_mut().enumerate() {
                any |= !kept.contains(&index) && moved(input, beside);
            }
            any
        }
        Calculation::Cumulative(input, _) => moved(input, beside),
        Calculation::Conversion { .. } => false,
    };
    is_other.then_some(found)
}

/// The same world with a metric more beside each one of numbers, and beside each that is computed
/// from such a one.
pub fn with_spreads(random: &mut Random, world: &World) -> World {
    let mut more = world.clone();
    let mut beside: Vec<Option<usize>> = Vec::new();
    for metric in &world.metrics {
        let calculation = apart(random, &metric.calculation, &beside);
        beside.push(calculation.is_some().then_some(more.metrics.len()));
        more.metrics.extend(calculation.map(|calculation| Metric {
            fill: metric.fill,
            ..Metric::new(beside_it(&metric.name), calculation)
        }));
    }
    more
}

/// Lets a question ask for some of the metrics beside its own, and for how far values lie apart in
/// place of what it makes of them.
pub fn ask_spreads(random: &mut Random, world: &World, question: &mut Question) {
    replaced(random, world, question, Vec::new());
}

/// The same for a question to whose answer another one is asked, which goes by some of its columns.
fn replaced(random: &mut Random, world: &World, question: &mut Question, mut kept: Vec<String>) {
    let counts =
        |function: Function| matches!(function, Function::CountDistinct | Function::ApproxDistinct);
    if let Some(inner) = &mut question.from {
        let keys = question.group_by.iter().map(|key| key.field.clone());
        let counted = question.aggregations.iter().filter(|asked| counts(asked.function));
        let counted = counted.filter_map(|asked| asked.field.clone());
        replaced(random, world, inner, keys.chain(counted).collect());
    }
    kept.extend(question.order_by.iter().map(|(name, _)| name.clone()));
    kept.extend(question.shares.iter().map(|share| share.of.clone()));
    for asked in &mut question.metrics {
        let name = beside_it(&asked.name);
        let is_one = world.metrics.iter().any(|metric| metric.name == name);
        let divides = asked.compare == Some("ratio");
        if is_one && !divides && !kept.contains(&asked.alias) && random.percent(40) {
            asked.name = name;
        }
    }
    for asked in &mut question.aggregations {
        let fits = is_of_numbers(asked.function) && !kept.contains(&asked.alias);
        if fits && random.percent(40) {
            asked.function = spread(random);
        }
    }
}
