//! `sandbar explain --as`: how a question is answered for somebody, as an administrator sees it.

use sandbar::{Administrator, Explanation, SqlDialect};

use crate::args::ExplainArgs;
use crate::failure::{Failure, because, say};
use crate::people::principal;
use crate::project::{Today, read};
use crate::question;

pub(crate) async fn run(args: ExplainArgs) -> Result<(), Failure> {
    let principal = principal(&args.person)?;
    let engine = read(&args.project, Today::Anchored)?.open().await?;
    let administrator = Administrator::asserted_by_host();
    // The question is read with an administrator's eyes too, so that it can be explained even
    // where the person would be refused.
    let look = |name: &str| engine.describe_metric_as(&administrator, name);
    let query = question::read(&args.question, &look)?;
    let explained = engine.explain_as(&administrator, &principal, &query).await?;
    if let Some(dialect) = args.sql {
        return match (explained.sql(dialect.into()), explained.refusal) {
            (Some(Ok(sql)), _) => say(&format!("{sql}\n")),
            (Some(Err(reason)), _) => Err(Failure::refused(format!("no sql: {reason}"))),
            (None, Some(refusal)) => Err(Failure::from(refusal)),
            (None, None) => Err(Failure::refused("no sql: there is no plan")),
        };
    }
    let mut text = why(&explained);
    let made_of = explained.outline.to_string();
    if !made_of.is_empty() {
        text.push_str(&format!("\nmade of\n{}", indented(&made_of)));
    }
    let dialect = SqlDialect::default();
    match explained.sql(dialect) {
        Some(Ok(sql)) => text.push_str(&format!("\nsql ({dialect})\n{}", indented(&sql))),
        Some(Err(reason)) => text.push_str(&format!("\nno sql: {reason}\n")),
        None => {}
    }
    if args.plans {
        for (name, plan) in
            [("logical plan", &explained.logical_plan), ("physical plan", &explained.physical_plan)]
        {
            if let Some(plan) = plan {
                text.push_str(&format!("\n{name}\n{}", indented(plan)));
            }
        }
    }
    say(&text)
}

/// The answer in words: columns, or why there are none, and the policies that made it so.
pub(crate) fn why(explained: &Explanation) -> String {
    let mut text = String::new();
    match &explained.refusal {
        Some(error) => {
            let because = because(error);
            text.push_str(&format!("refused: {} {error}{because}\n", error.code()));
        }
        None => {
            let columns = explained.columns.iter();
            let columns: Vec<String> =
                columns.map(|c| format!("{} ({})", c.name, c.data_type)).collect();
            text.push_str(&format!("columns: {}\n", columns.join(", ")));
            let scoped = if explained.scoped { "yes" } else { "no" };
            text.push_str(&format!("scoped: {scoped}\n"));
            for warning in &explained.warnings {
                text.push_str(&format!("warning: {} {}\n", warning.code(), warning.message()));
            }
        }
    }
    text.push_str(&policies(explained));
    text
}

/// The policies that concern the person, one a line.
pub(crate) fn policies(explained: &Explanation) -> String {
    let mut text = String::new();
    for hidden in &explained.hidden {
        text.push_str(&format!("hidden: {hidden}, which no policy shows to this person\n"));
    }
    for policy in &explained.policies {
        let rows = match (&policy.rows, policy.void) {
            (Some(rows), true) => format!("rows {rows} (void: an attribute is missing)"),
            (Some(rows), false) => format!("rows {rows}"),
            (None, _) => "all rows".to_owned(),
        };
        text.push_str(&format!(
            "{}: {} {} ({}) {rows}\n",
            policy.table, policy.effect, policy.policy, policy.origin
        ));
    }
    if explained.policies.is_empty() {
        text.push_str("no policy gives this person anything here\n");
    }
    text
}

/// Each line after two blanks.
pub(crate) fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
