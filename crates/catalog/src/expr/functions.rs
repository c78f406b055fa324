//! The allow-list: every function the language knows, its types, and whether it can fail.

use crate::types::Type;

use super::ast::Expr;
use super::bins::{Bins, Fraction};

/// A scalar function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// `abs(x)`
    Abs,
    /// `bin(x, width)` or `bin(x, width, start)`: the lower bound of the bin; the bins are constant.
    Bin(Bins),
    /// `ceil(x)`
    Ceil,
    /// `coalesce(a, b, …)`
    Coalesce,
    /// `concat(a, b, …)`: NULL counts as empty.
    Concat,
    /// `contains(text, part)`, case-sensitive.
    Contains,
    /// `date_trunc('month', x)`: the grain is a constant.
    DateTrunc(crate::time::Grain),
    /// `div(a, b)`: whole-number division; a divisor of 0 is an error.
    Div,
    /// `ends_with(text, end)`, case-sensitive.
    EndsWith,
    /// `extract(year from x)`, `year(x)` …: a part as a whole number.
    Extract(crate::time::Part),
    /// `floor(x)`
    Floor,
    /// `greatest(a, b, …)`
    Greatest,
    /// `least(a, b, …)`
    Least,
    /// `length(text)` in characters.
    Length,
    /// `lower(text)`
    Lower,
    /// `nullif(a, b)`
    NullIf,
    /// `round(x)` or `round(x, digits)`, in double precision.
    Round,
    /// `starts_with(text, start)`, case-sensitive.
    StartsWith,
    /// `substring(text, from, length)`, counted from 1.
    Substring,
    /// `trim(text)`
    Trim,
    /// `upper(text)`
    Upper,
}

/// An aggregation function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AggregateFunction {
    /// Rows, or values that are not NULL.
    Count,
    /// The sum; exact for whole numbers and decimals.
    Sum,
    /// The mean.
    Avg,
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
    /// The middle value (continuous).
    Median,
    /// Sample standard deviation.
    StddevSample,
    /// Population standard deviation.
    StddevPopulation,
    /// Sample variance.
    VarianceSample,
    /// Population variance.
    VariancePopulation,
    /// The value below which a share of the values lies, between two of them where none is there.
    PercentileContinuous(Fraction),
    /// The first value up to which at least a share of the values lies.
    PercentileDiscrete(Fraction),
    /// How many distinct values there are, within some percent.
    ApproxDistinct,
}

impl Function {
    /// The functions that are written `name(arguments)`.
    pub const NAMES: [(&'static str, Self); 18] = [
        ("abs", Self::Abs),
        ("ceil", Self::Ceil),
        ("coalesce", Self::Coalesce),
        ("concat", Self::Concat),
        ("contains", Self::Contains),
        ("div", Self::Div),
        ("ends_with", Self::EndsWith),
        ("floor", Self::Floor),
        ("greatest", Self::Greatest),
        ("least", Self::Least),
        ("length", Self::Length),
        ("lower", Self::Lower),
        ("nullif", Self::NullIf),
        ("round", Self::Round),
        ("starts_with", Self::StartsWith),
        ("substring", Self::Substring),
        ("trim", Self::Trim),
        ("upper", Self::Upper),
    ];

    /// The type of the result, or what the function wants instead.
    pub fn result_type(self, args: &[Type]) -> Result<Type, &'static str> {
        let number = |t: &Type| t.is_numeric() || *t == Type::Null;
        let text = |t: &Type| matches!(t, Type::Text | Type::Null);
        match (self, args) {
            (Self::Abs, [t]) if number(t) => Ok(*t),
            (Self::Abs, _) => Err("one number"),
            (Self::Bin(bins), [t]) => bins.wanted_by(*t).map_or(Ok(*t), Err),
            (Self::Bin(_), _) => Err("one number"),
            (Self::Ceil | Self::Floor, [t]) if number(t) => Ok(Type::Number),
            (Self::Ceil | Self::Floor, _) => Err("one number"),
            (Self::Round, [t]) if number(t) => Ok(Type::Number),
            (Self::Round, [t, Type::Integer]) if number(t) => Ok(Type::Number),
            (Self::Round, _) => Err("a number and, optionally, a count of digits"),
            (Self::Div, [Type::Integer, Type::Integer]) => Ok(Type::Integer),
            (Self::Div, _) => Err("two integers"),
            (Self::Coalesce | Self::Greatest | Self::Least, [first, rest @ ..]) => {
                let common = rest.iter().try_fold(*first, |a, b| a.unify(*b));
                common.filter(|common| *common != Type::Other).ok_or("values of one type")
            }
            (Self::Coalesce | Self::Greatest | Self::Least, []) => Err("at least one value"),
            (Self::NullIf, [a, b]) if a.comparable(*b) => Ok(*a),
            (Self::NullIf, _) => Err("two values of one type"),
            (Self::Concat, [_, ..]) if args.iter().all(text) => Ok(Type::Text),
            (Self::Concat, _) => Err("texts"),
            (Self::Lower | Self::Upper | Self::Trim, [t]) if text(t) => Ok(Type::Text),
            (Self::Lower | Self::Upper | Self::Trim, _) => Err("one text"),
            (Self::Length, [t]) if text(t) => Ok(Type::Integer),
            (Self::Length, _) => Err("one text"),
            (Self::Contains | Self::StartsWith | Self::EndsWith, [a, b]) if text(a) && text(b) => {
                Ok(Type::Boolean)
            }
            (Self::Contains | Self::StartsWith | Self::EndsWith, _) => Err("two texts"),
            (Self::Substring, [t, Type::Integer] | [t, Type::Integer, Type::Integer])
                if text(t) =>
            {
                Ok(Type::Text)
            }
            (Self::Substring, _) => Err("a text, a start and, optionally, a length"),
            (Self::DateTrunc(grain), [t]) if t.is_temporal() => {
                if *t == Type::Date && !grain.is_date() {
                    return Err("a datetime for a grain finer than a day");
                }
                Ok(if grain.is_date() { Type::Date } else { Type::Datetime })
            }
            (Self::DateTrunc(_), _) => Err("a date or datetime"),
            (Self::Extract(_), [t]) if t.is_temporal() => Ok(Type::Integer),
            (Self::Extract(_), _) => Err("a date or datetime"),
        }
    }

    /// Whether a call cannot fail on any data.
    pub(super) fn is_total(self, result: Type, args: &[Expr]) -> bool {
        match self {
            Self::Div => false,
            Self::Abs => result == Type::Number,
            // A constant start and a constant, non-negative length are all that cannot fail.
            Self::Substring => args.iter().skip(1).enumerate().all(|(index, number)| {
                let least = if index == 0 { i64::from(i32::MIN) } else { 0 };
                matches!(
                    number.kind,
                    super::ExprKind::Literal(crate::Literal::Integer(n)) if n >= least
                )
            }),
            _ => true,
        }
    }
}

/// An aggregation that goes by a share of the values.
type OfShare = fn(Fraction) -> AggregateFunction;

impl AggregateFunction {
    /// The names an author can write, for those that take a value alone.
    pub const NAMES: [(&'static str, Self); 11] = [
        ("approx_distinct", Self::ApproxDistinct),
        ("avg", Self::Avg),
        ("count", Self::Count),
        ("max", Self::Max),
        ("median", Self::Median),
        ("min", Self::Min),
        ("stddev", Self::StddevSample),
        ("stddev_pop", Self::StddevPopulation),
        ("sum", Self::Sum),
        ("variance", Self::VarianceSample),
        ("variance_pop", Self::VariancePopulation),
    ];

    /// The names of those that also take a share from 0 to 1.
    pub const PERCENTILES: [(&'static str, OfShare); 2] =
        [("percentile", Self::PercentileContinuous), ("percentile_disc", Self::PercentileDiscrete)];

    /// Every name an author can write.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let percentiles = Self::PERCENTILES.iter().map(|(name, _)| *name);
        Self::NAMES.iter().map(|(name, _)| *name).chain(percentiles)
    }

    /// Whether it is a percentile, which is calculated in the type of its result.
    pub(super) fn is_percentile(self) -> bool {
        matches!(self, Self::Median | Self::PercentileContinuous(_) | Self::PercentileDiscrete(_))
    }

    /// Whether what it gives is the value of a row, or lies between those of two.
    pub fn gives_a_value(self) -> bool {
        match self {
            Self::Min
            | Self::Max
            | Self::Median
            | Self::PercentileContinuous(_)
            | Self::PercentileDiscrete(_) => true,
            Self::ApproxDistinct
            | Self::Avg
            | Self::Count
            | Self::StddevSample
            | Self::StddevPopulation
            | Self::Sum
            | Self::VarianceSample
            | Self::VariancePopulation => false,
        }
    }

    /// The name in a query or model.
    pub fn name(self) -> &'static str {
        match self {
            Self::PercentileContinuous(_) => "percentile",
            Self::PercentileDiscrete(_) => "percentile_disc",
            _ => Self::NAMES.iter().find(|(_, f)| *f == self).map_or("count", |(name, _)| name),
        }
    }

    /// Whether it counts: 0 over no rows, and in no unit.
    pub fn counts(self) -> bool {
        matches!(self, Self::Count | Self::ApproxDistinct)
    }

    /// The type of the result over values of `argument` (`None`: over rows), or what it wants.
    ///
    /// A sum of whole numbers is `decimal(38,0)`, so that it cannot wrap; a mean of decimals keeps
    /// at least four more digits than its argument.
    pub fn result_type(self, argument: Option<Type>) -> Result<Type, &'static str> {
        match (self, argument) {
            (Self::Count, _) => Ok(Type::Integer),
            (_, None) => Err("a field or expression"),
            (Self::Min | Self::Max, Some(Type::Other)) => Err("a value that can be ordered"),
            (Self::Min | Self::Max, Some(t)) => Ok(t),
            (Self::ApproxDistinct, Some(Type::Other | Type::Null)) => {
                Err("a value that can be grouped")
            }
            (Self::ApproxDistinct, Some(_)) => Ok(Type::Integer),
            (Self::PercentileDiscrete(_), Some(t)) if t.is_numeric() || t.is_temporal() => Ok(t),
            (Self::PercentileDiscrete(_), Some(_)) => Err("a number, date or datetime"),
            (Self::Sum, Some(Type::Integer)) => Ok(Type::Decimal { precision: 38, scale: 0 }),
            (Self::Sum, Some(Type::Decimal { scale, .. })) => {
                Ok(Type::Decimal { precision: 38, scale })
            }
            (Self::Sum, Some(Type::Number)) => Ok(Type::Number),
            (Self::Avg, Some(Type::Decimal { scale, .. })) => {
                Ok(Type::Decimal { precision: 38, scale: scale.saturating_add(4).min(38) })
            }
            (_, Some(t)) if t.is_numeric() => Ok(Type::Number),
            _ => Err("a number"),
        }
    }
}
