//! Every public way to data or names, in one list, and the leak cases that are asked through each.
//!
//! Whoever adds a way in adds it to [`WAYS`], which tests hold equal to the routes that are served,
//! the methods of `Session` and `Engine`, what answers and explanations give, the commands and the
//! table in ARCHITECTURE.md; an
//! [`Entrance`] of it then wants to be asked, since those who ask match all of them. What is asked
//! and what is wrong with an answer is the same for all (`suite.rs`).

mod probes;
mod suite;
mod world;

pub use probes::{Hidden, Probe, first_of_each, hidden, plain};
pub use suite::{Ask, hidden_and_absent, told_as_added_up, twins_are_told_alike};
pub use world::{Asker, NOW, SECRET, TOKENS, Twin, World};

use Entrance as E;

/// A way in by which an asker is told something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entrance {
    /// `Session::query`.
    Query,
    /// `Session::query_json`.
    QueryJson,
    /// `Session::field_values`.
    FieldValues,
    /// `Session::explain`.
    Explain,
    /// `Session::tables`.
    Tables,
    /// `Session::metrics`.
    Metrics,
    /// `Session::describe_table`.
    DescribeTable,
    /// `Session::describe_metric`.
    DescribeMetric,
    /// `Session::search`.
    Search,
    /// `Engine::authenticate`, and a question to the session that it gives.
    Authenticate,
    /// `Engine::authenticate_request`, and a question to the session that it gives.
    AuthenticateRequest,
    /// What an `Error` shows of itself.
    Error,
    /// The `problems` of an `Error`.
    Problems,
    /// What a `DecisionSink` is given of a question.
    Decisions,
    /// The rows, over HTTP and in every format.
    HttpQuery,
    /// The tables, over HTTP.
    HttpTables,
    /// One table, over HTTP.
    HttpTable,
    /// The fields of one table, over HTTP.
    HttpFields,
    /// The values of one field, over HTTP.
    HttpValues,
    /// The metrics, over HTTP.
    HttpMetrics,
    /// One metric, over HTTP.
    HttpMetric,
    /// What fits some words, over HTTP.
    HttpSearch,
    /// A question among others, over HTTP.
    HttpBatch,
    /// How a question would be answered, over HTTP.
    HttpExplain,
    /// What fits some words, in the words of v1.
    V1Search,
    /// `Session::table_in_full`.
    TableInFull,
    /// `Session::metric_in_full`.
    MetricInFull,
    /// `Session::field_profile`.
    FieldProfile,
    /// `Session::field_sample`.
    FieldSample,
    /// `Session::search_any`.
    SearchAny,
    /// `Session::check`.
    Check,
    /// `Session::page`.
    Page,
    /// `sandbar query`.
    CommandQuery,
}

/// What a public way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// An asker is told something by it: the leak cases are asked through it.
    Asked(Entrance),
    /// An asker is told something in a language that the leak cases do not speak: those of its own
    /// are in this file.
    AskedIn(&'static str),
    /// No asker is told data or names by it, and why.
    Beside(&'static str),
}

const ADMINISTRATOR: &str = "wants an `Administrator`, which only the host makes; what it shows is \
                             looked at in tests/it/workbench.rs and tests/it/explained.rs";
/// What is asked in the words of Metabase's Agent API.
const V1: &str = "tests/it/contract/leaks.rs";
/// What an answer gives of itself.
const ANSWER: &str = "of an answer that its asker was given: every way that gives one is asked";
/// What an explanation gives of itself.
const EXPLAINED: &str = "what its asker is told by `Session::explain`, which is asked";
const NOT_EXPLAINED: &str = "none for an asker, which `Session::explain` is looked at for";
const FILES: &str = "whoever runs it reads model, policies and sources anyway";

/// Every public way, by the name that code, routes, commands and ARCHITECTURE.md give it.
pub const WAYS: &[(&str, Way)] = &[
    ("Session::query", Way::Asked(E::Query)),
    ("Session::query_json", Way::Asked(E::QueryJson)),
    ("Session::field_values", Way::Asked(E::FieldValues)),
    ("Session::explain", Way::Asked(E::Explain)),
    ("Session::tables", Way::Asked(E::Tables)),
    ("Session::metrics", Way::Asked(E::Metrics)),
    ("Session::describe_table", Way::Asked(E::DescribeTable)),
    ("Session::describe_metric", Way::Asked(E::DescribeMetric)),
    ("Session::search", Way::Asked(E::Search)),
    ("Session::table_in_full", Way::Asked(E::TableInFull)),
    ("Session::metric_in_full", Way::Asked(E::MetricInFull)),
    ("Session::field_profile", Way::Asked(E::FieldProfile)),
    ("Session::field_sample", Way::Asked(E::FieldSample)),
    ("Session::search_any", Way::Asked(E::SearchAny)),
    ("Session::check", Way::Asked(E::Check)),
    ("Session::page", Way::Asked(E::Page)),
    (
        "Session::binding",
        Way::Beside("a digest of his own rights, which is the same where they are"),
    ),
    ("Session::bucket_of", Way::Beside("reads the calendar of the model, and no name of it")),
    ("Session::limits", Way::Beside("gives back what the host has set")),
    ("Session::used_for", Way::Beside("names the purpose that a scope has to cover, and no more")),
    (
        "Session::fresh",
        Way::Beside(
            "passes by kept answers, which are given to whom the same would be computed for",
        ),
    ),
    ("Session::principal", Way::Beside("gives back who asks, as the host or the token has said")),
    ("Session::with_limits", Way::Beside("the host's limits for the calls that follow")),
    ("Engine::authenticate", Way::Asked(E::Authenticate)),
    ("Engine::authenticate_request", Way::Asked(E::AuthenticateRequest)),
    (
        "Engine::identify_request",
        Way::Beside("makes a `Session` for whom the host has found, as `authenticate_request`"),
    ),
    ("Engine::builder", Way::Beside("the host makes an engine; there is none yet to ask")),
    (
        "Engine::session",
        Way::Beside("makes a `Session`, which holds no rights; its ways are asked"),
    ),
    ("Engine::snapshot_version", Way::Beside("a number that counts reloads")),
    ("Engine::reload", Way::Beside("the host's; its errors are those of the model's author")),
    ("Engine::explain_as", Way::Beside(ADMINISTRATOR)),
    ("Engine::describe_metric_as", Way::Beside(ADMINISTRATOR)),
    ("Engine::describe_table_as", Way::Beside(ADMINISTRATOR)),
    ("Engine::policy_test_as", Way::Beside(ADMINISTRATOR)),
    ("Engine::policy_diff_as", Way::Beside(ADMINISTRATOR)),
    (
        "Engine::checks_tokens",
        Way::Beside("whether the host has set a verifier, which is no secret"),
    ),
    ("Engine::policy_coverage_as", Way::Beside(ADMINISTRATOR)),
    ("Answer::schema", Way::Beside(ANSWER)),
    ("Answer::columns", Way::Beside(ANSWER)),
    ("Answer::is_scoped", Way::Beside(ANSWER)),
    ("Answer::snapshot_version", Way::Beside(ANSWER)),
    ("Answer::is_truncated", Way::Beside(ANSWER)),
    ("Answer::warnings", Way::Beside(ANSWER)),
    ("Answer::collect", Way::Beside(ANSWER)),
    ("Collected::schema", Way::Beside(ANSWER)),
    ("Collected::columns", Way::Beside(ANSWER)),
    ("Collected::batches", Way::Beside(ANSWER)),
    ("Collected::num_rows", Way::Beside(ANSWER)),
    ("Collected::is_scoped", Way::Beside(ANSWER)),
    ("Collected::is_truncated", Way::Beside(ANSWER)),
    ("Collected::snapshot_version", Way::Beside(ANSWER)),
    ("Collected::warnings", Way::Beside(ANSWER)),
    ("Collected::to_csv", Way::Beside(ANSWER)),
    ("Collected::to_table", Way::Beside(ANSWER)),
    ("Collected::to_json_rows", Way::Beside(ANSWER)),
    ("Explanation::columns", Way::Beside(EXPLAINED)),
    ("Explanation::scoped", Way::Beside(EXPLAINED)),
    ("Explanation::ordered", Way::Beside(EXPLAINED)),
    ("Explanation::warnings", Way::Beside(EXPLAINED)),
    ("Explanation::snapshot", Way::Beside(EXPLAINED)),
    ("Explanation::refusal", Way::Beside(EXPLAINED)),
    ("Explanation::outline", Way::Beside(EXPLAINED)),
    ("Explanation::policies", Way::Beside(NOT_EXPLAINED)),
    ("Explanation::hidden", Way::Beside(NOT_EXPLAINED)),
    ("Explanation::logical_plan", Way::Beside(NOT_EXPLAINED)),
    ("Explanation::physical_plan", Way::Beside(NOT_EXPLAINED)),
    ("Explanation::sql", Way::Beside(NOT_EXPLAINED)),
    ("DecisionSink", Way::Asked(E::Decisions)),
    ("Error", Way::Asked(E::Error)),
    ("Error::problems", Way::Asked(E::Problems)),
    ("GET /health", Way::Beside("that it runs, and the number of the snapshot; public by intent")),
    ("GET /ready", Way::Beside("whether further requests are wanted; public by intent")),
    ("GET /explorer", Way::Beside("a page that is the same for everybody and under every model")),
    ("GET /explorer/{file}", Way::Beside("what that page is made of: files of the program")),
    (
        "Metrics::router",
        Way::Beside(
            "counts for whoever runs the server, on an address of their own: no name, but sums over \
             all who ask",
        ),
    ),
    (
        "GET /openapi.json",
        Way::Beside("the routes and their types, nothing of a model; public by intent"),
    ),
    ("POST /api/agent/query", Way::Asked(E::HttpQuery)),
    ("GET /api/agent/tables", Way::Asked(E::HttpTables)),
    ("GET /api/agent/tables/{id}", Way::Asked(E::HttpTable)),
    ("GET /api/agent/tables/{id}/fields", Way::Asked(E::HttpFields)),
    ("GET /api/agent/tables/{id}/fields/{field}/values", Way::Asked(E::HttpValues)),
    ("GET /api/agent/metrics", Way::Asked(E::HttpMetrics)),
    ("GET /api/agent/metrics/{id}", Way::Asked(E::HttpMetric)),
    ("GET /api/agent/search", Way::Asked(E::HttpSearch)),
    ("POST /auth/sso", Way::Beside("a session for a token; its holder asks through the others")),
    ("POST /auth/sso/to_session", Way::Beside("the same under another name")),
    ("DELETE /api/session", Way::Beside("ends a session; reads no model and no data")),
    ("POST /api/agent/batch", Way::Asked(E::HttpBatch)),
    ("POST /api/agent/explain", Way::Asked(E::HttpExplain)),
    ("GET /api/agent/v1/ping", Way::Beside("says `pong` to whoever is known")),
    ("GET /api/agent/v1/table/{id}", Way::AskedIn(V1)),
    ("GET /api/agent/v1/metric/{id}", Way::AskedIn(V1)),
    ("GET /api/agent/v1/table/{id}/field/{field}/values", Way::AskedIn(V1)),
    ("GET /api/agent/v1/metric/{id}/field/{field}/values", Way::AskedIn(V1)),
    ("GET /api/agent/v1/database", Way::AskedIn(V1)),
    ("GET /api/agent/v1/database/{id}", Way::AskedIn(V1)),
    ("POST /api/agent/v1/search", Way::Asked(E::V1Search)),
    ("POST /api/agent/v1/construct-query", Way::AskedIn(V1)),
    ("POST /api/agent/v1/execute", Way::AskedIn("tests/it/contract/tokens.rs")),
    ("POST /api/agent/v1/query", Way::AskedIn(V1)),
    (
        "Options::forbid_hidden",
        Way::Beside("takes an `Administrator`: the host wants it told what there is"),
    ),
    ("sandbar", Way::Beside("the demo: the sample shop, which everybody may read")),
    ("sandbar query", Way::Asked(E::CommandQuery)),
    ("sandbar explain", Way::Beside("an administrator's tool, as `Engine::explain_as`")),
    ("sandbar policy test", Way::Beside("an administrator's tool, as `Engine::policy_test_as`")),
    ("sandbar policy diff", Way::Beside("an administrator's tool, as `Engine::policy_diff_as`")),
    ("sandbar policy coverage", Way::Beside(ADMINISTRATOR)),
    ("sandbar check", Way::Beside(FILES)),
    ("sandbar api-key", Way::Beside("makes a key and its digest; reads no model and no data")),
    ("sandbar token", Way::Beside("makes a token of a secret; reads no model and no data")),
    ("sandbar serve", Way::Beside("opens the door over HTTP, whose routes are asked")),
];

impl Entrance {
    /// All of the list whose names begin with this.
    pub fn named(prefix: &str) -> Vec<Self> {
        let asked = |(name, way): &(&str, Way)| match way {
            Way::Asked(entrance) if name.starts_with(prefix) => Some(*entrance),
            _ => None,
        };
        WAYS.iter().filter_map(asked).collect()
    }

    /// Whether cells of rows are told by it, as far as its asker sees them.
    pub fn gives_rows(self) -> bool {
        match self {
            E::Query
            | E::QueryJson
            | E::FieldValues
            | E::Authenticate
            | E::AuthenticateRequest
            | E::HttpQuery
            | E::HttpValues
            | E::HttpBatch
            | E::FieldProfile
            | E::FieldSample
            | E::Page
            | E::CommandQuery => true,
            E::Explain
            | E::Tables
            | E::Metrics
            | E::DescribeTable
            | E::DescribeMetric
            | E::Search
            | E::Error
            | E::Problems
            | E::Decisions
            | E::HttpTables
            | E::HttpTable
            | E::HttpFields
            | E::HttpMetrics
            | E::HttpMetric
            | E::HttpSearch
            | E::HttpExplain
            | E::V1Search
            | E::TableInFull
            | E::MetricInFull
            | E::SearchAny
            | E::Check => false,
        }
    }
}
