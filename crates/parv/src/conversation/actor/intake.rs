//! What becomes of a fetch that has ended, and of a fork that is let in.

use super::{Actor, events};
use crate::Error;
use crate::conversation::fetch::{FetchFailure, Fetched};
use crate::conversation::ledger::{IntakeError, Owed};
use crate::conversation::room::View;
use crate::conversation::schedule::Errand;
use crate::engine::refusal;
use crate::event::Event;
use parv_model::{CommitId, DeviceId, Message, Refusal};
use parv_net::Acceptance;

impl Actor {
    /// A fetch has ended. The error is that the ledger was lost.
    pub(super) async fn fetched(
        &mut self,
        device: DeviceId,
        outcome: Result<Option<Fetched>, FetchFailure>,
    ) -> Result<(), Error> {
        let (mut errand, next) = self.schedule.ended(&device);
        let helped = match outcome {
            Ok(None) => true,
            Ok(Some(fetched)) => {
                errand.commits.extend(fetched.quarantine.heads());
                self.awareness.note(device, fetched.quarantine.heads());
                self.take_in(device, fetched, &errand).await?
            }
            Err(FetchFailure::Refused(refusal)) => {
                self.refused(device, refusal, &errand);
                false
            }
            Err(failure) => {
                self.failed(device, &failure);
                false
            }
        };
        self.settle(errand, helped).await;
        if let Some(next) = next {
            // What was heard meanwhile may have come along.
            let here = |commit| self.ledger.as_ref().is_some_and(|ledger| ledger.knows(commit));
            if next.unread || !next.commits.iter().all(here) {
                self.ask(device, next);
            } else {
                self.settle(next, true).await;
            }
        }
        self.start_fetches();
        Ok(())
    }

    /// Judges and stores what was fetched; true if it is here now. The error is that the ledger was lost.
    async fn take_in(&mut self, device: DeviceId, fetched: Fetched, errand: &Errand) -> Result<bool, Error> {
        let before = self.view.borrow().clone();
        let taken = self.with_ledger(move |ledger| {
            let new = ledger.take_in(device, fetched)?;
            let view = View::of(ledger, Some(&before));
            let owed = ledger.owed(Some(&before.state));
            Ok((events(ledger, &new, &view), view, owed))
        });
        let (events, view, owed) = match taken.await? {
            Ok(taken) => taken,
            Err(IntakeError::Refused(refusal)) => {
                self.refused(device, refusal, errand);
                return Ok(false);
            }
            Err(IntakeError::Store(error)) => {
                self.failed(device, &error);
                return Ok(false);
            }
        };
        let old = self.view.borrow().clone();
        if old.state.tree() != view.state.tree() {
            self.schedule.forgive();
        }
        // Heads that are neither the device's nor announced before came to light: others have to hear of them too.
        let revealed = view.heads.iter().any(|head| !errand.commits.contains(head) && !old.heads.contains(head));
        let changed = view.heads != old.heads;
        self.publish(view, events);
        if revealed || errand.direct && changed {
            self.announce();
        }
        self.make_good(owed).await?;
        Ok(true)
    }

    /// Writes what this device owes the conversation. The error is that the ledger was lost.
    pub(super) async fn make_good(&mut self, owed: Owed) -> Result<(), Error> {
        for (kind, target) in owed.resolutions {
            if let Err(error) = self.write(Message::Resolve(kind, target)).await? {
                tracing::debug!(conversation = %self.id, "a vote that a merge decided is resolved otherwise: {error}");
            }
        }
        for (kind, target) in owed.votes {
            if let Err(error) = self.moderate(kind, target).await? {
                tracing::debug!(conversation = %self.id, "a vote that came to nothing is not cast again: {error}");
            }
        }
        Ok(())
    }

    /// Lets a held fork in and tells of it. The outer error is that the ledger was lost.
    pub(super) async fn let_in(&mut self, head: CommitId) -> Result<Result<(), Error>, Error> {
        let before = self.view.borrow().clone();
        let done = self.with_ledger(move |ledger| {
            let new = ledger.let_in(&head)?;
            let view = View::of(ledger, Some(&before));
            let owed = ledger.owed(Some(&before.state));
            Ok((events(ledger, &new, &view), view, owed))
        });
        let (events, view, owed) = match done.await? {
            Ok(done) => done,
            Err(error) => return Ok(Err(error)),
        };
        self.publish(view, events);
        self.announce();
        self.make_good(owed).await?;
        Ok(Ok(()))
    }

    /// Judges the announcements that led to a fetch, and asks somebody else when it did not help.
    async fn settle(&mut self, mut errand: Errand, helped: bool) {
        let Some(ledger) = &self.ledger else { return };
        let missing: Vec<_> = errand.commits.iter().copied().filter(|commit| !ledger.knows(commit)).collect();
        if !(helped && missing.is_empty())
            && let Some(other) = errand.others.pop_front()
        {
            errand.commits = missing.into_iter().collect();
            return self.ask(other, errand);
        }
        for (handle, commit) in errand.announcements {
            let here = commit.map_or(helped, |commit| !missing.contains(&commit));
            let judgement = if here { Acceptance::Accept } else { Acceptance::Ignore };
            self.hub.judge(Some(handle), judgement).await;
        }
    }

    fn refused(&mut self, peer: DeviceId, refusal: Refusal, errand: &Errand) {
        self.schedule.refuse(peer, errand.commits.iter().copied().chain([refusal.commit]));
        refusal::tell_peer(&self.hub, peer, self.id, &refusal);
        self.hub.tell(Event::Refused { conversation: self.id, peer, refusal });
    }

    fn failed(&self, peer: DeviceId, error: &dyn std::error::Error) {
        let why = crate::error::chain(error);
        self.hub.tell(Event::FetchFailed { conversation: self.id, peer, why });
    }
}
