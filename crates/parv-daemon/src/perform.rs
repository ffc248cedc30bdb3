//! Doing what a request asks for. The daemon and the `parv` command both come through here.

use crate::answer::*;
use crate::failure::{Failure, FailureKind, chain};
use crate::{Answer, Request, select};
use parv::{Conversation, ConversationId, Engine, Error, LogQuery, Multiaddr, Role, Target, Uri, VoteKind};
use std::collections::HashMap;

/// The most log entries in one answer. Longer logs are read page by page, with `before`.
pub const MAX_LOG_PAGE: usize = 1000;

/// Does what `request` asks for.
///
/// Not for [`Request::Events`]: that is a stream, which [`crate::Server`] and [`Engine::events`] give.
pub async fn perform(engine: &Engine, request: Request) -> Result<Answer, Failure> {
    match request {
        Request::Account => Ok(Answer::Account(account(engine))),
        Request::New { mode, with } => {
            let conversation = engine.create(mode, with).await?;
            Ok(Answer::Conversation(conversation.info().into()))
        }
        Request::List => Ok(Answer::Conversations(engine.conversations().into_iter().map(Into::into).collect())),
        Request::Invite { conversation, uri } => {
            let conversation = find(engine, &conversation)?;
            let commit = conversation.invite(&uri).await?;
            Ok(Answer::Written(Written { conversation: conversation.id(), commit, delivery: Delivery::Running }))
        }
        Request::Requests => Ok(Answer::Requests(engine.requests().into_iter().map(Into::into).collect())),
        Request::Accept { conversation } => {
            let conversation = engine.accept(&find_request(engine, &conversation)?).await?;
            Ok(Answer::Conversation(conversation.info().into()))
        }
        Request::Decline { conversation } => {
            let conversation = find_request(engine, &conversation)?;
            engine.decline(&conversation)?;
            Ok(Answer::Done { conversation })
        }
        Request::Block { uri } => {
            engine.block_person(uri)?;
            Ok(Answer::Blocked(engine.blocked_people()))
        }
        Request::Unblock { uri } => {
            engine.unblock_person(uri)?;
            Ok(Answer::Blocked(engine.blocked_people()))
        }
        Request::Blocked => Ok(Answer::Blocked(engine.blocked_people())),
        Request::Send { conversation, text } => {
            let conversation = find(engine, &conversation)?;
            let commit = conversation.send(&text).await?;
            Ok(Answer::Written(Written { conversation: conversation.id(), commit, delivery: Delivery::Running }))
        }
        Request::Log { conversation, limit, before, hidden } => {
            let limit = limit.unwrap_or(MAX_LOG_PAGE).min(MAX_LOG_PAGE);
            log(&find(engine, &conversation)?, LogQuery { limit: Some(limit), before, hidden }).await
        }
        Request::Members { conversation } => Ok(members(&find(engine, &conversation)?)),
        Request::Vote { conversation, kind, target, device } => {
            let conversation = find(engine, &conversation)?;
            let target = find_target(&conversation, kind, &target, device)?;
            let commit = conversation.vote(kind, target).await?;
            Ok(Answer::Written(Written { conversation: conversation.id(), commit, delivery: Delivery::Running }))
        }
        Request::Moderate { conversation, kind, target, device } => {
            let conversation = find(engine, &conversation)?;
            let target = find_target(&conversation, kind, &target, device)?;
            moderate(&conversation, kind, target).await
        }
        Request::LetIn { conversation, head } => {
            let conversation = find(engine, &conversation)?;
            let held = conversation.held().into_iter().map(|fork| fork.head);
            let head = select::one(&head, "held fork", "parv members shows those that wait", held)?;
            conversation.let_in(&head).await?;
            Ok(Answer::Done { conversation: conversation.id() })
        }
        Request::Leave { conversation } => {
            let conversation = find(engine, &conversation)?;
            conversation.leave().await?;
            Ok(Answer::Done { conversation: conversation.id() })
        }
        Request::Connect { address } => {
            engine.connect(parse_address(&address)?).await?;
            Ok(Answer::Connected { address })
        }
        Request::Peers => Ok(Answer::Peers(engine.peers().into_iter().map(Into::into).collect())),
        Request::NetStatus => {
            let peers = engine.peers();
            Ok(Answer::Network(NetworkView::new(engine.net_status().await?, &peers)))
        }
        Request::PushSubscribe { endpoint, contact } => {
            engine.push_subscribe(&endpoint, contact).await?;
            Ok(Answer::Push(engine.push_status().into()))
        }
        Request::PushUnsubscribe => {
            engine.push_unsubscribe().await?;
            Ok(Answer::Push(engine.push_status().into()))
        }
        Request::PushStatus => Ok(Answer::Push(engine.push_status().into())),
        Request::PushOpen { body } => Ok(Answer::PushNews(engine.push_open(&body)?)),
        Request::Events => Err(Failure::new(FailureKind::Usage, "events come as a stream, not as an answer")),
    }
}

/// Reads a multiaddr.
pub fn parse_address(text: &str) -> Result<Multiaddr, Failure> {
    text.parse().map_err(|error| {
        let shown: String = text.chars().take(200).collect();
        let message = format!("{shown:?} is not a multiaddr ({error}); one looks like /ip4/192.0.2.7/udp/4001/quic-v1");
        Failure::new(FailureKind::Usage, message)
    })
}

fn account(engine: &Engine) -> AccountView {
    AccountView {
        uri: engine.uri(),
        device: engine.device_id(),
        name: engine.name().to_string(),
        folder: engine.folder().to_owned(),
        addresses: engine.addresses().iter().map(ToString::to_string).collect(),
    }
}

fn find(engine: &Engine, text: &str) -> Result<Conversation, Failure> {
    let known = engine.conversations().into_iter().map(|info| info.id);
    let id = select::one(text, "conversation", "parv list shows yours", known)?;
    Ok(engine.conversation(&id)?)
}

/// A conversation that waits for an answer, or a whole id that nobody has told us of.
fn find_request(engine: &Engine, text: &str) -> Result<ConversationId, Failure> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let waiting = engine.requests().into_iter().map(|request| request.id);
    select::one(text, "invitation", "parv requests shows those that wait", waiting)
}

/// Somebody who was or is in the conversation, or a whole URI: whether the person fits is for the rules to say.
fn find_person(conversation: &Conversation, text: &str) -> Result<Uri, Failure> {
    if let Ok(uri) = text.parse() {
        return Ok(uri);
    }
    let people = conversation.members().into_iter().map(|member| member.uri);
    select::one(text, "person", "parv members shows who is in the conversation", people)
}

/// What a vote is about: a person, or one of the devices of those who are in the conversation.
fn find_target(conversation: &Conversation, kind: VoteKind, text: &str, device: bool) -> Result<Target, Failure> {
    if !device {
        return find_person(conversation, text).map(Target::Account);
    }
    if !kind.concerns_devices() {
        return Err(Failure::new(
            FailureKind::Usage,
            format!("a device can be banned and unbanned: {kind} takes a person"),
        ));
    }
    if let Ok(device) = text.parse() {
        return Ok(Target::Device(device));
    }
    let devices =
        conversation.members().into_iter().flat_map(|member| [member.devices, member.banned_devices].concat());
    select::one(text, "device", "parv members shows those of the conversation", devices).map(Target::Device)
}

async fn log(conversation: &Conversation, query: LogQuery) -> Result<Answer, Failure> {
    let people = conversation.members().into_iter();
    let roles: HashMap<Uri, Role> = people.map(|member| (member.uri, member.role)).collect();
    let entries = conversation.log(query).await?.into_iter();
    let entries = entries.map(|entry| EntryView { role: roles.get(&entry.author).copied(), ..entry.into() }).collect();
    Ok(Answer::Log(LogView { conversation: conversation.id(), entries }))
}

fn members(conversation: &Conversation) -> Answer {
    let mut members: Vec<MemberView> = conversation.members().into_iter().map(Into::into).collect();
    members.sort_by_key(|member| (member.role, member.uri));
    let votes = conversation.votes().into_iter().map(Into::into).collect();
    let undecided = conversation.conflicts().into_iter().map(Into::into).collect();
    let equivocations = conversation.equivocations().into_iter().map(Into::into).collect();
    let held = conversation.held();
    Answer::Members(MembersView { conversation: conversation.id(), members, votes, undecided, equivocations, held })
}

async fn moderate(conversation: &Conversation, kind: VoteKind, target: Target) -> Result<Answer, Failure> {
    let done = conversation.moderate(kind, target).await?;
    Ok(Answer::Moderated(ModerationView {
        conversation: conversation.id(),
        kind,
        target,
        vote: done.vote,
        resolution: done.resolution,
        votes: done.votes,
        admins: done.admins,
        delivery: Delivery::Running,
    }))
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::UnknownConversation(_) => FailureKind::Unknown,
            Error::Subscribe(_) => FailureKind::Usage,
            _ => FailureKind::Engine,
        };
        Failure::new(kind, chain(&error))
    }
}
