//! Those who do not keep the rules, and what becomes of it.

use super::{ONE_SIDE, Story, THREE};
use crate::demo::broken::{Broken, claim};
use crate::demo::hostile::Hostile;
use crate::demo::stage::Who::{Alice, Carol, Dave};
use parv::{CommitId, ConversationId, Event, Refusal, Rule};
use parv_net::NetError;
use std::path::{Path, PathBuf};

/// The name of the file that the hostile node smuggles into a tree.
const SMUGGLED: &str = "surprise.txt";

impl Story<'_> {
    /// The banned one asks for more, and offers what he wrote.
    pub(super) async fn turn_away(&mut self, id: &ConversationId, ground: &Path) -> Result<(), Broken> {
        self.step("Dave tries to go on");
        let before = self.heads(&THREE, id)?;
        let late = self.conversation(Dave, id)?.send("BUY NOW! LAST CHANCE!").await?;
        self.teller.say("his own node writes another message; now he also drives his device by hand:");
        self.stage.dismiss(Dave).await;
        let loot = copy_repository(&self.stage.repository(Dave, id), &ground.join("hostile").join("dave.git"))?;
        let hostile = Hostile::take(self.stage.account_folder(Dave), &loot).await?;
        match hostile.fetch(self.address(Alice)?, id).await {
            Err(NetError::Refused(_)) => self.teller.held("he asks Alice's node for the conversation: refused"),
            Err(other) => return Err(other.into()),
            Ok(()) => return Err(Broken::because("a banned device could fetch")),
        }
        hostile.release().await;

        self.teller.say("he steals Carol's device, and has it offer his message to Alice:");
        self.stage.dismiss(Carol).await;
        let hostile = Hostile::take(self.stage.account_folder(Carol), &loot).await?;
        let refusal = self.offer(&hostile, id, late).await?;
        hostile.release().await;
        claim(refusal.commit == late, "it is Dave's commit that was refused")?;
        self.teller.held(format!("refused ({}): {}", refusal.rule, refusal.why));
        self.nothing_stays(id, &before, late).await
    }

    /// A commit that says one thing and carries another.
    pub(super) async fn smuggle(&mut self, id: &ConversationId, ground: &Path) -> Result<(), Broken> {
        self.step("Carol's stolen device writes a commit that breaks the rules");
        let before = self.heads(&THREE[..2], id)?;
        let loot = copy_repository(&self.stage.repository(Carol, id), &ground.join("hostile").join("carol.git"))?;
        let hostile = Hostile::take(self.stage.account_folder(Carol), &loot).await?;
        let log = self.conversation(Alice, id)?.log(Default::default()).await?;
        let time = log.last().map_or(0, |entry| entry.time);
        let forged = hostile.smuggle(self.git, Carol, SMUGGLED, time)?;
        self.teller.say(format!("a harmless text, properly signed; but its tree also carries a file {SMUGGLED}"));
        let refusal = self.offer(&hostile, id, forged).await?;
        hostile.release().await;
        claim(refusal.commit == forged && refusal.rule == Rule::Tree, "the commit was refused for its tree")?;
        self.teller.held(format!("refused ({}): {}", refusal.rule, refusal.why));
        self.nothing_stays(id, &before, forged).await?;

        self.stage.bring_back(Carol).await?;
        for other in ONE_SIDE {
            self.stage.connect(Carol, other).await?;
        }
        self.say(Carol, id, "My device is mine again. Did I miss anything?").await?;
        self.everybody_reads(&THREE, id, Carol, "My device is mine again. Did I miss anything?").await?;
        self.everybody_agrees(&THREE, id).await
    }

    /// Has a hostile node offer a commit to Alice, and waits for her to refuse it.
    async fn offer(&mut self, from: &Hostile, id: &ConversationId, commit: CommitId) -> Result<Refusal, Broken> {
        from.offer(self.address(Alice)?, id, commit).await?;
        self.stage
            .event(Alice, "Alice's node refuses what it was offered", |event| match event {
                Event::Refused { conversation, refusal, .. } if conversation == id => Some(refusal.clone()),
                _ => None,
            })
            .await
    }

    /// Claims that nobody's history has changed, and that Alice's disk holds nothing of what was refused.
    async fn nothing_stays(
        &mut self,
        id: &ConversationId,
        before: &[Vec<CommitId>],
        refused: CommitId,
    ) -> Result<(), Broken> {
        claim(self.heads(&ONE_SIDE, id)? == before[..ONE_SIDE.len()], "no history has changed")?;
        let stored = self.git.has_object(&self.stage.repository(Alice, id), &refused.to_string())?;
        claim(!stored, "Alice's repository holds nothing of it")?;
        self.teller.held("nothing of it stays on Alice's disk, and her history is what it was");
        Ok(())
    }
}

/// Copies a repository, file by file, for a hostile device to do with as it likes.
fn copy_repository(from: &Path, to: &Path) -> Result<PathBuf, Broken> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => drop(copy_repository(&entry.path(), &target)?),
            false => drop(std::fs::copy(entry.path(), &target)?),
        }
    }
    Ok(to.to_owned())
}
