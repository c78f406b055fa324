//! Where the files of a source lie whose path is a URL: in a store that the host has handed over.

use std::sync::Arc;

use datafusion::catalog::Session;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt};

use super::location::{Location, Pattern, Reach};
use super::problem::SourceProblemKind;
use super::spec::FilesSpec;
use crate::stores::{folder_of, marked, shown, split};

/// Asks the store to tell a file from a folder. What comes after the store's name is the path as
/// it is, nothing of it is decoded.
pub(super) async fn locate(
    spec: &FilesSpec,
    state: &dyn Session,
) -> Result<Location, SourceProblemKind> {
    let unknown = || SourceProblemKind::UnsupportedStore { path: without_secrets(&spec.path) };
    let (address, path) = split(&spec.path).ok_or_else(unknown)?;
    let url = marked(&address).map_err(|_| unknown())?;
    let store = state.runtime_env().object_store(&url).map_err(|_| unknown())?;

    let bad = |reason| SourceProblemKind::BadPattern { path: spec.path.clone(), reason };
    let names: Vec<String> =
        path.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let wild = |name: &String| name.contains(['*', '?', '[']);
    let (folder, rest) = names.split_at(names.iter().position(wild).unwrap_or(names.len()));
    let within = Path::parse(folder.join("/")).map_err(|error| bad(error.to_string()))?;
    let root = Path::from_iter(folder_of(&address).parts().chain(within.parts()));
    let mut identity = format!("{address}/{within}");
    let reach = if !rest.is_empty() {
        identity = format!("{identity}/{}", rest.join("/"));
        Reach::Below(Pattern::parse(rest).map_err(bad)?)
    } else if !path.ends_with('/') && !folder.is_empty() && is_file(&store, &root).await? {
        Reach::File
    } else {
        identity.push('/');
        Reach::Below(Pattern::folder(spec.format.extensions()))
    };
    Ok(Location { shown: spec.path.clone(), url, root, reach, identity })
}

async fn is_file(store: &Arc<dyn ObjectStore>, path: &Path) -> Result<bool, SourceProblemKind> {
    match store.head(path).await {
        Ok(_) => Ok(true),
        Err(Error::NotFound { .. }) => Ok(false),
        Err(error) => {
            let (file, reason) = (shown(path), error.to_string());
            Err(SourceProblemKind::Unreadable { file, reason })
        }
    }
}

/// A URL without the part that may be a password.
fn without_secrets(url: &str) -> String {
    let Some((scheme, after)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = match after.split_once('/') {
        Some((authority, path)) => (authority, format!("/{path}")),
        None => (after, String::new()),
    };
    let name = authority.rsplit_once('@').map_or(authority, |(_, name)| name);
    format!("{scheme}://{name}{path}")
}
