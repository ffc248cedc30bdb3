//! `member` / `remove`: somebody leaves. Only they themselves can say so; the original lets anybody say it.

use super::Case;
use crate::id::Account;
use crate::lenience::Laxness;
use crate::path::{Category, Path};
use parv_model::{Refusal, Rule};

pub(super) fn judge(case: &mut Case<'_>, account: Account) -> Result<(), Refusal> {
    let why = || format!("{} cannot leave in the name of {account}", case.author);
    case.rules.expect(account == case.author, case.commit, Laxness::Leave, Rule::Kind, why)?;
    for category in [Category::Admins, Category::Members, Category::Invited] {
        // Who was invited twice, on two sides of a merge, has an invitation still.
        let path = Path::standing(category, account);
        if category != Category::Invited || case.files.contains_key(&path) && case.entry(&path)?.is_none() {
            case.files.remove(&path);
        }
    }
    case.drop_devices_of(account)
}
