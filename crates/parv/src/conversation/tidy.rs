//! Keeps the files of a conversation few, beside whatever else is done with it.

use parv_store::Repository;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::{JoinHandle, spawn_blocking};

/// After how many changes to look whether there are many files. It takes some thousand until there are.
const LOOK_AFTER: u32 = 64;

/// How long to leave things where they are before they are moved again: what stock git looks for may move once while it
/// looks, not twice.
const PAUSE: Duration = Duration::from_secs(1);

/// Consolidates a repository in the background, one time after the other.
#[derive(Default)]
pub(crate) struct Tidier {
    changes: u32,
    stop: Arc<AtomicBool>,
    work: Option<JoinHandle<()>>,
    /// When that may be done again.
    again: Option<Instant>,
}

impl Tidier {
    /// The repository has changed; every so often that is a reason to look.
    pub(crate) fn changed(&mut self, repository: &Repository) {
        self.changes += 1;
        if self.changes >= LOOK_AFTER {
            self.look(repository);
        }
    }

    /// Looks whether there are many files, and makes them few if so.
    pub(crate) fn look(&mut self, repository: &Repository) {
        let now = Instant::now();
        if self.work.as_ref().is_some_and(|work| !work.is_finished()) || self.again.is_some_and(|again| now < again) {
            return;
        }
        self.changes = 0;
        self.again = Some(now + PAUSE);
        let (repository, stop) = (repository.clone(), self.stop.clone());
        self.work = Some(spawn_blocking(move || {
            if repository.is_scattered()
                && let Err(error) = repository.consolidate(&stop)
            {
                tracing::warn!("many small files stay as they are: {}", crate::error::chain(&error));
            }
        }));
    }

    /// Stops; the repository is let go when this returns.
    pub(crate) async fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(work) = self.work.take() {
            // It has nothing to say, not even when its thread was lost.
            let _ = work.await;
        }
    }
}

impl Drop for Tidier {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
