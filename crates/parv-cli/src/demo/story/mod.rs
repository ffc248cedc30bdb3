//! What happens in the demo, step by step. The first step, the four people, is set on the stage already.

mod apart;
mod attacks;
mod together;
mod verdict;

use super::broken::{Broken, claim};
use super::stage::{Ground, Stage, Who};
use super::stock_git::StockGit;
use super::teller::Teller;
use crate::text::short;
use Who::{Alice, Bob, Carol, Dave};
use parv::{CommitId, Conversation, ConversationId, Event, Message, Role, Uri};

/// Tells the whole story.
pub async fn tell(teller: &mut Teller, stage: &mut Stage, git: &StockGit, ground: &Ground) -> Result<(), Broken> {
    let mut story = Story { teller, stage, git };
    story.introduce().await?;
    let id = story.begin().await?;
    story.gather(&id).await?;
    story.talk(&id).await?;
    story.promote(&id).await?;
    story.cut(&id).await?;
    story.heal(&id).await?;
    story.ban(&id).await?;
    story.turn_away(&id, ground.path()).await?;
    story.smuggle(&id, ground.path()).await?;
    story.judge(&id, ground.path())?;
    story.say_where(&id, ground)
}

/// Everybody but the one who is banned.
const THREE: [Who; 3] = [Alice, Bob, Carol];

/// The two sides of the cut.
const ONE_SIDE: [Who; 2] = [Alice, Bob];
const OTHER_SIDE: [Who; 2] = [Carol, Dave];

struct Story<'a> {
    teller: &'a mut Teller,
    stage: &'a mut Stage,
    git: &'a StockGit,
}

impl Story<'_> {
    fn step(&mut self, title: impl Into<String>) {
        self.stage.turn_page();
        self.teller.step(title);
    }

    fn conversation(&self, who: Who, id: &ConversationId) -> Result<Conversation, Broken> {
        Ok(self.stage.conversation(who, id)?)
    }

    fn address(&self, who: Who) -> Result<parv::Multiaddr, Broken> {
        let address = self.stage.engine(who).addresses().into_iter().next();
        address.ok_or_else(|| Broken::because(format!("{}'s node listens nowhere", who.name())))
    }

    fn heads(&self, who: &[Who], id: &ConversationId) -> Result<Vec<Vec<CommitId>>, Broken> {
        who.iter().map(|who| Ok(self.conversation(*who, id)?.heads())).collect()
    }

    async fn say(&mut self, who: Who, id: &ConversationId, text: &str) -> Result<(), Broken> {
        self.conversation(who, id)?.send(text).await?;
        self.teller.say(format!("{}: {text}", who.name()));
        Ok(())
    }

    /// Waits until a text has reached everybody of these.
    async fn everybody_reads(&mut self, who: &[Who], id: &ConversationId, from: Who, text: &str) -> Result<(), Broken> {
        let author = self.stage.uri(from);
        for reader in who {
            self.stage
                .event(*reader, &format!("{} reads what {} wrote", reader.name(), from.name()), |event| match event {
                    Event::Message { conversation, entry } if conversation == id && entry.author == author => {
                        (entry.message == Message::Text { body: text.to_owned() }).then_some(())
                    }
                    _ => None,
                })
                .await?;
        }
        Ok(())
    }

    /// Waits until everybody of these sees somebody in that role.
    async fn everybody_sees(&mut self, who: &[Who], id: &ConversationId, uri: Uri, role: Role) -> Result<(), Broken> {
        let awaited = format!("{} is seen as {role}", short(&uri));
        self.stage
            .until(&awaited, |stage| {
                who.iter().all(|who| stage.conversation(*who, id).is_ok_and(|c| roles(&c).contains(&(uri, role))))
            })
            .await
    }

    /// Waits until everybody of these has the same heads, and claims that state and log are the same, too.
    async fn everybody_agrees(&mut self, who: &[Who], id: &ConversationId) -> Result<(), Broken> {
        self.stage
            .until("everybody has the same heads", |stage| {
                let mut heads = who.iter().map(|who| stage.conversation(*who, id).map(|c| c.heads()).ok());
                let first = heads.next().flatten();
                first.is_some() && heads.all(|other| other == first)
            })
            .await?;
        let mut views = Vec::new();
        for who in who {
            let conversation = self.conversation(*who, id)?;
            let log: Vec<_> = conversation.log(Default::default()).await?.into_iter().map(|entry| entry.id).collect();
            views.push((conversation.tree(), roles(&conversation), log));
        }
        claim(views.windows(2).all(|pair| pair[0] == pair[1]), "everybody has the same state and the same log")?;
        self.teller.held("everybody has the same heads, the same state and the same log");
        Ok(())
    }
}

fn roles(conversation: &Conversation) -> Vec<(Uri, Role)> {
    conversation.members().into_iter().map(|member| (member.uri, member.role)).collect()
}
