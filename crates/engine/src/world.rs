//! What all requests of one moment see: the model, its policies and the sources, swapped as one.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use sandbar_auth::Principal;
use sandbar_catalog::Snapshot;
use sandbar_executor::Executor;
use sandbar_permissions::{Grants, PolicySet, Purpose};
use sandbar_query_planner::Compiled;

use crate::builder::Settings;
use crate::check::Checked;
use crate::error::Error;

/// How many principals' grants are kept per snapshot.
const KEPT_GRANTS: usize = 4_096;

/// What all requests of one moment see.
pub(crate) struct World {
    pub(crate) version: u64,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) policies: Arc<PolicySet>,
    pub(crate) compiled: Compiled,
    pub(crate) executor: Executor,
    grants: Mutex<HashMap<GrantsKey, Arc<Grants>>>,
}

/// A principal, and what he asks for where that makes a difference.
type GrantsKey = (Vec<u8>, Option<Purpose>);

impl World {
    /// Compiles what was checked.
    pub(crate) fn new(version: u64, checked: Checked, settings: &Settings) -> Result<Self, Error> {
        let Checked { snapshot, policies, sources } = checked;
        let executor = Executor::new(settings.state.clone(), sources, settings.place.clone());
        let executor = match settings.kept_answers {
            Some(bytes) => executor.keeping_answers(bytes),
            None => executor,
        };
        let scan = |name: &str| executor.scan_source(name);
        let compiled = Compiled::new(Arc::clone(&snapshot), &scan, settings.mask_key.clone())?;
        let grants = Mutex::new(HashMap::new());
        Ok(Self { version, snapshot, policies, compiled, executor, grants })
    }

    /// What a principal may see of this world: decided once, table by table as they are asked.
    pub(crate) fn grants(&self, principal: &Principal, purpose: Purpose) -> Arc<Grants> {
        // Without a scope the purpose takes nothing away.
        let of = principal.scopes().is_some().then_some(purpose);
        let key = (principal.canonical_bytes(), of);
        let mut kept = self.grants.lock();
        if let Some(grants) = kept.get(&key) {
            return Arc::clone(grants);
        }
        let grants = Arc::new(self.policies.grants_for(&self.snapshot, principal, purpose));
        if kept.len() >= KEPT_GRANTS {
            kept.clear();
        }
        kept.insert(key, Arc::clone(&grants));
        grants
    }
}
