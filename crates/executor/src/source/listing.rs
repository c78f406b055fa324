//! Which files there are at this moment. Every query asks anew: DataFusion's own list of files
//! never expires.

use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::location::{Location, Pattern, Reach, Steps};
use super::problem::SourceProblemKind;
use crate::stores::shown;

/// How many folders below the root are followed; a link that points back up ends here.
const DEPTH: usize = 16;

/// How many folders are listed at the same time.
const CONCURRENCY: usize = 16;

/// The files of a source, ordered by path.
///
/// # Errors
/// If there is none, or a folder cannot be listed.
pub(super) async fn list(
    location: &Location,
    store: &dyn ObjectStore,
) -> Result<Vec<ObjectMeta>, SourceProblemKind> {
    let mut files = match &location.reach {
        Reach::File => match store.head(&location.root).await {
            Ok(file) => vec![file],
            Err(object_store::Error::NotFound { .. }) => vec![],
            Err(error) => return Err(unlisted(&location.root, &error)),
        },
        Reach::Below(pattern) => walk(store, location.root.clone(), pattern).await?,
    };
    if files.is_empty() {
        return Err(SourceProblemKind::NoFiles { path: location.shown.clone() });
    }
    files.sort_unstable_by(|a, b| a.location.cmp(&b.location));
    Ok(files)
}

async fn walk(
    store: &dyn ObjectStore,
    root: Path,
    pattern: &Pattern,
) -> Result<Vec<ObjectMeta>, SourceProblemKind> {
    let mut files = Vec::new();
    let mut level = vec![(root, pattern.start())];
    for _ in 0..=DEPTH {
        let listed: Vec<_> = stream::iter(level)
            .map(|(folder, at)| list_folder(store, folder, at, pattern))
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await?;
        level = Vec::new();
        for (found, folders) in listed {
            files.extend(found);
            level.extend(folders);
        }
        if level.is_empty() {
            return Ok(files);
        }
    }
    let path = level.first().map(|(folder, _)| shown(folder)).unwrap_or_default();
    Err(SourceProblemKind::TooDeep { path, limit: DEPTH })
}

/// The files of one folder that are meant, and the folders to look into.
async fn list_folder(
    store: &dyn ObjectStore,
    folder: Path,
    at: Steps,
    pattern: &Pattern,
) -> Result<(Vec<ObjectMeta>, Vec<(Path, Steps)>), SourceProblemKind> {
    let listed = store
        .list_with_delimiter(Some(&folder))
        .await
        .map_err(|error| unlisted(&folder, &error))?;
    let files = listed
        .objects
        .into_iter()
        .filter(|file| {
            let name = file.location.filename().unwrap_or_default();
            !name.starts_with(['.', '_']) && pattern.takes(&at, name)
        })
        .collect();
    let folders = listed
        .common_prefixes
        .into_iter()
        .filter_map(|folder| {
            let name = folder.filename().unwrap_or_default();
            let hidden = name.starts_with('.') || (name.starts_with('_') && !name.contains('='));
            let next = pattern.enter(&at, name);
            (!hidden && !next.is_empty()).then_some((folder, next))
        })
        .collect();
    Ok((files, folders))
}

fn unlisted(path: &Path, error: &object_store::Error) -> SourceProblemKind {
    SourceProblemKind::Unreadable { file: shown(path), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use object_store::local::LocalFileSystem;

    use super::*;
    use crate::source::spec::{FilesSpec, Format};

    fn spec(base: &std::path::Path, path: &str) -> FilesSpec {
        let base = Some(base.to_path_buf());
        FilesSpec { format: Format::JsonLines, path: path.into(), base, partitions: vec![] }
    }

    #[tokio::test]
    async fn only_what_is_meant() {
        let dir = tempfile::tempdir().unwrap();
        for file in [
            "a.jsonl",
            "b.JSON",
            "readme.md",
            ".a.jsonl",
            "_a.jsonl",
            "x/c.jsonl",
            "x/y/d.jsonl",
            "_tmp/e.jsonl",
            ".git/f.jsonl",
            "_k=1/g.jsonl",
        ] {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "{}").unwrap();
        }
        for (path, expected) in [
            ("", "_k=1/g.jsonl a.jsonl b.JSON x/c.jsonl x/y/d.jsonl"),
            ("*.jsonl", "a.jsonl"),
            ("*", "a.jsonl b.JSON readme.md"),
            ("*/*.jsonl", "_k=1/g.jsonl x/c.jsonl"),
            ("x/**/*.jsonl", "x/c.jsonl x/y/d.jsonl"),
            ("_a.jsonl", "_a.jsonl"),
        ] {
            let location = Location::resolve(&spec(dir.path(), path)).unwrap();
            let files = list(&location, &LocalFileSystem::new()).await.unwrap();
            let base = Path::from_absolute_path(dir.path()).unwrap();
            let names: Vec<String> = files
                .iter()
                .map(|f| f.location.prefix_match(&base).unwrap())
                .map(|parts| Path::from_iter(parts).to_string())
                .collect();
            assert_eq!(names.join(" "), expected, "{path}");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_link_back_up_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("x/y");
        std::fs::create_dir_all(&below).unwrap();
        std::fs::write(below.join("a.jsonl"), "{}").unwrap();
        std::os::unix::fs::symlink(dir.path(), below.join("loop")).unwrap();
        let location = Location::resolve(&spec(dir.path(), "")).unwrap();
        let problem = list(&location, &LocalFileSystem::new()).await.unwrap_err();
        assert!(matches!(problem, SourceProblemKind::TooDeep { .. }), "{problem}");
    }
}
