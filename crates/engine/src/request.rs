//! One request: one world, one set of grants, one reading of the clock.

use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;
use sandbar_auth::Principal;
use sandbar_executor::Allowance;
use sandbar_permissions::{Grants, Purpose};

use crate::engine::Inner;
use crate::error::{Error, ErrorKind};
use crate::world::World;

/// Everything that one request uses. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) world: Arc<World>,
    pub(crate) grants: Arc<Grants>,
    pub(crate) purpose: Purpose,
    pub(crate) now: Timestamp,
    pub(crate) allowance: Allowance,
}

impl Request {
    pub(crate) fn new(
        inner: &Inner,
        principal: &Principal,
        purpose: Purpose,
        allowance: Allowance,
        at: SystemTime,
    ) -> Result<Self, Error> {
        let world = inner.world.load_full();
        let grants = world.grants(principal, purpose);
        if !grants.may_be_used() {
            let message =
                format!("the token is not for this; it needs the scope `{}`", purpose.needs());
            return Err(Error::new(ErrorKind::Denied, "E0103", message));
        }
        let now = instant(at)?;
        Ok(Self { world, grants, purpose, now, allowance })
    }
}

/// An instant of the host's clock.
pub(crate) fn instant(at: SystemTime) -> Result<Timestamp, Error> {
    Timestamp::try_from(at).map_err(|_| {
        Error::new(ErrorKind::Internal, "E0902", "the clock is outside of the calendar")
    })
}
