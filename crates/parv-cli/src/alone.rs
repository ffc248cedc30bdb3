//! Doing a request without a daemon: a node of our own lives for a short time and delivers what can be delivered.
//!
//! What is written is safe on disk before anything is waited for, so running out of time loses nothing.

use crate::failure::Failure;
use parv::{CommitId, Conversation, ConversationId, Engine, Event, Role, Uri};
use parv_daemon::answer::Delivery;
use parv_daemon::{Answer, Request};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::{Instant, timeout_at};

/// How long a node of our own tries to meet somebody. Finding people on the local network or through a bootstrap node
/// takes about a second; nobody wants to wait for a verb much longer.
const MEET: Duration = Duration::from_secs(5);

/// How long leaving an invitation may take, if somebody is there who could keep it: the person is looked for first, and
/// devices that are gone do not answer.
const LEAVE: Duration = Duration::from_secs(15);

/// How long to wait, after an invitation was left, for further devices of the person, or for the person.
const LINGER: Duration = Duration::from_secs(1);

/// How long the delivery may take once somebody is there. A message is fetched in a fraction of a second; somebody who
/// is invited and has not joined yet does not fetch it at all.
const DELIVER: Duration = Duration::from_secs(5);

/// Does the request. With a network, tries to meet the people whom it concerns: first where it cannot be done without
/// them, else afterwards.
pub async fn perform(engine: &Engine, request: Request) -> Result<Answer, Failure> {
    let mut events = engine.events();
    let invited = match &request {
        Request::Invite { uri, .. } => Some(*uri),
        _ => None,
    };
    // When they are not met, the request itself says what could not be done.
    meet(engine, &needed(engine, &request)).await;
    let mut answer = parv_daemon::perform(engine, request).await?;
    let id = match &answer {
        Answer::Written(written) => written.conversation,
        Answer::Moderated(moderated) => moderated.conversation,
        Answer::Conversation(joined) => joined.id,
        _ => return Ok(answer),
    };
    let conversation = engine.conversation(&id)?;
    let concerned = match invited {
        Some(uri) => BTreeSet::from([uri]),
        None => others(engine.uri(), &conversation),
    };
    let parcel = Parcel { conversation: id, heads: conversation.heads(), concerned, invited };
    let delivery = match parcel.concerned.is_empty() {
        true => Delivery::Nobody,
        false if engine.addresses().is_empty() => Delivery::Later,
        false => deliver(engine, &mut events, &parcel).await,
    };
    match &mut answer {
        Answer::Written(written) => written.delivery = delivery,
        Answer::Moderated(moderated) => moderated.delivery = delivery,
        _ => {}
    }
    Ok(answer)
}

/// The people of whom one should be there before the request is done.
fn needed(engine: &Engine, request: &Request) -> BTreeSet<Uri> {
    match request {
        Request::Accept { conversation } => {
            let fitting = |request: &parv::Request| request.id.to_string().starts_with(conversation);
            engine.requests().into_iter().filter(fitting).map(|request| request.from).collect()
        }
        // Who leaves tells those who are there, and is gone.
        Request::Leave { conversation } => {
            let mut ids = engine.conversations().into_iter().map(|info| info.id);
            let id = ids.find(|id| id.to_string().starts_with(conversation));
            let conversation = id.and_then(|id| engine.conversation(&id).ok());
            conversation.map_or_else(BTreeSet::new, |conversation| others(engine.uri(), &conversation))
        }
        _ => BTreeSet::new(),
    }
}

/// Something that others should get.
struct Parcel {
    conversation: ConversationId,
    /// The heads when it was written.
    heads: Vec<CommitId>,
    /// Who should get it; one of them is enough, they hand it on.
    concerned: BTreeSet<Uri>,
    /// Set when it is an invitation.
    invited: Option<Uri>,
}

impl Parcel {
    /// Whether it was left for somebody who is not there.
    fn left_by(&self, event: &Event) -> bool {
        matches!(event, Event::InviteLeft { conversation, uri, .. }
            if *conversation == self.conversation && Some(*uri) == self.invited)
    }

    fn arrived_by(&self, event: &Event) -> bool {
        match (event, self.invited) {
            (Event::InviteDelivered { conversation, uri, .. }, Some(invited)) => {
                *conversation == self.conversation && *uri == invited
            }
            (Event::Fetched { conversation, heads, .. }, None) => {
                *conversation == self.conversation && self.heads.iter().all(|head| heads.contains(head))
            }
            _ => false,
        }
    }
}

/// How far it has got in time.
async fn deliver(engine: &Engine, events: &mut Receiver<Event>, parcel: &Parcel) -> Delivery {
    let start = Instant::now();
    let (mut met, mut left) = (None::<Instant>, None::<Instant>);
    loop {
        if met.is_none() && is_met(engine, &parcel.concerned) {
            met = Some(Instant::now());
        }
        // That somebody is there who could keep an invitation makes no event, so it is looked at again when time is up.
        let keepers = parcel.invited.is_some() && !engine.peers().is_empty();
        let deadline = match (met, left) {
            (Some(met), _) => met + DELIVER,
            (None, Some(left)) => left + LINGER,
            (None, None) if keepers => start + LEAVE,
            (None, None) => start + MEET,
        };
        if deadline <= Instant::now() {
            return if left.is_some() { Delivery::Left } else { Delivery::Later };
        }
        match timeout_at(deadline, events.recv()).await {
            Ok(Ok(event)) if parcel.arrived_by(&event) => return Delivery::Done,
            Ok(Ok(event)) if parcel.left_by(&event) => {
                left.get_or_insert_with(Instant::now);
            }
            Ok(Ok(_) | Err(RecvError::Lagged(_))) | Err(_) => {}
            Ok(Err(RecvError::Closed)) => return Delivery::Later,
        }
    }
}

/// Waits until one of these people is connected, for a bounded time.
async fn meet(engine: &Engine, people: &BTreeSet<Uri>) {
    let mut events = engine.events();
    let deadline = Instant::now() + MEET;
    while !people.is_empty() && !is_met(engine, people) {
        match timeout_at(deadline, events.recv()).await {
            Ok(Ok(_) | Err(RecvError::Lagged(_))) => {}
            Ok(Err(RecvError::Closed)) | Err(_) => return,
        }
    }
}

fn is_met(engine: &Engine, people: &BTreeSet<Uri>) -> bool {
    engine.peers().iter().any(|peer| peer.account.is_some_and(|account| people.contains(&account)))
}

/// Who else is in the conversation. Somebody who is invited may have joined without our knowing it yet.
fn others(own: Uri, conversation: &Conversation) -> BTreeSet<Uri> {
    let is_in = |role| matches!(role, Role::Admin | Role::Member | Role::Invited);
    let people = conversation.members().into_iter().filter(|member| is_in(member.role)).map(|member| member.uri);
    people.filter(|uri| *uri != own).collect()
}
