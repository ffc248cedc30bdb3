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
use tokio::task::spawn_blocking;

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
        let (lock, key, known) = opened?;
        let PublicNodeOptions { listen, external, bootstrap, max_connections } = options;
        let config = NodeConfig {
            listen,
            external,
            bootstrap,
            max_connections,
            known,
            public: true,
            ..NodeConfig::new(*key.seed())
        };
        let (node, mut events) = Node::start(config, Arc::new(Nothing)).await?;
        tokio::spawn(async move { while events.recv().await.is_some() {} });
        Ok(Self { node, folder: folder.to_owned(), _lock: lock })
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
        self.node.shutdown().await;
    }
}

/// Locks the folder and reads what lies in it. Blocks.
fn open(folder: &Path) -> Result<(Lock, DeviceKey, Vec<parv_net::KnownPeer>), Error> {
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
    Ok((lock, key, known_peers::load(&peers_in(folder))))
}

fn peers_in(folder: &Path) -> PathBuf {
    folder.join("peers.json")
}
