//! A sealed letter as it lies in the distributed table: signed by its sender, with what its keepers go by.
//!
//! Deterministic CBOR `{issued, sealed, expires, slot}` in a signed envelope. Keepers check that it lies under the key
//! that follows from slot and signer, so nobody takes another's place, and that it lives no longer than allowed. Of two,
//! the one issued later counts.

use super::Slot;
use crate::NetError;
use crate::limits::{LETTER_SEAL_BYTES, MAX_CLOCK_DIFFERENCE, MAX_LETTER_LIFETIME, MAX_LETTER_RECORD_BYTES};
use crate::signed::Kind;
use crate::topic::Key;
use libp2p::identity::Keypair;
use parv_model::DeviceId;
use parv_model::cbor::{self, Value};
use std::time::Duration;

const KIND: Kind = Kind {
    what: "the letter's record",
    domain: "parv-letter",
    payload_type: b"/parv/letter/1",
    max_bytes: MAX_LETTER_RECORD_BYTES,
};

/// A letter on its way, or the word that it is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LetterRecord {
    /// Who signed it.
    pub(crate) sender: DeviceId,
    /// Where it belongs.
    pub(crate) slot: Slot,
    /// When it was issued, by the sender's clock, in milliseconds since 1970.
    pub(crate) issued: u64,
    /// Until when it counts, by the sender's clock, in milliseconds since 1970.
    pub(crate) expires: u64,
    /// The sealed letter; empty when it is taken back.
    pub(crate) sealed: Vec<u8>,
}

impl LetterRecord {
    /// The key under which it lies.
    pub(crate) fn key(&self) -> Key {
        self.slot.key(&self.sender)
    }

    /// Whether it takes back what lay there.
    pub(crate) fn is_withdrawal(&self) -> bool {
        self.sealed.is_empty()
    }

    /// Its bytes, signed. The key must be the sender's.
    pub(crate) fn seal(&self, key: &Keypair) -> Result<Vec<u8>, NetError> {
        let payload = cbor::encode(&cbor::map([
            ("slot", Value::Bytes(self.slot.as_bytes().to_vec())),
            ("issued", Value::from(self.issued)),
            ("sealed", Value::Bytes(self.sealed.clone())),
            ("expires", Value::from(self.expires)),
        ]));
        KIND.seal(payload, key)
    }

    /// Reads a record that lies under `key`, whoever gave it. Refused: one that does not belong there, is not signed by
    /// its sender, keeps no limit, has expired at `now`, is issued far ahead of it, or wants to live too long.
    pub(crate) fn open(bytes: &[u8], key: &[u8], now: Duration) -> Result<Self, NetError> {
        let (sender, payload) = KIND.open(bytes)?;
        let record = Self::read(sender, &payload)?;
        if record.key().as_bytes() != key {
            return Err(KIND.malformed("it lies under another letter's key"));
        }
        let (issued, expires) = (Duration::from_millis(record.issued), Duration::from_millis(record.expires));
        if issued > now + MAX_CLOCK_DIFFERENCE {
            return Err(KIND.malformed("issued more than a day ahead of this device's clock"));
        }
        if expires < issued || expires - issued > MAX_LETTER_LIFETIME {
            return Err(KIND.malformed("it wants to live longer than a letter may"));
        }
        if expires < now {
            return Err(KIND.malformed("it has expired"));
        }
        Ok(record)
    }

    fn read(sender: DeviceId, payload: &[u8]) -> Result<Self, NetError> {
        let malformed = |why: &str| KIND.malformed(why);
        let fields = cbor::decode(payload).map_err(|error| KIND.malformed(error))?;
        let fields = fields.into_map().map_err(|_| malformed("not a map"))?;
        let (mut slot, mut issued, mut sealed, mut expires) = (None, None, None, None);
        for (key, value) in fields {
            match (key.as_text(), value) {
                (Some("slot"), Value::Bytes(bytes)) => slot = <[u8; 32]>::try_from(bytes).ok(),
                (Some("issued"), Value::Integer(number)) => issued = u64::try_from(number).ok(),
                (Some("sealed"), Value::Bytes(bytes)) => sealed = Some(bytes),
                (Some("expires"), Value::Integer(number)) => expires = u64::try_from(number).ok(),
                // It is signed: what is not known cannot be judged (protocol, "Streams").
                _ => return Err(malformed("an unknown field, or one of the wrong type")),
            }
        }
        let (Some(slot), Some(issued), Some(sealed), Some(expires)) = (slot, issued, sealed, expires) else {
            return Err(malformed("a field is missing"));
        };
        if !sealed.is_empty() && sealed.len() < LETTER_SEAL_BYTES {
            return Err(malformed("too short for a sealed letter"));
        }
        Ok(Self { sender, slot: Slot(slot), issued, expires, sealed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_LETTER_BYTES;
    use crate::mailbox::Purpose;
    use crate::signed::tests::signer;

    const NOW: Duration = Duration::from_secs(1_700_000_000);

    fn record(sender: DeviceId) -> LetterRecord {
        let slot = Slot::new(&signer(9).1, &sender, Purpose::Invitation);
        let issued = NOW.as_millis() as u64;
        let expires = issued + MAX_LETTER_LIFETIME.as_millis() as u64;
        LetterRecord { sender, slot, issued, expires, sealed: vec![5; 300] }
    }

    #[test]
    fn a_record_comes_back_under_its_own_key_and_in_its_time() {
        let (pair, sender) = signer(1);
        let good = record(sender);
        let key = *good.key().as_bytes();
        let bytes = good.seal(&pair).unwrap();
        assert_eq!(LetterRecord::open(&bytes, &key, NOW).unwrap(), good);
        assert!(!good.is_withdrawal());
        let refused = |bytes: &[u8], key: &[u8], now| LetterRecord::open(bytes, key, now).is_err();
        assert!(refused(&bytes, &[0; 32], NOW));
        assert!(refused(&bytes, good.slot.as_bytes(), NOW));
        let margin = Duration::from_secs(1);
        assert!(refused(&bytes, &key, NOW + MAX_LETTER_LIFETIME + margin));
        assert!(refused(&bytes, &key, NOW - MAX_CLOCK_DIFFERENCE - margin));
        let largest = LetterRecord { sealed: vec![0; MAX_LETTER_BYTES + LETTER_SEAL_BYTES], ..record(sender) };
        assert!(largest.seal(&pair).is_ok());
        let larger = LetterRecord { sealed: vec![0; MAX_LETTER_RECORD_BYTES], ..record(sender) };
        assert!(larger.seal(&pair).is_err());
        assert!(refused(&vec![0; MAX_LETTER_RECORD_BYTES + 1], &key, NOW));
    }

    #[test]
    fn nobody_writes_in_anothers_place_or_for_longer_than_allowed() {
        let ((pair, sender), (thief, thief_id)) = (signer(1), signer(2));
        let good = record(sender);
        let key = *good.key().as_bytes();
        let opened = |record: &LetterRecord, pair: &Keypair| LetterRecord::open(&record.seal(pair).unwrap(), &key, NOW);
        assert!(opened(&good, &pair).is_ok());
        assert!(opened(&good, &thief).is_err(), "signed by another");
        let taken_over = LetterRecord { sender: thief_id, ..good.clone() };
        assert!(opened(&taken_over, &thief).is_err(), "in the slot of another");
        let long = LetterRecord { expires: good.expires + 1, ..good.clone() };
        assert!(opened(&long, &pair).is_err());
        let backwards = LetterRecord { expires: good.issued - 1, ..good.clone() };
        assert!(opened(&backwards, &pair).is_err());
        let stub = LetterRecord { sealed: vec![0; LETTER_SEAL_BYTES - 1], ..good.clone() };
        assert!(opened(&stub, &pair).is_err());
        let withdrawal = LetterRecord { sealed: Vec::new(), ..good };
        assert!(opened(&withdrawal, &pair).unwrap().is_withdrawal());
    }

    #[test]
    fn no_bytes_are_taken_for_it_or_make_it_panic() {
        let (pair, sender) = signer(1);
        let good = record(sender);
        let (key, bytes) = (*good.key().as_bytes(), good.seal(&pair).unwrap());
        for at in 0..bytes.len() {
            assert!(LetterRecord::open(&bytes[..at], &key, NOW).is_err());
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                assert!(LetterRecord::open(&flipped, &key, NOW).is_err(), "byte {at}, bit {bit}");
            }
        }
        assert!(LetterRecord::open(&[bytes.as_slice(), &[0x28, 0]].concat(), &key, NOW).is_err(), "a field more");
    }
}
