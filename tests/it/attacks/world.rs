//! Twenty thousand rows of which one tenant's may be seen. Every calculation that an asker is
//! offered fails on the hidden rows, and on them alone; each hidden row carries a token.

use std::collections::HashMap;
use std::fmt::Write;

use arrow::array::RecordBatch;
use sandbar::{AttributeValue, Engine, Limits, Principal, Session};
use tempfile::TempDir;

use super::failing::{ATTACKS, Value};
use super::stored::{NOTES, batch, item_of, notes, offices, write};

/// How many rows there are.
pub(super) const ROWS: i64 = 20_000;
/// What every token starts with; with nine digits it has 16 bytes.
pub(super) const TOKEN: &str = "HIDDEN-";

/// A row of `items`: as it is stored, or as somebody sees it.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) shown: bool,
    pub(super) tenant: Option<&'static str>,
    pub(super) salary: Option<i64>,
    pub(super) secret: Option<String>,
    pub(super) big: Option<i64>,
    pub(super) low: Option<i64>,
    pub(super) money: Option<i128>,
    pub(super) cut: Option<i64>,
    pub(super) day: Option<String>,
    pub(super) score: Option<f64>,
}

impl Row {
    fn harmless(id: i64) -> Self {
        Self {
            id,
            shown: true,
            tenant: Some("a"),
            salary: (id % 17 != 0).then_some(99_000 + id % 900),
            secret: Some((id % 500).to_string()),
            big: Some(id % 700),
            low: Some(-(id % 300)),
            money: Some(i128::from(id % 1_000) * 7),
            cut: Some(id % 3),
            day: Some(format!("2026-01-{:02}", 1 + id % 28)),
            score: Some((id % 250) as f64),
        }
    }

    /// A row on which everything fails that can.
    fn harmful(id: i64) -> Self {
        let token = || Some(format!("{TOKEN}{id:09}"));
        Self {
            id,
            shown: false,
            tenant: Some("b"),
            salary: Some(100_000),
            secret: token(),
            big: Some(i64::MAX - 7),
            low: Some(i64::MIN),
            money: Some(99_999_999_999_999_999_999 - i128::from(id)),
            cut: Some(-1),
            day: token(),
            score: Some(1e300),
        }
    }

    /// What the masks of the model leave of a row.
    fn masked(id: i64) -> Self {
        Self {
            id,
            shown: true,
            tenant: None,
            salary: Some(50),
            secret: Some("7".to_owned()),
            big: Some(7),
            low: Some(7),
            money: Some(700),
            cut: Some(2),
            day: Some("2026-02-07".to_owned()),
            score: Some(7.0),
        }
    }

    /// Whether nothing of it is seen but its key: every row has a tenant, and masked ones a salary.
    pub(super) fn is_blank(&self) -> bool {
        self.tenant.is_none() && self.salary.is_none()
    }

    fn blank(id: i64) -> Self {
        Self {
            id,
            shown: true,
            tenant: None,
            salary: None,
            secret: None,
            big: None,
            low: None,
            money: None,
            cut: None,
            day: None,
            score: None,
        }
    }

    /// Half of the visible rows.
    pub(super) fn is_left(&self) -> bool {
        self.shown && self.id % 2 == 0
    }
}

/// Where the rows are kept.
#[derive(Clone, Copy, Debug)]
pub(super) enum Storage {
    Memory,
    Parquet,
}

/// What hides the rows: the groups of the policies below, each on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Own,
    List,
    Range,
    Related,
    Either,
    Restricted,
    Union,
    Cells,
    RelatedCells,
    MaskedCells,
    InSet,
    NotInSet,
    Goes,
}

pub(super) const KINDS: [(Kind, &str); 13] = [
    (Kind::Own, "own"),
    (Kind::List, "list"),
    (Kind::Range, "range"),
    (Kind::Related, "related"),
    (Kind::Either, "either"),
    (Kind::Restricted, "restricted"),
    (Kind::Union, "union"),
    (Kind::Cells, "cells"),
    (Kind::RelatedCells, "related_cells"),
    (Kind::MaskedCells, "masked_cells"),
    (Kind::InSet, "in_set"),
    (Kind::NotInSet, "not_in_set"),
    (Kind::Goes, "goes"),
];

const POLICIES: &str = "
attributes:
  tenant: { type: text }
  tenants: { type: text, list: true }
  low: { type: integer }
  high: { type: integer }
groups: { own: {}, list: {}, range: {}, related: {}, either: {}, restricted: {}, union: {},
  cells: {}, related_cells: {}, masked_cells: {}, in_set: {}, not_in_set: {}, goes: {} }
policies:
  notes:
    groups:
      [own, list, range, related, either, restricted, union, cells, related_cells, masked_cells,
       in_set, not_in_set, goes]
    grant: { tables: [notes] }
  goes:
    groups: [goes]
    grant: { tables: [offices], rows: state = attribute.tenant, propagate: [items.place] }
  every_item: { groups: [goes], grant: { tables: [items] } }
  in_set:
    groups: [in_set]
    grant:
      tables: [items]
      rows: branch_id in (select id from offices where state = attribute.tenant)
  not_in_set:
    groups: [not_in_set]
    grant:
      tables: [items]
      rows: >-
        branch_id not in
        (select id from offices where state <> attribute.tenant and id is not null)
  own: { groups: [own], grant: { tables: [items], rows: tenant = attribute.tenant } }
  list: { groups: [list], grant: { tables: [items], rows: tenant in (attribute.tenants) } }
  range:
    groups: [range]
    grant: { tables: [items], rows: level between attribute.low and attribute.high }
  related: { groups: [related], grant: { tables: [items], rows: branch.state = attribute.tenant } }
  either:
    groups: [either]
    grant: { tables: [items], rows: part = 'left' or desk.state = attribute.tenant }
  wide: { groups: [restricted], grant: { tables: [items], rows: wide = attribute.tenant } }
  narrowed: { groups: [restricted], restrict: { tables: [items], rows: flag } }
  left: { groups: [union], grant: { tables: [items], rows: part = 'left' } }
  right: { groups: [union], grant: { tables: [items], rows: part = 'right' } }
  own_cells: { groups: [cells, masked_cells], grant: { tables: [items], rows: tenant = attribute.tenant } }
  branch_cells:
    groups: [related_cells]
    grant: { tables: [items], rows: branch.state = attribute.tenant }
  every_id: { groups: [cells, related_cells], grant: { tables: [items], fields: { only: [id] } } }
  every_mask:
    groups: [masked_cells]
    grant:
      tables: [items]
      masks:
        tenant: null
        salary: { constant: 50 }
        secret: { constant: '7' }
        big: { constant: 7 }
        low: { constant: 7 }
        money: { constant: 7 }
        cut: { constant: 2 }
        day: { constant: '2026-02-07' }
        score: { constant: 7 }
";

fn model(storage: Storage) -> String {
    let mut fields = String::new();
    let mut segments = String::new();
    let mut measures = String::new();
    let mut metrics = String::new();
    for attack in &ATTACKS {
        let (name, expr, below) = (attack.name, attack.expr, attack.below_in_model());
        let _ = writeln!(fields, "      {name}: {{ expr: \"{expr}\" }}");
        let _ = writeln!(segments, "      low_{name}: {{ where: \"{name} < {below}\" }}");
        let count = format!("count(*) filter (where {name} < {below})");
        let _ = writeln!(measures, "      few_{name}: {{ expr: \"{count}\" }}");
        let metric = format!("table: items, expr: count(*), filter: \"{name} < {below}\"");
        let _ = writeln!(metrics, "  many_{name}: {{ {metric} }}");
    }
    let sources = match storage {
        Storage::Memory => "",
        Storage::Parquet => "sources: { items: { format: parquet, path: items } }",
    };
    format!(
        "
{sources}
tables:
  items:
    primary_key: [id]
    fields:
      id: {{}}
      tenant: {{}}
      part: {{ visibility: internal }}
      level: {{ visibility: internal }}
      flag: {{ visibility: internal }}
      wide: {{ visibility: internal }}
      branch_id: {{ visibility: internal }}
      desk_id: {{ visibility: internal }}
      place_id: {{ visibility: internal }}
      salary: {{}}
      secret: {{}}
      big: {{}}
      low: {{}}
      money: {{}}
      cut: {{}}
      day: {{}}
      score: {{}}
{fields}
    segments:
{segments}
    measures:
{measures}
    relationships:
      branch: {{ to: offices, on: {{ branch_id: id }}, cardinality: many_to_one }}
      desk: {{ to: offices, on: {{ desk_id: id }}, cardinality: many_to_one }}
      place: {{ to: offices, on: {{ place_id: id }}, cardinality: many_to_one }}
  offices: {{ primary_key: [id], fields: {{ id: {{}}, state: {{}} }} }}
  notes:
    primary_key: [id]
    fields: {{ id: {{}}, item_id: {{}} }}
    relationships: {{ item: {{ to: items, on: {{ item_id: id }}, cardinality: many_to_one }} }}
metrics:
{metrics}
"
    )
}

/// An engine over rows of which some may be seen, and those rows.
pub(super) struct World {
    pub(super) rows: Vec<Row>,
    engine: Engine,
    _folder: Option<TempDir>,
}

impl World {
    /// Of a hundred rows in a row, `visible` are the tenant's.
    pub(super) async fn new(storage: Storage, visible: i64) -> Self {
        let rows = (0..ROWS).map(|id| {
            if id * 7_919 % 100 < visible { Row::harmless(id) } else { Row::harmful(id) }
        });
        Self::over(storage, rows.collect()).await
    }

    /// As [`World::new`], with one row of the tenant on which everything fails.
    pub(super) async fn with_harm(storage: Storage) -> Self {
        let mut rows: Vec<Row> = (0..ROWS).map(Row::harmless).collect();
        let harmed = &mut rows[137];
        *harmed = Row { shown: true, tenant: Some("b"), ..Row::harmful(137) };
        Self::over(storage, rows).await
    }

    async fn over(storage: Storage, rows: Vec<Row>) -> Self {
        let mut builder = Engine::builder()
            .model("model.yaml", &model(storage))
            .policies("policies.yaml", POLICIES)
            .limits(Limits::default().with_rows(1_000_000).with_time(None))
            .batches("offices", vec![offices()])
            .batches("notes", vec![notes()]);
        let batches: Vec<RecordBatch> = rows.chunks(3_333).map(batch).collect();
        let folder = match storage {
            Storage::Memory => {
                builder = builder.batches("items", batches);
                None
            }
            Storage::Parquet => {
                let folder = tempfile::tempdir().unwrap();
                write(&folder, &batches);
                builder = builder.base_dir(folder.path());
                Some(folder)
            }
        };
        Self { rows, engine: builder.build().await.unwrap(), _folder: folder }
    }

    /// The session of somebody in one group alone.
    pub(super) fn session(&self, group: &str) -> Session {
        let tenants = vec![AttributeValue::from("a"), AttributeValue::from("z")];
        let principal = Principal::asserted_by_host("mallory")
            .group(group)
            .attribute("tenant", "a")
            .attribute("tenants", AttributeValue::List(tenants))
            .attribute("low", 0_i64)
            .attribute("high", 9_i64);
        self.engine.session(principal.build().unwrap())
    }

    /// The rows as somebody sees them.
    pub(super) fn seen(&self, kind: Kind) -> Vec<Row> {
        let hidden = |row: &Row| match kind {
            Kind::Cells | Kind::RelatedCells => Some(Row::blank(row.id)),
            Kind::MaskedCells => Some(Row::masked(row.id)),
            _ => None,
        };
        let seen = |row: &Row| if row.shown { Some(row.clone()) } else { hidden(row) };
        self.rows.iter().filter_map(seen).collect()
    }
}

/// Each note with the value that a calculation has for its item.
pub(super) fn notes_with(
    seen: &[Row],
    value: fn(&Row) -> Option<Value>,
) -> Vec<(i64, Option<Value>)> {
    let items: HashMap<i64, Option<Value>> = seen.iter().map(|r| (r.id, value(r))).collect();
    let of = |id: i64| item_of(id).and_then(|item| items.get(&item).cloned()).flatten();
    (0..NOTES).map(|id| (id, of(id))).collect()
}
