//! What is prepared once per snapshot: the tables that can be scanned and the zones of the model.

use std::sync::Arc;

use datafusion_expr::TableSource as ScanSource;
use jiff::{SignedDuration, Timestamp};
use sandbar_catalog::query::{date_of_days, days_since_epoch, instant, plain_date};
use sandbar_catalog::time::Grain;
use sandbar_catalog::{FieldId, FieldKind, RelationshipId, Snapshot, TableId, TableSource};

use crate::error::QueryError;
use crate::functions::{Clock, MaskKey, floor_date};

/// A snapshot made ready for planning: shared by all requests that see it.
#[derive(Debug)]
pub struct Compiled {
    snapshot: Arc<Snapshot>,
    tables: Vec<Stored>,
    clock: Clock,
    mask_key: MaskKey,
}

/// What a table reads.
pub(crate) struct Stored {
    /// The name under which it stands in a plan.
    pub(crate) name: String,
    /// What is scanned; `None` for a derived table, whose rows are those of a plan.
    pub(crate) source: Option<Arc<dyn ScanSource>>,
    /// For each field, the position of its column in the source.
    columns: Vec<Option<usize>>,
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stored").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Compiled {
    /// Prepares a snapshot. `sources` gives what can be scanned under a source's name.
    ///
    /// # Errors
    /// An internal error where a source or column of the snapshot is not there: the check has
    /// seen other sources than these.
    pub fn new(
        snapshot: Arc<Snapshot>,
        sources: &dyn Fn(&str) -> Option<Arc<dyn ScanSource>>,
        mask_key: MaskKey,
    ) -> Result<Self, QueryError> {
        let mut tables = Vec::with_capacity(snapshot.tables().len());
        for table in snapshot.tables() {
            let TableSource::Source { name, .. } = &table.source else {
                tables.push(Stored::derived(&table.name));
                continue;
            };
            let source = sources(name).ok_or_else(|| {
                QueryError::internal(format!("source `{name}` is not registered"))
            })?;
            let schema = source.schema();
            let mut columns = Vec::with_capacity(table.fields.len());
            for field in &table.fields {
                columns.push(match &field.kind {
                    FieldKind::Calculated(_) => None,
                    FieldKind::Stored { column, arrow } => {
                        let index = schema.index_of(column).map_err(|_| {
                            QueryError::internal(format!("source `{name}` lost a column"))
                        })?;
                        if schema.field(index).data_type() != arrow {
                            return Err(QueryError::internal(format!(
                                "a column of source `{name}` changed its type"
                            )));
                        }
                        Some(index)
                    }
                });
            }
            tables.push(Stored { name: name.clone(), source: Some(source), columns });
        }
        let clock = clock_of(&snapshot);
        Ok(Self { snapshot, tables, clock, mask_key })
    }

    /// A snapshot whose names can be resolved, and of which nothing can be scanned.
    pub(crate) fn unscanned(snapshot: Arc<Snapshot>) -> Self {
        let clock = clock_of(&snapshot);
        Self { snapshot, tables: Vec::new(), clock, mask_key: MaskKey::new([0; 32]) }
    }

    /// The model.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// The zone and week start of the model.
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The bucket that a time lies in, as a question names it: by its first day, or by its first
    /// instant where it is shorter than a day. What names a bucket stays itself. `None` where the
    /// text is no date or instant.
    pub fn bucket_of(&self, text: &str, grain: Grain) -> Option<String> {
        let clock = &self.clock;
        let floor = |day| {
            let first = floor_date(day, grain, clock);
            date_of_days(first).map(|first| first.to_string())
        };
        // A day is one of every zone, also where no instant is as late as it ends.
        if grain.is_date()
            && let Some(date) = plain_date(text)
        {
            return floor(days_since_epoch(date));
        }
        let at = instant(text, &clock.zone)?;
        let mut offsets = clock.offsets();
        if grain.is_date() {
            return floor(i32::try_from(offsets.local(at).0).ok()?);
        }
        let seconds = match grain {
            Grain::Second => 1,
            Grain::Minute => 60,
            _ => 3_600,
        };
        let mut begin = |at: i64| {
            let (_, shown) = offsets.local(at);
            at.checked_sub(shown.rem_euclid(seconds * 1_000_000))
        };
        // Where clocks change within a bucket, what follows is named by an instant before the
        // change, which lies in the bucket before.
        let within = Timestamp::from_microsecond(at).ok();
        let next = within.and_then(|at| clock.zone.following(at).next());
        let change = next.and_then(|next| begin(next.timestamp().as_microsecond()));
        written(if change == Some(at) { at } else { begin(at)? })
    }

    pub(crate) fn mask_key(&self) -> &MaskKey {
        &self.mask_key
    }

    /// What a table reads.
    pub(crate) fn stored(&self, table: TableId) -> Result<&Stored, QueryError> {
        let missing = || QueryError::internal("a table that was not compiled");
        self.tables.get(table.index()).ok_or_else(missing)
    }

    /// The name under which a table stands in a plan when reached over `via`: role names joined
    /// by points, after the name of the asked table.
    pub(crate) fn alias(&self, base: TableId, via: &[RelationshipId]) -> String {
        let mut alias = self.snapshot.table(base).name.clone();
        for step in via {
            alias.push('.');
            alias.push_str(&self.snapshot.relationship(*step).name);
        }
        alias
    }
}

/// An instant as a question has it, also on the last day of the calendar.
fn written(micros: i64) -> Option<String> {
    let (second, micro) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let day = date_of_days(i32::try_from(second.div_euclid(86_400)).ok()?)?;
    let clock = SignedDuration::new(second.rem_euclid(86_400), i32::try_from(micro * 1_000).ok()?);
    let at = day.at(0, 0, 0, 0).checked_add(clock).ok()?;
    Some(format!("{at}Z"))
}

fn clock_of(snapshot: &Snapshot) -> Clock {
    Clock {
        zone: snapshot.time_zone().clone(),
        week_start: snapshot.week_start(),
        fiscal: snapshot.fiscal_year(),
    }
}

impl Stored {
    fn derived(table: &str) -> Self {
        Self { name: table.to_owned(), source: None, columns: Vec::new() }
    }

    /// The position of a stored field's column.
    pub(crate) fn column(&self, field: FieldId) -> Option<usize> {
        self.columns.get(field.index()).copied().flatten()
    }
}
