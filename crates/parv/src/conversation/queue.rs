//! What an actor was told and has not done yet. Messages that wait one behind the other are taken out together, so that
//! they can be made durable together; nothing overtakes anything.

use super::actor::Command;
use super::writing::Wish;
use crate::Error;
use parv_model::CommitId;
use tokio::sync::{mpsc, oneshot};

/// How many messages are written together: as many as can wait. Each of them waits for all of them, some tens of
/// milliseconds at most.
const MAX_GROUP: usize = super::actor::COMMAND_QUEUE;

/// The most bytes of messages that are made durable together, so that a record of the store's journal holds them.
const MAX_GROUP_BYTES: usize = 256 * 1024;

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

    /// This message with those that wait right behind it.
    pub(crate) fn group(&mut self, first: (Wish, Reply)) -> Vec<(Wish, Reply)> {
        let mut bytes = first.0.bytes();
        let mut group = vec![first];
        while group.len() < MAX_GROUP && bytes < MAX_GROUP_BYTES && self.held.is_none() {
            match self.commands.try_recv() {
                Ok(Command::Write { wish, reply }) => {
                    bytes += wish.bytes();
                    group.push((wish, reply));
                }
                Ok(other) => self.held = Some(other),
                Err(_) => break,
            }
        }
        group
    }
}
