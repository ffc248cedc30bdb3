//! Replies, reactions and edits: messages about an earlier message, which must lie in their own past. An edit takes the
//! place of something that its author wrote.

use super::Case;
use parv_model::{CommitId, Message, Refusal};

/// What may become of a message later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Editable {
    /// Texts and replies: another text may take their place, or none.
    Rewrite,
    /// Reactions and announcements of files: they can be taken back.
    Delete,
    /// Everything else stays as it is.
    No,
}

impl Editable {
    pub(crate) fn of(message: &Message) -> Self {
        match message {
            Message::Text { .. } | Message::Reply { .. } => Self::Rewrite,
            Message::Reaction { .. } | Message::File(_) => Self::Delete,
            _ => Self::No,
        }
    }
}

/// A reply or a reaction.
pub(super) fn check(case: &Case<'_>, to: &CommitId) -> Result<(), Refusal> {
    case.require(case.past.earlier(to).is_some(), || format!("it refers to {to}, which is not in its past"))
}

/// An edit.
pub(super) fn check_edit(case: &Case<'_>, of: &CommitId, body: &str) -> Result<(), Refusal> {
    let Some((author, mark)) = case.past.earlier(of) else {
        return Err(case.refuse(format!("it edits {of}, which is not in its past")));
    };
    case.require(author == case.author, || format!("it edits {of}, which somebody else wrote"))?;
    match mark.editable {
        Editable::Rewrite => Ok(()),
        Editable::Delete => case.require(body.is_empty(), || format!("{of} can be deleted but not rewritten")),
        Editable::No => Err(case.refuse(format!("{of} is nothing that can be edited"))),
    }
}
