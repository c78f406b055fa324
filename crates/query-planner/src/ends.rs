//! The periods of one answer have one end: which parts decide it.

use sandbar_catalog::TableId;

use crate::query::{Key, Leaf, Part, Predicate, Rows};

/// A part with the days that its periods go by.
pub(crate) type Timed<'p, S> = (&'p Part<S>, Key);

/// The parts that decide beside a known one where the periods of a key end, with their days: each
/// once, and those together that read the same tables under the same conditions but for those of
/// their numbers. `table` is what stands for a table; `sizes` tell of each part of how few rows
/// nothing is told.
pub(crate) fn others<'p, S, Z: PartialEq>(
    known: Option<&Part<S>>,
    key: usize,
    all: &'p [Part<S>],
    table: fn(&S) -> TableId,
    sizes: &[Vec<Z>],
) -> Vec<Vec<Timed<'p, S>>> {
    let same = |known: &Part<S>, other: &Part<S>| {
        same_rows(&known.rows, &other.rows, table)
            && part_filter(known) == part_filter(other)
            && known.days_of(key) == other.days_of(key)
    };
    let mut seen: Vec<(&Part<S>, &[Z])> = Vec::new();
    let mut found: Vec<Vec<Timed<'p, S>>> = Vec::new();
    for (other, sizes) in all.iter().zip(sizes) {
        // The newest of the own rows is known, whether they may be told or not. Other numbers of
        // some rows may be told of fewer of them.
        let told = |size: &[Z]| size.is_empty() || size == sizes.as_slice();
        if known.is_some_and(|known| same(known, other))
            || seen.iter().any(|(known, size)| same(known, other) && told(size))
        {
            continue;
        }
        seen.push((other, sizes.as_slice()));
        let Some(days) = other.days_of(key) else { continue };
        let alike = |parts: &&mut Vec<Timed<'p, S>>| {
            parts.first().is_some_and(|(first, known)| {
                // Those of a bridge are other rows, which are read beside these.
                known.bridge.is_none()
                    && days.bridge.is_none()
                    && same_scans(&first.rows, &other.rows, table)
            })
        };
        match found.iter_mut().find(alike) {
            Some(parts) => parts.push((other, days)),
            None => found.push(vec![(other, days)]),
        }
    }
    found
}

/// The conditions that every number of a part has in common, unless numbers beside them have others.
pub(crate) fn part_filter<S>(part: &Part<S>) -> &[Predicate] {
    if part.keeps { &[] } else { shared_filter(&part.leaves) }
}

/// The conditions that all numbers have in common: they then narrow the rows themselves.
pub(crate) fn shared_filter(leaves: &[Leaf]) -> &[Predicate] {
    let Some(first) = leaves.first() else { return &[] };
    let same = leaves.iter().all(|leaf| leaf.filters == first.filters);
    if same { &first.filters } else { &[] }
}

/// Whether rows that are known to be the same are read of the same tables.
fn same_scans<S>(a: &Rows<S>, b: &Rows<S>, table: fn(&S) -> TableId) -> bool {
    let read = |rows: &Rows<S>| -> Vec<_> {
        rows.scans.iter().map(|scan| (scan.via.clone(), table(&scan.source))).collect()
    };
    same_rows(a, b, table) && read(a) == read(b)
}

/// Whether rows are known to be the same: those of one table under the same conditions.
fn same_rows<S>(a: &Rows<S>, b: &Rows<S>, table: fn(&S) -> TableId) -> bool {
    let base = |rows: &Rows<S>| rows.scans.first().map(|scan| table(&scan.source));
    let alone = a.members.is_empty() && b.members.is_empty();
    alone && base(a) == base(b) && a.filter == b.filter && a.time == b.time
}
