//! A host's own rows, one metric, one row rule, two people, two answers.
#![expect(clippy::print_stdout, reason = "an example shows its answers")]

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use sandbar::SemanticQuery;
use sandbar::definitions::build::{field, metric, model, table};
use sandbar::{Definitions, Engine, GrantDef, PolicyDefinitions, PolicyFile, Principal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let visits = RecordBatch::try_from_iter([
        ("clinic", Arc::new(StringArray::from(vec!["north", "south", "north", "east"])) as _),
        ("minutes", Arc::new(Int64Array::from(vec![30, 20, 45, 15])) as _),
    ])?;
    let model = model()
        .table(
            "visits",
            table().source("visits").field("clinic", field()).field("minutes", field()),
        )
        .metric("time_spent", metric("visits", "sum(minutes)"));
    let policies = PolicyFile::new().group("staff").list_attribute("clinics", "text").grant(
        "own_clinics",
        "staff",
        GrantDef::table("visits").rows("clinic in (attribute.clinics)"),
    );
    let engine = Engine::builder()
        .definitions(Definitions::new(model))
        .policy_definitions(PolicyDefinitions::new(policies))
        .batches("visits", vec![visits])
        .build()
        .await?;

    let question = SemanticQuery::metric("time_spent").group_by("clinic");
    for (name, clinics) in [("nora", vec!["north"]), ("sam", vec!["south", "east"])] {
        let person = Principal::asserted_by_host(name).group("staff").attribute("clinics", clinics);
        let answer = engine.session(person.build()?).query(&question).await?.collect().await?;
        println!("{name}\n{}", answer.to_table()?);
    }
    Ok(())
}
