//! A member's device in the test's hands.
#![allow(dead_code, reason = "every test file uses another part")]

use crate::bare::BareNode;
use crate::common::{DEADLINE, Person, bring_in};
use parv::{CommitId, ConversationId, DeviceId, Mode};
use parv_identity::{Identity, IdentityFolder, sshsig};
use parv_model::{Commit, DisplayName, Message, TreeId};
use parv_net::GitStream;
use parv_store::{NewCommit, Repository, ServeLimits, upload_pack};
use std::io::Write;
use tokio::task::spawn_blocking;

/// A device without an engine: a bare node with the keys of somebody who has joined.
pub struct Mallory {
    pub identity: Identity,
    pub bare: BareNode,
    pub repository: Repository,
    pub id: ConversationId,
    _home: tempfile::TempDir,
}

impl Mallory {
    /// Takes over a person's device.
    pub async fn take_over(person: Person, id: ConversationId) -> Self {
        let Person { home, engine, .. } = person;
        let folder = engine.folder().to_owned();
        engine.shutdown().await;
        let (_, identity) = IdentityFolder::open(&folder.join("identity")).unwrap();
        let repository = Repository::open(folder.join("conversations").join(id.to_string())).unwrap();
        let bare = BareNode::start(&identity.device_key).await;
        Self { identity, bare, repository, id, _home: home }
    }

    /// Connects to somebody and says hello, as an engine would.
    pub async fn meet(&self, person: &Person) -> DeviceId {
        self.bare.meet(&self.identity.account_certificate, &self.identity.device_certificate, person).await
    }

    /// Says that it has a commit.
    pub async fn lure(&self, to: DeviceId, commit: CommitId) {
        let notice = serde_json::json!({ "id": self.id, "commit": commit, "deviceId": self.identity.device_id() });
        self.bare.send(to, "application/im-gitmessage-id", notice).await;
    }

    /// Serves the repository, through something that may spoil what goes out.
    pub async fn serve(&mut self, spoil: impl FnOnce(Box<dyn Write + Send>) -> Box<dyn Write + Send> + Send + 'static) {
        let stream = self.bare.asked().await;
        self.serve_on(stream, spoil).await;
    }

    /// The same, to who asks on this stream.
    pub async fn serve_on(
        &self,
        stream: GitStream,
        spoil: impl FnOnce(Box<dyn Write + Send>) -> Box<dyn Write + Send> + Send + 'static,
    ) {
        let (reader, writer) = stream.into_blocking(DEADLINE);
        let repository = self.repository.clone();
        spawn_blocking(move || {
            let writer = spoil(Box::new(writer));
            // It may well fail, being spoilt.
            let _ = upload_pack::serve(&repository, reader, writer, &ServeLimits::default());
        })
        .await
        .unwrap();
    }

    /// Writes a really signed text on top of its head, with whatever tree, and makes it the head.
    pub fn write(&self, trees: &[Vec<u8>], blobs: &[Vec<u8>], tree: Option<TreeId>, text: &str) -> CommitId {
        self.write_late(trees, blobs, tree, text, 0)
    }

    /// The same, dated so many seconds after what it builds on.
    pub fn write_late(
        &self,
        trees: &[Vec<u8>],
        blobs: &[Vec<u8>],
        tree: Option<TreeId>,
        text: &str,
        late: i64,
    ) -> CommitId {
        let head = self.repository.heads().unwrap();
        let (parent, _) = Commit::decode(&self.repository.commit(&head[0]).unwrap().unwrap()).unwrap();
        let commit = Commit {
            tree: tree.unwrap_or(parent.tree),
            parents: vec![head[0]],
            author: DisplayName::sanitise("Mallory"),
            device: self.identity.device_id(),
            time: parent.time + late,
            message: Message::Text { body: text.into() }.encode(),
        };
        let bytes = commit.encode(&sshsig::sign(&self.identity.device_key, &commit.payload()));
        let id = self.repository.append(&NewCommit { blobs, trees, commit: &bytes }).unwrap();
        self.repository.set_heads(&head, &[id]).unwrap();
        id
    }
}

/// Ann, and Mallory's device, which has joined Ann's conversation.
pub async fn ann_and_mallory() -> (Person, Mallory, ConversationId, DeviceId) {
    let (mut ann, mut guest) = (Person::new("Ann").await, Person::new("Mallory").await);
    guest.connect(&ann).await;
    let id = ann.engine.create(Mode::InvitesOnly, None).await.unwrap().id();
    bring_in(&mut ann, &mut guest, &id).await;
    let mallory = Mallory::take_over(guest, id).await;
    let device = mallory.meet(&ann).await;
    ann.events = ann.engine.events(); // what the shutdown broke off is not of interest
    (ann, mallory, id, device)
}
