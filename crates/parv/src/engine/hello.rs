//! Getting to know a device that is connected: whose is it?
//!
//! The connection proves the device's key. Each side then shows its certificates (`application/parv-hello`), and each
//! says when it has seen the other's, so that either knows from when on it will be recognised.

use super::hub::Hub;
use super::invitations;
use crate::clock;
use crate::event::Event;
use parv_identity::{AccountCertificate, DeviceCertificate};
use parv_model::{DeviceId, Uri};
use parv_net::Envelope;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The media type.
pub(super) const MIME: &str = "application/parv-hello";

#[derive(Serialize, Deserialize)]
struct Hello {
    /// The account's certificate, PEM.
    account: String,
    /// The device's certificate, PEM.
    device: String,
    /// Whether the sender has seen the receiver's hello.
    answer: bool,
}

/// Why a hello is not believed.
#[derive(Debug, thiserror::Error)]
enum HelloError {
    #[error("malformed: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Certificate(#[from] parv_identity::IdentityError),
    #[error("it shows the certificate of another device")]
    OtherDevice,
    #[error("the device's certificate is not from the account that it shows")]
    OtherAccount,
    #[error("a certificate is not valid now")]
    Expired,
}

/// Says hello to a device.
pub(super) fn say(hub: &Hub, device: DeviceId, answer: bool) {
    let text = |pem: &[u8]| String::from_utf8_lossy(pem).into_owned();
    let credentials = &hub.author.credentials;
    let hello = Hello { account: text(credentials.account.pem()), device: text(credentials.device.pem()), answer };
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

fn read(body: &[u8], device: DeviceId, now: i64) -> Result<(Uri, bool), HelloError> {
    let hello: Hello = serde_json::from_slice(body)?;
    let account = AccountCertificate::from_pem(hello.account.as_bytes())?;
    let certificate = DeviceCertificate::from_pem(hello.device.as_bytes())?;
    if certificate.device() != device {
        return Err(HelloError::OtherDevice);
    }
    if certificate.account() != account.uri() {
        return Err(HelloError::OtherAccount);
    }
    if !certificate.validity().contains(now) || !account.validity().contains(now) {
        return Err(HelloError::Expired);
    }
    Ok((account.uri(), hello.answer))
}

/// Both sides know each other: exchanges what there is to exchange.
fn met(hub: &Arc<Hub>, device: DeviceId, account: Uri) {
    hub.tell(Event::Connected { device, account });
    for id in hub.access.shared_with(&device) {
        hub.tell_heads(id, device);
    }
    let hub = hub.clone();
    let task = hub.clone();
    hub.spawn(async move {
        let noting = task.clone();
        let noted = tokio::task::spawn_blocking(move || noting.contacts.met(account, device)).await;
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

    const NOW: i64 = 1_700_000_000;

    fn hello(account: &Identity, device: &Identity) -> Vec<u8> {
        let text = |pem: &[u8]| String::from_utf8(pem.to_vec()).unwrap();
        let hello = Hello {
            account: text(account.account_certificate.pem()),
            device: text(device.device_certificate.pem()),
            answer: true,
        };
        serde_json::to_vec(&hello).unwrap()
    }

    #[test]
    fn only_a_device_of_that_account_is_believed() {
        let (ann, _) = Identity::create("Ann", "phone", NOW).unwrap();
        let (bob, _) = Identity::create("Bob", "phone", NOW).unwrap();
        assert_eq!(read(&hello(&ann, &ann), ann.device_id(), NOW).unwrap(), (ann.uri(), true));
        let late = NOW + 200 * 366 * 86_400;
        assert!(matches!(read(&hello(&ann, &ann), ann.device_id(), late), Err(HelloError::Expired)));
        assert!(matches!(read(&hello(&ann, &ann), bob.device_id(), NOW), Err(HelloError::OtherDevice)));
        assert!(matches!(read(&hello(&ann, &bob), bob.device_id(), NOW), Err(HelloError::OtherAccount)));
        for nonsense in [&b""[..], b"{}", b"[1]", b"\xff"] {
            assert!(read(nonsense, ann.device_id(), NOW).is_err());
        }
    }
}
