//! Calls in a conversation (seed, "Call in Swarm"; requirement K1).

use crate::id::{DeviceId, Uri};

/// The longest conference id, in bytes.
pub const MAX_CONFERENCE_BYTES: usize = 64;

/// What a call left in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// A call between two has ended.
    Ended {
        /// Whom the author had called.
        to: Uri,
        /// How long it took, in milliseconds.
        duration: u64,
    },
    /// A call that everybody may join has begun, or, with a duration, has ended.
    Hosted {
        /// Who hosts it.
        uri: Uri,
        /// On which device.
        device: DeviceId,
        /// Its id there: 1 to [`MAX_CONFERENCE_BYTES`] ASCII letters and digits.
        conference: String,
        /// How long it took, in milliseconds; none while it goes on.
        duration: Option<u64>,
    },
}

impl Call {
    /// Why the call is none, if so.
    pub(super) fn flaw(&self) -> Option<&'static str> {
        match self {
            Call::Hosted { conference, .. }
                if conference.is_empty()
                    || conference.len() > MAX_CONFERENCE_BYTES
                    || !conference.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
            {
                Some("\"confId\" is not 1 to 64 letters and digits")
            }
            _ => None,
        }
    }
}
