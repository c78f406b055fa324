//! What can be said on the command line.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use sandbar::SqlDialect;
use serde::Deserialize;
use tracing_subscriber::filter::LevelFilter;

/// A semantic layer that a host application links. Called bare, it asks the embedded sample shop
/// one question as four people, and says why their answers differ.
#[derive(Debug, Parser)]
#[command(name = "sandbar", version, about, color = clap::ColorChoice::Auto)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answer a question as somebody.
    Query(QueryArgs),
    /// Show how a question is answered for somebody: policies, SQL and plans (administrator's view).
    Explain(ExplainArgs),
    /// Check models and policies: all problems at once, exit code 1 if there are any.
    Check(CheckArgs),
    /// Test policies, compare them, and look for what they leave open (administrator's view).
    Policy(PolicyArgs),
    /// Mint a token for somebody, valid for three minutes.
    Token(TokenArgs),
    /// Make a key for a service: the key on stdout, once, and what the settings know of it on
    /// stderr.
    ApiKey,
    /// Serve the HTTP API.
    Serve(ServeArgs),
}

/// What is asked about: the sample shop, unless files are given.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct ProjectArgs {
    /// A model file, or a folder of them (`*.yaml`, `*.yml`; policy files end in
    /// `policies.yaml`, and those that end in `cases.yaml` are left out).
    #[arg(long = "model", value_name = "PATH")]
    pub(crate) models: Vec<PathBuf>,
    /// A policy file.
    #[arg(long = "policies", value_name = "FILE")]
    pub(crate) policies: Vec<PathBuf>,
    /// Read `people`, `products`, `orders` and `reviews` from the sample shop, whatever the models
    /// say of these sources.
    #[arg(long)]
    pub(crate) shop_data: bool,
    /// Let the sample shop end yesterday, instead of on 30 June 2026.
    #[arg(long)]
    pub(crate) today: bool,
}

/// Who asks.
#[derive(Debug, ClapArgs)]
pub(crate) struct PersonArgs {
    /// Who asks: `ana`, `wei`, `vic` or `nia` of the sample shop, or anybody's e-mail address.
    #[arg(long = "as", value_name = "WHO")]
    pub(crate) who: String,
    #[command(flatten)]
    pub(crate) rights: RightsArgs,
}

/// What a token would say of somebody.
#[derive(Debug, Default, ClapArgs)]
pub(crate) struct RightsArgs {
    /// A group of the person.
    #[arg(long = "group", value_name = "NAME")]
    pub(crate) groups: Vec<String>,
    /// An attribute of the person; the value is JSON, or a text: `states=["CA","OR"]`.
    #[arg(long = "attribute", value_name = "NAME=VALUE")]
    pub(crate) attributes: Vec<String>,
}

/// What is asked.
#[derive(Debug, ClapArgs)]
pub(crate) struct QuestionArgs {
    /// A query as JSON, a `.json` file, `-` for stdin, or names of metrics with commas between.
    #[arg(value_name = "QUERY")]
    pub(crate) query: String,
    /// Group by a field, or by a grain of it: `created_at:month`. For metrics by name.
    #[arg(long = "by", value_name = "FIELD")]
    pub(crate) by: Vec<String>,
    /// Only a stretch of time of the metric: `previous quarter`, `last 30 day`, `this year`.
    #[arg(long, value_name = "WORDS")]
    pub(crate) when: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct QueryArgs {
    #[command(flatten)]
    pub(crate) question: QuestionArgs,
    #[command(flatten)]
    pub(crate) person: PersonArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
    /// How the rows are written.
    #[arg(long, value_enum, default_value_t = OutputFormat::Table)]
    pub(crate) format: OutputFormat,
    /// The most rows of the answer; 10,000 if left out. More than the default have no limit of time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_rows: Option<u64>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    pub(crate) question: QuestionArgs,
    #[command(flatten)]
    pub(crate) person: PersonArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
    /// Also show the optimised logical plan and the physical plan.
    #[arg(long)]
    pub(crate) plans: bool,
    /// Print nothing but the SQL text, for DuckDB if nothing is said. It gives the same rows where
    /// each source is a table of its name; where there is no such text, that is an error.
    #[arg(
        long,
        value_enum,
        value_name = "DIALECT",
        num_args = 0..=1,
        default_missing_value = "duckdb",
        conflicts_with = "plans"
    )]
    pub(crate) sql: Option<Dialect>,
}

/// Whose SQL is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dialect {
    /// DuckDB.
    Duckdb,
    /// PostgreSQL.
    Postgres,
}

impl From<Dialect> for SqlDialect {
    fn from(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Duckdb => Self::DuckDb,
            Dialect::Postgres => Self::Postgres,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    pub(crate) command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Ask the cases of a file: who asks what, and what must come of it. Exit code 1 if one fails.
    Test(PolicyTestArgs),
    /// What a change gives or takes, group by group. Exit code 0: nothing, 1: something, 2: trouble.
    Diff(PolicyDiffArgs),
    /// What nobody sees, who sees everything, what is declared for nothing.
    Coverage(PolicyCoverageArgs),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PolicyTestArgs {
    /// Files of cases; those of the sample shop if nothing is named.
    #[arg(value_name = "CASES")]
    pub(crate) cases: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
    /// Write one JSON document instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PolicyDiffArgs {
    /// The policies as they are: a file, or a folder with files that end in `policies.yaml`.
    #[arg(value_name = "OLD")]
    pub(crate) older: PathBuf,
    /// The policies as they are to be.
    #[arg(value_name = "NEW")]
    pub(crate) newer: PathBuf,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
    /// An attribute of somebody in each group, whose rows are counted: `states=["CA","OR"]`.
    #[arg(long = "attribute", value_name = "NAME=VALUE")]
    pub(crate) attributes: Vec<String>,
    /// Also count the rows of whoever asks in this file of cases.
    #[arg(long, value_name = "FILE")]
    pub(crate) cases: Option<PathBuf>,
    /// Write one JSON document instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PolicyCoverageArgs {
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
    /// Write one JSON document instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where the secret that signs tokens is.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct SecretArgs {
    /// A file that holds the secret. Without it `SANDBAR_JWT_SECRET` counts, and without that a
    /// development secret that is made once and kept in a private file.
    #[arg(long, value_name = "FILE")]
    pub(crate) jwt_secret_file: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TokenArgs {
    /// For whom: somebody of the sample shop, or anybody's e-mail address.
    #[arg(value_name = "WHO")]
    pub(crate) who: String,
    #[command(flatten)]
    pub(crate) rights: RightsArgs,
    /// What the token may be used for, as words such as `agent:search agent:query:metric:revenue`;
    /// without it for everything that its bearer may.
    #[arg(long, value_name = "WORDS")]
    pub(crate) scope: Option<String>,
    #[command(flatten)]
    pub(crate) secret: SecretArgs,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct ServeArgs {
    /// A file of settings (docs/server.md). What is said here comes before what it says.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The address to listen on; 127.0.0.1 if left out. The development secret works on loopback
    /// addresses only.
    #[arg(long)]
    pub(crate) host: Option<IpAddr>,
    /// The port to listen on; 8817 if left out. 0 takes a free one.
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// How much of what happens is told on stderr: `error` and `warn` (if left out) tell what went
    /// wrong, and why; `info` also tells of each call.
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub(crate) log: Option<LogLevel>,
    /// A file of public keys that tokens are checked with: a JWKS or JWK, or PEM of a key that is
    /// not RSA.
    #[arg(long, value_name = "FILE")]
    pub(crate) jwks: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
    #[command(flatten)]
    pub(crate) secret: SecretArgs,
}

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogLevel {
    /// Nothing.
    Off,
    /// What failed.
    Error,
    /// What may be wrong.
    Warn,
    /// Each call: who, what, how long, how it ended.
    Info,
    /// What happens inside.
    Debug,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Off => Self::OFF,
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
        }
    }
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// Aligned columns for people.
    Table,
    /// CSV with a header.
    Csv,
    /// One JSON document with columns, rows and what is to be known about them.
    Json,
    /// One JSON object a row.
    Ndjson,
    /// An Arrow IPC stream.
    Arrow,
    /// A Parquet file.
    Parquet,
}
