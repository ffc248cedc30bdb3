//! The peers that this device met, in `peers.json`: after a restart it finds its way into the network through them, with
//! or without a bootstrap node.
//!
//! Derived knowledge: a file that is damaged, too large or forged costs dials that fail, and is written anew.

use crate::{Error, files};
use parv_model::DeviceId;
use parv_net::{KnownPeer, Multiaddr, limits::MAX_KNOWN_PEERS};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use tokio::task::spawn_blocking;

/// How many addresses of a peer are kept, the newest; with [`MAX_KNOWN_PEERS`], a few hundred kilobytes.
const MAX_ADDRESSES: usize = 8;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    device: DeviceId,
    addresses: Vec<Multiaddr>,
    serves_table: bool,
    /// When it was connected last, in seconds since 1970.
    met: u64,
}

/// Reads who was met. Blocks.
pub(crate) fn load(path: &Path) -> Vec<KnownPeer> {
    let entries: Vec<Entry> = match files::read_json(path) {
        Ok(entries) => entries.unwrap_or_default(),
        Err(error) => {
            tracing::warn!("{error}; the peers met before are forgotten");
            Vec::new()
        }
    };
    let peer = |Entry { device, mut addresses, serves_table, met }| {
        addresses.truncate(MAX_ADDRESSES);
        KnownPeer { device, addresses, serves_table, met }
    };
    entries.into_iter().take(MAX_KNOWN_PEERS).map(peer).collect()
}

/// Writes down who was met, as well as it can be done.
pub(crate) async fn remember(path: PathBuf, known: Vec<KnownPeer>) {
    if let Ok(Err(error)) = spawn_blocking(move || save(&path, &known)).await {
        tracing::warn!("the peers that were met are not remembered: {error}");
    }
}

fn save(path: &Path, known: &[KnownPeer]) -> Result<(), Error> {
    let entry = |peer: &KnownPeer| Entry {
        device: peer.device,
        addresses: peer.addresses.iter().take(MAX_ADDRESSES).cloned().collect(),
        serves_table: peer.serves_table,
        met: peer.met,
    };
    files::write_json(path, &known.iter().take(MAX_KNOWN_PEERS).map(entry).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(seed: u8) -> KnownPeer {
        let addresses = (1..=MAX_ADDRESSES).map(|port| format!("/ip4/192.0.2.1/tcp/{port}").parse().unwrap()).collect();
        KnownPeer { device: DeviceId::from_bytes([seed; 32]), addresses, serves_table: seed == 1, met: seed.into() }
    }

    #[test]
    fn who_was_met_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peers.json");
        assert!(load(&path).is_empty());
        let known = vec![peer(2), peer(1)];
        save(&path, &known).unwrap();
        assert_eq!(load(&path), known);
    }

    #[test]
    fn a_damaged_file_is_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peers.json");
        save(&path, &[peer(1)]).unwrap();
        let good = std::fs::read(&path).unwrap();
        for cut in [1, good.len() / 2, good.len() - 3] {
            std::fs::write(&path, &good[..cut]).unwrap();
            assert!(load(&path).is_empty());
        }
        for damaged in
            [&b"\xff\xff"[..], b"{}", b"[1]", br#"[{"device":"..","addresses":[],"met":1}]"#, &[b' '; 2 << 20]]
        {
            std::fs::write(&path, damaged).unwrap();
            assert!(load(&path).is_empty());
        }
    }

    #[test]
    fn the_largest_list_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peers.json");
        let relay = format!(
            "/dns4/{}.example.org/udp/4001/quic-v1/p2p/{}/p2p-circuit",
            "a".repeat(60),
            parv_net::peer_id(&DeviceId::from_bytes([1; 32]))
        );
        let address: Multiaddr = relay.parse().unwrap();
        let peer = |_| KnownPeer { addresses: vec![address.clone(); MAX_ADDRESSES], ..peer(1) };
        let known: Vec<_> = (0..MAX_KNOWN_PEERS).map(peer).collect();
        save(&path, &known).unwrap();
        assert_eq!(load(&path).len(), MAX_KNOWN_PEERS);
    }
}
