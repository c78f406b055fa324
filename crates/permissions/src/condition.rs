//! Which rows: conditions over a table and the rows it belongs to.

use sandbar_catalog::expr::{Expr, ExprKind, RowSet};
use sandbar_catalog::{FieldId, FieldPath, Literal, RelationshipId, Type};

use crate::certain::{certain, is_never_true};
use crate::check::SET;

/// The rows of a table that a principal sees. Never absent: seeing everything is said.
#[derive(Clone, Debug, PartialEq)]
pub enum RowFilter {
    /// Every row.
    Everything,
    /// No row.
    Never,
    /// The rows for which the condition is true.
    Where(Condition),
}

/// A condition, all attributes replaced by typed constants.
///
/// A condition on a related table holds when the related row exists *and* fulfils it: a row
/// without a partner never passes, whatever the condition says about missing values.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// All hold.
    All(Vec<Condition>),
    /// One holds.
    Any(Vec<Condition>),
    /// A condition on the table's own fields.
    Own(Expr),
    /// The row's partner exists and fulfils the condition.
    Related(RelationshipId, Box<Condition>),
    /// The value is among those of other rows.
    In(Box<Among>),
    /// There is a value, and it is not among those of other rows.
    NotIn(Box<Among>),
}

/// A value looked up among those of one field, in some rows of its table. These rows are the
/// author's: no policy narrows them.
#[derive(Clone, Debug, PartialEq)]
pub struct Among {
    /// The value: a stored field of the table that the condition is about.
    pub value: Expr,
    /// The stored field whose values they are.
    pub field: FieldId,
    /// In which rows.
    pub rows: RowFilter,
}

/// Why a condition cannot be sorted by the tables that it speaks of.
#[derive(Debug)]
pub(crate) enum Unsorted {
    /// One comparison mixes two tables.
    MixedTables,
    /// A set of rows is used in a way that has no plan, or is itself wrong.
    Set(&'static str, String),
}

/// What checks the rows of a set, and sorts their condition.
pub(crate) type Sets<'s> = dyn FnMut(&RowSet) -> Result<RowFilter, Unsorted> + 's;

impl RowFilter {
    /// Both filters let a row pass.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Never, _) | (_, Self::Never) => Self::Never,
            (Self::Everything, rest) | (rest, Self::Everything) => rest,
            (Self::Where(a), Self::Where(b)) => Self::Where(a.and(b)),
        }
    }

    /// One of the filters lets a row pass; none lets nothing pass.
    pub fn any(filters: impl IntoIterator<Item = Self>) -> Self {
        let mut conditions = Vec::new();
        for filter in filters {
            match filter {
                Self::Everything => return Self::Everything,
                Self::Never => {}
                Self::Where(condition) if conditions.contains(&condition) => {}
                Self::Where(condition) => conditions.push(condition),
            }
        }
        match (conditions.pop(), conditions.is_empty()) {
            (None, _) => Self::Never,
            (Some(only), true) => Self::Where(only),
            (Some(last), false) => {
                conditions.push(last);
                Self::Where(Condition::Any(conditions))
            }
        }
    }

    /// Whether it lets every row pass.
    pub fn is_everything(&self) -> bool {
        matches!(self, Self::Everything)
    }
}

impl Condition {
    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let mut parts = match self {
            Self::All(parts) => parts,
            one => vec![one],
        };
        match other {
            Self::All(more) => parts.extend(more),
            one => parts.push(one),
        }
        Self::All(parts)
    }

    /// Sorts an expression over a table and its to-one relations by the table that each part
    /// speaks of. NOT is pushed inwards (De Morgan holds in three-valued logic), so that a
    /// relation is only ever asked for existence.
    pub(crate) fn sort(expr: &Expr, sets: &mut Sets<'_>) -> Result<Self, Unsorted> {
        Self::sorted(expr, false, sets)
    }

    fn sorted(expr: &Expr, negated: bool, sets: &mut Sets<'_>) -> Result<Self, Unsorted> {
        match (&expr.kind, negated) {
            (ExprKind::Not(inner), _) => Self::sorted(inner, !negated, sets),
            (ExprKind::And(a, b), false) | (ExprKind::Or(a, b), true) => {
                Ok(Self::sorted(a, negated, sets)?.and(Self::sorted(b, negated, sets)?))
            }
            (ExprKind::Or(a, b), false) | (ExprKind::And(a, b), true) => {
                let mut parts = Vec::new();
                for side in [a, b] {
                    match Self::sorted(side, negated, sets)? {
                        Self::Any(more) => parts.extend(more),
                        one => parts.push(one),
                    }
                }
                Ok(Self::Any(parts))
            }
            (ExprKind::InRows(value, set), _) => {
                let ExprKind::Field(path) = &value.kind else {
                    let message = "what is looked up in a set is a stored field".to_owned();
                    return Err(Unsorted::Set(SET, message));
                };
                if negated && !set.has_every_value() {
                    let message = "a missing value in the set would leave no row: add `and field \
                                   is not null`, with the field that is selected, to its condition"
                        .to_owned();
                    return Err(Unsorted::Set(SET, message));
                }
                let value = Expr::field(FieldPath::own(path.field), value.data_type);
                let among = Among { value, field: set.field, rows: sets(set)? };
                let among = Box::new(among);
                let own = if negated { Self::NotIn(among) } else { Self::In(among) };
                Ok(own.behind(&path.via))
            }
            _ => {
                let kind = ExprKind::Not(Box::new(expr.clone()));
                let atom = if negated { Expr::new(kind, expr.data_type) } else { expr.clone() };
                Self::atom(&atom)
            }
        }
    }

    fn atom(atom: &Expr) -> Result<Self, Unsorted> {
        let mut sets = false;
        atom.walk(&mut |node| sets |= matches!(node.kind, ExprKind::InRows(..)));
        if sets {
            let message =
                "`in (select …)` stands alone, or beside others with `and`, `or` and `not`";
            return Err(Unsorted::Set(SET, message.to_owned()));
        }
        let fields = atom.fields();
        let first = fields.first().map(|f| f.via.clone()).unwrap_or_default();
        if fields.iter().any(|f| f.via != first) {
            return Err(Unsorted::MixedTables);
        }
        let own = atom.map_fields(&mut |path| FieldPath::own(path.field));
        Ok(Self::Own(own).behind(&first))
    }

    /// The condition, asked of what a row leads to over `via`.
    pub(crate) fn behind(self, via: &[RelationshipId]) -> Self {
        via.iter().rev().fold(self, |condition, step| Self::Related(*step, Box::new(condition)))
    }

    /// Replaces every expression on the way down.
    pub(crate) fn try_map<E>(
        &self,
        map: &mut dyn FnMut(&Expr) -> Result<Expr, E>,
    ) -> Result<Self, E> {
        Ok(match self {
            Self::All(parts) => {
                Self::All(parts.iter().map(|p| p.try_map(map)).collect::<Result<_, E>>()?)
            }
            Self::Any(parts) => {
                Self::Any(parts.iter().map(|p| p.try_map(map)).collect::<Result<_, E>>()?)
            }
            Self::Own(expr) => Self::Own(map(expr)?),
            Self::Related(id, inner) => Self::Related(*id, Box::new(inner.try_map(map)?)),
            Self::In(among) => Self::In(Box::new(among.try_map(map)?)),
            Self::NotIn(among) => Self::NotIn(Box::new(among.try_map(map)?)),
        })
    }

    /// What is certain without looking at a row: constants and empty lists.
    pub(crate) fn simplified(self) -> RowFilter {
        match self {
            Self::All(parts) => {
                parts.into_iter().map(Self::simplified).fold(RowFilter::Everything, RowFilter::and)
            }
            Self::Any(parts) => RowFilter::any(parts.into_iter().map(Self::simplified)),
            Self::Own(expr) if certain(&expr) == Some(Some(true)) => RowFilter::Everything,
            Self::Own(expr) if is_never_true(&expr) => RowFilter::Never,
            Self::Own(expr) => RowFilter::Where(Self::Own(expr)),
            Self::Related(id, inner) => match inner.simplified() {
                RowFilter::Never => RowFilter::Never,
                RowFilter::Where(inner) => RowFilter::Where(Self::Related(id, Box::new(inner))),
                RowFilter::Everything => {
                    let always = Expr::literal(Literal::Boolean(true));
                    RowFilter::Where(Self::Related(id, Box::new(Self::Own(always))))
                }
            },
            Self::In(among) => match among.simplified() {
                Among { rows: RowFilter::Never, .. } => RowFilter::Never,
                among => RowFilter::Where(Self::In(Box::new(among))),
            },
            Self::NotIn(among) => match among.simplified() {
                Among { rows: RowFilter::Never, value, .. } => {
                    let missing = Expr::new(ExprKind::IsNull(Box::new(value)), Type::Boolean);
                    let known = ExprKind::Not(Box::new(missing));
                    RowFilter::Where(Self::Own(Expr::new(known, Type::Boolean)))
                }
                among => RowFilter::Where(Self::NotIn(Box::new(among))),
            },
        }
    }

    /// Every relationship that is followed, with the condition asked of the partner.
    pub fn related(&self) -> Vec<(RelationshipId, &Condition)> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::related).collect(),
            Self::Own(_) | Self::In(_) | Self::NotIn(_) => Vec::new(),
            Self::Related(id, inner) => vec![(*id, inner)],
        }
    }

    /// Every expression over the table's own fields (not those of related tables), what is looked
    /// up among other rows included.
    pub fn own_expressions(&self) -> Vec<&Expr> {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().flat_map(Self::own_expressions).collect()
            }
            Self::Own(expr) => vec![expr],
            Self::In(among) | Self::NotIn(among) => vec![&among.value],
            Self::Related(..) => Vec::new(),
        }
    }

    /// Whether it looks at the table's own fields and nothing else.
    pub fn is_own(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().all(Self::is_own),
            Self::Own(_) => true,
            Self::Related(..) | Self::In(_) | Self::NotIn(_) => false,
        }
    }
}

impl Among {
    fn try_map<E>(&self, map: &mut dyn FnMut(&Expr) -> Result<Expr, E>) -> Result<Self, E> {
        let rows = match &self.rows {
            RowFilter::Where(condition) => RowFilter::Where(condition.try_map(map)?),
            certain => certain.clone(),
        };
        Ok(Self { value: self.value.clone(), field: self.field, rows })
    }

    fn simplified(self) -> Self {
        let rows = match self.rows {
            RowFilter::Where(condition) => condition.simplified(),
            certain => certain,
        };
        Self { rows, ..self }
    }
}
