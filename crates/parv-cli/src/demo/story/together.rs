//! The first half: people meet, talk, and share the moderation.

use super::{Story, roles};
use crate::demo::broken::{Broken, claim};
use crate::demo::stage::Who::{self, Alice, Bob, Carol, Dave};
use crate::text::short;
use parv::{ConversationId, Event, Mode, Role, VoteKind};

impl Story<'_> {
    /// Who they are, and that they are connected.
    pub(super) async fn introduce(&mut self) -> Result<(), Broken> {
        for who in Who::ALL {
            let engine = self.stage.engine(who);
            let address = engine.addresses().first().map(ToString::to_string).unwrap_or_default();
            let address = address.split("/p2p/").next().unwrap_or_default();
            self.teller.say(format!("{:<6} {}  at {address}", who.name(), short(&engine.uri())));
        }
        for (index, a) in Who::ALL.into_iter().enumerate() {
            for b in &Who::ALL[index + 1..] {
                self.stage.connect(a, *b).await?;
            }
        }
        self.stage
            .until("everybody is connected with everybody", |stage| {
                Who::ALL
                    .iter()
                    .all(|who| stage.engine(*who).peers().iter().filter(|p| p.account.is_some()).count() == 3)
            })
            .await?;
        self.teller.held("everybody is connected with everybody, over real sockets, by the key of their device");
        Ok(())
    }

    /// A conversation with one member.
    pub(super) async fn begin(&mut self) -> Result<ConversationId, Broken> {
        self.step("Alice begins a conversation in which every member may invite");
        let conversation = self.stage.engine(Alice).create(Mode::InvitesOnly, None).await?;
        self.teller.say("its first commit is signed by Alice's device and holds her certificates; its id is its name:");
        self.teller.say(format!("{}", conversation.id()));
        claim(roles(&conversation) == [(self.stage.uri(Alice), Role::Admin)], "Alice alone is in it, as its admin")?;
        self.teller.held("Alice is in it, as its admin");
        Ok(conversation.id())
    }

    /// Invitations, one after the other.
    pub(super) async fn gather(&mut self, id: &ConversationId) -> Result<(), Broken> {
        self.step("Invitations: Alice invites Bob, Bob invites Carol, Carol invites Dave");
        for (host, guest) in [(Alice, Bob), (Bob, Carol), (Carol, Dave)] {
            let uri = self.stage.uri(guest);
            self.conversation(host, id)?.invite(&uri).await?;
            let invited_by = self
                .stage
                .event(guest, "the invitation arrives", |event| match event {
                    Event::RequestReceived(request) if request.id == *id => Some(request.from),
                    _ => None,
                })
                .await?;
            claim(invited_by == self.stage.uri(host), "the invitation names who sent it")?;
            self.stage.engine(guest).accept(id).await?;
            self.teller.say(format!(
                "{} got {}'s invitation, cloned the conversation, judged every commit of it and joined",
                guest.name(),
                host.name()
            ));
        }
        self.stage
            .until("everybody sees all four as members", |stage| {
                Who::ALL.iter().all(|who| {
                    let people = stage.conversation(*who, id).map(|conversation| roles(&conversation));
                    people.is_ok_and(|people| people.iter().filter(|(_, role)| *role <= Role::Member).count() == 4)
                })
            })
            .await?;
        self.teller.held("everybody sees four people: Alice as admin, the others as members");
        Ok(())
    }

    /// Everybody says something, everybody reads it.
    pub(super) async fn talk(&mut self, id: &ConversationId) -> Result<(), Broken> {
        self.step("They talk");
        for (who, text) in [
            (Alice, "Welcome! No server knows that we are here."),
            (Bob, "And every message is a signed commit."),
            (Carol, "So git itself can check who said what."),
            (Dave, "BUY NOW! CHEAP WATCHES! BUY NOW!"),
        ] {
            self.say(who, id, text).await?;
            self.everybody_reads(&Who::ALL, id, who, text).await?;
        }
        self.everybody_agrees(&Who::ALL, id).await
    }

    /// A vote of a sole admin, and its resolution.
    pub(super) async fn promote(&mut self, id: &ConversationId) -> Result<(), Broken> {
        self.step("Alice does not want to decide alone: she makes Bob an admin");
        let bob = self.stage.uri(Bob);
        let done = self.conversation(Alice, id)?.moderate(VoteKind::Promote, &bob).await?;
        claim(done.vote.is_some() && done.resolution.is_some(), "one vote of one admin is a majority")?;
        self.teller.say("her vote is one commit, its resolution another: one of one admin is more than half");
        self.everybody_sees(&Who::ALL, id, bob, Role::Admin).await?;
        self.teller.held("everybody sees Bob as an admin");
        Ok(())
    }
}
