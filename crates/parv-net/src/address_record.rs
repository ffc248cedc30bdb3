//! What a device publishes about itself in the distributed table: where it can be reached, and, sealed, whose it is.
//!
//! A record is a signed envelope (libp2p RFC 0002) by the device's key around a map in deterministic CBOR. It lies under
//! [`Key::of_device`], and every node that keeps it checks that it is signed by the device of that key, so nobody can put
//! another in its place; of two, the one issued later counts. The credential is the owner's business: bytes that only
//! those can read whom the device wants to know it.

use crate::NetError;
use crate::limits::{
    ADDRESS_RECORD_LIFETIME, MAX_ADDRESS_RECORD_BYTES, MAX_ADDRESSES_PER_PEER, MAX_CLOCK_DIFFERENCE,
    MAX_CREDENTIAL_BYTES,
};
use crate::signed::Kind;
use crate::topic::Key;
use libp2p::Multiaddr;
use libp2p::identity::Keypair;
use parv_model::DeviceId;
use parv_model::cbor::{self, Value};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const KIND: Kind = Kind {
    what: "the address record",
    domain: "parv-address-record",
    payload_type: b"/parv/address-record/1",
    max_bytes: MAX_ADDRESS_RECORD_BYTES,
};

/// Where a device was when it said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressRecord {
    /// Which device. It signed the record.
    pub device: DeviceId,
    /// When, by its own clock, in milliseconds since 1970.
    pub issued: u64,
    /// Where it can be reached, the best first; at most 16, without `/p2p/<its own id>` at the end.
    pub addresses: Vec<Multiaddr>,
    /// What it shows of itself to those who can read it; at most [`MAX_CREDENTIAL_BYTES`] bytes.
    pub credential: Vec<u8>,
}

impl AddressRecord {
    /// The record's bytes, signed. The key must be the device's.
    pub(crate) fn seal(&self, key: &Keypair) -> Result<Vec<u8>, NetError> {
        let addresses = self.addresses.iter().map(|address| Value::Bytes(address.to_vec())).collect();
        let payload = cbor::encode(&cbor::map([
            ("issued", Value::from(self.issued)),
            ("addresses", Value::Array(addresses)),
            ("credential", Value::Bytes(self.credential.clone())),
        ]));
        KIND.seal(payload, key)
    }

    /// Reads a record that lies under `key`, whoever gave it. Refused: one that is not of that key's device, is not
    /// signed by it, keeps no limit, is worth nothing any more at `now` or is issued far ahead of it.
    pub(crate) fn open(bytes: &[u8], key: &[u8], now: Duration) -> Result<Self, NetError> {
        let (device, payload) = KIND.open(bytes)?;
        if Key::of_device(&device).as_bytes() != key {
            return Err(malformed("it lies under another device's key"));
        }
        let record = Self::read(device, &payload)?;
        let issued = Duration::from_millis(record.issued);
        if issued > now + MAX_CLOCK_DIFFERENCE {
            return Err(malformed("issued more than a day ahead of this device's clock"));
        }
        if issued + ADDRESS_RECORD_LIFETIME < now {
            return Err(malformed("it has expired"));
        }
        Ok(record)
    }

    fn read(device: DeviceId, payload: &[u8]) -> Result<Self, NetError> {
        let fields = cbor::decode(payload).map_err(malformed)?.into_map().map_err(|_| malformed("not a map"))?;
        let (mut issued, mut addresses, mut credential) = (None, None, None);
        for (key, value) in fields {
            match (key.as_text(), value) {
                (Some("issued"), Value::Integer(number)) => issued = u64::try_from(number).ok(),
                (Some("addresses"), Value::Array(items)) => addresses = Some(items),
                (Some("credential"), Value::Bytes(bytes)) => credential = Some(bytes),
                // It is signed: what is not known cannot be judged (protocol, "Streams").
                _ => return Err(malformed("an unknown field, or one of the wrong type")),
            }
        }
        let (Some(issued), Some(addresses), Some(credential)) = (issued, addresses, credential) else {
            return Err(malformed("a field is missing"));
        };
        if addresses.len() > MAX_ADDRESSES_PER_PEER || credential.len() > MAX_CREDENTIAL_BYTES {
            return Err(malformed("more addresses or a longer credential than allowed"));
        }
        let address = |item: Value| {
            let bytes = item.into_bytes().map_err(|_| malformed("an address is not bytes"))?;
            Multiaddr::try_from(bytes).map_err(|error| malformed(error.to_string()))
        };
        let addresses = addresses.into_iter().map(address).collect::<Result<_, _>>()?;
        Ok(Self { device, issued, addresses, credential })
    }
}

/// Time since 1970 by this device's clock.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn malformed(why: impl ToString) -> NetError {
    KIND.malformed(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signed::tests::signer;

    const NOW: Duration = Duration::from_secs(1_700_000_000);

    fn record(device: DeviceId) -> AddressRecord {
        let addresses = ["/ip4/192.0.2.1/tcp/4001", "/dns4/example.org/udp/4001/quic-v1"];
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        AddressRecord { device, issued: NOW.as_millis() as u64, addresses, credential: vec![7; 100] }
    }

    #[test]
    fn a_record_comes_back_under_its_own_key_and_time_only() {
        let (pair, device) = signer(1);
        let record = record(device);
        let bytes = record.seal(&pair).unwrap();
        let key = Key::of_device(&device);
        assert_eq!(AddressRecord::open(&bytes, key.as_bytes(), NOW).unwrap(), record);
        assert!(AddressRecord::open(&bytes, Key::of_device(&signer(2).1).as_bytes(), NOW).is_err());
        assert!(AddressRecord::open(&bytes, b"", NOW).is_err());
        let margin = Duration::from_secs(1);
        assert!(AddressRecord::open(&bytes, key.as_bytes(), NOW + ADDRESS_RECORD_LIFETIME + margin).is_err());
        assert!(AddressRecord::open(&bytes, key.as_bytes(), NOW - MAX_CLOCK_DIFFERENCE - margin).is_err());
    }

    #[test]
    fn another_signature_makes_it_another_devices_record() {
        let ((_, device), (thief, _)) = (signer(1), signer(2));
        let bytes = record(device).seal(&thief).unwrap();
        assert!(AddressRecord::open(&bytes, Key::of_device(&device).as_bytes(), NOW).is_err());
    }

    #[test]
    fn no_bytes_are_taken_for_it_or_make_it_panic() {
        let (pair, device) = signer(1);
        let key = Key::of_device(&device);
        let good = record(device).seal(&pair).unwrap();
        for at in 0..good.len() {
            assert!(AddressRecord::open(&good[..at], key.as_bytes(), NOW).is_err());
            for bit in 0..8 {
                let mut flipped = good.clone();
                flipped[at] ^= 1 << bit;
                let opened = AddressRecord::open(&flipped, key.as_bytes(), NOW);
                assert!(opened.is_err() || opened.is_ok_and(|read| read == record(device)), "byte {at}, bit {bit}");
            }
        }
        let long = AddressRecord { credential: vec![0; MAX_CREDENTIAL_BYTES + 1], ..record(device) };
        assert!(AddressRecord::open(&long.seal(&pair).unwrap(), key.as_bytes(), NOW).is_err());
        let many = AddressRecord { addresses: vec![Multiaddr::empty(); 17], ..record(device) };
        assert!(AddressRecord::open(&many.seal(&pair).unwrap(), key.as_bytes(), NOW).is_err());
        let huge = AddressRecord { credential: vec![0; MAX_ADDRESS_RECORD_BYTES], ..record(device) };
        assert!(huge.seal(&pair).is_err());
        assert!(AddressRecord::open(&vec![0; MAX_ADDRESS_RECORD_BYTES + 1], key.as_bytes(), NOW).is_err());
    }
}
