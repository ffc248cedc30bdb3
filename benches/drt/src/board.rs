//! Where all members note what they hear, and the measuring side waits for it.

use parv_model::DeviceId;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::timeout;

/// After this long nobody is expected to hear of anything any more.
const PATIENCE: Duration = Duration::from_secs(120);

/// A text, by the order in which they are written.
pub(crate) type Text = u64;

/// How a member came to know a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Receipt {
    /// Who passed it on.
    pub(crate) from: DeviceId,
    /// Whether by an announcement, not by an exchange of heads.
    pub(crate) announced: bool,
    /// When.
    pub(crate) at: Instant,
}

/// What everybody has heard of.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) receipts: HashMap<Text, HashMap<DeviceId, Receipt>>,
    /// How many announcements were made.
    pub(crate) announcements: u64,
}

/// See the [module](self).
#[derive(Debug, Clone, Default)]
pub(crate) struct Board(Arc<watch::Sender<Notes>>);

impl Board {
    /// A member knows a text; false if it did already.
    pub(crate) fn note(&self, text: Text, device: DeviceId, receipt: Receipt) -> bool {
        self.0.send_if_modified(|notes| {
            let known = notes.receipts.entry(text).or_default();
            !known.contains_key(&device) && known.insert(device, receipt).is_none()
        })
    }

    /// Something was announced.
    pub(crate) fn announced(&self) {
        self.0.send_modify(|notes| notes.announcements += 1);
    }

    /// Looks at it.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Notes) -> T) -> T {
        look(&self.0.borrow())
    }

    /// All that a member knows.
    pub(crate) fn known_to(&self, device: &DeviceId) -> Vec<Text> {
        self.look(|notes| {
            notes.receipts.iter().filter(|(_, known)| known.contains_key(device)).map(|(text, _)| *text).collect()
        })
    }

    /// Waits until all these devices know all these texts; says how long that took at most after `since`, or who has
    /// not heard of what.
    pub(crate) async fn all_know(
        &self,
        devices: &[DeviceId],
        texts: &[Text],
        since: Instant,
    ) -> Result<Duration, String> {
        let mut notes = self.0.subscribe();
        let missing = |notes: &Notes| {
            let knows = |text, device| notes.receipts.get(text).is_some_and(|known| known.contains_key(device));
            texts.iter().map(|text| devices.iter().filter(|device| !knows(text, device)).count()).sum::<usize>()
        };
        match timeout(PATIENCE, notes.wait_for(|notes| missing(notes) == 0)).await {
            Ok(Ok(notes)) => {
                let receipts = texts.iter().flat_map(|text| devices.iter().map(|device| &notes.receipts[text][device]));
                let last = receipts.map(|receipt| receipt.at).max().unwrap_or(since);
                Ok(last.saturating_duration_since(since))
            }
            _ => Err(format!("{} of {} receipts are missing", self.look(missing), devices.len() * texts.len())),
        }
    }
}
