//! Names across files: each once, each well formed.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use jiff::tz::TimeZone;

use crate::decode::{Entries, Located, suggest};
use crate::definitions::{CollectionDef, Definitions, MetricDef, ModelFile, TableDef};
use crate::report::SourceText;
use crate::schemas::SourceSchemas;
use crate::time::{FiscalYear, WeekStart};
use crate::wire::hashed_id;

use super::codes;
use super::sink::{Sink, complaint};

/// A definition with the file it stands in.
pub(super) struct Entry<'d, T> {
    pub(super) file: Option<&'d SourceText>,
    pub(super) def: &'d Located<T>,
}

impl<T> Clone for Entry<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Entry<'_, T> {}

/// All definitions of all files, by name; the names of broken ones are remembered.
pub(super) struct Names<'d> {
    pub(super) tables: IndexMap<&'d str, Entry<'d, TableDef>>,
    pub(super) metrics: IndexMap<&'d str, Entry<'d, MetricDef>>,
    pub(super) collections: IndexMap<&'d str, Entry<'d, CollectionDef>>,
    pub(super) broken: HashSet<String>,
    /// The tables over sources that could not be opened.
    unopened: HashSet<&'d str>,
}

impl<'d> Names<'d> {
    pub(super) fn collect(
        definitions: &'d Definitions,
        sources: &SourceSchemas,
        sink: &mut Sink,
    ) -> Self {
        let mut broken = HashSet::new();
        let tables = gather(definitions, |m| &m.tables, "table", &mut broken, sink);
        let metrics = gather(definitions, |m| &m.metrics, "metric", &mut broken, sink);
        let collections = gather(definitions, |m| &m.collections, "collection", &mut broken, sink);
        for file in &definitions.files {
            if let Some(format) = &file.model.format
                && format.value != 1
            {
                let what = complaint(codes::FORMAT, "this version reads format 1");
                sink.at(file.source.as_ref(), format, what);
            }
        }
        let read = |name: &'d str, entry: &Entry<'d, TableDef>| {
            entry.def.source.as_ref().map_or(name, |source| source.value.as_str())
        };
        let over = tables.iter().filter(|(name, entry)| sources.is_unopened(read(name, entry)));
        let unopened = over.map(|(name, _)| *name).collect();
        Self { tables, metrics, collections, broken, unopened }
    }

    /// Whether a table reads a source that could not be opened: what its columns hold is unknown.
    pub(super) fn is_unopened(&self, table: &str) -> bool {
        self.unopened.contains(table)
    }

    /// Whether a definition of that name was there but could not be read.
    pub(super) fn is_broken(&self, name: &str) -> bool {
        self.broken.contains(name)
    }
}

fn gather<'d, T>(
    definitions: &'d Definitions,
    pick: impl Fn(&'d ModelFile) -> &'d Entries<T>,
    kind: &str,
    broken: &mut HashSet<String>,
    sink: &mut Sink,
) -> IndexMap<&'d str, Entry<'d, T>> {
    let mut found: IndexMap<&'d str, Entry<'d, T>> = IndexMap::new();
    for file in &definitions.files {
        let entries = pick(&file.model);
        broken.extend(entries.failed().iter().cloned());
        for (name, def) in entries.iter() {
            let entry = Entry { file: file.source.as_ref(), def };
            check_name(name, kind, entry, sink);
            if let Some(first) = found.get(name) {
                let place = first.def.key_place.or(first.def.place);
                let first = match (first.file, place) {
                    (Some(file), Some(place)) => format!(", first at {}:{}", file.name, place.line),
                    _ => String::new(),
                };
                let message = format!("{kind} `{name}` is defined twice{first}");
                sink.at_key(entry.file, def, complaint(codes::DEFINED_TWICE, message));
            } else {
                found.insert(name, entry);
            }
        }
    }
    found
}

/// The name under which a question speaks of each metric's own time.
const METRIC_TIME: &str = "metric_time";

/// Whether a text can be a name: a letter or `_`, then letters, digits and `_`, at most 64, and none
/// of the words that mean something else.
pub fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    let starts = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    let goes_on = chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
    starts && goes_on && text.len() <= 64 && text != "attribute" && text != METRIC_TIME
}

pub(super) fn check_name<T>(name: &str, kind: &str, entry: Entry<'_, T>, sink: &mut Sink) {
    if is_name(name) {
        return;
    }
    let message = format!(
        "`{name}` cannot name a {kind}: use a letter, then letters, digits and `_`, at most 64"
    );
    sink.at_key(entry.file, entry.def, complaint(codes::BAD_NAME, message));
}

/// The model-wide defaults.
pub(super) struct Defaults {
    pub(super) time_zone: TimeZone,
    pub(super) week_start: WeekStart,
    pub(super) fiscal_year: FiscalYear,
}

pub(super) fn defaults(definitions: &Definitions, sink: &mut Sink) -> Defaults {
    let (week_start, fiscal_year) = (WeekStart::Monday, FiscalYear::default());
    let mut found = Defaults { time_zone: TimeZone::UTC, week_start, fiscal_year };
    for file in &definitions.files {
        let Some(defaults) = &file.model.defaults else { continue };
        if let Some(week_start) = defaults.week_start {
            found.week_start = week_start;
        }
        if let Some(fiscal_year) = &defaults.fiscal_year {
            if (1..=12).contains(&fiscal_year.starts) {
                found.fiscal_year = fiscal_year.value;
            } else {
                let message = "a fiscal year starts with a month from 1 to 12";
                sink.at(file.source.as_ref(), fiscal_year, complaint(codes::TIME_ZONE, message));
            }
        }
        if let Some(name) = &defaults.time_zone {
            match TimeZone::get(&name.value) {
                Ok(zone) => found.time_zone = zone,
                Err(_) => {
                    let common = ["UTC", "Europe/Berlin", "Europe/London", "America/New_York"];
                    let what = complaint(
                        codes::TIME_ZONE,
                        format!(
                            "`{}` is not an IANA time zone such as `Europe/Berlin`",
                            name.value
                        ),
                    )
                    .suggest(suggest(&name.value, common));
                    sink.at(file.source.as_ref(), name, what);
                }
            }
        }
    }
    found
}

/// The number of a definition on the wire: explicit, or a hash of the name; unique among `taken`.
pub(super) fn number<T, I: Copy>(
    name: &str,
    kind: &str,
    explicit: Option<&Located<u64>>,
    entry: Entry<'_, T>,
    taken: &HashMap<u64, I>,
    sink: &mut Sink,
) -> u64 {
    // A table and a metric may have one name.
    let number = explicit.map_or_else(|| hashed_id(&[kind, name]), |id| id.value);
    if number == 0 || number >= 1 << 53 {
        let message = format!("id {number} of `{name}` is not from 1 to 2^53 - 1");
        number_problem(explicit, entry, message, sink);
    } else if taken.contains_key(&number) {
        let message = format!("id {number} of `{name}` is taken: give it another `id`");
        number_problem(explicit, entry, message, sink);
    }
    number
}

/// Reports what is wrong with a number: where it is written, or else at the name it is made from.
pub(super) fn number_problem<T>(
    explicit: Option<&Located<u64>>,
    entry: Entry<'_, T>,
    message: String,
    sink: &mut Sink,
) {
    let what = complaint(codes::WIRE_ID, message);
    match explicit {
        Some(id) => sink.at(entry.file, id, what),
        None => sink.at_key(entry.file, entry.def, what),
    }
}
