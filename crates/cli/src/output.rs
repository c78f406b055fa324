//! `sandbar query`: rows on stdout, in the format that is asked for.

use std::io::IsTerminal;

use arrow::ipc::writer::StreamWriter;
use parquet::arrow::ArrowWriter;
use sandbar::{Collected, Limits};
use serde_json::json;

use crate::args::{OutputFormat, QueryArgs};
use crate::failure::{Failure, note, say, say_bytes};
use crate::people::principal;
use crate::progress::Progress;
use crate::project::{Today, read};
use crate::question;

pub(crate) async fn query(args: QueryArgs) -> Result<(), Failure> {
    let binary = matches!(args.format, OutputFormat::Arrow | OutputFormat::Parquet);
    if binary && std::io::stdout().is_terminal() {
        return Err(Failure::wrong("this format is not for a terminal: redirect stdout to a file"));
    }
    let principal = principal(&args.person)?;
    let engine = read(&args.project, Today::Anchored)?.open().await?;
    let session = engine.session(principal).with_limits(limits(args.max_rows));
    let query = question::read(&args.question, &|name| session.describe_metric(name))?;
    let answer = {
        let _slow = Progress::of("computing the answer");
        session.query(&query).await?.collect().await?
    };
    write(&answer, args.format)?;
    if args.format == OutputFormat::Table {
        let rows = answer.num_rows();
        let plural = if rows == 1 { "" } else { "s" };
        let scoped = if answer.is_scoped() { ", scoped to what this person may see" } else { "" };
        note(&format!("{rows} row{plural}{scoped}"));
    }
    for warning in answer.warnings() {
        note(&format!("{}: {}", warning.code(), warning.message()));
    }
    if answer.is_truncated() {
        note("there are more rows: `--max-rows N` gives as many as you say");
    }
    Ok(())
}

/// What the answer may use. Whoever asks for more rows than usual also waits for them.
fn limits(max_rows: Option<u64>) -> Limits {
    let usual = Limits::default();
    match max_rows {
        None => usual,
        Some(rows) if rows <= usual.rows => usual.with_rows(rows),
        Some(rows) => usual.with_rows(rows).with_time(None),
    }
}

fn write(answer: &Collected, format: OutputFormat) -> Result<(), Failure> {
    let failed = |error: &dyn std::error::Error| Failure::wrong(format!("{error}"));
    match format {
        OutputFormat::Table => say(&answer.to_table()?),
        OutputFormat::Csv => say(&answer.to_csv()?),
        OutputFormat::Ndjson => {
            let lines: Vec<String> =
                answer.to_json_rows()?.iter().map(|row| format!("{row}\n")).collect();
            say(&lines.concat())
        }
        OutputFormat::Json => {
            let columns: Vec<_> = answer
                .columns()
                .iter()
                .map(|column| json!({ "name": column.name, "type": column.data_type.to_string() }))
                .collect();
            let warnings: Vec<_> = answer
                .warnings()
                .iter()
                .map(|warning| json!({ "code": warning.code(), "message": warning.message() }))
                .collect();
            let document = json!({
                "columns": columns,
                "rows": answer.to_json_rows()?,
                "scoped": answer.is_scoped(),
                "truncated": answer.is_truncated(),
                "warnings": warnings,
                "snapshot": answer.snapshot_version(),
            });
            say(&format!("{document:#}\n"))
        }
        OutputFormat::Arrow => {
            let mut writer = StreamWriter::try_new(Vec::new(), answer.schema())
                .map_err(|error| failed(&error))?;
            for batch in answer.batches() {
                writer.write(batch).map_err(|error| failed(&error))?;
            }
            say_bytes(&writer.into_inner().map_err(|error| failed(&error))?)
        }
        OutputFormat::Parquet => {
            let schema = std::sync::Arc::clone(answer.schema());
            let mut writer =
                ArrowWriter::try_new(Vec::new(), schema, None).map_err(|error| failed(&error))?;
            for batch in answer.batches() {
                writer.write(batch).map_err(|error| failed(&error))?;
            }
            say_bytes(&writer.into_inner().map_err(|error| failed(&error))?)
        }
    }
}
