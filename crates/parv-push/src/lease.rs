//! The lease: a sleeping device asks another one to wake it, signed and with an end.
//!
//! ```text
//! {lease: bytes, signature: 64 bytes}      the signature is a statement of the device (parv-identity)
//!
//! lease = {auth, first: [conversation ids], device, holder, p256dh, second: [conversation ids], account,
//!          expires, endpoint, sequence, vouchers: {key, from, contact?, signatures}}
//! ```
//!
//! in deterministic CBOR; unknown fields are refused, since what is not known cannot be judged. It names the one device that
//! it is for, so that a copy is worth nothing elsewhere.

use crate::endpoint::{EndpointError, Reach};
use crate::limits::{MAX_CONTACT_BYTES, MAX_CONVERSATIONS, MAX_LEASE_BYTES, MAX_LEASE_LIFETIME};
use crate::subscription::Subscription;
use crate::vapid::{SIGNATURE_BYTES, Vouchers};
use parv_identity::DeviceKey;
use parv_identity::statement;
use parv_model::cbor::{self, CborError, Value};
use parv_model::{CommitId, ConversationId, DeviceId, Uri};
use std::collections::BTreeSet;
use std::time::Duration;

/// The context of the device's signature.
const CONTEXT: &str = "push lease 1";

/// What one device lends another: how, until when, and for which conversations it may be woken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The device that sleeps. It signs the lease.
    pub device: DeviceId,
    /// Whose device it says it is.
    pub account: Uri,
    /// The device that is to wake it.
    pub holder: DeviceId,
    /// Of two leases of a device to a holder the one with the higher number counts.
    pub sequence: u64,
    /// Until when it counts: time since 1970, to the second.
    pub expires: Duration,
    /// Where messages to it go.
    pub subscription: Subscription,
    /// What shows the push service that the messages are wanted.
    pub vouchers: Vouchers,
    /// The conversations for which the holder is the closest to the device: it wakes at once.
    pub first: BTreeSet<ConversationId>,
    /// The conversations for which it is the second: it wakes if the first one did not.
    pub second: BTreeSet<ConversationId>,
}

/// Why a lease is not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeaseError {
    /// Larger than any lease.
    #[error("the lease has {0} bytes, more than the {MAX_LEASE_BYTES} allowed")]
    TooLong(usize),
    /// Not in the one form that leases have.
    #[error("the lease is malformed: {0}")]
    Malformed(String),
    /// The device that it names did not sign it.
    #[error("the lease is not signed by device {0}")]
    Forged(DeviceId),
    /// Somebody else handed it over, or it is for another holder.
    #[error("the lease is not between device {device} and this one")]
    Foreign {
        /// The device that the lease names.
        device: DeviceId,
    },
    /// The device is not of that account, or the account has no say in one of its conversations here.
    #[error("the device of the lease is no member of what it wants to be woken for")]
    Stranger,
    /// It has ended.
    #[error("the lease has expired")]
    Expired,
    /// It ends later than any lease may.
    #[error("the lease is for longer than {} days", MAX_LEASE_LIFETIME.as_secs() / 86_400)]
    TooFar,
    /// A newer one is known.
    #[error("the lease has number {given}, and number {known} is known")]
    Replayed {
        /// Its number.
        given: u64,
        /// The highest number that is known of the device.
        known: u64,
    },
    /// This device does not post there.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The push service said that the subscription is gone.
    #[error("the push service says that the subscription is gone")]
    Gone,
    /// As many as may be are kept for others.
    #[error("as many leases as may be are kept already")]
    Full,
    /// As many as may be are kept for the account.
    #[error("as many leases as may be are kept for the account already")]
    FullOfAccount,
}

impl LeaseError {
    /// A short name, for the answer to the device.
    pub fn name(&self) -> &'static str {
        match self {
            Self::TooLong(_) => "too-long",
            Self::Malformed(_) => "malformed",
            Self::Forged(_) => "forged",
            Self::Foreign { .. } => "foreign",
            Self::Stranger => "stranger",
            Self::Expired => "expired",
            Self::TooFar => "too-far",
            Self::Replayed { .. } => "replayed",
            Self::Endpoint(_) => "endpoint",
            Self::Gone => "gone",
            Self::Full => "full",
            Self::FullOfAccount => "full-of-account",
        }
    }
}

impl Lease {
    /// The lease's bytes, signed. The key must be the device's.
    pub fn seal(&self, key: &DeviceKey) -> Vec<u8> {
        let lease = cbor::encode(&self.value());
        let signature = Value::from(&statement::sign(key, CONTEXT, &lease)[..]);
        cbor::encode(&cbor::map([("lease", Value::Bytes(lease)), ("signature", signature)]))
    }

    /// Reads a lease that `from` handed to `holder`. Refused: one that is not in the one form, is not signed by its device,
    /// is not between these two, has ended at `now` or is for too long, or names a place that is out of reach.
    pub fn open(
        bytes: &[u8],
        from: DeviceId,
        holder: DeviceId,
        reach: Reach,
        now: Duration,
    ) -> Result<Self, LeaseError> {
        let (lease, signature, said) = Self::parse(bytes)?;
        if !statement::holds(&lease.device, CONTEXT, &said, &signature) {
            return Err(LeaseError::Forged(lease.device));
        }
        if lease.device != from || lease.holder != holder || from == holder {
            return Err(LeaseError::Foreign { device: lease.device });
        }
        if lease.expires <= now {
            return Err(LeaseError::Expired);
        }
        if lease.expires > now + MAX_LEASE_LIFETIME {
            return Err(LeaseError::TooFar);
        }
        reach.check(&lease.subscription.endpoint)?;
        Ok(lease)
    }

    /// The number of a lease, as it says itself; nothing of it is checked.
    pub fn number(bytes: &[u8]) -> Option<u64> {
        Self::parse(bytes).ok().map(|(lease, ..)| lease.sequence)
    }

    /// The conversations for which the device wants to be woken.
    pub fn conversations(&self) -> impl Iterator<Item = &ConversationId> {
        self.first.union(&self.second)
    }

    fn value(&self) -> Value {
        let ids = |ids: &BTreeSet<ConversationId>| {
            Value::Array(ids.iter().map(|id| Value::from(id.root().as_bytes().as_slice())).collect())
        };
        cbor::map([
            ("auth", Value::from(self.subscription.auth().as_slice())),
            ("first", ids(&self.first)),
            ("device", Value::from(self.device.as_bytes().as_slice())),
            ("holder", Value::from(self.holder.as_bytes().as_slice())),
            ("p256dh", Value::from(self.subscription.receiver().as_slice())),
            ("second", ids(&self.second)),
            ("account", Value::from(self.account.as_bytes().as_slice())),
            ("expires", Value::from(self.expires.as_secs())),
            ("endpoint", Value::from(self.subscription.endpoint.as_str())),
            ("sequence", Value::from(self.sequence)),
            ("vouchers", vouchers_value(&self.vouchers)),
        ])
    }

    /// The lease, its signature, and the signed bytes.
    fn parse(bytes: &[u8]) -> Result<(Self, [u8; statement::SIGNATURE_BYTES], Vec<u8>), LeaseError> {
        if bytes.len() > MAX_LEASE_BYTES {
            return Err(LeaseError::TooLong(bytes.len()));
        }
        let mut outer = Fields::read(bytes)?;
        let (said, signature) = (outer.bytes("lease")?, outer.array("signature")?);
        outer.end()?;
        let mut fields = Fields::read(&said)?;
        let endpoint = fields.text("endpoint")?.parse::<crate::Endpoint>()?;
        let (receiver, auth) = (fields.bytes("p256dh")?, fields.array("auth")?);
        let subscription = Subscription::new(endpoint, &receiver, auth).map_err(malformed)?;
        let lease = Self {
            device: DeviceId::from_bytes(fields.array("device")?),
            account: Uri::from_bytes(fields.array("account")?),
            holder: DeviceId::from_bytes(fields.array("holder")?),
            sequence: fields.number("sequence")?,
            expires: Duration::from_secs(fields.number("expires")?),
            subscription,
            vouchers: read_vouchers(Fields::of(fields.take("vouchers")?)?)?,
            first: fields.conversations("first")?,
            second: fields.conversations("second")?,
        };
        fields.end()?;
        let all = lease.first.len() + lease.second.len();
        if all == 0 || all > MAX_CONVERSATIONS || !lease.first.is_disjoint(&lease.second) {
            return Err(malformed("no conversations, too many, or one in both places"));
        }
        Ok((lease, signature, said))
    }
}

fn vouchers_value(vouchers: &Vouchers) -> Value {
    let mut fields = vec![("key", Value::from(vouchers.key.as_slice())), ("from", Value::from(vouchers.first_end))];
    fields.extend(vouchers.contact.as_deref().map(|contact| ("contact", Value::from(contact))));
    fields.push(("signatures", Value::Bytes(vouchers.signatures.concat())));
    Value::Map(fields.into_iter().map(|(name, value)| (Value::from(name), value)).collect())
}

fn read_vouchers(mut fields: Fields) -> Result<Vouchers, LeaseError> {
    let contact = if fields.has("contact") { Some(fields.text("contact")?) } else { None };
    let (key, first_end, signatures) = (fields.array("key")?, fields.number("from")?, fields.bytes("signatures")?);
    fields.end()?;
    let (signatures, rest) = signatures.as_chunks::<SIGNATURE_BYTES>();
    if !rest.is_empty() || contact.as_ref().is_some_and(|contact| contact.len() > MAX_CONTACT_BYTES) {
        return Err(malformed("vouchers that are cut, or too long a contact"));
    }
    Ok(Vouchers { key, contact, first_end, signatures: signatures.to_vec() })
}

/// The fields of a map, taken one by one.
struct Fields(Vec<(Value, Value)>);

impl Fields {
    fn read(bytes: &[u8]) -> Result<Self, LeaseError> {
        Self::of(cbor::decode(bytes).map_err(|error: CborError| malformed(error))?)
    }

    fn of(value: Value) -> Result<Self, LeaseError> {
        value.into_map().map(Self).map_err(|_| malformed("not a map"))
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key.as_text() == Some(name))
    }

    fn take(&mut self, name: &str) -> Result<Value, LeaseError> {
        let at = self.0.iter().position(|(key, _)| key.as_text() == Some(name));
        let at = at.ok_or_else(|| malformed(format!("no {name}")))?;
        Ok(self.0.remove(at).1)
    }

    fn bytes(&mut self, name: &str) -> Result<Vec<u8>, LeaseError> {
        self.take(name)?.into_bytes().map_err(|_| malformed(format!("{name} is not bytes")))
    }

    fn array<const N: usize>(&mut self, name: &str) -> Result<[u8; N], LeaseError> {
        self.bytes(name)?.try_into().map_err(|_| malformed(format!("{name} has not {N} bytes")))
    }

    fn text(&mut self, name: &str) -> Result<String, LeaseError> {
        self.take(name)?.into_text().map_err(|_| malformed(format!("{name} is not a text")))
    }

    fn number(&mut self, name: &str) -> Result<u64, LeaseError> {
        let number = self.take(name)?.into_integer().ok().and_then(|number| number.try_into().ok());
        number.ok_or_else(|| malformed(format!("{name} is not a number")))
    }

    /// Ids in ascending order, none twice.
    fn conversations(&mut self, name: &str) -> Result<BTreeSet<ConversationId>, LeaseError> {
        let items = self.take(name)?.into_array().map_err(|_| malformed(format!("{name} is not a list")))?;
        let id = |item: Value| {
            let bytes = item.into_bytes().ok()?.try_into().ok()?;
            Some(ConversationId::new(CommitId::from_bytes(bytes)))
        };
        let ids: Option<Vec<_>> = items.into_iter().map(id).collect();
        let ids = ids.filter(|ids| ids.is_sorted_by(|a, b| a < b));
        ids.map(|ids| ids.into_iter().collect()).ok_or_else(|| malformed(format!("{name} is not a sorted list of ids")))
    }

    fn end(self) -> Result<(), LeaseError> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(malformed("an unknown field")),
        }
    }
}

fn malformed(why: impl ToString) -> LeaseError {
    LeaseError::Malformed(why.to_string())
}

#[cfg(test)]
mod tests;
