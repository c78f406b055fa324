//! The allow-listed functions.

use datafusion_common::arrow::datatypes::DataType;
use datafusion_expr::expr::Case;
use datafusion_expr::{Expr as Plan, Operator, lit};
use datafusion_functions::{core, math, string, unicode};
use sandbar_catalog::expr::{Expr, ExprKind, Function};
use sandbar_catalog::{Literal, Type};

use super::{Lower, Lowered, arrow_of, binary, cast, one_number};
use crate::error::QueryError;
use crate::functions::{CheckedOp, bin, bucket, bucket_type, checked, part, rounded};

/// The first value that is not missing. DataFusion's own function runs only once its optimizer has
/// written it out like this.
pub(crate) fn first_known(mut values: Vec<Plan>, arrow: &DataType) -> Result<Plan, QueryError> {
    let Some(last) = values.pop() else { return super::typed_null(arrow) };
    if values.is_empty() {
        return Ok(last);
    }
    let arm = |value: Plan| (Box::new(Plan::IsNotNull(Box::new(value.clone()))), Box::new(value));
    let arms = values.into_iter().map(arm).collect();
    Ok(Plan::Case(Case::new(None, arms, Some(Box::new(last)))))
}

impl Lower<'_> {
    pub(super) fn call(
        &mut self,
        function: Function,
        args: &[Expr],
        data_type: Type,
    ) -> Result<Lowered, QueryError> {
        let missing = || QueryError::internal("an argument is missing");
        let first = args.first().ok_or_else(missing)?;
        let arrow = match function {
            Function::DateTrunc(grain) => bucket_type(grain),
            _ => arrow_of(data_type)?,
        };
        let plan = match function {
            Function::DateTrunc(grain) => bucket(self.temporal(first)?, grain, self.clock),
            Function::Extract(which) => part(self.temporal(first)?, which, self.clock),
            Function::Abs => self.abs(first, data_type)?,
            Function::Bin(bins) => {
                let value = self.expr(first)?;
                bin(self.convert(value, data_type)?.plan, bins)
            }
            Function::Ceil => math::expr_fn::ceil(self.canonical(first, Type::Number)?.plan),
            Function::Floor => math::expr_fn::floor(self.canonical(first, Type::Number)?.plan),
            Function::Round => {
                let value = self.canonical(first, Type::Number)?.plan;
                match args.get(1) {
                    Some(digits) => rounded(value, self.canonical(digits, Type::Integer)?.plan),
                    None => math::expr_fn::round(vec![value]),
                }
            }
            Function::Div => {
                self.fallible = true;
                checked(CheckedOp::Divide, self.all(args, Type::Integer)?)
            }
            Function::Coalesce => first_known(self.all(args, data_type)?, &arrow)?,
            Function::Greatest => core::expr_fn::greatest(self.ordered(args, data_type)?),
            Function::Least => core::expr_fn::least(self.ordered(args, data_type)?),
            Function::NullIf => {
                let second = args.get(1).ok_or_else(missing)?;
                let equal =
                    self.comparison(sandbar_catalog::expr::Comparison::Eq, first, second)?;
                let value = self.canonical(first, data_type)?;
                let null = super::typed_null(&arrow)?;
                let arm = (Box::new(equal.plan), Box::new(null));
                Plan::Case(Case::new(None, vec![arm], Some(Box::new(value.plan))))
            }
            Function::Concat => string::expr_fn::concat(self.all(args, Type::Text)?),
            Function::Lower => string::expr_fn::lower(self.canonical(first, Type::Text)?.plan),
            Function::Upper => string::expr_fn::upper(self.canonical(first, Type::Text)?.plan),
            Function::Trim => string::expr_fn::trim(vec![self.canonical(first, Type::Text)?.plan]),
            Function::Length => {
                let length =
                    unicode::expr_fn::character_length(self.canonical(first, Type::Text)?.plan);
                cast(length, DataType::Int64)
            }
            Function::Contains | Function::StartsWith | Function::EndsWith => {
                let second = args.get(1).ok_or_else(missing)?;
                let text = self.canonical(first, Type::Text)?.plan;
                let part = self.canonical(second, Type::Text)?.plan;
                match function {
                    Function::Contains => string::expr_fn::contains(text, part),
                    Function::StartsWith => string::expr_fn::starts_with(text, part),
                    _ => string::expr_fn::ends_with(text, part),
                }
            }
            Function::Substring => {
                let text = self.canonical(first, Type::Text)?.plan;
                let from = args.get(1).ok_or_else(missing)?;
                let constant = |number: &Expr, least: i64| matches!(number.kind, ExprKind::Literal(Literal::Integer(n)) if n >= least);
                self.fallible |= !constant(from, i64::from(i32::MIN));
                let from = self.canonical(from, Type::Integer)?.plan;
                match args.get(2) {
                    None => unicode::expr_fn::substr(text, from),
                    Some(length) => {
                        self.fallible |= !constant(length, 0);
                        let length = self.canonical(length, Type::Integer)?.plan;
                        unicode::expr_fn::substring(text, from, length)
                    }
                }
            }
        };
        // Text functions answer in the text type they were given; a comparison must know which.
        let plan = if arrow == DataType::Utf8 { cast(plan, DataType::Utf8) } else { plan };
        Ok(Lowered::new(plan, arrow))
    }

    fn all(&mut self, args: &[Expr], data_type: Type) -> Result<Vec<Plan>, QueryError> {
        args.iter().map(|arg| self.canonical(arg, data_type).map(|lowered| lowered.plan)).collect()
    }

    /// Values to be put in order.
    fn ordered(&mut self, args: &[Expr], data_type: Type) -> Result<Vec<Plan>, QueryError> {
        let value = |arg| self.canonical(arg, data_type).map(|lowered| one_number(lowered).plan);
        args.iter().map(value).collect()
    }

    /// A date or instant as it is stored: buckets and parts read every temporal type.
    fn temporal(&mut self, expr: &Expr) -> Result<Plan, QueryError> {
        let lowered = match expr.kind {
            ExprKind::Literal(_) => self.canonical(expr, expr.data_type)?,
            _ => self.expr(expr)?,
        };
        match lowered.arrow {
            DataType::Dictionary(..) => Ok(self.convert(lowered, expr.data_type)?.plan),
            _ => Ok(lowered.plan),
        }
    }

    fn abs(&mut self, value: &Expr, data_type: Type) -> Result<Plan, QueryError> {
        let lowered = self.canonical(value, data_type)?;
        Ok(match data_type {
            Type::Integer => {
                self.fallible = true;
                let negative = binary(lowered.plan.clone(), Operator::Lt, lit(0_i64));
                let negated = checked(CheckedOp::Negate, vec![lowered.plan.clone()]);
                let arm = (Box::new(negative), Box::new(negated));
                Plan::Case(Case::new(None, vec![arm], Some(Box::new(lowered.plan))))
            }
            _ => math::expr_fn::abs(lowered.plan),
        })
    }
}
