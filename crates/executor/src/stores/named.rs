//! A store whose files go by names that say which store they are in. DataFusion's caches know a
//! file by its path alone, so that the files of two stores would be taken for one another.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::{Path, PathPart};
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::steady::read_only;

/// A store with its own address as the outermost folder.
#[derive(Debug)]
pub(crate) struct Named {
    inner: Arc<dyn ObjectStore>,
    folder: Path,
}

impl Named {
    pub(crate) fn new(inner: Arc<dyn ObjectStore>, address: &str) -> Self {
        Self { inner, folder: folder_of(address) }
    }

    fn outer(&self, location: &Path) -> Path {
        Path::from_iter(self.folder.parts().chain(location.parts()))
    }

    /// The path within the store; what lies in no folder of ours is not there.
    fn within(&self, location: &Path) -> Result<Path> {
        let parts = location.prefix_match(&self.folder).ok_or_else(|| {
            let source = "it is in another store".into();
            object_store::Error::NotFound { path: location.to_string(), source }
        })?;
        Ok(Path::from_iter(parts))
    }

    fn name(&self, meta: ObjectMeta) -> ObjectMeta {
        ObjectMeta { location: self.outer(&meta.location), ..meta }
    }
}

/// The outermost folder of a store. No file of the local file system has such a name: there, a
/// percent sign is written as another one.
pub(crate) fn folder_of(address: &str) -> Path {
    Path::default().join(PathPart::from(address))
}

/// A file or folder as the operator knows it.
pub(crate) fn shown(path: &Path) -> String {
    let text = path.as_ref();
    let (first, rest) = text.split_once('/').unwrap_or((text, ""));
    match first.split_once(":%2F%2F") {
        Some((scheme, name)) => format!("{scheme}://{name}/{rest}"),
        None => format!("/{text}"),
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.inner)
    }
}

#[async_trait]
impl ObjectStore for Named {
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
        let result = self.inner.get_opts(&self.within(location)?, options).await?;
        Ok(GetResult { meta: self.name(result.meta), ..result })
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(&self.within(location)?, ranges).await
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        futures::stream::iter([Err(read_only("delete"))]).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let prefix = prefix.map(|prefix| self.within(prefix)).transpose();
        let named = Self { inner: Arc::clone(&self.inner), folder: self.folder.clone() };
        match prefix {
            Ok(prefix) => {
                let listed = self.inner.list(prefix.as_ref());
                listed.map(move |meta| meta.map(|meta| named.name(meta))).boxed()
            }
            Err(error) => futures::stream::iter([Err(error)]).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let prefix = prefix.map(|prefix| self.within(prefix)).transpose()?;
        let listed = self.inner.list_with_delimiter(prefix.as_ref()).await?;
        Ok(ListResult {
            common_prefixes: listed.common_prefixes.iter().map(|path| self.outer(path)).collect(),
            objects: listed.objects.into_iter().map(|meta| self.name(meta)).collect(),
        })
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(read_only("copy"))
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn two_stores_have_no_path_in_common() {
        let inner = Arc::new(InMemory::new());
        inner.put(&Path::from("a/b.csv"), "x".into()).await.unwrap();
        let one = Named::new(Arc::clone(&inner) as _, "s3://one");
        let other = Named::new(inner, "s3://other:9000");
        let root = folder_of("s3://one");
        let listed = one.list_with_delimiter(Some(&root)).await.unwrap();
        assert_eq!(listed.common_prefixes.len(), 1);
        let listed = one.list_with_delimiter(listed.common_prefixes.first()).await.unwrap();
        let [file] = listed.objects.try_into().unwrap();
        assert_eq!(shown(&file.location), "s3://one/a/b.csv");
        assert_eq!(one.head(&file.location).await.unwrap(), file);
        let all: Vec<_> = one.list(None).collect().await;
        assert_eq!(all[0].as_ref().unwrap(), &file);
        let missing = other.head(&file.location).await.unwrap_err();
        assert!(matches!(missing, object_store::Error::NotFound { .. }), "{missing}");
        let all: Vec<_> = other.list(None).collect().await;
        assert_eq!(shown(&all[0].as_ref().unwrap().location), "s3://other:9000/a/b.csv");
        assert_eq!(shown(&Path::from("tmp/a.csv")), ["", "tmp", "a.csv"].join("/"));
        assert!(one.put(&file.location, "y".into()).await.is_err());
        assert!(one.delete(&file.location).await.is_err());
    }
}
