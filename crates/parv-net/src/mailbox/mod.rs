//! Letters for devices that are not there.
//!
//! A device leaves a letter by sealing it for the recipient ([`seal`]), signing the sealed bytes with what keepers need
//! to know ([`record`]), and putting that into the distributed table; beside it, it provides the recipient's mailbox.
//! Other nodes keep both, within bounds, also when the sender is gone. The recipient asks who provides its mailbox,
//! fetches the letters and opens them. Nothing goes back: what a recipient makes of a letter, no network shows.
//!
//! A mailbox belongs to a device and a [`Purpose`], and has one letter of each sender: whoever has something else to say
//! replaces it, and the one issued later counts. The names of mailboxes and letters say neither whom nor what for; see
//! decision 0026 for what they do tell.

mod record;
mod seal;

pub(crate) use record::LetterRecord;
pub(crate) use seal::SealingKey;

use crate::topic::Key;
use parv_model::DeviceId;
use std::time::Duration;

/// What a letter is about. Each purpose has a mailbox of its own, so that a flood in one leaves the others alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Invitations to conversations.
    Invitation,
    /// A request to get in touch: the invitation to a conversation of two.
    Contact,
    /// Conversations that both are in have news.
    WakeUp,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Invitation, Self::Contact, Self::WakeUp];

    /// How long a letter is worth something after it was issued.
    pub const fn lifetime(self) -> Duration {
        const DAY: u64 = 24 * 3600;
        match self {
            // Whoever was away longer is left the next one: letters are issued again while they matter.
            Self::Invitation | Self::Contact => Duration::from_secs(14 * DAY),
            // Whoever was away longer asks the others anyway.
            Self::WakeUp => Duration::from_secs(3 * DAY),
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::Invitation => 0,
            Self::Contact => 1,
            Self::WakeUp => 2,
        }
    }
}

/// A letter that was fetched and opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Who wrote it.
    pub sender: DeviceId,
    /// What it is about.
    pub purpose: Purpose,
    /// When it was written, by the sender's clock, in milliseconds since 1970. Letters of one sender about one thing are
    /// in this order; a letter that is fetched again has the same number.
    pub issued: u64,
    /// Until when it counts, by the sender's clock, in milliseconds since 1970.
    pub expires: u64,
    /// What it says; at most [`crate::limits::MAX_LETTER_BYTES`] bytes.
    pub body: Vec<u8>,
}

const KEY_OF_MAILBOX: &str = "parv 1 provider key of a mailbox";
const SLOT_OF_LETTER: &str = "parv 1 slot of a letter";
const KEY_OF_LETTER: &str = "parv 1 record key of a letter";

/// The provider key of a device's mailbox.
pub(crate) fn mailbox(recipient: &DeviceId, purpose: Purpose) -> Key {
    Key::lasting(hash(KEY_OF_MAILBOX, &[recipient.as_bytes(), &[purpose.number()]]))
}

/// The place in which one sender's letters about one thing to one recipient replace each other. Those three can
/// compute it; nobody can tell them from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Slot([u8; 32]);

impl Slot {
    pub(crate) fn new(recipient: &DeviceId, sender: &DeviceId, purpose: Purpose) -> Self {
        Self(hash(SLOT_OF_LETTER, &[recipient.as_bytes(), sender.as_bytes(), &[purpose.number()]]))
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The record key under which this sender's letter lies. A keeper can check it, so that nobody but the sender takes
    /// the place.
    pub(crate) fn key(&self, sender: &DeviceId) -> Key {
        Key::passing(hash(KEY_OF_LETTER, &[&self.0, sender.as_bytes()]))
    }
}

fn hash(context: &str, parts: &[&[u8]]) -> [u8; 32] {
    blake3::derive_key(context, &parts.concat())
}
