//! Who is connected, and whose devices they are.
//!
//! A connection proves a device; the account behind it is known when the device has shown its certificate (`hello`), and
//! only until it disconnects.

use parv_model::{DeviceId, Uri};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// How far the acquaintance with a connected device goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Acquaintance {
    /// Whose device it is.
    account: Option<Uri>,
    /// Whether it has said that it knows whose device this one is.
    knows_us: bool,
}

/// The connected devices.
#[derive(Debug)]
pub(crate) struct People {
    devices: RwLock<HashMap<DeviceId, Acquaintance>>,
    changes: watch::Sender<()>,
}

impl People {
    pub(crate) fn new() -> Self {
        Self { devices: RwLock::default(), changes: watch::Sender::new(()) }
    }

    /// A device is connected.
    pub(crate) fn connected(&self, device: DeviceId) {
        self.change(device, |_| {});
    }

    /// A device is not connected any more. Says whose it was, if it had made itself known.
    pub(crate) fn disconnected(&self, device: &DeviceId) -> Option<Uri> {
        let gone = self.devices.write().unwrap_or_else(PoisonError::into_inner).remove(device);
        self.changes.send_replace(());
        gone.filter(|gone| gone.knows_us).and_then(|gone| gone.account)
    }

    /// A device has shown whose it is, and said whether it knows whose this one is. True when both sides know each other
    /// now and did not before.
    pub(crate) fn greeted(&self, device: DeviceId, account: Uri, knows_us: bool) -> bool {
        self.change(device, |known| {
            let before = known.account.is_some() && known.knows_us;
            known.account = Some(account);
            known.knows_us |= knows_us;
            known.knows_us && !before
        })
    }

    /// Whose device it is.
    pub(crate) fn account(&self, device: &DeviceId) -> Option<Uri> {
        self.devices.read().unwrap_or_else(PoisonError::into_inner).get(device)?.account
    }

    /// All connected devices.
    pub(crate) fn all(&self) -> Vec<(DeviceId, Option<Uri>)> {
        let devices = self.devices.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = devices.iter().map(|(device, known)| (*device, known.account)).collect();
        all.sort();
        all
    }

    /// The connected devices of an account that know whose this device is.
    pub(crate) fn devices_of(&self, account: &Uri) -> Vec<DeviceId> {
        let devices = self.devices.read().unwrap_or_else(PoisonError::into_inner);
        let theirs = devices.iter().filter(|(_, known)| known.knows_us && known.account == Some(*account));
        theirs.map(|(device, _)| *device).collect()
    }

    /// The connected devices that this one knows, and that know it.
    pub(crate) fn acquaintances(&self) -> Vec<DeviceId> {
        let devices = self.devices.read().unwrap_or_else(PoisonError::into_inner);
        let known = devices.iter().filter(|(_, known)| known.knows_us && known.account.is_some());
        known.map(|(device, _)| *device).collect()
    }

    /// Tells whenever somebody comes, goes or makes themselves known.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Waits until a device and this one know each other; false if that takes longer than `patience`.
    pub(crate) async fn acquainted(&self, device: &DeviceId, patience: Duration) -> bool {
        let mut changes = self.changes.subscribe();
        let known = |this: &Self| {
            let devices = this.devices.read().unwrap_or_else(PoisonError::into_inner);
            devices.get(device).is_some_and(|known| known.knows_us && known.account.is_some())
        };
        let waiting = async {
            while !known(self) {
                if changes.changed().await.is_err() {
                    return false;
                }
            }
            true
        };
        timeout(patience, waiting).await.unwrap_or(false)
    }

    fn change<T>(&self, device: DeviceId, change: impl FnOnce(&mut Acquaintance) -> T) -> T {
        let result = {
            let mut devices = self.devices.write().unwrap_or_else(PoisonError::into_inner);
            change(devices.entry(device).or_default())
        };
        self.changes.send_replace(());
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn acquaintance_takes_both_sides() {
        let people = People::new();
        let (device, account) = (DeviceId::from_bytes([1; 32]), Uri::from_bytes([2; 32]));
        people.connected(device);
        assert_eq!(people.account(&device), None);
        assert!(!people.greeted(device, account, false));
        assert_eq!(people.account(&device), Some(account));
        assert!(people.devices_of(&account).is_empty());
        assert!(!people.acquainted(&device, Duration::from_millis(1)).await);
        assert!(people.greeted(device, account, true));
        assert!(!people.greeted(device, account, true));
        assert!(people.acquainted(&device, Duration::from_secs(9)).await);
        assert_eq!(people.disconnected(&device), Some(account));
        assert_eq!(people.all(), []);
    }
}
