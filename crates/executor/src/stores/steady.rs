//! A store in which each file stays the version that was planned with, and is read as long as it
//! is. Whatever else comes of reading it is an error, and never rows.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::catalog::memory::DataSourceExec;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::ExecutionPlan;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult,
    MultipartUpload, OBJECT_STORE_COALESCE_DEFAULT, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, coalesce_ranges,
};

use super::calm::{calm, calm_stream};
use crate::composed::ComposedScanExec;

/// How many bytes of a local file are read at a time.
const CHUNK: u64 = 256 * 1024;

/// Why a file cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Unsteady {
    #[error("it has changed since the query was planned")]
    Changed,
    #[error("the store gave fewer bytes than it said")]
    Short,
    #[error("the store gave more bytes than it said")]
    Long,
    #[error("the store gave another part than was asked for")]
    Elsewhere,
}

impl Unsteady {
    fn of(self, location: &Path) -> Error {
        Error::Precondition { path: location.to_string(), source: Box::new(self) }
    }
}

/// The error of what would write. Nothing here does.
pub(super) fn read_only(operation: &str) -> Error {
    Error::NotImplemented {
        operation: operation.to_owned(),
        implementer: "a store that is only read".to_owned(),
    }
}

/// The versions of the files that a query reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pins {
    /// By path.
    files: Arc<Vec<ObjectMeta>>,
    /// Whether a local file is handed over open: a reader of Arrow files would otherwise take all
    /// of it into memory.
    open: bool,
}

impl Pins {
    /// One file.
    pub(crate) fn of(file: &ObjectMeta) -> Self {
        Self { files: Arc::new(vec![file.clone()]), open: false }
    }

    /// Files that are ordered by path, each once.
    pub(crate) fn ordered(files: Arc<Vec<ObjectMeta>>) -> Self {
        Self { files, open: false }
    }

    /// All files that a plan reads, by the address of their store.
    ///
    /// # Errors
    /// If two scans of the plan have found two versions of one file.
    pub(crate) fn of_plan(
        plan: &Arc<dyn ExecutionPlan>,
    ) -> datafusion::error::Result<BTreeMap<String, Self>> {
        let mut found: BTreeMap<String, (BTreeMap<Path, ObjectMeta>, bool)> = BTreeMap::new();
        collect(plan, &mut found)?;
        let pins = found.into_iter().map(|(address, (files, open))| {
            (address, Self { files: Arc::new(files.into_values().collect()), open })
        });
        Ok(pins.collect())
    }

    fn find(&self, location: &Path) -> Option<&ObjectMeta> {
        let place = self.files.binary_search_by(|file| file.location.cmp(location)).ok()?;
        self.files.get(place)
    }
}

fn collect(
    plan: &Arc<dyn ExecutionPlan>,
    found: &mut BTreeMap<String, (BTreeMap<Path, ObjectMeta>, bool)>,
) -> datafusion::error::Result<()> {
    plan.apply(|node| {
        if let Some(composed) = node.downcast_ref::<ComposedScanExec>() {
            collect(composed.inner(), found)?;
        }
        let source = node.downcast_ref::<DataSourceExec>().map(DataSourceExec::data_source);
        if let Some(scan) = source.and_then(|source| source.downcast_ref::<FileScanConfig>()) {
            let (files, open) = found.entry(scan.object_store_url.as_str().to_owned()).or_default();
            *open |= scan.file_source().file_type() == "arrow";
            for file in scan.file_groups.iter().flat_map(|group| group.iter()) {
                let meta = &file.object_meta;
                let known = files.entry(meta.location.clone()).or_insert_with(|| meta.clone());
                if !is_same(known, meta) {
                    let changed = Unsteady::Changed.of(&meta.location);
                    return Err(DataFusionError::ObjectStore(Box::new(changed)));
                }
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// Whether two looks at a file found one version of it. A listing and an answer may write a tag
/// with quotes or without, and a time to the second or finer.
fn is_same(a: &ObjectMeta, b: &ObjectMeta) -> bool {
    let tag = |tag: &str| tag.trim_start_matches("W/").trim_matches('"').to_owned();
    let times = || a.last_modified.timestamp() == b.last_modified.timestamp();
    let tags = match (&a.e_tag, &b.e_tag) {
        (Some(a), Some(b)) => tag(a) == tag(b),
        _ => times(),
    };
    let versions = match (&a.version, &b.version) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    a.size == b.size && tags && versions
}

/// A store in which some files must be those versions.
#[derive(Debug)]
pub(crate) struct Steady {
    inner: Arc<dyn ObjectStore>,
    /// Whether it is the local file system, where a file may change while it is read.
    local: bool,
    pins: Pins,
}

impl Steady {
    /// The store at an address.
    pub(crate) fn new(inner: Arc<dyn ObjectStore>, address: &str, pins: Pins) -> Self {
        Self { inner, local: address.starts_with("file:"), pins }
    }

    /// What was asked for, of the version that it must be.
    async fn get_steadily(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let Some(pin) = self.pins.find(location) else {
            return self.inner.get_opts(location, options).await;
        };
        let head = options.head;
        let asked = match &options.range {
            Some(range) => {
                asked(range, pin.size).ok_or_else(|| Unsteady::Elsewhere.of(location))?
            }
            None => 0..pin.size,
        };
        let result = self.inner.get_opts(location, options).await?;
        if !is_same(pin, &result.meta) {
            return Err(Unsteady::Changed.of(location));
        }
        if head {
            return Ok(result);
        }
        if result.range != asked {
            return Err(Unsteady::Elsewhere.of(location));
        }
        let payload = match result.payload {
            GetResultPayload::File(file, path) if self.pins.open => {
                GetResultPayload::File(file, path)
            }
            GetResultPayload::File(file, _) => {
                GetResultPayload::Stream(from_file(pin, file, asked)?)
            }
            GetResultPayload::Stream(stream) => {
                let bytes = asked.end.saturating_sub(asked.start);
                GetResultPayload::Stream(exactly(location, bytes, stream))
            }
        };
        Ok(GetResult { payload, ..result })
    }

    /// The same of several parts.
    async fn ranges_steadily(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let pin = self.pins.find(location);
        // What a damaged footer points to is not made room for.
        if pin.is_some_and(|pin| ranges.iter().any(|range| range.end > pin.size)) {
            return Err(Unsteady::Short.of(location));
        }
        match pin {
            None => self.inner.get_ranges(location, ranges).await,
            Some(pin) if self.local => self.local_ranges(pin, ranges).await,
            // Each answer says which version it is of.
            Some(_) => {
                let read = |range| self.get_range(location, range);
                coalesce_ranges(ranges, read, OBJECT_STORE_COALESCE_DEFAULT).await
            }
        }
    }

    /// Reads what was asked for, and sees whether the file was the same before and after.
    async fn local_ranges(&self, pin: &ObjectMeta, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let location = &pin.location;
        let read = self.inner.get_ranges(location, ranges).await?;
        let complete = |(bytes, range): (&Bytes, &Range<u64>)| {
            bytes.len() as u64 == range.end.saturating_sub(range.start)
        };
        if read.len() != ranges.len() || !read.iter().zip(ranges).all(complete) {
            return Err(Unsteady::Short.of(location));
        }
        match is_same(pin, &self.inner.head(location).await?) {
            true => Ok(read),
            false => Err(Unsteady::Changed.of(location)),
        }
    }
}

/// The bytes as they come, as many as were said.
fn exactly(
    location: &Path,
    bytes: u64,
    stream: BoxStream<'static, Result<Bytes>>,
) -> BoxStream<'static, Result<Bytes>> {
    let location = location.clone();
    let counted = futures::stream::try_unfold((stream, bytes), move |(mut stream, left)| {
        let location = location.clone();
        async move {
            match stream.next().await {
                Some(read) => {
                    let read = read?;
                    match left.checked_sub(read.len() as u64) {
                        Some(left) => Ok(Some((read, (stream, left)))),
                        None => Err(Unsteady::Long.of(&location)),
                    }
                }
                None if left > 0 => Err(Unsteady::Short.of(&location)),
                None => Ok(None),
            }
        }
    });
    counted.boxed()
}

/// The bytes of a local file. The last one is given only if nothing was written meanwhile.
fn from_file(
    pin: &ObjectMeta,
    mut file: File,
    range: Range<u64>,
) -> Result<BoxStream<'static, Result<Bytes>>> {
    let failed = |source: std::io::Error| Error::Generic { store: "local", source: source.into() };
    let state = |file: &File| -> std::io::Result<_> {
        let metadata = file.metadata()?;
        Ok((metadata.len(), metadata.modified().ok()))
    };
    let before = state(&file).map_err(failed)?;
    if before.0 != pin.size {
        return Err(Unsteady::Changed.of(&pin.location));
    }
    file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
    let location = pin.location.clone();
    let mut left = range.end.saturating_sub(range.start);
    let read = std::iter::from_fn(move || {
        if left == 0 {
            return None;
        }
        let wanted = left.min(CHUNK);
        let mut bytes = Vec::new();
        let read = (&mut file).take(wanted).read_to_end(&mut bytes).map_err(failed);
        left -= wanted;
        Some(read.and_then(|read| {
            if read as u64 != wanted {
                return Err(Unsteady::Short.of(&location));
            }
            if left == 0 && state(&file).map_err(failed)? != before {
                return Err(Unsteady::Changed.of(&location));
            }
            Ok(Bytes::from(bytes))
        }))
    });
    Ok(futures::stream::iter(read).boxed())
}

impl fmt::Display for Steady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.inner)
    }
}

#[async_trait]
impl ObjectStore for Steady {
    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(read_only("put"))
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(read_only("put_multipart"))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let result = calm(self.get_steadily(location, options)).await?;
        let payload = match result.payload {
            GetResultPayload::Stream(stream) => GetResultPayload::Stream(calm_stream(|| stream)),
            file => file,
        };
        Ok(GetResult { payload, ..result })
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        calm(self.ranges_steadily(location, ranges)).await
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        futures::stream::iter([Err(read_only("delete"))]).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        calm_stream(|| self.inner.list(prefix))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        calm(async { self.inner.list_with_delimiter(prefix).await }).await
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(read_only("copy"))
    }
}

/// The part of a file of that size; `None` where there is no such part.
fn asked(range: &GetRange, size: u64) -> Option<Range<u64>> {
    let range = match range {
        GetRange::Bounded(range) => range.start..range.end.min(size),
        GetRange::Offset(start) => *start..size,
        GetRange::Suffix(bytes) => size.saturating_sub(*bytes)..size,
    };
    (range.start < range.end).then_some(range)
}

#[cfg(test)]
mod tests {
    use object_store::local::LocalFileSystem;
    use object_store::memory::InMemory;

    use super::*;

    /// What a reader is told, without the path.
    fn why(error: &Error) -> &Unsteady {
        let Error::Precondition { source, .. } = error else { panic!("{error}") };
        source.downcast_ref().unwrap()
    }

    async fn pinned(store: Arc<dyn ObjectStore>, address: &str, path: &Path) -> Steady {
        let pin = store.head(path).await.unwrap();
        Steady::new(store, address, Pins::of(&pin))
    }

    #[tokio::test]
    async fn a_local_file_that_is_written_over_while_it_is_read_comes_to_no_good_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.csv");
        let path = Path::from_absolute_path(&file).unwrap();
        let bytes = usize::try_from(CHUNK).unwrap() * 3 + 5;
        for (written, expected) in
            [(bytes, Unsteady::Changed), (bytes + 1, Unsteady::Changed), (7, Unsteady::Short)]
        {
            std::fs::write(&file, vec![b'a'; bytes]).unwrap();
            let store = pinned(Arc::new(LocalFileSystem::new()), "file:///", &path).await;
            let whole = store.get(&path).await.unwrap().bytes().await.unwrap();
            assert_eq!(whole.len(), bytes);
            let mut read = store.get(&path).await.unwrap().into_stream();
            assert_eq!(read.next().await.unwrap().unwrap().len() as u64, CHUNK);
            std::fs::write(&file, vec![b'b'; written]).unwrap();
            // Times of files may be as coarse as the ticks of the clock.
            let opened = File::options().write(true).open(&file).unwrap();
            let past = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1);
            opened.set_modified(past).unwrap();
            let mut end = Ok(Bytes::new());
            while let (true, Some(next)) = (end.is_ok(), read.next().await) {
                end = next;
            }
            assert_eq!(*why(&end.unwrap_err()), expected, "{written} bytes");
        }
    }

    #[tokio::test]
    async fn every_part_is_of_the_version_that_was_planned_with() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "0123456789").unwrap();
        let local = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
        let path = Path::from("a");
        for (store, address) in [
            (Arc::new(local) as Arc<dyn ObjectStore>, "file:///"),
            (Arc::new(InMemory::new()), "memory://a/"),
        ] {
            store.put(&path, "0123456789".into()).await.unwrap();
            let steady = pinned(Arc::clone(&store), address, &path).await;
            let parts = steady.get_ranges(&path, &[1..3, 8..10]).await.unwrap();
            assert_eq!(parts, ["12", "89"]);
            assert_eq!(steady.get_range(&path, 8..20).await.unwrap(), "89");
            let beyond = steady.get_ranges(&path, &[1..3, 8..20]).await.unwrap_err();
            assert_eq!(*why(&beyond), Unsteady::Short);
            let far = steady.get_ranges(&path, &[1..3, 0..u64::MAX]).await.unwrap_err();
            assert_eq!(*why(&far), Unsteady::Short);
            assert!(steady.put(&path, "x".into()).await.is_err());
            store.put(&path, "abcdefghij".into()).await.unwrap();
            let error = steady.get_ranges(&path, &[1..3, 8..10]).await.unwrap_err();
            assert_eq!(*why(&error), Unsteady::Changed, "{address}");
            let error = steady.get(&path).await.unwrap_err();
            assert_eq!(*why(&error), Unsteady::Changed, "{address}");
            let error = steady.head(&path).await.unwrap_err();
            assert_eq!(*why(&error), Unsteady::Changed, "{address}");
        }
    }

    #[test]
    fn tags_and_times_are_written_in_several_ways() {
        let meta = |tag: Option<&str>, nanos: u32, size: u64| ObjectMeta {
            location: Path::from("a"),
            last_modified: std::time::SystemTime::UNIX_EPOCH
                .checked_add(std::time::Duration::new(1_700_000_000, nanos))
                .unwrap()
                .into(),
            size,
            e_tag: tag.map(str::to_owned),
            version: None,
        };
        assert!(is_same(&meta(Some("\"x\""), 0, 1), &meta(Some("W/\"x\""), 5, 1)));
        assert!(is_same(&meta(Some("x"), 0, 1), &meta(Some("\"x\""), 0, 1)));
        assert!(!is_same(&meta(Some("x"), 0, 1), &meta(Some("y"), 0, 1)));
        assert!(!is_same(&meta(Some("x"), 0, 1), &meta(Some("x"), 0, 2)));
        assert!(is_same(&meta(None, 1_000_000, 1), &meta(Some("x"), 0, 1)));
    }
}
