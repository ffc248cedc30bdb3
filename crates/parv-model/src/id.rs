//! Names of things: accounts, devices and Git objects.
//!
//! An account and a device are each an Ed25519 public key, written as 64 lowercase hex digits (protocol, "Identity").
//! A Git object is named by the SHA-1 of its bytes, written as 40 lowercase hex digits.

use std::fmt;
use std::str::FromStr;

/// A text that is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not {what}: expected {digits} lowercase hex digits, got {got:?}")]
pub struct ParseIdError {
    /// What was expected, with its article: "a URI", "a commit id".
    pub what: &'static str,
    /// How many digits it has.
    pub digits: usize,
    /// What was there instead, shortened to at most 80 characters.
    pub got: String,
}

/// Reads exactly `N` bytes as lowercase hex: one text for one id, so no upper case, no prefix, no blanks.
#[doc(hidden)]
pub fn parse_hex<const N: usize>(what: &'static str, text: &str) -> Result<[u8; N], ParseIdError> {
    let refuse = || ParseIdError { what, digits: 2 * N, got: text.chars().take(80).collect() };
    if text.len() != 2 * N || text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(refuse());
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| refuse())?;
    Ok(bytes)
}

/// The text of an id.
#[doc(hidden)]
pub fn to_hex(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

/// Makes a type of a fixed number of bytes that is written in lowercase hex: `id_type!(/// docs\nName, size, "what it is")`.
/// Rule sets of other systems name their things by it too. Its users need `serde`.
#[macro_export]
macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $size:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $size]);

        impl $name {
            /// The id with these bytes.
            pub const fn from_bytes(bytes: [u8; $size]) -> Self {
                Self(bytes)
            }

            /// The bytes of the id.
            pub const fn as_bytes(&self) -> &[u8; $size] {
                &self.0
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::id::ParseIdError;

            fn from_str(text: &str) -> Result<Self, $crate::id::ParseIdError> {
                $crate::id::parse_hex($what, text).map(Self)
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&$crate::id::to_hex(&self.0))
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id_type!(
    /// The address of an account: its Ed25519 public key. Whoever can sign with that key *is* the account.
    Uri, 32, "a URI"
);
id_type!(
    /// A device: its Ed25519 public key, which is also its network identity.
    DeviceId, 32, "a device id"
);
id_type!(
    /// A Git commit object.
    CommitId, 20, "a commit id"
);
id_type!(
    /// A Git tree object.
    TreeId, 20, "a tree id"
);
id_type!(
    /// A Git blob object.
    BlobId, 20, "a blob id"
);

/// A conversation: the id of its first commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ConversationId(CommitId);

impl ConversationId {
    /// The conversation that begins with this commit.
    pub const fn new(root: CommitId) -> Self {
        Self(root)
    }

    /// The commit it begins with.
    pub const fn root(&self) -> CommitId {
        self.0
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ConversationId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        parse_hex("a conversation id", text).map(|bytes| Self(CommitId(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_exactly_one_text() {
        let text = "ab".repeat(32);
        assert_eq!(text.parse::<Uri>().unwrap().to_string(), text);
        for wrong in
            ["", "AB", &"AB".repeat(32), &format!("jami:{text}"), &text[1..], &format!("{text} "), &"zz".repeat(32)]
        {
            assert!(wrong.parse::<Uri>().is_err(), "{wrong:?} was taken for a URI");
        }
    }

    #[test]
    fn the_error_names_what_was_there() {
        let error = "nonsense".parse::<ConversationId>().unwrap_err();
        assert_eq!(error.to_string(), "not a conversation id: expected 40 lowercase hex digits, got \"nonsense\"");
    }
}
