//! Called bare: one question, four people, four right answers, and why.

use std::time::Instant;

use sandbar::{Administrator, Engine, SemanticQuery, SqlDialect};
use sandbar_shop::{ASKERS, Asker};

use crate::args::ProjectArgs;
use crate::explain::{indented, policies};
use crate::failure::{Failure, say};
use crate::people::Person;
use crate::project::{Today, read};

const QUESTION: &str = r#"{"metrics": ["revenue"], "group_by": ["product.category"],
 "filter": {"field": "created_at", "op": "previous", "unit": "quarter"}}"#;

pub(crate) async fn run() -> Result<(), Failure> {
    let engine = read(&ProjectArgs::default(), Today::Anchored)?.open().await?;
    let query = SemanticQuery::from_json(QUESTION)
        .map_err(|problems| Failure::from(sandbar::Error::from(problems)))?;
    say(&format!(
        "sandbar {} · the sample shop: people, products, orders and reviews in memory, nothing is \
         fetched\n\nThe question: revenue by product category in the last full quarter\n\n{}\n",
        env!("CARGO_PKG_VERSION"),
        indented(QUESTION)
    ))?;
    for asker in &ASKERS {
        say(&answer(&engine, &query, asker).await?)?;
    }
    say(&why(&engine, &query).await?)?;
    say("\nNext\n\
         \x20 cargo run -- query revenue --by product.category --when \"previous quarter\" --as wei\n\
         \x20 cargo run -- query units_sold --by product.title --as vic --format csv\n\
         \x20 cargo run -- explain revenue --by product.category --as vic\n\
         \x20 cargo run -- check --model fixtures/shop --shop-data\n\
         \x20 cargo run -- serve\n\
         \x20 cargo run --example embedded\n")
}

async fn answer(engine: &Engine, query: &SemanticQuery, asker: &Asker) -> Result<String, Failure> {
    let session = engine.session(Person::of_the_shop(asker).principal()?);
    let started = Instant::now();
    let collected = match session.query(query).await {
        Ok(answer) => answer.collect().await,
        Err(error) => Err(error),
    };
    let mut text = format!("{} ({})\n", asker.email, asker.description);
    match collected {
        Ok(answer) => {
            text.push_str(&indented(&answer.to_table()?));
            let scoped = if answer.is_scoped() { "scoped" } else { "nothing left out" };
            let millis = started.elapsed().as_millis();
            text.push_str(&format!("  {} rows, {scoped}, {millis} ms\n\n", answer.num_rows()));
        }
        Err(error) => {
            text.push_str(&format!("  {} {}: {error}\n\n", error.code(), error.kind().name()));
        }
    }
    Ok(text)
}

async fn why(engine: &Engine, query: &SemanticQuery) -> Result<String, Failure> {
    let administrator = Administrator::asserted_by_host();
    let mut text = "Why (only an administrator sees this)\n\n".to_owned();
    let mut sql = None;
    for asker in &ASKERS {
        let principal = Person::of_the_shop(asker).principal()?;
        let explained = engine.explain_as(&administrator, &principal, query).await?;
        text.push_str(&format!("{}\n{}\n", asker.email, indented(&policies(&explained))));
        if explained.scoped {
            let text = explained.sql(SqlDialect::default()).and_then(Result::ok);
            sql = sql.or(text.map(|text| (asker.email, text)));
        }
    }
    if let Some((email, sql)) = sql {
        text.push_str(&format!("The SQL of the plan for {email}\n\n{}", indented(&sql)));
    }
    Ok(text)
}
