//! The sample shop over Parquet and CSV files of a store, which fails at random while it is asked
//! and reloaded. Right is what DuckDB answered (fixtures/golden).

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::csv::WriterBuilder;
use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::object_store::memory::InMemory;
use datafusion::object_store::path::Path;
use datafusion::object_store::{ObjectStore, ObjectStoreExt};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::prelude::{SessionConfig, SessionContext};
use sandbar::{Admission, Engine, ErrorKind, FilesSpec, Format, Limits, Model, SourceSpec, Spill};
use sandbar_shop::{ASKERS, Asker, MODEL, MODEL_NAME, POLICIES, POLICIES_NAME, Shop};
use sandbar_testkit::faults::{Fault, Faulty, Operation};
use sandbar_testkit::generate::Random;
use sandbar_testkit::rows::{Rows, same_rows};
use sandbar_testkit::{fixture, instant_of_day, principal};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::super::asked;
use super::{FAULTS, STORE, check_clean, setting};

/// How many questions are asked, where nobody says otherwise.
const CASES: u64 = 60;

/// What is told by nothing but the store's own words.
const SILENT: [Fault; 4] = [Fault::Short, Fault::Long, Fault::Tagged, Fault::Resized];

/// The shop, and what must be as it was once all have been answered.
struct Files {
    faulty: Arc<Faulty>,
    engine: Engine,
    memory: Arc<dyn MemoryPool>,
    spilled: TempDir,
}

impl Files {
    /// The reviews are a CSV file, everything else is Parquet in several row groups.
    async fn open(queries: &Runtime) -> Self {
        let shop = Shop::generate().unwrap();
        let inner = Arc::new(InMemory::new());
        let today = instant_of_day(shop.today());
        let faulty = Faulty::over(Arc::clone(&inner) as _);
        let memory: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(1 << 30));
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(Arc::clone(&memory));
        let runtime = runtime.build_arc().unwrap();
        let context = SessionContext::new_with_config_rt(SessionConfig::new(), runtime);
        let spilled = tempfile::tempdir().unwrap();
        let mut builder = Engine::builder()
            .model(MODEL_NAME, MODEL)
            .policies(POLICIES_NAME, POLICIES)
            .clock(move || today)
            .session_state(context.state())
            .spill(Spill::default().with_folder(spilled.path()))
            .limits(Limits::default().with_time(Some(Duration::from_secs(300))))
            // Whoever keeps a place is found out soon.
            .admission(Admission::default().with_running(2))
            .runtime(queries.handle().clone())
            .object_store(STORE, Arc::clone(&faulty) as Arc<dyn ObjectStore>);
        for (name, batch) in shop.tables() {
            let mut file = Vec::new();
            let (format, extension) = match name {
                "reviews" => {
                    WriterBuilder::new().build(&mut file).write(batch).unwrap();
                    (Format::Csv { header: true, delimiter: b',' }, "csv")
                }
                _ => {
                    let rows = Some(batch.num_rows() / 3 + 1);
                    let properties = WriterProperties::builder().set_max_row_group_row_count(rows);
                    let mut writer =
                        ArrowWriter::try_new(&mut file, batch.schema(), Some(properties.build()))
                            .unwrap();
                    writer.write(batch).unwrap();
                    writer.close().unwrap();
                    (Format::Parquet, "parquet")
                }
            };
            let path = format!("shop/{name}.{extension}");
            inner.put(&Path::from(path.as_str()), file.into()).await.unwrap();
            let path = format!("{STORE}/{path}");
            let spec = FilesSpec { format, path, base: None, partitions: vec![] };
            builder = builder.source(name, SourceSpec::Files(spec));
        }
        let engine = builder.build().await.unwrap();
        Self { faulty, engine, memory, spilled }
    }

    async fn ask(&self, asker: &Asker, query: &str) -> Result<String, sandbar::Error> {
        let session = self.engine.session(principal(asker));
        asked(&session, query).await.map(|rows| rows.to_csv().unwrap())
    }
}

/// A question, who asks it, and the rows that are right.
struct Case {
    name: String,
    asker: &'static Asker,
    query: String,
    expected: Rows,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut files: Vec<_> =
        fs::read_dir(fixture("queries")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let query = fs::read_to_string(&file).unwrap();
        for asker in &ASKERS {
            let golden = fixture(&format!("golden/{name}.{}.csv", asker.name));
            let golden = fs::read_to_string(golden).unwrap();
            if golden.starts_with("error: ") || golden.contains('"') {
                continue;
            }
            let (name, query) = (name.clone(), query.clone());
            cases.push(Case { name, asker, query, expected: Rows::read(&golden) });
        }
    }
    cases
}

fn model() -> Model {
    Model::new().with_model(MODEL_NAME, MODEL).with_policies(POLICIES_NAME, POLICIES)
}

#[test]
fn whatever_the_store_of_a_shop_does_the_rows_are_right_or_there_is_an_error() {
    let threads = || {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime.worker_threads(2).thread_stack_size(8 << 20).enable_all().build().unwrap()
    };
    let (hosts, queries) = (threads(), threads());
    let files = hosts.block_on(Files::open(&queries));
    let all = cases();
    let (count, first) = (setting("SANDBAR_CASES", CASES), setting("SANDBAR_SEED", 1));
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for seed in first..first + count {
        let mut random = Random::new(seed);
        let case = random.pick(&all);
        let reloads = random.percent(25);
        let told = format!("seed {seed}: {} as {}", case.name, case.asker.name);
        files.faulty.script(move |call| {
            let reads = matches!(call.operation, Operation::Get | Operation::Ranges);
            let fails = random.percent(if reads { 20 } else { 4 });
            // What no reader would notice by itself is half of it.
            let all: &[Fault] = if random.percent(50) { &SILENT } else { &FAULTS };
            fails.then(|| *random.pick(all))
        });
        // All of it can be read, or the engine goes on with what it has.
        if reloads && let Err(error) = hosts.block_on(files.engine.reload(&model())) {
            assert_eq!(error.kind(), ErrorKind::Source, "{told}: {error}");
        }
        let end = match hosts.block_on(files.ask(case.asker, &case.query)) {
            Ok(rows) => {
                assert!(same_rows(&Rows::read(&rows), &case.expected), "{told}: {rows}");
                "right".to_owned()
            }
            Err(error) => {
                check_clean(&error);
                error.code().to_owned()
            }
        };
        *ends.entry(end).or_default() += 1;
    }
    files.faulty.heal();
    // Whatever has happened, whoever asks now is answered, and nothing is left of all that.
    for case in all.iter().step_by(all.len() / 10) {
        let rows = hosts.block_on(files.ask(case.asker, &case.query)).unwrap();
        assert!(same_rows(&Rows::read(&rows), &case.expected), "{}: {rows}", case.name);
    }
    for _ in 0..500 {
        if queries.metrics().num_alive_tasks() == 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(queries.metrics().num_alive_tasks(), 0);
    assert_eq!(files.faulty.open(), 0);
    assert_eq!(files.memory.reserved(), 0);
    let folders = fs::read_dir(files.spilled.path()).unwrap();
    let left = folders.flat_map(|folder| walk(&folder.unwrap().path())).count();
    assert_eq!(left, 0, "files on disk");
    let fired = files.faulty.fired();
    let (fired, kinds) = (fired.values().sum::<usize>(), fired.len());
    println!("{ends:?}, {fired} faults of {kinds} kinds");
    let count = usize::try_from(count).unwrap();
    assert!(fired > count / 4, "only {fired} faults in {count} cases");
    if count >= 60 {
        assert!(kinds > FAULTS.len() / 2, "only {kinds} kinds of faults");
        assert!(ends["right"] > count / 5 && ends["E0305"] > count / 20, "{ends:?}");
    }
}

/// All files below a folder.
fn walk(path: &std::path::Path) -> Vec<std::path::PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    fs::read_dir(path).unwrap().flat_map(|entry| walk(&entry.unwrap().path())).collect()
}
