//! Keeps what is known of old commits on the disk, beside whatever else is done with a conversation.

use super::ledger::Ledger;
use super::ledger::keeping::Done;
use tokio::task::{JoinSet, spawn_blocking};

/// So many commits in memory are a reason to write them down: it takes less than a tenth of a second to replay them.
const MANY: usize = 2_048;

/// So many are when a conversation is closed.
const SOME: usize = 256;

/// See the [module](self).
#[derive(Default)]
pub(crate) struct Keeper {
    work: JoinSet<Done>,
    /// How many commits stayed in memory when they could not be written.
    stayed: usize,
}

impl Keeper {
    /// Begins to write down what is in memory, if that is much.
    pub(crate) fn look(&mut self, ledger: &Ledger) {
        if self.work.is_empty()
            && let Some(job) = ledger.to_keep(self.stayed + MANY)
        {
            self.work.spawn_blocking(|| job.run());
        }
    }

    /// Comes when something was written; with nothing if there is nothing to wait for. May be cancelled.
    pub(crate) async fn written(&mut self) -> Option<Done> {
        match self.work.join_next().await? {
            Ok(done) => Some(done),
            Err(error) => {
                tracing::error!("what was to be kept was lost: {error}");
                None
            }
        }
    }

    /// Lets go of what was written.
    pub(crate) fn let_go(&mut self, done: Done, ledger: &mut Ledger) {
        self.stayed = match ledger.adopt(done) {
            Ok(()) => 0,
            Err(error) => {
                tracing::warn!(conversation = %ledger.id(), "the index stays: {}", crate::error::chain(&error));
                ledger.unkept()
            }
        };
    }

    /// Writes down what is left, and ends.
    pub(crate) async fn end(&mut self, ledger: Option<Ledger>) {
        let Some(mut ledger) = ledger else { return self.work.shutdown().await };
        while let Some(done) = self.written().await {
            self.let_go(done, &mut ledger);
        }
        if let Some(job) = ledger.to_keep(SOME) {
            // What could not be written is written another time.
            let _ = spawn_blocking(|| job.run()).await;
        }
    }
}
