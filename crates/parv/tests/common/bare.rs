//! A device without an engine: a bare node, which says and serves whatever a test wants.
#![allow(dead_code, reason = "every test file uses another part")]

use crate::common::{Person, TCP, within};
use parv::{ConversationId, DeviceId};
use parv_identity::{AccountCertificate, DeviceCertificate, DeviceKey};
use parv_net::{Envelope, Event, GitStream, Node, NodeConfig, Policy};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Serves whoever asks.
struct Anybody;

impl Policy for Anybody {
    fn may_fetch(&self, _: &DeviceId, _: &ConversationId) -> bool {
        true
    }
}

/// See the [module](self).
pub struct BareNode {
    pub node: Node,
    pub events: mpsc::Receiver<Event>,
}

impl BareNode {
    /// A node with this key.
    pub async fn start(key: &DeviceKey) -> Self {
        let mut config = NodeConfig::new(*key.seed());
        config.listen = vec![TCP.parse().unwrap()];
        let (node, events) = Node::start(config, Arc::new(Anybody)).await.unwrap();
        Self { node, events }
    }

    /// Connects to somebody and says hello with these certificates, as an engine would.
    pub async fn meet(&self, account: &AccountCertificate, own: &DeviceCertificate, person: &Person) -> DeviceId {
        let device = self.node.dial_address(person.address()).await.unwrap();
        let text = |pem: &[u8]| String::from_utf8(pem.to_vec()).unwrap();
        for answer in [false, true] {
            let hello =
                serde_json::json!({ "account": text(account.pem()), "device": text(own.pem()), "answer": answer });
            self.send(device, "application/parv-hello", hello).await;
        }
        device
    }

    pub async fn send(&self, to: DeviceId, mime: &str, body: serde_json::Value) {
        self.node.send(to, Envelope::new(mime, body.to_string())).await.unwrap();
    }

    /// The first event that `wanted` makes something of; the others before it are dropped.
    pub async fn wait<T>(&mut self, what: &str, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
        let waiting = async {
            loop {
                if let Some(found) = wanted(self.events.recv().await.unwrap()) {
                    return found;
                }
            }
        };
        within(what, waiting).await
    }

    /// The next message of a type.
    pub async fn told(&mut self, mime: &str) -> serde_json::Value {
        self.wait(mime, |event| match event {
            Event::Message { envelope, .. } if envelope.mime == mime => serde_json::from_slice(&envelope.body).ok(),
            _ => None,
        })
        .await
    }

    /// The next stream on which somebody wants to fetch.
    pub async fn asked(&mut self) -> GitStream {
        self.wait("the fetch", |event| match event {
            Event::GitRequest { stream, .. } => Some(stream),
            _ => None,
        })
        .await
    }
}
