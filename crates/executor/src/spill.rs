//! Where queries put what does not fit into memory: a folder that nobody else may look into, made
//! when it is first needed and removed with the engine.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::disk_manager::{DiskManager, DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::{SpillFile, TempFileFactory};
use parking_lot::Mutex;
use tempfile::TempDir;

/// Where, and how much, queries put on disk when they need more memory than they may use.
///
/// What they put there are rows, in clear. They stand in a folder of their own that only the
/// user of this process can look into (mode 0700), each file goes with the query that made it, and
/// the folder with the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spill {
    /// The folder in which the private one is made; `None`: that of the system for temporary
    /// files.
    pub folder: Option<PathBuf>,
    /// The most bytes on disk of all queries together; 0: nothing is put on disk.
    pub bytes: u64,
}

impl Default for Spill {
    /// 10 GiB in the system's folder.
    fn default() -> Self {
        Self { folder: None, bytes: 10 << 30 }
    }
}

impl Spill {
    /// Nothing is put on disk.
    pub fn never() -> Self {
        Self { folder: None, bytes: 0 }
    }

    /// In a private folder in this one.
    #[must_use]
    pub fn with_folder(self, folder: impl Into<PathBuf>) -> Self {
        Self { folder: Some(folder.into()), ..self }
    }

    /// At most so many bytes.
    #[must_use]
    pub fn with_bytes(self, bytes: u64) -> Self {
        Self { bytes, ..self }
    }

    pub(crate) fn manager(self) -> DiskManagerBuilder {
        let builder = DiskManagerBuilder::default();
        if self.bytes == 0 {
            return builder.with_mode(DiskManagerMode::Disabled);
        }
        builder.with_temp_file_factory(Arc::new(Private { spill: self, opened: Mutex::default() }))
    }
}

/// Makes the folder with the first file.
struct Private {
    spill: Spill,
    opened: Mutex<Option<Opened>>,
}

/// The files go before the folder that they are in.
struct Opened {
    files: Arc<DiskManager>,
    _folder: TempDir,
}

impl Private {
    fn open(&self) -> Result<Opened> {
        let folder = self.folder().map_err(DataFusionError::IoError)?;
        let mode = DiskManagerMode::Directories(vec![folder.path().to_owned()]);
        let files = DiskManagerBuilder::default()
            .with_mode(mode)
            .with_max_temp_directory_size(self.spill.bytes)
            .build()?;
        Ok(Opened { files: Arc::new(files), _folder: folder })
    }

    fn folder(&self) -> io::Result<TempDir> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("sandbar-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o700));
        }
        match &self.spill.folder {
            Some(folder) => builder.tempdir_in(folder),
            None => builder.tempdir(),
        }
    }
}

impl TempFileFactory for Private {
    fn create_temp_file(&self, description: &str) -> Result<Arc<dyn SpillFile>> {
        let mut opened = self.opened.lock();
        let opened = match &mut *opened {
            Some(opened) => opened,
            none => none.insert(self.open()?),
        };
        opened.files.create_tmp_file(description)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn entries(folder: &Path) -> Vec<PathBuf> {
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn l53_the_folder_is_private_is_made_when_it_is_needed_and_goes_with_its_manager() {
        let outer = tempfile::tempdir().unwrap();
        let spill = Spill::default().with_folder(outer.path());
        let manager = Arc::new(spill.manager().build().unwrap());
        assert!(entries(outer.path()).is_empty());
        let files = [(); 2].map(|()| manager.create_tmp_file("a test").unwrap());
        let [folder] = entries(outer.path()).try_into().expect("there is one folder");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        }
        assert!(files.iter().all(|file| file.path().unwrap().starts_with(&folder)));
        let path = files[0].path().unwrap().to_owned();
        drop(files);
        assert!(!path.exists());
        assert!(folder.exists());
        drop(manager);
        assert!(entries(outer.path()).is_empty());
    }

    #[test]
    fn nothing_is_put_on_disk_where_nothing_may() {
        let manager = Arc::new(Spill::never().manager().build().unwrap());
        assert!(!manager.tmp_files_enabled());
        let error = manager.create_tmp_file("a test").err().expect("there is a file");
        assert!(matches!(error, DataFusionError::ResourcesExhausted(_)), "{error}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_of_the_file() {
        let spill = Spill::default().with_folder("/nowhere/at/all");
        let manager = Arc::new(spill.manager().build().unwrap());
        let error = manager.create_tmp_file("a test").err().expect("there is a file");
        assert!(matches!(error, DataFusionError::IoError(_)), "{error}");
    }
}
