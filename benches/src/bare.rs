//! No more than making commits and checking them: what no storage can be faster than.

use parv_identity::Identity;
use parv_identity::sshsig::Proof;
use parv_model::{Commit, CommitId, DisplayName, Message, TreeId, object};
use std::io;
use std::time::{Duration, Instant};

/// A device that writes commits and stores them nowhere.
pub struct Bare {
    identity: Identity,
    parent: CommitId,
}

impl Bare {
    /// Makes the device.
    pub fn new() -> io::Result<Self> {
        let (identity, _) = Identity::create("Alice", "laptop", 1_700_000_000).map_err(io::Error::other)?;
        Ok(Self { identity, parent: CommitId::from_bytes([0; 20]) })
    }

    fn commit(&self) -> Commit {
        Commit {
            tree: TreeId::from_bytes([0; 20]),
            parents: vec![self.parent],
            author: DisplayName::sanitise("Alice"),
            device: self.identity.device_id(),
            time: 1_700_000_000,
            message: Message::Text { body: "hello swarm".into() }.encode(),
        }
    }

    /// Builds, signs and hashes so many commits, each on the one before.
    pub fn make(&mut self, count: usize) -> io::Result<Duration> {
        let start = Instant::now();
        for _ in 0..count {
            let commit = self.commit();
            let proof = Proof::sign(&self.identity.device_key, &commit.payload());
            let bytes = commit.encode(&proof.signature().encode());
            self.parent = object::commit_id(&bytes).map_err(io::Error::other)?;
        }
        Ok(start.elapsed())
    }

    /// Verifies so many signatures by the strict rule, on all cores.
    pub fn verify(&self, count: usize) -> io::Result<Duration> {
        let payload = self.commit().payload();
        let signature = *Proof::sign(&self.identity.device_key, &payload).signature();
        let cores = std::thread::available_parallelism()?.get();
        let start = Instant::now();
        let good = std::thread::scope(|scope| {
            let verify = || (0..count.div_ceil(cores)).all(|_| signature.verify(&payload).is_ok());
            let workers: Vec<_> = (0..cores).map(|_| scope.spawn(verify)).collect();
            workers.into_iter().all(|worker| worker.join().is_ok_and(|good| good))
        });
        if good { Ok(start.elapsed()) } else { Err(io::Error::other("a signature does not hold")) }
    }
}
