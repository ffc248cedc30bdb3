//! Looking into the own mailboxes: who has left something, fetching it, opening it; see [`crate::mailbox`].
//!
//! Done whenever this device comes into the network, and now and then. What is found is told each time: whether it is news
//! is for the owner to say, who remembers over restarts. Letters of all senders are fetched alike, wanted or not, so that
//! nobody learns from the traffic what becomes of theirs.

use super::Driver;
use crate::address_record;
use crate::event::Event;
use crate::limits::{COLLECT_EVERY, MAX_COLLECTING, MAX_SENDERS};
use crate::mailbox::{self, Letter, LetterRecord, Purpose, Slot};
use crate::peer::device_id;
use libp2p::PeerId;
use libp2p::kad::{QueryId, Record};
use parv_model::DeviceId;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

/// How long to wait for more peers to come before asking them.
const SETTLE: Duration = Duration::from_millis(200);

/// How long to wait before asking again when nobody answered.
const AGAIN: Duration = Duration::from_secs(30);

/// Looking into the mailboxes.
pub(super) struct Collection {
    due: Instant,
    asked: HashMap<QueryId, Asked>,
    waiting: VecDeque<(DeviceId, Purpose)>,
    /// Whether anybody has answered this time.
    answered: bool,
}

/// What a query is about.
enum Asked {
    Senders {
        purpose: Purpose,
        found: BTreeSet<DeviceId>,
    },
    /// The letter of one sender; the latest that was found so far was issued then.
    Letter {
        sender: DeviceId,
        purpose: Purpose,
        latest: Option<u64>,
    },
}

impl Collection {
    pub(super) fn new(now: Instant) -> Self {
        Self { due: now + SETTLE, asked: HashMap::new(), waiting: VecDeque::new(), answered: false }
    }

    /// When to begin; none while it is going on.
    pub(super) fn due(&self) -> Option<Instant> {
        self.asked.is_empty().then_some(self.due)
    }

    /// There may be somebody else to ask.
    pub(super) fn soon(&mut self, now: Instant) {
        self.due = self.due.min(now + SETTLE);
    }
}

impl Driver {
    /// Asks who has left something.
    pub(super) fn collect_letters(&mut self, now: Instant) {
        self.collection.due = now + COLLECT_EVERY;
        self.collection.answered = false;
        let Some(me) = device_id(self.swarm.local_peer_id()).filter(|_| self.service.is_none()) else { return };
        for purpose in Purpose::ALL {
            let query = self.swarm.behaviour_mut().kad.get_providers(mailbox::mailbox(&me, purpose).record_key());
            self.collection.asked.insert(query, Asked::Senders { purpose, found: BTreeSet::new() });
        }
    }

    /// The table named some senders. Their letters are fetched at once: to the end of the question it can be long, when
    /// somebody who might know more is gone.
    pub(super) fn found_senders(&mut self, query: &QueryId, peers: impl IntoIterator<Item = PeerId>) {
        let Some(Asked::Senders { purpose, found }) = self.collection.asked.get_mut(query) else { return };
        for sender in peers.into_iter().filter_map(|peer| device_id(&peer)) {
            if found.len() < MAX_SENDERS && found.insert(sender) {
                self.collection.waiting.push_back((sender, *purpose));
            }
        }
        self.fetch_letters();
    }

    /// Somebody gave what should be a letter for this device.
    pub(super) fn found_letter(&mut self, query: &QueryId, record: &Record) {
        let Some(Asked::Letter { sender, purpose, latest }) = self.collection.asked.get_mut(query) else { return };
        match LetterRecord::open(&record.value, record.key.as_ref(), address_record::now()) {
            Ok(read) if read.sender == *sender && latest.is_none_or(|known| known < read.issued) => {
                *latest = Some(read.issued);
                let (sender, purpose) = (*sender, *purpose);
                self.open_letter(sender, purpose, &read);
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%sender, %error, "a false letter was given"),
        }
    }

    /// A query is over; if it was one of these, goes on with the next.
    pub(super) fn collect_on(&mut self, query: &QueryId, was_answered: bool) {
        if self.collection.asked.remove(query).is_none() {
            return;
        }
        self.collection.answered |= was_answered;
        self.fetch_letters();
        if self.collection.asked.is_empty() && !self.collection.answered {
            self.collection.due = self.collection.due.min(Instant::now() + AGAIN);
        }
    }

    fn fetch_letters(&mut self) {
        let Some(me) = device_id(self.swarm.local_peer_id()) else { return };
        while self.collection.asked.len() < MAX_COLLECTING
            && let Some((sender, purpose)) = self.collection.waiting.pop_front()
        {
            let key = Slot::new(&me, &sender, purpose).key(&sender).record_key();
            let query = self.swarm.behaviour_mut().kad.get_record(key);
            self.collection.asked.insert(query, Asked::Letter { sender, purpose, latest: None });
        }
    }

    fn open_letter(&mut self, sender: DeviceId, purpose: Purpose, record: &LetterRecord) {
        if record.is_withdrawal() {
            return;
        }
        match self.letters.open(sender, &record.slot, &record.sealed) {
            Ok(body) => {
                let (issued, expires) = (record.issued, record.expires);
                // One that is dropped because nobody reads is fetched again the next time.
                self.outbox.offer(Event::Letter(Letter { sender, purpose, issued, expires, body }));
            }
            Err(error) => tracing::debug!(%sender, %error, "a letter cannot be opened"),
        }
    }
}
