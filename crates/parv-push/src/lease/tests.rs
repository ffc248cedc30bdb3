use super::*;
use crate::sample::{self, HOLDER, NOW, lease};

fn open(bytes: &[u8], from: DeviceId) -> Result<Lease, LeaseError> {
    Lease::open(bytes, from, HOLDER, Reach::Internet, NOW)
}

#[test]
fn a_lease_comes_back_from_its_bytes() {
    let (key, lease) = (sample::key(1), lease(1));
    let bytes = lease.seal(&key);
    assert!(bytes.len() < 2_000, "{}", bytes.len());
    assert_eq!(open(&bytes, key.device_id()).unwrap(), lease);
    let asked = Lease { vouchers: sample::vouchers(Some("mailto:ann@example.org")), ..lease };
    assert_eq!(open(&asked.seal(&key), key.device_id()).unwrap(), asked);
}

#[test]
fn what_is_forged_foreign_or_expired_is_refused_by_name() {
    let (key, thief, lease) = (sample::key(1), sample::key(2), lease(1));
    let device = key.device_id();
    let good = lease.seal(&key);
    assert_eq!(open(&lease.seal(&thief), device), Err(LeaseError::Forged(device)));
    assert_eq!(open(&good, thief.device_id()), Err(LeaseError::Foreign { device }), "handed over by another");
    let elsewhere = Lease::open(&good, device, thief.device_id(), Reach::Internet, NOW);
    assert_eq!(elsewhere, Err(LeaseError::Foreign { device }), "a copy at another holder");
    let at = |now| Lease::open(&good, device, HOLDER, Reach::Internet, now);
    assert_eq!(at(lease.expires), Err(LeaseError::Expired));
    assert_eq!(at(lease.expires - MAX_LEASE_LIFETIME - Duration::from_secs(1)), Err(LeaseError::TooFar));
    let private = Lease { subscription: sample::subscription("https://192.168.1.1/p"), ..lease };
    let refused = open(&private.seal(&key), device);
    assert!(matches!(refused, Err(LeaseError::Endpoint(EndpointError::Private(_)))), "{refused:?}");
    Lease::open(&private.seal(&key), device, HOLDER, Reach::Anywhere, NOW).unwrap();
}

#[test]
fn what_a_lease_says_is_bounded() {
    let (key, lease) = (sample::key(1), lease(1));
    let refused = |lease: &Lease| matches!(open(&lease.seal(&key), key.device_id()), Err(LeaseError::Malformed(_)));
    let id = |number: usize| sample::conversation(number as u8);
    let some = |range: std::ops::Range<usize>| range.map(id).collect::<BTreeSet<_>>();
    assert!(refused(&Lease { first: BTreeSet::new(), second: BTreeSet::new(), ..lease.clone() }));
    assert!(refused(&Lease { first: some(0..1), second: some(0..2), ..lease.clone() }));
    assert!(refused(&Lease { first: some(0..MAX_CONVERSATIONS), second: some(200..201), ..lease.clone() }));
    let most = Lease { first: some(0..MAX_CONVERSATIONS), second: BTreeSet::new(), ..lease.clone() };
    let most = Lease { subscription: sample::subscription(&format!("https://a.example/{}", "b".repeat(1000))), ..most };
    open(&most.seal(&key), key.device_id()).unwrap();
    assert!(refused(&Lease { vouchers: sample::vouchers(Some(&"x".repeat(MAX_CONTACT_BYTES + 1))), ..lease }));
    assert!(matches!(open(&vec![0; MAX_LEASE_BYTES + 1], HOLDER), Err(LeaseError::TooLong(_))));
}

#[test]
fn unknown_and_doubled_fields_are_refused() {
    let (key, lease) = (sample::key(1), lease(1));
    let sign = |said: Vec<u8>| {
        let signature = Value::from(&statement::sign(&key, CONTEXT, &said)[..]);
        cbor::encode(&cbor::map([("lease", Value::Bytes(said)), ("signature", signature)]))
    };
    let mut fields = lease.value().into_map().unwrap();
    assert!(open(&sign(cbor::encode(&Value::Map(fields.clone()))), key.device_id()).is_ok());
    fields.push((Value::from("zzzzzzzzz"), Value::from(1)));
    let more = sign(cbor::encode(&Value::Map(fields.clone())));
    assert_eq!(open(&more, key.device_id()), Err(malformed("an unknown field")));
    for at in 0..fields.len() - 1 {
        let mut less = fields[..11].to_vec();
        less.remove(at);
        assert!(open(&sign(cbor::encode(&Value::Map(less))), key.device_id()).is_err());
    }
}

#[test]
fn no_bytes_are_taken_for_it_or_make_it_panic() {
    let key = sample::key(1);
    let good = lease(1).seal(&key);
    for at in 0..good.len() {
        assert!(open(&good[..at], key.device_id()).is_err());
        let mut flipped = good.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(open(&flipped, key.device_id()).is_err(), "byte {at}");
    }
}
