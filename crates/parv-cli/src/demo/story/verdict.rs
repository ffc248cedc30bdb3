//! Stock git judges the result, and everything is shown where it lies.

use super::Story;
use crate::demo::broken::{Broken, claim};
use crate::demo::stage::Ground;
use crate::demo::stage::Who::{self, Alice};
use crate::text::count;
use parv::ConversationId;
use std::path::Path;

impl Story<'_> {
    /// Clone, fsck, signatures, replay.
    pub(super) fn judge(&mut self, id: &ConversationId, ground: &Path) -> Result<(), Broken> {
        self.step(format!("Stock git is the judge ({})", self.git.version()));
        let source = self.stage.repository(Alice, id);
        let (clone, signers) = (ground.join("clone"), ground.join("allowed_signers"));
        let (clone_text, signers_text) = (clone.display().to_string(), signers.display().to_string());
        self.teller.command(format!("git clone {} {clone_text}", source.display()));
        self.git.run(["clone".as_ref(), "--quiet".as_ref(), source.as_os_str(), clone.as_os_str()])?;
        self.teller.command(format!("git -C {clone_text} fsck --strict"));
        self.git.run(["-C", &clone_text, "fsck", "--strict", "--no-dangling"])?;
        self.teller.held("cloned, and every object is sound");

        self.teller.command(format!("parv allowed-signers {clone_text} > {signers_text}"));
        std::fs::write(&signers, parv::audit::allowed_signers(&clone)?)?;
        let file = format!("gpg.ssh.allowedSignersFile={signers_text}");
        self.teller.command(format!("git -C {clone_text} -c gpg.format=ssh -c {file} log --show-signature"));
        let commits = self.git.run(["-C", &clone_text, "rev-list", "--count", "HEAD"])?;
        let commits: usize = commits.trim().parse()?;
        let options = ["-C", &clone_text, "-c", "gpg.format=ssh", "-c", &file, "log"];
        let shown = self.git.run(options.into_iter().chain(["--show-signature"]))?;
        let good = shown.lines().filter(|line| line.starts_with("Good \"git\" signature for ")).count();
        let verdicts = self.git.run(options.into_iter().chain(["--format=%G?"]))?;
        claim(good == commits && verdicts.lines().all(|verdict| verdict == "G"), "git calls every signature good")?;
        self.teller.held(format!("git calls the signatures of all {} good", count(commits, "commit")));

        let report = parv::audit::verify(&clone)?;
        claim(report.verdict_valid && report.commits == commits, "parv calls the clone valid")?;
        claim(report.tree == Some(self.conversation(Alice, id)?.tree()), "the clone has the state that Alice sees")?;
        self.teller.command(format!("parv verify {clone_text}"));
        self.teller.held("a replay of the clone from its first commit gives the very state that Alice sees");
        Ok(())
    }

    /// Where to look.
    pub(super) fn say_where(&mut self, id: &ConversationId, ground: &Ground) -> Result<(), Broken> {
        self.step("Where everything lies");
        std::fs::remove_dir_all(ground.path().join("hostile"))?;
        for who in Who::ALL {
            self.teller.say(format!("{:<6} {}", who.name(), self.stage.repository(who, id).display()));
        }
        self.teller.say(format!("{:<6} {}", "clone", ground.path().join("clone").display()));
        match ground.stays() {
            true => self.teller.say("each is an ordinary bare Git repository; look around"),
            false => self.teller.say("all of it is removed now; parv demo --keep DIR leaves it for you to look around"),
        }
        Ok(())
    }
}
