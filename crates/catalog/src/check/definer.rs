//! Metrics that read fields with their author's rights, and of how many rows numbers are told.

use crate::expr::{Aggregate, AggregateFunction, Expr, ExprKind};
use crate::metric::checked_group_size;
use crate::snapshot::{Leaf, Snapshot};
use crate::types::Type;

use super::MetricEntry;
use super::codes;
use super::sink::{Sink, complaint};

/// The digits of decimals of which no number of rows that there are can leave 38 digits.
const DIGITS: u8 = 28;

/// A leaf with what its metric says of rights and of few rows.
pub(super) fn with_rights(
    name: &str,
    entry: MetricEntry<'_>,
    mut leaf: Leaf,
    snapshot: &Snapshot,
    sink: &mut Sink,
) -> Option<Leaf> {
    let def = entry.def;
    if let Some(size) = &def.min_group_size {
        match checked_group_size(size.value) {
            Ok(rows) => leaf.min_group_size = Some(rows),
            Err(message) => {
                sink.at(entry.file, size, complaint(codes::DEFINER, message));
                return None;
            }
        }
    }
    let Some(definer) = def.definer.as_ref().filter(|definer| definer.value) else {
        return Some(leaf);
    };
    if let Some(why) = refused(&leaf, snapshot) {
        let message = format!("metric `{name}` reads fields that others may not see, so {why}");
        sink.at(entry.file, definer, complaint(codes::DEFINER, message));
        return None;
    }
    leaf.definer = Some(name.to_owned());
    Some(leaf)
}

/// Why fields cannot be read for whoever may not see them.
fn refused(leaf: &Leaf, snapshot: &Snapshot) -> Option<&'static str> {
    if leaf.min_group_size.is_none() {
        return Some("it wants a `min_group_size`");
    }
    if leaf.semi_additive.is_some() {
        return Some("it is not of the rows of one time (`semi_additive`)");
    }
    if leaf.filters.iter().any(|filter| !snapshot.is_total(filter)) {
        return Some("its `filter` must not be able to fail on any row: the error would tell");
    }
    let mut why = None;
    leaf.expr.walk(&mut |node| {
        if let ExprKind::Aggregate(aggregate) = &node.kind {
            why = why.or_else(|| refused_aggregate(aggregate, snapshot));
        }
    });
    why
}

fn refused_aggregate(aggregate: &Aggregate, snapshot: &Snapshot) -> Option<&'static str> {
    let Aggregate { function, argument, filter, .. } = aggregate;
    if function.gives_a_value() {
        return Some("it gives back the value of no single row: not `min`, `max` or a percentile");
    }
    let read = argument.iter().chain(filter);
    if read.clone().any(|expr| !snapshot.is_total(expr)) {
        return Some(
            "what it aggregates must not be able to fail on any row: the error would tell",
        );
    }
    let added = matches!(function, AggregateFunction::Sum | AggregateFunction::Avg);
    let wide = |expr: &Expr| matches!(expr.data_type, Type::Decimal { precision, .. } if precision > DIGITS);
    if added && argument.as_ref().is_some_and(wide) {
        return Some("it adds up no decimals of more than 28 digits, whose sum could fail");
    }
    None
}
