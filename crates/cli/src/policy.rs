//! `sandbar policy`: the workbench of whoever writes policies.

use sandbar::{Administrator, DiffSamples, PolicyCases, PolicyDefinitions, SourceText};
use sandbar_shop::{CASES, CASES_NAME};
use serde::Serialize;

use crate::args::{PolicyArgs, PolicyCommand, PolicyCoverageArgs, PolicyDiffArgs, PolicyTestArgs};
use crate::failure::{Failure, say};
use crate::people::attributes;
use crate::progress::Progress;
use crate::project::{Today, policy_files, read, read_under, text};

pub(crate) async fn run(args: PolicyArgs) -> Result<(), Failure> {
    match args.command {
        PolicyCommand::Test(args) => test(args).await,
        PolicyCommand::Diff(args) => diff(args).await.map_err(Failure::into_trouble),
        PolicyCommand::Coverage(args) => coverage(args).await,
    }
}

async fn test(args: PolicyTestArgs) -> Result<(), Failure> {
    let cases = if args.cases.is_empty() {
        if !args.project.models.is_empty() {
            return Err(Failure::wrong("which cases? name their file"));
        }
        PolicyCases::from_yaml([SourceText::new(CASES_NAME, CASES)])
    } else {
        read_cases(&args.cases)?
    };
    let engine = read(&args.project, Today::Anchored)?.open().await?;
    let report = {
        let _slow = Progress::of("asking the cases");
        engine.policy_test_as(&Administrator::asserted_by_host(), &cases).await?
    };
    write(&report, args.json)?;
    match report.failed() {
        0 => Ok(()),
        failed => Err(Failure::refused(format!("{failed} of {} failed", report.cases.len()))),
    }
}

async fn diff(args: PolicyDiffArgs) -> Result<(), Failure> {
    let cases = match &args.cases {
        Some(file) => {
            let cases = read_cases(std::slice::from_ref(file))?;
            let problems = cases.problems();
            if !problems.is_empty() {
                return Err(Failure::refused(problems.to_string()));
            }
            cases.people()
        }
        None => Vec::new(),
    };
    let samples = DiffSamples { attributes: attributes(&args.attributes)?, people: cases };
    let older = policy_files(&args.older)?;
    let engine = read_under(&args.project, Today::Anchored, &older)?.open().await?;
    let newer = policy_files(&args.newer)?;
    let newer = newer.iter().map(|file| text(file)).collect::<Result<Vec<_>, _>>()?;
    let newer = PolicyDefinitions::from_yaml(newer);
    let compared = {
        let _slow = Progress::of("counting rows");
        engine.policy_diff_as(&Administrator::asserted_by_host(), &newer, &samples).await?
    };
    write(&compared, args.json)?;
    if compared.is_empty() { Ok(()) } else { Err(Failure::different()) }
}

async fn coverage(args: PolicyCoverageArgs) -> Result<(), Failure> {
    let engine = read(&args.project, Today::Anchored)?.open().await?;
    write(&engine.policy_coverage_as(&Administrator::asserted_by_host())?, args.json)
}

fn write<T: Serialize + std::fmt::Display>(result: &T, json: bool) -> Result<(), Failure> {
    if !json {
        return say(&result.to_string());
    }
    let document =
        serde_json::to_value(result).map_err(|error| Failure::wrong(error.to_string()))?;
    say(&format!("{document:#}\n"))
}

fn read_cases(files: &[std::path::PathBuf]) -> Result<PolicyCases, Failure> {
    let texts = files.iter().map(|file| text(file)).collect::<Result<Vec<_>, _>>()?;
    Ok(PolicyCases::from_yaml(texts))
}
