//! `application/update-profile`: title, description and picture, which only admins may change.

use super::{Case, read};
use crate::infos::MAX_PROFILE_BYTES;
use crate::path::Path;
use crate::state::File;
use parv_model::Refusal;

pub(super) fn judge(case: &mut Case<'_>) -> Result<(), Refusal> {
    case.require_admin("change the profile")?;
    let Some(blob) = case.entry(&Path::Profile)? else {
        return Err(case.refuse("it brings no profile.vcf"));
    };
    if Some(blob) != case.before.profile() {
        read(case.commit, case.source, &blob, MAX_PROFILE_BYTES)?;
        case.files.insert(Path::Profile, File::plain(blob));
    }
    Ok(())
}
