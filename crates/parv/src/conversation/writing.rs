//! Writing: from what somebody wants to say to commits that are stored.
//!
//! Each message is drafted on the state that the one before it leaves, signed, and admitted like anybody's. A [`Share`] of them is
//! stored in one durable step. Before that, their signatures are seen to hold, all at once. [`pipeline`](super::pipeline) has
//! shares composed while those before them are stored.

use super::ledger::Ledger;
use crate::{Error, clock};
use parv_identity::sshsig::Proof;
use parv_model::limits::MAX_MESSAGE_BYTES;
use parv_model::{CommitId, Message, Role};
use parv_store::{NewCommit, Repository, StoreError};
use parv_validator::settled::Unreadable;
use parv_validator::{CheckedCommit, Checkpoint, Signed};

/// What is said when a signature of one's own does not hold.
pub(super) const BAD_PROOF: &str = "the device's own signature does not hold: its key or the machine is damaged";

/// What somebody wants to write: a message, with the conversation's new profile if it is about that.
pub(crate) struct Wish {
    pub(crate) message: Message,
    pub(crate) profile: Option<Vec<u8>>,
}

impl Wish {
    /// How much there is to write, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.message.encode().len() + self.profile.as_ref().map_or(0, Vec::len)
    }
}

/// A commit that was judged and is about to be stored, with what it brings.
struct Composed {
    commit: CheckedCommit,
    blobs: Vec<Vec<u8>>,
    trees: Vec<Vec<u8>>,
    bytes: Vec<u8>,
}

impl Composed {
    fn objects(&self) -> NewCommit<'_> {
        NewCommit { blobs: &self.blobs, trees: &self.trees, commit: &self.bytes }
    }
}

/// One whose signature was not looked at yet.
type Unproven = (Composed, Proof);

/// What became of some wishes.
pub(crate) struct Written<T> {
    /// The commits that were stored, merges included, parents first. They are part of the conversation.
    pub(crate) new: Vec<CheckedCommit>,
    /// For whoever had a wish: the message, or why there is none.
    pub(crate) answers: Vec<(T, Result<CommitId, Error>)>,
}

/// What was composed together and is to be stored together.
pub(super) struct Share {
    composed: Vec<Composed>,
    proofs: Vec<Proof>,
    /// What was there before it.
    start: Checkpoint,
    before: Vec<CommitId>,
    /// The heads after it.
    after: Vec<CommitId>,
    /// The message for each wish, or why there is none.
    written: Vec<Result<CommitId, Error>>,
    /// Whether all that is kept of old commits could be read; if not, none of it counts.
    readable: Result<(), Unreadable>,
}

impl Share {
    /// Stores it durably with one sync of the disk, if all signatures hold.
    pub(super) fn store(&self, repository: &Repository) -> Result<(), Error> {
        self.readable.clone().map_err(StoreError::from)?;
        if self.composed.is_empty() {
            return Ok(());
        }
        if !Proof::all_hold(&self.proofs) {
            return Err(Error::NotAllowed(BAD_PROOF.into()));
        }
        let new: Vec<NewCommit> = self.composed.iter().map(Composed::objects).collect();
        Ok(repository.write(&new, &self.before, &self.after)?)
    }
}

impl Ledger {
    /// A share was stored: brings heads and log to it. `who` had the wishes.
    pub(super) fn enter<T>(&mut self, share: Share, who: impl IntoIterator<Item = T>) -> Written<T> {
        let new: Vec<_> = share.composed.into_iter().map(|composed| composed.commit).collect();
        self.heads = share.after;
        if !new.is_empty() {
            self.entered(&new);
        }
        Written { new, answers: who.into_iter().zip(share.written).collect() }
    }

    /// A share could not be stored: forgets it, and all that was composed since.
    pub(super) fn discard(&mut self, share: &Share) {
        self.replica.rollback(share.start);
    }

    /// Composes a commit for each wish, one on the other, on top of these heads, which it moves. Several heads are merged first.
    /// Of a wish that is not allowed nothing is written, and the others go on without it.
    pub(super) fn compose_share<'a>(
        &mut self,
        heads: &mut Vec<CommitId>,
        wishes: impl IntoIterator<Item = &'a Wish>,
    ) -> Share {
        let (start, before) = (self.replica.checkpoint(), heads.clone());
        let (mut composed, mut proofs, mut written) = (Vec::new(), Vec::new(), Vec::new());
        for wish in wishes {
            let mark = self.replica.checkpoint();
            written.push(match self.compose_all(heads, wish) {
                Ok((new, after)) => {
                    *heads = after;
                    let message = new.last().map(|(last, _)| last.commit.id()).ok_or(Error::Closed);
                    for (new, proof) in new {
                        composed.push(new);
                        proofs.push(proof);
                    }
                    message
                }
                Err(error) => {
                    self.replica.rollback(mark);
                    Err(error)
                }
            });
        }
        Share { composed, proofs, start, before, after: heads.clone(), written, readable: self.require_readable() }
    }

    /// Composes a message on top of these heads, and gives the heads after it.
    fn compose_all(&mut self, heads: &[CommitId], wish: &Wish) -> Result<(Vec<Unproven>, Vec<CommitId>), Error> {
        let bytes = wish.message.encode().len();
        if bytes > MAX_MESSAGE_BYTES {
            return Err(Error::TooLong { bytes, limit: MAX_MESSAGE_BYTES });
        }
        let (new, mut after) = if let Message::Join(_) = wish.message {
            // Who is no member yet cannot merge.
            let (head, others) = self.where_to_join(heads);
            (self.compose_on(&[head], wish, Vec::new())?, others)
        } else {
            let start = self.replica.checkpoint();
            let new = self.compose_on(heads, wish, Vec::new()).or_else(|refused| {
                self.replica.rollback(start);
                self.certificates_first(heads, wish).ok_or(refused)
            });
            (new?, Vec::new())
        };
        after.extend(new.last().map(|(last, _)| last.commit.id()));
        after.sort();
        Ok((new, after))
    }

    /// Merges heads, and composes a message on top of that, after what is `new` already.
    fn compose_on(&mut self, heads: &[CommitId], wish: &Wish, mut new: Vec<Unproven>) -> Result<Vec<Unproven>, Error> {
        let mut tip = heads[0];
        for other in &heads[1..] {
            let merge = self.compose(&[tip, *other], Message::Merge, None)?;
            tip = merge.0.commit.id();
            new.push(merge);
        }
        new.push(self.compose(&[tip], wish.message.clone(), wish.profile.as_deref())?);
        Ok(new)
    }

    /// The same after a text without words, which brings this device's certificates, on the first head on which that helps.
    /// Neither a merge nor a leave can bring any, so a device that the conversation does not know yet, or only by a
    /// certificate that has run out by now, could do neither.
    fn certificates_first(&mut self, heads: &[CommitId], wish: &Wish) -> Option<Vec<Unproven>> {
        let start = self.replica.checkpoint();
        (0..heads.len()).find_map(|place| {
            let mut heads = heads.to_vec();
            heads.swap(0, place);
            let carrier = self.compose(&heads[..1], Message::Text { body: String::new() }, None).ok();
            let new = carrier.filter(|(carrier, _)| !carrier.trees.is_empty()).and_then(|carrier| {
                heads[0] = carrier.0.commit.id();
                self.compose_on(&heads, wish, vec![carrier]).ok()
            });
            if new.is_none() {
                self.replica.rollback(start);
            }
            new
        })
    }

    /// The head on which the own account can join, and the others.
    fn where_to_join(&mut self, heads: &[CommitId]) -> (CommitId, Vec<CommitId>) {
        let own = self.author.uri();
        let mut others = heads.to_vec();
        let invited = others.iter().position(|head| self.replica.state(&[*head]).role(&own) == Some(Role::Invited));
        (others.remove(invited.unwrap_or(0)), others)
    }

    /// Makes one commit and judges it like anybody's. Nothing is stored yet.
    fn compose(&mut self, parents: &[CommitId], message: Message, profile: Option<&[u8]>) -> Result<Unproven, Error> {
        let not_allowed = |why: String| Error::NotAllowed(why);
        let draft = self
            .replica
            .draft(parents, &self.author.credentials, message, profile)
            .map_err(|error| not_allowed(error.to_string()))?;
        let newest =
            parents.iter().filter_map(|parent| self.replica.display_key(parent)).map(|(_, time, _)| time).max();
        let time = clock::now().max(newest.unwrap_or_default());
        let signed = self.author.sign(&draft, time).map_err(|refusal| not_allowed(refusal.why))?;
        let Signed { commit, bytes, proof } = signed;
        self.replica.admit(&commit, &draft).map_err(|refusal| not_allowed(refusal.why))?;
        let (blobs, trees) = (draft.blobs().map(<[u8]>::to_vec).collect(), draft.trees().to_vec());
        Ok((Composed { commit, blobs, trees, bytes }, proof))
    }
}
