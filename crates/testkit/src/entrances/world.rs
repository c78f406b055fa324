//! A small world with something hidden of each kind, and twins of it that differ in nothing else.
//! To whom it is hidden they are one world.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::csv::Writer;
use sandbar::{AttributeValue, Principal, PrincipalBuilder};

/// What the tokens of the people of a world are signed with.
pub const SECRET: &str = "9b1f6d0e4c7a2358e1d4b7f0a3c65982";
/// The time in all worlds, in seconds since 1970.
pub const NOW: u64 = 1_782_864_000;

/// What stands in hidden rows, in hidden fields, under masks, in attributes and in policies, and
/// in nothing that [`Asker::Sam`] may be told.
pub const TOKENS: [&str; 6] =
    ["HIDDEN-ROW", "777888", "RAW-VALUE", "ATTRIBUTE", "888777", "CONSTANT"];

/// What another world differs in from the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Twin {
    /// Nothing: the first world.
    Same,
    /// The rows that are hidden: other values, on which calculations fail, and many more of them.
    Rows,
    /// The values of a field that is hidden, in all rows.
    Fields,
    /// The values under masks.
    Masks,
    /// Hidden fields, tables, metrics, measures, segments and relationships do not exist.
    Names,
    /// Other attributes of the asker and other constants in policies, which show the same rows.
    Attributes,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asker {
    /// Somebody from whom all that is hidden, which twins differ in.
    Sam,
    /// As Sam, with an attribute that shows other rows in each of the twins.
    Kim,
    /// As Sam, without an attribute: nothing is shown to him that wants one.
    Noel,
    /// Somebody who sees everything.
    Chief,
}

/// One of the worlds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct World(pub Twin);

/// A visit, as it is stored.
struct Visit {
    id: i64,
    region: &'static str,
    amount: i64,
    divisor: i64,
    text: String,
    phone: String,
    code: i64,
    patient: i64,
}

impl World {
    /// The model.
    pub fn model(self) -> String {
        let or_nothing = |text: &'static str| if self.0 == Twin::Names { "" } else { text };
        let wage = self.wage();
        format!(
            "
sources:
  visits: {{ format: csv, path: visits.csv }}
  patients: {{ format: csv, path: patients.csv }}
  calls: {{ format: csv, path: calls.csv }}
  doses: {{ format: csv, path: doses.csv }}
  wages: {{ format: csv, path: wages.csv }}
{sources}
tables:
  visits:
    id: 70
    primary_key: [id]
    fields:
      id: {{}}
      region: {{}}
      amount: {{}}
      divisor: {{}}
      text: {{}}
      phone: {{}}
      note: {{ expr: phone }}
      patient_id: {{}}
      share: {{ expr: 'div(amount, divisor)' }}
{fields}
    segments:
      dear: {{ where: amount > 40 }}
{segments}
    measures:
      mean_amount: {{ expr: avg(amount) }}
{measures}
    relationships:
      patient: {{ to: patients, on: {{ patient_id: id }}, cardinality: many_to_one }}
{relationships}
  patients:
    primary_key: [id]
    fields: {{ id: {{}}, name: {{}}, region: {{}}, phone: {{}} }}
  calls:
    primary_key: [id]
    fields: {{ id: {{}}, patient_id: {{}}, minutes: {{}} }}
    relationships:
      patient: {{ to: patients, on: {{ patient_id: id }}, cardinality: many_to_one }}
  doses:
    primary_key: [id]
    fields: {{ id: {{}}, patient_id: {{}}, giver: {{}}, drops: {{}} }}
    relationships:
      patient: {{ to: patients, on: {{ patient_id: id }}, cardinality: many_to_one }}
  wages:
    primary_key: [id]
    fields: {{ id: {{}}, ward: {{}}, job: {{}}, {wage}: {{}} }}
  places:
    query: {{ metrics: [turnover, visits_made], group_by: [{{ field: visits.region, as: region }}] }}
    primary_key: [region]
    fields:
      region: {{ type: text }}
      turnover: {{ type: 'decimal(38, 0)' }}
      visits_made: {{ type: integer }}
{tables}
metrics:
  turnover: {{ table: visits, expr: sum(amount) }}
  visits_made: {{ table: visits, expr: count(*) }}
  called: {{ id: 62, table: calls, expr: sum(minutes) }}
  workers: {{ id: 60, table: wages, expr: count(*) }}
  wages_paid: {{ id: 61, table: wages, expr: sum({wage}), definer: true, min_group_size: 2 }}
{metrics}
",
            sources = or_nothing("  xaudits: { format: csv, path: xaudits.csv }"),
            fields = or_nothing("      xcode: {}\n      xtwice: { expr: xcode * 2 }"),
            segments = or_nothing("      xcoded: { where: xcode > 0 }"),
            measures = or_nothing("      xmean: { expr: avg(xcode) }"),
            relationships = or_nothing(
                "      xaudit: { to: xaudits, on: { id: id }, cardinality: one_to_one }"
            ),
            tables = or_nothing(
                "  xaudits: { id: 71, primary_key: [id], fields: { id: {}, xresult: {} } }"
            ),
            metrics = or_nothing(
                "  xpayroll: { id: 81, table: visits, expr: sum(xcode) }
  xsalaries: { table: wages, expr: sum(xsalary) }"
            ),
        )
    }

    /// The policies.
    pub fn policies(self) -> String {
        let constant = if self.0 == Twin::Attributes { "CONSTANT-2" } else { "CONSTANT-1" };
        let but_code = if self.0 == Twin::Names { "all" } else { "{ except: [xcode] }" };
        let audits = if self.0 == Twin::Names { "" } else { ", xaudits" };
        let wage = self.wage();
        format!(
            "
attributes:
  regions: {{ type: text, list: true }}
  level: {{ type: integer }}
groups: {{ staff: {{}}, chiefs: {{}} }}
policies:
  own_visits:
    groups: [staff]
    grant:
      tables: [visits]
      rows: region in (attribute.regions) and amount < attribute.level
      masks: {{ phone: {{ prefix: 2 }} }}
      fields: {but_code}
  west_in_part:
    groups: [staff]
    grant: {{ tables: [visits], rows: region = 'west', fields: {{ only: [id, region] }} }}
  no_test_visits:
    groups: [staff]
    restrict: {{ tables: [visits], rows: \"text <> '{constant}'\" }}
  own_patients:
    groups: [staff]
    grant:
      tables: [patients]
      rows: region in (attribute.regions)
      masks: {{ phone: {{ constant: 'none' }} }}
      propagate: [doses.patient]
  open: {{ groups: [staff], grant: {{ tables: [calls, places] }} }}
  doses_of_the_east:
    groups: [staff]
    grant: {{ tables: [doses], rows: giver in (select id from wages where ward = 'east') }}
  wages: {{ groups: [staff], grant: {{ tables: [wages], fields: {{ except: [{wage}] }} }} }}
  no_single_wages: {{ groups: [staff], restrict: {{ tables: [wages], min_group_size: 3 }} }}
  all:
    groups: [chiefs]
    grant: {{ tables: [visits, patients, calls, doses, wages, places{audits}] }}
"
        )
    }

    /// What the field is called that one metric reads with its author's rights. It is hidden from
    /// Sam, and the metric is not: where hidden names do not exist, it has another one.
    fn wage(self) -> &'static str {
        if self.0 == Twin::Names { "lifted" } else { "xsalary" }
    }

    /// The rows of the sources.
    pub fn tables(self) -> Vec<(&'static str, RecordBatch)> {
        let visits = self.visits();
        let ints = |of: &dyn Fn(&Visit) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(visits.iter().map(of)))
        };
        let texts = |of: &dyn Fn(&Visit) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(visits.iter().map(of)))
        };
        let mut columns = vec![
            ("id", ints(&|v| v.id)),
            ("region", texts(&|v| v.region.to_owned())),
            ("amount", ints(&|v| v.amount)),
            ("divisor", ints(&|v| v.divisor)),
            ("text", texts(&|v| v.text.clone())),
            ("phone", texts(&|v| v.phone.clone())),
            ("patient_id", ints(&|v| v.patient)),
        ];
        if self.0 != Twin::Names {
            columns.push(("xcode", ints(&|v| v.code)));
        }
        let mut tables = vec![
            ("visits", batch(columns)),
            ("patients", self.patients()),
            ("calls", calls()),
            ("doses", self.doses()),
            ("wages", self.wages()),
        ];
        if self.0 != Twin::Names {
            let numbers = |of: fn(i64) -> i64| -> ArrayRef {
                Arc::new(Int64Array::from_iter_values((0..16).map(of)))
            };
            let audits = vec![("id", numbers(|n| n)), ("xresult", numbers(|n| 777_888_900 + n))];
            tables.push(("xaudits", batch(audits)));
        }
        tables
    }

    /// Twelve visits of the north, three of the west, of which only id and region are shown, and
    /// those that are hidden from Sam: the first by their ids, stored before and after the others.
    fn visits(self) -> Vec<Visit> {
        let other = |twin: Twin| self.0 == twin;
        let code = |number: i64| 777_888_000 + number + if other(Twin::Fields) { 500 } else { 0 };
        let raw = if other(Twin::Masks) { "RAW-VALUE-2" } else { "RAW-VALUE-1" };
        let (count, harm) =
            if other(Twin::Rows) { (300, "HIDDEN-ROW-2") } else { (30, "HIDDEN-ROW-1") };
        // On what is hidden, and on that alone, sums overflow and shares are divided by zero.
        let hidden = |id: i64, number: i64, region, patient| Visit {
            id,
            region,
            amount: if other(Twin::Rows) { i64::MAX - number } else { 1_000 + number },
            divisor: if other(Twin::Rows) { 0 } else { 1 },
            text: format!("{harm}-{number}"),
            phone: format!("99{harm}"),
            code: code(100 + number),
            patient,
        };
        let south = |number: i64| hidden(-1 - number, number, "south", 3 + number % 3);
        let mut visits: Vec<Visit> = (0..3)
            .map(|number| hidden(100 + number, 50 + number, "west", 1))
            .chain((0..6).map(south))
            .collect();
        visits.extend((0..12).map(|number| Visit {
            id: number,
            region: "north",
            amount: 10 + number * 7,
            divisor: 1 + number % 3,
            text: format!("text {}", number % 5),
            phone: format!("{}{raw}{number}", 10 + number % 4),
            code: code(number),
            // Every third leads to a patient that is hidden.
            patient: number % 6,
        }));
        visits.extend((6..count).map(south));
        visits
    }

    /// Six patients, of whom the last two are hidden from Sam.
    fn patients(self) -> RecordBatch {
        let of = |number: i64| if number < 4 { "north" } else { "south" };
        let harm = if self.0 == Twin::Rows { "HIDDEN-ROW-2" } else { "HIDDEN-ROW-1" };
        let name = |n: i64| if n < 4 { format!("patient {n}") } else { format!("{harm}-{n}") };
        let raw = if self.0 == Twin::Masks { "RAW-VALUE-2" } else { "RAW-VALUE-1" };
        // One of the hidden ones is not even there.
        let numbers = || 0..if self.0 == Twin::Rows { 5 } else { 6 };
        let texts = |of: &dyn Fn(i64) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(numbers().map(of)))
        };
        batch(vec![
            ("id", Arc::new(Int64Array::from_iter_values(numbers())) as ArrayRef),
            ("name", texts(&name)),
            ("region", texts(&|n| of(n).to_owned())),
            ("phone", texts(&|n| format!("{raw}{n}"))),
        ])
    }

    /// Doses, of which Sam sees the first, the fifth and the sixth: the others were given by nobody
    /// of the east, or to a patient whom he does not see. Each amount is a power of two.
    fn doses(self) -> RecordBatch {
        let rows = self.0 == Twin::Rows;
        let drops = |number: i64, seen: bool| if rows && !seen { i64::MAX } else { 1 << number };
        let mut doses: Vec<(Option<i64>, i64, i64)> = vec![
            (Some(0), 0, drops(0, true)),
            (Some(1), 4, drops(1, false)),
            (Some(4), 1, drops(2, false)),
            (Some(5), 1, drops(3, false)),
            (None, 2, drops(4, true)),
            (Some(3), 3, drops(5, true)),
            (Some(2), 9, drops(6, false)),
        ];
        if rows {
            doses.push((Some(5), 2, i64::MAX));
        }
        let ids = Int64Array::from_iter_values((0..).take(doses.len()));
        batch(vec![
            ("id", Arc::new(ids) as ArrayRef),
            ("patient_id", Arc::new(doses.iter().map(|dose| dose.0).collect::<Int64Array>())),
            ("giver", Arc::new(Int64Array::from_iter_values(doses.iter().map(|dose| dose.1)))),
            ("drops", Arc::new(Int64Array::from_iter_values(doses.iter().map(|dose| dose.2)))),
        ])
    }

    /// Four people of the east and three of smaller wards, five of them nurses. Who is in which of
    /// the smaller wards, and who of two of one ward and job has which wage, is told to nobody who
    /// is told in groups of three.
    fn wages(self) -> RecordBatch {
        let moved = if self.0 == Twin::Rows { "roof" } else { "home" };
        let wards = ["east", "east", "east", "east", "home", moved, "roof"];
        let jobs = ["nurse", "nurse", "guard", "guard", "nurse", "nurse", "nurse"];
        let mut wages = [1, 2, 4, 8, 16, 32, 64].map(|part| 777_888_000_i64 + part);
        if self.0 == Twin::Fields {
            wages.swap(0, 1);
            wages.swap(4, 5);
        }
        batch(vec![
            ("id", Arc::new(Int64Array::from_iter_values(0..7)) as ArrayRef),
            ("ward", Arc::new(StringArray::from(wards.to_vec()))),
            ("job", Arc::new(StringArray::from(jobs.to_vec()))),
            (self.wage(), Arc::new(Int64Array::from(wages.to_vec()))),
        ])
    }

    /// Writes model, policies and sources into a folder, as the command line reads them.
    ///
    /// # Panics
    /// Where they cannot be written.
    pub fn write(self, folder: &Path) {
        let write = |name: &str, text: &str| {
            std::fs::write(folder.join(name), text).expect("a file can be written");
        };
        write("model.yaml", &self.model());
        write("policies.yaml", &self.policies());
        for (name, batch) in self.tables() {
            let file = File::create(folder.join(format!("{name}.csv")));
            let mut writer = Writer::new(file.expect("a file can be made"));
            writer.write(&batch).expect("rows can be written");
        }
    }

    /// The attributes of somebody.
    pub fn attributes(self, who: Asker) -> Vec<(&'static str, AttributeValue)> {
        if who == Asker::Noel {
            return Vec::new();
        }
        let (more, level) = match self.0 {
            Twin::Attributes => ("ATTRIBUTE-2", 8_887_772_i64),
            _ => ("ATTRIBUTE-1", 8_887_771),
        };
        let region =
            if who == Asker::Kim && self.0 == Twin::Attributes { "south" } else { "north" };
        let level = if who == Asker::Kim { i64::MAX } else { level };
        vec![("regions", vec![region, more].into()), ("level", level.into())]
    }

    /// His group.
    pub fn group(self, who: Asker) -> &'static str {
        if who == Asker::Chief { "chiefs" } else { "staff" }
    }

    /// Somebody, as the host knows him.
    ///
    /// # Panics
    /// Never: his name is well-formed.
    pub fn principal(self, who: Asker) -> Principal {
        let of = |builder: PrincipalBuilder, (name, value): (&str, AttributeValue)| {
            builder.attribute(name, value)
        };
        let builder = Principal::asserted_by_host(who.email()).group(self.group(who));
        let builder = self.attributes(who).into_iter().fold(builder, of);
        builder.build().expect("he is well-formed")
    }
}

impl Asker {
    /// What he is called.
    pub fn email(self) -> &'static str {
        match self {
            Self::Sam => "sam@clinic.test",
            Self::Kim => "kim@clinic.test",
            Self::Noel => "noel@clinic.test",
            Self::Chief => "chief@clinic.test",
        }
    }
}

/// Calls, which everybody sees all of: one of each patient, of whom the last two are hidden, and
/// one of nobody. The minutes are powers of two.
fn calls() -> RecordBatch {
    let numbers =
        |of: fn(i64) -> i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values((0..7).map(of))) };
    batch(vec![
        ("id", numbers(|n| n)),
        ("patient_id", numbers(|n| n)),
        ("minutes", numbers(|n| 1 << n)),
    ])
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).expect("the columns are equally long")
}
