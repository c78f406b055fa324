//! How long the texts may be that a question puts together. A batch of them is made at once, and no
//! limit of memory counts it, so that their length is bounded before anything runs.

use sandbar_catalog::expr::{Expr, ExprKind, Function};
use sandbar_catalog::{FieldKind, Literal, Snapshot, TableId, Type};

use crate::query::{Leaf, Part, ResolvedQuery, Source, Stage};

/// The length of a text: that of so many stored texts, and so many bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Width {
    pub(super) copies: u64,
    pub(super) bytes: u64,
}

impl Width {
    fn and(self, other: Self) -> Self {
        Self {
            copies: self.copies.saturating_add(other.copies),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    fn or(self, other: Self) -> Self {
        Self { copies: self.copies.max(other.copies), bytes: self.bytes.max(other.bytes) }
    }
}

/// The lengths of the texts of an expression: its own, and all that are put together on the way.
pub(super) struct Widths<'a> {
    pub(super) snapshot: &'a Snapshot,
    /// Those of the columns of the answer that is asked.
    pub(super) inputs: &'a [Width],
    /// All that are put together.
    pub(super) made: Width,
}

impl Widths<'_> {
    /// How long a value may be; nothing where it is no text.
    pub(super) fn of(&mut self, expr: &Expr) -> Width {
        let parts: Vec<Width> = expr.children().into_iter().map(|part| self.of(part)).collect();
        let width = match &expr.kind {
            ExprKind::Literal(Literal::Text(text)) => Width { copies: 0, bytes: text.len() as u64 },
            ExprKind::Field(path) => match &self.snapshot.field(path.field).kind {
                FieldKind::Calculated(inner) => self.of(inner),
                FieldKind::Stored { .. } => Width { copies: 1, bytes: 0 },
            },
            ExprKind::Input(index) => self.inputs.get(*index).copied().unwrap_or_default(),
            ExprKind::Call(Function::Concat, _) => {
                let all = parts.into_iter().fold(Width::default(), Width::and);
                self.made = self.made.and(all);
                all
            }
            // What is no text has some digits as one.
            ExprKind::Cast { .. } => {
                parts.into_iter().fold(Width { copies: 0, bytes: 64 }, Width::or)
            }
            _ => parts.into_iter().fold(Width::default(), Width::or),
        };
        if expr.data_type == Type::Text { width } else { Width::default() }
    }
}

/// The lengths of the texts in each column of an answer.
pub(super) fn widths(query: &ResolvedQuery, snapshot: &Snapshot) -> Vec<Width> {
    match &query.source {
        Source::Parts(parts) => of_parts(query, parts, snapshot),
        Source::Answer(stage) => of_stage(query, stage, snapshot),
    }
}

fn of_parts(query: &ResolvedQuery, parts: &[Part<TableId>], snapshot: &Snapshot) -> Vec<Width> {
    let mut texts = Widths { snapshot, inputs: &[], made: Width::default() };
    let keys = parts.first().map_or(0, |part| part.keys.len());
    let mut found: Vec<Width> = Vec::new();
    for index in 0..keys {
        let keys = parts.iter().filter_map(|part| part.keys.get(index));
        let each = keys.map(|key| texts.of(&key.of.expr(snapshot)));
        found.push(each.fold(Width::default(), Width::or));
    }
    let leaves = parts.iter().flat_map(|part| &part.leaves);
    found.resize(query.shape.columns().len(), of_leaves(leaves, &mut texts));
    found
}

fn of_stage(query: &ResolvedQuery, stage: &Stage<TableId>, snapshot: &Snapshot) -> Vec<Width> {
    let inner = widths(&stage.inner, snapshot);
    let mut texts = Widths { snapshot, inputs: &inner, made: Width::default() };
    let mut found: Vec<Width> = stage.keys.iter().map(|key| texts.of(key)).collect();
    found.resize(query.shape.columns().len(), of_leaves(stage.leaves.iter(), &mut texts));
    found
}

/// The longest text that a number of these may be: the least or the greatest of some.
fn of_leaves<'l>(leaves: impl Iterator<Item = &'l Leaf>, texts: &mut Widths<'_>) -> Width {
    let mut longest = Width::default();
    for leaf in leaves {
        leaf.expr.walk(&mut |part| {
            if let ExprKind::Aggregate(aggregate) = &part.kind
                && let Some(argument) = &aggregate.argument
            {
                longest = longest.or(texts.of(argument));
            }
        });
    }
    longest
}
