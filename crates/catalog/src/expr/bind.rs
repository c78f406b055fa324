//! Text to typed expression: sqlparser reads it, this module allows, resolves and types it.

use sqlparser::ast as sql;
use sqlparser::ast::{CastKind, CeilFloorKind, DateTimeField, Spanned};
use sqlparser::tokenizer::Span;

use crate::decode::suggest;
use crate::types::{Literal, Type};

use super::ast::{Aggregate, Arithmetic, Comparison, Expr, ExprKind, Pattern};
use super::bins::{Bins, Fraction};
use super::constants::{grain_named, literal, named_type, negated, part_named, temporal_literal};
use super::foreign::foreign;
use super::functions::{AggregateFunction, Function};
use super::loose::is_loose;
use super::parse::parse;

pub(super) const MAX_DEPTH: usize = 48;
pub(super) const MAX_NODES: usize = 400;

/// What names mean to the expression being read.
pub trait Scope {
    /// What `chain` names: relationship names, then a field name; or whatever else a name stands
    /// for in this place.
    ///
    /// # Errors
    /// A sentence that says what is wrong, and at most one suggestion.
    fn name(&mut self, chain: &[&str]) -> Result<Expr, ExprError>;

    /// The type of an attribute of the principal.
    ///
    /// # Errors
    /// As for [`Scope::name`]; the default knows no attributes.
    fn attribute(&mut self, name: &str) -> Result<AttributeType, ExprError> {
        let message = format!("`attribute.{name}` can only be used in the row filter of a policy");
        Err(ExprError::new(message).about(ExprErrorKind::Attribute))
    }

    /// What names mean in the rows of another table, of which values are taken.
    ///
    /// # Errors
    /// As for [`Scope::name`]; the default knows no other tables.
    fn rows_of(&mut self, table: &str) -> Result<Box<dyn Scope + '_>, ExprError> {
        let message =
            format!("`select … from {table}` can only be used in the row filter of a policy");
        Err(ExprError::new(message))
    }
}

/// The declared type of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttributeType {
    /// The type of the value, or of each value of a list.
    pub data_type: Type,
    /// Whether the attribute is a list.
    pub list: bool,
}

/// Whether aggregations may stand in the expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allow {
    /// A value per row.
    Rows,
    /// A value per group.
    Aggregates,
}

/// What an [`ExprError`] is about: decides the code it is reported under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExprErrorKind {
    /// The text is not an expression of the language, or its types do not fit.
    Expression,
    /// A field or relationship that does not exist.
    UnknownName,
    /// An attribute that is not declared, or cannot be used in this place.
    Attribute,
    /// A field that is computed from itself.
    Cycle,
}

/// Why a text is not an expression of the language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExprError {
    /// What it is about.
    pub kind: ExprErrorKind,
    /// What is wrong and what would be right.
    pub message: String,
    /// A name that may have been meant.
    pub suggestion: Option<String>,
    /// Line and column in the text, both from 1, where known.
    pub at: Option<(u64, u64)>,
    /// The name could not be resolved because its definition is itself broken: already reported.
    pub silent: bool,
}

impl ExprError {
    /// An error with only a message.
    pub fn new(message: impl Into<String>) -> Self {
        let kind = ExprErrorKind::Expression;
        Self { kind, message: message.into(), suggestion: None, at: None, silent: false }
    }

    /// The same error, about something else than the text as such.
    #[must_use]
    pub fn about(self, kind: ExprErrorKind) -> Self {
        Self { kind, ..self }
    }

    /// An error that names what may have been meant.
    pub fn suggesting(message: impl Into<String>, suggestion: Option<&str>) -> Self {
        Self { suggestion: suggestion.map(str::to_owned), ..Self::new(message) }
    }

    /// An error whose cause has been reported elsewhere.
    pub fn silent() -> Self {
        Self { silent: true, ..Self::new("") }
    }

    pub(super) fn located(mut self, span: Span) -> Self {
        if self.at.is_none() && span.start.line > 0 {
            self.at = Some((span.start.line, span.start.column));
        }
        self
    }
}

/// Reads an expression and types it against `scope`.
///
/// # Errors
/// The first thing that is wrong with the text.
pub fn bind(text: &str, allow: Allow, scope: &mut dyn Scope) -> Result<Expr, ExprError> {
    let tree = parse(text)?;
    let mut binder = Binder { scope, allow, nodes: 0, in_aggregate: false };
    binder.expr(&tree, 0)
}

pub(super) fn too_large() -> ExprError {
    ExprError::new(format!(
        "an expression has at most {MAX_NODES} parts and a depth of {MAX_DEPTH}"
    ))
}

/// Where a tree starts: where the first of its terms does. A chain of terms is a tree that is as
/// deep as the chain is long, so it is not walked by calls in each other.
fn start(mut tree: &sql::Expr) -> Span {
    loop {
        tree = match tree {
            sql::Expr::BinaryOp { left, .. }
            | sql::Expr::AnyOp { left, .. }
            | sql::Expr::AllOp { left, .. } => left,
            sql::Expr::IsFalse(inner)
            | sql::Expr::IsNotFalse(inner)
            | sql::Expr::IsTrue(inner)
            | sql::Expr::IsNotTrue(inner)
            | sql::Expr::IsNull(inner)
            | sql::Expr::IsNotNull(inner)
            | sql::Expr::IsUnknown(inner)
            | sql::Expr::IsNotUnknown(inner)
            | sql::Expr::IsDistinctFrom(inner, _)
            | sql::Expr::IsNotDistinctFrom(inner, _)
            | sql::Expr::IsNormalized { expr: inner, .. }
            | sql::Expr::InList { expr: inner, .. }
            | sql::Expr::InSubquery { expr: inner, .. }
            | sql::Expr::InUnnest { expr: inner, .. }
            | sql::Expr::Between { expr: inner, .. }
            | sql::Expr::Like { expr: inner, .. }
            | sql::Expr::ILike { expr: inner, .. }
            | sql::Expr::SimilarTo { expr: inner, .. }
            | sql::Expr::RLike { expr: inner, .. }
            | sql::Expr::Cast { expr: inner, .. }
            | sql::Expr::Collate { expr: inner, .. }
            | sql::Expr::AtTimeZone { timestamp: inner, .. }
            | sql::Expr::CompoundFieldAccess { root: inner, .. }
            | sql::Expr::JsonAccess { value: inner, .. } => inner,
            other => return other.span(),
        };
    }
}

pub(super) fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}

pub(super) struct Binder<'s> {
    pub(super) scope: &'s mut dyn Scope,
    pub(super) allow: Allow,
    pub(super) nodes: usize,
    pub(super) in_aggregate: bool,
}

type Bound = Result<Expr, ExprError>;

fn boxed(e: Expr) -> Box<Expr> {
    Box::new(e)
}

impl Binder<'_> {
    pub(super) fn expr(&mut self, tree: &sql::Expr, depth: usize) -> Bound {
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return Err(too_large());
        }
        self.node(tree, depth + 1).map_err(|e| e.located(start(tree)))
    }

    fn node(&mut self, tree: &sql::Expr, d: usize) -> Bound {
        match tree {
            sql::Expr::Identifier(name) => self.field(std::slice::from_ref(name)),
            sql::Expr::CompoundIdentifier(names) => self.field(names),
            sql::Expr::Value(value) => literal(&value.value),
            sql::Expr::Nested(inner) => self.expr(inner, d),
            sql::Expr::UnaryOp { op, expr } => self.unary(*op, expr, d),
            sql::Expr::BinaryOp { left, op, right } => {
                let (left, right) = (self.expr(left, d)?, self.expr(right, d)?);
                binary(op, left, right)
            }
            sql::Expr::IsNull(e) => self.is_null(e, d),
            sql::Expr::IsNotNull(e) => Ok(not(self.is_null(e, d)?)),
            sql::Expr::IsTrue(e) => self.is_boolean(e, true, d),
            sql::Expr::IsFalse(e) => self.is_boolean(e, false, d),
            sql::Expr::IsDistinctFrom(_, b) | sql::Expr::IsNotDistinctFrom(_, b) if is_loose(b) => {
                Err(ExprError::new(
                    "what stands behind `distinct from` is read up to the end: put the comparison \
                     into parentheses, `(a is distinct from b) and c`, or what is compared with, \
                     `a is distinct from (b and c)`",
                ))
            }
            sql::Expr::IsDistinctFrom(a, b) => {
                let (a, b) = (self.expr(a, d)?, self.expr(b, d)?);
                compare(Comparison::Distinct, a, b)
            }
            sql::Expr::IsNotDistinctFrom(a, b) => {
                let (a, b) = (self.expr(a, d)?, self.expr(b, d)?);
                compare(Comparison::NotDistinct, a, b)
            }
            sql::Expr::InList { expr, list, negated } => {
                let value = self.expr(expr, d)?;
                let list = list
                    .iter()
                    .map(|item| {
                        let item = self.list_member(item, d)?;
                        let (_, item) = align(value.clone(), item)?;
                        Ok(item)
                    })
                    .collect::<Result<Vec<_>, ExprError>>()?;
                let inside = Expr::new(ExprKind::InList(boxed(value), list), Type::Boolean);
                Ok(if *negated { not(inside) } else { inside })
            }
            sql::Expr::InSubquery { expr, subquery, negated } => {
                let value = self.expr(expr, d)?;
                let (rows, member) = self.rows(subquery, d)?;
                if value.data_type != member.data_type {
                    return Err(ExprError::new(format!(
                        "{} is looked up among values of type {}: both must have one type",
                        value.data_type.with_article(),
                        member.data_type
                    )));
                }
                let inside =
                    Expr::new(ExprKind::InRows(boxed(value), Box::new(rows)), Type::Boolean);
                Ok(if *negated { not(inside) } else { inside })
            }
            sql::Expr::Between { expr, negated, low, high } => {
                let value = self.expr(expr, d)?;
                let (low, high) = (self.expr(low, d)?, self.expr(high, d)?);
                let (value, low) = align(value, low)?;
                let (value, high) = align(value, high)?;
                let kind = ExprKind::Between(boxed(value), boxed(low), boxed(high));
                let inside = Expr::new(kind, Type::Boolean);
                Ok(if *negated { not(inside) } else { inside })
            }
            sql::Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                self.like(expr, pattern, true, *negated, d)
            }
            sql::Expr::ILike { negated, any: false, expr, pattern, escape_char: None } => {
                self.like(expr, pattern, false, *negated, d)
            }
            sql::Expr::Case { case_token: _, end_token: _, operand, conditions, else_result } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), d)
            }
            sql::Expr::Cast {
                kind: kind @ (CastKind::Cast | CastKind::TryCast),
                expr,
                data_type,
                array: false,
                format: None,
            } => self.cast(expr, data_type, *kind == CastKind::Cast, d),
            sql::Expr::TypedString(typed) => {
                let target = named_type(&typed.data_type)?;
                let sql::Value::SingleQuotedString(text) = &typed.value.value else {
                    return Err(ExprError::new("write `date '2026-01-31'`"));
                };
                temporal_literal(text, target).map(Expr::literal)
            }
            sql::Expr::Extract { field, syntax: _, expr } => {
                let part = part_named(&field.to_string())?;
                let value = self.expr(expr, d)?;
                call(Function::Extract(part), "extract", vec![value])
            }
            sql::Expr::Floor {
                expr,
                field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime),
            } => {
                let value = self.expr(expr, d)?;
                call(Function::Floor, "floor", vec![value])
            }
            sql::Expr::Ceil {
                expr,
                field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime),
            } => {
                let value = self.expr(expr, d)?;
                call(Function::Ceil, "ceil", vec![value])
            }
            sql::Expr::Trim { expr, trim_where: None, trim_what: None, trim_characters: None } => {
                let value = self.expr(expr, d)?;
                call(Function::Trim, "trim", vec![value])
            }
            sql::Expr::Substring {
                expr,
                substring_from: Some(from),
                substring_for,
                special: _,
                shorthand: _,
            } => {
                let mut args = vec![self.expr(expr, d)?, self.expr(from, d)?];
                if let Some(length) = substring_for {
                    args.push(self.expr(length, d)?);
                }
                call(Function::Substring, "substring", args)
            }
            sql::Expr::Function(function) => self.function(function, d),
            other => Err(foreign(other)),
        }
    }

    fn field(&mut self, names: &[sql::Ident]) -> Bound {
        let chain: Vec<&str> = names.iter().map(|n| n.value.as_str()).collect();
        if let ["attribute", name] = chain.as_slice() {
            let declared = self.scope.attribute(name)?;
            if declared.list {
                let message =
                    format!("`attribute.{name}` is a list: write `field in (attribute.{name})`");
                return Err(ExprError::new(message).about(ExprErrorKind::Attribute));
            }
            return Ok(Expr::new(ExprKind::Attribute((*name).to_owned()), declared.data_type));
        }
        self.scope.name(&chain)
    }

    fn list_member(&mut self, tree: &sql::Expr, d: usize) -> Bound {
        if let sql::Expr::CompoundIdentifier(names) = tree
            && let [first, name] = names.as_slice()
            && first.value == "attribute"
        {
            let declared = self.scope.attribute(&name.value)?;
            return Ok(Expr::new(ExprKind::Attribute(name.value.clone()), declared.data_type));
        }
        self.expr(tree, d)
    }

    fn unary(&mut self, op: sql::UnaryOperator, operand: &sql::Expr, d: usize) -> Bound {
        let value = self.expr(operand, d)?;
        match (op, &value.kind) {
            (sql::UnaryOperator::Not, _) => Ok(not(boolean(value)?)),
            (sql::UnaryOperator::Plus, _) if value.data_type.is_numeric() => Ok(value),
            (sql::UnaryOperator::Minus, ExprKind::Literal(constant)) => {
                negated(constant).map(Expr::literal)
            }
            (sql::UnaryOperator::Minus, _) if value.data_type.is_numeric() => {
                let data_type = value.data_type;
                Ok(Expr::new(ExprKind::Negate(boxed(value)), data_type))
            }
            _ => Err(ExprError::new(format!(
                "`{op}` does not apply to {}",
                value.data_type.with_article()
            ))),
        }
    }

    fn is_null(&mut self, operand: &sql::Expr, d: usize) -> Bound {
        let value = self.expr(operand, d)?;
        Ok(Expr::new(ExprKind::IsNull(boxed(value)), Type::Boolean))
    }

    fn is_boolean(&mut self, operand: &sql::Expr, wanted: bool, d: usize) -> Bound {
        let value = boolean(self.expr(operand, d)?)?;
        compare(Comparison::NotDistinct, value, Expr::literal(Literal::Boolean(wanted)))
    }

    fn like(
        &mut self,
        value: &sql::Expr,
        pattern: &sql::Expr,
        case_sensitive: bool,
        negate: bool,
        d: usize,
    ) -> Bound {
        let value = self.expr(value, d)?;
        let pattern = self.expr(pattern, d)?;
        if value.data_type != Type::Text {
            return Err(ExprError::new(format!(
                "`like` wants a text, not {}",
                value.data_type.with_article()
            )));
        }
        let ExprKind::Literal(Literal::Text(text)) = pattern.kind else {
            return Err(ExprError::new("the pattern of `like` is a constant text"));
        };
        let pattern = Pattern { text, case_sensitive };
        let like = Expr::new(ExprKind::Like(boxed(value), pattern), Type::Boolean);
        Ok(if negate { not(like) } else { like })
    }

    fn case(
        &mut self,
        operand: Option<&sql::Expr>,
        arms: &[sql::CaseWhen],
        otherwise: Option<&sql::Expr>,
        d: usize,
    ) -> Bound {
        let operand = operand.map(|e| self.expr(e, d)).transpose()?;
        let mut bound = Vec::with_capacity(arms.len());
        let mut result = Type::Null;
        for arm in arms {
            let when = self.expr(&arm.condition, d)?;
            let when = match &operand {
                Some(value) => compare(Comparison::Eq, value.clone(), when)?,
                None => boolean(when)?,
            };
            let then = self.expr(&arm.result, d)?;
            result = branch(result, then.data_type)?;
            bound.push((when, then));
        }
        let otherwise = match otherwise {
            Some(e) => {
                let e = self.expr(e, d)?;
                result = branch(result, e.data_type)?;
                Some(boxed(e))
            }
            None => None,
        };
        Ok(Expr::new(ExprKind::Case(bound, otherwise), result))
    }

    fn cast(&mut self, value: &sql::Expr, target: &sql::DataType, strict: bool, d: usize) -> Bound {
        let value = self.expr(value, d)?;
        let target = named_type(target)?;
        let possible = match (value.data_type, target) {
            (Type::Other, _) | (_, Type::Other) => false,
            (Type::Boolean, t) => matches!(t, Type::Boolean | Type::Text | Type::Integer),
            (t, Type::Boolean) => matches!(t, Type::Text | Type::Null),
            (Type::Date | Type::Datetime, t) => t.is_temporal() || t == Type::Text,
            (t, Type::Date | Type::Datetime) => matches!(t, Type::Text | Type::Null),
            _ => true,
        };
        if !possible {
            return Err(ExprError::new(format!(
                "{} cannot be converted to {}",
                value.data_type.with_article(),
                target.with_article()
            )));
        }
        Ok(Expr::new(ExprKind::Cast { value: boxed(value), strict }, target))
    }

    fn function(&mut self, function: &sql::Function, d: usize) -> Bound {
        let name = function.name.to_string().to_ascii_lowercase();
        if function.over.is_some()
            || function.null_treatment.is_some()
            || !function.within_group.is_empty()
            || function.parameters != sql::FunctionArguments::None
        {
            return Err(ExprError::new(format!(
                "`{name}` is a plain call here: no window or order"
            )));
        }
        let (mut args, distinct, star) = arguments(&name, &function.args)?;
        if let Some(aggregate) = self.aggregation_named(&name, &mut args, d)? {
            return self.aggregate(aggregate, &args, distinct, star, function.filter.as_deref(), d);
        }
        if distinct || star || function.filter.is_some() {
            return Err(ExprError::new(format!("`{name}` is not an aggregation")));
        }
        let args: Vec<&sql::Expr> = args;
        match name.as_str() {
            "date_trunc" => {
                let [grain, value] = args.as_slice() else {
                    return Err(ExprError::new("write `date_trunc('month', field)`"));
                };
                let grain = grain_named(grain)?;
                let value = self.expr(value, d)?;
                call(Function::DateTrunc(grain), &name, vec![value])
            }
            "bin" => {
                let how = || ExprError::new("write `bin(field, 50)` or `bin(field, 50, 10)`");
                let (value, constants) = args.split_first().ok_or_else(how)?;
                let value = self.expr(value, d)?;
                let constants = constants.iter().map(|c| self.constant(c, how, d));
                let bins = match constants.collect::<Result<Vec<_>, _>>()?.as_slice() {
                    [width] => Bins::of_width(width, None),
                    [width, start] => Bins::of_width(width, Some(start)),
                    _ => return Err(how()),
                };
                let wants =
                    |why: super::NoBins| ExprError::new(format!("`bin` wants {}", why.wants()));
                call(Function::Bin(bins.map_err(wants)?), &name, vec![value])
            }
            "year" | "quarter" | "month" | "week" | "day" | "hour" | "minute" | "second" => {
                let part = part_named(&name)?;
                let args = args.into_iter().map(|a| self.expr(a, d)).collect::<Result<_, _>>()?;
                call(Function::Extract(part), &name, args)
            }
            _ => {
                let found = Function::NAMES.iter().find(|(n, _)| *n == name);
                let Some((_, function)) = found else {
                    let known = Function::NAMES.iter().map(|(n, _)| *n);
                    let known = known.chain(AggregateFunction::names());
                    return Err(ExprError::suggesting(
                        format!("unknown function `{name}`"),
                        suggest(&name, known),
                    ));
                };
                let args = args.into_iter().map(|a| self.expr(a, d)).collect::<Result<_, _>>()?;
                call(*function, &name, args)
            }
        }
    }

    /// An argument that is a constant.
    fn constant(
        &mut self,
        tree: &sql::Expr,
        how: impl Fn() -> ExprError,
        d: usize,
    ) -> Result<Literal, ExprError> {
        match self.expr(tree, d)?.kind {
            ExprKind::Literal(literal) => Ok(literal),
            _ => Err(how()),
        }
    }

    /// The aggregation of that name; a percentile takes its share from the arguments.
    fn aggregation_named(
        &mut self,
        name: &str,
        args: &mut Vec<&sql::Expr>,
        d: usize,
    ) -> Result<Option<AggregateFunction>, ExprError> {
        let percentile = AggregateFunction::PERCENTILES.iter().find(|(n, _)| *n == name);
        let Some((_, percentile)) = percentile else {
            let found = AggregateFunction::NAMES.iter().find(|(n, _)| *n == name);
            return Ok(found.map(|(_, aggregate)| *aggregate));
        };
        let how = || {
            ExprError::new(format!(
                "write `{name}(field, 0.9)`: the share is a constant from 0 to 1"
            ))
        };
        let share = args.pop().filter(|_| args.len() == 1).ok_or_else(how)?;
        let share = self.constant(share, how, d)?;
        Fraction::of(&share).map(|share| Some(percentile(share))).ok_or_else(how)
    }

    fn aggregate(
        &mut self,
        function: AggregateFunction,
        args: &[&sql::Expr],
        distinct: bool,
        star: bool,
        filter: Option<&sql::Expr>,
        d: usize,
    ) -> Bound {
        let name = function.name();
        if self.allow == Allow::Rows {
            return Err(ExprError::new(format!(
                "`{name}` aggregates rows: it belongs in a measure or metric, not here"
            )));
        }
        if star && (distinct || !args.is_empty()) {
            return Err(ExprError::new(
                "`*` stands alone, in `count(*)`: leave it out beside a field, and write \
                 `count(distinct field)` for different values",
            ));
        }
        if self.in_aggregate {
            return Err(ExprError::new("an aggregation cannot stand inside another"));
        }
        self.in_aggregate = true;
        let argument = match args {
            [] => None,
            [one] => Some(self.expr(one, d)?),
            _ => return Err(ExprError::new(format!("`{name}` takes one argument"))),
        };
        let filter = filter.map(|e| self.expr(e, d).and_then(boolean)).transpose()?;
        self.in_aggregate = false;
        if argument.is_none() && !(star && function == AggregateFunction::Count) {
            return Err(ExprError::new(format!("write `{name}(field)`, or `count(*)`")));
        }
        if distinct && function != AggregateFunction::Count {
            return Err(ExprError::new("only `count` takes `distinct`"));
        }
        let data_type = function
            .result_type(argument.as_ref().map(|a| a.data_type))
            .map_err(|wants| ExprError::new(format!("`{name}` wants {wants}")))?;
        let aggregate = Aggregate { function, argument, distinct, filter };
        Ok(Expr::new(ExprKind::Aggregate(Box::new(aggregate)), data_type))
    }
}

type Arguments<'a> = (Vec<&'a sql::Expr>, bool, bool);

fn arguments<'a>(name: &str, args: &'a sql::FunctionArguments) -> Result<Arguments<'a>, ExprError> {
    let list = match args {
        sql::FunctionArguments::None => return Ok((Vec::new(), false, false)),
        sql::FunctionArguments::List(list) if list.clauses.is_empty() => list,
        _ => return Err(ExprError::new(format!("`{name}` takes plain values"))),
    };
    let distinct = matches!(list.duplicate_treatment, Some(sql::DuplicateTreatment::Distinct));
    let mut star = false;
    let mut found = Vec::with_capacity(list.args.len());
    for arg in &list.args {
        match arg {
            sql::FunctionArg::Unnamed(sql::FunctionArgExpr::Expr(e)) => found.push(e),
            sql::FunctionArg::Unnamed(sql::FunctionArgExpr::Wildcard) if !star => star = true,
            _ => return Err(ExprError::new(format!("`{name}` takes plain values"))),
        }
    }
    Ok((found, distinct, star))
}

fn call(function: Function, name: &str, args: Vec<Expr>) -> Bound {
    let types: Vec<Type> = args.iter().map(|a| a.data_type).collect();
    let data_type = function
        .result_type(&types)
        .map_err(|wants| ExprError::new(format!("`{name}` wants {wants}")))?;
    Ok(Expr::new(ExprKind::Call(function, args), data_type))
}

fn not(e: Expr) -> Expr {
    Expr::new(ExprKind::Not(boxed(e)), Type::Boolean)
}

pub(super) fn boolean(e: Expr) -> Bound {
    if matches!(e.data_type, Type::Boolean | Type::Null) {
        Ok(e)
    } else {
        Err(ExprError::new(format!(
            "a condition is wanted here, not {}",
            e.data_type.with_article()
        )))
    }
}

fn branch(so_far: Type, next: Type) -> Result<Type, ExprError> {
    so_far.unify(next).ok_or_else(|| {
        ExprError::new(match next {
            Type::Other => "what is of type `other` cannot be calculated with".to_owned(),
            _ => format!("the branches of `case` differ: {so_far} and {next}"),
        })
    })
}

fn binary(op: &sql::BinaryOperator, left: Expr, right: Expr) -> Bound {
    use sql::BinaryOperator as Op;
    let arithmetic = match op {
        Op::And | Op::Or => {
            let (left, right) = (boxed(boolean(left)?), boxed(boolean(right)?));
            let kind = if matches!(op, Op::And) {
                ExprKind::And(left, right)
            } else {
                ExprKind::Or(left, right)
            };
            return Ok(Expr::new(kind, Type::Boolean));
        }
        Op::Eq => return compare(Comparison::Eq, left, right),
        Op::NotEq => return compare(Comparison::NotEq, left, right),
        Op::Lt => return compare(Comparison::Lt, left, right),
        Op::LtEq => return compare(Comparison::LtEq, left, right),
        Op::Gt => return compare(Comparison::Gt, left, right),
        Op::GtEq => return compare(Comparison::GtEq, left, right),
        Op::StringConcat => return call(Function::Concat, "concat", vec![left, right]),
        Op::Plus => Arithmetic::Add,
        Op::Minus => Arithmetic::Subtract,
        Op::Multiply => Arithmetic::Multiply,
        Op::Divide => Arithmetic::Divide,
        other => {
            return Err(ExprError::new(format!(
                "`{other}` is not part of the expression language"
            )));
        }
    };
    let (of_left, of_right) = (left.data_type, right.data_type);
    Expr::arithmetic(arithmetic, left, right).ok_or_else(|| {
        ExprError::new(format!("`{op}` wants two numbers, not {of_left} and {of_right}"))
    })
}

/// Decimal results follow the usual SQL rule: sums keep one more digit, products add the digits.
pub(super) fn arithmetic_type(op: Arithmetic, left: Type, right: Type) -> Option<Type> {
    let digits = |t: Type| match t {
        Type::Decimal { precision, scale } => Some((precision, scale)),
        Type::Integer => Some((20, 0)),
        _ => None,
    };
    if !left.is_numeric() || !right.is_numeric() {
        return None;
    }
    if op == Arithmetic::Divide || left == Type::Number || right == Type::Number {
        return Some(Type::Number);
    }
    if left == Type::Integer && right == Type::Integer {
        return Some(Type::Integer);
    }
    let ((p1, s1), (p2, s2)) = (digits(left)?, digits(right)?);
    let (precision, scale) = match op {
        Arithmetic::Multiply => (p1.saturating_add(p2).saturating_add(1), s1.saturating_add(s2)),
        _ => {
            let scale = s1.max(s2);
            let whole = (i16::from(p1) - i16::from(s1)).max(i16::from(p2) - i16::from(s2));
            (u8::try_from(whole + i16::from(scale) + 1).unwrap_or(38), scale)
        }
    };
    (scale <= 38).then_some(Type::Decimal { precision: precision.min(38), scale })
}

fn compare(op: Comparison, left: Expr, right: Expr) -> Bound {
    let (left, right) = align(left, right)?;
    Ok(Expr::new(ExprKind::Compare(op, boxed(left), boxed(right)), Type::Boolean))
}

/// Makes both sides comparable: a text constant beside a date or datetime becomes one.
fn align(left: Expr, right: Expr) -> Result<(Expr, Expr), ExprError> {
    if left.data_type.comparable(right.data_type) {
        return Ok((left, right));
    }
    let read = |constant: &Expr, target: Type| match &constant.kind {
        ExprKind::Literal(Literal::Text(text)) if target.is_temporal() => {
            Some(temporal_literal(text, target).map(Expr::literal))
        }
        _ => None,
    };
    if let Some(right) = read(&right, left.data_type) {
        return Ok((left, right?));
    }
    if let Some(left) = read(&left, right.data_type) {
        return Ok((left?, right));
    }
    Err(ExprError::new(format!(
        "{} cannot be compared with {}",
        left.data_type.with_article(),
        right.data_type.with_article()
    )))
}
