//! Files that change while a question is planned or read: what is given is of one version, or it
//! is an error.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::object_store::local::LocalFileSystem;
use datafusion::object_store::memory::InMemory;
use datafusion::object_store::path::Path;
use datafusion::object_store::{ObjectStore, ObjectStoreExt};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::prelude::SessionContext;
use futures::FutureExt;
use sandbar::Engine;
use sandbar_testkit::faults::{Fault, Faulty};
use tempfile::TempDir;

use super::super::files::{FORMATS, POLICIES, batch};
use super::{ask, check_clean, content, engine, red};

/// The old rows and the new ones, as many of them in as many bytes.
pub(super) const OLD: std::ops::Range<i64> = 100..160;
const NEW: std::ops::Range<i64> = 200..260;

/// A file that is read in several parts.
pub(super) fn in_parts(format: &str, ids: std::ops::Range<i64>) -> Vec<u8> {
    if format != "parquet" {
        return content(format, ids);
    }
    let batch = batch(ids);
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(10)).build();
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    file
}

/// What became of the questions, between whose calls a file was replaced.
#[derive(Debug, Default)]
struct Ends(BTreeMap<&'static str, usize>);

impl Ends {
    #[track_caller]
    fn count(&mut self, end: Result<String, sandbar::Error>, at: usize, calls: usize, what: &str) {
        let end = match end {
            Ok(rows) if rows == red(OLD) => "old",
            Ok(rows) if rows == red(NEW) => "new",
            Ok(rows) => panic!("{what} at {at}: {rows}"),
            Err(error) => {
                check_clean(&error);
                "failed"
            }
        };
        // The first call lists the files; what is not read any more may change.
        let expected = if at == 0 {
            "new"
        } else if at < calls {
            "failed"
        } else {
            "old"
        };
        assert_eq!(end, expected, "{what} at {at} of {calls}");
        *self.0.entry(end).or_default() += 1;
    }

    /// Each of them has happened.
    #[track_caller]
    fn check(&self, what: &str) {
        assert!(self.0["failed"] > 1 && self.0.len() == 3, "{what}: {self:?}");
    }
}

#[tokio::test]
async fn a_file_of_a_store_that_is_replaced_midway_is_read_in_one_version() {
    for (format, extension) in FORMATS {
        let path = Path::from(format!("data/0.{extension}"));
        let inner = Arc::new(InMemory::new());
        inner.put(&path, in_parts(format, OLD).into()).await.unwrap();
        let faulty = Faulty::over(Arc::clone(&inner) as _);
        let engine = engine(Arc::clone(&faulty) as _, format).await.unwrap();
        let mut ends = Ends::default();
        for at in 0..40 {
            inner.put(&path, in_parts(format, OLD).into()).await.unwrap();
            let (inner, path) = (Arc::clone(&inner), path.clone());
            faulty.script(move |call| {
                if call.number == at {
                    let new = in_parts(format, NEW).into();
                    inner.put(&path, new).now_or_never().unwrap().unwrap();
                }
                None::<Fault>
            });
            ends.count(ask(&engine).await, at, faulty.calls(), format);
            if faulty.calls() <= at {
                break;
            }
        }
        ends.check(format);
    }
}

/// An engine over local files, which are read through a store of the host.
pub(super) async fn local(folder: &TempDir, format: &str, faulty: Arc<Faulty>) -> Engine {
    let model = format!(
        "sources: {{ points: {{ format: {format}, path: data }} }}\n\
         tables:\n  points:\n    primary_key: [id]\n    \
         fields: {{ id: {{}}, team: {{}}, points: {{}}, weight: {{}}, fit: {{}} }}\n"
    );
    let context = SessionContext::new();
    let url = ObjectStoreUrl::local_filesystem();
    context.register_object_store(url.as_ref(), faulty as Arc<dyn ObjectStore>);
    let builder = Engine::builder().model("model.yaml", &model).policies("policies.yaml", POLICIES);
    builder.base_dir(folder.path()).session_state(context.state()).build().await.unwrap()
}

/// Puts a file in the place of another one, as the manual says.
pub(super) fn moved(file: &std::path::Path, content: &[u8]) {
    let beside = file.with_extension("new");
    fs::write(&beside, content).unwrap();
    fs::rename(beside, file).unwrap();
}

/// Writes over a file.
fn overwritten(file: &std::path::Path, content: &[u8]) {
    fs::write(file, content).unwrap();
}

#[tokio::test]
async fn a_local_file_that_is_replaced_midway_is_read_in_one_version() {
    for (format, extension) in FORMATS {
        for replace in [moved, overwritten] {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("data")).unwrap();
            let file = folder.path().join(format!("data/0.{extension}"));
            overwritten(&file, &in_parts(format, OLD));
            let faulty = Faulty::over(Arc::new(LocalFileSystem::new()));
            let engine = local(&folder, format, Arc::clone(&faulty)).await;
            let mut ends = Ends::default();
            for at in 0..40 {
                moved(&file, &in_parts(format, OLD));
                let file = file.clone();
                faulty.script(move |call| {
                    if call.number == at {
                        replace(&file, &in_parts(format, NEW));
                    }
                    None::<Fault>
                });
                ends.count(ask(&engine).await, at, faulty.calls(), format);
                if faulty.calls() <= at {
                    break;
                }
            }
            ends.check(format);
        }
    }
}
