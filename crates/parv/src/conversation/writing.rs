//! Writing: from what somebody wants to say to commits that are stored.
//!
//! Messages that wait one behind the other are written in shares. Each is drafted on the state that the one before it leaves,
//! signed, and admitted like anybody's; then its share is stored in one durable step. Before that, the signatures of the share
//! are seen to hold, all at once. While one share is checked and stored, which is mostly waiting for the disk, the next is
//! composed on top of it. Nothing is known to anybody before it is stored.

use super::ledger::Ledger;
use crate::{Error, clock};
use parv_identity::sshsig::Proof;
use parv_model::limits::MAX_MESSAGE_BYTES;
use parv_model::{CommitId, Message, Role};
use parv_store::{NewCommit, Repository, StoreError};
use parv_validator::settled::Unreadable;
use parv_validator::{CheckedCommit, Checkpoint, Signed};
use std::sync::mpsc;
use std::thread;

/// How many messages are stored together: enough to make up for a sync of the disk, few enough to store some while others
/// are composed.
const SHARE: usize = 128;

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

/// A share of what is to be written: composed, but not stored yet.
struct Batch {
    composed: Vec<Composed>,
    proofs: Vec<Proof>,
    /// What was there before it.
    start: Checkpoint,
    before: Vec<CommitId>,
    /// The heads after it.
    after: Vec<CommitId>,
    /// What is written for each wish: merges, and the message last.
    written: Vec<Result<Vec<CheckedCommit>, Error>>,
    /// Whether all that is kept of old commits could be read; if not, none of it counts.
    readable: Result<(), Unreadable>,
}

impl Batch {
    /// Stores it durably with one sync of the disk, if all signatures hold.
    fn store(&self, repository: &Repository) -> Result<(), Error> {
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

/// Stores shares until one cannot be stored: those that were, and why the next was not, with where it began.
fn store_all(
    batches: impl IntoIterator<Item = Batch>,
    repository: &Repository,
) -> (Vec<Batch>, Option<(Checkpoint, Error)>) {
    let mut stored = Vec::new();
    for batch in batches {
        match batch.store(repository) {
            Ok(()) => stored.push(batch),
            Err(error) => return (stored, Some((batch.start, error))),
        }
    }
    (stored, None)
}

impl Ledger {
    /// Writes commits on top of all heads and of each other, durably; several heads are merged first. Gives for each wish all
    /// that was written for it, the message last. Of one that is not allowed nothing is written, and the others go on without
    /// it.
    pub(crate) fn write(&mut self, wishes: &[Wish]) -> Vec<Result<Vec<CheckedCommit>, Error>> {
        self.write_or_mend(wishes, true)
    }

    /// The same; `mend` says whether to gather the books anew when they cannot be read.
    fn write_or_mend(&mut self, wishes: &[Wish], mend: bool) -> Vec<Result<Vec<CheckedCommit>, Error>> {
        let (stored, failed) = self.compose_and_store(wishes);
        let (mut commits, mut written) = (Vec::new(), Vec::with_capacity(wishes.len()));
        for batch in stored {
            self.heads = batch.after;
            commits.extend(batch.composed.into_iter().map(|composed| composed.commit));
            written.extend(batch.written);
        }
        if !commits.is_empty() {
            self.entered(&commits);
        }
        let rest = &wishes[written.len()..];
        match (failed, rest) {
            (None, _) => {}
            (Some(Error::Store(StoreError::Index(_))), rest) if mend => {
                self.mend();
                written.extend(self.write_or_mend(rest, false));
            }
            (Some(error), [_]) => written.push(Err(error)),
            // What cannot be stored together may be stored one by one, and everybody is told why theirs was not.
            (Some(_), rest) => {
                written.extend(rest.iter().flat_map(|wish| self.write_or_mend(std::slice::from_ref(wish), false)));
            }
        }
        written
    }

    /// Composes the shares one after the other, and stores each while the next is composed. Gives what was stored, and why
    /// the next one was not; of that and what comes after it nothing is left.
    fn compose_and_store(&mut self, wishes: &[Wish]) -> (Vec<Batch>, Option<Error>) {
        let repository = self.repository.clone();
        let mut heads = self.heads.clone();
        let mut batches = wishes.chunks(SHARE).map(|share| self.compose_share(&mut heads, share));
        let (stored, failed) = match wishes.len() {
            ..=SHARE => store_all(batches, &repository),
            _ => thread::scope(|scope| {
                let (composed, waiting) = mpsc::sync_channel(1);
                let storing = scope.spawn(|| store_all(waiting, &repository));
                // Until nobody waits for more, because one could not be stored.
                let _ = batches.all(|batch| composed.send(batch).is_ok());
                drop(composed);
                storing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }),
        };
        let failed = failed.map(|(start, error)| {
            self.replica.rollback(start);
            error
        });
        (stored, failed)
    }

    /// Composes a commit for each wish, one on the other, on top of these heads, which it moves.
    fn compose_share(&mut self, heads: &mut Vec<CommitId>, wishes: &[Wish]) -> Batch {
        let (start, before) = (self.replica.checkpoint(), heads.clone());
        let (mut composed, mut proofs, mut written) = (Vec::new(), Vec::new(), Vec::with_capacity(wishes.len()));
        for wish in wishes {
            let mark = self.replica.checkpoint();
            written.push(match self.compose_all(heads, wish) {
                Ok((new, after)) => {
                    *heads = after;
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
        }
        Batch { composed, proofs, start, before, after: heads.clone(), written, readable: self.require_readable() }
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
