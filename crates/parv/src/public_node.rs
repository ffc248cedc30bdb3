//! A public node: a way into the network, a relay for devices that nobody can reach, and a mirror that tells them so.
//!
//! Nobody must trust it. It has no account and no conversations: it keeps signed records, passes on questions, and
//! carries connections whose ends shake hands with each other. Its key is its own, so that its address stays the same.

use crate::account::Lock;
use crate::{Error, files, known_peers};
use parv_identity::DeviceKey;
use parv_model::{ConversationId, DeviceId};
use parv_net::{Multiaddr, NetStatus, Node, NodeConfig, Policy};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, interval_at};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How often it is written down what is kept for others, besides at the end.
const WRITE_EVERY: Duration = Duration::from_secs(600);

/// The largest list of what is kept that is read, in bytes: more than a node keeps.
const MAX_KEPT_BYTES: u64 = 160 * 1024 * 1024;

/// How a public node is run.
#[derive(Debug, Clone)]
pub struct PublicNodeOptions {
    /// Where to listen.
    pub listen: Vec<Multiaddr>,
    /// Where others reach it. None: wherever it listens.
    pub external: Vec<Multiaddr>,
    /// Other nodes to stay connected with, each address ending in `/p2p/<peer id>`.
    pub bootstrap: Vec<Multiaddr>,
    /// How many connections to have at most.
    pub max_connections: u32,
}

/// A running public node. It ends with the last handle of it, or at [`PublicNode::shutdown`].
#[derive(Debug)]
pub struct PublicNode {
    node: Node,
    folder: PathBuf,
    _lock: Lock,
    /// Ends the task that writes down what is kept, and holds a handle of the node.
    _end: DropGuard,
}

/// The contents of `node.json`: who has it can take the node's place.
#[derive(Serialize, Deserialize)]
struct Key {
    /// The device's key, as 64 hexadecimal digits.
    seed: String,
}

/// Nobody may have anything: there is nothing.
struct Nothing;

impl Policy for Nothing {
    fn may_fetch(&self, _: &DeviceId, _: &ConversationId) -> bool {
        false
    }
}

impl PublicNode {
    /// Starts the node whose key lies in `folder`; there the first time, it gets a new one.
    pub async fn start(folder: &Path, options: PublicNodeOptions) -> Result<Self, Error> {
        let opened = {
            let folder = folder.to_owned();
            spawn_blocking(move || open(&folder)).await.map_err(|_| Error::Closed)?
        };
        let Opened { lock, key, known, kept } = opened?;
        let PublicNodeOptions { listen, external, bootstrap, max_connections } = options;
        let config = NodeConfig {
            listen,
            external,
            bootstrap,
            max_connections,
            known,
            kept,
            public: true,
            ..NodeConfig::new(*key.seed())
        };
        let (node, mut events) = Node::start(config, Arc::new(Nothing)).await?;
        let (keeps, path, end) = (node.clone(), kept_in(folder), CancellationToken::new());
        let ended = end.clone();
        tokio::spawn(async move {
            let mut timer = interval_at(Instant::now() + WRITE_EVERY, WRITE_EVERY);
            loop {
                tokio::select! {
                    () = ended.cancelled() => return,
                    event = events.recv() => if event.is_none() { return },
                    _ = timer.tick() => write_kept(&keeps, path.clone()).await,
                }
            }
        });
        Ok(Self { node, folder: folder.to_owned(), _lock: lock, _end: end.drop_guard() })
    }

    /// How it stands.
    pub async fn status(&self) -> Result<NetStatus, Error> {
        Ok(self.node.status().await?)
    }

    /// What it has counted, as OpenMetrics text.
    pub fn metrics(&self) -> String {
        self.node.telemetry().encode()
    }

    /// Closes its connections and stops.
    pub async fn shutdown(&self) {
        if let Ok(known) = self.node.known_peers().await {
            known_peers::remember(peers_in(&self.folder), known).await;
        }
        write_kept(&self.node, kept_in(&self.folder)).await;
        self.node.shutdown().await;
    }
}

/// Writes down what the node keeps for others.
async fn write_kept(node: &Node, path: PathBuf) {
    // The error is that it has stopped.
    let Ok(kept) = node.kept_records().await else { return };
    if let Ok(Err(error)) = spawn_blocking(move || files::write_bytes(&path, &kept)).await {
        tracing::warn!("what is kept for others is not written down: {error}");
    }
}

/// What lies in a node's folder.
struct Opened {
    lock: Lock,
    key: DeviceKey,
    known: Vec<parv_net::KnownPeer>,
    kept: Vec<u8>,
}

/// Locks the folder and reads what lies in it. Blocks.
fn open(folder: &Path) -> Result<Opened, Error> {
    files::make_folder(folder)?;
    let lock = Lock::take(folder)?;
    let path = folder.join("node.json");
    let key = match files::read_json::<Key>(&path)? {
        Some(Key { seed }) => {
            let mut bytes = [0; 32];
            let why = |error: hex::FromHexError| Error::Damaged { path: path.clone(), why: error.to_string() };
            hex::decode_to_slice(&seed, &mut bytes).map_err(why)?;
            DeviceKey::from_seed(bytes)
        }
        None => {
            let key = DeviceKey::generate()?;
            files::write_json(&path, &Key { seed: hex::encode(*key.seed()) })?;
            key
        }
    };
    let kept = files::read_bytes_up_to(MAX_KEPT_BYTES, &kept_in(folder)).unwrap_or_else(|error| {
        tracing::warn!("{error}; what was kept for others is forgotten");
        None
    });
    Ok(Opened { lock, key, known: known_peers::load(&peers_in(folder)), kept: kept.unwrap_or_default() })
}

fn kept_in(folder: &Path) -> PathBuf {
    folder.join("kept.cbor")
}

fn peers_in(folder: &Path) -> PathBuf {
    folder.join("peers.json")
}
