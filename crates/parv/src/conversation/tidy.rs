//! Keeps the files of a conversation few, beside whatever else is done with it.

use parv_store::Repository;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

/// How long after a change, or after a start, to look whether there are many files, and how long to leave things where they are
/// before they are moved again: what stock git looks for may move once while it looks, not twice. And nobody who opens a
/// conversation waits for this.
const PAUSE: Duration = Duration::from_secs(1);

/// Consolidates a repository in the background, one time after the other.
pub(crate) struct Tidier {
    /// When to look.
    next: Option<Instant>,
    stop: Arc<AtomicBool>,
    work: Option<JoinHandle<()>>,
}

impl Tidier {
    /// Looks for the first time soon after `now`.
    pub(crate) fn new(now: Instant) -> Self {
        Self { next: Some(now + PAUSE), stop: Arc::default(), work: None }
    }

    /// The repository has changed.
    pub(crate) fn changed(&mut self, now: Instant) {
        self.next.get_or_insert(now + PAUSE);
    }

    /// When to look, if anything has changed since that was done last.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Looks whether there are many files, and makes them few if so.
    pub(crate) fn look(&mut self, repository: &Repository, now: Instant) {
        if self.work.as_ref().is_some_and(|work| !work.is_finished()) {
            self.next = Some(now + PAUSE);
            return;
        }
        self.next = None;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_look_follows_every_change_and_none_follows_quiet() {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init(folder.path().join("repository")).unwrap();
        let start = Instant::now();
        let mut tidier = Tidier::new(start);
        assert_eq!(tidier.next(), Some(start + PAUSE));
        tidier.look(&repository, start + PAUSE);
        assert_eq!(tidier.next(), None);
        let later = start + 2 * PAUSE;
        tidier.changed(later);
        tidier.changed(later + PAUSE / 2);
        assert_eq!(tidier.next(), Some(later + PAUSE));
        // While the look before it is still at work, the next one waits.
        let (let_go, held) = std::sync::mpsc::channel::<()>();
        tidier.work = Some(spawn_blocking(move || {
            let _ = held.recv();
        }));
        tidier.look(&repository, later + PAUSE);
        assert_eq!(tidier.next(), Some(later + 2 * PAUSE));
        drop(let_go);
        tidier.end().await;
    }
}
