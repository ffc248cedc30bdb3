//! Merges: two heads become one. Their author must be a member in what both come to together.

use super::author::{self, require_good};
use super::deed;
use super::settle;
use crate::checked::CheckedCommit;
use crate::lenience::Laxness;
use crate::path::Path;
use crate::rules::JamiRules;
use crate::source::Objects;
use crate::state::{Conflict, State};
use parv_model::{Refusal, Rule};
use parv_validator::replica::Behind;
use parv_validator::rules::{Checked, Deed, Rendering};
use std::sync::Arc;

/// Whether these two may be merged at all.
pub(crate) fn may_merge(
    rules: &JamiRules,
    commit: &CheckedCommit,
    behind: &Behind<'_, JamiRules>,
) -> Result<(), Refusal> {
    let why = || "it merges a head with that head's own past".to_owned();
    rules.expect(!behind.is_redundant(), commit, Laxness::RedundantMerge, Rule::Kind, why)
}

/// Judges a merge whose parents come to `merged`.
pub(crate) fn merge(
    rules: &JamiRules,
    commit: &CheckedCommit,
    merged: &Arc<State>,
    behind: &Behind<'_, JamiRules>,
    source: &dyn Objects,
) -> Result<Deed<JamiRules>, Refusal> {
    let why = || "its text is not that of a merge of its second parent".to_owned();
    rules.expect(is_merge_text(commit), commit, Laxness::MergeText, Rule::Message, why)?;
    let expected = resolved(commit, merged, behind)?;
    let sides: Vec<Arc<State>> = behind.sides().map(|(_, state)| state.clone()).collect();
    let after = if expected.tree() == commit.tree() {
        expected
    } else {
        settle::side(rules, commit, &expected, &sides, source)?
    };

    let device = commit.commit().device;
    let author = after.owner(&device).ok_or_else(|| {
        commit.refuse(Rule::Authority, format!("its device {device} is no device of this conversation after the merge"))
    })?;
    author::standing(commit, &after, author, false)?;
    require_good(rules, commit, &after.files, author)?;
    let mut deed = deed(author, merged, after);
    // A choice between two profiles is an event of its own: others may have chosen otherwise.
    deed.effect.changes |= !merged.conflicts.is_empty();
    Ok(deed)
}

/// What the parents come to. Where both changed the profile, the side with the higher commit id decides; Jami merges no other
/// conflict.
fn resolved(
    commit: &CheckedCommit,
    merged: &Arc<State>,
    behind: &Behind<'_, JamiRules>,
) -> Result<Arc<State>, Refusal> {
    let mut files = merged.files.clone();
    for conflict in &merged.conflicts {
        let why = match conflict {
            Conflict::Path(Path::Profile) => {
                let higher = behind.sides().max_by_key(|(id, _)| *id);
                if let Some(profile) = higher.and_then(|(_, state)| state.files.get(&Path::Profile)) {
                    files.insert(Path::Profile, *profile);
                }
                continue;
            }
            Conflict::Path(path) => format!("both of its parents changed {path}, each in its own way"),
            Conflict::Tangled => "the common past of its parents is too tangled".to_owned(),
        };
        return Err(commit.refuse(Rule::Kind, why));
    }
    if merged.conflicts.is_empty() { Ok(merged.clone()) } else { Ok(Arc::new(merged.with(files, Vec::new()))) }
}

/// `Merge commit '<second parent>'`, or the name of a branch there.
fn is_merge_text(commit: &CheckedCommit) -> bool {
    let text = &commit.commit().message;
    let quoted = |prefix: &str| text.strip_prefix(prefix)?.strip_suffix('\'');
    let second = commit.parents().get(1).map(ToString::to_string);
    quoted("Merge commit '").is_some_and(|id| Some(id) == second.as_deref()) || quoted("Merge branch '").is_some()
}
