//! Device keys as OpenSSH and Git want them.

use super::{KEY_TYPE, NAMESPACE, wrapped_base64};
use crate::key::DeviceKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parv_model::DeviceId;
use zeroize::Zeroizing;

/// The device's public key as OpenSSH writes it: `ssh-ed25519 AAAA…`.
pub fn public_key_line(device: &DeviceId) -> String {
    format!("{KEY_TYPE} {}", STANDARD.encode(public_key_blob(device)))
}

/// The device's line in git's `gpg.ssh.allowedSignersFile`. The principal is the device id, which is also the e-mail
/// address in its commits.
pub fn allowed_signers_line(device: &DeviceId) -> String {
    format!("{device} namespaces=\"{NAMESPACE}\" {}", public_key_line(device))
}

/// The device's private key in OpenSSH's own file format (PROTOCOL.key), not encrypted, for stock `git` and `ssh-keygen`.
pub fn openssh_private_key(key: &DeviceKey) -> Zeroizing<String> {
    let device = key.device_id();
    let mut keypair = Zeroizing::new([0; 64]);
    keypair[..32].copy_from_slice(&*key.seed());
    keypair[32..].copy_from_slice(device.as_bytes());

    // Two equal numbers tell a reader that decryption worked. Nothing is encrypted, so they need not be random.
    let check = &device.as_bytes()[..4];
    let mut private = Zeroizing::new([check, check, &public_key_blob(&device)].concat());
    put(&mut private, &*keypair);
    put(&mut private, b""); // no comment
    let padding = private.len().next_multiple_of(8) - private.len();
    private.extend((1..).take(padding));

    let mut blob = Zeroizing::new(b"openssh-key-v1\0".to_vec());
    blob.reserve(64 + 2 * private.len()); // growing would leave copies of the key behind
    put(&mut blob, b"none"); // cipher
    put(&mut blob, b"none"); // key derivation
    put(&mut blob, b"");
    blob.extend(1u32.to_be_bytes());
    put(&mut blob, &public_key_blob(&device));
    put(&mut blob, &private);
    Zeroizing::new(format!(
        "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n",
        wrapped_base64(&blob).as_str()
    ))
}

/// Appends an SSH `string`. All of ours are shorter than a kilobyte.
pub(super) fn put(blob: &mut Vec<u8>, field: &[u8]) {
    blob.extend_from_slice(&(field.len() as u32).to_be_bytes());
    blob.extend_from_slice(field);
}

pub(super) fn pair(first: &[u8], second: &[u8]) -> Vec<u8> {
    let mut blob = Vec::with_capacity(8 + first.len() + second.len());
    put(&mut blob, first);
    put(&mut blob, second);
    blob
}

fn public_key_blob(device: &DeviceId) -> Vec<u8> {
    pair(KEY_TYPE.as_bytes(), device.as_bytes())
}
