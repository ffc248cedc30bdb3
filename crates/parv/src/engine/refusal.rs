//! Telling a peer that what it offered was refused, and hearing that from one (requirement R5).

use super::hub::Hub;
use crate::event::Event;
use parv_model::{CommitId, ConversationId, DeviceId, Refusal};
use parv_net::Envelope;
use serde::{Deserialize, Serialize};

/// The media type.
pub(super) const MIME: &str = "application/parv-refusal";

/// How much of a peer's reason is shown, in characters.
const MAX_SHOWN_CHARS: usize = 500;

#[derive(Serialize, Deserialize)]
struct Told {
    id: ConversationId,
    commit: CommitId,
    rule: String,
    why: String,
}

/// Tells a peer which commit was refused, and why.
pub(crate) fn tell_peer(hub: &Hub, peer: DeviceId, id: ConversationId, refusal: &Refusal) {
    let Refusal { commit, rule, why } = refusal;
    let told = Told { id, commit: *commit, rule: rule.name().to_owned(), why: shown(why) };
    let body = serde_json::to_vec(&told).expect("ids and texts are always JSON");
    hub.send(peer, Envelope::new(MIME, body));
}

/// A peer says that it refused something. Heard only from who has a part in the conversation.
pub(super) fn heard(hub: &Hub, peer: DeviceId, body: &[u8]) {
    let Ok(Told { id, commit, rule, why }) = serde_json::from_slice(body) else {
        return tracing::debug!(%peer, "a malformed refusal");
    };
    if hub.access.role(&peer, &id).is_some() {
        hub.tell(Event::RefusedByPeer { conversation: id, peer, commit, rule: shown(&rule), why: shown(&why) });
    }
}

/// A peer's words, made harmless.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_SHOWN_CHARS).collect()
}
