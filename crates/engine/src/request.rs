//! One request: one world, one set of grants, one reading of the clock.

use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;
use sandbar_auth::Principal;
use sandbar_executor::{Deadline, Limits};
use sandbar_permissions::Grants;

use crate::engine::Inner;
use crate::error::{Error, ErrorKind};
use crate::world::World;

/// Everything that one request uses. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) world: Arc<World>,
    pub(crate) grants: Arc<Grants>,
    pub(crate) now: Timestamp,
    pub(crate) limits: Limits,
    pub(crate) deadline: Deadline,
}

impl Request {
    pub(crate) fn new(
        inner: &Inner,
        principal: &Principal,
        limits: &Limits,
        deadline: Deadline,
        at: SystemTime,
    ) -> Result<Self, Error> {
        let world = inner.world.load_full();
        let grants = world.grants(principal);
        let now = instant(at)?;
        Ok(Self { world, grants, now, limits: limits.clone(), deadline })
    }
}

/// An instant of the host's clock.
pub(crate) fn instant(at: SystemTime) -> Result<Timestamp, Error> {
    Timestamp::try_from(at).map_err(|_| {
        Error::new(ErrorKind::Internal, "E0902", "the clock is outside of the calendar")
    })
}
