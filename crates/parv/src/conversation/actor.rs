//! The task that owns a conversation's ledger.
//!
//! Commands are done in the order in which they come; messages that wait one behind the other are made durable together, and
//! each is answered when it is. What blocks runs on the blocking pool while the actor waits for it. Fetches run beside it, and only the intake of what
//! they bring is done in turn, so an own commit never waits for a peer.

mod intake;

use super::awareness::Awareness;
use super::fetch::{FetchFailure, Fetched, fetch};
use super::keeper::Keeper;
use super::ledger::{Ledger, Owed};
use super::queue::{Queue, Reply};
use super::ripples::Ripples;
use super::room::{Heard, Room, View};
use super::schedule::{Errand, Schedule};
use super::tell;
use super::tidy::Tidier;
use super::writing::{Wish, Written};
use crate::Error;
use crate::engine::hub::Hub;
use crate::engine::push;
use crate::event::Event;
use crate::view::Moderation;
use parv_model::{CommitId, ConversationId, DeviceId, Message, Target, VoteKind};
use parv_net::Acceptance;
use parv_validator::CheckedCommit;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep_until};

/// How many commands wait for an actor. Who sends more waits too.
pub(crate) const COMMAND_QUEUE: usize = 512;

/// How many messages are written before it is somebody else's turn: a tenth of a second's work at most, where each message is a
/// text.
const MAX_AT_ONCE: usize = 2048;

/// How many fetches of one conversation run at once.
const MAX_FETCHES: usize = 8;

/// What an actor is asked to do.
pub(crate) enum Command {
    /// Writes a commit.
    Write { wish: Wish, reply: Reply },
    /// Votes, and resolves.
    Moderate { kind: VoteKind, target: Target, reply: oneshot::Sender<Result<Moderation, Error>> },
    /// Lets a held fork in.
    LetIn { head: CommitId, reply: oneshot::Sender<Result<(), Error>> },
    /// Somebody has something.
    Hear(Heard),
    /// What is kept of old commits could not be read: builds it anew.
    KeepAnew { reply: oneshot::Sender<()> },
    /// Ends the actor.
    Close { reply: oneshot::Sender<()> },
}

/// See the [module](self).
pub(crate) struct Actor {
    hub: Arc<Hub>,
    id: ConversationId,
    /// Away only while the blocking pool works on it.
    ledger: Option<Ledger>,
    /// Away only while messages are written.
    commands: Option<Queue>,
    view: watch::Sender<Arc<View>>,
    awareness: Arc<Awareness>,
    ripples: Ripples,
    schedule: Schedule,
    waiting: Vec<DeviceId>,
    fetches: JoinSet<(DeviceId, Result<Option<Fetched>, FetchFailure>)>,
    tidier: Tidier,
    keeper: Keeper,
}

/// Starts the actor of a conversation and makes its state known.
pub(crate) fn start(hub: &Arc<Hub>, mut ledger: Ledger) -> Room {
    let (sender, commands) = mpsc::channel(COMMAND_QUEUE);
    let first = Arc::new(View::of(&mut ledger, None));
    let owed = ledger.owed(None);
    let id = ledger.id();
    hub.access.update(id, first.state.clone());
    let (view, looked_at) = watch::channel(first);
    let room = Room::new(&ledger, sender, looked_at);
    let mut keeper = Keeper::default();
    keeper.look(&ledger);
    let actor = Actor {
        hub: hub.clone(),
        id,
        ledger: Some(ledger),
        commands: Some(Queue::new(commands)),
        view,
        awareness: room.awareness().clone(),
        ripples: Ripples::default(),
        schedule: Schedule::default(),
        waiting: Vec::new(),
        fetches: JoinSet::new(),
        tidier: Tidier::new(Instant::now()),
        keeper,
    };
    hub.tasks.spawn(actor.run(owed));
    room
}

impl Actor {
    /// Does what is `owed`, and then what comes up.
    async fn run(mut self, owed: Owed) {
        let stop = self.hub.stop.clone();
        let mut done = self.make_good(owed).await;
        while done.is_ok() {
            done = tokio::select! {
                () = stop.cancelled() => return self.end().await,
                Some(ended) = self.fetches.join_next() => match ended {
                    Ok((device, outcome)) => self.fetched(device, outcome).await,
                    // Aborted with the actor, or lost; there is nothing to take in.
                    Err(error) => { tracing::error!(conversation = %self.id, "a fetch was lost: {error}"); Ok(()) }
                },
                Some(done) = self.keeper.written() => {
                    if let Some(ledger) = &mut self.ledger {
                        self.keeper.let_go(done, ledger);
                        self.keeper.look(ledger);
                    }
                    Ok(())
                }
                round = in_time(self.ripples.next()) => {
                    let told = self.hub.ripple(self.id, &self.view.borrow(), &self.awareness, round);
                    self.ripples.ended(told, Instant::now());
                    Ok(())
                }
                () = in_time(self.schedule.impatient().map(|due| ((), due))) => {
                    for (device, errand) in self.schedule.overdue(Instant::now()) {
                        self.start(device, errand);
                    }
                    Ok(())
                }
                () = in_time(self.tidier.next().map(|due| ((), due))) => {
                    if let Some(ledger) = &self.ledger {
                        self.tidier.look(ledger.repository(), Instant::now());
                    }
                    Ok(())
                }
                command = next(&mut self.commands) => match command {
                    None => return,
                    Some(Command::Close { reply }) => {
                        self.end().await;
                        drop(self); // the repository is let go before anybody is told
                        let _ = reply.send(());
                        return;
                    }
                    Some(Command::Write { wish, reply }) => self.write_waiting((wish, reply), MAX_AT_ONCE).await,
                    Some(Command::Moderate { kind, target, reply }) => {
                        self.moderate(kind, target).await.map(|moderated| {
                            // Who asked may not wait for the answer any more.
                            let _ = reply.send(moderated);
                        })
                    }
                    Some(Command::LetIn { head, reply }) => {
                        self.let_in(head).await.map(|done| {
                            // Who asked may not wait for the answer any more.
                            let _ = reply.send(done);
                        })
                    }
                    Some(Command::KeepAnew { reply }) => {
                        self.with_ledger(Ledger::keep_anew).await.map(|()| {
                            // Who asked may not wait for the answer any more.
                            let _ = reply.send(());
                        })
                    }
                    Some(Command::Hear(heard)) => {
                        self.hear(heard).await;
                        Ok(())
                    }
                },
            };
        }
        tracing::error!("a conversation is closed: its thread was lost");
    }

    /// Ends what is done beside it, and lets go of the ledger.
    async fn end(&mut self) {
        self.tidier.end().await;
        self.keeper.end(self.ledger.take()).await;
    }

    /// Does something that blocks with the ledger. The error is that the ledger was lost.
    async fn with_ledger<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Ledger) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let mut ledger = self.ledger.take().ok_or(Error::Closed)?;
        let (ledger, result) = spawn_blocking(move || {
            let result = work(&mut ledger);
            (ledger, result)
        })
        .await
        .map_err(|_| Error::Closed)?;
        self.ledger = Some(ledger);
        Ok(result)
    }

    /// Writes this message and those that wait right behind it, `most` at most. Each is told of and answered as soon as it is
    /// durable. The error is that the ledger was lost.
    async fn write_waiting(&mut self, first: (Wish, Reply), most: usize) -> Result<(), Error> {
        let (mut ledger, mut commands) = self.ledger.take().zip(self.commands.take()).ok_or(Error::Closed)?;
        let before = self.view.borrow().clone();
        let (done, mut progress) = mpsc::unbounded_channel();
        let writing = spawn_blocking(move || {
            let (mut first, mut left) = (Some(first), most);
            let next = || {
                let share = commands.share(first.take(), left);
                left -= share.len();
                share
            };
            // Nobody hears of it when the actor is gone.
            ledger.write_all(next, |ledger, written| drop(done.send(Progress::of(ledger, written, &before))));
            (ledger, commands)
        });
        let mut changed = false;
        while let Some(Progress { change, answers }) = progress.recv().await {
            if let Some((view, events)) = change {
                self.publish(view, events);
                changed = true;
            }
            for (reply, written) in answers {
                // Who asked may not wait for the answer any more.
                let _ = reply.send(written);
            }
        }
        let (ledger, commands) = writing.await.map_err(|_| Error::Closed)?;
        (self.ledger, self.commands) = (Some(ledger), Some(commands));
        if changed {
            self.look_after();
            self.announce();
        }
        Ok(())
    }

    /// Writes one commit. The outer error is that the ledger was lost.
    async fn write(&mut self, message: Message) -> Result<Result<CommitId, Error>, Error> {
        let (reply, written) = oneshot::channel();
        self.write_waiting((Wish { message, profile: None }, reply), 1).await?;
        written.await.map_err(|_| Error::Closed)
    }

    async fn moderate(&mut self, kind: VoteKind, target: Target) -> Result<Result<Moderation, Error>, Error> {
        let own = self.hub.author.uri();
        let state = self.view.borrow().state.clone();
        let vote = if state.votes(kind, target).contains(&own) {
            None
        } else {
            match self.write(Message::Vote(kind, target)).await? {
                Ok(vote) => Some(vote),
                Err(error) => return Ok(Err(error)),
            }
        };
        let state = self.view.borrow().state.clone();
        let (votes, admins) = (state.votes(kind, target).len(), state.admins().len());
        let resolution = if state.majority(kind, target) {
            match self.write(Message::Resolve(kind, target)).await? {
                Ok(resolution) => Some(resolution),
                Err(error) => return Ok(Err(error)),
            }
        } else {
            None
        };
        Ok(Ok(Moderation { vote, resolution, votes, admins }))
    }

    /// Somebody has something: fetches it, unless it is here.
    async fn hear(&mut self, heard: Heard) {
        let Heard { commit, sources, announcement } = heard;
        // Who passes an announcement on has fetched what it is about.
        for device in &sources {
            self.awareness.note(*device, commit.as_slice());
        }
        let known = commit.is_some_and(|commit| self.ledger.as_ref().is_some_and(|ledger| ledger.knows(&commit)));
        if known {
            return self.hub.judge(announcement, Acceptance::Accept).await;
        }
        let refused = |device: &DeviceId| commit.is_some_and(|commit| self.schedule.is_refused(device, &commit));
        let mut sources: std::collections::VecDeque<_> =
            sources.into_iter().filter(|device| !refused(device)).collect();
        let Some(device) = sources.pop_front() else {
            return self.hub.judge(announcement, Acceptance::Ignore).await;
        };
        let errand = Errand {
            commits: commit.into_iter().collect(),
            unread: commit.is_none(),
            direct: announcement.is_none(),
            announcements: announcement.into_iter().map(|handle| (handle, commit)).collect(),
            others: sources,
            ..Errand::default()
        };
        self.ask(device, errand);
    }

    /// Asks a device, unless somebody else is giving the same already.
    fn ask(&mut self, device: DeviceId, errand: Errand) {
        if let Some(errand) = self.schedule.share(device, errand) {
            self.start(device, errand);
        }
    }

    fn start(&mut self, device: DeviceId, errand: Errand) {
        if self.schedule.ask(device, errand, Instant::now()) {
            self.waiting.push(device);
            self.start_fetches();
        }
    }

    fn start_fetches(&mut self) {
        let (Some(net), Some(ledger)) = (&self.hub.net, &self.ledger) else { return };
        while self.fetches.len() < MAX_FETCHES && !self.waiting.is_empty() {
            let device = self.waiting.remove(0);
            let (net, repository, id) = (net.clone(), ledger.repository().clone(), self.id);
            self.fetches.spawn(async move { (device, fetch(&net, repository, id, device).await) });
        }
    }

    /// Makes a change visible, then tells of it.
    fn publish(&mut self, view: View, events: Vec<Event>) {
        let others = self.hub.access.update(self.id, view.state.clone());
        self.awareness.keep(&view.heads);
        let findings = tell::findings(self.id, &self.view.borrow(), &view);
        if self.hub.net.is_some() {
            self.ripples.changed(Instant::now());
        }
        push::changed(&self.hub, self.id, &self.view.borrow(), &view);
        self.view.send_replace(Arc::new(view));
        if others {
            self.hub.wake.notify_one();
        }
        self.look_after();
        events.into_iter().chain(findings).for_each(|event| self.hub.tell(event));
    }

    /// Something has changed: looks whether there is work for the background.
    fn look_after(&mut self) {
        if let Some(ledger) = &self.ledger {
            self.tidier.changed(Instant::now());
            self.keeper.look(ledger);
        }
    }

    fn announce(&self) {
        self.hub.announce(self.id, &self.view.borrow());
    }
}

/// What was written, as others are to see it.
struct Progress {
    change: Option<(View, Vec<Event>)>,
    answers: Vec<(Reply, Result<CommitId, Error>)>,
}

impl Progress {
    fn of(ledger: &mut Ledger, written: Written<Reply>, before: &View) -> Self {
        let Written { new, answers } = written;
        let change = (!new.is_empty()).then(|| {
            let view = View::of(ledger, Some(before));
            let events = events(ledger, &new, &view);
            (view, events)
        });
        Self { change, answers }
    }
}

/// The next command; none when nobody can send one any more.
async fn next(commands: &mut Option<Queue>) -> Option<Command> {
    commands.as_mut()?.next().await
}

/// Comes when it is time, with what it is time for; never, if there is nothing.
async fn in_time<T>(next: Option<(T, Instant)>) -> T {
    match next {
        Some((what, time)) => {
            sleep_until(time).await;
            what
        }
        None => std::future::pending().await,
    }
}

/// What new commits mean to people, in display order, and what is shown in another way because of them.
fn events(ledger: &mut Ledger, new: &[CheckedCommit], view: &View) -> Vec<Event> {
    let conversation = ledger.id();
    let changes = ledger.content_changes();
    let changes = changes.into_iter().map(|(commit, content)| Event::Content { conversation, commit, content });
    let mut new: Vec<_> = new.iter().filter_map(|commit| Some((ledger.place(&commit.id())?, commit))).collect();
    new.sort_by_key(|(place, _)| *place);
    let event = |(_, commit): (_, &CheckedCommit)| {
        let author = ledger.author_of(&commit.id())?;
        tell::event(ledger.id(), commit, author, &view.state)
    };
    let new = new.into_iter().filter(|(_, commit)| !ledger.is_hidden(&commit.id())).filter_map(event);
    new.chain(changes).collect()
}
