//! Honest devices that are connected now and then. Each knows some heads with everything behind them, lets in what the
//! gate lets in, lets go of heads whose authors are gone by now (decision 0003), and writes on top of all that it knows.

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
        self.let_go(device);
        Ok(())
    }

    /// A member goes back to below heads that nobody else would let in.
    fn let_go(&mut self, device: usize) {
        let (world, heads) = (&mut self.world, &mut self.heads[device]);
        if !world.replica.state(heads).is_member(&world.people[device].uri()) {
            return;
        }
        while let Some(fallen) = heads.iter().copied().find(|head| world.replica.good_standing(heads, head).is_err()) {
            let others = heads.iter().filter(|head| **head != fallen);
            let below = [others.copied().collect(), world.checked(&fallen).commit().parents.clone()].concat();
            *heads = world.replica.maximal(&below);
        }
    }

    /// A device writes on top of all that it knows, which it merges first, unless it joins: who is no member yet cannot merge.
    ///
    /// # Errors
    /// The refusal, when it may not.
    pub fn write(&mut self, device: usize, message: Message) -> Result<CommitId, Refusal> {
        let mut heads = self.heads[device].clone();
        if let Message::Join(uri) = message {
            let replica = &mut self.world.replica;
            let invited = heads.iter().position(|head| replica.state(&[*head]).role(&uri) == Some(Role::Invited));
            heads.swap(0, invited.unwrap_or(0));
        } else {
            heads = vec![self.one_head(device)?];
        }
        let written = self.world.write(device, &heads[..1], message)?;
        heads[0] = written;
        self.heads[device] = heads;
        Ok(written)
    }

    /// Merges what a device knows. A new certificate cannot come with a merge, so it comes with a text before: on a head on
    /// which it remains, which it does not where it is concurrent with its own account's leaving.
    fn one_head(&mut self, device: usize) -> Result<CommitId, Refusal> {
        let heads = self.heads[device].clone();
        let merged = self.merge(device, &heads);
        if merged.is_ok() || heads.len() < 2 {
            return merged;
        }
        let mark = self.world.mark();
        for place in 0..heads.len() {
            let carried =
                self.world.write(device, &[heads[place]], text("my certificate is new")).and_then(|carrier| {
                    let mut heads = heads.clone();
                    heads.swap(0, place);
                    heads[0] = carrier;
                    self.merge(device, &heads)
                });
            if carried.is_ok() {
                return carried;
            }
            self.world.back_to(&mark);
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
