//! A commit that is about to be written: its message, its tree, and the objects that come with it.
//!
//! A draft is made by the same code that judges, so what a device writes is what others will compute. It grants nothing:
//! the finished commit is admitted like anybody's.

use crate::event::{Act, Brought, Event};
use crate::kinds;
use crate::past::{Past, Standpoint};
use crate::resolve;
use crate::revocation::List;
use crate::source::{BlobSource, SourceError};
use crate::state::{Certificate, Device, Standing, State};
use crate::swarm::Replica;
use crate::tree::EMPTY_BLOB;
use parv_identity::certificate::Validity;
use parv_identity::{AccountCertificate, Crl, DeviceCertificate};
use parv_model::{BlobId, Commit, CommitId, DeviceId, DisplayName, Message, Mode, Role, TreeId, TreePath, Uri, object};
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
    /// What its tree shows; not needed when that is its parent's.
    state: Option<Arc<State>>,
    blobs: BTreeMap<BlobId, Vec<u8>>,
}

impl Draft {
    /// The first commit of a new conversation.
    pub fn initial(author: &Credentials, mode: Mode, invited: Option<Uri>) -> Result<Self, DraftError> {
        let before = kinds::initial_state(mode, invited);
        let mut draft = Self::empty(Vec::new(), Message::Initial { mode, invited });
        let brought = draft.bring_all(author, &before)?;
        let event = draft.event(author, brought, None, &Past::empty(), Arc::new(before))?;
        let state = resolve::alone(event);
        Ok(draft.show(state, &[]))
    }

    fn empty(parents: Vec<CommitId>, message: Message) -> Self {
        Self {
            parents,
            message,
            tree: TreeId::from_bytes([0; 20]),
            trees: Vec::new(),
            state: None,
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

    /// The certificates that the tree lacks or has in an older form: riders. The account's may be there already in a newer
    /// form than this device has, from another device; that stays.
    fn bring_missing(&mut self, author: &Credentials, before: &State) -> Result<Brought, DraftError> {
        let mut brought = Brought::default();
        let device = author.device.device();
        let id = object::blob_id(author.device.pem())?;
        if before.devices.get(&device).map(|known| known.certificate.blob) != Some(id) {
            brought.device = Some(self.device(author)?);
        }
        let known = before.account_certificate(&author.account.uri());
        if known.is_none_or(|known| known.validity.not_after < author.account.validity().not_after) {
            brought.account = Some(self.certificate(author.account.pem(), author.account.validity())?);
        }
        brought.list = self.list(author, before)?;
        Ok(brought)
    }

    /// What the commit does, as an event on this past, whose state is `before`.
    fn event(
        &self,
        author: &Credentials,
        brought: Brought,
        profile: Option<BlobId>,
        past: &Past<Uri>,
        before: Arc<State>,
    ) -> Result<Event, DraftError> {
        Ok(Event {
            // Neither is known before the commit is signed, and neither is in the tree.
            commit: CommitId::from_bytes([0; 20]),
            generation: 0,
            author: author.account.uri(),
            device: author.device.device(),
            serial: None,
            act: kinds::act(&self.message, &before, profile, &brought).ok_or(DraftError::Target)?,
            brought,
            past: past.events.clone(),
            known: past.control.clone(),
            before,
        })
    }

    /// Gives the draft the tree of `state`; those of `others` are there already.
    fn show(mut self, state: Arc<State>, others: &[&State]) -> Self {
        let rendered = state.render_since(others);
        self.tree = rendered.id;
        self.trees = rendered.trees;
        if state.has_empty_files() {
            self.blobs.insert(EMPTY_BLOB, Vec::new());
        }
        self.state = Some(state);
        self
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

    /// The bytes of its tree objects, but for those that its parents have.
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
        Ok(self.state.as_ref().and_then(|state| state.file(path)))
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
        let known = |parent: &CommitId| self.standpoint(parent).cloned().ok_or(DraftError::UnknownParent(*parent));
        let sides = parents.iter().map(known).collect::<Result<Vec<_>, _>>()?;
        let mut draft = Draft::empty(parents.to_vec(), message);
        match sides.as_slice() {
            [Standpoint { past, state: before, .. }] if draft.message != Message::Merge => {
                let author_uri = author.account.uri();
                if let Some(why) =
                    Role::bar(before.role(&author_uri)).filter(|_| !matches!(draft.message, Message::Join(_)))
                {
                    return Err(DraftError::Standing { author: author_uri, why });
                }
                if before.is_device_banned(&author.device.device()) {
                    return Err(DraftError::BannedDevice(author.device.device()));
                }
                let profile = profile.map(|bytes| draft.attach(bytes)).transpose()?;
                let brought = match draft.message {
                    Message::Join(_) => draft.bring_all(author, before)?,
                    Message::Leave(_) => Brought::default(),
                    _ => draft.bring_missing(author, before)?,
                };
                if kinds::act(&draft.message, before, profile, &brought) == Some(Act::Witness) {
                    draft.tree = before.tree();
                    return Ok(draft);
                }
                let event = draft.event(author, brought, profile, past, before.clone())?;
                let uninvited = event.act == Act::Join && !kinds::may_join(before, &author_uri);
                let state = if uninvited { uninvited_join(&event) } else { self.after(event, &past.events) };
                Ok(draft.show(state, &[before]))
            }
            [one, other] if draft.message == Message::Merge => {
                let state = self.resolve(&one.past.events.union(&other.past.events));
                Ok(draft.show(state, &[&one.state, &other.state]))
            }
            _ => Err(DraftError::Parents(parents.len())),
        }
    }
}

/// What somebody who may not join would have the tree be. Judges then say what they say to anybody who tries.
fn uninvited_join(event: &Event) -> Arc<State> {
    let mut state = (*event.before).clone();
    state.set_standing(event.author, event.brought.account.map(Standing::Member));
    if let Some((device, papers)) = event.brought.device {
        state.set_device(device, Some(papers));
    }
    Arc::new(state)
}
