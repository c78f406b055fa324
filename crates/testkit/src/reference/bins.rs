//! What stands in place of values: grains and parts of time, and bins of numbers, which are counted
//! off one by one.

use super::calendar::Calendar;
use super::cell::Cell;

/// What stands in place of a field's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// A grain or part.
    Grain(&'static str),
    /// Bins.
    Bin(Bin),
}

/// Bins of one width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bin {
    /// The width, and where one starts, in hundredths.
    Width(i64, Option<i64>),
    /// How many, from one whole number to another.
    Count(u32, i64, i64),
}

impl Bin {
    /// The lower bound of a bin by its number: what is above and below the line.
    fn bound(self, number: i128) -> (i128, i128) {
        match self {
            Self::Width(width, start) => {
                (i128::from(start.unwrap_or(0)) + number * i128::from(width), 100)
            }
            Self::Count(count, min, max) => {
                let count = i128::from(count);
                (i128::from(min) * count + number * i128::from(max - min), count)
            }
        }
    }
}

/// The last bin that starts no later than a value, from the one with the number 0 on.
fn last(starts: impl Fn(i128) -> bool) -> i128 {
    let mut number = 0;
    while starts(number + 1) {
        number += 1;
    }
    while !starts(number) {
        number -= 1;
    }
    number
}

#[expect(clippy::cast_precision_loss, reason = "bounds of doubles are doubles")]
fn double((above, below): (i128, i128)) -> f64 {
    above as f64 / below as f64
}

fn binned(cell: &Cell, bin: Bin) -> Cell {
    if let Some((digits, scale)) = cell.exact() {
        let power = 10_i128.pow(u32::from(scale));
        let starts = |(above, below): (i128, i128)| above * power <= digits * below;
        let (above, below) = bin.bound(last(|number| starts(bin.bound(number))));
        return match cell {
            Cell::Int(_) => Cell::Int(i64::try_from(above / below).unwrap_or(0)),
            _ => Cell::Decimal(above * power / below, scale),
        };
    }
    match cell {
        // Far from all others.
        Cell::Double(value) if !value.is_finite() || value.abs() > 1e6 => cell.clone(),
        Cell::Double(value) => {
            let number = last(|number| double(bin.bound(number)) <= *value);
            Cell::Double(double(bin.bound(number)) + 0.0)
        }
        _ => Cell::Null,
    }
}

impl Calendar {
    /// What stands in place of a value.
    pub(super) fn cut(self, cell: &Cell, cut: Option<Cut>) -> Cell {
        match cut {
            None => cell.clone(),
            Some(Cut::Grain(grain)) => self.truncated(cell, Some(grain)),
            Some(Cut::Bin(bin)) => binned(cell, bin),
        }
    }
}
