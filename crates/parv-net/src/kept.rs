//! What a node keeps for others, as bytes, so that it keeps it over a restart: a public node is often the only one that has a
//! letter whose sender is gone.
//!
//! Deterministic CBOR, an array of `[key, origin, value]` for each address record and letter, and of
//! `[key, origin, provider, expires]` for each provider record under a lasting key (milliseconds since 1970). Values are checked
//! again when they are read; of a damaged list, what is good counts.

use crate::address_record;
use crate::shelf::Origin;
use crate::table::Table;
use libp2p::PeerId;
use libp2p::kad::{ProviderRecord, Record, RecordKey};
use parv_model::cbor::{self, Value};
use std::time::{Duration, Instant};

/// All that is worth keeping.
pub(crate) fn write(table: &Table) -> Vec<u8> {
    let now = Instant::now();
    let head = |key: &RecordKey, origin: Origin| [key.as_ref().to_vec(), origin.to_bytes()].map(Value::Bytes);
    let values = table.kept_values().map(|(key, value, origin)| {
        let [key, origin] = head(key, origin);
        Value::Array(vec![key, origin, Value::Bytes(value.to_vec())])
    });
    let providers = table.kept_providers().map(|(key, provider, origin, expires)| {
        let [key, origin] = head(key, origin);
        let expires = address_record::now() + expires.saturating_duration_since(now);
        let expires = Value::from(u64::try_from(expires.as_millis()).unwrap_or(u64::MAX));
        Value::Array(vec![key, origin, Value::Bytes(provider.to_bytes()), expires])
    });
    cbor::encode(&Value::Array(values.chain(providers).collect()))
}

/// Puts back what was written. Says how many records there are that count.
pub(crate) fn read(bytes: &[u8], table: &mut Table) -> usize {
    let Ok(Value::Array(all)) = cbor::decode(bytes) else { return 0 };
    all.into_iter().filter_map(|one| restore(one, table)).count()
}

fn restore(one: Value, table: &mut Table) -> Option<()> {
    let mut fields = one.into_array().ok()?.into_iter();
    let mut bytes = || fields.next()?.into_bytes().ok();
    let (key, origin, third) = (RecordKey::from(bytes()?), Origin::from_bytes(&bytes()?), bytes()?);
    match fields.next() {
        None => table.restore(Record::new(key, third), origin).ok(),
        Some(expires) => {
            let expires = Duration::from_millis(u64::try_from(expires.into_integer().ok()?).ok()?);
            let remaining = expires.checked_sub(address_record::now())?;
            let provider = PeerId::from_bytes(&third).ok()?;
            let record = ProviderRecord { key, provider, expires: None, addresses: Vec::new() };
            table.take_provider_for(record, origin, remaining).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address_record::AddressRecord;
    use crate::limits::MAX_LETTER_LIFETIME;
    use crate::mailbox::{self, LetterRecord, Purpose, Slot};
    use crate::peer::peer_id;
    use crate::signed::tests::signer;
    use crate::topic::Key;
    use libp2p::kad::store::RecordStore;

    #[test]
    fn what_was_kept_is_kept_after_a_restart_as_far_as_it_is_good() {
        let ((pair, ann), (_, bob)) = (signer(1), signer(2));
        let issued = address_record::now().as_millis() as u64;
        let expires = issued + MAX_LETTER_LIFETIME.as_millis() as u64;
        let slot = Slot::new(&bob, &ann, Purpose::Invitation);
        let letter = LetterRecord { sender: ann, slot, issued, expires, sealed: vec![7; 200] };
        let letter = Record::new(letter.key().record_key(), letter.seal(&pair).unwrap());
        let place = AddressRecord { device: ann, issued, addresses: Vec::new(), credential: vec![1; 50] };
        let place = Record::new(Key::of_device(&ann).record_key(), place.seal(&pair).unwrap());
        let mailbox = mailbox::mailbox(&bob, Purpose::Invitation).record_key();
        let provides = |key: &RecordKey| ProviderRecord {
            key: key.clone(),
            provider: peer_id(&ann),
            expires: None,
            addresses: Vec::new(),
        };
        let empty = || Table::new(peer_id(&signer(9).1));
        let mut table = empty();
        for record in [&letter, &place] {
            table.take(record.clone(), peer_id(&ann), Origin::V4([192, 0, 2])).unwrap();
        }
        table.take_provider(provides(&mailbox), Origin::V6([1; 6])).unwrap();
        table.take_provider(provides(&RecordKey::new(&[3; 32])), Origin::Elsewhere).unwrap();
        let bytes = write(&table);

        let mut again = empty();
        assert_eq!(read(&bytes, &mut again), 3, "what is provided for a day is not worth writing down");
        assert_eq!(again.get(&letter.key).unwrap().value, letter.value);
        assert_eq!(again.get(&place.key).unwrap().value, place.value);
        assert_eq!(again.providers(&mailbox)[0].provider, peer_id(&ann));
        assert_eq!(write(&again).len(), bytes.len(), "origins and times too");

        // No damage is taken for something, or makes it panic.
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x41;
            let mut again = empty();
            assert!(read(&damaged, &mut again) <= 3 && read(&bytes[..at], &mut again) <= 3);
            let kept = again.get(&letter.key).map(|record| record.value.clone());
            assert!(kept.is_none_or(|value| value == letter.value));
        }
    }
}
