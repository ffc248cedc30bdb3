//! Keeping the log to what the rules let be shown of the words of the banned (validation §6, "Content").

use super::{Ledger, read};
use crate::conversation::log::LogIndex;
use parv_model::CommitId;
use parv_validator::{CheckedCommit, Content, Signatures};

impl Ledger {
    /// Judges anew what is shown, if it can have changed: with the state, or with something written in ignorance of a ban.
    /// `new` are the commits that came in since.
    pub(super) fn judge_content(&mut self, new: &[CommitId]) {
        let state = self.state();
        let knows_all_bans =
            |commit: &CommitId| state.bans().all(|(ban, _)| ban == *commit || self.replica.is_behind(&ban, commit));
        if self.judged == Some(state.tree()) && new.iter().all(knows_all_bans) {
            return;
        }
        self.judged = Some(state.tree());
        let content = self.replica.content(&self.heads);
        LogIndex::change(&self.log, |log| self.content_changes.extend(log.judge(content)));
    }

    /// What became flagged or hidden, or ceased to be, since this was asked last.
    pub(crate) fn content_changes(&mut self) -> Vec<(CommitId, Option<Content>)> {
        std::mem::take(&mut self.content_changes)
    }

    /// Takes what only the old heads reached out of the log, but for what is hidden: that stays, aside. Whether some of it was
    /// kept, so that the log must be gathered anew.
    pub(super) fn forget_unreachable(&mut self, old: &[CommitId]) -> bool {
        let ends = self.replica.maximal(&[self.heads.as_slice(), old].concat());
        let fallen: Vec<_> = ends.into_iter().filter(|end| !self.heads.contains(end)).collect();
        if fallen.is_empty() {
            return false;
        }
        let gone = self.repository.walk(&fallen, &self.heads).unwrap_or_else(|error| {
            tracing::warn!("the log shows what it should not any more: {error}");
            Vec::new()
        });
        // The walk may list some that are still reached, when commits lie about their dates.
        let gone: Vec<CommitId> = gone.into_iter().filter(|commit| !self.reaches(commit)).collect();
        let was_kept = gone.iter().any(|commit| self.replica.is_settled(commit));
        let mut hidden = Vec::new();
        LogIndex::change(&self.log, |log| {
            for commit in gone {
                match log.content(&commit) {
                    Some(Content::Hidden) => hidden.push(commit),
                    _ => log.remove(&commit),
                }
            }
        });
        let tips = self.replica.maximal(&hidden);
        self.aside.change(|aside| aside.hidden.extend(tips));
        was_kept
    }

    /// Lets go of what lies aside and has become part of the conversation.
    pub(super) fn take_back(&mut self) {
        let mut aside = std::mem::take(&mut self.aside);
        aside.change(|aside| {
            aside.hidden.retain(|tip| !self.reaches(tip));
            aside.held.retain(|held| !self.reaches(&held.head));
        });
        self.aside = aside;
    }

    /// Whether a commit is part of the conversation.
    pub(super) fn reaches(&self, commit: &CommitId) -> bool {
        self.heads.iter().any(|head| head == commit || self.replica.is_behind(commit, head))
    }

    /// Admits what was set aside in an earlier run, and shows as hidden what is.
    pub(super) fn recall(&mut self) {
        let mark = self.replica.checkpoint();
        match self.admit_aside() {
            Ok(commits) => {
                self.judge_content(&[]);
                let is_hidden = |commit: &CheckedCommit| self.is_hidden(&commit.id());
                let hidden: Vec<_> = commits.into_iter().filter(is_hidden).collect();
                self.note(&hidden);
            }
            Err(why) => {
                tracing::warn!(conversation = %self.id(), "what was set aside cannot be read: {why}");
                self.replica.rollback(mark);
                self.aside.change(|aside| {
                    aside.hidden.clear();
                    aside.held.clear();
                });
                self.judge_content(&[]);
            }
        }
        // Nobody has seen it otherwise in this run.
        self.content_changes.clear();
    }

    fn admit_aside(&mut self) -> Result<Vec<CheckedCommit>, String> {
        let tips = self.aside.tips();
        if tips.is_empty() {
            return Ok(Vec::new());
        }
        let ids = self.repository.walk(&tips, &self.heads).map_err(|error| crate::error::chain(&error))?;
        let bytes = read(&self.repository, &ids).map_err(|error| crate::error::chain(&error))?;
        let commits = crate::replay::check_all(&ids, &bytes, Signatures::New).map_err(|refusal| refusal.to_string())?;
        for commit in &commits {
            self.replica.admit(commit, &self.repository).map_err(|refusal| refusal.to_string())?;
        }
        Ok(commits)
    }
}
