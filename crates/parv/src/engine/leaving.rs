//! Leaving a conversation for good (requirement R9).
//!
//! The conversation is unlisted at once. The folder stays until another member's device has fetched the news, so that
//! they learn of it; that may be in a later run.

use super::hub::{Hub, Place};
use crate::access;
use crate::conversation::room::Room;
use crate::event::Event;
use crate::folders::Folders;
use crate::{Error, clock, files};
use parv_model::{CommitId, ConversationId, DeviceId, Message};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;

/// How long somebody who has not fetched the news is waited for, in seconds: a month.
const LONGEST_WAIT: i64 = 30 * 86_400;

/// The contents of `conversation_data/<id>/removed.json`: the account has left and does not want to see it again.
#[derive(Serialize, Deserialize)]
struct Removed {
    at: i64,
}

/// Whether the conversation was left.
pub(super) fn is_removed(folders: &Folders, id: &ConversationId) -> bool {
    mark(folders, id).exists()
}

fn mark(folders: &Folders, id: &ConversationId) -> PathBuf {
    folders.conversation_data(id).join("removed.json")
}

/// Whether a conversation that was left has been offered for long enough.
pub(super) fn is_forgotten(folders: &Folders, id: &ConversationId) -> bool {
    let removed: Option<Removed> = files::read_json(&mark(folders, id)).unwrap_or_default();
    removed.is_some_and(|removed| removed.at + LONGEST_WAIT < clock::now())
}

/// Leaves; see [`crate::Conversation::leave`].
pub(crate) async fn leave(hub: &Arc<Hub>, room: &Room) -> Result<(), Error> {
    let (id, own) = (room.id(), hub.author.uri());
    if !matches!(hub.place(&id), Some(Place::Open(_))) {
        return Err(Error::UnknownConversation(id));
    }
    let view = room.view();
    let may = access::is_writer(view.state.role(&own));
    let alone = !view.state.people().any(|(uri, role)| uri != own && access::is_writer(Some(role)));
    let news = if may && !alone { Some(room.write(Message::Leave(own), None).await?) } else { None };
    files::write_json(&mark(&hub.folders, &id), &Removed { at: clock::now() })?;
    hub.put(id, Place::Leaving(room.clone()));
    hub.tell(Event::ConversationRemoved { conversation: id });
    if news.is_none_or(|news| room.awareness().anybody_has(&news)) {
        return erase(hub, id).await;
    }
    // Who is connected is told directly, and given a moment to fetch.
    let devices = view.state.devices().filter(|(_, account)| *account != own);
    let connected: Vec<_> = devices.filter(|(device, _)| hub.people.account(device).is_some()).collect();
    for (device, _) in &connected {
        hub.tell_heads(id, *device);
    }
    if let (Some(net), false) = (&hub.net, connected.is_empty())
        && !hub.gone(&id, net.patience).await
    {
        tracing::info!(conversation = %id, "nobody has fetched that this account left; it goes on being offered");
    }
    Ok(())
}

/// A device has these heads of a conversation now. If it was left, and that is known now, it can go.
pub(super) async fn served(hub: &Arc<Hub>, id: ConversationId, device: DeviceId, heads: &[CommitId]) {
    let Some(room) = hub.room(&id) else { return };
    room.awareness().note(device, heads);
    // Looked up after the note: whoever is leaving right now looks the other way round.
    let Some(Place::Leaving(room)) = hub.place(&id) else { return };
    if room.view().heads.iter().any(|head| !heads.contains(head)) {
        return;
    }
    if let Err(error) = erase(hub, id).await {
        tracing::warn!("{error}");
    }
}

/// Removes a conversation's folders.
pub(super) async fn erase(hub: &Arc<Hub>, id: ConversationId) -> Result<(), Error> {
    if let Some(room) = hub.room(&id) {
        room.close().await;
    }
    hub.unfollow(id);
    let folders = hub.folders.clone();
    let erased = tokio::task::spawn_blocking(move || erase_folders(&folders, &id));
    let erased = erased.await.map_err(|_| Error::Closed)?;
    hub.take_out(&id);
    erased
}

/// The mark goes last, so that what a crash leaves behind is erased at the next start.
pub(super) fn erase_folders(folders: &Folders, id: &ConversationId) -> Result<(), Error> {
    files::remove_folder(&folders.repository(id))?;
    files::remove_folder(&folders.conversation_data(id))
}
