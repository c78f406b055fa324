//! `sandbar`: the sample shop's demo when called bare, and the commands of those who write models.
//!
//! Results go to stdout, words to stderr. Exit codes: 0 done, 1 refused or wrong (a question, a
//! model, a policy, a case), 2 called wrongly. `policy diff` ends with 1 where something differs,
//! and with 2 for all that goes wrong.

#![expect(
    clippy::disallowed_methods,
    reason = "the command line reads the environment and the clock, and speaks while it waits"
)]

mod api_key;
mod args;
mod check;
mod config;
mod demo;
mod explain;
mod failure;
mod output;
mod people;
mod policy;
mod progress;
mod project;
mod question;
mod secret;
mod serve;
mod settings;
mod sources;
mod token;

use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::args::{Args, Command};
use crate::failure::Failure;

/// What queries want, whose plans are walked by recursion.
const STACK: usize = 8 * 1024 * 1024;

fn main() -> ExitCode {
    let args = Args::parse();
    match runtimes().and_then(|[own, queries]| {
        let done = own.block_on(run(args, queries.handle()));
        queries.shutdown_background();
        done
    }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Where requests wait, and where a server's queries are run.
fn runtimes() -> Result<[Runtime; 2], Failure> {
    let runtime = || {
        let mut builder = Builder::new_multi_thread();
        let builder = builder.enable_all().thread_stack_size(STACK);
        builder.build().map_err(|error| Failure::wrong(format!("no runtime: {error}")))
    };
    Ok([runtime()?, runtime()?])
}

async fn run(args: Args, queries: &Handle) -> Result<(), Failure> {
    match args.command {
        None => demo::run().await,
        Some(Command::Query(command)) => output::query(command).await,
        Some(Command::Explain(command)) => explain::run(command).await,
        Some(Command::Check(command)) => check::run(command).await,
        Some(Command::Policy(command)) => policy::run(command).await,
        Some(Command::Token(command)) => token::run(&command),
        Some(Command::ApiKey) => api_key::run(),
        Some(Command::Serve(command)) => serve::run(command, queries).await,
    }
}
