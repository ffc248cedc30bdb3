//! Letters that were found in this device's mailboxes: what they say is done once, and nothing is sent back.
//!
//! Also a letter of somebody who is ignored or blocked was fetched and opened by then, so from outside nothing tells
//! these from others.

use super::hub::{Hub, Place};
use super::invitations;
use super::post::{Invitations, WakeUp};
use crate::clock;
use crate::conversation::room::Heard;
use parv_model::Mode;
use parv_net::{Letter, Purpose};

/// Handles a letter. Blocks while it is noted what it says.
pub(super) fn found(hub: &Hub, letter: &Letter) {
    if !hub.read_letters.is_news(letter) {
        return;
    }
    match letter.purpose {
        Purpose::Invitation | Purpose::Contact => invited(hub, letter),
        Purpose::WakeUp => woken(hub, letter),
    }
    // Afterwards: what is handled twice because of a crash is recognised by what it says.
    if let Err(error) = hub.read_letters.note(letter, clock::now()) {
        tracing::warn!("a letter will be read again: {error}");
    }
}

fn invited(hub: &Hub, letter: &Letter) {
    let device = letter.sender;
    let Ok(Invitations { from, invites }) = serde_json::from_slice(&letter.body) else {
        return tracing::debug!(%device, "a malformed letter with invitations");
    };
    let from = match from.account_of(device, clock::now()) {
        Ok(from) => from,
        Err(error) => return tracing::debug!(%device, "a letter from nobody knows whom: {error}"),
    };
    for invite in invites {
        let is_contact = invite.mode == Mode::OneToOne.number();
        if is_contact == (letter.purpose == Purpose::Contact) {
            invitations::take(hub, from, device, invite);
        }
    }
}

fn woken(hub: &Hub, letter: &Letter) {
    let device = letter.sender;
    let Ok(WakeUp { news }) = serde_json::from_slice(&letter.body) else {
        return tracing::debug!(%device, "a malformed wake-up");
    };
    for new in news {
        if let Some(Place::Open(room)) = hub.place(&new.id)
            && hub.access.hears(&device, &new.id)
        {
            room.hear(Heard { commit: Some(new.commit), sources: vec![device], announcement: None });
        }
    }
}
