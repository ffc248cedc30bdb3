//! The leases that a device keeps for others, and when it wakes whom. Sans-IO: it is told the time, and what happened.
//!
//! News of a conversation makes every lease for it due: after a moment when this device is the closest, and later when it
//! is the second. Whoever runs the keeper then looks whether the device has come meanwhile, posts a message if not
//! ([`Keeper::take_due`]), and says how that went ([`Keeper::posted`]). A device that was woken is left alone for a while,
//! longer and longer if it does not come; when it is here ([`Keeper::awake`]) all that is forgotten.

use crate::endpoint::{Endpoint, Reach};
use crate::gateway::PostError;
use crate::lease::{Lease, LeaseError};
use crate::limits::{
    FIRST_WAIT, LONGEST_REST, LONGEST_RETRY, MAX_LEASE_LIFETIME, MAX_LEASES, MAX_LEASES_PER_ACCOUNT, MAX_MEMORIES,
    MAX_TRIES, REST, RETRY,
};
use parv_model::{ConversationId, DeviceId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Leases of others. Times are since 1970.
#[derive(Debug)]
pub struct Keeper {
    holder: DeviceId,
    reach: Reach,
    second_wait: Duration,
    kept: BTreeMap<DeviceId, Kept>,
    memories: BTreeMap<DeviceId, Memory>,
}

#[derive(Debug)]
struct Kept {
    lease: Arc<Lease>,
    news: Option<News>,
    /// Until when the device is left alone.
    rest_until: Duration,
    /// How often it was woken since it was here last.
    woken: u32,
    /// How often posting has failed for the news of now.
    tries: u32,
}

#[derive(Debug, Clone, Copy)]
struct News {
    conversation: ConversationId,
    due: Duration,
}

/// What is left of a lease.
#[derive(Debug)]
struct Memory {
    sequence: u64,
    /// The subscription that the push service does not know any more.
    gone: Option<Endpoint>,
    until: Duration,
}

/// A device that should be woken now, unless it has come.
#[derive(Debug, Clone)]
pub struct Due {
    /// How.
    pub lease: Arc<Lease>,
    /// For the news of which conversation.
    pub conversation: ConversationId,
}

/// How waking a device went.
#[derive(Debug)]
pub enum Posted {
    /// The push service has the message.
    Taken,
    /// No message was needed: the device is here, or has what is new.
    Unneeded,
    /// The push service does not have the message.
    Failed(PostError),
}

impl Keeper {
    /// Keeps leases for `holder`, which posts as far as `reach`. When it is the second closest to a device, it waits
    /// `second_wait` for the first one to wake it.
    pub fn new(holder: DeviceId, reach: Reach, second_wait: Duration) -> Self {
        Self { holder, reach, second_wait, kept: BTreeMap::new(), memories: BTreeMap::new() }
    }

    /// Reads a lease that `from` handed over, and keeps it if nothing speaks against it; `is_member` says whether the
    /// device is who it says it is and may be woken for everything that it names.
    pub fn take(
        &mut self,
        bytes: &[u8],
        from: DeviceId,
        now: Duration,
        is_member: impl FnOnce(&Lease) -> bool,
    ) -> Result<Arc<Lease>, LeaseError> {
        let lease = Lease::open(bytes, from, self.holder, self.reach, now)?;
        let known = self.kept.get(&from).map(|kept| kept.lease.sequence);
        let known = known.or_else(|| self.memories.get(&from).map(|memory| memory.sequence));
        if let Some(known) = known.filter(|known| lease.sequence <= *known) {
            return Err(LeaseError::Replayed { given: lease.sequence, known });
        }
        let gone = self.memories.get(&from).and_then(|memory| memory.gone.as_ref());
        if gone == Some(&lease.subscription.endpoint) {
            return Err(LeaseError::Gone);
        }
        if !is_member(&lease) {
            return Err(LeaseError::Stranger);
        }
        if !self.kept.contains_key(&from) {
            let of_account = self.kept.values().filter(|kept| kept.lease.account == lease.account).count();
            if of_account >= MAX_LEASES_PER_ACCOUNT {
                return Err(LeaseError::FullOfAccount);
            }
            if self.kept.len() >= MAX_LEASES {
                return Err(LeaseError::Full);
            }
        }
        let lease = Arc::new(lease);
        self.memories.remove(&from);
        let new = Kept { lease: lease.clone(), news: None, rest_until: Duration::ZERO, woken: 0, tries: 0 };
        self.kept.insert(from, new);
        Ok(lease)
    }

    /// The device takes back its leases up to that number. Says whether one was kept.
    pub fn release(&mut self, device: &DeviceId, sequence: u64, now: Duration) -> bool {
        let kept = self.kept.get(device).is_some_and(|kept| kept.lease.sequence <= sequence);
        if kept {
            self.forget(device, None, now);
        }
        kept
    }

    /// There is something new in a conversation.
    pub fn news(&mut self, conversation: ConversationId, now: Duration) {
        for kept in self.kept.values_mut().filter(|kept| kept.lease.expires > now && kept.news.is_none()) {
            let wait = match () {
                () if kept.lease.first.contains(&conversation) => FIRST_WAIT,
                () if kept.lease.second.contains(&conversation) => FIRST_WAIT + self.second_wait,
                () => continue,
            };
            kept.news = Some(News { conversation, due: (now + wait).max(kept.rest_until) });
            kept.tries = 0;
        }
    }

    /// The device is here.
    pub fn awake(&mut self, device: &DeviceId) {
        if let Some(kept) = self.kept.get_mut(device) {
            (kept.news, kept.rest_until, kept.woken) = (None, Duration::ZERO, 0);
        }
    }

    /// When the next device is due.
    pub fn next(&self) -> Option<Duration> {
        self.kept.values().filter_map(|kept| kept.news).map(|news| news.due).min()
    }

    /// The devices that are due. Each must be reported with [`Keeper::posted`].
    pub fn take_due(&mut self, now: Duration) -> Vec<Due> {
        let due = |kept: &mut Kept| {
            let news = kept.news.take_if(|news| news.due <= now)?;
            Some(Due { lease: kept.lease.clone(), conversation: news.conversation })
        };
        self.kept.values_mut().filter_map(due).collect()
    }

    /// How it went.
    pub fn posted(&mut self, due: &Due, posted: &Posted, now: Duration) {
        let device = due.lease.device;
        let kept = self.kept.get_mut(&device).filter(|kept| Arc::ptr_eq(&kept.lease, &due.lease));
        let Some(kept) = kept else { return };
        match posted {
            Posted::Unneeded => {}
            Posted::Taken => {
                kept.rest_until = now + (REST * 2u32.saturating_pow(kept.woken)).min(LONGEST_REST);
                kept.woken = kept.woken.saturating_add(1).min(16);
                kept.tries = 0;
            }
            Posted::Failed(PostError::Gone) => self.forget(&device, Some(due.lease.subscription.endpoint.clone()), now),
            Posted::Failed(PostError::Later { after }) => {
                let pause = after.unwrap_or_default().max(RETRY * 2u32.pow(kept.tries.min(16))).min(LONGEST_RETRY);
                kept.tries += 1;
                kept.rest_until = now + pause;
                // What is heard later counts as well as what was to be told.
                if kept.news.is_none() && kept.tries < MAX_TRIES {
                    kept.news = Some(News { conversation: due.conversation, due: kept.rest_until });
                }
            }
            Posted::Failed(_) => kept.rest_until = now + LONGEST_REST,
        }
    }

    /// Drops what has ended. Says whose leases ended.
    pub fn expire(&mut self, now: Duration) -> Vec<DeviceId> {
        self.memories.retain(|_, memory| memory.until > now);
        let ended = self.kept.iter().filter(|(_, kept)| kept.lease.expires <= now);
        let ended: Vec<_> = ended.map(|(device, _)| *device).collect();
        ended.iter().for_each(|device| self.forget(device, None, now));
        ended
    }

    /// The leases that are kept, by device.
    pub fn leases(&self) -> impl Iterator<Item = &Arc<Lease>> {
        self.kept.values().map(|kept| &kept.lease)
    }

    /// Whether a lease of the device is kept.
    pub fn keeps(&self, device: &DeviceId) -> bool {
        self.kept.contains_key(device)
    }

    /// Lets go of a lease, but not of its number: as long as an older lease of the device could still count.
    fn forget(&mut self, device: &DeviceId, gone: Option<Endpoint>, now: Duration) {
        let Some(kept) = self.kept.remove(device) else { return };
        if self.memories.len() >= MAX_MEMORIES {
            let oldest = self.memories.iter().min_by_key(|(_, memory)| memory.until).map(|(device, _)| *device);
            oldest.map(|oldest| self.memories.remove(&oldest));
        }
        let memory = Memory { sequence: kept.lease.sequence, gone, until: now + MAX_LEASE_LIFETIME };
        self.memories.insert(*device, memory);
    }
}

#[cfg(test)]
mod tests;
