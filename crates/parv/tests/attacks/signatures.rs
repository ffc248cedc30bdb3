//! Signatures: stripped, doubled, rewrapped, for another purpose, or only good by a lax rule.

use crate::stage::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use parv::{DeviceId, Rule};
use parv_identity::sshsig::Signature;
use parv_proptests::text;
use sha2::{Digest, Sha512};

/// A commit of Bob's taken apart: its bytes without the signature, and the armour.
fn taken_apart(stage: &Stage, commit: parv::CommitId) -> (String, String) {
    let all = String::from_utf8(stage.world.objects.commit(&commit).to_vec()).unwrap();
    let (before, rest) = all.split_once("gpgsig ").unwrap();
    let (armour, message) = rest.split_once("\n\n").unwrap();
    (format!("{before}\n{message}"), armour.replace("\n ", "\n"))
}

/// Puts an armour into a commit without one.
fn put_together(payload: &str, armour: &str) -> Vec<u8> {
    payload.replacen("\n\n", &format!("\ngpgsig {}\n\n", armour.replace('\n', "\n ")), 1).into_bytes()
}

/// An honest text, and the same with something else made of payload and armour, is what is delivered.
async fn signed_by(other: impl Fn(&Stage, &str, &str) -> Vec<u8>, rule: Rule, words: &'static str) {
    let mut stage = Stage::with_admins(1);
    let head = stage.head;
    let control = stage.honest(BOB, &[head], text("signed"));
    let (payload, armour) = taken_apart(&stage, control);
    assert_eq!(put_together(&payload, &armour), stage.world.objects.commit(&control));
    let bytes = other(&stage, &payload, &armour);
    let attack = stage.raw(bytes);
    assert_ne!(attack, control);
    stage.refuses(attack, control, rule, words).await;
}

/// An armour with lines of so many columns.
fn wrapped(blob: &[u8], columns: usize) -> String {
    let text = STANDARD.encode(blob);
    let lines: Vec<&str> = text.as_bytes().chunks(columns).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----", lines.join("\n"))
}

fn unwrapped(armour: &str) -> Vec<u8> {
    let lines: String = armour.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(lines).unwrap()
}

fn field(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
}

/// What an SSHSIG for this purpose signs.
fn signed_data(namespace: &str, payload: &str) -> Vec<u8> {
    let hash = Sha512::digest(payload.as_bytes());
    [b"SSHSIG".to_vec(), field(namespace.as_bytes()), field(b""), field(b"sha512"), field(&hash)].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_signature_stripped() {
    signed_by(|_, payload, _| payload.as_bytes().to_vec(), Rule::Signature, "not signed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_signature_doubled() {
    let twice = |_: &Stage, payload: &str, armour: &str| {
        let once = String::from_utf8(put_together(payload, armour)).unwrap();
        put_together(&once, armour)
    };
    signed_by(twice, Rule::Structure, "a header that is not allowed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_signature_rewrapped() {
    for columns in [64, 76, 1000] {
        let rewrapped =
            |_: &Stage, payload: &str, armour: &str| put_together(payload, &wrapped(&unwrapped(armour), columns));
        signed_by(rewrapped, Rule::Signature, "not in the one form").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_signature_of_somebody_else() {
    let by_cid = |stage: &Stage, payload: &str, _: &str| {
        put_together(payload, &parv_identity::sshsig::sign(&stage.world.people[CID].device_key, payload.as_bytes()))
    };
    signed_by(by_cid, Rule::Signature, "signed by device").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_signature_of_other_bytes() {
    let changed = |_: &Stage, payload: &str, armour: &str| put_together(&payload.replace("signed", "forged"), armour);
    signed_by(changed, Rule::Signature, "not one of device").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_signature_for_another_namespace() {
    // Bob's device really signed this, as a file.
    let as_file = |stage: &Stage, payload: &str, _: &str| {
        let key = SigningKey::from_bytes(&stage.world.people[BOB].device_key.seed());
        let signature = key.sign(&signed_data("file", payload)).to_bytes();
        let public = [field(b"ssh-ed25519"), field(key.verifying_key().as_bytes())].concat();
        let proof = [field(b"ssh-ed25519"), field(&signature)].concat();
        let head = [b"SSHSIG".to_vec(), 1u32.to_be_bytes().to_vec()].concat();
        let blob = [head, field(&public), field(b"file"), field(b""), field(b"sha512"), field(&proof)].concat();
        put_together(payload, &wrapped(&blob, 70))
    };
    signed_by(as_file, Rule::Signature, "namespace \"file\"").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_signature_with_a_small_order_key() {
    // By the lax rule, this key and this signature are good for any bytes.
    let weak = |stage: &Stage, payload: &str, _: &str| {
        let identity: [u8; 32] = std::array::from_fn(|at| u8::from(at == 0));
        let proof: [u8; 64] = std::array::from_fn(|at| u8::from(at == 0));
        let device = DeviceId::from_bytes(identity);
        let key = ed25519_dalek::VerifyingKey::from_bytes(&identity).unwrap();
        let payload = payload.replace(&stage.world.people[BOB].device().to_string(), &device.to_string());
        let lax = ed25519_dalek::Verifier::verify(&key, &signed_data("git", &payload), &proof.into());
        assert!(lax.is_ok(), "the attack is real");
        put_together(&payload, &Signature { device, bytes: proof }.encode())
    };
    signed_by(weak, Rule::Signature, "not a usable ed25519 public key").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_signature_with_a_non_canonical_s() {
    // S + L: the same number to a careless verifier, and another commit id for the same commit.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let second = |_: &Stage, payload: &str, armour: &str| {
        let mut signature = parv_identity::sshsig::decode(armour).unwrap();
        let mut carry = 0;
        for (byte, addend) in signature.bytes[32..].iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(addend) + carry;
            (*byte, carry) = (sum as u8, sum >> 8);
        }
        put_together(payload, &signature.encode())
    };
    signed_by(second, Rule::Signature, "not one of device").await;
}
