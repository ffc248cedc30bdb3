//! The second half: a network that is cut and heals, and a ban by majority.

use super::{ONE_SIDE, OTHER_SIDE, Story, THREE};
use crate::demo::broken::{Broken, claim};
use crate::demo::stage::Who::{self, Alice, Bob, Carol, Dave};
use crate::text::short;
use parv::{ConversationId, Role, VoteKind};

impl Story<'_> {
    /// Two halves that both go on.
    pub(super) async fn cut(&mut self, id: &ConversationId) -> Result<(), Broken> {
        self.step("The network is cut in two: Alice and Bob here, Carol and Dave there");
        for a in ONE_SIDE {
            for b in OTHER_SIDE {
                self.stage.cut(a, b).await?;
            }
        }
        self.stage
            .until("nobody sees the other side", |stage| {
                Who::ALL.iter().all(|who| stage.engine(*who).peers().len() == 1)
            })
            .await?;
        self.teller.held("every connection between the halves is closed and refused");

        self.teller.say("both halves go on:");
        self.say(Bob, id, "Carol? Dave? It has become quiet.").await?;
        self.everybody_reads(&[Alice], id, Bob, "Carol? Dave? It has become quiet.").await?;
        let dave = self.stage.uri(Dave);
        let done = self.conversation(Alice, id)?.moderate(VoteKind::Ban, &dave).await?;
        claim(done.resolution.is_none() && (done.votes, done.admins) == (1, 2), "one of two admins is no majority")?;
        self.teller.say("here, Alice votes to ban Dave for his advertising: 1 of 2 admins, exactly half, not enough");
        self.everybody_sees(&ONE_SIDE, id, dave, Role::Member).await?;

        self.say(Carol, id, "The others are gone. I know somebody who would like it here.").await?;
        self.everybody_reads(&[Dave], id, Carol, "The others are gone. I know somebody who would like it here.")
            .await?;
        let erin = parv_identity::AccountKey::generate()?.uri();
        self.conversation(Carol, id)?.invite(&erin).await?;
        self.everybody_sees(&OTHER_SIDE, id, erin, Role::Invited).await?;
        self.teller.say("there, Carol invites Erin, who is offline");

        let (here, there) = (self.conversation(Alice, id)?, self.conversation(Carol, id)?);
        claim(here.heads() != there.heads() && here.tree() != there.tree(), "the halves have grown apart")?;
        self.teller.held("the halves have different histories and different members now, and both are right");
        Ok(())
    }

    /// The halves meet again, and the next message makes the branches one.
    pub(super) async fn heal(&mut self, id: &ConversationId) -> Result<(), Broken> {
        self.step("The cut heals");
        for a in ONE_SIDE {
            for b in OTHER_SIDE {
                self.stage.mend(a, b).await?;
            }
        }
        self.everybody_agrees(&Who::ALL, id).await?;
        let heads = self.conversation(Alice, id)?.heads().len();
        self.teller.say(format!("everybody has both branches ({heads} heads); reading alone writes no merge"));
        self.say(Carol, id, "There you are again!").await?;
        self.everybody_reads(&Who::ALL, id, Carol, "There you are again!").await?;
        self.everybody_agrees(&Who::ALL, id).await?;
        claim(self.conversation(Dave, id)?.heads().len() == 1, "the next message made one of the branches")?;
        let tree = self.conversation(Alice, id)?.tree();
        self.teller
            .held(format!("her message made the branches one; the state is tree {} for everybody", short(&tree)));
        Ok(())
    }

    /// A majority whose votes were cast on both sides of the cut.
    pub(super) async fn ban(&mut self, id: &ConversationId) -> Result<(), Broken> {
        self.step("Bob votes, too, and Dave is banned");
        let dave = self.stage.uri(Dave);
        let done = self.conversation(Bob, id)?.moderate(VoteKind::Ban, &dave).await?;
        claim(done.resolution.is_some(), "two of two admins are a majority")?;
        self.teller.say("Alice's vote from the time of the cut counts: 2 of 2 admins, more than half");
        self.everybody_sees(&THREE, id, dave, Role::Banned).await?;
        self.teller.held("Alice, Bob and Carol see Dave as banned");
        let known = self.conversation(Dave, id)?.members();
        claim(known.iter().any(|person| person.uri == dave && person.role == Role::Member), "Dave is not told")?;
        self.teller.held("Dave is not told, and gets nothing any more");
        Ok(())
    }
}
