//! `member` / `add`: an invitation. Who may invite is the conversation's mode.

use super::Case;
use crate::id::Account;
use crate::lenience::Laxness;
use crate::path::{Category, Path};
use crate::state::File;
use parv_model::{Mode, Refusal, Role, Rule};

pub(super) fn judge(case: &mut Case<'_>, target: Account) -> Result<(), Refusal> {
    case.require(target != case.author, || "nobody invites themselves".to_owned())?;
    match case.before.mode() {
        Mode::OneToOne => {
            let named = case.before.initial.contains(&target);
            case.require(named, || "a one-to-one conversation has room only for the two of its beginning".to_owned())?;
        }
        Mode::AdminInvitesOnly => {
            // The original does not ask.
            if let Err(refusal) = case.require_admin("invite in this conversation") {
                case.rules.lax(case.commit, Laxness::MemberInvites, refusal.rule, refusal.why)?;
            }
        }
        Mode::InvitesOnly | Mode::Public => {}
    }
    let path = Path::standing(Category::Invited, target);
    match case.before.role(&target) {
        None | Some(Role::Left) => {}
        // The original looks for banned members only.
        Some(Role::Banned)
            if case.before.has(&Path::Banned(Category::Invited, crate::path::Target::Account(target))) =>
        {
            let why = format!("{target} is banned; only an unban vote lets them back");
            case.rules.lax(case.commit, Laxness::AddPresent, Rule::Kind, why)?;
        }
        Some(Role::Banned) => return Err(case.refuse(format!("{target} is banned; only an unban vote lets them back"))),
        Some(_) => {
            let why = format!("{target} is already here");
            case.rules.lax(case.commit, Laxness::AddPresent, Rule::Kind, why)?;
        }
    }
    case.files.insert(path, File::empty());
    let lists = Path::Crl(case.author);
    if let Some(blob) = case.entry(&lists)? {
        case.files.insert(lists, File::plain(blob));
    }
    Ok(())
}
