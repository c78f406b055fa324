//! Lists of values that conditions are true of, kept as they are where DataFusion would get their
//! missing values wrong.
//!
//! DataFusion puts two lists of one value together: `b in (1, 2) and b in (3, 4)` becomes false and
//! `b not in (1, 2) or b not in (3, 4)` true, also where `b` is missing and nothing is known
//! (apache/datafusion#24246). Below a NOT, or where the condition is a value, rows would be counted
//! that are not to be: those that a policy hides among them. What could be put together so is hidden
//! from the simplifier for as long as it runs.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray};
use datafusion::arrow::compute::kernels::cmp::eq;
use datafusion::arrow::compute::or_kleene;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, LogicalPlan, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::simplify_expressions::{ExprSimplifier, SimplifyExpressions};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

/// The optimiser's rules, of which the one that simplifies leaves lists exact.
pub(crate) fn optimizer_rules(state: &SessionState) -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let exact =
        |rule: &Arc<dyn OptimizerRule + Send + Sync>| -> Arc<dyn OptimizerRule + Send + Sync> {
            if rule.name() == SimplifyExpressions::default().name() {
                Arc::new(ExactLists(Arc::clone(rule)))
            } else {
                Arc::clone(rule)
            }
        };
    state.optimizers().iter().map(exact).collect()
}

/// Simplifies a condition as the optimiser does.
pub(crate) fn simplify(simplifier: &ExprSimplifier, condition: Expr) -> Result<Expr> {
    shown(simplifier.simplify(hidden(condition, Root::Condition)?)?)
}

/// What an expression is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Root {
    /// It decides which rows there are: false and unknown are the same.
    Condition,
    /// It is a value.
    Value,
}

/// Simplifies, lists aside that must stay as they are.
#[derive(Debug)]
struct ExactLists(Arc<dyn OptimizerRule + Send + Sync>);

impl OptimizerRule for ExactLists {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let root = match &plan {
            LogicalPlan::Filter(_) | LogicalPlan::Join(_) | LogicalPlan::TableScan(_) => {
                Root::Condition
            }
            _ => Root::Value,
        };
        let mut found = false;
        plan.apply_expressions(|expr| {
            for part in split(expr, root) {
                found |= is_at_risk(part)?;
            }
            Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })?;
        if !found {
            return self.0.rewrite(plan, config);
        }
        let names = NamePreserver::new(&plan);
        let keep = |expr: Expr, change: &dyn Fn(Expr) -> Result<Expr>| {
            let name = names.save(&expr);
            Ok(Transformed::yes(name.restore(change(expr)?)))
        };
        let hide = |expr: Expr| hidden(expr, root);
        let plan = plan.map_expressions(|expr| keep(expr, &hide))?.data;
        let plan = self.0.rewrite(plan, config)?;
        plan.map_data(|plan| Ok(plan.map_expressions(|expr| keep(expr, &shown))?.data))
    }
}

/// Whether an expression tests if a value equals others, and if so whether it wants none of them to.
/// Any operand counts: which of them are constants is found out while they are simplified.
fn negated_test(expr: &Expr) -> Option<bool> {
    match expr {
        Expr::InList(list) => Some(list.negated),
        Expr::BinaryExpr(binary) => {
            let negated = match binary.op {
                Operator::Eq => false,
                Operator::NotEq => true,
                _ => return None,
            };
            // `flag = true` is `flag`, and no list.
            let is_flag = |side: &Expr| matches!(side, Expr::Literal(ScalarValue::Boolean(_), _));
            (!is_flag(&binary.left) && !is_flag(&binary.right)).then_some(negated)
        }
        _ => None,
    }
}

/// Whether lists in a condition or value could be put together wrongly: there is more than one test,
/// and it is neither that all ask whether one holds, nor that all ask whether none does.
fn is_at_risk(expr: &Expr) -> Result<bool> {
    let (mut tests, mut negated) = (0, 0);
    let (mut ands, mut ors) = (false, false);
    // NOT, or something else that tells false from unknown or turns one into the other.
    let mut turns = false;
    expr.apply(|node| {
        if let Some(none) = negated_test(node) {
            tests += 1;
            negated += usize::from(none);
        }
        match node {
            Expr::BinaryExpr(binary) => match binary.op {
                Operator::And => ands = true,
                Operator::Or => ors = true,
                Operator::Eq | Operator::NotEq => {
                    turns |= !is_plain(&binary.left) || !is_plain(&binary.right);
                }
                _ => turns = true,
            },
            Expr::InList(list) => {
                turns |= !is_plain(&list.expr) || !list.list.iter().all(is_plain);
            }
            plain => turns |= !is_plain(plain) && !matches!(plain, Expr::Alias(_)),
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    let one_holds = !turns && !ands && negated == 0;
    let none_holds = !turns && !ors && negated == tests;
    Ok(tests > 1 && !one_holds && !none_holds)
}

/// The parts of an expression that are simplified apart. Of the conjuncts of a condition those that
/// are false and those that are unknown leave the same rows.
fn split(expr: &Expr, root: Root) -> Vec<&Expr> {
    match root {
        Root::Condition => split_conjunction(expr),
        Root::Value => vec![expr],
    }
}

/// Whether an operand is a column or a constant, converted or not, and no calculation.
fn is_plain(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) | Expr::Literal(..) => true,
        Expr::Cast(cast) => is_plain(&cast.expr),
        Expr::TryCast(cast) => is_plain(&cast.expr),
        _ => false,
    }
}

/// The expression with the tests of those parts hidden that are at risk.
fn hidden(expr: Expr, root: Root) -> Result<Expr> {
    let parts = split(&expr, root).into_iter().cloned().map(|part| {
        if !is_at_risk(&part)? {
            return Ok(part);
        }
        let hide = |node: Expr| {
            let is_test = negated_test(&node).is_some();
            Ok(if is_test { Transformed::yes(hidden_test(node)) } else { Transformed::no(node) })
        };
        Ok(part.transform_up(hide)?.data)
    });
    let parts = parts.collect::<Result<Vec<_>>>()?;
    conjunction(parts).ok_or_else(|| DataFusionError::Internal("an empty condition".to_owned()))
}

fn hidden_test(test: Expr) -> Expr {
    let (mut args, negated) = match test {
        Expr::InList(InList { expr, list, negated }) => {
            (std::iter::once(*expr).chain(list).collect::<Vec<_>>(), negated)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            (vec![*left, *right], op == Operator::NotEq)
        }
        other => return other,
    };
    if let [first, second] = args.as_mut_slice()
        && matches!(first, Expr::Literal(..))
    {
        std::mem::swap(first, second);
    }
    let udf = Arc::new(ScalarUDF::from(Among::default()));
    let among = Expr::ScalarFunction(ScalarFunction::new_udf(udf, args));
    if negated { Expr::Not(Box::new(among)) } else { among }
}

/// The expression with hidden tests as they were.
fn shown(expr: Expr) -> Result<Expr> {
    let unhide = |node: Expr| {
        let (inner, negated) = match node {
            Expr::Not(inner) if is_hidden(&inner) => (*inner, true),
            other if is_hidden(&other) => (other, false),
            other => return Ok(Transformed::no(other)),
        };
        let Expr::ScalarFunction(function) = inner else { return Ok(Transformed::no(inner)) };
        let mut args = function.args.into_iter();
        let Some(value) = args.next() else {
            return Err(DataFusionError::Internal("a test of nothing".to_owned()));
        };
        let mut list: Vec<Expr> = args.collect();
        Ok(Transformed::yes(match (list.pop(), list.is_empty()) {
            (Some(only), true) => {
                let op = if negated { Operator::NotEq } else { Operator::Eq };
                Expr::BinaryExpr(BinaryExpr::new(Box::new(value), op, Box::new(only)))
            }
            (last, _) => {
                list.extend(last);
                Expr::InList(InList::new(Box::new(value), list, negated))
            }
        }))
    };
    Ok(expr.transform_down(unhide)?.data)
}

fn is_hidden(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(function) if function.func.inner().is::<Among>())
}

/// Whether the first argument equals one of the others. It stands in a plan only while that is
/// simplified.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Among(Signature);

impl Default for Among {
    fn default() -> Self {
        Self(Signature::variadic_any(Volatility::Immutable))
    }
}

impl ScalarUDFImpl for Among {
    fn name(&self) -> &str {
        "among"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays: Vec<ArrayRef> = ColumnarValue::values_to_arrays(&args.args)?;
        let mut arrays = arrays.into_iter();
        let Some(value) = arrays.next() else {
            return Ok(ColumnarValue::Scalar(ScalarValue::Boolean(Some(false))));
        };
        let mut any = BooleanArray::from(vec![false; value.len()]);
        for other in arrays {
            any = or_kleene(&any, &eq(&value, &other)?)?;
        }
        Ok(ColumnarValue::Array(Arc::new(any)))
    }
}
