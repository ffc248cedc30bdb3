//! `application/edited-message`: a text takes the place of an earlier one by the same author.

use super::Case;
use crate::rules::JamiRules;
use parv_model::{CommitId, Refusal};
use parv_validator::replica::Behind;

pub(super) fn judge(case: &Case<'_>, behind: &Behind<'_, JamiRules>, of: CommitId) -> Result<(), Refusal> {
    let Some((author, mark)) = behind.earlier(&of) else {
        return Err(case.refuse(format!("it edits {of}, which is not in its past")));
    };
    case.require(author == case.author, || format!("it edits {of}, which somebody else wrote"))?;
    case.require(mark.editable, || format!("{of} is nothing that can be edited"))
}
