//! Signatures made by OpenSSH, as files: what is good, what was made for something else, what was tampered with
//! (`samples/README.md`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parv_identity::sshsig::{self, Signature, SshsigError, public_key_line};

const PAYLOAD: &[u8] = include_bytes!("samples/payload");
const KEY: &str = include_str!("samples/key.pub");
const GOOD: &str = include_str!("samples/good.sig");

/// Reads a file of `ssh-keygen`, which ends with a newline.
fn read(file: &str) -> Result<Signature, SshsigError> {
    sshsig::decode(file.strip_suffix('\n').expect("ssh-keygen ends its files with a newline"))
}

#[test]
fn good_ones_are_taken() {
    let signature = read(GOOD).unwrap();
    assert_eq!(public_key_line(&signature.device), KEY.trim_end());
    assert_eq!(signature.verify(PAYLOAD), Ok(()));
    assert_eq!(signature.verify(b""), Err(SshsigError::Bad(signature.device)));
    assert_eq!(signature.encode() + "\n", GOOD, "we write what OpenSSH writes");
    let of_nothing = read(include_str!("samples/good-of-nothing.sig")).unwrap();
    assert_eq!(of_nothing.device, signature.device);
    assert_eq!(of_nothing.verify(b""), Ok(()));
    assert_eq!(of_nothing.verify(PAYLOAD), Err(SshsigError::Bad(signature.device)));
}

#[test]
fn those_for_something_else_are_refused_by_name() {
    let refused = |file| read(file).unwrap_err();
    assert_eq!(refused(include_str!("samples/namespace-file.sig")), SshsigError::Namespace("file".into()));
    assert_eq!(refused(include_str!("samples/hash-sha256.sig")), SshsigError::Hash("sha256".into()));
    assert_eq!(refused(include_str!("samples/ecdsa.sig")), SshsigError::KeyType("ecdsa-sha2-nistp256".into()));
    assert_eq!(refused(include_str!("samples/rsa.sig")), SshsigError::KeyType("ssh-rsa".into()));
}

#[test]
fn tampered_ones_are_refused() {
    for file in [
        include_str!("samples/tampered-r.sig"),
        include_str!("samples/tampered-s.sig"),
        // OpenSSH calls this one good: it is the same S to who does not compare it with the order of the group.
        include_str!("samples/s-plus-order.sig"),
    ] {
        let signature = read(file).unwrap();
        assert_eq!(signature.verify(PAYLOAD), Err(SshsigError::Bad(signature.device)));
    }
    assert_eq!(read(include_str!("samples/rewrapped.sig")), Err(SshsigError::NotCanonical));
    assert_eq!(sshsig::decode(GOOD), Err(SshsigError::NotCanonical), "the newline at the end is part of the file only");
}

#[test]
fn no_bit_of_a_good_one_may_change() {
    let body: String = GOOD.lines().filter(|line| !line.starts_with('-')).collect();
    let blob = STANDARD.decode(body).unwrap();
    for bit in 0..blob.len() * 8 {
        let mut changed = blob.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let base64 = STANDARD.encode(changed);
        let lines: Vec<&str> = base64.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let armour = format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----", lines.join("\n"));
        let verdict = sshsig::decode(&armour).and_then(|signature| signature.verify(PAYLOAD));
        assert!(verdict.is_err(), "bit {bit} was changed without being noticed");
    }
}
