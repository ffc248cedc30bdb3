//! From histories made in memory (`parv_proptests::World`) to devices: data folders that hold them, with running nodes.

use crate::common::{Person, TCP};
use parv::{CommitId, ConversationId};
use parv_identity::{Identity, IdentityFolder, NewIdentity};
use parv_proptests::{Objects, World};
use parv_store::{NewCommit, Repository};
use std::collections::BTreeSet;
use tempfile::TempDir;

/// The device of writer `number`, running, that has everything up to these heads.
pub async fn device_with(world: &World, number: usize, known: &[CommitId]) -> Person {
    let home = home_of(world, number);
    let id = ConversationId::new(world.root()).to_string();
    let folder = home.path().join(world.uri(number).to_string()).join("conversations").join(id);
    let repository = Repository::init(folder).unwrap();
    let all = needed(&world.objects, known);
    let of = |wanted| all.iter().filter(move |(kind, _)| *kind == wanted).map(|(_, bytes)| bytes.to_vec());
    let (blobs, trees): (Vec<_>, Vec<_>) = (of("blob").collect(), of("tree").collect());
    let commits: Vec<_> = of("commit").collect();
    let mut new: Vec<_> = commits.iter().map(|commit| NewCommit { blobs: &[], trees: &[], commit }).collect();
    (new[0].blobs, new[0].trees) = (&blobs, &trees);
    repository.write(&new, &[], known).unwrap();
    drop(repository);
    Person::reopen(home, TCP).await
}

/// A data folder with a writer's keys.
pub fn home_of(world: &World, number: usize) -> TempDir {
    let person = &world.people[number];
    let credentials = person.credentials.clone();
    let identity =
        Identity::assemble(person.device_key.clone(), credentials.account, credentials.device, None).unwrap();
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(person.uri().to_string()).join("identity");
    IdentityFolder::create(&folder, &NewIdentity { identity: &identity, archive: None }).unwrap();
    home
}

/// Every object that the heads need: kinds and bytes.
pub fn needed<'a>(objects: &'a Objects, heads: &[CommitId]) -> Vec<(&'static str, &'a [u8])> {
    let mut open: Vec<[u8; 20]> = heads.iter().map(|head| *head.as_bytes()).collect();
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    while let Some(id) = open.pop() {
        if let Some((kind, bytes)) = objects.find(&id).filter(|_| seen.insert(id)) {
            open.extend(links(kind, bytes));
            all.push((kind, bytes));
        }
    }
    all
}

/// What an object names, however odd it is otherwise.
fn links(kind: &str, bytes: &[u8]) -> Vec<[u8; 20]> {
    match kind {
        "commit" => {
            let text = String::from_utf8_lossy(bytes);
            let head = text.split("\n\n").next().unwrap_or_default().to_owned();
            let ids = head.lines().filter_map(|line| line.strip_prefix("tree ").or(line.strip_prefix("parent ")));
            ids.filter_map(|id| id.parse::<CommitId>().ok()).map(|id| *id.as_bytes()).collect()
        }
        "tree" => entries(bytes).into_iter().map(|(_, id)| id).collect(),
        _ => Vec::new(),
    }
}

/// The lines of a tree: mode and name in one, and the object.
pub fn entries(mut tree: &[u8]) -> Vec<(Vec<u8>, [u8; 20])> {
    let mut all = Vec::new();
    while let Some(end) = tree.iter().position(|&byte| byte == 0) {
        let Some((id, rest)) = tree[end + 1..].split_first_chunk::<20>() else { break };
        all.push((tree[..end].to_vec(), *id));
        tree = rest;
    }
    all
}
