//! Leaving letters for devices that are not there; see [`crate::mailbox`].
//!
//! A letter is published, as long as its owner wants, like a key that is provided: again whenever others should be told
//! again. It stays the same bytes until half of its life is over, so that its recipient can tell it from news.

use super::{Driver, Reply};
use crate::limits::MAX_LETTERS_OF_ONE;
use crate::mailbox::{self, LetterRecord, Purpose, SealingKey, Slot};
use crate::peer::device_id;
use crate::publications::Publication;
use crate::topic::Key;
use crate::{NetError, address_record};
use libp2p::identity::Keypair;
use libp2p::kad::{QueryId, Quorum, Record, RecordKey};
use parv_model::DeviceId;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

/// How long to wait before a letter that nobody keeps yet, and that somebody waits for, is put out again. A newcomer to a
/// small table is told sooner.
const AGAIN: Duration = Duration::from_secs(5);

/// The letters that we leave.
pub(super) struct Letters {
    signing: Keypair,
    sealing: SealingKey,
    me: DeviceId,
    left: BTreeMap<(DeviceId, Purpose), Left>,
    /// Who wants to know when a letter is kept elsewhere, by the letter's key.
    waiting: HashMap<Key, Vec<Reply<()>>>,
    /// When to put those out again that could not be, if anybody waits for one.
    again: Option<Instant>,
    /// When the last letter was issued, in milliseconds since 1970: each is later than the one before.
    issued: u64,
}

struct Left {
    body: Vec<u8>,
    mailbox: Key,
    key: Key,
    issued: u64,
    expires: u64,
    bytes: Vec<u8>,
    /// Whether somebody else keeps it.
    kept: bool,
}

impl Letters {
    pub(super) fn new(signing: Keypair, sealing: SealingKey) -> Self {
        let me = device_id(&signing.public().to_peer_id()).expect("an Ed25519 key is a device");
        Self { signing, sealing, me, left: BTreeMap::new(), waiting: HashMap::new(), again: None, issued: 0 }
    }

    /// Writes a letter, unless it is there already. Gives its key, and whether it is news.
    fn write(&mut self, to: DeviceId, purpose: Purpose, body: Vec<u8>, now: Duration) -> Result<(Key, bool), NetError> {
        match self.left.get(&(to, purpose)) {
            Some(left) if left.body == body && !left.is_old(now) => return Ok((left.key, false)),
            None if self.left.len() >= MAX_LETTERS_OF_ONE => return Err(NetError::TooManyLetters(MAX_LETTERS_OF_ONE)),
            _ => {}
        }
        let slot = Slot::new(&to, &self.me, purpose);
        let sealed = self.sealing.seal(&to, &slot, &body)?;
        let record = self.record(slot, purpose.lifetime(), sealed, now);
        let (key, bytes) = (record.key(), record.seal(&self.signing)?);
        let mailbox = mailbox::mailbox(&to, purpose);
        let left = Left { body, mailbox, key, issued: record.issued, expires: record.expires, bytes, kept: false };
        self.left.insert((to, purpose), left);
        Ok((key, true))
    }

    /// Takes a letter back. Gives the word that does so, with its key; none if there was no letter.
    fn withdraw(&mut self, to: DeviceId, purpose: Purpose, now: Duration) -> Option<(Key, Result<Vec<u8>, NetError>)> {
        let left = self.left.remove(&(to, purpose))?;
        self.answer(&left.key, || Err(NetError::Withdrawn));
        let word = self.record(Slot::new(&to, &self.me, purpose), purpose.lifetime(), Vec::new(), now);
        Some((left.key, word.seal(&self.signing)))
    }

    fn record(&mut self, slot: Slot, lifetime: Duration, sealed: Vec<u8>, now: Duration) -> LetterRecord {
        self.issued = (now.as_millis() as u64).max(self.issued + 1);
        let expires = self.issued + lifetime.as_millis() as u64;
        LetterRecord { sender: self.me, slot, issued: self.issued, expires, sealed }
    }

    /// Opens a letter to this device.
    pub(super) fn open(&self, sender: DeviceId, slot: &Slot, sealed: &[u8]) -> Result<Vec<u8>, NetError> {
        self.sealing.open(&sender, slot, sealed)
    }

    /// The letter to put under a key now, written anew if half of its life is over.
    fn renewed(&mut self, key: &Key, now: Duration) -> Result<Option<&Left>, NetError> {
        let Some((&(to, purpose), left)) = self.left.iter().find(|(_, left)| left.key == *key) else { return Ok(None) };
        if left.is_old(now) {
            let body = left.body.clone();
            self.write(to, purpose, body, now)?;
        }
        Ok(self.left.get(&(to, purpose)))
    }

    /// The letters in a mailbox of which nobody else is known to have one.
    fn unpublished(&self, mailbox: &Key) -> Vec<Key> {
        self.left.values().filter(|left| left.mailbox == *mailbox && !left.kept).map(|left| left.key).collect()
    }

    /// A letter was put somewhere else, or could not be.
    fn published(&mut self, key: &Key, kept: bool, now: Instant) {
        if let Some(left) = self.left.values_mut().find(|left| left.key == *key) {
            left.kept |= kept;
        }
        if kept {
            self.answer(key, || Ok(()));
        } else if self.waiting.contains_key(key) {
            tracing::debug!("nobody keeps a letter yet; it is tried again");
            self.again.get_or_insert(now + AGAIN);
        }
    }

    /// When [`Self::awaited`] has something to say.
    pub(super) fn due(&self) -> Option<Instant> {
        self.again
    }

    /// The mailboxes in which a letter is to be put that somebody waits for.
    fn awaited(&mut self) -> Vec<Key> {
        self.again = None;
        self.waiting.retain(|_, replies| {
            replies.retain(|reply| !reply.is_closed());
            !replies.is_empty()
        });
        self.left.values().filter(|left| self.waiting.contains_key(&left.key)).map(|left| left.mailbox).collect()
    }

    fn answer(&mut self, key: &Key, answer: impl Fn() -> Result<(), NetError>) {
        for reply in self.waiting.remove(key).into_iter().flatten() {
            let _ = reply.send(answer());
        }
    }
}

impl Left {
    fn is_old(&self, now: Duration) -> bool {
        (now.as_millis() as u64) > self.issued.midpoint(self.expires)
    }
}

impl Driver {
    /// Leaves a letter; the reply comes when somebody else keeps it.
    pub(super) fn leave_letter(&mut self, to: DeviceId, purpose: Purpose, body: Vec<u8>, reply: Reply<()>) {
        let (key, is_news) = match self.letters.write(to, purpose, body, address_record::now()) {
            Ok(written) => written,
            Err(error) => return drop(reply.send(Err(error))),
        };
        if !is_news && self.letters.left.get(&(to, purpose)).is_some_and(|left| left.kept) {
            return drop(reply.send(Ok(())));
        }
        if is_news {
            self.letters.answer(&key, || Err(NetError::Withdrawn));
        }
        self.letters.waiting.entry(key).or_default().push(reply);
        // The letter follows. Nobody confirms that it was noted who provides a mailbox, but when a letter that was sent after
        // that is confirmed, the other has arrived too.
        self.publications.add(Publication::Provider(mailbox::mailbox(&to, purpose)));
        self.publish_due();
    }

    /// Puts letters out again that nobody kept and that somebody waits for.
    pub(super) fn publish_awaited(&mut self) {
        for mailbox in self.letters.awaited() {
            self.publications.add(Publication::Provider(mailbox));
        }
        self.publish_due();
    }

    /// Takes a letter back.
    pub(super) fn withdraw_letter(&mut self, to: DeviceId, purpose: Purpose) {
        let Some((key, word)) = self.letters.withdraw(to, purpose, address_record::now()) else { return };
        let mailbox = mailbox::mailbox(&to, purpose);
        self.publications.remove(&Publication::Letter(key));
        self.publications.remove(&Publication::Provider(mailbox));
        let kad = &mut self.swarm.behaviour_mut().kad;
        kad.stop_providing(&mailbox.record_key());
        let put = word.map(|bytes| kad.put_record(Record::new(key.record_key(), bytes), Quorum::One));
        if !matches!(put, Ok(Ok(_))) {
            tracing::debug!("a letter is taken back here only");
        }
        // Nothing lies here any more.
        kad.remove_record(&key.record_key());
    }

    /// Puts a letter where others keep it.
    pub(super) fn publish_letter(&mut self, key: Key) -> Option<QueryId> {
        let now = address_record::now();
        let record = match self.letters.renewed(&key, now) {
            Ok(left) => left.map(|left| {
                let remaining = Duration::from_millis(left.expires).saturating_sub(now);
                let key: RecordKey = key.record_key();
                Record { expires: Some(Instant::now() + remaining), ..Record::new(key, left.bytes.clone()) }
            })?,
            Err(error) => {
                tracing::warn!(%error, "a letter cannot be written anew");
                return None;
            }
        };
        // Our own store takes everything of ours.
        self.swarm.behaviour_mut().kad.put_record(record, Quorum::One).ok()
    }

    /// Something was published, or could not be.
    pub(super) fn on_published(&mut self, one: Publication, done: bool) {
        match one {
            Publication::Provider(key) => {
                for letter in self.letters.unpublished(&key) {
                    self.publications.add(Publication::Letter(letter));
                }
            }
            Publication::Letter(key) => self.letters.published(&key, done, Instant::now()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_LETTER_LIFETIME;
    use crate::signed::tests::signer;

    const NOW: Duration = Duration::from_secs(1_700_000_000);

    fn letters() -> Letters {
        Letters::new(signer(1).0, SealingKey::of_seed(&[1; 32]))
    }

    fn bytes(letters: &mut Letters, key: &Key, now: Duration) -> LetterRecord {
        let bytes = letters.renewed(key, now).unwrap().unwrap().bytes.clone();
        LetterRecord::open(&bytes, key.as_bytes(), now).unwrap()
    }

    #[test]
    fn a_letter_stays_the_same_until_it_says_something_else_or_grows_old() {
        let (mut letters, bob) = (letters(), signer(2).1);
        let (key, is_news) = letters.write(bob, Purpose::Invitation, b"come".to_vec(), NOW).unwrap();
        assert!(is_news);
        let first = bytes(&mut letters, &key, NOW);
        let soon = NOW + Duration::from_secs(1);
        assert_eq!(letters.write(bob, Purpose::Invitation, b"come".to_vec(), soon).unwrap(), (key, false));
        assert_eq!(bytes(&mut letters, &key, soon), first);
        let later = NOW + MAX_LETTER_LIFETIME / 2 + Duration::from_secs(1);
        let old = bytes(&mut letters, &key, later);
        assert!(old.issued > first.issued && old.expires > first.expires);
        // Also when the clock has gone backwards, news are later than what was there.
        assert_eq!(letters.write(bob, Purpose::Invitation, b"both".to_vec(), NOW).unwrap(), (key, true));
        assert!(bytes(&mut letters, &key, later).issued > old.issued);
        let (other, _) = letters.write(bob, Purpose::Contact, b"come".to_vec(), NOW).unwrap();
        assert_ne!(other, key);
    }

    #[test]
    fn a_withdrawal_comes_after_the_letter_and_only_where_one_is() {
        let (mut letters, bob) = (letters(), signer(2).1);
        assert!(letters.withdraw(bob, Purpose::Contact, NOW).is_none());
        let (key, _) = letters.write(bob, Purpose::Contact, b"hi".to_vec(), NOW).unwrap();
        let left = bytes(&mut letters, &key, NOW);
        let (reply, mut waits) = tokio::sync::oneshot::channel();
        letters.waiting.entry(key).or_default().push(reply);
        let (withdrawn, word) = letters.withdraw(bob, Purpose::Contact, NOW).unwrap();
        let word = LetterRecord::open(&word.unwrap(), key.as_bytes(), NOW).unwrap();
        assert!(withdrawn == key && word.is_withdrawal() && word.issued > left.issued);
        assert!(matches!(waits.try_recv().unwrap(), Err(NetError::Withdrawn)));
        assert!(letters.renewed(&key, NOW).unwrap().is_none());
    }

    #[test]
    fn nobody_leaves_letters_without_end() {
        let mut letters = letters();
        let to = |number: usize| {
            let mut seed = [0; 32];
            seed[..8].copy_from_slice(&number.to_le_bytes());
            device_id(&Keypair::ed25519_from_bytes(seed).unwrap().public().to_peer_id()).unwrap()
        };
        for number in 0..MAX_LETTERS_OF_ONE {
            letters.write(to(number), Purpose::WakeUp, b"news".to_vec(), NOW).unwrap();
        }
        let surplus = letters.write(to(9999), Purpose::WakeUp, b"news".to_vec(), NOW);
        assert!(matches!(surplus, Err(NetError::TooManyLetters(MAX_LETTERS_OF_ONE))));
        letters.write(to(0), Purpose::WakeUp, b"more news".to_vec(), NOW).unwrap();
        letters.withdraw(to(0), Purpose::WakeUp, NOW).unwrap().1.unwrap();
        letters.write(to(9999), Purpose::WakeUp, b"news".to_vec(), NOW).unwrap();
    }
}
