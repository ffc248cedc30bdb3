//! Issuing: whatever a person may be called and whichever dates are asked for, what is issued can be read again, and what
//! cannot be issued is refused for a reason that the caller can act on.

use arbitrary::{Result, Unstructured};
use parv_identity::certificate::{AccountCertificate, DeviceCertificate, Serial, Validity};
use parv_identity::{AccountKey, Crl, DeviceKey, IdentityError};
use std::collections::BTreeSet;

/// Makes certificates and a revocation list out of the input.
pub fn hold(bytes: &[u8]) {
    let _ = hold_for(&mut Unstructured::new(bytes));
}

fn hold_for(input: &mut Unstructured<'_>) -> Result<()> {
    let key = AccountKey::from_seed([input.arbitrary()?; 32]);
    let device = DeviceKey::from_seed([input.arbitrary()?; 32]).device_id();
    let serial = serial(input)?;
    let Some(validity) = period(input)? else { return Ok(()) };
    let number = input.arbitrary()?;
    let revoked = (0..input.int_in_range(0..=20)?).map(|_| self::serial(input)).collect::<Result<BTreeSet<_>>>()?;
    let [name, device_name] = [input.arbitrary::<&str>()?, input.arbitrary::<&str>()?];

    let Some(account) = issued(AccountCertificate::issue(&key, name, validity)) else { return Ok(()) };
    assert_eq!((account.uri(), account.common_name(), account.validity()), (key.uri(), name, validity));
    let made = Crl::issue(&key, &account, number, &revoked, validity.not_before, validity.not_after);
    if let Some(crl) = issued(made) {
        assert_eq!((crl.account(), crl.number(), crl.revoked()), (key.uri(), number, &revoked));
        assert_eq!(Crl::from_pem(crl.pem()).ok().as_ref(), Some(&crl));
    }
    let made = DeviceCertificate::issue(&key, &account, &device, device_name, &serial, validity);
    if let Some(certificate) = issued(made) {
        assert_eq!((certificate.device(), certificate.account(), certificate.serial()), (device, key.uri(), &serial));
        assert_eq!((certificate.common_name(), certificate.validity()), (device_name, validity));
        assert_eq!(DeviceCertificate::from_pem(certificate.pem()).ok().as_ref(), Some(&certificate));
    }
    Ok(())
}

/// What was issued; nothing if it was refused for what was asked. Issuing reads what it made, so any other error means
/// that the two do not agree about the form.
fn issued<T>(result: std::result::Result<T, IdentityError>) -> Option<T> {
    match result {
        Ok(made) => Some(made),
        Err(IdentityError::TooLarge { .. } | IdentityError::Name(_) | IdentityError::Period { .. }) => None,
        Err(error) => panic!("it issues what it does not read: {error}"),
    }
}

fn serial(input: &mut Unstructured<'_>) -> Result<Serial> {
    let digits = usize::from(input.int_in_range(1..=20_u8)?);
    Ok(Serial::from_bytes(input.bytes(digits)?).unwrap_or(Serial::from_bytes(&[1]).expect("a serial number")))
}

fn period(input: &mut Unstructured<'_>) -> Result<Option<Validity>> {
    Ok(Validity::new(input.arbitrary()?, input.arbitrary()?).ok())
}
