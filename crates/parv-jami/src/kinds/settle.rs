//! The tree is a proof: a commit's must be the one that follows from its past and from what it says. Where it is not, this
//! says what is in it that should not be; a lenient judge may go on with what the original would have taken for good.

use super::author::{account_certificate, account_file, device_certificate, device_file};
use super::{Case, deed};
use crate::checked::CheckedCommit;
use crate::id::Account;
use crate::lenience::Laxness;
use crate::message::Kind;
use crate::path::{Category, Path, Target};
use crate::rules::JamiRules;
use crate::source::{self, Objects};
use crate::state::{File, Files, State};
use parv_model::{BlobId, Refusal, Rule};
use parv_validator::rules::{Checked, Deed, Rendering};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many differences a refusal names.
const MAX_NAMED: usize = 3;

/// Holds the commit's tree against the files that follow from it.
pub(super) fn settle(case: Case<'_>, before: &Arc<State>) -> Result<Deed<JamiRules>, Refusal> {
    // Most commits change nothing and carry the tree of their parent.
    if case.files.ptr_eq(&before.files) && case.commit.tree() == before.tree() {
        return Ok(deed(case.author, before, before.clone()));
    }
    let expected = Arc::new(before.with(case.files.clone(), Vec::new()));
    if expected.tree() == case.commit.tree() {
        return Ok(deed(case.author, before, expected));
    }
    let actual = source::files(case.source, &case.commit.tree()).map_err(|error| error.refuse(case.commit))?;
    let why = difference(&expected.files, &actual);
    let allowed = case.rules.is_lenient().then(|| laxness(&case, before, &actual)).flatten();
    let laxness = allowed.ok_or_else(|| case.commit.refuse(Rule::Tree, why.clone()))?;
    let after = adopt(case.commit, case.source, before, &expected.files, actual)?;
    case.rules.lax(case.commit, laxness, Rule::Tree, why)?;
    Ok(deed(case.author, before, Arc::new(after)))
}

/// A merge that is not what its parents come to. The original is content when every file is as on one of the two sides.
pub(super) fn side(
    rules: &JamiRules,
    commit: &CheckedCommit,
    expected: &State,
    sides: &[Arc<State>],
    source: &dyn Objects,
) -> Result<Arc<State>, Refusal> {
    let actual = source::files(source, &commit.tree()).map_err(|error| error.refuse(commit))?;
    let why = difference(&expected.files, &actual);
    let blob_in = |state: &State, path: &Path| state.files.get(path).map(|file| file.blob);
    let paths = sides.iter().flat_map(|state| state.files.keys()).chain(actual.keys());
    let taken = |path: &Path| sides.iter().any(|state| blob_in(state, path) == actual.get(path).copied());
    if !paths.into_iter().all(taken) {
        return Err(commit.refuse(Rule::Tree, why));
    }
    rules.lax(commit, Laxness::MergeSide, Rule::Tree, why)?;
    let files = actual.iter().filter_map(|(path, blob)| {
        let mut known = sides.iter().filter_map(|state| state.files.get(path));
        known.find(|file| file.blob == *blob).map(|file| (path.clone(), *file))
    });
    Ok(Arc::new(expected.with(files.collect(), Vec::new())))
}

/// What is in a tree that does not follow from the rules, in words.
fn difference(expected: &Files, actual: &BTreeMap<Path, BlobId>) -> String {
    let mut named = Vec::new();
    for (path, blob) in actual {
        match expected.get(path) {
            None => named.push(format!("{path} should not be there")),
            Some(file) if file.blob != *blob => named.push(format!("{path} should not be changed")),
            Some(_) => {}
        }
    }
    let missing = expected.keys().filter(|path| !actual.contains_key(path));
    named.extend(missing.map(|path| format!("{path} should be there")));
    let more = named.len().saturating_sub(MAX_NAMED);
    named.truncate(MAX_NAMED);
    let rest = if more > 0 { format!(", and {more} more") } else { String::new() };
    if named.is_empty() {
        return "its tree is not in Git's one form".to_owned();
    }
    format!("its tree is not what the rules make of it: {}{rest}", named.join(", "))
}

/// In what the original is lax if it lets these files through.
fn laxness(case: &Case<'_>, before: &State, actual: &BTreeMap<Path, BlobId>) -> Option<Laxness> {
    let changed: Vec<&Path> = {
        let was = |path: &Path| before.files.get(path).map(|file| file.blob);
        let came = actual.iter().filter(|(path, blob)| was(path) != Some(**blob)).map(|(path, _)| path);
        came.chain(before.files.keys().filter(|path| !actual.contains_key(path))).collect()
    };
    match case.commit.message().kind {
        Kind::Edit(_) => Some(Laxness::EditFiles),
        Kind::Leave(account) => changed.iter().all(|path| is_of(before, path, account)).then_some(Laxness::Leave),
        Kind::Vote(_) => match changed.as_slice() {
            [Path::Vote(_, category, target, voter)] => {
                let present = Category::ALL.into_iter().any(|place| before.has(&Path::Standing(place, *target)))
                    || before.has(&Path::Banned(*category, *target));
                let other =
                    *target != Target::Account(case.author) && *target != Target::Device(case.commit.commit().device);
                (*voter == case.author && present && other).then_some(Laxness::VoteForOther)
            }
            _ => None,
        },
        _ => None,
    }
}

/// Whether a file is one that goes with an account.
fn is_of(before: &State, path: &Path, account: Account) -> bool {
    match path {
        Path::Standing(Category::Devices, _) => {
            before.files.get(path).and_then(|file| file.paper).is_some_and(|paper| paper.account == account)
        }
        Path::Standing(_, target) => *target == Target::Account(account),
        Path::Crl(owner) => *owner == account,
        _ => false,
    }
}

/// The state that a tree shows, whatever the rules say of it. Certificates in it are read.
fn adopt(
    commit: &CheckedCommit,
    source: &dyn Objects,
    before: &State,
    expected: &Files,
    actual: BTreeMap<Path, BlobId>,
) -> Result<State, Refusal> {
    let mut files = Files::new();
    for (path, blob) in actual {
        let known = [expected, &before.files].into_iter().filter_map(|files| files.get(&path));
        let known = known.into_iter().find(|file| file.blob == blob).copied();
        let file = match (known, &path) {
            (Some(file), _) => file,
            (None, Path::Standing(Category::Devices, _)) => {
                device_file(blob, &device_certificate(commit, source, &path, &blob)?)
            }
            (None, Path::Standing(Category::Admins | Category::Members, Target::Account(account))) => {
                account_file(blob, &account_certificate(commit, source, *account, &path, &blob)?)
            }
            (None, _) => File::plain(blob),
        };
        files.insert(path, file);
    }
    Ok(before.with(files, Vec::new()))
}
