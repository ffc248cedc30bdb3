//! Writing: from what somebody wants to say to commits that are stored.
//!
//! Messages that wait one behind the other are written together. Each is drafted on the state that the one before it leaves,
//! signed, and admitted like anybody's; then all of them are stored in one durable step. That every signature holds is seen
//! to meanwhile, for many at once and on other cores: it takes as long as all else together, and nothing is stored before.

use super::ledger::Ledger;
use crate::{Error, clock};
use parv_identity::sshsig::Proof;
use parv_model::limits::MAX_MESSAGE_BYTES;
use parv_model::{CommitId, Message, Role};
use parv_store::{NewCommit, StoreError};
use parv_validator::settled::Unreadable;
use parv_validator::{CheckedCommit, Signed};
use std::thread;

/// How many signatures are looked at together: enough to gain by it, few enough to begin while others are made.
const PROOFS: usize = 64;

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

/// Commits that were composed and are not stored yet.
struct Batch {
    composed: Vec<Composed>,
    /// The heads after them.
    heads: Vec<CommitId>,
    /// What was written for each wish: the message, and merges before or after it.
    written: Vec<Result<Vec<CheckedCommit>, Error>>,
}

impl Ledger {
    /// Writes commits on top of all heads and of each other, durably and with one sync of the disk; several heads are
    /// merged first. Gives for each wish all that was written for it: the message, and merges before or after it. Of one that
    /// is not allowed nothing is written, and the others go on without it.
    pub(crate) fn write(&mut self, wishes: &[Wish]) -> Vec<Result<Vec<CheckedCommit>, Error>> {
        self.write_readable(wishes).unwrap_or_else(|_| {
            self.mend();
            self.write_readable(wishes)
                .unwrap_or_else(|why| wishes.iter().map(|_| Err(StoreError::from(why.clone()).into())).collect())
        })
    }

    /// The same, unless what is kept of old commits cannot be read; then nothing is written.
    fn write_readable(&mut self, wishes: &[Wish]) -> Result<Vec<Result<Vec<CheckedCommit>, Error>>, Unreadable> {
        let start = self.replica.checkpoint();
        let batch = self.compose_and_prove(wishes);
        if let Err(why) = self.require_readable() {
            self.replica.rollback(start);
            return Err(why);
        }
        let Some(Batch { composed, heads, written }) = batch else {
            self.replica.rollback(start);
            return Ok(wishes.iter().map(|_| Err(Error::NotAllowed(BAD_PROOF.into()))).collect());
        };
        if composed.is_empty() {
            return Ok(written);
        }
        let new: Vec<NewCommit> = composed.iter().map(Composed::objects).collect();
        match (self.repository.write(&new, &self.heads, &heads), wishes) {
            (Ok(()), _) => {
                self.heads = heads;
                let commits: Vec<_> = composed.into_iter().map(|composed| composed.commit).collect();
                self.entered(&commits);
                Ok(written)
            }
            (Err(error), [_]) => {
                self.replica.rollback(start);
                Ok(vec![Err(error.into())])
            }
            // What cannot be stored together may be stored one by one, and everybody is told why theirs was not.
            (Err(_), _) => {
                self.replica.rollback(start);
                Ok(wishes.iter().flat_map(|wish| self.write(std::slice::from_ref(wish))).collect())
            }
        }
    }

    /// Composes a commit for each wish, one on the other, while other threads see whether the signatures hold. None when
    /// one does not.
    fn compose_and_prove(&mut self, wishes: &[Wish]) -> Option<Batch> {
        thread::scope(|scope| {
            let mut heads = self.heads.clone();
            let (mut composed, mut written) = (Vec::new(), Vec::with_capacity(wishes.len()));
            let (mut proofs, mut provers) = (Vec::new(), Vec::new());
            for wish in wishes {
                let mark = self.replica.checkpoint();
                written.push(match self.compose_all(&heads, wish) {
                    Ok((new, after)) => {
                        heads = after;
                        let commits = new.iter().map(|(new, _)| new.commit.clone()).collect();
                        for (new, proof) in new {
                            composed.push(new);
                            proofs.push(proof);
                        }
                        Ok(commits)
                    }
                    Err(error) => {
                        self.replica.rollback(mark);
                        Err(error)
                    }
                });
                if proofs.len() >= PROOFS {
                    let proofs = std::mem::take(&mut proofs);
                    provers.push(scope.spawn(move || Proof::all_hold(&proofs)));
                }
            }
            let last = Proof::all_hold(&proofs);
            let all = provers.into_iter().all(|prover| prover.join().is_ok_and(|hold| hold));
            (last && all).then_some(Batch { composed, heads, written })
        })
    }

    /// Composes a message on top of these heads, which are merged, before it if that can be, and gives the heads after it.
    fn compose_all(&mut self, heads: &[CommitId], wish: &Wish) -> Result<(Vec<Unproven>, Vec<CommitId>), Error> {
        let bytes = wish.message.encode().len();
        if bytes > MAX_MESSAGE_BYTES {
            return Err(Error::TooLong { bytes, limit: MAX_MESSAGE_BYTES });
        }
        let mut new: Vec<Unproven> = Vec::new();
        let (mut tip, mut after) = (heads[0], Vec::new());
        if let Message::Join(_) = wish.message {
            // Who is no member yet cannot merge.
            (tip, after) = self.where_to_join(heads);
        } else {
            let start = self.replica.checkpoint();
            if let Err(refused) = self.merge(&mut tip, &heads[1..], &mut new) {
                self.replica.rollback(start);
                return self.message_first(heads, wish).ok_or(refused);
            }
        }
        let last = self.compose(&[tip], wish.message.clone(), wish.profile.as_deref())?;
        after.push(last.0.commit.id());
        after.sort();
        new.push(last);
        Ok((new, after))
    }

    /// Merges heads into `tip`.
    fn merge(&mut self, tip: &mut CommitId, others: &[CommitId], new: &mut Vec<Unproven>) -> Result<(), Error> {
        for other in others {
            let merge = self.compose(&[*tip, *other], Message::Merge, None)?;
            *tip = merge.0.commit.id();
            new.push(merge);
        }
        Ok(())
    }

    /// The same the other way round: the message on the first head on which that is possible, and the merges on top of it.
    /// Certificates do not come with merges. So a device that the conversation does not know yet, or only by a certificate
    /// that has run out by now, brings its own with the message, and can merge then.
    fn message_first(&mut self, heads: &[CommitId], wish: &Wish) -> Option<(Vec<Unproven>, Vec<CommitId>)> {
        let start = self.replica.checkpoint();
        (0..heads.len()).find_map(|place| {
            let mut others = heads.to_vec();
            let message = self.compose(&[others.remove(place)], wish.message.clone(), wish.profile.as_deref());
            let merged = message.and_then(|message| {
                let mut tip = message.0.commit.id();
                let mut new = vec![message];
                self.merge(&mut tip, &others, &mut new)?;
                Ok((new, vec![tip]))
            });
            merged.inspect_err(|_| self.replica.rollback(start)).ok()
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
