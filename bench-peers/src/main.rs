//! Writes signed commits with libgit2, each on the one before, and prints how many seconds that took.
//!
//! The same work as a burst of messages in Parv, without the rules and without waiting for the disk: build the commit, sign it
//! with the same code, store it; move the branch once at the end.

#![forbid(unsafe_code)]

use git2::{Oid, Repository, Signature, Time};
use parv_identity::{Identity, sshsig};
use std::error::Error;
use std::time::Instant;

const TIME: i64 = 1_700_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let count: usize = std::env::args().nth(1).ok_or("how many commits?")?.parse()?;
    let folder = tempfile::tempdir()?;
    let repository = Repository::init_bare(folder.path())?;
    let (identity, _) = Identity::create("Alice", "laptop", TIME)?;
    let author = Signature::new("Alice", &format!("{}", identity.device_id()), &Time::new(TIME, 0))?;
    let tree = repository.find_tree(repository.treebuilder(None)?.write()?)?;
    let start = Instant::now();
    let mut parent: Option<Oid> = None;
    for _ in 0..count {
        let parents: Vec<_> = parent.map(|id| repository.find_commit(id)).transpose()?.into_iter().collect();
        let parents: Vec<_> = parents.iter().collect();
        let message = r#"{"body":"hello swarm","type":"text/plain"}"#;
        let bytes = repository.commit_create_buffer(&author, &author, message, &tree, &parents)?;
        let bytes = bytes.as_str().ok_or("a commit is not UTF-8")?;
        let armour = sshsig::sign(&identity.device_key, bytes.as_bytes());
        parent = Some(repository.commit_signed(bytes, &armour, None)?);
    }
    if let Some(head) = parent {
        repository.reference("refs/heads/main", head, true, "burst")?;
    }
    println!("{}", start.elapsed().as_secs_f64());
    Ok(())
}
