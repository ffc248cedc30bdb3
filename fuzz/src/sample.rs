//! A small conversation for the targets that need one: people, a ban, a merge, a profile, some texts.

use parv_model::{Commit, CommitId, Message, Mode, VoteKind};
use parv_proptests::{Objects, Person, World, text};
use parv_store::{NewCommit, Repository};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

/// Every object of the conversation, and its commits, parents first.
pub struct Sample {
    /// The objects: the kind that they have in a pack (1 commit, 2 tree, 3 file) and their contents.
    pub objects: Vec<(u8, Vec<u8>)>,
    /// The commits.
    pub commits: Vec<CommitId>,
    /// Where it was written.
    pub world: World,
}

impl Sample {
    /// Always the same conversation.
    pub fn make() -> Self {
        let mut world = World::new(4, Mode::InvitesOnly, None);
        let head = world.gather(world.root(), &[1, 2, 3]);
        let head = world.decide(head, &[0], VoteKind::Promote, 1);
        let (one, other) = (world.line(head, &[(2, text("bees"))]), world.line(head, &[(0, Message::UpdateProfile)]));
        let head = world.write(1, &[one, other], Message::Merge).expect("a merge");
        let head = world.decide(head, &[0, 1], VoteKind::Ban, 3);
        world.line(head, &[(2, text("honey")), (0, text(""))]);
        let commits = world.history.clone();
        let objects = objects(&world.objects, &commits);
        Self { objects, commits, world }
    }

    /// The conversation as a repository at `path` that has the first `count` commits.
    pub fn store(&self, path: &Path, count: usize) -> Repository {
        let repository = Repository::init(path).expect("a new repository");
        let of_kind =
            |kind| self.objects.iter().filter(move |(found, _)| *found == kind).map(|(_, bytes)| bytes.clone());
        let (blobs, trees): (Vec<_>, Vec<_>) = (of_kind(3).collect(), of_kind(2).collect());
        for id in &self.commits[..count] {
            let commit = self.world.objects.commit(id);
            repository.append(&NewCommit { blobs: &blobs, trees: &trees, commit }).expect("a sound commit");
        }
        let heads = self.heads(count);
        repository.set_heads(&[], &heads).expect("stored commits");
        repository
    }

    /// The heads that the first `count` commits have.
    pub fn heads(&self, count: usize) -> Vec<CommitId> {
        self.world.replica.maximal(&self.commits[..count])
    }
}

/// Every object that these commits reach.
fn objects(source: &Objects, commits: &[CommitId]) -> Vec<(u8, Vec<u8>)> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    let mut open: Vec<[u8; 20]> = commits.iter().rev().map(|id| *id.as_bytes()).collect();
    while let Some(id) = open.pop() {
        let Some((kind, bytes)) = source.find(&id).filter(|_| seen.insert(id)) else { continue };
        match kind {
            "commit" => {
                let (commit, _) = Commit::decode(bytes).expect("an accepted commit");
                found.push((1, bytes.to_vec()));
                open.push(*commit.tree.as_bytes());
            }
            "tree" => {
                found.push((2, bytes.to_vec()));
                let mut rest = bytes;
                while let Some(end) = rest.iter().position(|byte| *byte == 0) {
                    open.push(rest[end + 1..end + 21].try_into().expect("an id"));
                    rest = &rest[end + 21..];
                }
            }
            _ => found.push((3, bytes.to_vec())),
        }
    }
    found
}

/// Somebody, for the targets that need no conversation.
pub fn person() -> &'static Person {
    static PERSON: LazyLock<Person> = LazyLock::new(|| Person::new(0));
    &PERSON
}
