//! The tables as Parquet files, for whoever reads the shop without this crate.

use std::fs::{File, create_dir_all};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::Shop;

/// Why the tables could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A folder or file could not be made.
    #[error("cannot write `{}`", path.display())]
    Path {
        /// The folder or file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A table could not be written into its file.
    #[error("cannot write table `{table}` as Parquet")]
    Table {
        /// The table.
        table: &'static str,
        /// What the writer says.
        source: ParquetError,
    },
}

impl Shop {
    /// Writes each table to `<name>.parquet` in a folder, which is made if need be; files that are
    /// there are replaced.
    ///
    /// One shop always gives the same bytes with one version of the Parquet writer. Timestamps
    /// have no zone and are UTC.
    ///
    /// # Errors
    /// The first folder, file or table that could not be written.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// sandbar_shop::Shop::generate()?.write_parquet("data".as_ref())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn write_parquet(&self, folder: &Path) -> Result<(), WriteError> {
        let failed = |path: &Path, source| WriteError::Path { path: path.to_owned(), source };
        create_dir_all(folder).map_err(|source| failed(folder, source))?;
        for (table, batch) in self.tables() {
            let path = folder.join(format!("{table}.parquet"));
            let file = File::create(&path).map_err(|source| failed(&path, source))?;
            write(file, batch).map_err(|source| WriteError::Table { table, source })?;
        }
        Ok(())
    }
}

fn write(file: File, batch: &RecordBatch) -> Result<(), ParquetError> {
    let compression = Compression::ZSTD(ZstdLevel::try_new(3)?);
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties))?;
    writer.write(batch)?;
    writer.close()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use arrow::compute::concat_batches;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;
    use crate::checksum;
    use crate::testing::shop;

    #[test]
    fn files_hold_the_tables() {
        let (shop, folder) = (shop(), tempfile::tempdir().unwrap());
        shop.write_parquet(folder.path()).unwrap();
        for (name, batch) in shop.tables() {
            let file = File::open(folder.path().join(format!("{name}.parquet"))).unwrap();
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
            let read: Vec<_> = reader.map(Result::unwrap).collect();
            let read = concat_batches(&read.first().unwrap().schema(), &read).unwrap();
            assert_eq!(read.schema().fields(), batch.schema().fields(), "{name}");
            assert_eq!(checksum(&read), checksum(batch), "{name}");
        }
    }

    #[test]
    fn files_are_the_same_each_time() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        for folder in &folders {
            shop().write_parquet(&folder.path().join("deep/er")).unwrap();
        }
        for (name, _) in shop().tables() {
            let bytes = folders.each_ref().map(|folder| {
                std::fs::read(folder.path().join(format!("deep/er/{name}.parquet"))).unwrap()
            });
            let [one, other] = bytes;
            assert!(!one.is_empty() && one == other, "{name}");
        }
    }

    #[test]
    fn a_file_in_place_of_the_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        std::fs::write(&path, "").unwrap();
        let error = shop().write_parquet(&path).unwrap_err();
        assert!(error.to_string().contains("taken"), "{error}");
        assert!(std::error::Error::source(&error).is_some());
    }
}
