//! The task that keeps up the links that [`Links`] chooses.
//!
//! It looks again whenever somebody comes or goes, whenever the owner knows other followers, and when a wait is over; a few
//! dials at a time, so that a conversation of a thousand absent members is no storm.

use crate::limits::MAX_LINK_DIALS;
use crate::links::{Followers, Links};
use crate::node::WeakNode;
use parv_model::DeviceId;
use std::collections::BTreeSet;
use std::time::Instant;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

/// Runs until the node stops or nobody holds it any more.
pub(crate) async fn run(own: DeviceId, node: WeakNode, mut followers: watch::Receiver<Followers>) {
    let (mut connected, mut listening) = (node.connected.clone(), node.listening.clone());
    let mut links = Links::new(own);
    let (mut linked, mut dials) = (BTreeSet::new(), JoinSet::new());
    loop {
        let room = MAX_LINK_DIALS - dials.len();
        let now = Instant::now();
        let chosen = links.choose(&followers.borrow_and_update(), &connected.borrow_and_update(), room, now);
        if linked != chosen.links {
            let Some(node) = node.upgrade() else { return };
            if node.link(&chosen.links).await.is_err() {
                return;
            }
            linked = chosen.links;
        }
        for device in chosen.dials {
            let Some(node) = node.upgrade() else { return };
            dials.spawn(async move { (device, node.dial(device).await) });
        }
        let due = links.due(now);
        let goes_on = tokio::select! {
            changed = followers.changed() => changed.is_ok(),
            changed = connected.changed() => changed.is_ok(),
            () = node.hurry.notified() => {
                links.hurry(Instant::now());
                true
            }
            changed = listening.changed() => {
                // Somewhere else, others may be in reach.
                links.hurry(Instant::now());
                changed.is_ok()
            }
            Some(Ok((device, outcome))) = dials.join_next() => {
                if let Err(error) = &outcome {
                    tracing::debug!(%device, "no link: {error}");
                }
                links.ended(&device, outcome.is_ok(), Instant::now());
                true
            }
            () = sleep_until(due.unwrap_or(now).into()), if due.is_some() => true,
        };
        if !goes_on {
            return;
        }
    }
}
