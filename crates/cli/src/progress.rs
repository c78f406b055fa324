//! A word on stderr while a long step runs, for somebody who looks at a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::failure::note;

/// How long a step may take without a word.
const PATIENCE: Duration = Duration::from_secs(1);

/// A step that runs until this is dropped; if it is a long one, its name is said, once.
#[derive(Debug)]
pub(crate) struct Progress(Option<JoinHandle<()>>);

impl Progress {
    /// A step begins. Into a file or a pipe nothing is said.
    pub(crate) fn of(step: &'static str) -> Self {
        if std::io::stderr().is_terminal() {
            Self::telling(PATIENCE, move || note(&format!("{step} …")))
        } else {
            Self(None)
        }
    }

    /// The step itself may keep its thread busy, so another one waits for it.
    fn telling(patience: Duration, tell: impl FnOnce() + Send + 'static) -> Self {
        Self(Some(tokio::spawn(async move {
            tokio::time::sleep(patience).await;
            tell();
        })))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(waiting) = &self.0 {
            waiting.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread::sleep;

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_long_step_is_told_once_and_a_short_one_is_not() {
        let told = Arc::new(AtomicU32::new(0));
        let tell = || {
            let told = Arc::clone(&told);
            move || {
                told.fetch_add(1, Ordering::SeqCst);
            }
        };
        // The step blocks its thread, as those do that compute.
        let long = Progress::telling(SHORT, tell());
        sleep(SHORT * 20);
        drop(long);
        assert_eq!(told.load(Ordering::SeqCst), 1, "a long step");
        let short = Progress::telling(SHORT * 20, tell());
        drop(short);
        sleep(SHORT * 40);
        assert_eq!(told.load(Ordering::SeqCst), 1, "a short step");
    }
}
