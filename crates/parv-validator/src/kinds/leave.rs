//! `member` / `remove`: somebody leaves. Only they themselves can say so.

use super::Case;
use parv_model::{Refusal, Uri};

pub(super) fn check(case: &Case<'_>, uri: &Uri) -> Result<(), Refusal> {
    case.require(*uri == case.author, || format!("{} cannot leave in the name of {uri}", case.author))
}
