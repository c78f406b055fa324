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

enum Failure {
    Unbound(Unbound),
    EmptyList,
}

/// Binds a checked condition to a principal.
pub(crate) fn bind(
    condition: &Condition,
    policies: &PolicySet,
    principal: &Principal,
) -> Result<RowFilter, Unbound> {
    let mut replace = |expr: &Expr| expression(expr, policies, principal);
    match condition.try_map(&mut replace) {
        Ok(bound) => Ok(bound.simplified()),
        Err(Failure::EmptyList) => Ok(RowFilter::Never),
        Err(Failure::Unbound(unbound)) => Err(unbound),
    }
}

fn expression(expr: &Expr, policies: &PolicySet, principal: &Principal) -> Result<Expr, Failure> {
    let go = |e: &Expr| expression(e, policies, principal);
    let boxed = |e: &Expr| go(e).map(Box::new);
    let kind = match &expr.kind {
        ExprKind::Attribute(name) => {
            return match values(name, policies, principal)?.pop() {
                Some(value) => Ok(Expr::new(ExprKind::Literal(value), expr.data_type)),
                None => Err(Failure::EmptyList),
            };
        }
        ExprKind::InList(value, list) => {
            let value = boxed(value)?;
            let mut bound = Vec::with_capacity(list.len());
            for item in list {
                if let ExprKind::Attribute(name) = &item.kind {
                    let values = values(name, policies, principal)?;
                    if values.is_empty() {
                        return Err(Failure::EmptyList);
                    }
                    let as_expr = |v| Expr::new(ExprKind::Literal(v), item.data_type);
                    bound.extend(values.into_iter().map(as_expr));
                } else {
                    bound.push(go(item)?);
                }
            }
            ExprKind::InList(value, bound)
        }
        ExprKind::Literal(_) | ExprKind::Field(_) | ExprKind::Input(_) => return Ok(expr.clone()),
        ExprKind::Not(a) => ExprKind::Not(boxed(a)?),
        ExprKind::IsNull(a) => ExprKind::IsNull(boxed(a)?),
        ExprKind::Like(a, p) => ExprKind::Like(boxed(a)?, p.clone()),
        ExprKind::Negate(a) => ExprKind::Negate(boxed(a)?),
        ExprKind::Cast { value, strict } => {
            ExprKind::Cast { value: boxed(value)?, strict: *strict }
        }
        ExprKind::And(a, b) => ExprKind::And(boxed(a)?, boxed(b)?),
        ExprKind::Or(a, b) => ExprKind::Or(boxed(a)?, boxed(b)?),
        ExprKind::Compare(op, a, b) => ExprKind::Compare(*op, boxed(a)?, boxed(b)?),
        ExprKind::Arithmetic(op, a, b) => ExprKind::Arithmetic(*op, boxed(a)?, boxed(b)?),
        ExprKind::Between(a, b, c) => ExprKind::Between(boxed(a)?, boxed(b)?, boxed(c)?),
        ExprKind::Case(arms, otherwise) => {
            let arms = arms
                .iter()
                .map(|(w, t)| Ok((go(w)?, go(t)?)))
                .collect::<Result<Vec<_>, Failure>>()?;
            ExprKind::Case(arms, otherwise.as_deref().map(boxed).transpose()?)
        }
        ExprKind::Call(f, args) => {
            ExprKind::Call(*f, args.iter().map(go).collect::<Result<_, Failure>>()?)
        }
        // The check refuses aggregations in row filters, and sorts sets of rows out of expressions:
        // nothing to bind inside one.
        ExprKind::Aggregate(_) | ExprKind::InRows(..) => return Ok(expr.clone()),
    };
    Ok(Expr::new(kind, expr.data_type))
}

fn values(
    name: &str,
    policies: &PolicySet,
    principal: &Principal,
) -> Result<Vec<Literal>, Failure> {
    let unbound = || Failure::Unbound(Unbound { attribute: name.to_owned() });
    let declared = policies.attribute(name).ok_or_else(unbound)?;
    let given = principal.attribute(name).ok_or_else(unbound)?;
    literals(given, declared).ok_or_else(unbound)
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
