//! `member` / `add`: an invitation. Who may invite is the conversation's mode.

use super::Case;
use parv_model::{Mode, Refusal, Role, Uri};

pub(super) fn check(case: &Case<'_>, target: &Uri) -> Result<(), Refusal> {
    case.require(*target != case.author, || "nobody invites themselves".into())?;
    match case.before.mode() {
        Mode::OneToOne => {
            let named = case.before.named_peer() == Some(*target);
            case.require(named, || format!("{} has room only for the person named at its start", Mode::OneToOne))?;
        }
        Mode::AdminInvitesOnly => case.require_admin("invite in this conversation")?,
        Mode::InvitesOnly | Mode::Public => {}
    }
    match case.before.role(target) {
        None | Some(Role::Left) => Ok(()),
        Some(Role::Banned) => Err(case.refuse(format!("{target} is banned; only an unban vote lets them back"))),
        Some(role) => Err(case.refuse(format!("{target} is already here ({role})"))),
    }
}
