//! Invitations to people who are not there: they lie in the mailboxes of their devices until these come back, with the
//! inviter gone, and what becomes of them no inviter sees.

mod common;

use common::{Person, TCP, bring_in, network, within};
use parv::{ConversationId, Engine, Event, Mode, Multiaddr, Network, PublicNode, PublicNodeOptions, Uri};
use std::collections::BTreeSet;
use tempfile::TempDir;

/// A public node, the way into the network for everybody here.
struct Keeper {
    node: PublicNode,
    folder: TempDir,
}

impl Keeper {
    async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap()).await
    }

    async fn start_in(folder: TempDir) -> Self {
        let listen = vec![TCP.parse().unwrap()];
        let options = PublicNodeOptions { listen, external: Vec::new(), bootstrap: Vec::new(), max_connections: 64 };
        Self { node: PublicNode::start(folder.path(), options).await.unwrap(), folder }
    }

    async fn restart(self) -> Self {
        self.node.shutdown().await;
        drop(self.node);
        Self::start_in(self.folder).await
    }

    async fn address(&self) -> Multiaddr {
        self.node.status().await.unwrap().listening[0].clone()
    }

    async fn network(&self) -> Network {
        Network { bootstrap: vec![self.address().await], ..network(TCP) }
    }

    /// Somebody who is in the network.
    async fn person(&self, name: &str) -> Person {
        is_in(Person::with(name, self.network().await).await).await
    }

    /// Starts somebody's node again.
    async fn comes_back(&self, home: TempDir) -> Person {
        is_in(Person::reopen_with(home, self.network().await).await).await
    }

    /// How many letters lie here.
    async fn letters(&self) -> usize {
        self.node.status().await.unwrap().letters
    }

    /// Waits until so many letters lie here.
    async fn until_letters(&self, count: usize) {
        within("the letters", async {
            while self.letters().await != count {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

/// Waits until the node has met the keeper, which makes no event: it does not say who it is.
async fn is_in(person: Person) -> Person {
    within("meeting the keeper", async {
        while person.engine.peers().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    person
}

/// Two people meet, and know each other's devices from then on.
async fn meet(guest: &Person, host: &mut Person) {
    guest.connect(host).await;
    let device = guest.engine.device_id();
    let met = |event: &Event| matches!(event, Event::Connected { device: other, .. } if *other == device);
    host.wait("the acquaintance", |event| met(event).then_some(())).await;
}

/// Waits until somebody's node has said in the table whose it is, by asking as a stranger would.
async fn can_be_found(keeper: &Keeper, uri: Uri) {
    let mut seeker = keeper.person("Seeker").await;
    let id = seeker.engine.create(Mode::InvitesOnly, None).await.unwrap().id();
    seeker.conversation(&id).invite(&uri).await.unwrap();
    seeker.wait("being found", |event| matches!(event, Event::InviteDelivered { .. }).then_some(())).await;
    seeker.engine.shutdown().await;
}

/// Stops somebody's node; the folder stays.
async fn goes_away(person: Person) -> TempDir {
    let Person { home, engine, .. } = person;
    engine.shutdown().await;
    home
}

async fn is_left(person: &mut Person, id: ConversationId) {
    let left = |event: &Event| matches!(event, Event::InviteLeft { conversation, .. } if *conversation == id);
    person.wait("the letter", |event| left(event).then_some(())).await;
}

async fn invites(person: &mut Person, uri: &Uri) -> ConversationId {
    let id = person.engine.create(Mode::InvitesOnly, None).await.unwrap().id();
    person.conversation(&id).invite(uri).await.unwrap();
    id
}

fn waiting(engine: &Engine) -> BTreeSet<ConversationId> {
    engine.requests().iter().map(|request| request.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_found_after_the_inviter_has_gone_and_taken_up_with_a_member() {
    let keeper = Keeper::start().await;
    let (mut ann, mut carol) = (keeper.person("Ann").await, keeper.person("Carol").await);
    let id = ann.engine.create(Mode::InvitesOnly, None).await.unwrap().id();
    carol.connect(&ann).await;
    bring_in(&mut ann, &mut carol, &id).await;
    // Ann and Bob have never met; all she knows is his URI.
    let bob = keeper.person("Bob").await;
    let uri = bob.uri();
    can_be_found(&keeper, uri).await;
    let home = goes_away(bob).await;

    ann.conversation(&id).invite(&uri).await.unwrap();
    is_left(&mut ann, id).await;
    carol
        .until("the invitation", |engine| {
            engine.conversation(&id).unwrap().members().iter().any(|member| member.uri == uri)
        })
        .await;
    let inviter = ann.uri();
    goes_away(ann).await;
    // The only one who has the letter is restarted, too.
    let keeper = keeper.restart().await;
    within("connecting", carol.engine.connect(keeper.address().await)).await.unwrap();

    let mut bob = keeper.comes_back(home).await;
    bob.until("Ann's invitation", |engine| waiting(engine).contains(&id)).await;
    let request = bob.engine.requests().into_iter().find(|request| request.id == id).unwrap();
    assert_eq!((request.from, request.mode), (inviter, Mode::InvitesOnly));
    within("accepting", bob.engine.accept(&id)).await.unwrap();
    bob.conversation(&id).send("thank you").await.unwrap();
    carol.wait_text("thank you").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_shown_once_and_its_letter_goes_when_it_is_answered() {
    let keeper = Keeper::start().await;
    let (mut ann, bob) = (keeper.person("Ann").await, keeper.person("Bob").await);
    meet(&bob, &mut ann).await;
    let uri = bob.uri();
    let home = goes_away(bob).await;
    let first = invites(&mut ann, &uri).await;
    is_left(&mut ann, first).await;
    let contact = ann.engine.create(Mode::OneToOne, Some(uri)).await.unwrap().id();
    is_left(&mut ann, contact).await;
    assert_eq!(keeper.letters().await, 2, "one for each purpose");
    let ann_home = goes_away(ann).await;

    let mut bob = keeper.comes_back(home).await;
    bob.until("both invitations", |engine| waiting(engine) == BTreeSet::from([first, contact])).await;
    bob.engine.decline(&first).unwrap();
    let home = goes_away(bob).await;

    // The letters still lie there. Both come back: what was declined or shown is not shown again.
    let mut ann = keeper.comes_back(ann_home).await;
    let mut bob = keeper.comes_back(home).await;
    bob.connect(&ann).await;
    let news = invites(&mut ann, &uri).await;
    bob.until("the news", |engine| waiting(engine).contains(&news)).await;
    assert_eq!(waiting(&bob.engine), BTreeSet::from([contact, news]));
    while let Ok(event) = bob.events.try_recv() {
        assert!(!matches!(event, Event::RequestReceived(request) if request.id != news), "asked twice");
    }
    // Brought in person, nothing has to lie there any more.
    keeper.until_letters(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ignored_declined_and_blocked_look_the_same() {
    let keeper = Keeper::start().await;
    let mut ann = keeper.person("Ann").await;
    let mut homes = Vec::new();
    for name in ["Ignores", "Declines", "Blocks", "Blocked before"] {
        let person = keeper.person(name).await;
        meet(&person, &mut ann).await;
        homes.push((person.uri(), goes_away(person).await));
    }
    let mut outcomes = Vec::new();
    for (number, (uri, home)) in homes.into_iter().enumerate() {
        if number == 3 {
            block_offline(&home, ann.uri()).await;
        }
        let id = invites(&mut ann, &uri).await;
        is_left(&mut ann, id).await;
        let before = keeper.letters().await;
        // The guest is in the network, but does not meet Ann: she could not tell them apart if she looked at the keeper.
        let mut guest = keeper.comes_back(home).await;
        match number {
            0 => guest.until("the request", |engine| waiting(engine).contains(&id)).await,
            1 => {
                guest.until("the request", |engine| waiting(engine).contains(&id)).await;
                guest.engine.decline(&id).unwrap();
            }
            2 => {
                guest.until("the request", |engine| waiting(engine).contains(&id)).await;
                guest.engine.block_person(ann.uri()).unwrap();
            }
            _ => assert_eq!(guest.engine.blocked_people(), [ann.uri()]),
        }
        // Again, face to face: taken as from anybody.
        meet(&guest, &mut ann).await;
        ann.wait("the delivery", |event| matches!(event, Event::InviteDelivered { .. }).then_some(())).await;
        keeper.until_letters(before - 1).await;
        let second = invites(&mut ann, &uri).await;
        let delivered =
            |event: &Event| matches!(event, Event::InviteDelivered { conversation, .. } if *conversation == second);
        ann.wait("the second delivery", |event| delivered(event).then_some(())).await;
        let shown = waiting(&guest.engine).contains(&second);
        assert!(number < 2 || !shown);
        goes_away(guest).await;
        let left = |event: &Event| matches!(event, Event::Disconnected { .. }).then_some(());
        ann.wait("the guest's leaving", left).await;
        keeper.until_letters(0).await;
        let roles = |id| ann.conversation(id).members().iter().map(|member| member.role).collect::<BTreeSet<_>>();
        outcomes.push((roles(&id), roles(&second)));
    }
    assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_not_there_is_left_word_of_what_it_misses() {
    let keeper = Keeper::start().await;
    let (mut ann, mut bob) = (keeper.person("Ann").await, keeper.person("Bob").await);
    meet(&bob, &mut ann).await;
    let id = ann.engine.create(Mode::InvitesOnly, None).await.unwrap().id();
    bring_in(&mut ann, &mut bob, &id).await;
    let home = goes_away(bob).await;
    ann.wait("Bob's leaving", |event| matches!(event, Event::Disconnected { .. }).then_some(())).await;
    // Many messages, one letter; it goes when they meet.
    for number in 0..20 {
        ann.conversation(&id).send(&format!("{number}")).await.unwrap();
    }
    keeper.until_letters(1).await;
    let mut bob = keeper.comes_back(home).await;
    bob.wait_text("19").await;
    keeper.until_letters(0).await;

    // With Ann gone too, Bob knows whom to ask, though in vain.
    let home = goes_away(bob).await;
    ann.wait("Bob's leaving", |event| matches!(event, Event::Disconnected { .. }).then_some(())).await;
    ann.conversation(&id).send("are you there?").await.unwrap();
    keeper.until_letters(1).await;
    let device = ann.engine.device_id();
    goes_away(ann).await;
    let mut bob = keeper.comes_back(home).await;
    let asks = |event: &Event| matches!(event, Event::FetchFailed { peer, .. } if *peer == device);
    bob.wait("the asking of who left word", |event| asks(event).then_some(())).await;
}

/// Blocks somebody while no node runs.
async fn block_offline(home: &TempDir, uri: Uri) {
    let account = parv::Account::open(home.path(), None).unwrap();
    let engine = Engine::start(account, parv::Options::default()).await.unwrap();
    engine.block_person(uri).unwrap();
    engine.shutdown().await;
}
