//! Invitations that wait for an answer.

use crate::json;
use parv_model::{ConversationId, Mode, Uri};
use serde::Serialize;

/// An invitation to a conversation (requirement C4). What it says of the conversation is the inviter's word; the
/// history itself is judged when the request is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    /// The conversation.
    pub id: ConversationId,
    /// Who invites.
    pub from: Uri,
    /// When it arrived, in seconds since 1970 by this device's clock.
    pub received: i64,
    /// What the conversation is.
    #[serde(serialize_with = "json::mode")]
    pub mode: Mode,
    /// What it is called.
    pub title: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// Its picture, as the profile gives it (a `data:` address or Base64).
    pub avatar: Option<String>,
}
