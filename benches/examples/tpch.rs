//! Writes the eight tables of TPC-H as Parquet files: `tpch DIR [SCALE]`, scale factor 0.1 if left
//! out. `fixtures/tpch/oracle.py` answers the queries of `fixtures/tpch` from them.

use std::error::Error;
use std::fs::{File, create_dir_all};
use std::path::PathBuf;
use std::sync::Arc;

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use sandbar_benches::tpch::{TABLES, reader};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("say where to: `tpch DIR [SCALE]`")?;
    let directory = PathBuf::from(directory);
    let scale: f64 = arguments.next().map_or(Ok(0.1), |text| text.parse())?;
    create_dir_all(&directory)?;
    for table in TABLES {
        let batches = reader(scale, table)?;
        let file = File::create(directory.join(format!("{table}.parquet")))?;
        let compression = Compression::ZSTD(ZstdLevel::try_new(3)?);
        let properties = WriterProperties::builder().set_compression(compression).build();
        let schema = Arc::clone(batches.schema());
        let mut writer = ArrowWriter::try_new(file, schema, Some(properties))?;
        for batch in batches {
            writer.write(&batch)?;
        }
        writer.close()?;
    }
    Ok(())
}
