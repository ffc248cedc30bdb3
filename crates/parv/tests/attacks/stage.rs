//! The stage of every attack: a conversation with real keys, an honest device that has its honest part, an honest device
//! that is about to accept an invitation, and a hostile node that serves both.

use crate::common::{Person, TCP, within};
use crate::hostile::Hostile;
use crate::wire;
use crate::worlds::{device_with, entries, home_of};
use parv::{CommitId, ConversationId, Error, Event, Message, Mode, Refusal, Role, Rule, TreeId, VoteKind};
use parv_identity::sshsig;
use parv_model::{Commit, DisplayName, object};
use parv_proptests::{World, text};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Founded the conversation.
pub const ANN: usize = 0;
pub const BOB: usize = 1;
pub const CID: usize = 2;
pub const DAN: usize = 3;
/// A member whose device is the hostile node.
pub const COURIER: usize = 4;
/// A member, and an honest device.
pub const VICTIM: usize = 5;
/// Invited, and an honest device.
pub const GUEST: usize = 6;
/// Strangers.
pub const SYBIL: usize = 7;
pub const SECOND_SYBIL: usize = 8;

const EVERYBODY: u8 = 9;

/// The text on top of what is to be accepted.
const CONTROL: &str = "as it should be";

/// What the hostile node delivers, and how that has to end.
pub struct Attempt {
    pub heads: Vec<CommitId>,
    /// Instead of the pack of what the heads need.
    pub pack: Option<Vec<u8>>,
    pub expect: Expect,
}

pub enum Expect {
    /// A commit is refused, of whichever if none is named.
    Refused(Option<CommitId>, Rule, &'static str),
    /// The whole delivery is.
    Failed(&'static str),
}

/// The last of `heads` breaks a rule.
pub fn refused(heads: &[CommitId], rule: Rule, words: &'static str) -> Attempt {
    Attempt { heads: heads.to_vec(), pack: None, expect: Expect::Refused(heads.last().copied(), rule, words) }
}

/// Something behind `heads` breaks a rule.
pub fn refused_for(culprit: Option<CommitId>, heads: &[CommitId], rule: Rule, words: &'static str) -> Attempt {
    Attempt { heads: heads.to_vec(), pack: None, expect: Expect::Refused(culprit, rule, words) }
}

/// What comes is no history at all.
pub fn failed(heads: &[CommitId], words: &'static str) -> Attempt {
    Attempt { heads: heads.to_vec(), pack: None, expect: Expect::Failed(words) }
}

impl Expect {
    #[track_caller]
    fn hold_against(&self, verdict: Result<Refusal, String>) {
        match (self, verdict) {
            (Self::Refused(culprit, rule, words), Ok(refusal)) => {
                assert_eq!(refusal.rule, *rule, "{refusal}");
                assert!(culprit.is_none_or(|culprit| culprit == refusal.commit), "not {culprit:?}: {refusal}");
                assert!(refusal.why.contains(words), "{refusal}");
            }
            (Self::Failed(words), Err(why)) => assert!(why.contains(words), "{why}"),
            (_, verdict) => panic!("another verdict: {verdict:?}"),
        }
    }
}

pub struct Stage {
    pub world: World,
    /// What everybody has before the attack.
    pub head: CommitId,
    pub victim: usize,
    pub guest: usize,
    pub courier: usize,
}

impl Stage {
    /// A conversation of six people, of whom the first so many are admins, and one invited.
    pub fn with_admins(admins: usize) -> Self {
        let mut world = World::new(EVERYBODY, Mode::InvitesOnly, None);
        let head = world.gather(world.root(), &[BOB, CID, DAN, COURIER, VICTIM]);
        let guest = world.uri(GUEST);
        let mut head = world.line(head, &[(ANN, Message::Add(guest))]);
        for new in 1..admins {
            head = world.decide(head, &(0..=(new / 2)).collect::<Vec<_>>(), VoteKind::Promote, new);
        }
        Self { world, head, victim: VICTIM, guest: GUEST, courier: COURIER }
    }

    /// The same in mode `PUBLIC`, with one admin and nobody invited.
    pub fn public() -> Self {
        let mut world = World::new(EVERYBODY, Mode::Public, None);
        let head = world.gather(world.root(), &[BOB, COURIER, VICTIM]);
        Self { world, head, victim: VICTIM, guest: GUEST, courier: COURIER }
    }

    /// Two people for themselves; the one who was named at the start is hostile.
    pub fn one_to_one() -> Self {
        let mut world = World::new(EVERYBODY, Mode::OneToOne, Some(BOB as u8));
        let bob = world.uri(BOB);
        let head = world.line(world.root(), &[(BOB, Message::Join(bob))]);
        Self { world, head, victim: ANN, guest: ANN, courier: BOB }
    }

    pub fn id(&self) -> ConversationId {
        ConversationId::new(self.world.root())
    }

    pub fn tree(&mut self, head: CommitId) -> TreeId {
        self.world.replica.state(&[head]).tree()
    }

    /// A valid commit.
    #[track_caller]
    pub fn honest(&mut self, author: usize, parents: &[CommitId], message: Message) -> CommitId {
        self.world.write(author, parents, message).unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    /// A commit that may not be, with the tree it would have if it were, as far as that can be said: nobody on this side
    /// looks at it.
    pub fn dishonest(&mut self, author: usize, parents: &[CommitId], message: Message) -> CommitId {
        let credentials = self.world.people[author].credentials.clone();
        let tree = match self.world.replica.draft(parents, &credentials, message.clone(), None) {
            Ok(draft) => {
                self.world.objects.add_draft(&draft);
                draft.tree()
            }
            Err(_) => self.tree(parents[0]),
        };
        self.forged(author, parents, message, tree)
    }

    /// A signed commit with any tree.
    pub fn forged(&mut self, author: usize, parents: &[CommitId], message: Message, tree: TreeId) -> CommitId {
        let bytes = self.world.forge(author, parents, message, tree);
        self.raw(bytes)
    }

    /// The bytes of a commit of this time, signed.
    pub fn dated(&self, author: usize, parent: CommitId, message: Message, tree: TreeId, time: i64) -> Vec<u8> {
        let person = &self.world.people[author];
        let commit = Commit {
            tree,
            parents: vec![parent],
            author: DisplayName::sanitise(&person.name),
            device: person.device(),
            time,
            message: message.encode(),
        };
        commit.encode(&sshsig::sign(&person.device_key, &commit.payload()))
    }

    /// Any bytes as a commit.
    pub fn raw(&mut self, bytes: Vec<u8>) -> CommitId {
        let id = object::commit_id(&bytes).unwrap();
        self.world.objects.add_commit(id, bytes);
        id
    }

    /// The tree with a file of these bytes.
    pub fn with_file(&mut self, tree: TreeId, path: &str, bytes: &[u8]) -> TreeId {
        let blob = self.world.objects.add_blob(bytes.to_vec());
        self.world.objects.with_file(&tree, path, Some(blob))
    }

    /// The tree with another line, such as `100644 name`, in git's order.
    pub fn with_line(&mut self, tree: TreeId, line: &[u8], bytes: &[u8]) -> TreeId {
        let blob = self.world.objects.add_blob(bytes.to_vec());
        let (_, old) = self.world.objects.find(tree.as_bytes()).unwrap();
        let mut lines = entries(old);
        lines.push((line.to_vec(), *blob.as_bytes()));
        let name = |line: &[u8]| line.splitn(2, |&byte| byte == b' ').nth(1).unwrap_or_default().to_vec();
        lines.sort_by_key(|(line, _)| {
            [name(line), if line.starts_with(b"4") { b"/".to_vec() } else { Vec::new() }].concat()
        });
        let bytes = lines.iter().flat_map(|(line, id)| [line, &b"\0"[..], id].concat()).collect();
        self.world.objects.add_tree(bytes)
    }

    /// The attack: what the hostile node delivers is refused by the device that has `known` and by the one that clones,
    /// and the control, which is its honest form, is accepted by both.
    pub async fn assault(&mut self, known: &[CommitId], attempts: &[Attempt], control: &[CommitId]) {
        self.at_fetch(known, attempts, control).await;
        self.at_clone(self.id(), attempts, control).await;
    }

    /// The same for one commit on what everybody has.
    pub async fn refuses(&mut self, attack: CommitId, control: CommitId, rule: Rule, words: &'static str) {
        let known = [self.head];
        self.assault(&known, &[refused(&[attack], rule, words)], &[control]).await;
    }

    pub async fn at_fetch(&mut self, known: &[CommitId], attempts: &[Attempt], control: &[CommitId]) {
        let mut person = self.member(known).await;
        let mut hostile = Hostile::start(&self.world.people[self.courier]).await;
        hostile.meet(&self.world.people[self.courier], &person).await;
        let before = listing(&person.repository(&self.id()));
        for Attempt { heads, pack, expect } in attempts {
            let pack = pack.clone().unwrap_or_else(|| wire::pack_of(&self.world.objects, heads));
            self.lure(&hostile, &person, heads[heads.len() - 1]).await;
            hostile.serve(heads, pack).await;
            let verdict = person.wait("a verdict", |event| match event {
                Event::Refused { refusal, .. } => Some(Ok(refusal.clone())),
                Event::FetchFailed { why, .. } => Some(Err(why.clone())),
                _ => None,
            });
            expect.hold_against(verdict.await);
            assert_eq!(listing(&person.repository(&self.id())), before, "something of it stayed");
        }
        let control = self.on_top(control);
        self.lure(&hostile, &person, control[0]).await;
        hostile.serve(&control, wire::pack_of(&self.world.objects, &control)).await;
        person.wait_text(CONTROL).await;
        person.engine.shutdown().await;
    }

    /// As [`at_fetch`](Self::at_fetch) for a device that has nothing. Without a control, none is tried.
    pub async fn at_clone(&mut self, id: ConversationId, attempts: &[Attempt], control: &[CommitId]) {
        let mut person = self.newcomer().await;
        let mut hostile = self.invite(&mut person, id).await;
        let folder = person.engine.folder().join("conversations");
        let before = listing(&folder);
        for Attempt { heads, pack, expect } in attempts {
            let pack = pack.clone().unwrap_or_else(|| wire::pack_of(&self.world.objects, heads));
            let verdict = match accept(&person, &mut hostile, id, heads, pack).await {
                Err(Error::Refused(refusal)) => Ok(refusal),
                Err(Error::Unreachable { tried, .. }) => Err(format!("{tried:?}")),
                other => panic!("another outcome: {other:?}"),
            };
            expect.hold_against(verdict);
            assert_eq!(listing(&folder), before, "something of it stayed");
            assert_eq!(person.engine.conversations(), []);
            assert_eq!(person.engine.requests().len(), 1, "the request stays");
        }
        if !control.is_empty() {
            let control = self.on_top(control);
            let pack = wire::pack_of(&self.world.objects, &control);
            accept(&person, &mut hostile, id, &control, pack).await.unwrap();
            assert!(person.texts(&id).await.iter().any(|text| text == CONTROL));
        }
        person.engine.shutdown().await;
    }

    /// The attack breaks no rule and is let in, but these people stay what they are.
    pub async fn has_no_effect(&mut self, known: CommitId, attack: CommitId, still: &[(usize, Role)]) {
        for (number, role) in still {
            let uri = self.world.uri(*number);
            assert_eq!(self.world.replica.state(&[known]).role(&uri), Some(*role), "person {number} before");
        }
        self.comes_to(known, attack, still).await;
    }

    /// The device that has `known` and hears of `attack`, and the one that clones both, let it in, and these people are
    /// the same for both of them.
    pub async fn comes_to(&mut self, known: CommitId, attack: CommitId, roles: &[(usize, Role)]) {
        let id = self.id();
        let check = |world: &World, person: &Person| {
            let members = person.conversation(&id).members();
            for (number, role) in roles {
                let found = members.iter().find(|member| member.uri == world.uri(*number)).map(|member| member.role);
                assert_eq!(found, Some(*role), "person {number}");
            }
        };
        let mut person = self.member(&[known]).await;
        let mut hostile = Hostile::start(&self.world.people[self.courier]).await;
        hostile.meet(&self.world.people[self.courier], &person).await;
        self.lure(&hostile, &person, attack).await;
        hostile.serve(&[attack], wire::pack_of(&self.world.objects, &[attack])).await;
        let conversation = person.conversation(&id);
        let is_held = || conversation.held().iter().any(|fork| fork.head == attack);
        person.until("the attack", |_| is_held() || conversation.heads().contains(&attack)).await;
        if is_held() {
            // It forks from far behind, and comes in only when somebody says so.
            assert_eq!(conversation.heads(), [known]);
            check(&self.world, &person);
            conversation.let_in(&attack).await.unwrap();
            assert!(conversation.heads().contains(&attack) && !is_held());
        }
        check(&self.world, &person);
        person.engine.shutdown().await;

        let mut person = self.newcomer().await;
        let mut hostile = self.invite(&mut person, id).await;
        let pack = wire::pack_of(&self.world.objects, &[attack, known]);
        accept(&person, &mut hostile, id, &[attack, known], pack).await.unwrap();
        check(&self.world, &person);
        person.engine.shutdown().await;
    }

    /// The honest device that has everything up to these heads.
    pub async fn member(&self, known: &[CommitId]) -> Person {
        device_with(&self.world, self.victim, known).await
    }

    /// The honest device that has nothing.
    async fn newcomer(&self) -> Person {
        Person::reopen(home_of(&self.world, self.guest), TCP).await
    }

    /// Tells the victim that there is something new.
    pub async fn lure(&self, hostile: &Hostile, person: &Person, commit: CommitId) {
        let device = self.world.people[self.courier].device();
        let notice = serde_json::json!({ "id": self.id(), "commit": commit, "deviceId": device });
        hostile.bare.send(person.engine.device_id(), "application/im-gitmessage-id", notice).await;
    }

    async fn invite(&self, person: &mut Person, id: ConversationId) -> Hostile {
        let courier = &self.world.people[self.courier];
        let hostile = Hostile::start(courier).await;
        let device = hostile.meet(courier, person).await;
        let invite = serde_json::json!({
            "conversationId": id, "mode": 2, "commit": id, "members": [courier.uri()], "title": "come in"
        });
        hostile.bare.send(device, "application/invite+json", invite).await;
        assert_eq!(person.wait_request().await, id);
        hostile
    }

    /// The heads with an honest text on the first of them.
    fn on_top(&mut self, heads: &[CommitId]) -> Vec<CommitId> {
        let first = self.honest(self.courier, &heads[..1], text(CONTROL));
        [&[first], &heads[1..]].concat()
    }
}

/// Accepts, while the hostile node serves.
async fn accept(
    person: &Person,
    hostile: &mut Hostile,
    id: ConversationId,
    heads: &[CommitId],
    pack: Vec<u8>,
) -> Result<(), Error> {
    let engine = person.engine.clone();
    let accepting = tokio::spawn(async move { engine.accept(&id).await.map(drop) });
    hostile.serve(heads, pack).await;
    within("the verdict", accepting).await.unwrap()
}

/// Every file below a folder with the hash of its contents.
fn listing(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let hash = object::blob_id(&std::fs::read(&path).unwrap()).unwrap();
                all.insert(path, hash.to_string());
            }
        }
    }
    all
}
