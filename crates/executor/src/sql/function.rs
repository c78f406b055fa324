//! Functions: ours by what they compute, DataFusion's by their names.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::ScalarFunction;
use sandbar_query_planner::words::Bins;
use sandbar_query_planner::{CheckedOp, Meaning};

use super::cast::scale;
use super::expression::{Binding, Scope};
use super::literal::{Family, family, typed};
use super::node::unaliased;
use super::{NoSqlText, SqlDialect, time};

impl Scope<'_> {
    pub(super) fn call(&self, call: &ScalarFunction) -> Result<String, NoSqlText> {
        match Meaning::of(&call.func) {
            Some(meaning) => self.ours(&meaning, &call.args),
            None => self.theirs(call.func.name(), &call.args),
        }
    }

    fn argument<'e>(&self, args: &'e [Expr], index: usize) -> Result<&'e Expr, NoSqlText> {
        args.get(index).ok_or_else(|| NoSqlText::Unknown("a function of nothing".to_owned()))
    }

    fn ours(&self, meaning: &Meaning, args: &[Expr]) -> Result<String, NoSqlText> {
        let first = self.argument(args, 0)?;
        match meaning {
            Meaning::Bucket(grain, calendar) => {
                let value = self.moment(first)?;
                time::bucket(&value, *grain, calendar)
            }
            Meaning::Part(part, calendar) => {
                let value = self.moment(first)?;
                time::part(&value, *part, calendar)
            }
            Meaning::Later(count, unit, calendar) => {
                if calendar.zone.as_deref() != Some("UTC") {
                    return Err(NoSqlText::ClocksSetBack(self.dialect));
                }
                let value = time::local(&self.moment(first)?, calendar)?;
                let later = time::interval(*count, *unit);
                Ok(format!("(({value} + {later}) AT TIME ZONE 'UTC')"))
            }
            Meaning::Midnight => Err(NoSqlText::ClocksSetBack(self.dialect)),
            // No type of theirs has the milliseconds.
            Meaning::Day => self.cast(first, &DataType::Date32, true),
            Meaning::Instant => {
                let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
                self.cast(first, &instant, true)
            }
            Meaning::Bin(bins) => self.bin(first, *bins),
            Meaning::Checked(op) => self.checked(*op, args),
            // There, a decimal has no more digits than its type.
            Meaning::Kept | Meaning::WithinDigits => self.value(first),
            // There, zeros are one, and every NaN is the greatest number.
            Meaning::Double => self.value(first),
            Meaning::DecimalMean => self.mean(first, self.argument(args, 1)?),
            Meaning::Rounded => self.to_digits(first, self.argument(args, 1)?),
            Meaning::Alike(to) => self.cast(first, to, true),
            Meaning::MaskHash => Err(NoSqlText::HashMask),
            Meaning::Reported(_) | Meaning::Gap(..) => {
                Err(NoSqlText::Unknown("a list of periods that is read".to_owned()))
            }
        }
    }

    /// A day or instant.
    fn moment(&self, value: &Expr) -> Result<time::Moment, NoSqlText> {
        let kind = family(&self.type_of(value)?, self.dialect)?;
        let text = self.atom(value)?;
        Ok(match kind {
            Family::Day => time::Moment::Day(text),
            Family::Local => time::Moment::Local(text),
            Family::Instant => time::Moment::Instant(text),
            _ => return Err(NoSqlText::Unknown("a time that is none".to_owned())),
        })
    }

    /// Bounds of whole numbers and decimals; those of doubles are not where databases put them.
    fn bin(&self, value: &Expr, bins: Bins) -> Result<String, NoSqlText> {
        let data_type = self.type_of(value)?;
        let digits = match data_type {
            DataType::Int64 => 0,
            DataType::Decimal128(_, digits) if digits >= 0 => digits,
            _ => return Err(self.no_function("bin")),
        };
        let (width, start) = bins.at_scale(digits).ok_or_else(|| self.no_function("bin"))?;
        let number = |number: i128| match data_type {
            DataType::Decimal128(..) => {
                typed(&ScalarValue::Decimal128(Some(number), 38, digits), self.dialect)
            }
            _ => Ok(number.to_string()),
        };
        let (width, start) = (number(width)?, number(start)?);
        let value = self.atom(value)?;
        // What is left of a number below the start is negative.
        let above = format!("((({value} - {start}) % {width} + {width}) % {width})");
        Ok(format!("CAST({value} - {above} AS {})", self.type_name(&data_type)?))
    }

    fn checked(&self, op: CheckedOp, args: &[Expr]) -> Result<String, NoSqlText> {
        let a = self.atom(self.argument(args, 0)?)?;
        if op == CheckedOp::Negate {
            return Ok(format!("(- {a})"));
        }
        let b = self.atom(self.argument(args, 1)?)?;
        Ok(match (op, self.dialect) {
            (CheckedOp::Add, _) => format!("({a} + {b})"),
            (CheckedOp::Subtract, _) => format!("({a} - {b})"),
            (CheckedOp::Multiply, _) => format!("({a} * {b})"),
            // DuckDB's division by zero is NULL.
            (_, SqlDialect::DuckDb) => format!(
                "CASE WHEN {b} = 0 THEN CAST(error('a whole number is divided by zero') AS BIGINT) \
                 ELSE {a} // {b} END"
            ),
            (_, SqlDialect::Postgres) => format!("({a} / {b})"),
        })
    }

    /// A sum over a count as whole numbers of the mean's last digit: both divide those alike.
    fn mean(&self, sum: &Expr, count: &Expr) -> Result<String, NoSqlText> {
        let data_type = self.type_of(sum)?;
        let digits = scale(&data_type);
        let result = digits.saturating_add(4).min(38);
        let name = self.type_name(&DataType::Decimal128(38, result))?;
        let zeros = usize::try_from(result).unwrap_or(0);
        let (power, sum, count) = (
            format!("1{}", "0".repeat(zeros)),
            self.at(sum, Binding::Atom)?,
            self.at(count, Binding::Atom)?,
        );
        let long = self.long(sum.clone(), &data_type, 38)?;
        let last_digit = if zeros == 0 {
            "1".to_owned()
        } else {
            format!("0.{}1", "0".repeat(zeros.saturating_sub(1)))
        };
        let quotient = match self.dialect {
            SqlDialect::DuckDb => format!(
                "CAST((CAST({long} * {power} AS HUGEINT) + CASE WHEN {sum} < 0 THEN -1 ELSE 1 END \
                 * ({count} // 2)) // {count} AS DECIMAL(38, 0))"
            ),
            SqlDialect::Postgres => format!(
                "div({sum} * {power} + CASE WHEN {sum} < 0 THEN -1 ELSE 1 END * ({count} / 2), \
                 {count})"
            ),
        };
        Ok(format!("CASE WHEN {count} > 0 THEN CAST({quotient} * {last_digit} AS {name}) END"))
    }

    fn theirs(&self, name: &str, args: &[Expr]) -> Result<String, NoSqlText> {
        let postgres = self.dialect == SqlDialect::Postgres;
        let first = self.argument(args, 0)?;
        let value = self.value(first)?;
        Ok(match (name, args) {
            ("nullif", [inner, zero]) => {
                // Zero is one number there, so that its negative need not be told.
                let minus = matches!(
                    zero,
                    Expr::Literal(ScalarValue::Float64(Some(n)), _) if *n == 0.0 && n.is_sign_negative()
                );
                match unaliased(inner) {
                    Expr::ScalarFunction(of) if minus && of.func.name() == "nullif" => value,
                    _ => format!("NULLIF({value}, {})", self.value(zero)?),
                }
            }
            ("isnan", [_]) if postgres => format!("({value} = CAST('NaN' AS DOUBLE PRECISION))"),
            ("isnan", [_]) => format!("isnan({value})"),
            ("ceil", [_]) => format!("ceil({value})"),
            ("floor", [_]) => format!("floor({value})"),
            ("abs", [_]) => format!("abs({value})"),
            ("round", [_]) => self.rounded(&self.atom(first)?),
            ("greatest" | "least", _) => {
                let data_type = self.type_of(first)?;
                let mut all = Vec::with_capacity(args.len());
                for arg in args {
                    all.push(self.by_bytes(self.atom(arg)?, &data_type)?);
                }
                let text = format!("{name}({})", all.join(", "));
                if postgres && family(&data_type, self.dialect)? == Family::Text {
                    format!("({text} COLLATE \"default\")")
                } else {
                    text
                }
            }
            ("concat", _) => {
                let all = args.iter().map(|arg| self.value(arg)).collect::<Result<Vec<_>, _>>()?;
                format!("concat({})", all.join(", "))
            }
            ("btrim", [_]) => match self.dialect {
                SqlDialect::DuckDb => format!("trim({value}, ' ')"),
                SqlDialect::Postgres => format!("btrim({value}, ' ')"),
            },
            ("character_length", [_]) => format!("length({value})"),
            ("contains", [_, part]) => {
                let part = self.value(part)?;
                match self.dialect {
                    SqlDialect::DuckDb => format!("contains({value}, {part})"),
                    SqlDialect::Postgres => format!("(strpos({value}, {part}) > 0)"),
                }
            }
            ("starts_with", [_, part]) => format!("starts_with({value}, {})", self.value(part)?),
            ("ends_with", [_, part]) => {
                let part = self.value(part)?;
                match self.dialect {
                    SqlDialect::DuckDb => format!("ends_with({value}, {part})"),
                    SqlDialect::Postgres => format!("(right({value}, length({part})) = {part})"),
                }
            }
            ("left", [_, count]) => match constant(count) {
                Some(count) if count >= 0 => format!("left({value}, {})", small(count)?),
                _ => return Err(self.no_function(name)),
            },
            ("substr", [_, from]) => match constant(from) {
                Some(from) => format!("substr({value}, {})", small(from)?.max(1)),
                None => return Err(self.no_function(name)),
            },
            ("substr", [_, from, length]) => match (constant(from), constant(length)) {
                (Some(from), Some(length)) if length >= 0 => {
                    let (from, length) = (small(from)?, small(length)?);
                    let (first, end) = (from.max(1), (from + length).max(1));
                    format!("substr({value}, {first}, {})", end - first)
                }
                _ => return Err(self.no_function(name)),
            },
            _ => return Err(self.no_function(name)),
        })
    }

    /// A double to digits that are known: the powers of ten up to here are doubles.
    fn to_digits(&self, value: &Expr, digits: &Expr) -> Result<String, NoSqlText> {
        /// From here on a double has no fraction.
        const WHOLE: &str = "4503599627370496";
        let digits = constant(digits).filter(|digits| (-22..=22).contains(digits));
        let digits = digits.ok_or_else(|| self.no_function("round"))?;
        let value = self.atom(value)?;
        let power = format!("CAST('1e{}' AS DOUBLE PRECISION)", digits.unsigned_abs());
        let (there, back) = if digits < 0 { ('/', '*') } else { ('*', '/') };
        let scaled = format!("({value} {there} {power})");
        // PostgreSQL would fail where a large number is multiplied.
        Ok(format!(
            "CASE WHEN abs({value}) >= {WHOLE} * {power} THEN {value} \
             WHEN abs({scaled}) >= {WHOLE} THEN {value} ELSE {} {back} {power} END",
            self.rounded(&scaled)
        ))
    }

    /// The nearest whole number of a double, halves away from zero.
    fn rounded(&self, value: &str) -> String {
        match self.dialect {
            SqlDialect::DuckDb => format!("round({value})"),
            SqlDialect::Postgres => format!(
                "CASE WHEN abs({value} - trunc({value})) >= 0.5 THEN trunc({value}) + sign({value}) \
                 ELSE trunc({value}) END"
            ),
        }
    }
}

/// A whole number that is known.
fn constant(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Alias(alias) => constant(&alias.expr),
        Expr::Cast(cast) => constant(&cast.expr),
        Expr::Literal(ScalarValue::Int32(number), _) => number.map(i64::from),
        Expr::Literal(ScalarValue::Int64(number), _) => *number,
        _ => None,
    }
}

/// A number of letters that every database can count.
fn small(number: i64) -> Result<i64, NoSqlText> {
    match i32::try_from(number) {
        Ok(number) => Ok(i64::from(number)),
        Err(_) => Err(NoSqlText::Unknown("a text of that many letters".to_owned())),
    }
}
