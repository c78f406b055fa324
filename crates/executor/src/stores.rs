//! Where files may be read from beside the local file system: the object stores that a host hands
//! over, and those of its session. Nothing is reached that the host did not name.

mod calm;
mod named;
mod steady;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::{ObjectStoreRegistry, ObjectStoreUrl};
use object_store::ObjectStore;
use url::Url;

use named::Named;
pub(crate) use named::{folder_of, shown};
pub(crate) use steady::{Pins, Steady};

/// In front of the scheme of a store whose files go by names that say which store they are in.
const MARK: &str = "sandbar+";

/// The object stores that a host hands over, by URL.
#[derive(Clone, Debug, Default)]
pub struct ObjectStores {
    given: BTreeMap<String, Arc<dyn ObjectStore>>,
}

/// An address that no object store can have here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the address of an object store is a scheme and a name, as in `s3://bucket`")]
pub struct NoStoreAddress;

impl ObjectStores {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the store of all files whose paths start with `url`: a scheme and a name, as in
    /// `s3://bucket`. A store under the same address is replaced.
    ///
    /// # Errors
    /// If the address is more or less than that, or that of the local file system.
    ///
    /// # Example
    /// ```
    /// use std::sync::Arc;
    /// use object_store::memory::InMemory;
    /// use sandbar_executor::ObjectStores;
    ///
    /// let mut stores = ObjectStores::new();
    /// assert!(stores.add("s3://bucket", Arc::new(InMemory::new())).is_ok());
    /// for wrong in ["bucket", "s3://", "s3://user:key@bucket", "s3://bucket/folder", "file:///"] {
    ///     assert!(stores.add(wrong, Arc::new(InMemory::new())).is_err(), "{wrong}");
    /// }
    /// ```
    pub fn add(&mut self, url: &str, store: Arc<dyn ObjectStore>) -> Result<(), NoStoreAddress> {
        let (address, rest) = split(url).ok_or(NoStoreAddress)?;
        if !rest.is_empty() {
            return Err(NoStoreAddress);
        }
        self.given.insert(address, store);
        Ok(())
    }

    /// These stores, and behind them those of a session.
    pub(crate) fn before(self, host: Arc<dyn ObjectStoreRegistry>) -> Arc<dyn ObjectStoreRegistry> {
        Arc::new(Registry { given: self.given, host })
    }
}

/// The address of a store and the rest of a path that is a URL; `None` where it is no URL of an
/// object store, or says who may read there.
pub(crate) fn split(path: &str) -> Option<(String, &str)> {
    let (scheme, after) = path.split_once("://")?;
    let (name, rest) = after.split_once('/').unwrap_or((after, ""));
    let url = Url::parse(&format!("{scheme}://{name}")).ok()?;
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let named = url.host_str().is_some_and(|host| !host.is_empty()) && url.query().is_none();
    let own = matches!(url.scheme(), "file") || url.scheme().starts_with(MARK);
    (plain && named && !own && matches!(url.path(), "" | "/")).then(|| (key(&url), rest))
}

/// The URL under which the files of a store are scanned: the store as [`Named`].
pub(crate) fn marked(address: &str) -> Result<ObjectStoreUrl> {
    ObjectStoreUrl::parse(format!("{MARK}{address}"))
}

/// Scheme, host and port.
fn key(url: &Url) -> String {
    use url::Position::{AfterPort, BeforeHost};
    let authority = url.as_str().get(url[..BeforeHost].len()..url[..AfterPort].len());
    format!("{}://{}", url.scheme(), authority.unwrap_or_default())
}

/// What plans find stores in.
#[derive(Debug)]
struct Registry {
    given: BTreeMap<String, Arc<dyn ObjectStore>>,
    host: Arc<dyn ObjectStoreRegistry>,
}

impl ObjectStoreRegistry for Registry {
    fn register_store(
        &self,
        url: &Url,
        store: Arc<dyn ObjectStore>,
    ) -> Option<Arc<dyn ObjectStore>> {
        self.host.register_store(url, store)
    }

    fn deregister_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        self.host.deregister_store(url)
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        let address = key(url);
        if let Some(address) = address.strip_prefix(MARK) {
            let external = |error| DataFusionError::External(Box::new(error));
            let store = self.get_store(&Url::parse(address).map_err(external)?)?;
            return Ok(Arc::new(Named::new(store, address)));
        }
        match self.given.get(&address) {
            Some(store) => Ok(Arc::clone(store)),
            None => self.host.get_store(url),
        }
    }
}

/// The stores of one query, which hold each file to the version that was planned with.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) stores: Arc<dyn ObjectStoreRegistry>,
    pub(crate) pins: BTreeMap<String, Pins>,
}

impl ObjectStoreRegistry for Held {
    fn register_store(
        &self,
        url: &Url,
        store: Arc<dyn ObjectStore>,
    ) -> Option<Arc<dyn ObjectStore>> {
        self.stores.register_store(url, store)
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        let store = self.stores.get_store(url)?;
        Ok(match self.pins.get(url.as_str()) {
            Some(pins) => Arc::new(Steady::new(store, url.as_str(), pins.clone())),
            None => store,
        })
    }
}
