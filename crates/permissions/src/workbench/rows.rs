//! Rows that policies show, in the words of their author, attributes left open.

use std::fmt;
use std::sync::Arc;

use sandbar_catalog::expr::Expr;

use crate::condition::{Condition, RowFilter};
use crate::policy_set::UnboundFilter;

/// One condition of an author.
#[derive(Clone, Debug)]
struct Part {
    /// What it comes to whatever the attributes are; they are still names in it.
    filter: RowFilter,
    /// The attributes that it is void without.
    wants: Vec<String>,
    text: Arc<str>,
}

impl PartialEq for Part {
    /// How it is written does not matter.
    fn eq(&self, other: &Self) -> bool {
        self.filter == other.filter && self.wants == other.wants
    }
}

/// The rows that some grants show, each of them enough, and that all restrictions keep.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    shown: Vec<Part>,
    kept: Vec<Part>,
}

impl Part {
    fn new(filter: Option<&UnboundFilter>, text: Arc<str>) -> Self {
        let Some(UnboundFilter(condition)) = filter else {
            return Self { filter: RowFilter::Everything, wants: Vec::new(), text };
        };
        let (filter, wants) = (condition.clone().simplified(), attributes(condition));
        Self { filter, wants, text }
    }

    fn is_everything(&self) -> bool {
        self.filter.is_everything() && self.wants.is_empty()
    }

    /// The conditions each of which is enough, as those that must hold together.
    fn alternatives(&self) -> Vec<Alternative<'_>> {
        let conditions = match &self.filter {
            RowFilter::Never => return Vec::new(),
            RowFilter::Everything => return vec![Alternative { all: &[], wants: &self.wants }],
            RowFilter::Where(Condition::Any(parts)) => parts.as_slice(),
            RowFilter::Where(one) => std::slice::from_ref(one),
        };
        let all = conditions.iter().map(|condition| match condition {
            Condition::All(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        });
        all.map(|all| Alternative { all, wants: &self.wants }).collect()
    }
}

/// Conditions that must hold together, and the attributes that they are void without.
struct Alternative<'p> {
    all: &'p [Condition],
    wants: &'p [String],
}

impl Alternative<'_> {
    /// Whether whatever fulfills this fulfills the other, for certain.
    fn is_within(&self, other: &Self) -> bool {
        other.wants.iter().all(|name| self.wants.contains(name))
            && other.all.iter().all(|part| self.all.contains(part))
    }
}

/// Whether every row of the first is one of the others, whatever the data and attributes are.
fn within<'p>(one: &Part, others: impl Iterator<Item = &'p Part> + Clone) -> bool {
    one.alternatives().iter().all(|alternative| {
        let mut others = others.clone().flat_map(Part::alternatives);
        others.any(|other| alternative.is_within(&other))
    })
}

/// The attributes of a condition, each once, in the order of their names.
pub(crate) fn attributes(condition: &Condition) -> Vec<String> {
    let mut found = Vec::new();
    collect(condition, &mut found);
    found.sort();
    found.dedup();
    found
}

fn collect(condition: &Condition, found: &mut Vec<String>) {
    let mut of = |expr: &Expr| {
        found.extend(expr.attributes().into_iter().map(str::to_owned));
    };
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter().for_each(|part| collect(part, found));
        }
        Condition::Own(expr) => of(expr),
        Condition::Related(_, inner) => collect(inner, found),
        Condition::In(among) | Condition::NotIn(among) => {
            of(&among.value);
            if let RowFilter::Where(inner) = &among.rows {
                collect(inner, found);
            }
        }
    }
}

impl Rows {
    /// Every row.
    pub(crate) fn everything() -> Self {
        let mut rows = Self::default();
        rows.show_everything();
        rows
    }

    pub(crate) fn show_everything(&mut self) {
        self.show(None, Arc::default());
    }

    /// A grant shows these rows too.
    pub(crate) fn show(&mut self, filter: Option<&UnboundFilter>, text: Arc<str>) {
        let part = Part::new(filter, text);
        if self.shown.iter().any(Part::is_everything) || part.filter == RowFilter::Never {
            return;
        }
        if part.is_everything() {
            self.shown.clear();
        }
        if !self.shown.contains(&part) {
            self.shown.push(part);
        }
    }

    /// A restriction keeps no others.
    pub(crate) fn keep(&mut self, filter: &UnboundFilter, text: Arc<str>) {
        let part = Part::new(Some(filter), text);
        if !part.is_everything() && !self.kept.contains(&part) {
            self.kept.push(part);
        }
    }

    /// Rows that lead over these ways to hidden rows are not kept: only `filter`, which says that of
    /// the rows that are shown there.
    pub(crate) fn keep_with(&mut self, filter: RowFilter, ways: &[String], there: &Self) {
        // Two grants are void apart, and one that says the same is void as a whole: their rows are
        // the same only where they want the same attributes, part by part.
        let mut wanted: Vec<String> = there.parts().map(|p| format!("{:?}", p.wants)).collect();
        wanted.sort();
        let wants = if there.parts().all(|part| part.wants.is_empty()) {
            Vec::new()
        } else {
            vec![wanted.join(" ")]
        };
        let text = format!("{} missing or shown: {there}", ways.join(" and "));
        let part = Part { filter, wants, text: Arc::from(text) };
        if !self.kept.contains(&part) {
            self.kept.push(part);
        }
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.shown.iter().chain(&self.kept)
    }

    /// The rows as one filter, attributes still names in it, whatever the order of the policies.
    pub(crate) fn filter(&self) -> RowFilter {
        let sorted = |parts: &[Part]| {
            let mut filters: Vec<RowFilter> = parts.iter().map(|p| p.filter.clone()).collect();
            filters.sort_by_cached_key(|filter| format!("{filter:?}"));
            filters
        };
        let kept = sorted(&self.kept).into_iter();
        RowFilter::any(sorted(&self.shown)).and(kept.fold(RowFilter::Everything, RowFilter::and))
    }

    /// Whether they are all rows, for everybody.
    pub(crate) fn is_everything(&self) -> bool {
        self.kept.is_empty() && self.shown.iter().any(Part::is_everything)
    }

    /// Whether they are all rows, for whoever has the attributes that are wanted.
    pub(crate) fn is_everything_with_attributes(&self) -> bool {
        self.kept.iter().all(|part| part.filter.is_everything())
            && self.shown.iter().any(|part| part.filter.is_everything())
    }

    /// Whether there are none.
    pub(crate) fn is_nothing(&self) -> bool {
        self.shown.is_empty() || self.kept.iter().any(|part| part.filter == RowFilter::Never)
    }

    /// Whether the other has all of these rows for certain, whatever the data and attributes are.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        let kept = |part: &Part| self.kept.iter().any(|own| within(own, std::iter::once(part)));
        self.is_nothing()
            || self.shown.iter().all(|part| within(part, other.shown.iter()))
                && other.kept.iter().all(kept)
    }
}

impl PartialEq for Rows {
    /// The order of the policies does not matter.
    fn eq(&self, other: &Self) -> bool {
        self.is_within(other) && other.is_within(self)
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_nothing() {
            return f.write_str("no row");
        }
        if self.is_everything() {
            return f.write_str("every row");
        }
        let several = self.shown.len() > 1 || !self.kept.is_empty();
        let text = |part: &Part| {
            let line = part.text.split_whitespace().collect::<Vec<_>>().join(" ");
            if several { format!("({line})") } else { line }
        };
        let shown = self.shown.iter().filter(|part| !part.is_everything()).map(text);
        let shown = shown.collect::<Vec<_>>().join(" or ");
        let whole = if shown.is_empty() || self.kept.is_empty() || self.shown.len() == 1 {
            shown
        } else {
            format!("({shown})")
        };
        let parts = std::iter::once(whole).chain(self.kept.iter().map(text));
        let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
        f.write_str(&parts.join(" and "))
    }
}
