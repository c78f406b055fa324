//! Writes the JSON Schemas that editors check models, policies, cases and queries with to `docs/schema`.
//!
//! `cargo run -p sandbar-permissions --example schemas`

use std::error::Error;
use std::fs;
use std::path::Path;

use sandbar_catalog::Definitions;
use sandbar_catalog::query::SemanticQuery;
use sandbar_permissions::{PolicyCases, PolicyDefinitions};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema");
    fs::create_dir_all(&folder)?;
    for (name, schema) in [
        ("model", Definitions::json_schema()),
        ("policies", PolicyDefinitions::json_schema()),
        ("cases", PolicyCases::json_schema()),
        ("query", SemanticQuery::json_schema()),
    ] {
        let text = serde_json::to_string_pretty(&schema)? + "\n";
        fs::write(folder.join(format!("{name}.schema.json")), text)?;
    }
    Ok(())
}
