//! The typed expression tree, and which of its nodes can fail on data.

use crate::types::{Literal, Type};
use crate::{FieldId, FieldPath, RelationshipId};

use super::functions::{AggregateFunction, Function};

/// How large something calculated is with all that it is computed from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// How many parts it has, each counted as often as it is used: twice where it is asked whether a
    /// value is missing before it is taken.
    pub parts: usize,
    /// How many of them stand in each other.
    pub depth: usize,
    /// How many comparisons and `case` stand in each other: DataFusion goes through what decides
    /// about others again and again.
    pub decisions: usize,
}

impl Extent {
    /// Of what is not calculated.
    pub const ONE: Self = Self { parts: 1, depth: 1, decisions: 0 };
    /// The most that there may be.
    pub const MOST: Self = Self { parts: 10_000, depth: 96, decisions: 16 };

    /// Whether it is no larger than anything may be.
    pub fn fits(self) -> bool {
        self.parts <= Self::MOST.parts
            && self.depth <= Self::MOST.depth
            && self.decisions <= Self::MOST.decisions
    }
}

/// A typed expression over one table and the tables it reaches.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it computes.
    pub kind: ExprKind,
    /// The type of its value.
    pub data_type: Type,
}

/// The nodes of the expression language.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A constant.
    Literal(Literal),
    /// A field of the table or of a related one.
    Field(FieldPath),
    /// A value of the step before, by position: one of the numbers that a metric is computed from,
    /// or a column of an answer.
    Input(usize),
    /// An attribute of the principal (policies only), by name; the flag says that it is a list.
    Attribute(String),
    /// Three-valued NOT.
    Not(Box<Expr>),
    /// Three-valued AND.
    And(Box<Expr>, Box<Expr>),
    /// Three-valued OR.
    Or(Box<Expr>, Box<Expr>),
    /// A comparison.
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// `x in (…)`; every member has the type of `x`. A member may be a list attribute.
    InList(Box<Expr>, Vec<Expr>),
    /// `x in (select field from table where …)` (policies only).
    InRows(Box<Expr>, Box<RowSet>),
    /// `x between low and high`, both ends included.
    Between(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `x is null`.
    IsNull(Box<Expr>),
    /// `x like pattern`, the pattern being a constant.
    Like(Box<Expr>, Pattern),
    /// Checked arithmetic on two numbers.
    Arithmetic(Arithmetic, Box<Expr>, Box<Expr>),
    /// `-x`.
    Negate(Box<Expr>),
    /// `case when … then … else … end`.
    Case(Vec<(Expr, Expr)>, Option<Box<Expr>>),
    /// An allow-listed scalar function.
    Call(Function, Vec<Expr>),
    /// A conversion to the type of the node; strict ones fail on a value that does not fit.
    Cast {
        /// The operand.
        value: Box<Expr>,
        /// `cast` (an error) rather than `try_cast` (NULL).
        strict: bool,
    },
    /// An aggregation (measures and metrics only).
    Aggregate(Box<Aggregate>),
}

/// The values of one field in some rows of its table. Whatever surrounds it speaks of another table:
/// its condition is no operand, and walks do not go into it.
#[derive(Clone, Debug, PartialEq)]
pub struct RowSet {
    /// The field.
    pub field: FieldId,
    /// Which rows, over the field's table; `None`: all of them.
    pub filter: Option<Expr>,
}

/// One aggregation.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// What to compute.
    pub function: AggregateFunction,
    /// What to compute it over; `None` counts rows.
    pub argument: Option<Expr>,
    /// Whether only distinct values count.
    pub distinct: bool,
    /// Only rows for which this is true count.
    pub filter: Option<Expr>,
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Eq,
    /// `<>`: NULL on either side gives NULL.
    NotEq,
    /// `<`
    Lt,
    /// `<=`
    LtEq,
    /// `>`
    Gt,
    /// `>=`
    GtEq,
    /// `is distinct from`: never NULL, NULL equals NULL.
    Distinct,
    /// `is not distinct from`
    NotDistinct,
}

/// An arithmetic operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`: always real division in double precision; NULL when the divisor is 0.
    Divide,
}

/// A constant LIKE pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// The pattern with `%`, `_` and `\` as the escape character.
    pub text: String,
    /// Whether upper and lower case differ.
    pub case_sensitive: bool,
}

impl Expr {
    /// A node of the given type.
    pub fn new(kind: ExprKind, data_type: Type) -> Self {
        Self { kind, data_type }
    }

    /// A constant.
    pub fn literal(value: Literal) -> Self {
        let data_type = value.data_type();
        Self::new(ExprKind::Literal(value), data_type)
    }

    /// A field.
    pub fn field(path: FieldPath, data_type: Type) -> Self {
        Self::new(ExprKind::Field(path), data_type)
    }

    /// A value of the step before.
    pub fn input(index: usize, data_type: Type) -> Self {
        Self::new(ExprKind::Input(index), data_type)
    }

    /// Two numbers, calculated with; `None` where they are none.
    pub fn arithmetic(op: Arithmetic, left: Expr, right: Expr) -> Option<Self> {
        let data_type = super::bind::arithmetic_type(op, left.data_type, right.data_type)?;
        Some(Self::new(ExprKind::Arithmetic(op, Box::new(left), Box::new(right)), data_type))
    }

    /// Both conditions, balanced by the caller where there are many.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::new(ExprKind::And(Box::new(self), Box::new(other)), Type::Boolean)
    }

    /// How large it is, given how large its leaves are.
    pub fn extent(&self, leaf: &dyn Fn(&Self) -> Extent) -> Extent {
        let children = self.children();
        if children.is_empty() {
            return leaf(self);
        }
        let mut all = Extent { parts: 1, ..Extent::default() };
        for (index, child) in children.into_iter().enumerate() {
            let Extent { parts, depth, decisions } = child.extent(leaf);
            all.parts = all.parts.saturating_add(parts.saturating_mul(self.copies(index)));
            all.depth = all.depth.max(depth);
            all.decisions = all.decisions.max(decisions);
        }
        all.depth = all.depth.saturating_add(1);
        all.decisions = all.decisions.saturating_add(usize::from(self.decides()));
        all
    }

    /// Whether it is a comparison or a choice.
    fn decides(&self) -> bool {
        matches!(
            &self.kind,
            ExprKind::Compare(..)
                | ExprKind::Between(..)
                | ExprKind::InList(..)
                | ExprKind::Case(..)
                | ExprKind::Call(Function::NullIf, _)
        )
    }

    /// How often an operand stands in what it becomes for DataFusion, or in the SQL text of that: more
    /// than once where its value decides about itself.
    fn copies(&self, operand: usize) -> usize {
        match &self.kind {
            ExprKind::Compare(_, a, b) if a.varies() && b.varies() => 1,
            ExprKind::Compare(_, a, b) => compared(a, b),
            ExprKind::Between(value, low, high) if operand == 0 => {
                compared(value, low).saturating_add(compared(value, high))
            }
            ExprKind::InList(value, members) if operand == 0 => {
                let is_constant = |member: &&Self| matches!(member.kind, ExprKind::Literal(_));
                let alone = members.iter().filter(|member| !is_constant(member)).count();
                compared(value, value).saturating_mul(alone.saturating_add(1))
            }
            ExprKind::Cast { strict: false, .. }
                if matches!(self.data_type, Type::Date | Type::Datetime) =>
            {
                3
            }
            ExprKind::Call(Function::Abs, _) => 4,
            ExprKind::Call(Function::Round, args) if args.len() > 1 => 5,
            ExprKind::Call(Function::NullIf, args) if operand == 0 => {
                args.first().map_or(2, |value| compared(value, value).saturating_add(1))
            }
            ExprKind::Call(Function::Coalesce, args) if operand + 1 < args.len() => 2,
            _ => 1,
        }
    }

    /// Whether it may have other values in other rows.
    fn varies(&self) -> bool {
        let mut varies = false;
        self.walk(&mut |node| {
            varies |= matches!(node.kind, ExprKind::Field(_) | ExprKind::Input(_));
        });
        varies
    }

    /// The direct operands.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Literal(_)
            | ExprKind::Field(_)
            | ExprKind::Input(_)
            | ExprKind::Attribute(_) => Vec::new(),
            ExprKind::Not(a)
            | ExprKind::IsNull(a)
            | ExprKind::Like(a, _)
            | ExprKind::Negate(a)
            | ExprKind::InRows(a, _)
            | ExprKind::Cast { value: a, .. } => vec![a],
            ExprKind::And(a, b)
            | ExprKind::Or(a, b)
            | ExprKind::Compare(_, a, b)
            | ExprKind::Arithmetic(_, a, b) => vec![a, b],
            ExprKind::InList(a, list) => std::iter::once(a.as_ref()).chain(list).collect(),
            ExprKind::Between(a, b, c) => vec![a, b, c],
            ExprKind::Case(arms, otherwise) => arms
                .iter()
                .flat_map(|(when, then)| [when, then])
                .chain(otherwise.as_deref())
                .collect(),
            ExprKind::Call(_, args) => args.iter().collect(),
            ExprKind::Aggregate(aggregate) => {
                aggregate.argument.iter().chain(aggregate.filter.as_ref()).collect()
            }
        }
    }

    /// Calls `visit` on this node and all below it.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        visit(self);
        for child in self.children() {
            child.walk(visit);
        }
    }

    /// Every field that is read, in order of appearance, each once.
    pub fn fields(&self) -> Vec<&FieldPath> {
        let mut found = Vec::new();
        self.walk(&mut |node| {
            if let ExprKind::Field(path) = &node.kind
                && !found.contains(&path)
            {
                found.push(path);
            }
        });
        found
    }

    /// The values of the step before that are read, by position, each once.
    pub fn inputs(&self) -> Vec<usize> {
        let mut found = Vec::new();
        self.walk(&mut |node| {
            if let ExprKind::Input(index) = &node.kind
                && !found.contains(index)
            {
                found.push(*index);
            }
        });
        found
    }

    /// Every attribute that is read, those of sets of rows aside.
    pub fn attributes(&self) -> Vec<&str> {
        let mut found = Vec::new();
        self.walk(&mut |node| {
            if let ExprKind::Attribute(name) = &node.kind
                && !found.contains(&name.as_str())
            {
                found.push(name.as_str());
            }
        });
        found
    }

    /// Whether an aggregation stands anywhere in it.
    pub fn has_aggregate(&self) -> bool {
        let mut found = false;
        self.walk(&mut |node| found |= matches!(node.kind, ExprKind::Aggregate(_)));
        found
    }

    /// Whether this node alone, its operands aside, cannot fail on any data.
    ///
    /// Comparisons, logic, IN, BETWEEN, LIKE with a constant, double arithmetic, division (NULL on
    /// zero), `try_cast` and the total functions cannot fail. Arithmetic on whole numbers and
    /// decimals can overflow, a strict cast can meet a value that does not fit.
    pub fn is_total_here(&self) -> bool {
        match &self.kind {
            ExprKind::Arithmetic(Arithmetic::Divide, ..) => true,
            ExprKind::Arithmetic(..) | ExprKind::Negate(_) => self.data_type == Type::Number,
            ExprKind::Cast { value, strict } => {
                !strict || total_cast(value.data_type, self.data_type)
            }
            ExprKind::Call(function, args) => function.is_total(self.data_type, args),
            ExprKind::Aggregate(_) => false,
            _ => true,
        }
    }

    /// The numbers that this node calculates with in one type, whatever they are stored in, each
    /// with that type. Comparisons take all as they are.
    pub(crate) fn converted(&self) -> Vec<(&Expr, Type)> {
        let operands: Vec<&Expr> = match &self.kind {
            ExprKind::Case(arms, otherwise) => {
                arms.iter().map(|(_, then)| then).chain(otherwise.as_deref()).collect()
            }
            // Whether two values are equal is a comparison.
            ExprKind::Call(Function::NullIf, args) => args.iter().take(1).collect(),
            ExprKind::Call(_, args) => args.iter().collect(),
            ExprKind::Cast { value, strict: true } => vec![value],
            ExprKind::Aggregate(aggregate) if aggregate.function.is_percentile() => {
                aggregate.argument.iter().collect()
            }
            _ => Vec::new(),
        };
        let whole = matches!(self.kind, ExprKind::Cast { .. }) || self.data_type.is_numeric();
        let numbers = operands.into_iter().filter(|operand| operand.data_type.is_numeric());
        numbers
            .map(|operand| (operand, if whole { self.data_type } else { operand.data_type }))
            .collect()
    }

    /// The same expression seen from a table that reaches this one over `prefix`.
    #[must_use]
    pub fn behind(&self, prefix: &[RelationshipId]) -> Self {
        if prefix.is_empty() {
            return self.clone();
        }
        self.map_fields(&mut |path| path.behind(prefix))
    }

    /// The same expression with every field path replaced.
    #[must_use]
    pub fn map_fields(&self, map: &mut dyn FnMut(&FieldPath) -> FieldPath) -> Self {
        self.replace_fields(&mut |path, data_type| Self::field(map(path), data_type))
    }

    /// The same expression with every field replaced by an expression of its type.
    #[must_use]
    pub fn replace_fields(&self, map: &mut dyn FnMut(&FieldPath, Type) -> Expr) -> Self {
        self.replace(&mut |leaf| match &leaf.kind {
            ExprKind::Field(path) => Some(map(path, leaf.data_type)),
            _ => None,
        })
    }

    /// The same expression with every value of the step before replaced.
    #[must_use]
    pub fn replace_inputs(&self, map: &mut dyn FnMut(usize, Type) -> Expr) -> Self {
        self.replace(&mut |leaf| match &leaf.kind {
            ExprKind::Input(index) => Some(map(*index, leaf.data_type)),
            _ => None,
        })
    }

    /// The same expression with those leaves replaced for which `map` has something.
    fn replace(&self, map: &mut dyn FnMut(&Expr) -> Option<Expr>) -> Self {
        let mut go = |e: &Expr| e.replace(map);
        let mut boxed = |e: &Expr| Box::new(go(e));
        let kind = match &self.kind {
            ExprKind::Literal(_)
            | ExprKind::Field(_)
            | ExprKind::Input(_)
            | ExprKind::Attribute(_) => return map(self).unwrap_or_else(|| self.clone()),
            ExprKind::Not(a) => ExprKind::Not(boxed(a)),
            ExprKind::IsNull(a) => ExprKind::IsNull(boxed(a)),
            ExprKind::Like(a, p) => ExprKind::Like(boxed(a), p.clone()),
            ExprKind::Negate(a) => ExprKind::Negate(boxed(a)),
            ExprKind::InRows(a, rows) => ExprKind::InRows(boxed(a), rows.clone()),
            ExprKind::Cast { value, strict } => {
                ExprKind::Cast { value: boxed(value), strict: *strict }
            }
            ExprKind::And(a, b) => ExprKind::And(boxed(a), boxed(b)),
            ExprKind::Or(a, b) => ExprKind::Or(boxed(a), boxed(b)),
            ExprKind::Compare(op, a, b) => ExprKind::Compare(*op, boxed(a), boxed(b)),
            ExprKind::Arithmetic(op, a, b) => ExprKind::Arithmetic(*op, boxed(a), boxed(b)),
            ExprKind::InList(a, list) => {
                let a = boxed(a);
                ExprKind::InList(a, list.iter().map(go).collect())
            }
            ExprKind::Between(a, b, c) => ExprKind::Between(boxed(a), boxed(b), boxed(c)),
            ExprKind::Case(arms, otherwise) => {
                let arms = arms.iter().map(|(w, t)| (go(w), go(t))).collect();
                ExprKind::Case(arms, otherwise.as_ref().map(|e| Box::new(go(e))))
            }
            ExprKind::Call(f, args) => ExprKind::Call(*f, args.iter().map(go).collect()),
            ExprKind::Aggregate(aggregate) => ExprKind::Aggregate(Box::new(Aggregate {
                function: aggregate.function,
                argument: aggregate.argument.as_ref().map(&mut go),
                distinct: aggregate.distinct,
                filter: aggregate.filter.as_ref().map(&mut go),
            })),
        };
        Self::new(kind, self.data_type)
    }
}

fn total_cast(from: Type, to: Type) -> bool {
    match (from, to) {
        (Type::Null, _) => true,
        (a, b) if a == b => true,
        // Not every instant and day that can be stored is one of the calendar.
        (_, Type::Text) => !from.is_temporal() && from != Type::Other,
        (Type::Integer | Type::Decimal { .. }, Type::Number) => true,
        _ => false,
    }
}

/// How often two values stand in a comparison of them: it is asked whether a double is NaN, or one of
/// two zeros, and what no value of a type can be equal to is compared with itself.
fn compared(a: &Expr, b: &Expr) -> usize {
    let is_zero = |value: &Expr| match &value.kind {
        ExprKind::Literal(Literal::Integer(n)) => *n == 0,
        ExprKind::Literal(Literal::Decimal { value, .. }) => *value == 0,
        ExprKind::Literal(Literal::Number(n)) => *n == 0.0,
        _ => false,
    };
    match (a.data_type, b.data_type) {
        (Type::Number, _) | (_, Type::Number) if is_zero(a) || is_zero(b) => 3,
        (Type::Number, _) | (_, Type::Number) => 2,
        (a, b) if a == b => 1,
        _ => 2,
    }
}
