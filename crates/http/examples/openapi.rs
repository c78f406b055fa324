//! Writes the document of the HTTP API to `docs/schema/openapi.json`.
//!
//! `cargo run -p sandbar-http --example openapi`

use std::error::Error;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let text = serde_json::to_string_pretty(&sandbar_http::openapi())? + "\n";
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema");
    fs::write(folder.join("openapi.json"), text)?;
    Ok(())
}
