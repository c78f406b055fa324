//! Writes the sample shop as Parquet files: `write DIR`. `fixtures/oracle/golden.py` answers the
//! questions of `fixtures/queries` from them.

use std::error::Error;
use std::path::PathBuf;

use sandbar_shop::Shop;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("say where to: `write DIR`")?;
    Shop::generate()?.write_parquet(&PathBuf::from(folder))?;
    Ok(())
}
