//! Those who do not keep the rules: a device that is driven by hand, without an engine that would hold it back.
//!
//! Everything about it is real: the device's own key, a real node, a repository with whatever was put into it, and a
//! service that hands out all of it. The only thing that is missing is honesty.

use super::broken::Broken;
use super::stage::Who;
use super::stock_git::StockGit;
use parv::{CommitId, ConversationId, DeviceId, Message, Multiaddr, TreeId};
use parv_identity::folder::IdentityFolder;
use parv_identity::{Identity, sshsig};
use parv_model::{Commit, DisplayName};
use parv_net::{Envelope, Event, NetError, Node, NodeConfig, Policy};
use parv_store::{NewCommit, Repository, ServeLimits, upload_pack};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// A device in the wrong hands.
pub struct Hostile {
    identity: Identity,
    node: Node,
    repository: Repository,
    service: JoinHandle<()>,
}

/// Gives everything to everybody.
struct Careless;

impl Policy for Careless {
    fn may_fetch(&self, _: &DeviceId, _: &ConversationId) -> bool {
        true
    }
}

impl Hostile {
    /// Takes the device of the account in that folder, and a copy of a repository to serve.
    pub async fn take(account_folder: &Path, repository: &Path) -> Result<Self, Broken> {
        let (_, identity) = IdentityFolder::open(&account_folder.join("identity"))?;
        let config = NodeConfig::new(*identity.device_key.seed());
        let (node, mut events) = Node::start(config, Arc::new(Careless)).await?;
        let repository = Repository::open(repository)?;
        let served = repository.clone();
        let service = tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if let Event::GitRequest { stream, .. } = event {
                    serve(served.clone(), stream);
                }
            }
        });
        Ok(Self { identity, node, repository, service })
    }

    /// Tries to fetch a conversation from somebody.
    pub async fn fetch(&self, victim: Multiaddr, conversation: &ConversationId) -> Result<(), NetError> {
        let device = self.node.dial_address(victim).await?;
        self.node.open_git(device, conversation).await.map(drop)
    }

    /// Introduces itself to somebody with the device's genuine papers, and says that there is a new commit to be had.
    pub async fn offer(
        &self,
        victim: Multiaddr,
        conversation: &ConversationId,
        commit: CommitId,
    ) -> Result<(), Broken> {
        let victim = self.node.dial_address(victim).await?;
        let hello = serde_json::json!({
            "account": str::from_utf8(self.identity.account_certificate.pem())?,
            "device": str::from_utf8(self.identity.device_certificate.pem())?,
            "answer": true,
        });
        self.node.send(victim, Envelope::new("application/parv-hello", hello.to_string())).await?;
        let notice = serde_json::json!({
            "id": conversation, "commit": commit, "deviceId": self.identity.device_id(),
        });
        Ok(self.node.send(victim, Envelope::new("application/im-gitmessage-id", notice.to_string())).await?)
    }

    /// Writes a text, properly signed by this device, whose tree carries one file more than the rules allow.
    pub fn smuggle(&self, git: &StockGit, author: Who, file: &str, time: i64) -> Result<CommitId, Broken> {
        let folder = self.repository.path();
        let heads = self.repository.heads()?;
        let head = *heads.first().ok_or_else(|| Broken::because("the repository has no head"))?;
        let blob = git.feed(folder, &["hash-object", "-w", "--stdin"], b"nobody would notice")?;
        let listing = git.feed(folder, &["ls-tree", &head.to_string()], b"")?;
        let listing = format!("{listing}100644 blob {}\t{file}\n", blob.trim());
        let tree: TreeId = git.feed(folder, &["mktree"], listing.as_bytes())?.trim().parse()?;
        let commit = Commit {
            tree,
            parents: vec![head],
            author: DisplayName::sanitise(author.name()),
            device: self.identity.device_id(),
            time,
            message: Message::Text { body: "just a harmless message".into() }.encode(),
        };
        let armour = sshsig::sign(&self.identity.device_key, &commit.payload());
        let bytes = commit.encode(&armour);
        let id = self.repository.append(&NewCommit { blobs: &[], trees: &[], commit: &bytes })?;
        self.repository.set_heads(&heads, &[id])?;
        Ok(id)
    }

    /// Gives the device back.
    pub async fn release(self) {
        self.node.shutdown().await;
        self.service.abort();
    }
}

fn serve(repository: Repository, stream: parv_net::GitStream) {
    let (reader, mut writer) = stream.into_blocking(Duration::from_secs(10));
    tokio::task::spawn_blocking(move || {
        let served = upload_pack::serve(&repository, reader, &mut writer, &ServeLimits::default());
        if let Err(error) = served
            .map(|_| ())
            .map_err(|error| error.to_string())
            .and_then(|()| writer.finish().map_err(|error| error.to_string()))
        {
            tracing::debug!("the hostile node could not serve: {error}");
        }
    });
}
