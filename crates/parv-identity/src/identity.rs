//! What a device is: its key, and the papers that say whose it is.

use crate::IdentityError;
use crate::certificate::{
    ACCOUNT_VALIDITY_SECONDS, AccountCertificate, DEVICE_VALIDITY_SECONDS, DeviceCertificate, Serial, Validity,
};
use crate::crl::Crl;
use crate::key::{AccountKey, DeviceKey};
use parv_model::{DeviceId, Uri};

/// A device of an account. The account's own key is not part of it: a device works without.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The device's secret key.
    pub device_key: DeviceKey,
    /// The certificate of the account.
    pub account_certificate: AccountCertificate,
    /// What the account says of this device.
    pub device_certificate: DeviceCertificate,
    /// The account's latest revocation list, if it ever revoked a device.
    pub crl: Option<Crl>,
}

impl Identity {
    /// Makes a new account called `name` with its first device called `device_name`, at `now` (seconds since 1970). The
    /// account key comes apart from the rest, to be [sealed](crate::archive::seal) and put away.
    pub fn create(name: &str, device_name: &str, now: i64) -> Result<(Self, AccountKey), IdentityError> {
        let account_key = AccountKey::generate()?;
        let account_certificate =
            AccountCertificate::issue(&account_key, name, Validity::until(now, ACCOUNT_VALIDITY_SECONDS))?;
        let identity = Self::add_device(&account_key, account_certificate, None, device_name, now)?;
        Ok((identity, account_key))
    }

    /// Makes a further device of an account whose key is at hand, at `now` (seconds since 1970).
    pub fn add_device(
        account_key: &AccountKey,
        account_certificate: AccountCertificate,
        crl: Option<Crl>,
        device_name: &str,
        now: i64,
    ) -> Result<Self, IdentityError> {
        let device_key = DeviceKey::generate()?;
        let device_certificate = DeviceCertificate::issue(
            account_key,
            &account_certificate,
            &device_key.device_id(),
            device_name,
            &Serial::random()?,
            Validity::until(now, DEVICE_VALIDITY_SECONDS),
        )?;
        Self::assemble(device_key, account_certificate, device_certificate, crl)
    }

    /// Puts the parts together, if they belong together.
    ///
    /// # Errors
    /// [`Mismatch`](IdentityError::Mismatch) names the part that belongs to another account or device.
    pub fn assemble(
        device_key: DeviceKey,
        account_certificate: AccountCertificate,
        device_certificate: DeviceCertificate,
        crl: Option<Crl>,
    ) -> Result<Self, IdentityError> {
        let identity = Self { device_key, account_certificate, device_certificate, crl };
        identity.check()?;
        Ok(identity)
    }

    /// Checks that the parts belong together.
    pub(crate) fn check(&self) -> Result<(), IdentityError> {
        let certificate = &self.device_certificate;
        same("device certificate", self.device_id(), certificate.device())?;
        same("device certificate", self.uri(), certificate.account())?;
        self.crl.as_ref().map_or(Ok(()), |crl| same("revocation list", self.uri(), crl.account()))
    }

    /// The account.
    pub fn uri(&self) -> Uri {
        self.account_certificate.uri()
    }

    /// The device.
    pub fn device_id(&self) -> DeviceId {
        self.device_key.device_id()
    }
}

pub(crate) fn same<Id: PartialEq + ToString>(what: &'static str, expected: Id, found: Id) -> Result<(), IdentityError> {
    if expected == found {
        return Ok(());
    }
    Err(IdentityError::Mismatch { what, expected: expected.to_string(), found: found.to_string() })
}
