//! Aggregations of rows, and what metrics are computed from.

use super::bins::Cut;
use super::calendar::Calendar;
use super::cell::Cell;
use super::names::{Ground, Place};
use super::question::Condition;
use super::smallest::{Limit, UNTOLD, is_untold};
use super::world::{Calculation, Formula, Function, Input, Rule, Semi, Shift, Window};
use super::{Reference, Refused};

/// A condition of one number alone.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Extra {
    Rule(Rule),
    Asked(Condition),
}

/// The events that follow the rows of a leaf.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Follows {
    pub(super) table: usize,
    pub(super) time: usize,
    pub(super) filters: Vec<Extra>,
    pub(super) on: Vec<(usize, usize)>,
    pub(super) window: Option<(i32, super::calendar::Unit)>,
}

/// Another time, and by whose weeks.
pub(super) type Moved = (Shift, Calendar);

/// Times are moved by days, which are so many in every zone.
pub(super) fn moved(shift: Shift, by: Calendar) -> Moved {
    (shift, Calendar { zone: Calendar::default().zone, ..by })
}

/// One aggregation of one table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Leaf {
    pub(super) table: usize,
    pub(super) time: Option<usize>,
    /// The same time where the asker may not see it.
    pub(super) held: Option<usize>,
    pub(super) function: Function,
    pub(super) of: Option<Place>,
    /// What stands in place of its values.
    pub(super) cut: Option<Cut>,
    pub(super) filters: Vec<Extra>,
    /// The rows that the aggregation is of; groups of others stay.
    pub(super) within: Option<Rule>,
    /// The columns that a question groups by, or narrows to one value each.
    pub(super) requires: Vec<usize>,
    pub(super) semi: Option<Semi>,
    pub(super) window: Option<Window>,
    /// The innermost first.
    pub(super) shifts: Vec<Moved>,
    pub(super) follows: Option<Follows>,
    pub(super) dense: bool,
}

impl Leaf {
    /// The function of all rows.
    pub(super) fn new(ground: Ground, function: Function) -> Self {
        Self {
            table: ground.table,
            time: ground.time,
            held: ground.held,
            function,
            of: None,
            cut: None,
            filters: Vec::new(),
            within: None,
            requires: Vec::new(),
            semi: None,
            window: None,
            shifts: Vec::new(),
            follows: None,
            dense: false,
        }
    }

    pub(super) fn ground(&self) -> Ground {
        Ground { table: self.table, time: self.time, held: self.held }
    }
}

/// A calculation over leaves, by position.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Leaf(usize),
    Number(i64),
    Calculate(char, Box<Value>, Box<Value>),
    Fill(Box<Value>, i64),
}

impl Value {
    /// Whether it is calculated from a leaf.
    pub(super) fn reads(&self, leaf: usize) -> bool {
        match self {
            Self::Leaf(index) => *index == leaf,
            Self::Number(_) => false,
            Self::Calculate(_, a, b) => a.reads(leaf) || b.reads(leaf),
            Self::Fill(inner, _) => inner.reads(leaf),
        }
    }

    /// Its value; none where one of its leaves is not told.
    pub(super) fn of(&self, leaves: &[Cell]) -> Cell {
        if self.reads_untold(leaves) { Cell::Null } else { self.calculated(leaves) }
    }

    fn reads_untold(&self, leaves: &[Cell]) -> bool {
        match self {
            Self::Leaf(index) => is_untold(&leaves[*index]),
            Self::Number(_) => false,
            Self::Calculate(_, a, b) => a.reads_untold(leaves) || b.reads_untold(leaves),
            Self::Fill(inner, _) => inner.reads_untold(leaves),
        }
    }

    fn calculated(&self, leaves: &[Cell]) -> Cell {
        match self {
            Self::Leaf(index) => leaves[*index].clone(),
            Self::Number(n) => Cell::Int(*n),
            Self::Calculate(op, a, b) => {
                let (a, b) = (a.calculated(leaves), b.calculated(leaves));
                match op {
                    '+' => a.plus(&b),
                    '-' => a.plus(&b.negated()),
                    '*' => a.times(&b),
                    _ => a.over(&b),
                }
            }
            Self::Fill(inner, fill) => match inner.calculated(leaves) {
                Cell::Null => Cell::Int(*fill),
                found => found,
            },
        }
    }
}

/// What an aggregation gives over no rows.
pub(super) fn of_nothing(function: Function) -> Cell {
    match function {
        Function::Count | Function::CountDistinct | Function::ApproxDistinct => Cell::Int(0),
        _ => Cell::Null,
    }
}

/// An aggregation of values, missing ones among them.
pub(super) fn aggregate(function: Function, cells: &[Cell]) -> Cell {
    let mut present: Vec<Cell> = cells.iter().filter(|cell| !cell.is_null()).cloned().collect();
    if function == Function::Count {
        return Cell::Int(i64::try_from(present.len()).unwrap_or(0));
    }
    present.sort_by(Cell::place);
    // Choice: so few values are counted without a mistake.
    if matches!(function, Function::CountDistinct | Function::ApproxDistinct) {
        present.dedup_by(|a, b| a.same(b));
        return Cell::Int(i64::try_from(present.len()).unwrap_or(0));
    }
    let (Some(first), Some(last)) = (present.first().cloned(), present.last().cloned()) else {
        return Cell::Null;
    };
    let count = present.len();
    let sum = present.iter().skip(1).fold(first.clone(), |sum, cell| sum.plus(cell));
    match function {
        Function::Min => first,
        Function::Max => last,
        Function::Sum => sum,
        Function::Avg => match sum {
            // Four more digits, rounded half away from zero.
            Cell::Decimal(digits, scale) => {
                let (digits, n) = (digits * 10_000, i128::try_from(count).unwrap_or(1));
                let rounded = (2 * digits.abs() + n) / (2 * n);
                Cell::Decimal(rounded * digits.signum(), scale + 4)
            }
            sum => sum.over(&Cell::Int(i64::try_from(count).unwrap_or(1))),
        },
        // The first that has at least so many hundredths of all up to it.
        Function::PercentileDisc(hundredths) => {
            let enough = |n: &usize| n * 100 >= usize::from(hundredths) * count;
            let place = (1..=count).find(enough).unwrap_or(count);
            present[place - 1].clone()
        }
        Function::Percentile(hundredths) => at(&present, hundredths),
        Function::Variance => variance(&present, &sum, 1),
        Function::VariancePop => variance(&present, &sum, 0),
        Function::Stddev => root(variance(&present, &sum, 1)),
        Function::StddevPop => root(variance(&present, &sum, 0)),
        _ => at(&present, 50),
    }
}

/// The root of a number, if there is one.
fn root(of: Cell) -> Cell {
    match of {
        Cell::Double(number) => Cell::Double(number.sqrt()),
        missing => missing,
    }
}

/// The squares of the distances from the mean, shared out to all values, or to so many less than
/// there are: of a single value to none.
fn variance(values: &[Cell], sum: &Cell, less: i64) -> Cell {
    let n = i64::try_from(values.len()).unwrap_or(0);
    let (count, sum) = (Cell::Int(n), sum.negated());
    // Distances are taken `n` times as large, which is exact for all but doubles.
    let squares = values.iter().map(|value| {
        let distance = value.times(&count).plus(&sum);
        distance.times(&distance)
    });
    let squares = squares.fold(Cell::Int(0), |all, square| all.plus(&square));
    squares.over(&Cell::Int(n * n * (n - less)))
}

/// The value at so many hundredths of the way from the first to the last, which stand in order.
fn at(ordered: &[Cell], hundredths: u8) -> Cell {
    let way = usize::from(hundredths) * (ordered.len() - 1);
    let (low, high) = (&ordered[way / 100], &ordered[way.div_ceil(100)]);
    // In hundredths, of which whole numbers have a whole number.
    let weight = f64::from(u8::try_from(way % 100).unwrap_or(0));
    match (low.double(), high.double()) {
        // Of one number, and not of two parts of it.
        (Some(low), Some(high)) if low.to_bits() == high.to_bits() => Cell::Double(low),
        (Some(low), Some(high)) => Cell::Double((low * (100.0 - weight) + high * weight) / 100.0),
        _ => Cell::Null,
    }
}

impl Reference<'_> {
    /// The calculation of a metric, its aggregations added to `leaves`.
    pub(super) fn calculation(&self, metric: usize, leaves: &mut Vec<Leaf>) -> Value {
        let metric = &self.world.metrics[metric];
        let value = match &metric.calculation {
            Calculation::Simple { table, function, column, filter, time, semi, dense } => {
                leaves.push(Leaf {
                    of: column.map(|column| Place { via: Vec::new(), table: *table, column }),
                    filters: filter.iter().cloned().map(Extra::Rule).collect(),
                    requires: metric.requires.clone(),
                    semi: semi.clone(),
                    dense: *dense,
                    ..Leaf::new(self.ground(*table, *time), *function)
                });
                Value::Leaf(leaves.len() - 1)
            }
            Calculation::Ratio(above, below) => {
                let above = self.input(above, leaves);
                let below = self.input(below, leaves);
                Value::Calculate('/', Box::new(above), Box::new(below))
            }
            Calculation::Derived(formula, inputs) => {
                let inputs: Vec<Value> = inputs.iter().map(|i| self.input(i, leaves)).collect();
                of_inputs(formula, &inputs)
            }
            Calculation::Cumulative(input, window) => {
                let first = leaves.len();
                let value = self.input(input, leaves);
                leaves[first..].iter_mut().for_each(|leaf| leaf.window = Some(*window));
                value
            }
            Calculation::Conversion { base, follows, on, window, count } => {
                let mut events = Vec::new();
                self.input(follows, &mut events);
                let value = self.input(base, leaves);
                let mut leaf = leaves[leaves.len() - 1].clone();
                let event = events.remove(0);
                leaf.follows = event.time.map(|time| Follows {
                    table: event.table,
                    time,
                    filters: event.filters,
                    on: on.clone(),
                    window: *window,
                });
                if *count {
                    leaves.pop();
                }
                leaves.push(leaf);
                let events = Value::Leaf(leaves.len() - 1);
                match count {
                    true => events,
                    false => Value::Calculate('/', Box::new(events), Box::new(value)),
                }
            }
        };
        match metric.fill {
            Some(fill) => Value::Fill(Box::new(value), fill),
            None => value,
        }
    }

    fn input(&self, input: &Input, leaves: &mut Vec<Leaf>) -> Value {
        let first = leaves.len();
        let value = self.calculation(input.metric, leaves);
        for leaf in &mut leaves[first..] {
            leaf.filters.extend(input.filter.iter().cloned().map(Extra::Rule));
            leaf.shifts.extend(input.offset.map(|shift| moved(shift, self.world.calendar)));
        }
        value
    }

    pub(super) fn extra(&self, ground: Ground, row: usize, extra: &Extra) -> Result<bool, Refused> {
        match extra {
            Extra::Rule(rule) => Ok(self.rule(ground.table, row, rule) == Some(true)),
            Extra::Asked(condition) => self.passes(ground, row, condition),
        }
    }

    /// The rows that pass all of these.
    pub(super) fn narrowed(
        &self,
        ground: Ground,
        rows: &[usize],
        extras: &[Extra],
    ) -> Result<Vec<usize>, Refused> {
        for extra in extras {
            if let Extra::Asked(condition) = extra {
                self.has_grains(ground, condition)?;
            }
        }
        let mut kept = Vec::new();
        for row in rows {
            let mut counts = true;
            for extra in extras {
                counts &= self.extra(ground, *row, extra)?;
            }
            if counts {
                kept.push(*row);
            }
        }
        Ok(kept)
    }

    /// The value of a leaf over the rows of one group.
    pub(super) fn leaf(&self, leaf: &Leaf, rows: &[usize]) -> Result<Cell, Refused> {
        self.told_leaf(leaf, rows, &[])
    }

    /// The same where there are enough rows with a value.
    pub(super) fn told_leaf(
        &self,
        leaf: &Leaf,
        rows: &[usize],
        limits: &[Limit],
    ) -> Result<Cell, Refused> {
        let ground = leaf.ground();
        let mut rows = self.narrowed(ground, rows, &leaf.filters)?;
        if let Some(rule) = &leaf.within {
            rows.retain(|row| self.rule(leaf.table, *row, rule) == Some(true));
        }
        if let Some(semi) = &leaf.semi {
            rows = self.picked(leaf.table, semi, &rows);
        }
        let cells: Vec<Cell> = match &leaf.of {
            Some(place) => {
                let value = |row: &usize| self.value(ground, *row, place);
                rows.iter().map(|row| self.calendar.cut(&value(row), leaf.cut)).collect()
            }
            None => rows.iter().map(|_| Cell::Int(1)).collect(),
        };
        let present = rows.iter().zip(&cells).filter(|(_, cell)| !cell.is_null());
        let present: Vec<usize> = present.map(|(row, _)| *row).collect();
        if !self.enough(ground, limits, &present) {
            return Ok(Cell::Text(UNTOLD.to_owned()));
        }
        Ok(match aggregate(leaf.function, &cells) {
            // A sum of whole numbers is a decimal.
            Cell::Int(n) if leaf.function == Function::Sum => Cell::Decimal(i128::from(n), 0),
            found => found,
        })
    }

    /// The rows of the first or last time, of each combination of the columns.
    fn picked(&self, table: usize, semi: &Semi, rows: &[usize]) -> Vec<usize> {
        let cell = |row: usize, column: usize| &self.world.tables[table].rows[row][column];
        let alike = |a: usize, b: usize| {
            semi.per.iter().all(|column| cell(a, *column).same(cell(b, *column)))
        };
        let beats = |a: usize, b: usize| {
            let (a, b) = (cell(a, semi.over), cell(b, semi.over));
            let order = a.compare(b);
            order.is_some_and(|order| if semi.first { order.is_lt() } else { order.is_gt() })
        };
        let known = |row: &usize| !cell(*row, semi.over).is_null();
        let best = |row: &usize| !rows.iter().any(|o| alike(*o, *row) && beats(*o, *row));
        rows.iter().copied().filter(|row| known(row) && best(row)).collect()
    }
}

fn of_inputs(formula: &Formula, inputs: &[Value]) -> Value {
    match formula {
        Formula::Input(index) => inputs[*index].clone(),
        Formula::Number(n) => Value::Number(*n),
        Formula::Calculate(op, a, b) => {
            let (a, b) = (of_inputs(a, inputs), of_inputs(b, inputs));
            Value::Calculate(*op, Box::new(a), Box::new(b))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ints(values: &[i64]) -> Vec<Cell> {
        values.iter().map(|n| Cell::Int(*n)).collect()
    }

    fn cents(values: &[i128]) -> Vec<Cell> {
        values.iter().map(|n| Cell::Decimal(*n, 2)).collect()
    }

    #[test]
    fn a_variance_is_of_a_sample_and_loses_no_digits_to_a_large_mean() {
        // The mean is 5, and the squares are 9, 1, 1, 1, 0, 0, 4 and 16.
        let known = ints(&[2, 4, 4, 4, 5, 5, 7, 9]);
        assert_eq!(aggregate(Function::Variance, &known), Cell::Double(32.0 / 7.0));
        let far = ints(&[1_000_000_004, 1_000_000_007, 1_000_000_013, 1_000_000_016]);
        assert_eq!(aggregate(Function::Variance, &far), Cell::Double(30.0));
        // The mean of those present is 2.5, and the squares are 4 and 4.
        let halves = [Cell::Double(0.5), Cell::Null, Cell::Double(4.5)];
        assert_eq!(aggregate(Function::Variance, &halves), Cell::Double(8.0));
    }

    #[test]
    fn of_all_values_there_is_a_variance_also_of_one() {
        // The mean is 5, and the squares are 9, 1, 1, 1, 0, 0, 4 and 16: 32, shared out to eight.
        let known = ints(&[2, 4, 4, 4, 5, 5, 7, 9]);
        assert_eq!(aggregate(Function::VariancePop, &known), Cell::Double(4.0));
        assert_eq!(aggregate(Function::StddevPop, &known), Cell::Double(2.0));
        let one = [Cell::Null, Cell::Int(3)];
        assert_eq!(aggregate(Function::VariancePop, &one), Cell::Double(0.0));
        assert_eq!(aggregate(Function::StddevPop, &one), Cell::Double(0.0));
        assert_eq!(aggregate(Function::StddevPop, &[Cell::Null]), Cell::Null);
    }

    #[test]
    fn a_deviation_is_the_root_of_the_variance_and_that_of_one_value_is_missing() {
        assert_eq!(aggregate(Function::Stddev, &cents(&[10, 10, 10])), Cell::Double(0.0));
        // The mean is 0.75, and the squares are 0.0625, 0.0625 and 0.
        assert_eq!(aggregate(Function::Stddev, &cents(&[50, 100, 75])), Cell::Double(0.25));
        for few in [cents(&[]), cents(&[10]), vec![Cell::Null, Cell::Int(3)]] {
            assert_eq!(aggregate(Function::Stddev, &few), Cell::Null);
            assert_eq!(aggregate(Function::Variance, &few), Cell::Null);
        }
    }
}
