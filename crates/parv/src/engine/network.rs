//! What comes from the network, handed to whom it concerns. Nothing here waits: what takes time gets a task of its own.

use super::hub::{Hub, Net, Place};
use super::serve::Server;
use super::{hello, invitations, mail, push, refusal};
use crate::access::{self, Announced};
use crate::conversation::room::Heard;
use crate::event::Event;
use crate::notice::Notice;
use parv_model::DeviceId;
use parv_net::{Acceptance, Envelope};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

/// Handles events until the engine or the node stops.
pub(super) async fn run(hub: Arc<Hub>, net: Net, mut events: mpsc::Receiver<parv_net::Event>) {
    let server = Server::new();
    loop {
        let event = tokio::select! {
            () = hub.stop.cancelled() => return,
            event = events.recv() => event,
        };
        match event {
            Some(event) => handle(&hub, &net, &server, event).await,
            None => return,
        }
    }
}

async fn handle(hub: &Arc<Hub>, net: &Net, server: &Server, event: parv_net::Event) {
    use parv_net::Event as E;
    match event {
        E::Connected(device) => {
            net.people.connected(device);
            hello::say(hub, device, false);
        }
        E::Disconnected(device) => gone(hub, net, device),
        E::Message { peer, envelope } => message(hub, net, peer, envelope),
        E::GitRequest { peer, conversation, stream } => server.serve(hub, peer, conversation, stream),
        E::Announcement { topic, author, relay, data, handle } => {
            let announced = hub.access.announced(&topic, &author, &data);
            let (id, commit) = match announced {
                Announced::Notice(notice) => (notice.id, Some(notice.commit)),
                Announced::Sealed(id) => (id, None),
                Announced::Stranger => return hub.judge(Some(handle), Acceptance::Ignore).await,
                Announced::Malformed => return hub.judge(Some(handle), Acceptance::Reject).await,
            };
            hub.post.heard(author);
            let Some(Place::Open(room)) = hub.place(&id) else {
                return hub.judge(Some(handle), Acceptance::Ignore).await;
            };
            // The author if there is a connection, else who passed it on; the other one if that does not help.
            let mut sources = if net.node.is_connected(&author) { vec![author, relay] } else { vec![relay, author] };
            sources.dedup();
            room.hear(Heard { commit, sources, announcement: Some(handle) });
        }
        E::Letter(letter) => {
            let task = hub.clone();
            drop(spawn_blocking(move || mail::found(&task, &letter)));
        }
        E::Subscribed { peer, topic } => {
            let id = hub.access.of_topic(&topic);
            if let Some(id) = id.filter(|id| access::is_writer(hub.access.role(&peer, id))) {
                hub.tell_heads(id, peer);
            }
        }
        E::Discovered(device) => {
            let node = net.node.clone();
            hub.spawn(async move {
                if let Err(error) = node.dial(device).await {
                    tracing::debug!(%device, "found on the local network, but: {error}");
                }
            });
        }
        E::Listening(address) => {
            tracing::info!("listening on {address}");
            hub.moved.notify_one();
        }
        _ => {}
    }
}

fn gone(hub: &Hub, net: &Net, device: DeviceId) {
    hub.post.gone(&device);
    if net.people.disconnected(&device).is_some() {
        hub.tell(Event::Disconnected { device });
        hub.wake.notify_one();
    }
}

fn message(hub: &Arc<Hub>, net: &Net, peer: DeviceId, envelope: Envelope) {
    match envelope.mime.as_str() {
        hello::MIME => hello::heard(hub, peer, &envelope.body),
        Notice::MIME => notice(hub, peer, &envelope.body),
        invitations::MIME => {
            let task = hub.clone();
            drop(spawn_blocking(move || invitations::received(&task, peer, &envelope.body)));
        }
        invitations::ASK_MIME => invitations::asked(hub, peer, &envelope.body),
        refusal::MIME => refusal::heard(hub, peer, &envelope.body),
        push::LEASE_MIME => push::lent(hub, net, peer, envelope.body),
        push::RELEASE_MIME => push::released(hub, net, peer, &envelope.body),
        push::ANSWER_MIME => push::answered(hub, peer, &envelope.body),
        other => tracing::debug!(%peer, "a message of an unknown type {other}; this version may be outdated"),
    }
}

/// A device says which commit it has.
fn notice(hub: &Arc<Hub>, peer: DeviceId, body: &[u8]) {
    let Some(notice) = Notice::read(body, &peer) else {
        return tracing::debug!(%peer, "a malformed notice");
    };
    match hub.place(&notice.id) {
        Some(Place::Open(room)) => {
            if hub.access.hears(&peer, &notice.id) {
                room.hear(Heard { commit: Some(notice.commit), sources: vec![peer], announcement: None });
            }
        }
        Some(_) => {}
        None => invitations::ask(hub, peer, notice.id),
    }
}
