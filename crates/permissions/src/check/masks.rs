//! Masks: each fits the type of its field, so that it can replace any value.

use sandbar_catalog::decode::Located;
use sandbar_catalog::query::{Value, days_since_epoch, decimal_text, plain_date};
use sandbar_catalog::{FieldId, FieldKind, Literal, TableId, Type};

use super::{Checker, MASK};
use crate::definitions::{GrantDef, MaskDef};
use crate::mask::Mask;

impl Checker<'_> {
    pub(super) fn masks(&mut self, table: TableId, grant: &GrantDef) -> Vec<(FieldId, Mask)> {
        let mut found = Vec::new();
        for (name, def) in grant.masks.iter() {
            let key = Located {
                value: name.to_owned(),
                place: def.key_place,
                key_place: None,
                path: def.path.clone(),
            };
            let Some(field) = self.field(table, &key) else { continue };
            match self.mask(field, &def.value) {
                Ok(mask) => found.push((field, mask)),
                Err(message) => self.at(def, MASK, message, None),
            }
        }
        found
    }

    fn mask(&self, id: FieldId, def: &MaskDef) -> Result<Mask, String> {
        let field = self.snapshot.field(id);
        if matches!(field.kind, FieldKind::Calculated(_)) {
            return Err(format!(
                "`{}` is calculated: mask the fields it is computed from",
                field.name
            ));
        }
        let text_only = |mask: Mask, name: &str| {
            if field.data_type == Type::Text {
                Ok(mask)
            } else {
                Err(format!("`{name}` masks text, and `{}` is {}", field.name, field.data_type))
            }
        };
        match def {
            MaskDef::Null => Ok(Mask::Null),
            MaskDef::Hash => text_only(Mask::Hash, "hash"),
            MaskDef::Prefix(length) => text_only(Mask::Prefix(*length), "prefix"),
            MaskDef::Constant(value) => {
                constant(value, field.data_type).map(Mask::Constant).ok_or_else(|| {
                    let date = field.data_type == Type::Date;
                    format!(
                        "the constant is not {}, the type of `{}`{}",
                        field.data_type.with_article(),
                        field.name,
                        if date { ": write `2026-01-31`" } else { "" }
                    )
                })
            }
        }
    }
}

fn constant(value: &Value, data_type: Type) -> Option<Literal> {
    match (value, data_type) {
        (Value::Null, _) => Some(Literal::Null),
        (Value::Boolean(b), Type::Boolean) => Some(Literal::Boolean(*b)),
        (Value::Integer(n), Type::Integer) => Some(Literal::Integer(*n)),
        (Value::Integer(n), Type::Decimal { precision, scale }) => {
            decimal(&n.to_string(), precision, scale)
        }
        (Value::Number(n), Type::Decimal { precision, scale }) => {
            decimal(&n.to_string(), precision, scale)
        }
        (Value::Decimal { value, scale: digits }, Type::Decimal { precision, scale }) => {
            decimal(&decimal_text(*value, *digits), precision, scale)
        }
        #[expect(clippy::cast_precision_loss, reason = "a mask for a floating point field")]
        (Value::Integer(n), Type::Number) => Some(Literal::Number(*n as f64)),
        (Value::Number(n), Type::Number) => Some(Literal::Number(*n)),
        (Value::Decimal { value, scale }, Type::Number) => {
            decimal_text(*value, *scale).parse().ok().map(Literal::Number)
        }
        (Value::Text(text), Type::Text) => Some(Literal::Text(text.clone())),
        (Value::Text(text), Type::Date) => {
            plain_date(text).map(|date| Literal::Date(days_since_epoch(date)))
        }
        _ => None,
    }
}

/// The digits as a value of exactly this decimal type; `None` where a digit would be lost.
fn decimal(digits: &str, precision: u8, scale: i8) -> Option<Literal> {
    let scale = u8::try_from(scale).ok()?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let missing = usize::from(scale).checked_sub(fraction.len())?;
    let value: i128 = format!("{whole}{fraction}{}", "0".repeat(missing)).parse().ok()?;
    let fits = value.unsigned_abs() < 10_u128.checked_pow(u32::from(precision))?;
    fits.then_some(Literal::Decimal { value, scale })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: Value, expected: Option<i128>) {
        let found = constant(&value, Type::Decimal { precision: 4, scale: 2 });
        assert_eq!(found, expected.map(|value| Literal::Decimal { value, scale: 2 }));
    }

    #[test]
    fn a_decimal_constant_keeps_every_digit_or_is_refused() {
        check(Value::Integer(7), Some(700));
        check(Value::Integer(-99), Some(-9900));
        check(Value::Integer(100), None);
        check(Value::Number(0.5), Some(50));
        check(Value::Number(-99.99), Some(-9999));
        check(Value::Number(0.125), None);
        check(Value::Number(1e300), None);
        check(Value::Number(f64::NAN), None);
        check(Value::Text("7".to_owned()), None);
    }

    #[test]
    fn a_constant_in_double_precision_is_the_nearest_double() {
        let digits = Value::Decimal { value: 12_345_678_901_234_567_891, scale: 3 };
        let near = Literal::Number(12_345_678_901_234_568.0);
        assert_eq!(constant(&digits, Type::Number), Some(near));
    }
}
