//! Conditions that calculate, evaluated row by row.
//!
//! DataFusion leaves out the second side of AND and OR where the first one decides, by batches: of
//! one batch it calculates for every row, of another for some or none. Which rows share a batch
//! depends on the rows between them, also on those that a policy hides; so whether a calculation
//! fails would tell of these. Here it depends on the row alone: what can fail is calculated for the
//! rows that all conditions beside it leave open which cannot fail, and for no others.

use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::compute::{and_kleene, or_kleene};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Case, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, disjunction, merge_schema, split_binary_owned};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility, lit,
};
use sandbar_query_planner::Meaning;

/// The same plan, of which no condition that calculates goes by batches. It comes after the
/// optimiser, which would put it back.
/// The policies of a `narrowed` one, which cannot fail, stay as they are: what else stands there
/// cannot fail either, or a barrier would stand between.
pub(crate) fn row_by_row(plan: LogicalPlan, narrowed: bool) -> Result<LogicalPlan> {
    let changed = plan.transform_up(|node| {
        if is_scan(&node) && (narrowed || matches!(node, LogicalPlan::TableScan(_))) {
            return Ok(Transformed::no(node));
        }
        let schema = merge_schema(&node.inputs());
        let names = NamePreserver::new(&node);
        let decides = matches!(node, LogicalPlan::Filter(_));
        node.map_expressions(|expr| {
            if !goes_by_batches(&expr, &schema)? {
                return Ok(Transformed::no(expr));
            }
            let name = names.save(&expr);
            let steady = if decides { condition(expr, &schema)? } else { value(expr, &schema)? };
            Ok(Transformed::yes(name.restore(steady)))
        })
    })?;
    Ok(changed.data)
}

/// Whether it is a scan, and what stands right above one.
fn is_scan(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::TableScan(_) => true,
        LogicalPlan::Filter(filter) => is_scan(&filter.input),
        LogicalPlan::Projection(projection) => is_scan(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => is_scan(&alias.input),
        _ => false,
    }
}

/// AND or OR, of which a part can fail.
fn goes_by_batches(expr: &Expr, schema: &DFSchema) -> Result<bool> {
    let mut found = false;
    expr.apply(|node| {
        found = logic(node).is_some() && can_fail(node, schema)?;
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

fn logic(expr: &Expr) -> Option<Operator> {
    match expr {
        Expr::BinaryExpr(binary) if matches!(binary.op, Operator::And | Operator::Or) => {
            Some(binary.op)
        }
        _ => None,
    }
}

/// A condition that decides which rows there are: false and unknown are the same. What cannot fail
/// stays as it is, for whoever looks for it there.
fn condition(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let (total, failing) = parts(expr, Operator::And, schema)?;
    let Some(failing) = together(Operator::And, failing) else { return all(total) };
    if total.is_empty() {
        return Ok(failing);
    }
    let total = all(total)?;
    let guarded = case(total.clone(), failing, false);
    Ok(total.and(guarded))
}

/// A value with AND and OR somewhere in it.
fn value(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let steady = |node: Expr| {
        let Some(op) = logic(&node) else { return Ok(Transformed::no(node)) };
        if !can_fail(&node, schema)? {
            return Ok(Transformed::new(node, false, TreeNodeRecursion::Jump));
        }
        let (total, failing) = parts(node, op, schema)?;
        let failing = together(op, failing);
        let steady = match (op, total.is_empty(), failing) {
            (_, true, Some(failing)) => failing,
            (Operator::And, false, Some(failing)) => {
                let total = all(total)?;
                // Where the first side is true or unknown the second one decides in each row.
                case(total.clone().is_not_false(), total.and(failing), false)
            }
            (_, false, Some(failing)) => {
                let total = any(total)?;
                case(total.clone().is_not_true(), total.or(failing), true)
            }
            (Operator::And, _, None) => all(total)?,
            (_, _, None) => any(total)?,
        };
        Ok(Transformed::new(steady, true, TreeNodeRecursion::Jump))
    };
    Ok(expr.transform_down(steady)?.data)
}

/// The parts of a chain: those that cannot fail, and the others, each steady in itself.
fn parts(expr: Expr, op: Operator, schema: &DFSchema) -> Result<(Vec<Expr>, Vec<Expr>)> {
    let (mut total, mut failing) = (Vec::new(), Vec::new());
    for part in split_binary_owned(expr, op) {
        if can_fail(&part, schema)? {
            failing.push(value(part, schema)?);
        } else {
            total.push(part);
        }
    }
    Ok((total, failing))
}

fn all(parts: Vec<Expr>) -> Result<Expr> {
    conjunction(parts).map_or_else(|| plan_err!("an empty condition"), Ok)
}

fn any(parts: Vec<Expr>) -> Result<Expr> {
    disjunction(parts).map_or_else(|| plan_err!("an empty condition"), Ok)
}

fn case(when: Expr, then: Expr, otherwise: bool) -> Expr {
    let arm = (Box::new(when), Box::new(then));
    Expr::Case(Case::new(None, vec![arm], Some(Box::new(lit(otherwise)))))
}

/// What can fail, each part of it calculated for every row.
fn together(op: Operator, mut parts: Vec<Expr>) -> Option<Expr> {
    if parts.len() < 2 {
        return parts.pop();
    }
    let function = Together { op, signature: Signature::variadic_any(Volatility::Immutable) };
    let function = Arc::new(ScalarUDF::from(function));
    Some(Expr::ScalarFunction(ScalarFunction::new_udf(function, parts)))
}

/// Whether something in an expression can fail on some data, as far as is known.
fn can_fail(expr: &Expr, schema: &DFSchema) -> Result<bool> {
    let mut found = false;
    expr.apply(|node| {
        found = fails(node, schema)?;
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// The same, whatever it is made of.
fn fails(expr: &Expr, schema: &DFSchema) -> Result<bool> {
    Ok(match expr {
        Expr::Column(_)
        | Expr::Literal(..)
        | Expr::Alias(_)
        | Expr::Not(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_)
        | Expr::Like(_)
        | Expr::Between(_)
        | Expr::InList(_)
        | Expr::Case(_)
        | Expr::TryCast(_) => false,
        Expr::BinaryExpr(binary) => {
            let tells = matches!(
                binary.op,
                Operator::And
                    | Operator::Or
                    | Operator::Eq
                    | Operator::NotEq
                    | Operator::Lt
                    | Operator::LtEq
                    | Operator::Gt
                    | Operator::GtEq
                    | Operator::IsDistinctFrom
                    | Operator::IsNotDistinctFrom
                    | Operator::StringConcat
            );
            !tells && !expr.get_type(schema)?.is_floating()
        }
        Expr::Negative(_) => !expr.get_type(schema)?.is_floating(),
        Expr::Cast(cast) => !holds(cast.field.data_type(), &cast.expr.get_type(schema)?),
        Expr::ScalarFunction(function) => !is_total(function, expr, schema)?,
        // Aggregations and windows are looked into from without.
        _ => true,
    })
}

/// Whether every value of a type is one of another, too.
fn holds(to: &DataType, from: &DataType) -> bool {
    let from = match from {
        DataType::Dictionary(_, value) => value,
        other => other,
    };
    if from == to || *from == DataType::Null {
        return true;
    }
    match to {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => !from.is_temporal(),
        DataType::Float64 => from.is_numeric(),
        DataType::Int64 => from.is_integer() && *from != DataType::UInt64,
        DataType::Int32 => {
            matches!(from, DataType::Int8 | DataType::Int16 | DataType::UInt8 | DataType::UInt16)
        }
        DataType::Timestamp(unit, _) => {
            matches!(from, DataType::Timestamp(known, _) if known == unit)
        }
        DataType::Decimal128(precision, scale) => match from {
            DataType::Decimal32(p, s)
            | DataType::Decimal64(p, s)
            | DataType::Decimal128(p, s)
            | DataType::Decimal256(p, s) => {
                s <= scale
                    && i16::from(*p) - i16::from(*s) <= i16::from(*precision) - i16::from(*scale)
            }
            _ => from.is_integer() && i16::from(*precision) - i16::from(*scale) >= 20,
        },
        _ => false,
    }
}

fn is_total(function: &ScalarFunction, expr: &Expr, schema: &DFSchema) -> Result<bool> {
    const TOTAL: [&str; 15] = [
        "btrim",
        "ceil",
        "character_length",
        "coalesce",
        "concat",
        "contains",
        "ends_with",
        "floor",
        "greatest",
        "least",
        "lower",
        "nullif",
        "starts_with",
        "trim",
        "upper",
    ];
    Ok(match Meaning::of(&function.func) {
        Some(
            Meaning::Bucket(..)
            | Meaning::Part(..)
            | Meaning::Rounded
            | Meaning::Kept
            | Meaning::Double
            | Meaning::Later(..)
            | Meaning::Midnight
            | Meaning::Day
            | Meaning::Instant
            | Meaning::Alike(_)
            | Meaning::MaskHash,
        ) => true,
        Some(_) => false,
        None if function.func.name() == "abs" => expr.get_type(schema)?.is_floating(),
        None => TOTAL.contains(&function.func.name()),
    })
}

/// AND or OR of all arguments, each of which is calculated for every row.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Together {
    op: Operator,
    signature: Signature,
}

impl ScalarUDFImpl for Together {
    fn name(&self) -> &str {
        if self.op == Operator::And { "all_of" } else { "any_of" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let fold = if self.op == Operator::And { and_kleene } else { or_kleene };
        let mut found = None;
        for argument in &args.args {
            let array = argument.to_array(args.number_rows)?;
            let part = array.as_boolean().clone();
            found = Some(match found {
                Some(known) => fold(&known, &part)?,
                None => part,
            });
        }
        match found {
            Some(found) => Ok(ColumnarValue::Array(Arc::new(found))),
            None => plan_err!("an empty condition"),
        }
    }
}
