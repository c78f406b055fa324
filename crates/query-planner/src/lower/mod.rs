//! Typed expressions become DataFusion expressions.
//!
//! Every lowered expression knows its Arrow type, so that a constant is placed in the type of the
//! column it is compared with (rounded exactly) and nothing is left to guessing. Whether an
//! expression can fail on some data is found out here, from the types that are really stored.

mod aggregate;
mod compare;
mod functions;
mod plain;
mod smallest;
mod zones;

pub(crate) use functions::first_known;
pub use plain::told_apart;
pub(crate) use plain::{one_number, plain, plain_type};
pub(crate) use smallest::{Smallest, only_where};

use compare::{NanSide, beside_nan};

use datafusion_common::arrow::datatypes::{DataType, TimeUnit};
use datafusion_common::{Column, ScalarValue, TableReference};
use datafusion_expr::expr::{Case, InList};
use datafusion_expr::{BinaryExpr, Expr as Plan, Operator, lit};
use sandbar_catalog::expr::{Arithmetic, Comparison, Expr, ExprKind};
use sandbar_catalog::time::Grain;
use sandbar_catalog::{FieldKind, FieldPath, Literal, RelationshipId, TableId, Type, on_any_stack};

use crate::compiled::Compiled;
use crate::error::QueryError;
use crate::functions::{
    CheckedOp, Clock, alike, bucket, checked, kept, micros, midnight, within_digits,
};
use crate::query::Predicate;
use crate::scan::{column_of, key_of, lifted_of, shown_of};

/// A lowered expression with the type of its values.
#[derive(Clone, Debug)]
pub(crate) struct Lowered {
    pub(crate) plan: Plan,
    pub(crate) arrow: DataType,
}

impl Lowered {
    fn new(plan: Plan, arrow: DataType) -> Self {
        Self { plan, arrow }
    }

    pub(crate) fn boolean(plan: Plan) -> Self {
        Self::new(plan, DataType::Boolean)
    }
}

/// Where the columns of the fields stand.
#[derive(Clone, Copy)]
pub(crate) enum Columns<'a> {
    /// In the joined tables, each under its alias.
    Joined(TableId),
    /// In the scan of one table, under the source's own column names: for policies.
    Raw(&'a TableReference),
    /// Nowhere: what is lowered is computed from its inputs alone.
    Nothing,
}

/// Lowers expressions of one place of a plan.
pub(crate) struct Lower<'a> {
    compiled: &'a Compiled,
    columns: Columns<'a>,
    clock: &'a Clock,
    /// That of the question, in which its tables are joined.
    asked: &'a Clock,
    /// The way that a question leads along before anything is calculated in the model's zone.
    asked_way: Vec<RelationshipId>,
    /// The aggregations found, each once; the expression refers to them by position.
    pub(crate) aggregates: Vec<Plan>,
    /// The position that the first of them has in its plan.
    pub(crate) first_aggregate: usize,
    /// What the inputs of expressions are.
    pub(crate) inputs: Vec<Lowered>,
    /// A condition that every aggregation is narrowed by.
    narrowed: Option<Plan>,
    /// The tables of which few rows tell nothing.
    pub(crate) smallest: Vec<Smallest>,
    /// Under which conditions what was aggregated may be told.
    conditions: Vec<Plan>,
    /// Fields are read with the rights of an author: clear.
    lifts: bool,
    /// The way to the row of which a field is being calculated.
    of_row: Option<Vec<RelationshipId>>,
    /// The calculated fields that are shown in some rows and not in others.
    pub(crate) shown: Vec<FieldPath>,
    /// Whether something met on the way can fail on some data.
    pub(crate) fallible: bool,
}

/// The name of an aggregation's column between the aggregation and the final projection.
pub(crate) fn aggregate_name(index: usize) -> String {
    format!("#a{index}")
}

fn binary(left: Plan, op: Operator, right: Plan) -> Plan {
    Plan::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

/// Joins many conditions into a shallow tree.
pub(crate) fn balanced(mut parts: Vec<Plan>, op: Operator) -> Option<Plan> {
    match parts.len() {
        0 => None,
        1 => parts.pop(),
        n => {
            let rest = parts.split_off(n / 2);
            Some(binary(balanced(parts, op)?, op, balanced(rest, op)?))
        }
    }
}

impl<'a> Lower<'a> {
    pub(crate) fn new(compiled: &'a Compiled, columns: Columns<'a>, clock: &'a Clock) -> Self {
        Self {
            compiled,
            columns,
            clock,
            asked: clock,
            asked_way: Vec::new(),
            aggregates: Vec::new(),
            first_aggregate: 0,
            inputs: Vec::new(),
            narrowed: None,
            smallest: Vec::new(),
            conditions: Vec::new(),
            lifts: false,
            of_row: None,
            shown: Vec::new(),
            fallible: false,
        }
    }

    /// Lowers in another zone; what is found on the way is kept.
    fn within<T>(
        &mut self,
        clock: &'a Clock,
        with: impl FnOnce(&mut Self) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        let outer = std::mem::replace(&mut self.clock, clock);
        let result = with(self);
        self.clock = outer;
        result
    }

    /// Lowers, and tells whether something of that alone can fail on some data.
    pub(crate) fn by_itself<T>(&mut self, lower: impl FnOnce(&mut Self) -> T) -> (T, bool) {
        let before = std::mem::take(&mut self.fallible);
        let lowered = lower(self);
        let fallible = self.fallible;
        self.fallible |= before;
        (lowered, fallible)
    }

    /// An expression that the model's author wrote.
    pub(crate) fn modelled(&mut self, expr: &Expr) -> Result<Lowered, QueryError> {
        self.within(self.compiled.clock(), |lower| lower.expr(expr))
    }

    pub(crate) fn predicate(&mut self, predicate: &Predicate) -> Result<Plan, QueryError> {
        match predicate {
            Predicate::And(parts) | Predicate::Or(parts) => {
                let op = match predicate {
                    Predicate::And(_) => Operator::And,
                    _ => Operator::Or,
                };
                let parts = parts.iter().map(|p| self.predicate(p)).collect::<Result<_, _>>()?;
                balanced(parts, op).ok_or_else(|| QueryError::internal("an empty condition"))
            }
            Predicate::Not(inner) => Ok(Plan::Not(Box::new(self.predicate(inner)?))),
            Predicate::Asked(expr) => Ok(self.expr(expr)?.plan),
            Predicate::Modelled(expr) => Ok(self.modelled(expr)?.plan),
            Predicate::Exists(member) => Ok(self.input(*member)?.plan),
        }
    }

    fn input(&self, index: usize) -> Result<Lowered, QueryError> {
        let found = self.inputs.get(index).cloned();
        found.ok_or_else(|| QueryError::internal("an input that nothing gives"))
    }

    /// A field: the stored column as it is, or the calculation in the model's zone.
    pub(crate) fn field(&mut self, path: &FieldPath) -> Result<Lowered, QueryError> {
        let compiled = self.compiled;
        let field = compiled.snapshot().field(path.field);
        match &field.kind {
            FieldKind::Calculated(expr) => {
                let expr = expr.behind(&path.via);
                // A calculation that lives in another zone than the question keeps its own.
                let outer = self.of_row.replace(path.via.clone());
                let lowered = self.along(&path.via, |lower| lower.modelled(&expr));
                self.of_row = outer;
                Ok(self.where_shown(path, self.of_partner(path, lowered?)?))
            }
            FieldKind::Stored { column, arrow } => {
                let plan = match self.columns {
                    Columns::Joined(base) => {
                        self.in_one_zone(path)?;
                        let of = if self.lifts { lifted_of } else { column_of };
                        Plan::Column(of(&compiled.alias(base, &path.via), &field.name))
                    }
                    Columns::Raw(scan) => {
                        let column = Column::new(Some(scan.clone()), column.clone());
                        plain(Plan::Column(column), arrow)
                    }
                    Columns::Nothing => {
                        return Err(QueryError::internal("a field where there are only numbers"));
                    }
                };
                Ok(Lowered::new(plan, plain_type(arrow)))
            }
        }
    }

    /// A calculated field is missing in rows where no grant shows it; one that is computed from it
    /// in the same row is shown by the same grants, and says so itself.
    fn where_shown(&self, path: &FieldPath, value: Lowered) -> Lowered {
        let Columns::Joined(base) = self.columns else { return value };
        let decided = self.of_row.as_ref() == Some(&path.via);
        if decided || self.lifts || !self.shown.contains(path) {
            return value;
        }
        let alias = self.compiled.alias(base, &path.via);
        let shown = shown_of(&alias, &self.compiled.snapshot().field(path.field).name);
        let arm = (Box::new(Plan::Column(shown)), Box::new(value.plan));
        Lowered::new(Plan::Case(Case::new(None, vec![arm], None)), value.arrow)
    }

    /// A value calculated from a related row: where there is no such row there is no value,
    /// whatever the calculation makes of missing inputs.
    fn of_partner(&self, path: &FieldPath, value: Lowered) -> Result<Lowered, QueryError> {
        let (Some(last), Columns::Joined(base)) = (path.via.last(), self.columns) else {
            return Ok(value);
        };
        let snapshot = self.compiled.snapshot();
        let relationship = snapshot.relationship(*last);
        let Some((_, key)) = relationship.on.first() else {
            return Err(QueryError::internal("a relationship without a key"));
        };
        let alias = self.compiled.alias(base, &path.via);
        let key = key_of(&alias, &snapshot.field(*key).name);
        let exists = Plan::IsNotNull(Box::new(Plan::Column(key)));
        let arm = (Box::new(exists), Box::new(value.plan));
        Ok(Lowered::new(Plan::Case(Case::new(None, vec![arm], None)), value.arrow))
    }

    pub(crate) fn expr(&mut self, expr: &Expr) -> Result<Lowered, QueryError> {
        on_any_stack(|| self.node(expr))
    }

    fn node(&mut self, expr: &Expr) -> Result<Lowered, QueryError> {
        match &expr.kind {
            ExprKind::Literal(literal) => literal_value(literal, expr.data_type),
            ExprKind::Field(path) => self.field(path),
            ExprKind::Input(index) => self.input(*index),
            ExprKind::Attribute(_) => Err(QueryError::internal("an unbound attribute")),
            ExprKind::Not(a) => Ok(Lowered::boolean(Plan::Not(Box::new(self.expr(a)?.plan)))),
            ExprKind::And(..) => self.logic(expr, Operator::And),
            ExprKind::Or(..) => self.logic(expr, Operator::Or),
            ExprKind::Compare(op, a, b) => self.comparison(*op, a, b),
            ExprKind::InList(a, list) => self.in_list(a, list),
            ExprKind::InRows(..) => Err(QueryError::internal("a set of rows outside of a policy")),
            ExprKind::Between(x, low, high) => {
                let low = self.comparison(Comparison::GtEq, x, low)?;
                let high = self.comparison(Comparison::LtEq, x, high)?;
                Ok(Lowered::boolean(binary(low.plan, Operator::And, high.plan)))
            }
            ExprKind::IsNull(a) => Ok(Lowered::boolean(Plan::IsNull(Box::new(self.expr(a)?.plan)))),
            ExprKind::Like(a, pattern) => {
                let value = self.canonical(a, Type::Text)?;
                Ok(Lowered::boolean(Plan::Like(datafusion_expr::Like::new(
                    false,
                    Box::new(value.plan),
                    Box::new(lit(pattern.text.as_str())),
                    None,
                    !pattern.case_sensitive,
                ))))
            }
            ExprKind::Arithmetic(op, a, b) => self.arithmetic(*op, a, b, expr.data_type),
            ExprKind::Negate(a) => {
                let value = self.canonical(a, expr.data_type)?;
                let plan = match expr.data_type {
                    Type::Integer => {
                        self.fallible = true;
                        checked(CheckedOp::Negate, vec![value.plan])
                    }
                    _ => Plan::Negative(Box::new(value.plan)),
                };
                Ok(Lowered::new(plan, value.arrow))
            }
            ExprKind::Case(arms, otherwise) => {
                let mut lowered = Vec::with_capacity(arms.len());
                for (when, then) in arms {
                    let when = self.expr(when)?.plan;
                    let then = self.canonical(then, expr.data_type)?.plan;
                    lowered.push((Box::new(when), Box::new(then)));
                }
                let otherwise = match otherwise {
                    Some(e) => Some(Box::new(self.canonical(e, expr.data_type)?.plan)),
                    None => None,
                };
                let arrow = arrow_of(expr.data_type)?;
                Ok(Lowered::new(Plan::Case(Case::new(None, lowered, otherwise)), arrow))
            }
            ExprKind::Call(function, args) => self.call(*function, args, expr.data_type),
            ExprKind::Cast { value, strict } => self.cast(value, expr.data_type, *strict),
            ExprKind::Aggregate(aggregate) => self.aggregate(aggregate, expr.data_type),
        }
    }

    /// A chain of the same connective, as a shallow tree.
    fn logic(&mut self, expr: &Expr, op: Operator) -> Result<Lowered, QueryError> {
        let mut parts = Vec::new();
        let mut open = vec![expr];
        while let Some(next) = open.pop() {
            match (&next.kind, op) {
                (ExprKind::And(a, b), Operator::And) | (ExprKind::Or(a, b), Operator::Or) => {
                    open.extend([b.as_ref(), a.as_ref()]);
                }
                _ => parts.push(self.expr(next)?.plan),
            }
        }
        let plan = balanced(parts, op).ok_or_else(|| QueryError::internal("empty logic"))?;
        Ok(Lowered::boolean(plan))
    }

    fn in_list(&mut self, value: &Expr, list: &[Expr]) -> Result<Lowered, QueryError> {
        let lowered = self.expr(value)?;
        let mut constants = Vec::new();
        let mut tests = Vec::new();
        for item in list {
            match &item.kind {
                // Whether a value equals one that is missing is unknown, and stays a test of its
                // own: DataFusion forgets it where it puts lists together.
                ExprKind::Literal(Literal::Null) => tests.push(typed_null(&DataType::Boolean)?),
                ExprKind::Literal(literal) => match self.constant(&lowered.arrow, literal) {
                    // Both zeros, which a list tells apart.
                    compare::Placed::Exact(scalar) if compare::zeros(&scalar).is_some() => {
                        tests.push(self.comparison(Comparison::Eq, value, item)?.plan);
                    }
                    compare::Placed::Exact(scalar) => {
                        constants.push(Plan::Literal(scalar, None));
                    }
                    // No value of the column's type equals it.
                    compare::Placed::Between(_)
                    | compare::Placed::Below
                    | compare::Placed::Above => {}
                    compare::Placed::No => {
                        tests.push(self.comparison(Comparison::Eq, value, item)?.plan);
                    }
                },
                _ => tests.push(self.comparison(Comparison::Eq, value, item)?.plan),
            }
        }
        if !constants.is_empty() {
            let list = InList::new(Box::new(lowered.plan.clone()), constants, false);
            tests.push(beside_nan(Plan::InList(list), &lowered, NanSide::Out));
        }
        match balanced(tests, Operator::Or) {
            Some(plan) => Ok(Lowered::boolean(plan)),
            None => Ok(Lowered::boolean(compare::never(&lowered.plan))),
        }
    }

    fn arithmetic(
        &mut self,
        op: Arithmetic,
        a: &Expr,
        b: &Expr,
        data_type: Type,
    ) -> Result<Lowered, QueryError> {
        if op == Arithmetic::Divide {
            let (a, b) = (self.canonical(a, Type::Number)?, self.canonical(b, Type::Number)?);
            let quotient = binary(a.plan, Operator::Divide, not_zero(b.plan));
            return Ok(Lowered::new(quotient, DataType::Float64));
        }
        let (operator, exact) = match op {
            Arithmetic::Add => (Operator::Plus, CheckedOp::Add),
            Arithmetic::Subtract => (Operator::Minus, CheckedOp::Subtract),
            Arithmetic::Multiply | Arithmetic::Divide => (Operator::Multiply, CheckedOp::Multiply),
        };
        match data_type {
            Type::Number => {
                let (a, b) = (self.canonical(a, Type::Number)?, self.canonical(b, Type::Number)?);
                Ok(Lowered::new(binary(a.plan, operator, b.plan), DataType::Float64))
            }
            Type::Decimal { .. } => {
                self.fallible = true;
                let (zero, arrow) = (is_zero(a) || is_zero(b), arrow_of(data_type)?);
                let (a, b) = (self.decimal(a)?, self.decimal(b)?);
                // The author's type follows the same rule as DataFusion's; `plan` checks it.
                let plan = match binary(a.plan, operator, b.plan) {
                    // What is multiplied by nothing is simplified to that, with the digits that it
                    // has, and compared with what has those of the product.
                    plan if zero => cast(plan, arrow.clone()),
                    plan => plan,
                };
                let plan = match data_type {
                    Type::Decimal { precision: 38, .. } => within_digits(plan),
                    _ => plan,
                };
                Ok(Lowered::new(plan, arrow))
            }
            _ => {
                self.fallible = true;
                let (a, b) = (self.canonical(a, Type::Integer)?, self.canonical(b, Type::Integer)?);
                Ok(Lowered::new(checked(exact, vec![a.plan, b.plan]), DataType::Int64))
            }
        }
    }

    /// An operand of exact arithmetic: a whole number counts as `decimal(20,0)`.
    fn decimal(&mut self, expr: &Expr) -> Result<Lowered, QueryError> {
        match expr.data_type {
            Type::Decimal { .. } => self.canonical(expr, expr.data_type),
            _ => self.canonical(expr, Type::Decimal { precision: 20, scale: 0 }),
        }
    }

    fn cast(&mut self, value: &Expr, to: Type, strict: bool) -> Result<Lowered, QueryError> {
        let from = value.data_type;
        let target = arrow_of(to)?;
        let stored = self.expr(value)?;
        let lowered = match stored.arrow {
            // Not by way of 64 bits with a sign, which do not hold half of them.
            DataType::UInt64 => stored,
            _ if matches!(value.kind, ExprKind::Literal(_)) => self.canonical(value, from)?,
            _ => self.convert(stored, from)?,
        };
        match (from, to) {
            _ if lowered.arrow == target => return Ok(lowered),
            (Type::Date, Type::Datetime) if self.clock.zone_name().is_some() => {
                return Ok(Lowered::new(midnight(lowered.plan, self.clock), target));
            }
            (Type::Datetime, Type::Date) if self.clock.zone_name().is_some() => {
                return Ok(Lowered::new(bucket(lowered.plan, Grain::Day, self.clock), target));
            }
            _ => {}
        }
        let exact = match (from, to) {
            // Not every instant and day that can be stored is one of the calendar.
            (_, Type::Text) => !from.is_temporal(),
            (Type::Integer | Type::Decimal { .. }, Type::Number) => true,
            (Type::Integer, Type::Integer) => to.holds(&lowered.arrow),
            _ => false,
        };
        if strict && !exact {
            self.fallible = true;
        }
        let plan = match (strict, from.is_temporal()) {
            (true, _) => cast(lowered.plan, target.clone()),
            (false, false) => try_cast(lowered.plan, target.clone()),
            (false, true) => {
                try_cast(within_calendar(lowered.plan, &lowered.arrow)?, target.clone())
            }
        };
        let loses = match (from, to) {
            (Type::Decimal { .. }, Type::Integer) => true,
            (Type::Integer | Type::Decimal { .. }, Type::Decimal { .. }) => {
                !to.holds(&lowered.arrow)
            }
            _ => false,
        };
        Ok(Lowered::new(if loses { kept(plan) } else { plan }, target))
    }

    /// When something happens; a day is one of the model's zone.
    pub(crate) fn instant(&mut self, expr: &Expr) -> Result<Lowered, QueryError> {
        self.within(self.compiled.clock(), |lower| lower.canonical(expr, Type::Datetime))
    }

    /// The value in the one type that calculations of this model type use.
    pub(crate) fn canonical(&mut self, expr: &Expr, to: Type) -> Result<Lowered, QueryError> {
        if let ExprKind::Literal(literal) = &expr.kind
            && let compare::Placed::Exact(scalar) = self.constant(&arrow_of(to)?, literal)
        {
            return Ok(Lowered::new(Plan::Literal(scalar, None), arrow_of(to)?));
        }
        let lowered = self.expr(expr)?;
        self.convert(lowered, to)
    }

    /// A value by which rows are told apart: instants by their microseconds, in whatever they are
    /// stored.
    pub(crate) fn in_micros(&mut self, value: Lowered) -> Result<Lowered, QueryError> {
        match &value.arrow {
            DataType::Timestamp(TimeUnit::Nanosecond, _) => self.convert(value, Type::Datetime),
            _ => Ok(value),
        }
    }

    /// A value in the one type that calculations of a model type use.
    pub(crate) fn convert(&mut self, lowered: Lowered, to: Type) -> Result<Lowered, QueryError> {
        let target = arrow_of(to)?;
        let from = match &lowered.arrow {
            DataType::Dictionary(_, value) => value.as_ref(),
            other => other,
        };
        if lowered.arrow == target {
            return Ok(lowered);
        }
        let plan = match (from, &target) {
            (DataType::Null, _) => typed_null(&target)?,
            // DataFusion's text functions take every text type as it is.
            (DataType::LargeUtf8 | DataType::Utf8View, DataType::Utf8)
                if from == &lowered.arrow =>
            {
                return Ok(lowered);
            }
            // A day is one of the zone.
            (DataType::Date32, DataType::Timestamp(..)) if self.clock.zone_name().is_some() => {
                midnight(lowered.plan, self.clock)
            }
            (DataType::Timestamp(TimeUnit::Microsecond, Some(_)), DataType::Timestamp(..)) => {
                cast(lowered.plan, target.clone())
            }
            (DataType::Timestamp(..) | DataType::Date32, DataType::Timestamp(..))
                if from == &lowered.arrow =>
            {
                micros(lowered.plan, self.clock)
            }
            // In a dictionary.
            (from @ (DataType::Timestamp(..) | DataType::Date32), DataType::Timestamp(..)) => {
                micros(cast(lowered.plan, from.clone()), self.clock)
            }
            (from, target) => {
                self.fallible |= !to.holds(from);
                cast(lowered.plan, target.clone())
            }
        };
        Ok(Lowered::new(plan, target))
    }
}

/// What a key is joined by, given its plain type and that of the other side: itself, the day of an
/// instant, or an instant as the other side has them.
pub(crate) fn join_key(key: Plan, own: &DataType, theirs: &DataType, clock: &Clock) -> Plan {
    match (own, theirs) {
        (DataType::Timestamp(..), DataType::Date32) => bucket(key, Grain::Day, clock),
        (DataType::Timestamp(..), DataType::Timestamp(..)) if own != theirs => alike(key, theirs),
        _ => key,
    }
}

/// A double, and NULL where it is zero: both zeros, which a comparison tells apart.
pub(crate) fn not_zero(value: Plan) -> Plan {
    use datafusion_functions::core::expr_fn::nullif;
    nullif(nullif(value, lit(0.0_f64)), lit(-0.0_f64))
}

pub(crate) fn arrow_of(data_type: Type) -> Result<DataType, QueryError> {
    data_type
        .canonical()
        .ok_or_else(|| QueryError::internal(format!("{data_type} cannot be calculated with")))
}

fn is_zero(expr: &Expr) -> bool {
    use Literal::{Decimal, Integer};
    matches!(expr.kind, ExprKind::Literal(Integer(0) | Decimal { value: 0, .. }))
}

pub(crate) fn cast(plan: Plan, to: DataType) -> Plan {
    Plan::Cast(datafusion_expr::Cast::new(Box::new(plan), to))
}

/// A day or instant, where Arrow has a calendar for it, and missing beyond: there it fails instead
/// of being tried.
fn within_calendar(value: Plan, arrow: &DataType) -> Result<Plan, QueryError> {
    /// Two days within the years -262143 and 262142, in days since 1970: there is a zone's day, too.
    const FIRST_AND_LAST: (i32, i32) = (-96_465_290, 95_026_234);
    let bound = |day: i32| match arrow {
        DataType::Date32 => Ok(lit(ScalarValue::Date32(Some(day)))),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let midnight = i64::from(day).saturating_mul(86_400_000_000);
            Ok(lit(ScalarValue::TimestampMicrosecond(Some(midnight), zone.clone())))
        }
        _ => Err(QueryError::internal("a time of another type")),
    };
    let (first, last) = (bound(FIRST_AND_LAST.0)?, bound(FIRST_AND_LAST.1)?);
    let inside = binary(value.clone(), Operator::GtEq, first);
    let inside = binary(inside, Operator::And, binary(value.clone(), Operator::Lt, last));
    let arm = (Box::new(inside), Box::new(value));
    Ok(Plan::Case(Case::new(None, vec![arm], None)))
}

fn try_cast(plan: Plan, to: DataType) -> Plan {
    Plan::TryCast(datafusion_expr::TryCast::new(Box::new(plan), to))
}

/// A constant in a stored type, exactly.
pub(crate) fn constant_in(arrow: &DataType, literal: &Literal) -> Result<Plan, QueryError> {
    match compare::constant(arrow, literal) {
        compare::Placed::Exact(scalar) => Ok(Plan::Literal(scalar, None)),
        _ => Err(QueryError::internal("a mask does not fit its column")),
    }
}

fn typed_null(to: &DataType) -> Result<Plan, QueryError> {
    Ok(Plan::Literal(ScalarValue::try_from(to)?, None))
}

/// A constant that stands alone, in the canonical type of its model type.
fn literal_value(literal: &Literal, data_type: Type) -> Result<Lowered, QueryError> {
    let arrow = arrow_of(data_type)?;
    match compare::constant(&arrow, literal) {
        compare::Placed::Exact(scalar) => Ok(Lowered::new(Plan::Literal(scalar, None), arrow)),
        _ => Err(QueryError::internal("a constant does not fit its own type")),
    }
}
