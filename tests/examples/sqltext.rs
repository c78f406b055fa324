//! Writes what `fixtures/sqltext/check.py` compares: `sqltext DIR`. For every question of the shop by
//! each of its people, of TPC-H, of the traps and of random worlds the SQL texts, or why there is
//! none, with the rows that the engine gives; and the tables as Parquet files.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    reason = "a tool beside the tests: it may fail loudly"
)]

use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::parquet::arrow::ArrowWriter;
use sandbar::time::{Grain, Part};
use sandbar::{
    Administrator, Collected, Engine, Explanation, Principal, SemanticQuery, SqlDialect,
};
use sandbar_benches::tpch;
use sandbar_shop::{ASKERS, Shop};
use sandbar_testkit::generate::{
    Random, batch, concerned, json, policies_yaml, question, row_security, spell_out, wide_world,
    world, yaml,
};
use sandbar_testkit::reference::{Policies, World};
use sandbar_testkit::{fixture, instant_of_day, principal, shop};
use serde_json::{Map, Value, json as value};

#[path = "../it/traps/world.rs"]
#[allow(dead_code, reason = "the tests ask in several ways")]
mod traps;

/// The scale factor of TPC-H.
const SCALE: f64 = 0.01;
/// How many random worlds there are, and how many questions each is asked.
const WORLDS: u64 = 80;
const QUESTIONS: usize = 8;
/// How many random worlds have random policies.
const SECURED: u64 = 120;

/// The aggregations of the question language that are of a field alone.
const FUNCTIONS: [&str; 12] = [
    "count",
    "count_distinct",
    "sum",
    "avg",
    "min",
    "max",
    "median",
    "stddev",
    "stddev_pop",
    "variance",
    "variance_pop",
    "approx_distinct",
];

/// The databases, as the comparison names them.
const BOTH: [(&str, SqlDialect); 2] =
    [("duckdb", SqlDialect::DuckDb), ("postgres", SqlDialect::Postgres)];

/// All that is compared, so far.
struct Written {
    folder: PathBuf,
    questions: Vec<Value>,
}

impl Written {
    fn table(&self, world: &str, name: &str, batches: &[RecordBatch]) {
        let folder = self.folder.join(world);
        fs::create_dir_all(&folder).unwrap();
        let file = fs::File::create(folder.join(format!("{name}.parquet"))).unwrap();
        let mut writer = ArrowWriter::try_new(file, batches[0].schema(), None).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.close().unwrap();
    }

    /// The tables and policies of a random world, and an engine over them.
    async fn world(&self, folder: &str, world: &World, policies: &Policies) -> Engine {
        let (text, leap_day) = (policies_yaml(world, policies), instant_of_day(19_782));
        let mut builder = Engine::builder()
            .model("model.yaml", &yaml(world, None))
            .policies("policies.yaml", &text)
            .clock(move || leap_day);
        for table in world.stored() {
            self.table(folder, &table.name, &[batch(table)]);
            builder = builder.batches(&table.name, vec![batch(table)]);
        }
        fs::write(self.folder.join(folder).join("policies.yaml"), text).unwrap();
        builder.build().await.unwrap()
    }

    /// A question, unless it is refused.
    async fn question(
        &mut self,
        (world, name): (&str, &str),
        engine: &Engine,
        asker: &Principal,
        query: &str,
    ) {
        let Some((explained, answer)) = both(engine, asker, asker, query).await else { return };
        if !is_determined(query, &explained) {
            return;
        }
        self.written((world, name), &explained, &answer, explained.ordered, &BOTH);
    }

    /// A question by somebody who sees some rows, with the text of what somebody else would be told
    /// who sees all of them: PostgreSQL has to take the others away.
    async fn secured(
        &mut self,
        (world, name): (&str, &str),
        engine: &Engine,
        (everyone, somebody): (&Principal, &Principal),
        query: &str,
    ) {
        let told = both(engine, everyone, somebody, query).await;
        let Some((explained, answer)) = told else { return };
        if !answer.is_scoped() || !is_determined(query, &explained) {
            return;
        }
        let ordered = explained.ordered;
        self.written((world, name), &explained, &answer, ordered, &BOTH[1..]);
    }

    fn written(
        &mut self,
        (world, name): (&str, &str),
        explained: &Explanation,
        answer: &Collected,
        ordered: bool,
        dialects: &[(&str, SqlDialect)],
    ) {
        let mut entry = Map::new();
        entry.insert("world".to_owned(), world.into());
        entry.insert("name".to_owned(), name.into());
        entry.insert("ordered".to_owned(), ordered.into());
        for (database, dialect) in dialects {
            let text = match explained.sql(*dialect).unwrap() {
                Ok(sql) => value!({ "sql": sql }),
                Err(reason) => value!({ "none": reason.to_string() }),
            };
            entry.insert((*database).to_owned(), text);
        }
        entry.insert("rows".to_owned(), rows(answer.batches()).into());
        let schema = answer.schema();
        let types: Vec<Value> =
            schema.fields().iter().map(|field| kind(field.data_type()).into()).collect();
        entry.insert("types".to_owned(), types.into());
        let names: Vec<Value> =
            schema.fields().iter().map(|field| field.name().as_str().into()).collect();
        entry.insert("columns".to_owned(), names.into());
        self.questions.push(entry.into());
    }
}

/// How a question of one is explained, and what another is told; nothing where it is refused.
async fn both(
    engine: &Engine,
    explained: &Principal,
    asker: &Principal,
    query: &str,
) -> Option<(Explanation, Collected)> {
    let query = SemanticQuery::from_json(query).ok()?;
    let administrator = Administrator::asserted_by_host();
    let explained = engine.explain_as(&administrator, explained, &query).await.ok()?;
    let answer = engine.session(asker.clone()).query(&query).await.ok()?;
    Some((explained, answer.collect().await.ok()?))
}

/// What kind of values a column has.
fn kind(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "boolean",
        DataType::Float32 | DataType::Float64 => "double",
        DataType::Decimal128(..) => "decimal",
        DataType::Date32 => "date",
        DataType::Timestamp(..) => "instant",
        number if number.is_integer() => "integer",
        _ => "text",
    }
}

/// Rows as lists of texts.
fn rows(batches: &[RecordBatch]) -> Vec<Value> {
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<_> =
            batch.columns().iter().map(|column| cast(column, &DataType::Utf8).unwrap()).collect();
        for row in 0..batch.num_rows() {
            let cells = columns.iter().map(|column| match column.is_null(row) {
                true => Value::Null,
                false => column.as_string::<i32>().value(row).into(),
            });
            rows.push(Value::Array(cells.collect()));
        }
    }
    rows
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == extension));
    files.sort();
    files
}

async fn the_shop(written: &mut Written) {
    for (name, batch) in Shop::generate().unwrap().tables() {
        written.table("shop", name, std::slice::from_ref(batch));
    }
    let engine = shop().build().await.unwrap();
    for file in files(&fixture("queries"), "json") {
        let query = fs::read_to_string(&file).unwrap();
        for asker in &ASKERS {
            let name = format!("{}.{}", stem(&file), asker.name);
            written.question(("shop", &name), &engine, &principal(asker), &query).await;
        }
    }
    // And those of the manual, by who sees everything.
    let page = fs::read_to_string(fixture("../docs/query.md")).unwrap();
    let questions = page.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    for (index, query) in questions.enumerate() {
        let name = format!("docs/query.md {index}");
        written.question(("shop", &name), &engine, &principal(&ASKERS[0]), query).await;
    }
}

async fn the_suppliers(written: &mut Written) {
    let mut builder = Engine::builder()
        .model("model.yaml", tpch::MODEL)
        .policies("policies.yaml", tpch::POLICIES);
    for (name, _, batches) in tpch::tables(SCALE).unwrap() {
        written.table("tpch", &name, &batches);
        builder = builder.batches(&name, batches);
    }
    let engine = builder.build().await.unwrap();
    let analyst = Principal::asserted_by_host("analyst").group("analysts").build().unwrap();
    for (name, query) in tpch::QUERIES {
        written.question(("tpch", name), &engine, &analyst, query).await;
    }
}

async fn the_traps(written: &mut Written) {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(fixture("traps")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    for folder in folders {
        let world = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let engine = traps::engine(&folder, traps::Way::Plain).await.unwrap();
        for (name, batch) in traps::batches(&folder) {
            written.table(&world, &name, &[batch]);
        }
        let asker = traps::asker(&folder);
        for file in files(&folder, "json").iter().filter(|file| stem(file) != "attributes") {
            let query = fs::read_to_string(file).unwrap();
            written.question((&world, &stem(file)), &engine, &asker, &query).await;
        }
    }
}

/// Every field of a table by itself, every grain and part of its times in some zones, and every
/// aggregation, without the numbers whose squares are no doubles.
async fn the_expressions(written: &mut Written) {
    let folder = fixture("sqltext/expressions");
    let engine = traps::engine(&folder, traps::Way::Plain).await.unwrap();
    for (name, batch) in traps::batches(&folder) {
        written.table("expressions", &name, &[batch]);
    }
    let asker = traps::asker(&folder);
    let mut asked: Vec<(String, Value)> = Vec::new();
    let table = engine.session(asker.clone()).describe_table("t").unwrap();
    for field in &table.fields {
        let name = field.name.as_str();
        let listed = value!({ "table": "t", "fields": ["id", { "field": name, "as": "v" }] });
        asked.push((name.to_owned(), listed));
        let groups = value!({ "table": "t", "group_by": [name], "aggregations": ["count"] });
        asked.push((format!("by {name}"), groups));
        let by = value!([{ "field": name, "order": "desc" }]);
        let order = value!({ "table": "t", "fields": ["id"], "order_by": by });
        asked.push((format!("order {name}"), order));
    }
    let grains = Grain::NAMES.iter().map(|(name, _)| *name);
    let parts = Part::NAMES.iter().map(|(name, _)| *name);
    let weeks = ["monday", "sunday", "saturday"];
    let zones = ["UTC", "America/New_York", "Asia/Kathmandu"];
    for (index, grain) in grains.chain(parts).enumerate() {
        for (zone, week) in zones.iter().zip(weeks.iter().cycle().skip(index)) {
            for field in ["d", "at"] {
                let shown = value!(["id", { "field": field, "grain": grain, "as": "v" }]);
                let listed = value!({
                    "table": "t", "fields": shown, "time_zone": zone, "week_start": week
                });
                asked.push((format!("{grain} of {field} in {zone}"), listed));
            }
        }
    }
    let filter = value!({ "field": "id", "op": "not_in", "values": [7, 11, 12] });
    for function in FUNCTIONS {
        for field in ["n", "x", "money", "s", "b", "d", "at"] {
            let number =
                value!([{ "function": function, "field": field, "as": "v", "filter": filter }]);
            let keys = value!([{ "field": "b", "as": "k" }]);
            let grouped = value!({ "table": "t", "aggregations": number, "group_by": keys });
            asked.push((format!("{function} of {field}"), grouped));
        }
    }
    for (name, query) in asked {
        let query = query.to_string();
        written.question(("expressions", &name), &engine, &asker, &query).await;
    }
}

/// Whether which rows there are is determined, also where a limit leaves some.
fn is_determined(query: &str, explained: &Explanation) -> bool {
    explained.ordered || !query.contains("\"limit\"")
}

async fn random_worlds(written: &mut Written) {
    for seed in 1..=WORLDS {
        let mut random = Random::new(seed);
        let world = world(&mut random);
        let folder = format!("random {seed}");
        let engine = written.world(&folder, &world, &Policies::default()).await;
        let asker = Principal::asserted_by_host("somebody").group("elsewhere").build().unwrap();
        for number in 0..QUESTIONS {
            let mut question = question(&mut random, &world);
            let mut drawn = Random::new(seed ^ 0xCA1C ^ ((number as u64) << 32));
            spell_out(&mut drawn, &world, &world, &mut question);
            let query = json(&question);
            let engine = engine.clone();
            let asker = asker.clone();
            let name = number.to_string();
            written.question((&folder, &name), &engine, &asker, &query).await;
        }
    }
}

/// Random policies of rows in random worlds, and questions of one whom they concern.
async fn secured_worlds(written: &mut Written) {
    for seed in 1..=SECURED {
        let mut random = Random::new(0x05ec_0000 + seed);
        let world = wide_world(&mut random);
        let (policies, statements) = row_security(&mut random, &world);
        let folder = format!("secured {seed}");
        let engine = written.world(&folder, &world, &policies).await;
        fs::write(written.folder.join(&folder).join("policies.sql"), statements).unwrap();
        let everyone = Principal::asserted_by_host("everyone").group("elsewhere").build().unwrap();
        let somebody = concerned(&policies);
        for number in 0..QUESTIONS {
            let query = json(&question(&mut random, &world));
            let name = number.to_string();
            written.secured((&folder, &name), &engine, (&everyone, &somebody), &query).await;
        }
    }
}

#[tokio::main]
async fn main() {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let Some(folder) = folder else { panic!("say where to: `sqltext DIR`") };
    let mut written = Written { folder, questions: Vec::new() };
    the_shop(&mut written).await;
    the_suppliers(&mut written).await;
    the_traps(&mut written).await;
    the_expressions(&mut written).await;
    random_worlds(&mut written).await;
    secured_worlds(&mut written).await;
    let text = serde_json::to_string(&written.questions).unwrap();
    fs::write(written.folder.join("questions.json"), text).unwrap();
    println!("{} questions", written.questions.len());
}
