//! Signatures on commits: SSHSIG as OpenSSH defines it (PROTOCOL.sshsig), namespace `git`, Ed25519, SHA-512.
//!
//! ```text
//! byte[6] "SSHSIG"   uint32 1
//! string  string "ssh-ed25519", string public key
//! string  "git"      string ""      string "sha512"
//! string  string "ssh-ed25519", string signature
//! ```
//!
//! in base64 of 70 columns between two marker lines. The signed bytes are `"SSHSIG"` and the strings namespace, reserved,
//! hash name and SHA-512 of the payload. Stock `git` and `ssh-keygen -Y` make and take the same.
//!
//! SSHSIG is malleable: OpenSSH takes other line lengths, blanks and trailing lines. Here there is one armour for a
//! signature, and [`decode`] takes no other.

use crate::key::{self, DeviceKey};
use crate::sum;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parv_model::DeviceId;
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

mod openssh;
mod spelling;

pub use openssh::{allowed_signers_line, openssh_private_key, public_key_line};

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "\n-----END SSH SIGNATURE-----";
const NAMESPACE: &str = "git";
const KEY_TYPE: &str = "ssh-ed25519";

/// The fields before the key.
const FIELDS: &[u8] = b"SSHSIG\0\0\0\x01\0\0\0\x33\0\0\0\x0bssh-ed25519\0\0\0\x20";

/// The fields between the key and the Ed25519 signature.
const MORE_FIELDS: &[u8] = b"\0\0\0\x03git\0\0\0\0\0\0\0\x06sha512\0\0\0\x53\0\0\0\x0bssh-ed25519\0\0\0\x40";

/// What stands before the hash in the bytes that are signed.
const SIGNED: &[u8] = b"SSHSIG\0\0\0\x03git\0\0\0\0\0\0\0\x06sha512\0\0\0\x40";

/// All fields, in bytes.
const BLOB_BYTES: usize = FIELDS.len() + 32 + MORE_FIELDS.len() + 64;

/// The same in base64.
const DIGITS: usize = BLOB_BYTES.div_ceil(3) * 4;

/// Columns of the armour, as OpenSSH writes it.
const COLUMNS: usize = 70;

/// Why a signature was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SshsigError {
    /// Not between the marker lines, not base64, or far too long.
    #[error("the signature is not an armoured ssh signature")]
    NotArmoured,
    /// The fields inside do not add up.
    #[error("the signature's fields are malformed")]
    Malformed,
    /// Not an Ed25519 key.
    #[error("the signature's key is of type {0:?}, not \"ssh-ed25519\"")]
    KeyType(String),
    /// Made for another purpose.
    #[error("the signature is for the namespace {0:?}, not \"git\"")]
    Namespace(String),
    /// Another hash.
    #[error("the signature's hash is {0:?}, not \"sha512\"")]
    Hash(String),
    /// Another spelling of a good signature.
    #[error("the signature is not in the one form that is allowed")]
    NotCanonical,
    /// A key of small order, or a second encoding of a key.
    #[error("the signature's key is not a usable ed25519 public key")]
    UnusableKey,
    /// The device did not sign this.
    #[error("the signature is not one of device {0} on these bytes")]
    Bad(DeviceId),
}

/// A decoded signature: who is said to have signed, and the proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// The device that is said to have signed.
    pub device: DeviceId,
    /// The Ed25519 signature.
    pub bytes: [u8; 64],
}

/// Signs `payload` and gives the armour, without a newline at its end.
pub fn sign(key: &DeviceKey, payload: &[u8]) -> String {
    Proof::sign(key, payload).signature().encode()
}

/// A signature that was made here a moment ago, with what was signed: to make sure that it holds. A fault of the machine, or a
/// key file that does not fit together, must not get into a conversation.
#[derive(Debug, Clone)]
pub struct Proof {
    signature: Signature,
    data: SignedData,
}

impl Proof {
    /// Signs `payload`.
    pub fn sign(key: &DeviceKey, payload: &[u8]) -> Self {
        let data = SignedData::of([payload]);
        Self { signature: Signature { device: key.device_id(), bytes: key.sign(data.as_bytes()) }, data }
    }

    /// The signature.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Whether all of these hold, by one sum of points: quicker than the strict rule that what others signed is held to
    /// ([`Signature::verify`]), and nobody else has had a say in these.
    pub fn all_hold(proofs: &[Self]) -> bool {
        let signed = proofs.iter().map(|Self { signature, data }| (signature, data));
        sum::all_hold(signed, |device| key::verifying_key(device.as_bytes()))
    }
}

/// Reads an armour.
///
/// # Errors
/// Whatever is not byte for byte what [`Signature::encode`] would have written. Whether the signature is good is told by
/// [`Signature::verify`].
pub fn decode(armour: &str) -> Result<Signature, SshsigError> {
    canonical(armour).ok_or_else(|| spelling::what_is_wrong(armour))
}

/// The signature with this armour.
fn canonical(armour: &str) -> Option<Signature> {
    let body = armour.strip_prefix(BEGIN)?.strip_suffix(END)?.as_bytes();
    let mut digits = [0; DIGITS];
    let mut lines = body.chunks(COLUMNS + 1);
    for digits in digits.chunks_mut(COLUMNS) {
        let (line, end) = lines.next()?.split_at_checked(digits.len())?;
        digits.copy_from_slice(line);
        let is_last = digits.len() < COLUMNS;
        if end != if is_last { &b""[..] } else { b"\n" } {
            return None;
        }
    }
    // Three bytes for four digits; the padding makes it one less. There is one spelling in base64, too.
    let mut blob = [0; DIGITS / 4 * 3];
    let length = STANDARD.decode_slice(digits, &mut blob).ok()?;
    let rest = blob[..length].strip_prefix(FIELDS).filter(|_| lines.next().is_none())?;
    let (device, rest) = rest.split_first_chunk()?;
    let bytes = rest.strip_prefix(MORE_FIELDS)?.try_into().ok()?;
    Some(Signature { device: DeviceId::from_bytes(*device), bytes })
}

impl Signature {
    /// The armour, without a newline at its end.
    pub fn encode(&self) -> String {
        let blob = [FIELDS, self.device.as_bytes(), MORE_FIELDS, &self.bytes].concat();
        [BEGIN, &wrapped_base64(&blob), END].concat()
    }

    /// Checks that the device signed `payload`, by the strict rule (validation §3): no key of small order, no second
    /// encoding of key or signature.
    pub fn verify(&self, payload: &[u8]) -> Result<(), SshsigError> {
        if key::verify(self.device.as_bytes(), SignedData::of([payload]).as_bytes(), &self.bytes) {
            return Ok(());
        }
        match key::verifying_key(self.device.as_bytes()) {
            Some(_) => Err(SshsigError::Bad(self.device)),
            None => Err(SshsigError::UnusableKey),
        }
    }
}

/// The bytes that a signature is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedData([u8; SIGNED.len() + 64]);

impl SignedData {
    /// Those that stand for a payload, which may come in several parts.
    pub fn of<'a>(payload: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha512::new();
        payload.into_iter().for_each(|part| hash.update(part));
        let mut data = [0; SIGNED.len() + 64];
        let (fields, place) = data.split_at_mut(SIGNED.len());
        fields.copy_from_slice(SIGNED);
        place.copy_from_slice(&hash.finalize());
        Self(data)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

fn wrapped_base64(blob: &[u8]) -> Zeroizing<String> {
    let text = Zeroizing::new(STANDARD.encode(blob));
    let mut wrapped = Zeroizing::new(String::with_capacity(text.len() + text.len() / COLUMNS));
    let mut rest = text.as_str();
    while let Some((line, after)) = rest.split_at_checked(COLUMNS).filter(|(_, after)| !after.is_empty()) {
        wrapped.push_str(line);
        wrapped.push('\n');
        rest = after;
    }
    wrapped.push_str(rest);
    wrapped
}

#[cfg(test)]
mod tests {
    use super::openssh::{pair, put};
    use super::*;

    fn signed() -> (DeviceKey, String) {
        let key = DeviceKey::from_seed([7; 32]);
        let armour = sign(&key, b"payload");
        (key, armour)
    }

    fn armoured(blob: &[u8]) -> String {
        format!("{BEGIN}{}{END}", wrapped_base64(blob).as_str())
    }

    fn blob(armour: &str) -> Vec<u8> {
        let body = armour.strip_prefix(BEGIN).unwrap().strip_suffix(END).unwrap();
        STANDARD.decode(body.replace('\n', "")).unwrap()
    }

    #[test]
    fn what_is_signed_verifies_for_this_payload_only() {
        let (key, armour) = signed();
        let signature = decode(&armour).unwrap();
        assert_eq!(signature.device, key.device_id());
        assert_eq!(signature.encode(), armour);
        assert_eq!(signature.verify(b"payload"), Ok(()));
        assert_eq!(signature.verify(b"payloaf"), Err(SshsigError::Bad(key.device_id())));
        let of_another = Signature { device: DeviceKey::from_seed([8; 32]).device_id(), ..signature };
        assert_eq!(of_another.verify(b"payload"), Err(SshsigError::Bad(of_another.device)));
    }

    #[test]
    fn the_armour_has_openssh_lines() {
        let (_, armour) = signed();
        assert_eq!(blob(&armour).len(), BLOB_BYTES);
        let lines: Vec<_> = armour.lines().collect();
        assert_eq!((lines[0], lines[5]), ("-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"));
        assert_eq!(lines.iter().map(|line| line.len()).collect::<Vec<_>>(), [29, 70, 70, 70, 22, 27]);
        assert_eq!(armour.len(), 293);
    }

    #[test]
    fn another_spelling_of_a_good_signature_is_refused() {
        let (_, armour) = signed();
        let body = STANDARD.encode(blob(&armour));
        let wrapped_at_76 =
            format!("{BEGIN}{}\n{}\n{}\n{}{END}", &body[..76], &body[76..152], &body[152..228], &body[228..]);
        let (first, last) = armour.split_at(100);
        let respelled = [
            ("wrapped at 76", wrapped_at_76),
            ("one line", format!("{BEGIN}{body}{END}")),
            ("crlf", armour.replace('\n', "\r\n")),
            ("a newline after it", format!("{armour}\n")),
            ("a line after it", format!("{armour}\nx")),
            ("a blank line in it", format!("{first}\n\n{last}")),
            ("a newline in front of the end", armour.replace(END, &format!("\n{END}"))),
            ("a field after the signature", armoured(&[blob(&armour), vec![0; 4]].concat())),
            ("two of them", format!("{armour}\n{armour}")),
        ];
        for (what, respelled) in respelled {
            assert!(decode(&respelled).is_err(), "{what} was taken");
        }
    }

    #[test]
    fn other_fields_are_refused_by_name() {
        let (key, _) = signed();
        let with = |version: u32, namespace: &[u8], reserved: &[u8], hash: &[u8], key_type: &[u8], length: usize| {
            let mut blob = b"SSHSIG".to_vec();
            blob.extend(version.to_be_bytes());
            put(&mut blob, &pair(key_type, key.device_id().as_bytes()));
            put(&mut blob, namespace);
            put(&mut blob, reserved);
            put(&mut blob, hash);
            put(&mut blob, &pair(b"ssh-ed25519", &[0; 64][..length]));
            decode(&armoured(&blob))
        };
        assert!(with(1, b"git", b"", b"sha512", b"ssh-ed25519", 64).is_ok());
        assert_eq!(with(2, b"git", b"", b"sha512", b"ssh-ed25519", 64), Err(SshsigError::Malformed));
        assert_eq!(with(1, b"file", b"", b"sha512", b"ssh-ed25519", 64), Err(SshsigError::Namespace("file".into())));
        assert_eq!(with(1, b"git", b"x", b"sha512", b"ssh-ed25519", 64), Err(SshsigError::NotCanonical));
        assert_eq!(with(1, b"git", b"", b"sha256", b"ssh-ed25519", 64), Err(SshsigError::Hash("sha256".into())));
        assert_eq!(with(1, b"git", b"", b"sha512", b"ssh-rsa", 64), Err(SshsigError::KeyType("ssh-rsa".into())));
        assert_eq!(with(1, b"git", b"", b"sha512", b"ssh-ed25519", 63), Err(SshsigError::Malformed));
    }

    #[test]
    fn damage_never_panics_and_never_verifies() {
        let (_, armour) = signed();
        let good = blob(&armour);
        for at in 0..good.len() {
            assert!(decode(&armoured(&good[..at])).is_err());
            for mask in [0x01, 0x10, 0x80, 0xff] {
                let mut damaged = good.clone();
                damaged[at] ^= mask;
                let verified = decode(&armoured(&damaged)).and_then(|signature| signature.verify(b"payload"));
                assert!(verified.is_err(), "a changed byte {at} went unnoticed");
            }
        }
        for at in 0..armour.len() {
            for byte in [b'A', b'\n', b' ', b'='] {
                let mut respelled = armour.clone().into_bytes();
                respelled[at] = byte;
                let respelled = String::from_utf8(respelled).unwrap();
                if let Ok(signature) = decode(&respelled) {
                    assert_eq!(signature.encode(), respelled);
                }
            }
        }
        let huge_lengths = [&b"SSHSIG\0\0\0\x01"[..], &[0xff; 64]].concat();
        assert_eq!(decode(&armoured(&huge_lengths)), Err(SshsigError::Malformed));
        for nonsense in
            ["", "\n", BEGIN, END, &format!("{BEGIN}{END}"), &format!("{BEGIN}!{END}"), &"A".repeat(1 << 20)]
        {
            assert!(decode(nonsense).is_err());
        }
    }

    #[test]
    fn a_key_of_small_order_signs_nothing() {
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut bytes = [0; 64];
        bytes[0] = 1; // R = neutral, S = 0: satisfies the bare equation for every payload
        let signature = decode(&Signature { device: DeviceId::from_bytes(neutral), bytes }.encode()).unwrap();
        assert_eq!(signature.verify(b"anything"), Err(SshsigError::UnusableKey));
    }

    #[test]
    fn own_signatures_hold_together_and_one_fault_among_them_is_found() {
        let key = DeviceKey::generate().unwrap();
        let mut proofs: Vec<_> = (0..40u8).map(|number| Proof::sign(&key, &[number])).collect();
        assert!(Proof::all_hold(&proofs) && Proof::all_hold(&[]));
        for proof in &proofs {
            assert!(Proof::all_hold(std::slice::from_ref(proof)));
        }
        assert_eq!(proofs[3].signature().verify(&[3]), Ok(()));
        proofs[17].signature.bytes[40] ^= 1;
        assert!(!Proof::all_hold(&proofs));
        proofs[17] = Proof::sign(&key, &[17]);
        proofs[39].signature.device = DeviceKey::generate().unwrap().device_id();
        assert!(!Proof::all_hold(&proofs));
    }
}
