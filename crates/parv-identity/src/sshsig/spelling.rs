//! What is wrong with a signature that is not in the one form that is allowed.

use super::{BEGIN, END, KEY_TYPE, NAMESPACE, SshsigError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const MAGIC: &[u8] = b"SSHSIG";
const VERSION: u32 = 1;
const HASH: &str = "sha512";

/// The largest armour that is looked at, in bytes. The one canonical form has 293; the rest is for telling apart by name
/// what is wrong with another one.
const MAX_ARMOUR_BYTES: usize = 4096;

/// The first thing that is wrong with such an armour; where all is there, the form itself.
pub(super) fn what_is_wrong(armour: &str) -> SshsigError {
    read(armour).err().unwrap_or(SshsigError::NotCanonical)
}

/// Reads an armour as leniently as OpenSSH does.
fn read(armour: &str) -> Result<(), SshsigError> {
    if armour.len() > MAX_ARMOUR_BYTES {
        return Err(SshsigError::NotArmoured);
    }
    let body = armour.strip_prefix(BEGIN).and_then(|rest| rest.split_once(END)).ok_or(SshsigError::NotArmoured)?.0;
    fields(&STANDARD.decode(body.replace(['\n', '\r'], "")).map_err(|_| SshsigError::NotArmoured)?)
}

fn fields(blob: &[u8]) -> Result<(), SshsigError> {
    let rest = blob.strip_prefix(MAGIC).and_then(|rest| rest.strip_prefix(&VERSION.to_be_bytes()));
    let mut rest = rest.ok_or(SshsigError::Malformed)?;
    let mut key = take(&mut rest)?;
    expect(take(&mut key)?, KEY_TYPE, SshsigError::KeyType)?;
    require_length(take(&mut key)?, 32)?;
    expect(take(&mut rest)?, NAMESPACE, SshsigError::Namespace)?;
    let _reserved = take(&mut rest)?;
    expect(take(&mut rest)?, HASH, SshsigError::Hash)?;
    let mut signature = take(&mut rest)?;
    expect(take(&mut signature)?, KEY_TYPE, SshsigError::KeyType)?;
    require_length(take(&mut signature)?, 64)
}

fn expect(found: &[u8], expected: &str, refuse: fn(String) -> SshsigError) -> Result<(), SshsigError> {
    /// How much of a wrong field an error shows, in bytes.
    const SHOWN: usize = 80;
    if found == expected.as_bytes() {
        return Ok(());
    }
    Err(refuse(String::from_utf8_lossy(&found[..found.len().min(SHOWN)]).into_owned()))
}

fn require_length(field: &[u8], bytes: usize) -> Result<(), SshsigError> {
    if field.len() == bytes { Ok(()) } else { Err(SshsigError::Malformed) }
}

/// Takes an SSH `string` (length and bytes) off the front.
fn take<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], SshsigError> {
    let (length, after) = rest.split_first_chunk().ok_or(SshsigError::Malformed)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| SshsigError::Malformed)?;
    let (field, after) = after.split_at_checked(length).ok_or(SshsigError::Malformed)?;
    *rest = after;
    Ok(field)
}
