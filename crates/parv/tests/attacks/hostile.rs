//! A hostile node: a member's device without an engine, which serves whatever it is given.

use crate::common::{DEADLINE, Person, TCP, within};
use crate::wire;
use parv::{CommitId, ConversationId, DeviceId};
use parv_net::{Envelope, GitStream, Node, NodeConfig, Policy};
use parv_proptests::Person as Puppet;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

/// Serves whoever asks.
struct Anybody;

impl Policy for Anybody {
    fn may_fetch(&self, _: &DeviceId, _: &ConversationId) -> bool {
        true
    }
}

pub struct Hostile {
    pub node: Node,
    events: mpsc::Receiver<parv_net::Event>,
}

impl Hostile {
    /// A node with somebody's device key.
    pub async fn start(puppet: &Puppet) -> Self {
        let mut config = NodeConfig::new(*puppet.device_key.seed());
        config.listen = vec![TCP.parse().unwrap()];
        let (node, events) = Node::start(config, Arc::new(Anybody)).await.unwrap();
        Self { node, events }
    }

    /// Connects to somebody and says hello as `puppet`, as an engine would.
    pub async fn meet(&self, puppet: &Puppet, person: &Person) -> DeviceId {
        let device = self.node.dial_address(person.address()).await.unwrap();
        let text = |pem: &[u8]| String::from_utf8(pem.to_vec()).unwrap();
        for answer in [false, true] {
            let (account, device_pem) = (&puppet.credentials.account, &puppet.credentials.device);
            let hello = serde_json::json!({
                "account": text(account.pem()), "device": text(device_pem.pem()), "answer": answer
            });
            self.send(device, "application/parv-hello", hello).await;
        }
        device
    }

    pub async fn send(&self, to: DeviceId, mime: &str, body: serde_json::Value) {
        self.node.send(to, Envelope::new(mime, body.to_string())).await.unwrap();
    }

    /// Serves the next fetch.
    pub async fn serve(&mut self, heads: &[CommitId], pack: Vec<u8>) {
        let (reader, writer) = self.asked().await.into_blocking(DEADLINE);
        let heads = heads.to_vec();
        // It may well fail: the other side hangs up when it has seen enough.
        let _ = spawn_blocking(move || wire::serve(reader, writer, &heads, &pack)).await.unwrap();
    }

    async fn asked(&mut self) -> GitStream {
        let asking = async {
            loop {
                if let parv_net::Event::GitRequest { stream, .. } = self.events.recv().await.unwrap() {
                    return stream;
                }
            }
        };
        within("the fetch", asking).await
    }
}
