//! Attributes become typed constants. Doubt denies: missing, null, ill-typed or empty never widens.

use sandbar_auth::{AttributeValue, Principal};
use sandbar_catalog::expr::{AttributeType, Expr, ExprKind};
use sandbar_catalog::query::days_since_epoch;
use sandbar_catalog::{Literal, Type};

use crate::condition::{Condition, RowFilter};
use crate::policy_set::PolicySet;

/// An attribute that could not be bound: missing, null, or not of its declared type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unbound {
    pub(crate) attribute: String,
}

/// Binds the expressions of one condition.
struct Binder<'b> {
    policies: &'b PolicySet,
    principal: &'b Principal,
    /// Whether a list is empty: there is no such row, if nothing is unbound.
    empty: bool,
}

/// Binds a checked condition to a principal.
pub(crate) fn bind(
    condition: &Condition,
    policies: &PolicySet,
    principal: &Principal,
) -> Result<RowFilter, Unbound> {
    let mut binder = Binder { policies, principal, empty: false };
    let bound = condition.try_map(&mut |expr: &Expr| binder.expression(expr))?;
    // An attribute that cannot be bound voids the whole, wherever an empty list stands in it.
    Ok(if binder.empty { RowFilter::Never } else { bound.simplified() })
}

impl Binder<'_> {
    fn expression(&mut self, expr: &Expr) -> Result<Expr, Unbound> {
        let kind = match &expr.kind {
            ExprKind::Attribute(name) => {
                let value = self.values(name)?.pop().unwrap_or(Literal::Null);
                return Ok(Expr::new(ExprKind::Literal(value), expr.data_type));
            }
            ExprKind::InList(value, list) => {
                let value = self.boxed(value)?;
                let mut bound = Vec::with_capacity(list.len());
                for item in list {
                    if let ExprKind::Attribute(name) = &item.kind {
                        let as_expr = |v| Expr::new(ExprKind::Literal(v), item.data_type);
                        bound.extend(self.values(name)?.into_iter().map(as_expr));
                    } else {
                        bound.push(self.expression(item)?);
                    }
                }
                ExprKind::InList(value, bound)
            }
            ExprKind::Literal(_) | ExprKind::Field(_) | ExprKind::Input(_) => {
                return Ok(expr.clone());
            }
            ExprKind::Not(a) => ExprKind::Not(self.boxed(a)?),
            ExprKind::IsNull(a) => ExprKind::IsNull(self.boxed(a)?),
            ExprKind::Like(a, p) => ExprKind::Like(self.boxed(a)?, p.clone()),
            ExprKind::Negate(a) => ExprKind::Negate(self.boxed(a)?),
            ExprKind::Cast { value, strict } => {
                ExprKind::Cast { value: self.boxed(value)?, strict: *strict }
            }
            ExprKind::And(a, b) => ExprKind::And(self.boxed(a)?, self.boxed(b)?),
            ExprKind::Or(a, b) => ExprKind::Or(self.boxed(a)?, self.boxed(b)?),
            ExprKind::Compare(op, a, b) => ExprKind::Compare(*op, self.boxed(a)?, self.boxed(b)?),
            ExprKind::Arithmetic(op, a, b) => {
                ExprKind::Arithmetic(*op, self.boxed(a)?, self.boxed(b)?)
            }
            ExprKind::Between(a, b, c) => {
                ExprKind::Between(self.boxed(a)?, self.boxed(b)?, self.boxed(c)?)
            }
            ExprKind::Case(arms, otherwise) => {
                let mut bound = Vec::with_capacity(arms.len());
                for (when, then) in arms {
                    bound.push((self.expression(when)?, self.expression(then)?));
                }
                let otherwise = otherwise.as_deref().map(|e| self.boxed(e)).transpose()?;
                ExprKind::Case(bound, otherwise)
            }
            ExprKind::Call(f, args) => {
                let args = args.iter().map(|e| self.expression(e)).collect::<Result<_, _>>()?;
                ExprKind::Call(*f, args)
            }
            // The check refuses aggregations in row filters, and sorts sets of rows out of
            // expressions: nothing to bind inside one.
            ExprKind::Aggregate(_) | ExprKind::InRows(..) => return Ok(expr.clone()),
        };
        Ok(Expr::new(kind, expr.data_type))
    }

    fn boxed(&mut self, expr: &Expr) -> Result<Box<Expr>, Unbound> {
        self.expression(expr).map(Box::new)
    }

    fn values(&mut self, name: &str) -> Result<Vec<Literal>, Unbound> {
        let unbound = || Unbound { attribute: name.to_owned() };
        let declared = self.policies.attribute(name).ok_or_else(unbound)?;
        let given = self.principal.attribute(name).ok_or_else(unbound)?;
        let values = literals(given, declared).ok_or_else(unbound)?;
        self.empty |= values.is_empty();
        Ok(values)
    }
}

/// Whether a value has the declared type of its attribute.
pub(crate) fn fits(given: &AttributeValue, declared: AttributeType) -> bool {
    literals(given, declared).is_some()
}

/// The constants of an attribute value under its declared type; `None` where it does not fit.
///
/// | declared | accepted |
/// |---|---|
/// | text | text |
/// | integer | whole number; text in canonical decimal form |
/// | number | any finite number; a whole one up to 2^53 |
/// | boolean | true, false |
/// | date | text `2026-01-31` |
/// | list of … | a list of those, or none of them; a single value is not a list |
fn literals(given: &AttributeValue, declared: AttributeType) -> Option<Vec<Literal>> {
    match (given, declared.list) {
        (AttributeValue::List(items), true) => {
            items.iter().map(|item| literal(item, declared.data_type)).collect()
        }
        (AttributeValue::List(_), false) | (_, true) => None,
        (single, false) => Some(vec![literal(single, declared.data_type)?]),
    }
}

fn literal(given: &AttributeValue, data_type: Type) -> Option<Literal> {
    match (given, data_type) {
        (AttributeValue::Text(text), Type::Text) => Some(Literal::Text(text.to_string())),
        (AttributeValue::Text(text), Type::Integer) => {
            let number: i64 = text.parse().ok()?;
            (number.to_string() == text.as_str()).then_some(Literal::Integer(number))
        }
        (AttributeValue::Text(text), Type::Date) => {
            let date: jiff::civil::Date = text.parse().ok()?;
            (date.to_string() == text.as_str()).then(|| Literal::Date(days_since_epoch(date)))
        }
        (AttributeValue::Integer(n), Type::Integer) => Some(Literal::Integer(*n)),
        // Beyond 2^53 a neighbour would do as well, so the attribute does not fit.
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
        (AttributeValue::Integer(n), Type::Number) => {
            (n.unsigned_abs() <= 1 << 53).then_some(Literal::Number(*n as f64))
        }
        (AttributeValue::Number(n), Type::Number) => n.is_finite().then_some(Literal::Number(*n)),
        (AttributeValue::Boolean(b), Type::Boolean) => Some(Literal::Boolean(*b)),
        _ => None,
    }
}
