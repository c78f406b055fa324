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

use crate::args::{Args, Command};
use crate::failure::Failure;

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::wrong(format!("no runtime: {error}")).report(),
    };
    match runtime.block_on(run(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        None => demo::run().await,
        Some(Command::Query(command)) => output::query(command).await,
        Some(Command::Explain(command)) => explain::run(command).await,
        Some(Command::Check(command)) => check::run(command).await,
        Some(Command::Policy(command)) => policy::run(command).await,
        Some(Command::Token(command)) => token::run(&command),
        Some(Command::ApiKey) => api_key::run(),
        Some(Command::Serve(command)) => serve::run(command).await,
    }
}
