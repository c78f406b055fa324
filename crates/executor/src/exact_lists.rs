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
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
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
            found |= !at_risk(expr, root)?.is_empty();
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

/// A test whether a value equals one of some constants.
struct Test<'e> {
    value: &'e Expr,
    /// Whether it is that none of them is equal.
    negated: bool,
}

impl<'e> Test<'e> {
    fn of(expr: &'e Expr) -> Option<Self> {
        match expr {
            Expr::InList(list) => Some(Self { value: bare(&list.expr), negated: list.negated }),
            Expr::BinaryExpr(binary) => {
                let negated = match binary.op {
                    Operator::Eq => false,
                    Operator::NotEq => true,
                    _ => return None,
                };
                match (bare(&binary.left), bare(&binary.right)) {
                    (Expr::Literal(..), Expr::Literal(..)) => None,
                    // `flag = true` is `flag`, and no list.
                    (_, Expr::Literal(ScalarValue::Boolean(_), _))
                    | (Expr::Literal(ScalarValue::Boolean(_), _), _) => None,
                    (value, Expr::Literal(..)) | (Expr::Literal(..), value) => {
                        Some(Self { value, negated })
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// Conversions are moved to the constants later on: values are compared without them.
fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast(cast) => bare(&cast.expr),
        Expr::TryCast(cast) => bare(&cast.expr),
        other => other,
    }
}

/// What an expression consists of, as far as lists could be put together in it.
#[derive(Default)]
struct Shape<'e> {
    tests: Vec<Test<'e>>,
    ands: bool,
    ors: bool,
    /// NOT, or something else that tells false from unknown or turns one into the other.
    turns: bool,
}

/// The values whose tests must not be put together: those that are tested more than once, unless
/// all tests ask whether one holds, or all whether none does. Conjuncts of a condition are apart:
/// what is false of them and what is unknown leave the same rows.
fn at_risk(expr: &Expr, root: Root) -> Result<Vec<&Expr>> {
    let mut found = Vec::new();
    let mut conjuncts = vec![expr];
    while let Some(next) = conjuncts.pop() {
        if let Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) = next
            && root == Root::Condition
        {
            conjuncts.extend([left.as_ref(), right.as_ref()]);
            continue;
        }
        let mut shape = Shape::default();
        next.apply(|node| {
            match node {
                Expr::BinaryExpr(binary) if binary.op == Operator::And => shape.ands = true,
                Expr::BinaryExpr(binary) if binary.op == Operator::Or => shape.ors = true,
                Expr::InList(_) => {}
                Expr::BinaryExpr(binary)
                    if matches!(binary.op, Operator::Eq | Operator::NotEq)
                        && !is_condition(&binary.left)
                        && !is_condition(&binary.right) => {}
                Expr::Column(_) | Expr::Literal(..) | Expr::Cast(_) | Expr::TryCast(_) => {}
                Expr::Alias(_) => {}
                _ => shape.turns = true,
            }
            shape.tests.extend(Test::of(node));
            Ok(TreeNodeRecursion::Continue)
        })?;
        let one_holds = !shape.turns && !shape.ands && shape.tests.iter().all(|t| !t.negated);
        let none_holds = !shape.turns && !shape.ors && shape.tests.iter().all(|t| t.negated);
        if one_holds || none_holds {
            continue;
        }
        for (index, test) in shape.tests.iter().enumerate() {
            let again = shape.tests.iter().skip(index + 1).any(|other| other.value == test.value);
            if again && !found.contains(&test.value) {
                found.push(test.value);
            }
        }
    }
    Ok(found)
}

/// Whether an operand may itself be a condition with lists in it.
fn is_condition(expr: &Expr) -> bool {
    !matches!(bare(expr), Expr::Column(_) | Expr::Literal(..))
}

/// The expression with the tests at risk hidden. Each conjunct of a condition is looked at alone.
fn hidden(expr: Expr, root: Root) -> Result<Expr> {
    let parts = match root {
        Root::Condition => split_conjunction_owned(expr),
        Root::Value => vec![expr],
    };
    let parts = parts.into_iter().map(|part| {
        let values: Vec<Expr> = at_risk(&part, root)?.into_iter().cloned().collect();
        if values.is_empty() {
            return Ok(part);
        }
        let hide = |node: Expr| {
            let of_risk = Test::of(&node).is_some_and(|test| values.contains(test.value));
            Ok(if of_risk { Transformed::yes(hidden_test(node)) } else { Transformed::no(node) })
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
