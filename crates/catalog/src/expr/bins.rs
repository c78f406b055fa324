//! Bins of one width, and the share of values that a percentile stands at: both exact.

use crate::types::{Literal, Type};

/// The most that the whole numbers of a bin are: 18 digits.
const LARGEST: i128 = 1_000_000_000_000_000_000;

/// Bins of one width, without end in both directions: one starts at each `(start + k × width) /
/// unit` and ends before the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bins {
    width: i128,
    /// From 0 up to, but without, the width.
    start: i128,
    /// What both are divided by; at least 1.
    unit: i128,
}

/// Why there are no such bins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoBins {
    /// A bound or width is no number.
    NotANumber,
    /// The width is 0 or less.
    NoWidth,
    /// No bins are asked for.
    NoCount,
    /// They need more digits than are kept.
    TooManyDigits,
}

impl NoBins {
    /// What would be right.
    pub fn wants(self) -> &'static str {
        match self {
            Self::NotANumber => "numbers",
            Self::NoWidth => "a width above 0",
            Self::NoCount => "at least one bin",
            Self::TooManyDigits => {
                "a width and start with at most 18 digits, before and after the point together"
            }
        }
    }
}

impl Bins {
    /// Bins of a width, one of which starts at `start`, or at 0.
    ///
    /// # Errors
    /// Numbers that make no bins.
    pub fn of_width(width: &Literal, start: Option<&Literal>) -> Result<Self, NoBins> {
        let width = exact(width)?;
        let start = start.map_or(Ok((0, 0)), exact)?;
        let (width, start, scale) = aligned(width, start)?;
        Self::new(width, start, ten(scale)?)
    }

    /// `count` bins from `min` up to, but without, `max`; others like them go on in both
    /// directions.
    ///
    /// # Errors
    /// Numbers that make no bins.
    pub fn in_range(count: u32, min: &Literal, max: &Literal) -> Result<Self, NoBins> {
        if count == 0 {
            return Err(NoBins::NoCount);
        }
        let (max, min, scale) = aligned(exact(max)?, exact(min)?)?;
        let count = i128::from(count);
        let too_many = NoBins::TooManyDigits;
        let width = max.checked_sub(min).ok_or(too_many)?;
        let start = min.checked_mul(count).ok_or(too_many)?;
        Self::new(width, start, ten(scale)?.checked_mul(count).ok_or(too_many)?)
    }

    fn new(width: i128, start: i128, unit: i128) -> Result<Self, NoBins> {
        if width <= 0 {
            return Err(NoBins::NoWidth);
        }
        let start = start.rem_euclid(width);
        let common = divisor(divisor(width, start), unit).max(1);
        let (width, start, unit) = (width / common, start / common, unit / common);
        if width > LARGEST || unit > LARGEST {
            return Err(NoBins::TooManyDigits);
        }
        Ok(Self { width, start, unit })
    }

    /// Width and start in units of 1 / 10^`scale`, where both are whole numbers of them.
    pub fn at_scale(&self, scale: i8) -> Option<(i128, i128)> {
        let power = ten(scale.unsigned_abs()).ok()?;
        if scale < 0 {
            let unit = self.unit.checked_mul(power)?;
            return (self.width % unit == 0 && self.start % unit == 0)
                .then_some((self.width / unit, self.start / unit));
        }
        let common = divisor(power, self.unit).max(1);
        let (power, unit) = (power / common, self.unit / common);
        if self.width % unit != 0 || self.start % unit != 0 {
            return None;
        }
        let width = (self.width / unit).checked_mul(power)?;
        Some((width, (self.start / unit).checked_mul(power)?))
    }

    /// Width and start as they are, and what both are divided by.
    pub fn parts(&self) -> (i128, i128, i128) {
        (self.width, self.start, self.unit)
    }

    /// What values of this type want of their bins, where these bins are not such.
    pub fn wanted_by(&self, data_type: Type) -> Option<&'static str> {
        match data_type {
            Type::Number => None,
            Type::Integer if self.at_scale(0).is_some() => None,
            Type::Integer => Some("bounds that are whole numbers"),
            Type::Decimal { scale, .. } if self.at_scale(scale).is_some() => None,
            Type::Decimal { .. } => {
                Some("bounds with no more digits after the point than the number has")
            }
            _ => Some("a number"),
        }
    }
}

/// The digits of a number, and how many of them stand after the point.
fn exact(literal: &Literal) -> Result<(i128, u8), NoBins> {
    match literal {
        Literal::Integer(n) => Ok((i128::from(*n), 0)),
        Literal::Decimal { value, scale } => Ok((*value, *scale)),
        Literal::Number(n) => match crate::query::decimal(*n) {
            Some(Literal::Decimal { value, scale }) => Ok((value, scale)),
            _ if n.is_finite() => Err(NoBins::TooManyDigits),
            _ => Err(NoBins::NotANumber),
        },
        _ => Err(NoBins::NotANumber),
    }
}

fn ten(power: u8) -> Result<i128, NoBins> {
    10_i128.checked_pow(u32::from(power)).ok_or(NoBins::TooManyDigits)
}

/// Two numbers with the same number of digits after the point.
fn aligned(a: (i128, u8), b: (i128, u8)) -> Result<(i128, i128, u8), NoBins> {
    let scale = a.1.max(b.1);
    let at = |(value, own): (i128, u8)| {
        value.checked_mul(ten(scale.saturating_sub(own))?).ok_or(NoBins::TooManyDigits)
    };
    Ok((at(a)?, at(b)?, scale))
}

/// The greatest common divisor of two numbers that are not negative.
fn divisor(mut a: i128, mut b: i128) -> i128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// A share from 0 to 1, exactly: so many parts of 10^18.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fraction(u64);

impl Fraction {
    /// The parts of a whole.
    pub const WHOLE: u64 = 1_000_000_000_000_000_000;
    /// Half of it: the median.
    pub const HALF: Self = Self(Self::WHOLE / 2);

    /// The share that a number means; `None` unless it lies from 0 to 1 and has at most 18 digits
    /// after the point.
    pub fn of(literal: &Literal) -> Option<Self> {
        let (value, scale) = exact(literal).ok()?;
        let power = 18_u8.checked_sub(scale).and_then(|power| ten(power).ok())?;
        let parts = u64::try_from(value.checked_mul(power)?).ok()?;
        (parts <= Self::WHOLE).then_some(Self(parts))
    }

    /// How many parts of [`Fraction::WHOLE`].
    pub fn parts(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn number(n: f64) -> Literal {
        Literal::Number(n)
    }

    #[track_caller]
    fn check(found: Result<Bins, NoBins>, expected: Result<(i128, i128, i128), NoBins>) {
        assert_eq!(found.map(|bins| bins.parts()), expected);
    }

    #[test]
    fn a_width_is_what_was_written() {
        let whole = |n| Literal::Integer(n);
        check(Bins::of_width(&whole(50), None), Ok((50, 0, 1)));
        check(Bins::of_width(&number(0.1), None), Ok((1, 0, 10)));
        // Only where a bin starts matters, not which one.
        check(Bins::of_width(&whole(50), Some(&whole(110))), Ok((50, 10, 1)));
        check(Bins::of_width(&whole(50), Some(&whole(-10))), Ok((50, 40, 1)));
        check(Bins::of_width(&number(2.5), Some(&number(0.25))), Ok((10, 1, 4)));
        check(Bins::of_width(&whole(0), None), Err(NoBins::NoWidth));
        check(Bins::of_width(&whole(-5), None), Err(NoBins::NoWidth));
        check(Bins::of_width(&number(1e-19), None), Err(NoBins::TooManyDigits));
        check(Bins::of_width(&number(1e19), None), Err(NoBins::TooManyDigits));
        check(Bins::of_width(&number(1e300), None), Err(NoBins::TooManyDigits));
        check(Bins::of_width(&number(f64::NAN), None), Err(NoBins::NotANumber));
        check(Bins::of_width(&Literal::Text("5".to_owned()), None), Err(NoBins::NotANumber));
    }

    #[test]
    fn a_range_is_cut_without_rounding() {
        let whole = |n| Literal::Integer(n);
        check(Bins::in_range(4, &whole(0), &whole(100)), Ok((25, 0, 1)));
        check(Bins::in_range(3, &whole(0), &whole(1)), Ok((1, 0, 3)));
        check(Bins::in_range(4, &whole(-1), &whole(1)), Ok((1, 0, 2)));
        check(Bins::in_range(0, &whole(0), &whole(1)), Err(NoBins::NoCount));
        check(Bins::in_range(2, &whole(1), &whole(1)), Err(NoBins::NoWidth));
    }

    #[test]
    fn bins_fit_a_type_or_do_not() {
        let tenth = Bins::of_width(&number(0.1), None).unwrap();
        assert_eq!(tenth.at_scale(2), Some((10, 0)));
        assert_eq!(tenth.at_scale(0), None);
        assert_eq!(tenth.wanted_by(Type::Number), None);
        assert!(tenth.wanted_by(Type::Integer).is_some());
        assert!(tenth.wanted_by(Type::Text).is_some());
        assert_eq!(tenth.wanted_by(Type::Decimal { precision: 9, scale: 1 }), None);
        assert!(tenth.wanted_by(Type::Decimal { precision: 9, scale: 0 }).is_some());
        let third = Bins::in_range(3, &Literal::Integer(0), &Literal::Integer(1)).unwrap();
        assert_eq!(third.at_scale(38), None);
        let hundreds = Bins::of_width(&Literal::Integer(300), None).unwrap();
        assert_eq!(hundreds.at_scale(-2), Some((3, 0)));
        assert_eq!(hundreds.at_scale(-3), None);
        // A width beyond all values of the type.
        assert_eq!(hundreds.at_scale(38), None);
    }

    #[test]
    fn a_share_is_what_was_written() {
        let parts = |n: f64| Fraction::of(&number(n)).map(Fraction::parts);
        assert_eq!(parts(0.29), Some(290_000_000_000_000_000));
        assert_eq!(parts(0.0), Some(0));
        assert_eq!(Fraction::of(&Literal::Integer(1)).map(Fraction::parts), Some(Fraction::WHOLE));
        assert_eq!(parts(1.0 / 3.0), Some(333_333_333_333_333_300));
        assert_eq!((parts(-0.1), parts(1.000_001), parts(f64::NAN)), (None, None, None));
        assert_eq!(parts(1e-19), None);
        assert_eq!(Fraction::of(&number(0.5)), Some(Fraction::HALF));
    }
}
