//! Judging a conversation of Jami, against verifying its signatures alone on the same cores.

mod history;

use crate::Scale;
use crate::table::{Goal, Row};
use parv::jami::{Judge, audit};
use parv_bench_rules::sample::{Rounds, timed};
use parv_jami::PublicKey;
use parv_jami::certificate::{DeviceCertificate, MAX_CERTIFICATE_BYTES};
use parv_jami::commit::Commit;
use parv_jami::id::Device;
use parv_store::Foreign;
use parv_validator::BlobSource;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::thread;

type Failure = Box<dyn std::error::Error>;

/// The bare rate as a share of the time that the whole verdict takes, with unpacking, trees and rules.
pub fn row(scale: &Scale) -> Result<Row, Failure> {
    let path = &history::bundle(scale.jami)?;
    let (signed, keys) = signatures(path)?;
    let (mut clock, mut processor) = (Rounds::default(), Rounds::default());
    for _ in 0..scale.rounds {
        let (verified, [bare, bare_processor]) = timed(|| verify(&signed, &keys));
        verified?;
        let (report, [whole, whole_processor]) = timed(|| audit(path, Judge::Strict));
        if !report?.is_valid() {
            return Err("a good conversation is refused".into());
        }
        clock.add(bare, whole);
        processor.add(bare_processor, whole_processor);
    }
    Ok(Row {
        key: "jami_audit_vs_bare_rsa",
        what: "Judging a conversation of Jami, as a share of the bare rate of its RSA-4096 signatures on all cores"
            .into(),
        figure: clock.ratio(),
        unit: "×",
        goal: Goal::AtLeast(0.8),
        detail: format!(
            "{} commits; {}; {:.2} × of the processor time ({})",
            signed.len(),
            clock.times("bare", "whole"),
            processor.ratio(),
            processor.times("bare", "whole"),
        ),
    })
}

/// What was signed, by whom, and how; and everybody's key.
#[allow(clippy::type_complexity, reason = "a list of three things, used once")]
fn signatures(path: &Path) -> Result<(Vec<(Device, Vec<u8>, Vec<u8>)>, HashMap<Device, PublicKey>), Failure> {
    let foreign = Foreign::open(path)?;
    let (mut signed, mut keys) = (Vec::new(), HashMap::new());
    for (id, _) in foreign.walk(foreign.heads())? {
        let commit = Commit::decode(&foreign.commit(&id)?)?;
        let file = format!("devices/{}.crt", commit.device);
        if let Entry::Vacant(key) = keys.entry(commit.device) {
            let blob = foreign.entry_at(&commit.tree, &file)?.ok_or("a device has no certificate")?;
            let certificate = DeviceCertificate::from_pem(&foreign.blob(&blob, MAX_CERTIFICATE_BYTES)?)?;
            key.insert(certificate.key);
        }
        signed.push((commit.device, commit.payload, commit.signature.ok_or("a commit is not signed")?));
    }
    Ok((signed, keys))
}

fn verify(signed: &[(Device, Vec<u8>, Vec<u8>)], keys: &HashMap<Device, PublicKey>) -> Result<(), Failure> {
    let share = signed.len().div_ceil(thread::available_parallelism()?.get()).max(1);
    let good = move |share: &[(Device, Vec<u8>, Vec<u8>)]| {
        share.iter().all(|(device, payload, signature)| keys[device].signed(payload, signature))
    };
    let all = thread::scope(|scope| {
        let workers: Vec<_> = signed.chunks(share).map(|share| scope.spawn(move || good(share))).collect();
        workers.into_iter().all(|worker| worker.join().unwrap_or(false))
    });
    if all { Ok(()) } else { Err("a signature is wrong".into()) }
}
