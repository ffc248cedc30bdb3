//! What an actor was told and has not done yet. Messages that wait one behind the other are taken out together, so that
//! they can be made durable together; nothing overtakes anything.

use super::actor::Command;
use super::writing::Wish;
use crate::Error;
use parv_model::CommitId;
use tokio::sync::{mpsc, oneshot};

/// How many messages are stored together: enough to make up for a sync of the disk, few enough to store some while others
/// are composed.
const MAX_SHARE: usize = 256;

/// The most bytes of messages that are stored together, so that a record of the store's journal holds them.
const MAX_SHARE_BYTES: usize = 256 * 1024;

/// Who waits for a commit.
pub(crate) type Reply = oneshot::Sender<Result<CommitId, Error>>;

/// See the [module](self).
pub(crate) struct Queue {
    commands: mpsc::Receiver<Command>,
    /// Taken out of the channel while looking for more messages; the next in turn.
    held: Option<Command>,
}

impl Queue {
    pub(crate) fn new(commands: mpsc::Receiver<Command>) -> Self {
        Self { commands, held: None }
    }

    /// The next command, in the order in which they came; none when nobody can send one any more. May be cancelled.
    pub(crate) async fn next(&mut self) -> Option<Command> {
        match self.held.take() {
            Some(command) => Some(command),
            None => self.commands.recv().await,
        }
    }

    /// The messages that are next in turn and are to be stored together: `first`, and those that wait right behind it, `most` at
    /// most.
    pub(crate) fn share(&mut self, first: Option<(Wish, Reply)>, most: usize) -> Vec<(Wish, Reply)> {
        let mut share = Vec::from_iter(first);
        let mut bytes: usize = share.iter().map(|(wish, _)| wish.bytes()).sum();
        while share.len() < most.min(MAX_SHARE) && bytes < MAX_SHARE_BYTES && self.held.is_none() {
            match self.commands.try_recv() {
                Ok(Command::Write { wish, reply }) => {
                    bytes += wish.bytes();
                    share.push((wish, reply));
                }
                Ok(other) => self.held = Some(other),
                Err(_) => break,
            }
        }
        share
    }
}
