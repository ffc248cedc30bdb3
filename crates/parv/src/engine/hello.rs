//! Getting to know a device that is connected: whose is it?
//!
//! The connection proves the device's key. Each side then shows its certificates (`application/parv-hello`), and each
//! says when it has seen the other's, so that either knows from when on it will be recognised.

use super::certificates::{Certificates, CertificatesError};
use super::hub::Hub;
use super::invitations;
use crate::clock;
use crate::event::Event;
use parv_model::{DeviceId, Uri};
use parv_net::Envelope;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The media type.
pub(super) const MIME: &str = "application/parv-hello";

#[derive(Serialize, Deserialize)]
struct Hello {
    #[serde(flatten)]
    certificates: Certificates,
    /// Whether the sender has seen the receiver's hello.
    answer: bool,
}

/// Says hello to a device.
pub(super) fn say(hub: &Hub, device: DeviceId, answer: bool) {
    let hello = Hello { certificates: Certificates::own(&hub.author.credentials), answer };
    let body = serde_json::to_vec(&hello).expect("texts are always JSON");
    hub.send(device, Envelope::new(MIME, body));
}

/// A device says hello.
pub(super) fn heard(hub: &Arc<Hub>, device: DeviceId, body: &[u8]) {
    let (account, answer) = match read(body, device, clock::now()) {
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

fn read(body: &[u8], device: DeviceId, now: i64) -> Result<(Uri, bool), CertificatesError> {
    let hello: Hello = serde_json::from_slice(body)?;
    Ok((hello.certificates.account_of(device, now)?, hello.answer))
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

#[cfg(test)]
mod tests {
    use super::*;
    use parv_identity::Identity;

    #[test]
    fn a_hello_shows_certificates_and_nonsense_is_refused() {
        const NOW: i64 = 1_700_000_000;
        let (ann, _) = Identity::create("Ann", "phone", NOW).unwrap();
        let text = |pem: &[u8]| String::from_utf8(pem.to_vec()).unwrap();
        let (account, device) = (text(ann.account_certificate.pem()), text(ann.device_certificate.pem()));
        let hello = serde_json::json!({ "account": account, "device": device, "answer": true }).to_string();
        assert_eq!(read(hello.as_bytes(), ann.device_id(), NOW).unwrap(), (ann.uri(), true));
        assert!(read(hello.as_bytes(), DeviceId::from_bytes([1; 32]), NOW).is_err());
        for nonsense in [&b""[..], b"{}", b"[1]", b"\xff"] {
            assert!(read(nonsense, ann.device_id(), NOW).is_err());
        }
    }
}
