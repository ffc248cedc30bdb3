//! Certificates: forged, foreign, malformed, or believed too early.

use crate::stage::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use parv::{Message, Rule, VoteKind};
use parv_identity::Crl;
use parv_model::TreePath;
use parv_proptests::text;
use std::collections::BTreeSet;

/// The bytes inside a PEM text.
fn der(pem: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(pem).unwrap();
    let lines: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(lines).unwrap()
}

/// The PEM text around bytes.
fn pem(der: &[u8]) -> Vec<u8> {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n")).into_bytes()
}

/// Makes the bytes that take a certificate's place.
type File<'a> = &'a dyn Fn(&Stage) -> Vec<u8>;

/// A stranger has been invited, and joins with one of the two certificates replaced.
async fn joining_with(of_device: bool, files: &[File<'_>]) {
    let mut stage = Stage::with_admins(1);
    let (head, sybil) = (stage.head, stage.world.uri(SYBIL));
    let invited = stage.honest(ANN, &[head], Message::Add(sybil));
    let control = stage.honest(SYBIL, &[invited], Message::Join(sybil));
    let joined = stage.tree(control);
    let device = stage.world.people[SYBIL].device();
    let path = if of_device { TreePath::Device(device) } else { TreePath::Member(sybil) };
    let words = if of_device { "devices/" } else { "members/" };
    let mut attempts = Vec::new();
    for file in files {
        let bytes = file(&stage);
        let tree = stage.with_file(joined, &path.to_string(), &bytes);
        let attack = stage.forged(SYBIL, &[invited], Message::Join(sybil), tree);
        attempts.push(refused(&[attack], Rule::Certificate, words));
    }
    stage.assault(&[head], &attempts, &[control]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_binary_certificate_as_a_file() {
    joining_with(false, &[&|stage| der(stage.world.people[SYBIL].credentials.account.pem())]).await;
    joining_with(true, &[&|stage| der(stage.world.people[SYBIL].credentials.device.pem())]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_malformed_pem() {
    let malformed: [File<'_>; 6] = [
        &|_| Vec::new(),
        &|_| b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec(),
        &|_| b"-----BEGIN CERTIFICATE-----\n".to_vec(),
        &|_| vec![0xff; 500],
        &|stage| stage.world.people[SYBIL].credentials.device.pem()[..200].to_vec(),
        &|stage| [stage.world.people[SYBIL].credentials.device.pem(), b"\n"].concat(),
    ];
    joining_with(true, &malformed).await;
    joining_with(false, &malformed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_certificate_of_somebody_else() {
    joining_with(true, &[&|stage| stage.world.people[SECOND_SYBIL].credentials.device.pem().to_vec()]).await;
    joining_with(false, &[&|stage| stage.world.people[SECOND_SYBIL].credentials.account.pem().to_vec()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_device_certificate_with_the_victims_name_and_another_signature() {
    // The thief's device says that it is Ann's: all of the certificate is as Ann would have issued it, but for who signed.
    let mut stage = Stage::with_admins(1);
    let head = stage.head;
    let thief = SigningKey::from_bytes(&stage.world.people[SYBIL].account_key.seed());
    stage.world.people.push(stage.world.people[ANN].at_device(1));
    let second = stage.world.people.len() - 1;
    let genuine = stage.world.people[second].credentials.device.pem().to_vec();
    let mut forged = der(&genuine);
    let body = 4..4 + 4 + usize::from(u16::from_be_bytes([forged[6], forged[7]]));
    let signature = thief.sign(&forged[body]).to_bytes();
    let at = forged.len() - 64;
    forged[at..].copy_from_slice(&signature);
    let forged = pem(&forged);
    assert_eq!(forged.len(), genuine.len(), "only the signature differs");

    let before = stage.tree(head);
    let path = TreePath::Device(stage.world.people[second].device()).to_string();
    let tree = stage.with_file(before, &path, &forged);
    let attack = stage.forged(second, &[head], text("this is Ann"), tree);
    let control = stage.honest(second, &[head], text("this is Ann"));
    stage.refuses(attack, control, Rule::Certificate, "not signed by the account that it names").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_device_of_a_stranger_as_a_rider() {
    let mut stage = Stage::with_admins(1);
    let head = stage.head;
    let before = stage.tree(head);
    let sybil = &stage.world.people[SYBIL];
    let (path, file) = (TreePath::Device(sybil.device()).to_string(), sybil.credentials.device.pem().to_vec());
    let tree = stage.with_file(before, &path, &file);
    let alone = stage.forged(SYBIL, &[head], text("let me in"), tree);
    let carried = stage.forged(BOB, &[head], text("meet my friend"), tree);
    let attempts = [
        refused(&[alone], Rule::Authority, "a stranger to this conversation"),
        refused(&[carried], Rule::Tree, "a file was added, removed or changed"),
    ];
    let control = stage.honest(BOB, &[head], text("I have a friend"));
    stage.assault(&[head], &attempts, &[control]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_vote_concurrent_with_the_revocation_of_the_voting_device() {
    let mut stage = Stage::with_admins(3);
    stage.world.people.push(stage.world.people[BOB].at_device(1));
    let stolen = stage.world.people.len() - 1;
    let (head, dan) = (stage.head, stage.world.uri(DAN));
    let head = stage.honest(stolen, &[head], text("my other device"));
    let serial = *stage.world.people[stolen].credentials.device.serial();
    let vote = Message::Vote(VoteKind::Ban, dan.into());
    let attack = stage.honest(stolen, &[head], vote.clone());
    let bob = &mut stage.world.people[BOB];
    let list = Crl::issue(&bob.account_key, &bob.credentials.account, 1, &BTreeSet::from([serial]), 0, 4_000_000_000);
    bob.credentials.crl = Some(list.unwrap());
    let revoked = stage.honest(BOB, &[head], text("it was stolen"));
    let control = stage.honest(BOB, &[revoked], vote);
    stage.assault(&[revoked], &[refused(&[revoked, attack], Rule::Standing, "revoked")], &[control]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_banned_device_rides_in_again() {
    let mut stage = Stage::with_admins(1);
    stage.world.people.push(stage.world.people[DAN].at_device(1));
    let stolen = stage.world.people.len() - 1;
    let (device, dan) = (stage.world.people[stolen].device(), stage.world.uri(DAN));
    let head = stage.world.line(stage.head, &[(stolen, text("my other device"))]);
    let ban = [Message::Vote(VoteKind::Ban, device.into()), Message::Resolve(VoteKind::Ban, device.into())];
    let banned = stage.world.line(head, &ban.map(|deed| (ANN, deed)));
    // By itself, with the certificate that its account issued; carried by the account's other device; and as the device
    // by which the account joins again.
    let before = stage.tree(banned);
    let file = stage.world.people[stolen].credentials.device.pem().to_vec();
    let tree = stage.with_file(before, &TreePath::Device(device).to_string(), &file);
    let alone = stage.forged(stolen, &[banned], text("it is me"), tree);
    let carried = stage.forged(DAN, &[banned], text("it is mine"), tree);
    let left = stage.world.line(banned, &[(DAN, Message::Leave(dan)), (ANN, Message::Add(dan))]);
    let joined = stage.dishonest(stolen, &[left], Message::Join(dan));
    let attempts = [
        refused(&[alone], Rule::Authority, "is banned"),
        refused(&[carried], Rule::Tree, "a file was added, removed or changed"),
        refused(&[joined], Rule::Authority, "is banned"),
    ];
    let control = stage.honest(DAN, &[left], Message::Join(dan));
    stage.assault(&[banned], &attempts, &[control]).await;
}
