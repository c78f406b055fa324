//! Units: values that are added up, compared, or stand in for each other have one, as far as the
//! model says which.

use crate::decode::Located;
use crate::expr::{Aggregate, AggregateFunction, Arithmetic, Expr, ExprKind, Function};
use crate::report::SourceText;
use crate::snapshot::Snapshot;

use super::codes;
use super::sink::{Sink, complaint};

/// The unit of a value, as far as it is declared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A constant, which may stand for any.
    Constant,
    /// Nothing says which.
    #[default]
    Unknown,
    /// That of a part of what it is made of; nothing says which the rest has.
    Partly(String),
    /// That of all that it is made of.
    Whole(String),
}

impl Unit {
    /// The unit that is declared, if one is.
    pub(super) fn declared(name: Option<&String>) -> Self {
        name.map_or(Self::Unknown, |name| Self::Whole(name.clone()))
    }

    /// The unit of all that it is made of, where it is one.
    pub(super) fn whole(&self) -> Option<&str> {
        match self {
            Self::Whole(name) => Some(name),
            Self::Constant | Self::Unknown | Self::Partly(_) => None,
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Whole(name) | Self::Partly(name) => Some(name),
            Self::Constant | Self::Unknown => None,
        }
    }

    /// That of two values beside each other.
    ///
    /// # Errors
    /// They are of these two.
    fn beside(self, other: Self) -> Result<Self, [String; 2]> {
        if self == Self::Constant || self == other {
            return Ok(other);
        }
        if other == Self::Constant {
            return Ok(self);
        }
        match (self.name(), other.name()) {
            (Some(one), Some(another)) if one != another => {
                Err([one.to_owned(), another.to_owned()])
            }
            (Some(name), _) | (None, Some(name)) => Ok(Self::Partly(name.to_owned())),
            (None, None) => Ok(Self::Unknown),
        }
    }
}

/// The unit of an expression, given those of its fields and inputs; says so if two of them meet.
pub(super) fn check(
    expr: &Expr,
    leaf: &dyn Fn(&Expr) -> Unit,
    file: Option<&SourceText>,
    text: &Located<String>,
    sink: &mut Sink,
) -> Unit {
    let mut reading = Reading { leaf, mixed: None };
    let unit = reading.of(expr);
    if let Some((by, [one, another])) = reading.mixed {
        let message = format!(
            "{by} puts `{one}` and `{another}` together: convert one of them first, with `*` or `/`"
        );
        sink.once(file, text, complaint(codes::UNITS, message));
    }
    unit
}

/// The same of an expression over fields.
pub(super) fn check_fields(
    expr: &Expr,
    snapshot: &Snapshot,
    file: Option<&SourceText>,
    text: &Located<String>,
    sink: &mut Sink,
) -> Unit {
    check(expr, &|leaf| of_field(leaf, snapshot), file, text, sink)
}

/// The unit of an expression over fields.
pub(super) fn of_fields(expr: &Expr, snapshot: &Snapshot) -> Unit {
    Reading { leaf: &|leaf| of_field(leaf, snapshot), mixed: None }.of(expr)
}

fn of_field(leaf: &Expr, snapshot: &Snapshot) -> Unit {
    match &leaf.kind {
        ExprKind::Field(path) => snapshot.field(path.field).made_of.clone(),
        _ => Unit::Unknown,
    }
}

/// An expression being read.
struct Reading<'r> {
    /// The unit of a field or input.
    leaf: &'r dyn Fn(&Expr) -> Unit,
    /// What puts two units together, and which: of the first two that meet.
    mixed: Option<(&'static str, [String; 2])>,
}

impl Reading<'_> {
    fn of(&mut self, expr: &Expr) -> Unit {
        match &expr.kind {
            ExprKind::Literal(_) => Unit::Constant,
            ExprKind::Field(_) | ExprKind::Input(_) => (self.leaf)(expr),
            ExprKind::Negate(value) | ExprKind::Cast { value, .. } => self.of(value),
            ExprKind::Arithmetic(Arithmetic::Add, ..) => self.one("`+`", expr.children()),
            ExprKind::Arithmetic(Arithmetic::Subtract, ..) => self.one("`-`", expr.children()),
            ExprKind::Compare(..) | ExprKind::Between(..) | ExprKind::InList(..) => {
                self.one("a comparison", expr.children());
                Unit::Unknown
            }
            ExprKind::Case(arms, otherwise) => {
                for (when, _) in arms {
                    self.of(when);
                }
                let branches = arms.iter().map(|(_, then)| then).chain(otherwise.as_deref());
                self.one("`case`", branches.collect())
            }
            ExprKind::Call(function, args) => self.called(*function, args, expr),
            ExprKind::Aggregate(aggregate) => self.aggregated(aggregate),
            _ => self.apart(expr),
        }
    }

    fn called(&mut self, function: Function, args: &[Expr], expr: &Expr) -> Unit {
        let by = match function {
            Function::Coalesce => "`coalesce`",
            Function::Greatest => "`greatest`",
            Function::Least => "`least`",
            Function::NullIf => "`nullif`",
            Function::Abs
            | Function::Bin(_)
            | Function::Ceil
            | Function::Floor
            | Function::Round => {
                let units: Vec<Unit> = args.iter().map(|arg| self.of(arg)).collect();
                return units.into_iter().next().unwrap_or_default();
            }
            _ => return self.apart(expr),
        };
        self.one(by, args.iter().collect())
    }

    fn aggregated(&mut self, aggregate: &Aggregate) -> Unit {
        use AggregateFunction::{VariancePopulation, VarianceSample};
        if let Some(filter) = &aggregate.filter {
            self.of(filter);
        }
        let unit = aggregate.argument.as_ref().map(|argument| self.of(argument));
        let squared = matches!(aggregate.function, VarianceSample | VariancePopulation);
        match unit {
            // So many times a constant is a count.
            None | Some(Unit::Constant) => Unit::Unknown,
            Some(_) if squared || aggregate.function.counts() => Unit::Unknown,
            Some(unit) => unit,
        }
    }

    /// The unit of values that want to be of one.
    fn one(&mut self, by: &'static str, values: Vec<&Expr>) -> Unit {
        let mut all = Unit::Constant;
        let mut fits = true;
        for value in values {
            let unit = self.of(value);
            match std::mem::take(&mut all).beside(unit) {
                Ok(unit) => all = unit,
                Err(two) => {
                    fits = false;
                    if self.mixed.is_none() {
                        self.mixed = Some((by, two));
                    }
                }
            }
        }
        if fits { all } else { Unit::Unknown }
    }

    /// What stands beside each other in any units, such as the two sides of `*`: only of constants
    /// it is known what becomes of it.
    fn apart(&mut self, expr: &Expr) -> Unit {
        let units: Vec<Unit> = expr.children().into_iter().map(|child| self.of(child)).collect();
        let constant = !units.is_empty() && units.iter().all(|unit| *unit == Unit::Constant);
        if constant { Unit::Constant } else { Unit::Unknown }
    }
}
