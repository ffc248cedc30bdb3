//! A commit that is about to be written: its message, its tree, and the objects that come with it.
//!
//! A draft is made by the same code that judges, so what a device writes is what others will compute. It grants nothing:
//! the finished commit is admitted like anybody's.

use crate::authority;
use crate::event::{Act, Brought, Event};
use crate::kinds;
use crate::replica::Replica;
use crate::resolve::apply;
use crate::revocation::List;
use crate::source::{BlobSource, SourceError};
use crate::state::{Certificate, Device, State};
use parv_identity::certificate::Validity;
use parv_identity::{AccountCertificate, Crl, DeviceCertificate};
use parv_model::{BlobId, Commit, CommitId, DeviceId, DisplayName, Message, Mode, TreeId, TreePath, Uri, object};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The certificates by which an author is known.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The account's.
    pub account: AccountCertificate,
    /// The writing device's.
    pub device: DeviceCertificate,
    /// The account's latest revocation list, if it has one.
    pub crl: Option<Crl>,
}

/// Why a commit cannot even be drafted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// A parent is not known here.
    #[error("commit {0} is not known here")]
    UnknownParent(CommitId),
    /// The author may not write there.
    #[error("its author {author} {why}")]
    Standing {
        /// Who it is.
        author: Uri,
        /// What keeps them from it.
        why: &'static str,
    },
    /// The author's device may not write there, whatever the author may.
    #[error("its device {0} is banned")]
    BannedDevice(DeviceId),
    /// One parent for ordinary commits, two for merges.
    #[error("a commit of this kind does not have {0} parents")]
    Parents(usize),
    /// The message is about somebody who is not in the conversation, or misses its file.
    #[error("the message is about somebody or something that is not in the conversation")]
    Target,
    /// A file carries a SHA-1 collision attack.
    #[error(transparent)]
    Collision(#[from] object::CollisionAttack),
}

/// A commit that is about to be written, with the objects that come with it; see [`Replica::draft`].
#[derive(Debug, Clone)]
pub struct Draft {
    parents: Vec<CommitId>,
    message: Message,
    tree: TreeId,
    trees: Vec<Vec<u8>>,
    files: BTreeMap<TreePath, BlobId>,
    blobs: BTreeMap<BlobId, Vec<u8>>,
}

impl Draft {
    /// The first commit of a new conversation.
    pub fn initial(author: &Credentials, mode: Mode, invited: Option<Uri>) -> Result<Self, DraftError> {
        let before = kinds::initial_state(mode, invited);
        let mut draft = Self::empty(Vec::new(), Message::Initial { mode, invited });
        let brought = draft.bring_all(author, &before)?;
        draft.finish(before, author, brought, None)
    }

    fn empty(parents: Vec<CommitId>, message: Message) -> Self {
        Self {
            parents,
            message,
            tree: TreeId::from_bytes([0; 20]),
            trees: Vec::new(),
            files: BTreeMap::new(),
            blobs: BTreeMap::new(),
        }
    }

    /// Takes a file in.
    fn attach(&mut self, bytes: &[u8]) -> Result<BlobId, DraftError> {
        let id = object::blob_id(bytes)?;
        self.blobs.insert(id, bytes.to_vec());
        Ok(id)
    }

    fn certificate(&mut self, pem: &[u8], validity: Validity) -> Result<Certificate, DraftError> {
        Ok(Certificate { blob: self.attach(pem)?, validity })
    }

    fn device(&mut self, author: &Credentials) -> Result<(DeviceId, Device), DraftError> {
        let certificate = self.certificate(author.device.pem(), author.device.validity())?;
        let serial = *author.device.serial();
        Ok((author.device.device(), Device { account: author.account.uri(), certificate, serial }))
    }

    /// The author's revocation list, if it is newer than what the conversation knows.
    fn list(&mut self, author: &Credentials, before: &State) -> Result<Option<Arc<List>>, DraftError> {
        let known = before.revocations.get(&author.account.uri());
        let Some(crl) = author.crl.as_ref().filter(|crl| known.is_none_or(|known| crl.number() > known.number)) else {
            return Ok(None);
        };
        let revoked = Arc::new(crl.revoked().clone());
        Ok(Some(Arc::new(List { blob: self.attach(crl.pem())?, number: crl.number(), revoked })))
    }

    /// Both certificates, as a newcomer brings them.
    fn bring_all(&mut self, author: &Credentials, before: &State) -> Result<Brought, DraftError> {
        Ok(Brought {
            account: Some(self.certificate(author.account.pem(), author.account.validity())?),
            device: Some(self.device(author)?),
            list: self.list(author, before)?,
        })
    }

    /// The certificates that the tree lacks or has in an older form: riders.
    fn bring_missing(&mut self, author: &Credentials, before: &State) -> Result<Brought, DraftError> {
        let mut brought = Brought::default();
        let device = author.device.device();
        let id = object::blob_id(author.device.pem())?;
        if before.devices.get(&device).map(|known| known.certificate.blob) != Some(id) {
            brought.device = Some(self.device(author)?);
        }
        let id = object::blob_id(author.account.pem())?;
        if before.account_certificate(&author.account.uri()).map(|known| known.blob) != Some(id) {
            brought.account = Some(self.certificate(author.account.pem(), author.account.validity())?);
        }
        brought.list = self.list(author, before)?;
        Ok(brought)
    }

    fn finish(
        mut self,
        before: State,
        author: &Credentials,
        brought: Brought,
        profile: Option<BlobId>,
    ) -> Result<Self, DraftError> {
        let act = kinds::act(&self.message, &before, profile).ok_or(DraftError::Target)?;
        let event = Event {
            // Neither is known before the commit is signed, and neither is in the tree.
            commit: CommitId::from_bytes([0; 20]),
            generation: 0,
            author: author.account.uri(),
            device: author.device.device(),
            serial: None,
            act,
            brought,
            past: Default::default(),
            known: Default::default(),
            before: Arc::new(before),
        };
        self.show(&apply::after(&event));
        Ok(self)
    }

    fn show(&mut self, state: &State) {
        let rendered = state.render();
        self.tree = rendered.id;
        self.trees = rendered.trees;
        self.files = state.files();
        if self.files.values().any(|blob| *blob == crate::render::empty_blob()) {
            self.blobs.insert(crate::render::empty_blob(), Vec::new());
        }
    }

    /// The tree.
    pub fn tree(&self) -> TreeId {
        self.tree
    }

    /// The parents.
    pub fn parents(&self) -> &[CommitId] {
        &self.parents
    }

    /// What it says.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// The contents of the files that it may bring for the first time.
    pub fn blobs(&self) -> impl Iterator<Item = &[u8]> {
        self.blobs.values().map(Vec::as_slice)
    }

    /// The bytes of its tree objects; none when its tree is its parent's.
    pub fn trees(&self) -> &[Vec<u8>] {
        &self.trees
    }

    /// The commit to sign. `time` is in seconds since 1970.
    pub fn commit(&self, author: DisplayName, device: DeviceId, time: i64) -> Commit {
        Commit { tree: self.tree, parents: self.parents.clone(), author, device, time, message: self.message.encode() }
    }
}

impl BlobSource for Draft {
    fn entry(&self, tree: &TreeId, path: &TreePath) -> Result<Option<BlobId>, SourceError> {
        if *tree != self.tree {
            return Err(SourceError::Missing(tree.to_string()));
        }
        Ok(self.files.get(path).copied())
    }

    fn blob(&self, id: &BlobId, limit: usize) -> Result<Vec<u8>, SourceError> {
        let bytes = self.blobs.get(id).ok_or_else(|| SourceError::Missing(id.to_string()))?;
        if bytes.len() > limit {
            return Err(SourceError::TooLarge { id: id.to_string(), size: bytes.len() as u64, limit });
        }
        Ok(bytes.clone())
    }
}

impl Replica {
    /// Drafts a commit on these parents: one for an ordinary commit, two for a merge. Certificates of the author that
    /// the tree lacks ride along. `profile` is the new `profile.vcf`, for [`Message::UpdateProfile`].
    pub fn draft(
        &mut self,
        parents: &[CommitId],
        author: &Credentials,
        message: Message,
        profile: Option<&[u8]>,
    ) -> Result<Draft, DraftError> {
        if let Some(unknown) = parents.iter().find(|parent| !self.knows(parent)) {
            return Err(DraftError::UnknownParent(*unknown));
        }
        let mut draft = Draft::empty(parents.to_vec(), message);
        match *parents {
            [parent] if draft.message != Message::Merge => {
                let before = self.record(&parent).state.clone();
                let author_uri = author.account.uri();
                if let Some(why) =
                    authority::bar(&before, &author_uri).filter(|_| !matches!(draft.message, Message::Join(_)))
                {
                    return Err(DraftError::Standing { author: author_uri, why });
                }
                if before.is_device_banned(&author.device.device()) {
                    return Err(DraftError::BannedDevice(author.device.device()));
                }
                let profile = profile.map(|bytes| draft.attach(bytes)).transpose()?;
                let brought = match draft.message {
                    Message::Join(_) => draft.bring_all(author, &before)?,
                    Message::Leave(_) => Brought::default(),
                    _ => draft.bring_missing(author, &before)?,
                };
                if kinds::act(&draft.message, &before, profile) == Some(Act::Witness) && brought == Brought::default() {
                    draft.tree = before.tree();
                    return Ok(draft);
                }
                draft.finish((*before).clone(), author, brought, profile)
            }
            [one, other] if draft.message == Message::Merge => {
                let (_, state) = self.union(&one, &other);
                draft.show(&state);
                Ok(draft)
            }
            _ => Err(DraftError::Parents(parents.len())),
        }
    }
}
