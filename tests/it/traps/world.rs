//! A trap's tables and model as an engine, in one of four ways.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, TimeUnit};
use datafusion::datasource::MemTable;
use datafusion::execution::session_state::SessionStateBuilder;
use sandbar::{Engine, Error, Principal, Session};

/// How the question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Plain,
    WithoutOptimiser,
    ShuffledPartitions,
    UnderAPolicy,
}

impl Way {
    #[allow(dead_code, reason = "the example asks in one way")]
    pub(crate) const ALL: [Self; 4] =
        [Self::Plain, Self::WithoutOptimiser, Self::ShuffledPartitions, Self::UnderAPolicy];
}

/// A table of a trap: its name, and its rows as columns.
struct Table {
    name: String,
    fields: Vec<(String, String)>,
    rows: Vec<Vec<Option<String>>>,
}

fn tables(folder: &Path) -> Vec<Table> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let csv = files.iter().filter(|file| file.extension().is_some_and(|e| e == "csv"));
    csv.map(|file| {
        let text = fs::read_to_string(file).unwrap();
        let mut lines = text.lines();
        let head = lines.next().unwrap().split(',');
        let field = |field: &str| {
            let (name, data_type) = field.split_once(' ').unwrap();
            (name.to_owned(), data_type.to_owned())
        };
        let cell = |cell: &str| (!cell.is_empty()).then(|| cell.to_owned());
        Table {
            name: file.file_stem().unwrap().to_str().unwrap().to_owned(),
            fields: head.map(field).collect(),
            rows: lines.map(|line| line.split(',').map(cell).collect()).collect(),
        }
    })
    .collect()
}

/// A text as a value of a temporal type.
fn temporal<A: Clone + 'static>(text: &str, target: &DataType) -> A {
    let texts: ArrayRef = Arc::new(StringArray::from(vec![text]));
    let cast = arrow::compute::cast(&texts, target).unwrap();
    cast.as_any().downcast_ref::<A>().unwrap().clone()
}

fn day(text: &str) -> i32 {
    temporal::<Date32Array>(text, &DataType::Date32).value(0)
}

fn instant(text: &str) -> i64 {
    let target = DataType::Timestamp(TimeUnit::Microsecond, None);
    temporal::<TimestampMicrosecondArray>(text, &target).value(0)
}

fn batch(table: &Table, rows: &[usize]) -> RecordBatch {
    let column = |index: usize, data_type: &str| -> ArrayRef {
        let cells = rows.iter().map(|row| table.rows[*row][index].as_deref());
        match data_type {
            "int" => Arc::new(cells.map(|c| c.map(|c| c.parse().unwrap())).collect::<Int64Array>()),
            "double" => {
                Arc::new(cells.map(|c| c.map(|c| c.parse().unwrap())).collect::<Float64Array>())
            }
            "boolean" => {
                Arc::new(cells.map(|c| c.map(|c| c.parse().unwrap())).collect::<BooleanArray>())
            }
            "varchar" => Arc::new(cells.collect::<StringArray>()),
            "date" => Arc::new(cells.map(|c| c.map(day)).collect::<Date32Array>()),
            "timestamp" => {
                Arc::new(cells.map(|c| c.map(instant)).collect::<TimestampMicrosecondArray>())
            }
            other => panic!("a trap has a column of type {other}"),
        }
    };
    let named = table.fields.iter().enumerate();
    RecordBatch::try_from_iter_with_nullable(
        named.map(|(index, (name, data_type))| (name, column(index, data_type), true)),
    )
    .unwrap()
}

/// The tables of a trap, each with its name.
#[allow(dead_code, reason = "for the example that writes them")]
pub(crate) fn batches(folder: &Path) -> Vec<(String, RecordBatch)> {
    let all = |table: &Table| (0..table.rows.len()).collect::<Vec<usize>>();
    tables(folder).iter().map(|table| (table.name.clone(), batch(table, &all(table)))).collect()
}

pub(crate) async fn engine(folder: &Path, way: Way) -> Result<Engine, Error> {
    let tables = tables(folder);
    let model = fs::read_to_string(folder.join("model.yaml")).unwrap();
    let mut builder = Engine::builder().model("model.yaml", &model);
    builder = match fs::read_to_string(folder.join("policies.yaml")) {
        Ok(policies) => builder.policies("policies.yaml", &policies),
        Err(_) => {
            let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
            let all = format!(
                "groups: {{ everyone: {{}} }}\npolicies:\n  all: {{ groups: [everyone], grant: \
                 {{ tables: [{}] }} }}\n",
                names.join(", ")
            );
            builder.policies("policies.yaml", &all)
        }
    };
    if way == Way::UnderAPolicy {
        let restrict = |table: &Table| {
            let (name, field) = (&table.name, &table.fields[0].0);
            format!(
                "  true_of_{name}: {{ restrict: {{ tables: [{name}], rows: {field} is null or \
                 {field} is not null }} }}\n"
            )
        };
        let all: String = tables.iter().map(restrict).collect();
        builder = builder.policies("always.yaml", &format!("policies:\n{all}"));
    }
    if way == Way::WithoutOptimiser {
        let state = SessionStateBuilder::new().with_default_features();
        builder = builder.session_state(state.with_optimizer_rules(Vec::new()).build());
    }
    for table in &tables {
        let count = table.rows.len();
        if way == Way::ShuffledPartitions {
            // Backwards, every third row into one of three partitions.
            let part = |n: usize| (0..count).rev().filter(|row| row % 3 == n).collect::<Vec<_>>();
            let parts: Vec<Vec<RecordBatch>> =
                (0..3).map(|n| vec![batch(table, &part(n))]).collect();
            let schema = parts[0][0].schema();
            builder = builder
                .table_provider(&table.name, Arc::new(MemTable::try_new(schema, parts).unwrap()));
        } else {
            let rows: Vec<usize> = (0..count).collect();
            builder = builder.batches(&table.name, vec![batch(table, &rows)]);
        }
    }
    builder.build().await
}

#[allow(dead_code, reason = "the example asks as an administrator")]
pub(crate) fn session(engine: &Engine, folder: &Path) -> Session {
    engine.session(asker(folder))
}

/// Who asks.
pub(crate) fn asker(folder: &Path) -> Principal {
    let mut principal = Principal::asserted_by_host("somebody").group("everyone");
    if let Ok(text) = fs::read_to_string(folder.join("attributes.json")) {
        let attributes: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&text).unwrap();
        for (name, value) in attributes {
            principal = principal.attribute(&name, value.as_i64().unwrap());
        }
    }
    principal.build().unwrap()
}
