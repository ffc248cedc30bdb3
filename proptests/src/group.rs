//! Honest devices that are connected now and then. Each knows some heads with everything behind them, lets in what the
//! gate lets in, and writes on top of all that it knows.

use crate::{World, text};
use parv_model::{CommitId, Message, Refusal, Role};

/// Honest devices of one world.
#[derive(Debug)]
pub struct Group {
    /// The world that they write in.
    pub world: World,
    /// What each device knows: nothing for one that has not met the conversation.
    heads: Vec<Vec<CommitId>>,
}

impl Group {
    /// All devices of a world; `known` says what each of them has heard of so far.
    pub fn new(world: World, known: impl Fn(&World, usize) -> Vec<CommitId>) -> Self {
        let heads = (0..world.people.len()).map(|device| world.replica.maximal(&known(&world, device))).collect();
        Self { world, heads }
    }

    /// What a device knows.
    pub fn heads(&self, device: usize) -> &[CommitId] {
        &self.heads[device]
    }

    /// A device fetches from another one: all of it, or nothing.
    ///
    /// # Errors
    /// The gate's refusal; then nothing has changed.
    pub fn fetch(&mut self, device: usize, from: usize) -> Result<(), Refusal> {
        let together = [self.heads[device].as_slice(), &self.heads[from]].concat();
        self.world.replica.gate(&self.heads[device], &self.heads[from])?;
        self.heads[device] = self.world.replica.maximal(&together);
        Ok(())
    }

    /// A device writes on top of all that it knows, which it merges first.
    ///
    /// # Errors
    /// The refusal, when it may not.
    pub fn write(&mut self, device: usize, message: Message) -> Result<CommitId, Refusal> {
        let head = self.one_head(device, &message)?;
        let written = self.world.write(device, &[head], message)?;
        self.heads[device] = vec![written];
        Ok(written)
    }

    /// Merges what a device knows. A new certificate cannot come with a merge, so it comes with a text before.
    fn one_head(&mut self, device: usize, message: &Message) -> Result<CommitId, Refusal> {
        let mut heads = self.heads[device].clone();
        let uri = self.world.uri(device);
        if let Message::Join(_) = message {
            // Who is no member yet cannot merge.
            let replica = &mut self.world.replica;
            let mut invited = |head: &CommitId| replica.state(&[*head]).role(&uri) == Some(Role::Invited);
            return Ok(heads.iter().copied().find(|head| invited(head)).unwrap_or(heads[0]));
        }
        let merged = self.merge(device, &heads);
        if merged.is_ok() || heads.len() < 2 {
            return merged;
        }
        for place in 0..heads.len() {
            if let Ok(renewed) = self.world.write(device, &[heads[place]], text("my certificate is new")) {
                heads[place] = renewed;
                heads.swap(0, place);
                return self.merge(device, &heads);
            }
        }
        merged
    }

    fn merge(&mut self, device: usize, heads: &[CommitId]) -> Result<CommitId, Refusal> {
        heads[1..].iter().try_fold(heads[0], |tip, other| self.world.write(device, &[tip, *other], Message::Merge))
    }

    /// Everybody is connected: in some rounds, each device in turn fetches from every other and writes. Then all hear the
    /// last of it.
    pub fn meet(&mut self, rounds: usize) {
        let devices = self.heads.len();
        for _ in 0..rounds {
            for device in 0..devices {
                self.hear(device);
                // A device that may not write any more only listens.
                let _ = self.write(device, text("here"));
            }
        }
        (0..devices).for_each(|device| self.hear(device));
    }

    /// A device fetches from every other. What the gate refuses stays out.
    fn hear(&mut self, device: usize) {
        for other in 0..self.heads.len() {
            if other != device && !self.heads[other].is_empty() {
                let _ = self.fetch(device, other);
            }
        }
    }
}
