//! A hostile node: a member's device without an engine, which serves whatever it is given.

use crate::bare::BareNode;
use crate::common::{DEADLINE, Person};
use crate::wire;
use parv::{CommitId, DeviceId};
use parv_proptests::Person as Puppet;
use tokio::task::spawn_blocking;

pub struct Hostile {
    pub bare: BareNode,
}

impl Hostile {
    /// A node with somebody's device key.
    pub async fn start(puppet: &Puppet) -> Self {
        Self { bare: BareNode::start(&puppet.device_key).await }
    }

    /// Connects to somebody and says hello as `puppet`.
    pub async fn meet(&self, puppet: &Puppet, person: &Person) -> DeviceId {
        self.bare.meet(&puppet.credentials.account, &puppet.credentials.device, person).await
    }

    /// Serves the next fetch.
    pub async fn serve(&mut self, heads: &[CommitId], pack: Vec<u8>) {
        let (reader, writer) = self.bare.asked().await.into_blocking(DEADLINE);
        let heads = heads.to_vec();
        // It may well fail: the other side hangs up when it has seen enough.
        let _ = spawn_blocking(move || wire::serve(reader, writer, &heads, &pack)).await.unwrap();
    }
}
