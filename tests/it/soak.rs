//! Many questions of many tenants at a time, while the engine is reloaded, sources fail and askers
//! go away: no cell of one tenant in any batch of another. The rows come from a table of the host
//! whose readings fail, or from Parquet files in a store whose calls do. `SANDBAR_SOAK` says how many
//! questions; without it there are few. `SANDBAR_SOAK_SEED` chooses other ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{Session as DataFusionSession, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::object_store::memory::InMemory;
use datafusion::object_store::path::Path;
use datafusion::object_store::{ObjectStore, ObjectStoreExt};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::StreamExt;
use sandbar::{
    Admission, Answer, Engine, EngineBuilder, Error, ErrorKind, FilesSpec, Format, Model,
    Principal, SourceSpec,
};
use sandbar_testkit::faults::{self, SECRETS};
use tokio::task::JoinSet;

const TENANTS: u64 = 200;
const IN_FLIGHT: u64 = 64;
const ROWS_OF_EACH: u64 = 20;

const MODEL: &str = "
tables:
  sales:
    primary_key: [id]
    fields: { id: {}, tenant: {}, code: {}, amount: {} }
    relationships:
      owner: { to: owners, on: { tenant: tenant }, cardinality: many_to_one }
  owners: { primary_key: [tenant], fields: { tenant: {}, label: {} } }
metrics:
  turnover: { table: sales, expr: sum(amount) }
";

/// Who sees what in a version: every fourth takes the odd tenants' rights away, and every one
/// says something else to people who do not ask.
fn model(version: u64) -> Model {
    let groups = if revokes(version) { "even" } else { "even, odd" };
    let policies = format!(
        "
attributes: {{ tenant: {{ type: text }} }}
groups: {{ even: {{}}, odd: {{}}, others: {{}} }}
policies:
  own:
    groups: [{groups}]
    grant: {{ tables: [sales, owners], rows: tenant = attribute.tenant }}
  others: {{ groups: [others], grant: {{ tables: [sales], rows: 'id < {version}' }} }}
"
    );
    let more = format!("{MODEL}  more: {{ table: sales, expr: max(id) + {version} }}\n");
    Model::new().with_model("model.yaml", &more).with_policies("policies.yaml", &policies)
}

fn revokes(version: u64) -> bool {
    version % 4 == 3
}

/// The rows of all tenants among each other; every cell says whose it is.
fn sales() -> Vec<RecordBatch> {
    let of_batch = |batch: u64| {
        let ids: Vec<u64> = (0..TENANTS).map(|tenant| batch * 1_000 + tenant).collect();
        let numbers = || Int64Array::from_iter_values(ids.iter().map(|id| *id as i64));
        let texts = |text: fn(u64) -> String| {
            StringArray::from_iter_values(ids.iter().map(|id| text(*id % 1_000)))
        };
        let columns: [(&str, ArrayRef); 4] = [
            ("id", Arc::new(numbers())),
            ("tenant", Arc::new(texts(|tenant| format!("t{tenant}")))),
            ("code", Arc::new(texts(|tenant| format!("t{tenant}")))),
            ("amount", Arc::new(numbers())),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    };
    (0..ROWS_OF_EACH).map(of_batch).collect()
}

fn owners() -> RecordBatch {
    let names = || StringArray::from_iter_values((0..TENANTS).map(|tenant| format!("t{tenant}")));
    let columns: [(&str, ArrayRef); 2] =
        [("tenant", Arc::new(names())), ("label", Arc::new(names()))];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// The next number of a sequence that looks like chance (splitmix64).
fn random(state: &AtomicU64) -> u64 {
    let mut z = state.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Where the sales are.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Host,
    Store,
}

/// What fails on purpose, until it is healed.
enum Failing {
    Host(Arc<Faulty>),
    Store(Arc<faults::Faulty>),
}

/// How a store fails: everything but a flipped bit, which is another value, and an answer that
/// never comes.
const FAULTS: [faults::Fault; 13] = [
    faults::Fault::Error,
    faults::Fault::Throttled,
    faults::Fault::Missing,
    faults::Fault::Denied,
    faults::Fault::Short,
    faults::Fault::Long,
    faults::Fault::BreaksOff,
    faults::Fault::Elsewhere,
    faults::Fault::Tagged,
    faults::Fault::Resized,
    faults::Fault::Late,
    faults::Fault::Panic,
    faults::Fault::PanicLater,
];

const STORE: &str = "s3://bucket-of-the-shop";

/// Five files of four batches each.
async fn store() -> Arc<faults::Faulty> {
    let inner = Arc::new(InMemory::new());
    for (number, batches) in sales().chunks(4).enumerate() {
        let mut file = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut file, batches[0].schema(), None).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.close().unwrap();
        inner.put(&Path::from(format!("sales/{number}.parquet")), file.into()).await.unwrap();
    }
    faults::Faulty::over(inner)
}

impl Failing {
    /// Sales that do not fail yet.
    async fn of(place: Place, seed: u64, builder: EngineBuilder) -> (Self, EngineBuilder) {
        match place {
            Place::Host => {
                let (faults, chance) = (AtomicBool::new(false), AtomicU64::new(!seed));
                let faulty = Arc::new(Faulty { batches: sales(), faults, chance });
                let table = Arc::new(Table(Arc::clone(&faulty)));
                (Self::Host(faulty), builder.table_provider("sales", table))
            }
            Place::Store => {
                let (store, path) = (store().await, format!("{STORE}/sales"));
                let spec =
                    FilesSpec { format: Format::Parquet, path, base: None, partitions: vec![] };
                let builder = builder
                    .object_store(STORE, Arc::clone(&store) as Arc<dyn ObjectStore>)
                    .source("sales", SourceSpec::Files(spec));
                (Self::Store(store), builder)
            }
        }
    }

    /// From now on about one question in twenty meets a fault.
    fn fail(&self, seed: u64) {
        match self {
            Self::Host(faulty) => faulty.faults.store(true, Ordering::Relaxed),
            Self::Store(store) => {
                let chance = AtomicU64::new(!seed);
                // A question asks for a list and for parts of five files.
                store.script(move |_| {
                    let place = random(&chance) % 700;
                    FAULTS.get(usize::try_from(place).unwrap()).copied()
                });
            }
        }
    }

    /// From now on nothing fails. How many faults there were, where they are counted.
    async fn heal(&self) -> Option<usize> {
        match self {
            Self::Host(faulty) => {
                faulty.faults.store(false, Ordering::Relaxed);
                None
            }
            Self::Store(store) => {
                store.heal();
                // What was cancelled a moment ago comes to rest on its own runtime.
                for _ in 0..500 {
                    if store.open() == 0 {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                assert_eq!(store.open(), 0, "files that are read on");
                Some(store.fired().values().sum())
            }
        }
    }
}

/// The sales, of which one reading in twenty fails.
#[derive(Debug)]
struct Faulty {
    batches: Vec<RecordBatch>,
    faults: AtomicBool,
    chance: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    Planned,
    PanicPlanned,
    Read,
    PanicRead,
}

impl Faulty {
    fn fault(&self) -> Fault {
        match random(&self.chance) % 100 {
            _ if !self.faults.load(Ordering::Relaxed) => Fault::None,
            0 => Fault::Planned,
            1 => Fault::PanicPlanned,
            2 | 3 => Fault::Read,
            4 => Fault::PanicRead,
            _ => Fault::None,
        }
    }
}

/// One half of the batches.
#[derive(Debug)]
struct Part {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    fault: Fault,
}

#[derive(Debug)]
struct Table(Arc<Faulty>);

#[async_trait]
impl TableProvider for Table {
    fn schema(&self) -> SchemaRef {
        self.0.batches[0].schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn DataFusionSession,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let fault = self.0.fault();
        match fault {
            Fault::Planned => return Err(DataFusionError::Execution("t0 cannot be read".into())),
            Fault::PanicPlanned => panic!("t1 cannot be read"),
            _ => {}
        }
        let part = |batches: &[RecordBatch], fault| -> Arc<dyn PartitionStream> {
            Arc::new(Part { schema: self.schema(), batches: batches.to_vec(), fault })
        };
        let (one, other) = self.0.batches.split_at(self.0.batches.len() / 2);
        let parts = vec![part(one, Fault::None), part(other, fault)];
        let table = StreamingTable::try_new(self.schema(), parts)?;
        table.scan(state, projection, filters, limit).await
    }
}

impl PartitionStream for Part {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (fault, half) = (self.fault, self.batches.len() / 2);
        let batches = self.batches.clone().into_iter().enumerate();
        let read = batches.map(move |(place, batch)| match fault {
            Fault::Read if place == half => Err(DataFusionError::Execution("t2 is gone".into())),
            Fault::PanicRead if place == half => panic!("t3 is gone"),
            _ => Ok(batch),
        });
        Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            futures::stream::iter(read),
        ))
    }
}

/// A question, the columns that say whose they are, and how many rows its answer has.
const QUESTIONS: [(&str, usize); 4] = [
    (r#"{"table":"sales","fields":["id","tenant","code","amount"]}"#, ROWS_OF_EACH as usize),
    (r#"{"table":"sales","group_by":["code","id"],"metrics":["turnover"]}"#, ROWS_OF_EACH as usize),
    (r#"{"table":"sales","fields":["id","owner.label"]}"#, ROWS_OF_EACH as usize),
    (r#"{"table":"owners","fields":["tenant","label"]}"#, 1),
];

/// Every cell is of this tenant.
fn check(batch: &RecordBatch, tenant: u64, question: &str) {
    for (column, field) in batch.columns().iter().zip(batch.schema().fields()) {
        for row in 0..batch.num_rows() {
            let text = arrow::util::display::array_value_to_string(column, row).unwrap();
            let of = match text.strip_prefix('t') {
                Some(of) => of.parse::<u64>().unwrap(),
                None => text.parse::<u64>().unwrap() % 1_000,
            };
            assert_eq!(of, tenant, "`{text}` in `{}` of {question}", field.name());
        }
    }
}

/// How a question ended.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum End {
    Answered,
    Cancelled,
    Failed(String),
}

async fn read(mut answer: Answer, tenant: u64, question: &str, rows: usize) -> Result<End, Error> {
    let version = answer.snapshot_version();
    let mut found = 0;
    while let Some(batch) = answer.next().await {
        let batch = batch?;
        check(&batch, tenant, question);
        assert!(!(revokes(version) && tenant % 2 == 1), "rows of version {version}");
        found += batch.num_rows();
    }
    assert_eq!(found, rows, "{question} of {tenant} in version {version}");
    Ok(End::Answered)
}

/// One question of one tenant.
async fn ask(engine: Engine, chance: Arc<AtomicU64>) -> End {
    let tenant = random(&chance) % TENANTS;
    let (question, rows) = QUESTIONS[(random(&chance) % 4) as usize];
    let name = format!("t{tenant}");
    let group = if tenant.is_multiple_of(2) { "even" } else { "odd" };
    let principal = Principal::asserted_by_host(&name).group(group);
    let session = engine.session(principal.attribute("tenant", name.as_str()).build().unwrap());
    let work = async {
        let answer = session.query_json(question).await?;
        read(answer, tenant, question, rows).await
    };
    let ended = if random(&chance) % 100 < 5 {
        let soon = Duration::from_micros(random(&chance) % 20_000);
        match tokio::time::timeout(soon, work).await {
            Ok(ended) => ended,
            Err(_) => return End::Cancelled,
        }
    } else {
        work.await
    };
    ended.unwrap_or_else(|error| {
        let text = error.to_string();
        let secrets = ["t0", "t1", "t2", "t3", "sales/"].iter().chain(&SECRETS);
        secrets.for_each(|secret| assert!(!text.contains(secret), "{text}"));
        let code = error.code();
        // Sources fail, and rights are taken away.
        assert!(["E0305", "E0308", "E0900", "Q0101", "Q0102"].contains(&code), "{code}: {text}");
        let revoked = code.starts_with('Q') || code == "E0308";
        assert!(!revoked || tenant % 2 == 1, "{code}: tenant {tenant} was never revoked");
        End::Failed(code.to_owned())
    })
}

fn number(name: &str, otherwise: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "whoever runs the tests says how long")]
    let value = std::env::var(name);
    value.map_or(otherwise, |text| text.parse().expect("it is a number"))
}

#[test]
fn l14_l16_l45_no_cell_of_another_tenant_whatever_a_table_of_the_host_does() {
    check_soak(Place::Host);
}

#[test]
fn l14_l16_l45_no_cell_of_another_tenant_whatever_a_store_does() {
    check_soak(Place::Store);
}

fn check_soak(place: Place) {
    let questions = number("SANDBAR_SOAK", 200);
    let seed = number("SANDBAR_SOAK_SEED", 1);
    let threads = |name: &str| {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime.worker_threads(2).thread_name(name).thread_stack_size(8 << 20).enable_all();
        runtime.build().unwrap()
    };
    let (hosts, queries) = (threads("host"), threads("queries"));
    let ends = hosts.block_on(soak(place, questions, seed, queries.handle().clone()));
    // Nothing of it is left on the runtime of the queries.
    for _ in 0..500 {
        if queries.metrics().num_alive_tasks() == 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(queries.metrics().num_alive_tasks(), 0);
    let answered = ends.iter().filter(|end| **end == End::Answered).count() as u64;
    assert!(answered > questions / 3, "{answered} of {questions} were answered");
    let mut counts = std::collections::BTreeMap::new();
    ends.into_iter().for_each(|end| *counts.entry(end).or_insert(0) += 1);
    eprintln!("{place:?}: {counts:?}");
}

async fn soak(
    place: Place,
    questions: u64,
    seed: u64,
    queries: tokio::runtime::Handle,
) -> Vec<End> {
    let chance = Arc::new(AtomicU64::new(seed));
    let first = model(1);
    let builder = Engine::builder()
        .definitions(first.definitions)
        .policy_definitions(first.policies)
        .batches("owners", vec![owners()])
        .keep_answers(32 << 20)
        .admission(Admission::default().with_running(8).with_queued(IN_FLIGHT as usize))
        .runtime(queries);
    let (failing, builder) = Failing::of(place, seed, builder).await;
    let engine = builder.build().await.unwrap();
    failing.fail(seed);
    let mut reloads = JoinSet::new();
    let reloaded = engine.clone();
    reloads.spawn(async move {
        // Each try has a number, also one that opens no sources and changes nothing.
        for next in 2.. {
            tokio::time::sleep(Duration::from_millis(50)).await;
            match reloaded.reload(&model(next)).await {
                Ok(version) => assert_eq!(version, next),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Source, "{error}"),
            }
        }
    });
    let (mut running, mut ends) = (JoinSet::new(), Vec::new());
    for asked in 0..questions {
        if asked >= IN_FLIGHT {
            ends.push(running.join_next().await.unwrap().unwrap());
        }
        running.spawn(ask(engine.clone(), Arc::clone(&chance)));
    }
    while let Some(end) = running.join_next().await {
        ends.push(end.unwrap());
    }
    reloads.abort_all();
    while let Some(ended) = reloads.join_next().await {
        assert!(ended.is_err_and(|error| error.is_cancelled()), "reloads went wrong");
    }
    // Whatever has happened, whoever asks now is answered.
    if let Some(faults) = failing.heal().await {
        assert!(faults as u64 > questions / 100, "{faults} faults");
        eprintln!("{faults} faults of the store");
    }
    let next = engine.reload(&model(4)).await.unwrap();
    assert!(next >= 2);
    let tenant = Principal::asserted_by_host("t7").group("odd").attribute("tenant", "t7");
    let session = engine.session(tenant.build().unwrap());
    let (question, rows) = QUESTIONS[1];
    let answer = session.query_json(question).await.unwrap().collect().await.unwrap();
    assert_eq!(answer.num_rows(), rows);
    let sums = answer
        .batches()
        .iter()
        .flat_map(|batch| batch.column(1).as_primitive::<Int64Type>().values().to_vec());
    assert_eq!(sums.sum::<i64>(), (0..20).map(|batch| batch * 1_000 + 7).sum::<i64>());
    ends
}
