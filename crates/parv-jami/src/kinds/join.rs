//! `member` / `join`: an invitation is taken up. The certificates of the author come with it, and have been read already.

use super::Case;
use crate::id::Account;
use crate::path::{Category, Path};
use parv_model::{Refusal, Role};

pub(super) fn judge(case: &mut Case<'_>, account: Account) -> Result<(), Refusal> {
    case.require(account == case.author, || format!("{} cannot join in the name of {account}", case.author))?;
    match case.before.role(&account) {
        Some(Role::Invited) => {}
        Some(Role::Admin | Role::Member) => return Err(case.refuse(format!("{account} is already here"))),
        Some(Role::Banned) => return Err(case.refuse(format!("{account} is banned"))),
        None | Some(Role::Left) => return Err(case.refuse(format!("{account} has not been invited"))),
    }
    case.files.remove(&Path::standing(Category::Invited, account));
    Ok(())
}
