//! Comparisons: a constant is placed in the type of what it is compared with, rounded exactly.
//!
//! `quantity > 2.5` over whole numbers becomes `quantity > 2`, and an instant in microseconds
//! compared with a column of seconds becomes the second before or after it. The column stays as
//! it is stored, so that files and row groups can be pruned by it.

use std::cmp::Ordering;

use datafusion_common::ScalarValue;
use datafusion_common::arrow::datatypes::{DataType, TimeUnit};
use datafusion_expr::{Expr as Plan, Operator};
use datafusion_functions::math::expr_fn::isnan;
use jiff::Timestamp;
use sandbar_catalog::expr::{Comparison, Expr, ExprKind};
use sandbar_catalog::query::{days_since_epoch, large_whole};
use sandbar_catalog::{Literal, Type, exact_digits};

use super::{Lower, Lowered, binary, cast, one_number, typed_null};
use crate::error::QueryError;
use crate::functions::midnight_of;

/// A constant as seen from a type.
pub(super) enum Placed {
    /// The type has exactly this value.
    Exact(ScalarValue),
    /// It lies between this value of the type and the next one.
    Between(ScalarValue),
    /// It is less than every value of the type.
    Below,
    /// It is greater than every value of the type.
    Above,
    /// The two cannot be placed; they meet in a common type.
    No,
}

/// Never true; NULL where the value is.
pub(super) fn never(value: &Plan) -> Plan {
    binary(value.clone(), Operator::NotEq, value.clone())
}

/// Always true; NULL where the value is.
fn always(value: &Plan) -> Plan {
    binary(value.clone(), Operator::Eq, value.clone())
}

fn operator(comparison: Comparison) -> Operator {
    match comparison {
        Comparison::Eq => Operator::Eq,
        Comparison::NotEq => Operator::NotEq,
        Comparison::Lt => Operator::Lt,
        Comparison::LtEq => Operator::LtEq,
        Comparison::Gt => Operator::Gt,
        Comparison::GtEq => Operator::GtEq,
        Comparison::Distinct => Operator::IsDistinctFrom,
        Comparison::NotDistinct => Operator::IsNotDistinctFrom,
    }
}

/// On which side of a constant a NaN is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NanSide {
    /// The comparison is true of it.
    In,
    /// The comparison is false of it.
    Out,
}

/// NaN is greater than every other number, as in DuckDB and PostgreSQL. `None`: no statistics of
/// files are asked for such a comparison.
fn nan_side(comparison: Comparison) -> Option<NanSide> {
    match comparison {
        Comparison::Gt | Comparison::GtEq | Comparison::NotEq => Some(NanSide::In),
        Comparison::Lt | Comparison::LtEq | Comparison::Eq => Some(NanSide::Out),
        Comparison::Distinct | Comparison::NotDistinct => None,
    }
}

/// A comparison of a value with a constant that says aloud what becomes of NaN. The statistics of
/// files leave NaN out, and what is skipped by them would depend on where else it lies.
pub(super) fn beside_nan(plan: Plan, value: &Lowered, side: NanSide) -> Plan {
    let stored = match &value.arrow {
        DataType::Dictionary(_, stored) => stored.as_ref(),
        other => other,
    };
    if !matches!(stored, DataType::Float64 | DataType::Float32 | DataType::Float16) {
        return plan;
    }
    let number = match &value.arrow {
        DataType::Float64 => value.plan.clone(),
        _ => cast(value.plan.clone(), DataType::Float64),
    };
    let is_nan = isnan(number);
    match side {
        NanSide::In => binary(plan, Operator::Or, is_nan),
        NanSide::Out => binary(plan, Operator::And, Plan::Not(Box::new(is_nan))),
    }
}

/// A double equal to zero, or not: DataFusion puts equalities together as a list, which it looks
/// values up in by their bits, and so does it with what is written in files to skip rows by.
fn beside_zero(comparison: Comparison, value: &Lowered, placed: &Placed) -> Option<Plan> {
    let Placed::Exact(constant) = placed else { return None };
    let (minus, plus) = zeros(constant)?;
    let with = |op: Operator, zero| binary(value.plan.clone(), op, Plan::Literal(zero, None));
    match comparison {
        Comparison::Eq => {
            let (from, to) = (with(Operator::GtEq, minus), with(Operator::LtEq, plus));
            Some(beside_nan(binary(from, Operator::And, to), value, NanSide::Out))
        }
        Comparison::NotEq => {
            let (below, above) = (with(Operator::Lt, minus), with(Operator::Gt, plus));
            Some(beside_nan(binary(below, Operator::Or, above), value, NanSide::In))
        }
        _ => None,
    }
}

/// Both zeros, if a double is one.
pub(super) fn zeros(constant: &ScalarValue) -> Option<(ScalarValue, ScalarValue)> {
    match constant {
        ScalarValue::Float64(Some(zero)) if *zero == 0.0 => {
            Some((ScalarValue::Float64(Some(-0.0)), ScalarValue::Float64(Some(0.0))))
        }
        _ => None,
    }
}

fn mirrored(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Lt => Comparison::Gt,
        Comparison::LtEq => Comparison::GtEq,
        Comparison::Gt => Comparison::Lt,
        Comparison::GtEq => Comparison::LtEq,
        same => same,
    }
}

impl Lower<'_> {
    pub(super) fn comparison(
        &mut self,
        comparison: Comparison,
        a: &Expr,
        b: &Expr,
    ) -> Result<Lowered, QueryError> {
        let placed = match (&a.kind, &b.kind) {
            (ExprKind::Literal(_), ExprKind::Literal(_)) => None,
            (_, ExprKind::Literal(literal)) => Some((a, literal, comparison)),
            (ExprKind::Literal(literal), _) => Some((b, literal, mirrored(comparison))),
            _ => None,
        };
        if let Some((value, literal, comparison)) = placed {
            let value = self.expr(value)?;
            let value = if *literal == Literal::Null { value } else { in_full(value) };
            let placed = self.constant(&value.arrow, literal);
            if let Some(plan) = beside_zero(comparison, &value, &placed) {
                return Ok(Lowered::boolean(plan));
            }
            if let Some(plan) = with_constant(comparison, &value.plan, placed) {
                return Ok(Lowered::boolean(match (nan_side(comparison), literal) {
                    // Nothing is known beside what is missing, NaN or not.
                    (None, _) | (_, Literal::Null) => plan,
                    (Some(side), _) => beside_nan(plan, &value, side),
                }));
            }
        }
        let common = match (a.data_type, b.data_type) {
            (Type::Date, Type::Datetime) | (Type::Datetime, Type::Date) => Type::Datetime,
            (x, y) => x
                .unify(y)
                .ok_or_else(|| QueryError::internal(format!("{x} is compared with {y}")))?,
        };
        if common == Type::Null {
            return Ok(Lowered::boolean(typed_null(&DataType::Boolean)?));
        }
        let varies = |side: &Expr| !side.fields().is_empty() || !side.inputs().is_empty();
        let constants = (varies(a), varies(b));
        let (a, b) = self.in_one_type(a, b, common)?;
        let (value, other, seen) = match constants {
            (true, false) => (a, b, comparison),
            (false, true) => (b, a, mirrored(comparison)),
            _ => {
                let (a, b) = (one_number(a), one_number(b));
                return Ok(Lowered::boolean(binary(a.plan, operator(comparison), b.plan)));
            }
        };
        if let Plan::Literal(scalar, _) = &other.plan
            && let Some(plan) = beside_zero(seen, &value, &Placed::Exact(scalar.clone()))
        {
            return Ok(Lowered::boolean(plan));
        }
        let plan = binary(value.plan.clone(), operator(seen), other.plan);
        Ok(Lowered::boolean(match nan_side(seen) {
            Some(side) => beside_nan(plan, &value, side),
            None => plan,
        }))
    }

    /// Two values in one type: where that is possible, one in which they are compared exactly.
    fn in_one_type(
        &mut self,
        a: &Expr,
        b: &Expr,
        common: Type,
    ) -> Result<(Lowered, Lowered), QueryError> {
        let is_constant = |side: &Expr| matches!(side.kind, ExprKind::Literal(_));
        if is_constant(a) || is_constant(b) {
            return Ok((self.canonical(a, common)?, self.canonical(b, common)?));
        }
        let (a, b) = (self.expr(a)?, self.expr(b)?);
        let wide = match common {
            Type::Integer | Type::Decimal { .. } | Type::Datetime => wide(&a.arrow, &b.arrow),
            _ => None,
        };
        let Some(wide) = wide else {
            return Ok((self.convert(a, common)?, self.convert(b, common)?));
        };
        let in_wide = |side: Lowered| match side.arrow == wide {
            true => side,
            false => Lowered::new(cast(side.plan, wide.clone()), wide.clone()),
        };
        Ok((in_wide(a), in_wide(b)))
    }

    /// Places a constant in a type. A day beside instants is that of the zone: its first instant.
    pub(super) fn constant(&self, arrow: &DataType, literal: &Literal) -> Placed {
        let stored = match arrow {
            DataType::Dictionary(_, value) => value.as_ref(),
            other => other,
        };
        let zone = &self.clock.zone;
        match (self.clock.zone_name(), stored, literal) {
            (Some(_), DataType::Timestamp(..), Literal::Date(day)) => {
                match midnight_of(*day, zone) {
                    Some(micros) => constant(arrow, &Literal::Datetime(micros)),
                    None => Placed::No,
                }
            }
            (Some(_), DataType::Date32, Literal::Datetime(micros)) => {
                let Ok(instant) = Timestamp::from_microsecond(*micros) else { return Placed::No };
                let day = days_since_epoch(zone.to_datetime(instant).date());
                let begins = midnight_of(day, zone) == Some(*micros);
                side(ScalarValue::Date32(Some(day)), begins)
            }
            _ => constant(arrow, literal),
        }
    }
}

/// A number of 32 or 16 bits as the double that it is; other values as they are.
fn in_full(value: Lowered) -> Lowered {
    match value.arrow {
        DataType::Float32 | DataType::Float16 => {
            Lowered::new(cast(value.plan, DataType::Float64), DataType::Float64)
        }
        _ => value,
    }
}

fn with_constant(comparison: Comparison, plan: &Plan, placed: Placed) -> Option<Plan> {
    use Comparison::{Distinct, Eq, Gt, GtEq, Lt, LtEq, NotDistinct, NotEq};
    let with =
        |op: Operator, scalar: ScalarValue| binary(plan.clone(), op, Plan::Literal(scalar, None));
    let constant = |b: bool| Plan::Literal(ScalarValue::Boolean(Some(b)), None);
    Some(match placed {
        Placed::Exact(scalar) => with(operator(comparison), scalar),
        Placed::Between(floor) => match comparison {
            Eq => never(plan),
            NotEq => always(plan),
            Lt | LtEq => with(Operator::LtEq, floor),
            Gt | GtEq => with(Operator::Gt, floor),
            Distinct => constant(true),
            NotDistinct => constant(false),
        },
        Placed::Below => match comparison {
            Eq | Lt | LtEq => never(plan),
            NotEq | Gt | GtEq => always(plan),
            Distinct => constant(true),
            NotDistinct => constant(false),
        },
        Placed::Above => match comparison {
            Eq | Gt | GtEq => never(plan),
            NotEq | Lt | LtEq => always(plan),
            Distinct => constant(true),
            NotDistinct => constant(false),
        },
        Placed::No => return None,
    })
}

/// A type that holds every value of two others, where the one that is calculated with does not: it
/// has no nanoseconds, no whole numbers from 2^63 and no more than 38 digits.
fn wide(a: &DataType, b: &DataType) -> Option<DataType> {
    const NANOS: TimeUnit = TimeUnit::Nanosecond;
    if let (DataType::Timestamp(NANOS, _), DataType::Timestamp(NANOS, _)) = (a, b) {
        return Some(DataType::Timestamp(NANOS, Some("UTC".into())));
    }
    let ((p1, s1), (p2, s2)) = (exact_digits(a)?, exact_digits(b)?);
    let scale = s1.max(s2);
    let precision = u8::try_from((p1 - s1).max(p2 - s2) + scale).ok()?;
    let scale = i8::try_from(scale).ok()?;
    match precision {
        39..=76 => Some(DataType::Decimal256(precision, scale)),
        0..=38 if *a == DataType::UInt64 || *b == DataType::UInt64 => {
            Some(if a == b { a.clone() } else { DataType::Decimal128(precision, scale) })
        }
        _ => None,
    }
}

/// An exact number: `value / 10^scale`.
#[derive(Clone, Copy)]
struct Exact {
    value: i128,
    scale: u8,
}

/// Places a constant in a type.
pub(super) fn constant(arrow: &DataType, literal: &Literal) -> Placed {
    match (arrow, literal) {
        (_, Literal::Null) => match ScalarValue::try_from(arrow) {
            Ok(null) => Placed::Exact(null),
            Err(_) => Placed::No,
        },
        (DataType::Dictionary(key, value), literal) => match constant(value, literal) {
            Placed::Exact(scalar) => {
                Placed::Exact(ScalarValue::Dictionary(key.clone(), Box::new(scalar)))
            }
            Placed::Between(scalar) => {
                Placed::Between(ScalarValue::Dictionary(key.clone(), Box::new(scalar)))
            }
            other => other,
        },
        (DataType::Boolean, Literal::Boolean(b)) => Placed::Exact(ScalarValue::Boolean(Some(*b))),
        (DataType::Utf8, Literal::Text(t)) => Placed::Exact(ScalarValue::Utf8(Some(t.clone()))),
        (DataType::LargeUtf8, Literal::Text(t)) => {
            Placed::Exact(ScalarValue::LargeUtf8(Some(t.clone())))
        }
        (DataType::Utf8View, Literal::Text(t)) => {
            Placed::Exact(ScalarValue::Utf8View(Some(t.clone())))
        }
        (DataType::Float64, Literal::Number(n)) => Placed::Exact(ScalarValue::Float64(Some(*n))),
        (DataType::Float64, Literal::Integer(n)) => among_doubles(i128::from(*n)),
        (DataType::Float64, Literal::Decimal { value, scale }) => {
            decimal_among_doubles(Exact { value: *value, scale: *scale })
        }
        (DataType::Date32, Literal::Date(days)) => Placed::Exact(ScalarValue::Date32(Some(*days))),
        (DataType::Date32, Literal::Datetime(micros)) => {
            let day = micros.div_euclid(86_400_000_000);
            let exact = micros.rem_euclid(86_400_000_000) == 0;
            match i32::try_from(day) {
                Ok(day) => side(ScalarValue::Date32(Some(day)), exact),
                Err(_) => Placed::No,
            }
        }
        (DataType::Timestamp(unit, zone), Literal::Datetime(micros)) => {
            instant(*unit, zone.clone(), *micros)
        }
        (DataType::Timestamp(unit, zone), Literal::Date(days)) => {
            instant(*unit, zone.clone(), i64::from(*days).saturating_mul(86_400_000_000))
        }
        (_, Literal::Integer(n)) => number(arrow, Exact { value: i128::from(*n), scale: 0 }),
        (_, Literal::Decimal { value, scale }) => {
            number(arrow, Exact { value: *value, scale: *scale })
        }
        (data_type, Literal::Number(n)) if data_type.is_integer() || data_type.is_decimal() => {
            double(arrow, *n)
        }
        _ => Placed::No,
    }
}

fn side(scalar: ScalarValue, exact: bool) -> Placed {
    if exact { Placed::Exact(scalar) } else { Placed::Between(scalar) }
}

/// A double beside exact numbers: the number that its shortest digits say, if these are no more than
/// every double keeps, or it has a fraction; otherwise the whole number that it is. NaN is greater
/// than every number.
fn double(arrow: &DataType, n: f64) -> Placed {
    if !n.is_finite() {
        return if n < 0.0 { Placed::Below } else { Placed::Above };
    }
    if let Some(value) = large_whole(n) {
        return number(arrow, Exact { value, scale: 0 });
    }
    // `1.01e0`, `1e300`, `-2.5e-7`: one digit before the point.
    let text = format!("{n:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let value = format!("{whole}{fraction}").parse::<i128>();
    let exponent = exponent.parse::<i32>();
    let (Ok(value), Ok(exponent), Ok(behind)) = (value, exponent, i32::try_from(fraction.len()))
    else {
        return Placed::No;
    };
    let scale = behind - exponent;
    if scale <= 0 {
        let power = 10_i128.checked_pow(scale.unsigned_abs());
        return match power.and_then(|power| value.checked_mul(power)) {
            Some(value) => number(arrow, Exact { value, scale: 0 }),
            None if n < 0.0 => Placed::Below,
            None => Placed::Above,
        };
    }
    match u8::try_from(scale) {
        Ok(scale) => number(arrow, Exact { value, scale }),
        Err(_) => tiny(arrow, n),
    }
}

fn tiny(arrow: &DataType, n: f64) -> Placed {
    if n == 0.0 {
        return number(arrow, Exact { value: 0, scale: 0 });
    }
    // Between zero and the nearest value of the type.
    match number(arrow, Exact { value: if n < 0.0 { -1 } else { 1 }, scale: 38 }) {
        Placed::Exact(_) => Placed::No,
        other => other,
    }
}

/// A decimal among doubles: the nearest one, except beyond 2^53, where they have no fractions.
fn decimal_among_doubles(n: Exact) -> Placed {
    let Some(power) = 10_i128.checked_pow(u32::from(n.scale)) else { return Placed::No };
    let (floor, exact) = (n.value.div_euclid(power), n.value.rem_euclid(power) == 0);
    if exact {
        return among_doubles(floor);
    }
    if floor.unsigned_abs() >= 1 << 53 {
        return match among_doubles(floor) {
            Placed::Exact(scalar) => Placed::Between(scalar),
            other => other,
        };
    }
    match format!("{}e-{}", n.value, n.scale).parse() {
        Ok(n) => Placed::Exact(ScalarValue::Float64(Some(n))),
        Err(_) => Placed::No,
    }
}

/// A whole number of at most 38 digits among doubles, which have gaps from 2^53.
fn among_doubles(n: i128) -> Placed {
    #[expect(clippy::cast_precision_loss, reason = "what is lost is looked at")]
    let near = n as f64;
    #[expect(clippy::cast_possible_truncation, reason = "a whole number of at most 38 digits")]
    let whole = near as i128;
    let scalar = |value| ScalarValue::Float64(Some(value));
    match whole.cmp(&n) {
        Ordering::Equal => Placed::Exact(scalar(near)),
        Ordering::Less => Placed::Between(scalar(near)),
        Ordering::Greater => Placed::Between(scalar(near.next_down())),
    }
}

fn instant(unit: TimeUnit, zone: Option<std::sync::Arc<str>>, micros: i64) -> Placed {
    let (value, exact) = match unit {
        TimeUnit::Second => (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000) == 0),
        TimeUnit::Millisecond => (micros.div_euclid(1_000), micros.rem_euclid(1_000) == 0),
        TimeUnit::Microsecond => (micros, true),
        TimeUnit::Nanosecond => match micros.checked_mul(1_000) {
            Some(nanos) => (nanos, true),
            None => return if micros < 0 { Placed::Below } else { Placed::Above },
        },
    };
    let value = Some(value);
    side(
        match unit {
            TimeUnit::Second => ScalarValue::TimestampSecond(value, zone),
            TimeUnit::Millisecond => ScalarValue::TimestampMillisecond(value, zone),
            TimeUnit::Microsecond => ScalarValue::TimestampMicrosecond(value, zone),
            TimeUnit::Nanosecond => ScalarValue::TimestampNanosecond(value, zone),
        },
        exact,
    )
}

/// Places an exact number in a type of whole numbers or decimals.
fn number(arrow: &DataType, n: Exact) -> Placed {
    let scale = match arrow {
        DataType::Decimal32(_, s)
        | DataType::Decimal64(_, s)
        | DataType::Decimal128(_, s)
        | DataType::Decimal256(_, s) => i32::from(*s),
        data_type if data_type.is_integer() => 0,
        _ => return Placed::No,
    };
    let shift = scale - i32::from(n.scale);
    let power = 10_i128.checked_pow(shift.unsigned_abs());
    let (value, exact) = match (power, shift >= 0) {
        (Some(power), true) => match n.value.checked_mul(power) {
            Some(value) => (value, true),
            None => return if n.value < 0 { Placed::Below } else { Placed::Above },
        },
        (Some(power), false) => (n.value.div_euclid(power), n.value.rem_euclid(power) == 0),
        (None, true) if n.value == 0 => (0, true),
        (None, true) => return if n.value < 0 { Placed::Below } else { Placed::Above },
        (None, false) => (if n.value < 0 { -1 } else { 0 }, n.value == 0),
    };
    let outside = if value < 0 { Placed::Below } else { Placed::Above };
    macro_rules! whole {
        ($native:ty, $scalar:ident) => {
            match <$native>::try_from(value) {
                Ok(value) => side(ScalarValue::$scalar(Some(value)), exact),
                Err(_) => outside,
            }
        };
    }
    let fits = |precision: u8| {
        10_u128.checked_pow(u32::from(precision)).is_none_or(|end| value.unsigned_abs() < end)
    };
    match arrow {
        DataType::Int8 => whole!(i8, Int8),
        DataType::Int16 => whole!(i16, Int16),
        DataType::Int32 => whole!(i32, Int32),
        DataType::Int64 => whole!(i64, Int64),
        DataType::UInt8 => whole!(u8, UInt8),
        DataType::UInt16 => whole!(u16, UInt16),
        DataType::UInt32 => whole!(u32, UInt32),
        DataType::UInt64 => whole!(u64, UInt64),
        DataType::Decimal128(p, s) if fits(*p) => {
            side(ScalarValue::Decimal128(Some(value), *p, *s), exact)
        }
        DataType::Decimal128(..) => outside,
        DataType::Decimal32(p, _) | DataType::Decimal64(p, _) | DataType::Decimal256(p, _)
            if !fits(*p) =>
        {
            outside
        }
        // Narrow and wide decimals meet the constant in a common type.
        _ => Placed::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion_expr::col;

    #[track_caller]
    fn check(arrow: DataType, comparison: Comparison, literal: Literal, expected: &str) {
        let placed = constant(&arrow, &literal);
        let shown = with_constant(comparison, &col("x"), placed).map(|plan| plan.to_string());
        assert_eq!(shown.as_deref(), Some(expected));
    }

    fn half() -> Literal {
        Literal::Decimal { value: 25, scale: 1 }
    }

    #[test]
    fn l41_a_constant_between_two_values_rounds_to_the_right_side() {
        use Comparison::*;
        check(DataType::Int32, Gt, half(), "x > Int32(2)");
        check(DataType::Int32, GtEq, half(), "x > Int32(2)");
        check(DataType::Int32, Lt, half(), "x <= Int32(2)");
        check(DataType::Int32, LtEq, half(), "x <= Int32(2)");
        check(DataType::Int32, Eq, half(), "x != x");
        check(DataType::Int32, NotEq, half(), "x = x");
        let minus = Literal::Decimal { value: -25, scale: 1 };
        check(DataType::Int32, Gt, minus.clone(), "x > Int32(-3)");
        check(DataType::Int32, Lt, minus, "x <= Int32(-3)");
        check(DataType::Decimal128(10, 2), Eq, half(), "x = Decimal128(2.50,10,2)");
    }

    #[test]
    fn l41_a_constant_out_of_range_is_decided() {
        use Comparison::*;
        check(DataType::Int8, Lt, Literal::Integer(1_000), "x = x");
        check(DataType::Int8, Gt, Literal::Integer(1_000), "x != x");
        check(DataType::UInt8, GtEq, Literal::Integer(-1), "x = x");
        check(DataType::Decimal128(4, 2), Lt, Literal::Integer(100), "x = x");
        check(DataType::Int64, Lt, Literal::Number(1e300), "x = x");
        check(DataType::Int64, Gt, Literal::Number(1e-300), "x > Int64(0)");
        check(DataType::Int64, Lt, Literal::Number(-1e-300), "x <= Int64(-1)");
        check(DataType::Int64, Lt, Literal::Number(f64::NAN), "x = x");
        check(DataType::Int64, Gt, Literal::Number(f64::NEG_INFINITY), "x = x");
    }

    #[test]
    fn l41_a_double_is_the_number_that_its_digits_say() {
        use Comparison::*;
        let cents = DataType::Decimal128(12, 2);
        check(cents.clone(), Lt, Literal::Number(100.0), "x < Decimal128(100.00,12,2)");
        check(cents.clone(), Eq, Literal::Number(1.01), "x = Decimal128(1.01,12,2)");
        check(cents.clone(), Eq, Literal::Number(1.015), "x != x");
        check(cents.clone(), Gt, Literal::Number(-0.125), "x > Decimal128(-0.13,12,2)");
        check(cents, Lt, Literal::Number(1e22), "x = x");
        check(DataType::Int64, Lt, Literal::Number(2.5), "x <= Int64(2)");
        check(DataType::Int64, Eq, Literal::Number(3.0), "x = Int64(3)");
        check(DataType::Int64, GtEq, Literal::Number(-3e0), "x >= Int64(-3)");
        check(DataType::Int64, Eq, Literal::Number(0.0), "x = Int64(0)");
        check(DataType::Int8, Gt, Literal::Number(1e3), "x != x");
    }

    #[test]
    fn l41_a_decimal_of_many_digits_lies_between_doubles() {
        use Comparison::*;
        let whole = |value| Literal::Decimal { value, scale: 0 };
        let double = DataType::Float64;
        // 2^64 and its neighbors.
        let at = 1_i128 << 64;
        check(double.clone(), Eq, whole(at), "x = Float64(18446744073709552000)");
        check(double.clone(), Eq, whole(at + 1), "x != x");
        check(double.clone(), Lt, whole(at + 1), "x <= Float64(18446744073709552000)");
        check(double.clone(), Gt, whole(at - 1), "x > Float64(18446744073709550000)");
        check(double.clone(), Eq, half(), "x = Float64(2.5)");
        let beyond = Literal::Decimal { value: 90_071_992_547_409_925, scale: 1 };
        check(double, Gt, beyond, "x > Float64(9007199254740992)");
        check(DataType::Int64, Lt, whole(at), "x = x");
        check(DataType::Decimal256(5, 2), Gt, whole(1_000), "x != x");
    }

    #[test]
    fn instants_round_to_the_unit_of_the_column() {
        use Comparison::*;
        let seconds = DataType::Timestamp(TimeUnit::Second, None);
        check(seconds.clone(), Lt, Literal::Datetime(1_500_000), "x <= TimestampSecond(1, None)");
        check(seconds, GtEq, Literal::Datetime(2_000_000), "x >= TimestampSecond(2, None)");
        let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
        check(nanos, Lt, Literal::Datetime(i64::MAX), "x = x");
    }
}
