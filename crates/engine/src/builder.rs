//! How a host sets an engine up.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use arrow::array::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::execution::context::SessionState;
use object_store::ObjectStore;
use sandbar_auth::Verifier;
use sandbar_catalog::{Definitions, SourceText};
use sandbar_executor::source::SourceSpec;
use sandbar_executor::{Admission, Executor, Limits, NoStoreAddress, ObjectStores, Place, Spill};
use sandbar_permissions::PolicyDefinitions;
use sandbar_query_planner::MaskKey;
use tokio::runtime::Handle;

use crate::decision::DecisionSink;
use crate::declared::UNOPENED;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind};

/// A model and its policies, read but not yet checked.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Tables, metrics, collections.
    pub definitions: Definitions,
    /// Who sees what.
    pub policies: PolicyDefinitions,
}

impl Model {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a model file: its name, for messages, and its text.
    #[must_use]
    pub fn with_model(mut self, name: &str, text: &str) -> Self {
        self.definitions = self.definitions.and(Definitions::from_yaml_str(name, text));
        self
    }

    /// Adds a policy file: its name, for messages, and its text.
    #[must_use]
    pub fn with_policies(mut self, name: &str, text: &str) -> Self {
        let more = PolicyDefinitions::from_yaml([SourceText::new(name, text)]);
        self.policies = self.policies.and(more);
        self
    }
}

/// What stays the same through all reloads of an engine.
pub(crate) struct Settings {
    pub(crate) state: SessionState,
    pub(crate) sources: BTreeMap<String, SourceSpec>,
    pub(crate) base: Option<PathBuf>,
    pub(crate) verifier: Option<Verifier>,
    pub(crate) clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    pub(crate) limits: Limits,
    pub(crate) admission: Admission,
    pub(crate) rows_per_hour: Option<u32>,
    pub(crate) kept_answers: Option<u64>,
    pub(crate) place: Place,
    pub(crate) sink: Option<Arc<dyn DecisionSink>>,
    pub(crate) mask_key: MaskKey,
    /// Batches that a host gave no schema with.
    pub(crate) schemaless: Vec<String>,
}

/// Sets an engine up; see [`Engine::builder`].
#[must_use]
pub struct EngineBuilder {
    model: Model,
    sources: BTreeMap<String, SourceSpec>,
    base: Option<PathBuf>,
    state: Option<SessionState>,
    verifier: Option<Verifier>,
    clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    limits: Limits,
    admission: Admission,
    rows_per_hour: Option<u32>,
    kept_answers: Option<u64>,
    memory: usize,
    spill: Option<Spill>,
    stores: ObjectStores,
    /// Whether a store was handed over under no address.
    misplaced: Option<NoStoreAddress>,
    runtime: Option<Handle>,
    sink: Option<Arc<dyn DecisionSink>>,
    mask_key: Option<MaskKey>,
    /// Batches that a host gave no schema with.
    schemaless: Vec<String>,
}

impl fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineBuilder")
            .field("sources", &self.sources.keys())
            .finish_non_exhaustive()
    }
}

impl EngineBuilder {
    pub(crate) fn new() -> Self {
        Self {
            model: Model::new(),
            sources: BTreeMap::new(),
            base: None,
            state: None,
            verifier: None,
            #[expect(clippy::disallowed_methods, reason = "the default of the one clock there is")]
            clock: Arc::new(SystemTime::now),
            limits: Limits::default(),
            admission: Admission::default(),
            rows_per_hour: None,
            kept_answers: None,
            memory: 2 << 30,
            spill: None,
            stores: ObjectStores::new(),
            misplaced: None,
            runtime: None,
            sink: None,
            mask_key: None,
            schemaless: Vec::new(),
        }
    }

    /// Adds a model file: its name, for messages, and its YAML text.
    pub fn model(mut self, name: &str, text: &str) -> Self {
        self.model = self.model.with_model(name, text);
        self
    }

    /// Adds a policy file: its name, for messages, and its YAML text.
    pub fn policies(mut self, name: &str, text: &str) -> Self {
        self.model = self.model.with_policies(name, text);
        self
    }

    /// Adds definitions made in Rust.
    pub fn definitions(mut self, definitions: Definitions) -> Self {
        self.model.definitions = self.model.definitions.and(definitions);
        self
    }

    /// Adds policies made in Rust.
    pub fn policy_definitions(mut self, policies: PolicyDefinitions) -> Self {
        self.model.policies = self.model.policies.and(policies);
        self
    }

    /// The folder that relative paths of the model's sources start from. Without it only absolute
    /// paths can be opened.
    pub fn base_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.base = Some(folder.into());
        self
    }

    /// Gives a source of the model, instead of what the model says of it.
    pub fn source(mut self, name: &str, spec: SourceSpec) -> Self {
        self.sources.insert(name.to_owned(), spec);
        self
    }

    /// Gives a source as rows in memory. At least one batch, which may be empty, tells the schema.
    /// Some thousands of rows make a good batch: each batch is looked at several times whenever a
    /// question is planned, so that rows which come one by one are better put together before.
    pub fn batches(mut self, name: &str, batches: Vec<RecordBatch>) -> Self {
        match batches.first() {
            Some(first) => {
                let schema = first.schema();
                self.source(name, SourceSpec::Batches { schema, batches })
            }
            None => {
                self.schemaless.push(name.to_owned());
                self
            }
        }
    }

    /// Hands over the store of all files whose paths start with `url`, a scheme and a name: with
    /// `s3://shop`, the model may say `path: s3://shop/orders/*.parquet`. A model opens no store
    /// that neither this nor the session of the host (`EngineBuilder::session_state`) has, and
    /// credentials are the store's own, never in a URL. One store under two addresses is not seen
    /// to be one: give each one address.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use datafusion::object_store::memory::InMemory;
    /// # use datafusion::object_store::{ObjectStoreExt, path::Path};
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let store = InMemory::new(); // or AmazonS3Builder::new()…
    /// store.put(&Path::from("prices.csv"), "id,price\n1,2.50\n".into()).await?;
    /// let engine = sandbar::Engine::builder()
    ///     .object_store("s3://shop", Arc::new(store))
    ///     .model("model.yaml", "
    /// sources: { prices: { format: csv, path: 's3://shop/prices.csv' } }
    /// tables: { prices: { fields: { id: {}, price: {} } } }
    /// ");
    /// assert!(engine.build().await.is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn object_store(mut self, url: &str, store: Arc<dyn ObjectStore>) -> Self {
        self.misplaced = self.stores.add(url, store).err().or(self.misplaced);
        self
    }

    /// Gives a source as a table of the host's own making.
    pub fn table_provider(self, name: &str, provider: Arc<dyn TableProvider>) -> Self {
        self.source(name, SourceSpec::Provider(provider))
    }

    /// Runs queries with the runtime environment and options of a host's session.
    pub fn session_state(mut self, state: SessionState) -> Self {
        self.state = Some(state);
        self
    }

    /// Checks the tokens given to [`Engine::authenticate`].
    pub fn verifier(mut self, verifier: Verifier) -> Self {
        self.verifier = Some(verifier);
        self
    }

    /// Tells the time instead of the system's clock. It is read once per request.
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// What one query may use, unless a session says otherwise.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How many queries run at a time, and how many wait. A query counts from its call to the end
    /// of its answer, or until that is dropped.
    pub fn admission(mut self, admission: Admission) -> Self {
        self.admission = admission;
        self
    }

    /// How many rows one principal is given in an hour; as many as he asks for unless it is said
    /// here. They come back evenly, and all of them may be asked for at once. An answer begins, in
    /// its turn, where there is one row left, and is given to its end: he may come to owe as many
    /// as [`Admission::per_principal`] answers of [`Limits::rows`] each, and waits the longer.
    pub fn rows_per_hour(mut self, rows: u32) -> Self {
        self.rows_per_hour = Some(rows);
        self
    }

    /// Keeps answers of at most so many bytes in all, and gives them again to whoever would be
    /// given the same: who has the same rights, and whose question comes to the same plan. None are
    /// kept unless it is said here.
    ///
    /// What is given is never older than the data: files are listed before, what reads a table of
    /// the host's own making is not kept, and a reload begins with nothing kept. Limits, quotas and
    /// records count as ever; [`Session::fresh`] passes by what is kept. One answer has at most an
    /// eighth of the bytes.
    ///
    /// How long an answer takes tells whether it was kept, and so whether somebody with the same
    /// rights has asked the same.
    ///
    /// [`Session::fresh`]: crate::Session::fresh
    pub fn keep_answers(mut self, bytes: u64) -> Self {
        self.kept_answers = Some(bytes);
        self
    }

    /// The most memory, in bytes, of all queries together; 2 GiB unless it is said here. Each one
    /// has at most [`Limits::memory`] of it, and puts what it can on disk when there is no more.
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// Where queries put what does not fit into memory; see [`Spill`]. Without it this is as
    /// the session of the host has it, and the default where there is none.
    pub fn spill(mut self, spill: Spill) -> Self {
        self.spill = Some(spill);
        self
    }

    /// Plans and runs queries on this runtime instead of the caller's, so that heavy ones do not
    /// keep the threads busy that wait for requests. Limits of time are then kept by the caller's
    /// runtime, whatever the other one is doing. The host keeps it running as long as the engine
    /// is used; give its threads a stack of 8 MiB or more.
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Is told of every call of the engine and its sessions when it ends, building apart.
    pub fn decisions(mut self, sink: impl DecisionSink + 'static) -> Self {
        self.sink = Some(Arc::new(sink));
        self
    }

    /// The key of the hash mask, to keep hashes the same through restarts and machines. Without
    /// it each engine makes a random one.
    pub fn mask_key(mut self, key: [u8; 32]) -> Self {
        self.mask_key = Some(MaskKey::new(key));
        self
    }

    /// Opens the sources, checks everything, and makes the engine.
    ///
    /// # Errors
    /// Every problem of the model, the policies and the sources at once, each with file, line and
    /// column where it has them. The kind is that of the first of the three that has any; policies
    /// are checked as far as the model allows.
    pub async fn build(self) -> Result<Engine, Error> {
        let mask_key = match self.mask_key {
            Some(key) => key,
            None => random_key()?,
        };
        if let Some(misplaced) = self.misplaced {
            return Err(Error::new(ErrorKind::Source, UNOPENED, misplaced.to_string()));
        }
        let settings = Settings {
            state: Executor::session_state(self.state, self.memory, self.spill, self.stores)?,
            sources: self.sources,
            base: self.base,
            verifier: self.verifier,
            clock: self.clock,
            limits: self.limits,
            admission: self.admission,
            rows_per_hour: self.rows_per_hour,
            kept_answers: self.kept_answers,
            place: Place::new(self.runtime),
            sink: self.sink,
            mask_key,
            schemaless: self.schemaless,
        };
        Engine::open(settings, &self.model).await
    }
}

fn random_key() -> Result<MaskKey, Error> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|_| {
        Error::new(ErrorKind::Internal, "E0901", "the system has no random numbers to give")
    })?;
    Ok(MaskKey::new(key))
}
