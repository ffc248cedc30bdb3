//! Invitations between devices: sent, received, asked for.
//!
//! `application/invite+json` invites; it says what the conversation is, so that a person can decide before anything is
//! fetched. `application/invite` asks for one, by who hears of a conversation that is not there.

use super::certificates::Certificates;
use super::hub::{Hub, Net, Place};
use crate::conversation::room::Room;
use crate::event::Event;
use crate::outbox::{Address, Pending};
use crate::requests::Invitation;
use crate::{Error, access, clock};
use parv_model::{CommitId, ConversationId, DeviceId, Role, Uri};
use parv_net::{Envelope, Key, limits::MAX_BODY_BYTES};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::task::JoinSet;

/// The media type of an invitation.
pub(super) const MIME: &str = "application/invite+json";

/// The media type of the wish for one.
pub(super) const ASK_MIME: &str = "application/invite";

/// How many members an invitation names: enough to find one who is there.
const MAX_MEMBERS: usize = 64;

/// How long a title or description in a request may be, in characters; more is cut.
const MAX_TEXT_CHARS: usize = 4096;

/// How many members an invitation in a letter names.
const FEW_MEMBERS: usize = 8;

/// How long a title or description in a letter may be, in characters; more is cut. Also in the longest spelling, one
/// invitation fits into a letter.
const BRIEF_TEXT_CHARS: usize = 256;

/// What an invitation says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invite {
    pub(super) conversation_id: ConversationId,
    /// The mode's number.
    pub(super) mode: u8,
    /// The commit that invites.
    commit: CommitId,
    members: Vec<Uri>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    avatar: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ask {
    conversation_id: ConversationId,
}

/// Puts an invitation on its way: at once if a device of the person is connected or found; else it is left where they find
/// it when they come online, and brought when this device meets them.
pub(crate) fn offer(hub: &Arc<Hub>, conversation: ConversationId, uri: Uri, commit: CommitId) -> Result<(), Error> {
    hub.outbox.add(Address { conversation, uri }, Pending { commit, since: clock::now() })?;
    let task = hub.clone();
    hub.spawn(async move { bring(&task, uri).await });
    Ok(())
}

/// Tries to bring somebody what waits for them.
#[tracing::instrument(level = "debug", skip_all, fields(%uri))]
pub(super) async fn bring(hub: &Hub, uri: Uri) {
    let connected = hub.people.devices_of(&uri);
    for device in &connected {
        deliver(hub, *device, uri).await;
    }
    if connected.is_empty() {
        look_for(hub, uri).await;
    }
}

/// Connects to a device of somebody, if one can be found. What waits for them is delivered when they have said hello.
async fn look_for(hub: &Hub, uri: Uri) {
    let Some(net) = &hub.net else { return };
    hub.post.look();
    for device in hub.contacts.devices(&uri) {
        if net.node.dial(device).await.is_ok() {
            return;
        }
    }
    let found = proven_devices(net, uri).await;
    // Also one that is not there can be left a letter, and that does not wait for what follows.
    for device in &found {
        if let Err(error) = hub.contacts.note(uri, *device) {
            tracing::warn!("{error}");
        }
    }
    hub.post.look();
    for device in found {
        match net.node.dial(device).await {
            Ok(()) => return,
            Err(error) => tracing::debug!(%uri, %device, "found, but not reached: {error}"),
        }
    }
}

/// The devices that the distributed table names for an account and that prove to be its own. Nobody else is dialled, so
/// those who claim to be somebody cannot keep a searcher busy.
async fn proven_devices(net: &Net, uri: Uri) -> Vec<DeviceId> {
    let claimed = net.node.providers(Key::of_account(&uri)).await.unwrap_or_else(|error| {
        tracing::debug!(%uri, "nobody found: {error}");
        Vec::new()
    });
    let mut checks = JoinSet::new();
    for device in claimed {
        let node = net.node.clone();
        checks.spawn(async move {
            let record = node.address_record(device).await.ok()??;
            let proof = Certificates::prove(&record.credential, &uri, device, clock::now());
            proof.inspect_err(|error| tracing::debug!(%uri, %device, "not believed: {error}")).ok()?;
            Some((std::cmp::Reverse(record.issued), device))
        });
    }
    // The one that spoke last is the likeliest to be there.
    let mut proven: Vec<_> = checks.join_all().await.into_iter().flatten().collect();
    proven.sort();
    proven.into_iter().map(|(_, device)| device).collect()
}

/// Delivers what waits for somebody to one of their devices.
pub(super) async fn deliver(hub: &Hub, device: DeviceId, uri: Uri) {
    let Some(net) = &hub.net else { return };
    for (address, pending) in hub.outbox.of(&uri) {
        let room = hub.room(&address.conversation).filter(|room| room.view().state.role(&uri) == Some(Role::Invited));
        let done = match room {
            // Joined, banned, or the conversation is gone: nothing to deliver any more.
            None => false,
            Some(room) => match net.node.send(device, envelope(&room, pending.commit)).await {
                Ok(()) => true,
                Err(error) => {
                    tracing::debug!(%device, "an invitation did not arrive: {error}");
                    continue;
                }
            },
        };
        match hub.outbox.remove(&address) {
            Ok(true) if done => {
                hub.tell(Event::InviteDelivered { conversation: address.conversation, uri, device });
            }
            Ok(_) => {}
            Err(error) => tracing::warn!("{error}"),
        }
    }
    hub.post.look();
}

/// An invitation without a picture, as it goes into a letter.
pub(super) fn brief(room: &Room, commit: CommitId) -> Invite {
    Invite { avatar: None, ..invite(room, commit, FEW_MEMBERS, BRIEF_TEXT_CHARS) }
}

fn invite(room: &Room, commit: CommitId, max_members: usize, max_chars: usize) -> Invite {
    let view = room.view();
    let writers = view.state.people().filter(|(_, role)| access::is_writer(Some(*role)));
    let cut = |text: &str| text.chars().take(max_chars).collect();
    Invite {
        conversation_id: room.id(),
        mode: view.state.mode().number(),
        commit,
        members: writers.take(max_members).map(|(uri, _)| uri).collect(),
        title: view.profile.title.as_deref().map(cut),
        description: view.profile.description.as_deref().map(cut),
        avatar: view.profile.avatar.clone(),
    }
}

fn envelope(room: &Room, commit: CommitId) -> Envelope {
    let mut invite = invite(room, commit, MAX_MEMBERS, MAX_TEXT_CHARS);
    let bytes = |invite: &Invite| serde_json::to_vec(invite).expect("ids and texts are always JSON");
    let mut body = bytes(&invite);
    if body.len() > MAX_BODY_BYTES {
        invite.avatar = None; // the picture comes with the conversation
        body = bytes(&invite);
    }
    Envelope::new(MIME, body)
}

/// A device invites. Blocks while the request is written down.
pub(super) fn received(hub: &Hub, device: DeviceId, body: &[u8]) {
    let Some(from) = hub.people.account(&device) else {
        return tracing::debug!(%device, "an invitation from nobody knows whom");
    };
    match serde_json::from_slice::<Invite>(body) {
        Ok(invite) => take(hub, from, device, invite),
        Err(error) => tracing::debug!(%device, "a malformed invitation: {error}"),
    }
}

/// Takes an invitation in, of that person by that device. Blocks while the request is written down.
pub(super) fn take(hub: &Hub, from: Uri, device: DeviceId, invite: Invite) {
    if hub.contacts.is_blocked(&from) {
        return tracing::debug!(%from, "an invitation of somebody who is blocked");
    }
    if matches!(hub.place(&invite.conversation_id), Some(Place::Open(_) | Place::Syncing { .. } | Place::Unusable(_))) {
        return;
    }
    let cut = |text: &str| text.chars().take(MAX_TEXT_CHARS).collect();
    let mut members = invite.members;
    members.truncate(MAX_MEMBERS);
    let invitation = Invitation {
        from,
        device,
        received: clock::now(),
        mode: invite.mode,
        title: invite.title.as_deref().map(cut),
        description: invite.description.as_deref().map(cut),
        avatar: invite.avatar,
        members,
        commit: invite.commit,
    };
    match hub.requests.receive(invite.conversation_id, invitation) {
        Ok(Some(request)) => hub.tell(Event::RequestReceived(request)),
        Ok(None) => {}
        Err(error) => tracing::error!("an invitation could not be kept: {error}"),
    }
}

/// Asks a device that spoke of an unknown conversation for an invitation to it.
pub(super) fn ask(hub: &Hub, device: DeviceId, id: ConversationId) {
    if hub.requests.get(&id).is_some() || hub.requests.is_declined(&id) {
        return;
    }
    let body = serde_json::to_vec(&Ask { conversation_id: id }).expect("an id is always JSON");
    hub.send(device, Envelope::new(ASK_MIME, body));
}

/// A device asks for an invitation. Only members and invitees get an answer (requirement N3).
pub(super) fn asked(hub: &Hub, device: DeviceId, body: &[u8]) {
    let Ok(Ask { conversation_id }) = serde_json::from_slice(body) else {
        return tracing::debug!(%device, "a malformed wish for an invitation");
    };
    let Some(Place::Open(room)) = hub.place(&conversation_id) else { return };
    let account = hub.people.account(&device);
    let role = hub.access.role(&device, &conversation_id);
    if let (Some(account), Some(Role::Admin | Role::Member | Role::Invited)) = (account, role) {
        let commit = room.invitation(&account).unwrap_or(conversation_id.root());
        hub.send(device, envelope(&room, commit));
    }
}
