//! Whether further requests are wanted here.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether further requests are wanted here, as `GET /ready` tells whoever spreads them over
/// servers. They are from the start on, since there is no engine over a model with errors, and
/// until the server begins to end.
///
/// ```
/// use sandbar_http::{Options, Readiness};
///
/// # fn serve(engine: sandbar::Engine) {
/// let readiness = Readiness::default();
/// let routes = Options::default().readiness(readiness.clone()).router(engine);
/// // A host that serves them itself says when its own end begins:
/// readiness.end();
/// # let _ = routes; }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    ending: Arc<AtomicBool>,
}

impl Readiness {
    /// From now on `GET /ready` is answered with 503 (H0110); everything else as before.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Release);
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }
}
