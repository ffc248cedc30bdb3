//! Whom or what a vote is about: a person, or one of somebody's devices.

use crate::id::{DeviceId, Uri};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a vote, and the resolution that it leads to, is about.
///
/// As JSON an account is its URI, a device is `{"device": "<device id>"}`: both are 64 hex digits, and one must never be
/// taken for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Target {
    /// Somebody, with all of their devices.
    Account(Uri),
    /// One device; its account stays. It can be banned and unbanned, nothing else.
    #[serde(with = "device_field")]
    Device(DeviceId),
}

impl Target {
    /// The account, if it is about one.
    pub fn account(self) -> Option<Uri> {
        match self {
            Target::Account(uri) => Some(uri),
            Target::Device(_) => None,
        }
    }

    /// The device, if it is about one.
    pub fn device(self) -> Option<DeviceId> {
        match self {
            Target::Account(_) => None,
            Target::Device(device) => Some(device),
        }
    }

    /// The 64 hex digits, without saying of what: the name in the path of a vote.
    pub fn id(self) -> String {
        match self {
            Target::Account(uri) => uri.to_string(),
            Target::Device(device) => device.to_string(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Account(uri) => uri.fmt(f),
            Target::Device(device) => write!(f, "device {device}"),
        }
    }
}

impl From<Uri> for Target {
    fn from(uri: Uri) -> Self {
        Target::Account(uri)
    }
}

impl From<&Uri> for Target {
    fn from(uri: &Uri) -> Self {
        Target::Account(*uri)
    }
}

impl From<DeviceId> for Target {
    fn from(device: DeviceId) -> Self {
        Target::Device(device)
    }
}

impl From<&DeviceId> for Target {
    fn from(device: &DeviceId) -> Self {
        Target::Device(*device)
    }
}

impl From<&Target> for Target {
    fn from(target: &Target) -> Self {
        *target
    }
}

/// A device as an object with one field.
mod device_field {
    use crate::id::DeviceId;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Field {
        device: DeviceId,
    }

    pub(super) fn serialize<S: Serializer>(device: &DeviceId, serializer: S) -> Result<S::Ok, S::Error> {
        Field { device: *device }.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DeviceId, D::Error> {
        Field::deserialize(deserializer).map(|field| field.device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_never_taken_for_an_account() {
        let (account, device) = (Target::from(Uri::from_bytes([7; 32])), Target::from(DeviceId::from_bytes([7; 32])));
        assert_ne!(account, device);
        let id = "07".repeat(32);
        for (target, json, words) in [
            (account, format!("\"{id}\""), id.clone()),
            (device, format!("{{\"device\":\"{id}\"}}"), format!("device {id}")),
        ] {
            assert_eq!(serde_json::to_string(&target).unwrap(), json);
            assert_eq!(serde_json::from_str::<Target>(&json).unwrap(), target);
            assert_eq!((target.to_string(), target.id()), (words, id.clone()));
        }
        for wrong in ["\"jami:07\"", "{}", "{\"uri\":\"07\"}", "7"] {
            assert!(serde_json::from_str::<Target>(wrong).is_err(), "{wrong}");
        }
    }
}
