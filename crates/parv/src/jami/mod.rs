//! Conversations of Jami: an independent verdict on their repositories, and what was said in them.
//!
//! [`audit()`] replays everything that the branch `main` reaches, as [`mod@crate::audit`] does it for ours: structure and signatures
//! on all cores, then commit by commit, with every tree and file looked at. Nothing is written there.

mod history;
mod transcript;

pub use parv_jami::id::{Account, Device};
pub use parv_jami::lenience::{Laxness, Warning};
pub use parv_jami::{Role, State};
pub use transcript::Said;

use crate::audit::{self, AuditError};
use crate::transcript::{Person, System, Transcript};
use crate::trial::Halt;
use history::Trial;
use parv_jami::JamiRules;
use parv_model::{CommitId, Mode, Refusal};
use std::collections::BTreeMap;
use std::path::Path;

/// How a history is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Judge {
    /// By the rules as they are described.
    #[default]
    Strict,
    /// By the rules as the original enforces them; what only it lets through is named.
    Lenient,
}

/// The verdict on a conversation of Jami.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The first commit that breaks a rule, parents before children; none if the history is valid.
    pub refused: Option<Refusal>,
    /// What only a lenient judge lets through.
    pub warnings: Vec<Warning>,
    /// The commit that the conversation begins with.
    pub root: CommitId,
    /// What `main` points to.
    pub head: CommitId,
    /// The mode, if the first commit is good.
    pub mode: Option<Mode>,
    /// Who is in it, as that daemon says it. Nobody if it is not valid.
    pub members: BTreeMap<Account, Role>,
    /// Title, description, picture and the mode's number, as that daemon names them. Nothing if it is not valid.
    pub infos: BTreeMap<String, String>,
    /// Everything that was said, parents before children. Nothing if it is not valid.
    pub messages: Vec<Said>,
    /// How many commits were judged good.
    pub commits: usize,
}

impl Report {
    /// Whether every commit keeps the rules and nothing is missing.
    pub fn is_valid(&self) -> bool {
        self.refused.is_none()
    }

    /// The conversation as archives keep it; `None` if it is not valid.
    pub fn transcript(&self) -> Option<Transcript> {
        let mode = self.mode.filter(|_| self.is_valid())?;
        let person = |(uri, role): (&Account, &Role)| Person { uri: uri.to_string(), role: role.to_string() };
        Some(Transcript {
            system: System::Jami,
            id: self.root.to_string(),
            mode,
            title: self.infos.get("title").cloned(),
            description: self.infos.get("description").cloned(),
            members: self.members.iter().map(person).collect(),
            messages: self.messages.iter().filter(|said| said.parents.len() < 2).map(Said::line).collect(),
        })
    }
}

/// Judges the conversation in a repository or bundle.
pub fn audit(path: &Path, judge: Judge) -> Result<Report, AuditError> {
    let foreign = audit::open(path)?;
    let rules = match judge {
        Judge::Strict => JamiRules::strict(),
        Judge::Lenient => JamiRules::lenient(),
    };
    let mut trial = Trial::new(&foreign, rules);
    let verdict = trial.run();
    match verdict {
        Ok(()) => Ok(trial.report(None)),
        Err(Halt::Refused(refusal)) => Ok(trial.report(Some(refusal))),
        Err(Halt::NoConversation(why)) => Err(AuditError::NoConversation { path: path.to_owned(), why }),
    }
}
