//! Getting to know a device that is connected: whose is it?
//!
//! The connection proves the device's key. Each side then shows its certificates (`application/parv-hello`), and each
//! says when it has seen the other's, so that either knows from when on it will be recognised.

use super::greeting::Greeting;
use super::hub::Hub;
use super::invitations;
use crate::clock;
use crate::event::Event;
use parv_model::{DeviceId, Uri};
use parv_net::Envelope;
use std::sync::Arc;

/// The media type.
pub(super) const MIME: &str = "application/parv-hello";

/// Says hello to a device.
pub(super) fn say(hub: &Hub, device: DeviceId, answer: bool) {
    hub.send(device, Envelope::new(MIME, Greeting::own(&hub.author.credentials, answer).bytes()));
}

/// A device says hello.
pub(super) fn heard(hub: &Arc<Hub>, device: DeviceId, body: &[u8]) {
    let (account, answer) = match Greeting::read(body, device, clock::now()) {
        Ok(read) => read,
        Err(error) => return tracing::warn!(%device, "a hello is not believed: {error}"),
    };
    if !answer {
        say(hub, device, true);
    }
    if hub.people.greeted(device, account, answer) {
        met(hub, device, account);
    }
}

/// Both sides know each other: exchanges what there is to exchange.
fn met(hub: &Arc<Hub>, device: DeviceId, account: Uri) {
    if let Some(net) = &hub.net {
        net.holder.awake(&device);
    }
    hub.tell(Event::Connected { device, account });
    hub.post.is_here(&device);
    for id in hub.access.shared_with(&device) {
        hub.tell_heads(id, device);
    }
    let hub = hub.clone();
    let task = hub.clone();
    hub.spawn(async move {
        let noting = task.clone();
        let noted = tokio::task::spawn_blocking(move || noting.contacts.note(account, device)).await;
        if let Ok(Err(error)) = noted {
            tracing::warn!("{error}");
        }
        invitations::deliver(&task, device, account).await;
    });
}
