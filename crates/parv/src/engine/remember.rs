//! Writing down, now and then and at the end, which peers were met.

use super::hub::{Hub, Net};
use crate::known_peers;
use parv_net::KnownPeer;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// How long after the start, or after the first connection, the list is written: a device that is switched off soon
/// finds its way back too.
const FIRST: Duration = Duration::from_secs(10);

/// How often it is written later, if it has changed.
const LATER: Duration = Duration::from_secs(300);

/// Runs until the engine stops.
pub(super) async fn run(hub: Arc<Hub>, net: Net) {
    let mut written = Vec::new();
    let mut pause = FIRST;
    loop {
        sleep(pause).await;
        let Ok(known) = net.node.known_peers().await else { return };
        if !known.is_empty() {
            pause = LATER;
        }
        // That somebody is still there is no reason to write.
        if told(&known) != told(&written) {
            known_peers::remember(hub.folders.known_peers(), known.clone()).await;
            written = known;
        }
    }
}

/// Writes the list at the end.
pub(super) async fn finally(hub: &Arc<Hub>, net: &Net) {
    match net.node.known_peers().await {
        Ok(known) if !known.is_empty() => known_peers::remember(hub.folders.known_peers(), known).await,
        Ok(_) | Err(_) => {}
    }
}

/// All but the times.
fn told(known: &[KnownPeer]) -> std::collections::BTreeMap<parv_model::DeviceId, (&[parv_net::Multiaddr], bool)> {
    known.iter().map(|peer| (peer.device, (peer.addresses.as_slice(), peer.serves_table))).collect()
}
