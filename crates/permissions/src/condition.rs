//! Which rows: conditions over a table and the rows it belongs to.

use sandbar_catalog::expr::{Expr, ExprKind};
use sandbar_catalog::{Literal, RelationshipId};

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
}

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
    /// relation is only ever asked for existence. `None`: one comparison mixes two tables.
    pub(crate) fn sort(expr: &Expr) -> Option<Self> {
        Self::sorted(expr, false)
    }

    fn sorted(expr: &Expr, negated: bool) -> Option<Self> {
        match (&expr.kind, negated) {
            (ExprKind::Not(inner), _) => Self::sorted(inner, !negated),
            (ExprKind::And(a, b), false) | (ExprKind::Or(a, b), true) => {
                Some(Self::sorted(a, negated)?.and(Self::sorted(b, negated)?))
            }
            (ExprKind::Or(a, b), false) | (ExprKind::And(a, b), true) => {
                let mut parts = Vec::new();
                for side in [a, b] {
                    match Self::sorted(side, negated)? {
                        Self::Any(more) => parts.extend(more),
                        one => parts.push(one),
                    }
                }
                Some(Self::Any(parts))
            }
            _ => {
                let kind = ExprKind::Not(Box::new(expr.clone()));
                let atom = if negated { Expr::new(kind, expr.data_type) } else { expr.clone() };
                Self::atom(atom)
            }
        }
    }

    fn atom(atom: Expr) -> Option<Self> {
        let fields = atom.fields();
        let first = fields.first().map(|f| f.via.clone()).unwrap_or_default();
        if fields.iter().any(|f| f.via != first) {
            return None;
        }
        let own = atom.map_fields(&mut |path| sandbar_catalog::FieldPath::own(path.field));
        let mut condition = Self::Own(own);
        for step in first.iter().rev() {
            condition = Self::Related(*step, Box::new(condition));
        }
        Some(condition)
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
        })
    }

    /// What is certain without looking at a row: constants and empty lists.
    pub(crate) fn simplified(self) -> RowFilter {
        match self {
            Self::All(parts) => {
                parts.into_iter().map(Self::simplified).fold(RowFilter::Everything, RowFilter::and)
            }
            Self::Any(parts) => RowFilter::any(parts.into_iter().map(Self::simplified)),
            Self::Own(expr) => match &expr.kind {
                ExprKind::Literal(Literal::Boolean(true)) => RowFilter::Everything,
                ExprKind::Literal(Literal::Boolean(false) | Literal::Null) => RowFilter::Never,
                ExprKind::InList(_, list) if list.is_empty() => RowFilter::Never,
                _ => RowFilter::Where(Self::Own(expr)),
            },
            Self::Related(id, inner) => match inner.simplified() {
                RowFilter::Never => RowFilter::Never,
                RowFilter::Where(inner) => RowFilter::Where(Self::Related(id, Box::new(inner))),
                RowFilter::Everything => {
                    let always = Expr::literal(Literal::Boolean(true));
                    RowFilter::Where(Self::Related(id, Box::new(Self::Own(always))))
                }
            },
        }
    }

    /// Every relationship that is followed, with the condition asked of the partner.
    pub fn related(&self) -> Vec<(RelationshipId, &Condition)> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::related).collect(),
            Self::Own(_) => Vec::new(),
            Self::Related(id, inner) => vec![(*id, inner)],
        }
    }

    /// Every expression over the table's own fields (not those of related tables).
    pub fn own_expressions(&self) -> Vec<&Expr> {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().flat_map(Self::own_expressions).collect()
            }
            Self::Own(expr) => vec![expr],
            Self::Related(..) => Vec::new(),
        }
    }
}
