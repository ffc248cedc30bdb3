//! A long history, against the bare verification of its signatures on the same cores.

use crate::group::{Failure, Files, Group};
use crate::sample::{Rounds, timed};
use crate::table::{Goal, Row};
use ed25519_dalek::{Signature, VerifyingKey, verify_batch};
use parv_identity::sshsig;
use parv_model::{Commit, Refusal, object};
use parv_validator::{BlobSource, CheckedCommit, Replica, Signatures, replay};
use sha2::{Digest, Sha512};
use std::thread;

const ROUNDS: usize = 5;

/// How many signatures are summed up at a time where they are verified together.
const BATCH: usize = 512;

/// A signature with all that is needed to verify it, decoded.
struct Signed {
    key: VerifyingKey,
    signature: Signature,
    data: Vec<u8>,
}

/// Both comparisons, on a conversation of ten people with so many messages.
pub fn rows(messages: usize) -> Result<Vec<Row>, Failure> {
    let (files, commits) = history(messages)?;
    let signed: Vec<Signed> = commits.iter().map(|bytes| signed(bytes)).collect::<Result<_, _>>()?;
    let strict = |share: &[Signed]| share.iter().all(|s| s.key.verify_strict(&s.data, &s.signature).is_ok());
    let batched = |share: &[Signed]| share.chunks(BATCH).all(batch);
    let mut rows = Vec::new();
    for (key, against, signatures, bare) in [
        (
            "replay_100k_vs_bare_verify",
            "verify_strict",
            Signatures::New,
            &strict as &(dyn Fn(&[Signed]) -> bool + Sync),
        ),
        ("replay_admitted_100k_vs_batch_verify", "verify_batch", Signatures::Admitted, &batched),
    ] {
        let (mut clock, mut processor) = (Rounds::default(), Rounds::default());
        for _ in 0..ROUNDS {
            let (replica, [our, our_processor]) = timed(|| run(&commits, signatures, &files));
            assert_eq!(replica?.len(), commits.len());
            let (good, [their, their_processor]) = timed(|| on_all_cores(&signed, bare));
            assert!(good);
            clock.add(our, their);
            processor.add(our_processor, their_processor);
        }
        rows.push(Row {
            key,
            what: format!(
                "replaying {messages} messages, against bare {against} of their signatures on the same cores"
            ),
            figure: clock.ratio(),
            unit: "×",
            goal: Goal::AtMost(1.3),
            detail: format!(
                "{}; {:.2} × of the processor time ({})",
                clock.times("parv", "bare"),
                processor.ratio(),
                processor.times("parv", "bare"),
            ),
        });
    }
    Ok(rows)
}

/// The commits of a conversation, parents first.
fn history(messages: usize) -> Result<(Files, Vec<Vec<u8>>), Failure> {
    let (mut files, mut commits) = (Files::default(), Vec::new());
    let group = Group::new(10, |draft, bytes| {
        files.keep(draft);
        commits.push(bytes);
    })?;
    let (mut head, mut replica) = (group.head, group.replica);
    let tree = replica.state(&[head]).tree();
    for number in 0..messages {
        let body = format!("message number {number} of a long conversation");
        let bytes = group.people[number % group.people.len()].say(&body, tree, &[head], 1000 + number as i64);
        head = object::commit_id(&bytes)?;
        commits.push(bytes);
    }
    Ok((files, commits))
}

/// Judges all of it.
fn run(commits: &[Vec<u8>], signatures: Signatures, files: &dyn BlobSource) -> Result<Replica, Failure> {
    let mut replica: Option<Replica> = None;
    replay::check_each(commits, signatures, |_, verdict: Result<CheckedCommit, Refusal>| {
        let commit = verdict?;
        match &mut replica {
            Some(replica) => replica.admit(&commit, files),
            None => Replica::begin(&commit, files).map(|begun| replica = Some(begun)),
        }
    })?;
    replica.ok_or_else(|| "no commits".into())
}

fn signed(bytes: &[u8]) -> Result<Signed, Failure> {
    let (commit, armour): (Commit, String) = Commit::decode(bytes)?;
    let signature = sshsig::decode(&armour)?;
    let mut data = b"SSHSIG\0\0\0\x03git\0\0\0\0\0\0\0\x06sha512\0\0\0\x40".to_vec();
    data.extend(Sha512::digest(commit.payload()));
    let key = VerifyingKey::from_bytes(signature.device.as_bytes())?;
    Ok(Signed { key, signature: Signature::from_bytes(&signature.bytes), data })
}

fn batch(batch: &[Signed]) -> bool {
    let data: Vec<&[u8]> = batch.iter().map(|signed| signed.data.as_slice()).collect();
    let signatures: Vec<Signature> = batch.iter().map(|signed| signed.signature).collect();
    let keys: Vec<VerifyingKey> = batch.iter().map(|signed| signed.key).collect();
    verify_batch(&data, &signatures, &keys).is_ok()
}

fn on_all_cores(signed: &[Signed], verify: &(dyn Fn(&[Signed]) -> bool + Sync)) -> bool {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let shares = signed.chunks(signed.len().div_ceil(cores));
        let workers: Vec<_> = shares.map(|share| scope.spawn(move || verify(share))).collect();
        workers.into_iter().all(|worker| worker.join().is_ok_and(|good| good))
    })
}
