//! People: their keys, certificates and revocation lists.

use parv_identity::certificate::{AccountCertificate, DeviceCertificate, Serial, Validity};
use parv_identity::{AccountKey, Crl, DeviceKey};
use parv_model::{DeviceId, Uri};
use parv_validator::Credentials;
use std::collections::BTreeSet;

/// When certificates end unless a test says otherwise, in seconds since 1970.
pub const FOR_EVER: i64 = 4_000_000_000;

/// Somebody with one device. Their keys and certificates follow from their number, so that a failing case can be run
/// again.
#[derive(Debug)]
pub struct Person {
    /// What they are called.
    pub name: String,
    /// Their account's key.
    pub account_key: AccountKey,
    /// Their device's key.
    pub device_key: DeviceKey,
    /// Their certificates, as this device has them.
    pub credentials: Credentials,
    device: u8,
    /// How often the device's certificate was renewed here.
    issued: u8,
    /// How often the account's certificate was renewed here.
    renewed: u8,
}

impl Clone for Person {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            account_key: AccountKey::from_seed(*self.account_key.seed()),
            device_key: self.device_key.clone(),
            credentials: self.credentials.clone(),
            ..*self
        }
    }
}

impl Person {
    /// Person number `number`.
    ///
    /// # Panics
    /// When no certificate can be issued.
    pub fn new(number: u8) -> Self {
        let account_key = AccountKey::from_seed([number.wrapping_add(1); 32]);
        let name = format!("person {number}");
        let account = account_certificate(&account_key, &name, 0, until(FOR_EVER));
        Self::assemble(name, account_key, account, 0)
    }

    /// The same person at another device.
    pub fn at_device(&self, device: u8) -> Self {
        let account_key = AccountKey::from_seed(*self.account_key.seed());
        Self::assemble(self.name.clone(), account_key, self.credentials.account.clone(), device)
    }

    fn assemble(name: String, account_key: AccountKey, account: AccountCertificate, device: u8) -> Self {
        let mut seed = *account_key.seed();
        seed[0] = 200u8.wrapping_add(device);
        let device_key = DeviceKey::from_seed(seed);
        let certificate = device_certificate(&account_key, &account, &device_key, serial(device, 0), until(FOR_EVER));
        let credentials = Credentials { account, device: certificate, crl: None };
        Self { name, account_key, device_key, credentials, device, issued: 0, renewed: 0 }
    }

    /// Their address.
    pub fn uri(&self) -> Uri {
        self.account_key.uri()
    }

    /// Their device.
    pub fn device(&self) -> DeviceId {
        self.device_key.device_id()
    }

    /// The device gets a new certificate, with a new serial number.
    ///
    /// # Panics
    /// When no certificate can be issued.
    pub fn renew_device(&mut self, good: Validity) {
        self.issued = self.issued.wrapping_add(1);
        let serial = serial(self.device, self.issued);
        let Self { account_key, device_key, credentials, .. } = self;
        credentials.device = device_certificate(account_key, &credentials.account, device_key, serial, good);
    }

    /// The account gets a new certificate of the same key.
    ///
    /// # Panics
    /// When no certificate can be issued.
    pub fn renew_account(&mut self, good: Validity) {
        self.renewed = self.renewed.wrapping_add(1);
        self.credentials.account = account_certificate(&self.account_key, &self.name, self.renewed, good);
    }

    /// The numbers of all certificates that the device has had.
    pub fn serials(&self) -> Vec<Serial> {
        (0..=self.issued).map(|issue| serial(self.device, issue)).collect()
    }

    /// The account revokes these certificates along with all that the device's latest list revoked.
    ///
    /// # Panics
    /// When no list can be issued.
    pub fn revoke(&mut self, serials: impl IntoIterator<Item = Serial>) {
        let last = self.credentials.crl.as_ref();
        let number = last.map_or(1, |crl| crl.number() + 1);
        let mut revoked: BTreeSet<Serial> = last.map(|crl| crl.revoked().clone()).unwrap_or_default();
        revoked.extend(serials);
        let list = Crl::issue(&self.account_key, &self.credentials.account, number, &revoked, 0, FOR_EVER);
        self.credentials.crl = Some(list.expect("a revocation list"));
    }
}

fn serial(device: u8, issue: u8) -> Serial {
    numbered([7, device], issue)
}

fn numbered([kind, whose]: [u8; 2], issue: u8) -> Serial {
    let bytes = [kind, whose, issue];
    Serial::from_bytes(if issue == 0 { &bytes[..2] } else { &bytes }).expect("a serial number")
}

fn account_certificate(key: &AccountKey, name: &str, issue: u8, good: Validity) -> AccountCertificate {
    let serial = numbered([1, key.seed()[0].wrapping_sub(1)], issue);
    AccountCertificate::issue_with_serial(key, name, &serial, good).expect("a certificate")
}

fn device_certificate(
    account_key: &AccountKey,
    account: &AccountCertificate,
    device_key: &DeviceKey,
    serial: Serial,
    good: Validity,
) -> DeviceCertificate {
    let device = device_key.device_id();
    DeviceCertificate::issue(account_key, account, &device, "device", &serial, good).expect("a certificate")
}

/// From the beginning of time until then, in seconds since 1970.
///
/// # Panics
/// When there is no such period.
pub fn until(end: i64) -> Validity {
    Validity::new(0, end).expect("a period")
}
