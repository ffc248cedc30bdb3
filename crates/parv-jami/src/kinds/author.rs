//! Who wrote a commit, and may they write here? And which certificates of its author does it bring?

use super::{entry, read};
use crate::certificate::{AccountCertificate, DeviceCertificate, MAX_CERTIFICATE_BYTES};
use crate::checked::{CheckedCommit, Signature};
use crate::id::Account;
use crate::lenience::Laxness;
use crate::message::Kind;
use crate::path::{Category, Path};
use crate::rules::JamiRules;
use crate::source::Objects;
use crate::state::{File, Files, Paper, State};
use parv_model::{BlobId, Refusal, Role, Rule};
use parv_validator::rules::{Checked, Rendering};

/// The author of a commit with one parent, who must be a member in the state of its past or be joining; and the files of
/// the past with the author's own certificates as the commit adds or renews them.
pub(super) fn of(
    rules: &JamiRules,
    commit: &CheckedCommit,
    before: &State,
    source: &dyn Objects,
) -> Result<(Account, Files), Refusal> {
    let device = commit.commit().device;
    let path = Path::device(device);
    // Nothing rides on a commit that leaves the tree alone, so most commits do not look at it.
    let changed = commit.tree() != before.tree();
    let known = before.files.get(&path);
    let brought = if changed { entry(commit, source, &path)? } else { None };
    let rider = match brought.filter(|blob| Some(*blob) != known.map(|file| file.blob)) {
        Some(blob) => Some((blob, device_certificate(commit, source, &path, &blob)?)),
        None => None,
    };
    let owner = before.owner(&device);
    let author = rider.as_ref().map(|(_, certificate)| certificate.issuer).or(owner).ok_or_else(|| {
        commit.refuse(Rule::Authority, format!("its device {device} is not a device of this conversation"))
    })?;
    if owner.is_some_and(|owner| owner != author) {
        return Err(commit.refuse(Rule::Certificate, format!("its device belongs to another account than {author}")));
    }
    let joins = matches!(commit.message().kind, Kind::Join(_));
    standing(commit, before, author, joins)?;

    let mut files = before.files.clone();
    if let Some((path, file)) = before.account_file(author)
        && changed
        && let Some(blob) = entry(commit, source, &path)?.filter(|blob| *blob != file.blob)
    {
        let renewed = account_certificate(commit, source, author, &path, &blob)?;
        files.insert(path, account_file(blob, &renewed));
    }
    if joins {
        let path = Path::standing(Category::Members, author);
        let missing = || commit.refuse(Rule::Certificate, format!("{path} is missing, which a join brings"));
        let blob = entry(commit, source, &path)?.ok_or_else(missing)?;
        let certificate = account_certificate(commit, source, author, &path, &blob)?;
        files.insert(path, account_file(blob, &certificate));
    }
    if let Some((blob, certificate)) = rider {
        let account = current_certificate(commit, source, &files, author)?;
        require_issued(rules, commit, &certificate, &account)?;
        files.insert(path.clone(), device_file(blob, &certificate));
    }
    require_good(rules, commit, &files, author)?;
    Ok((author, files))
}

/// What every author must fulfil: a good signature, and certificates that have not expired when they say they wrote.
pub(super) fn require_good(
    rules: &JamiRules,
    commit: &CheckedCommit,
    files: &Files,
    author: Account,
) -> Result<(), Refusal> {
    require_signature(commit)?;
    require_form(rules, commit)?;
    let device = files.get(&Path::device(commit.commit().device));
    let account = [Category::Members, Category::Admins].map(|category| files.get(&Path::standing(category, author)));
    for file in account.into_iter().chain([device]).flatten() {
        if file.paper.is_some_and(|paper| paper.expires < commit.time()) {
            return Err(commit.refuse(Rule::Certificate, "a certificate of its author had expired when it was written"));
        }
    }
    Ok(())
}

/// The signature is there, and its device's.
fn require_signature(commit: &CheckedCommit) -> Result<(), Refusal> {
    let device = commit.commit().device;
    let why = match commit.signature() {
        Signature::Good => return Ok(()),
        Signature::Missing => "it is not signed".to_owned(),
        Signature::Wrong => format!("it is not signed by its device {device}"),
        Signature::Unverifiable => format!("the key of its device {device} is nowhere to be found"),
    };
    Err(commit.refuse(Rule::Signature, why))
}

/// The original never looks at the committer, and takes values in messages for texts whatever they are.
fn require_form(rules: &JamiRules, commit: &CheckedCommit) -> Result<(), Refusal> {
    let holds = commit.commit().is_committed_by_author;
    let why = || "its committer is not its author".to_owned();
    rules.expect(holds, commit, Laxness::Committer, Rule::Structure, why)?;
    let Some(field) = commit.message().loose else { return Ok(()) };
    let why = format!("the value of {field:?} in its message is not of the kind that it is written with");
    rules.lax(commit, Laxness::JsonTypes, Rule::Message, why)
}

/// Whether an account may write here.
pub(super) fn standing(commit: &CheckedCommit, state: &State, author: Account, joins: bool) -> Result<(), Refusal> {
    match Role::bar(state.role(&author)).filter(|_| !joins) {
        Some(why) => Err(commit.refuse(Rule::Authority, format!("its author {author} {why}"))),
        None => Ok(()),
    }
}

/// The original compares names in certificates, not signatures.
pub(super) fn require_issued(
    rules: &JamiRules,
    commit: &CheckedCommit,
    device: &DeviceCertificate,
    account: &AccountCertificate,
) -> Result<(), Refusal> {
    let why =
        || format!("the certificate of its device is not signed by the account {} that it names", account.account);
    rules.expect(device.is_issued_by(account), commit, Laxness::DeviceUnsigned, Rule::Certificate, why)
}

/// The certificate of an account as these files have it.
fn current_certificate(
    commit: &CheckedCommit,
    source: &dyn Objects,
    files: &Files,
    account: Account,
) -> Result<AccountCertificate, Refusal> {
    let paths = [Category::Members, Category::Admins].map(|category| Path::standing(category, account));
    let found = paths.into_iter().find_map(|path| files.get(&path).map(|file| (path, file.blob)));
    let (path, blob) =
        found.ok_or_else(|| commit.refuse(Rule::Certificate, format!("{account} has no certificate here")))?;
    account_certificate(commit, source, account, &path, &blob)
}

/// Reads an account's certificate, whose chain must hold.
pub(super) fn account_certificate(
    commit: &CheckedCommit,
    source: &dyn Objects,
    account: Account,
    path: &Path,
    blob: &BlobId,
) -> Result<AccountCertificate, Refusal> {
    let pem = read(commit, source, blob, MAX_CERTIFICATE_BYTES)?;
    let certificate = AccountCertificate::from_pem(&pem)
        .map_err(|error| commit.refuse(Rule::Certificate, format!("{path}: {error}")))?;
    if certificate.account != account {
        let other = certificate.account;
        return Err(commit.refuse(Rule::Certificate, format!("{path} is the certificate of {other}")));
    }
    Ok(certificate)
}

/// Reads the certificate of the commit's device.
pub(super) fn device_certificate(
    commit: &CheckedCommit,
    source: &dyn Objects,
    path: &Path,
    blob: &BlobId,
) -> Result<DeviceCertificate, Refusal> {
    let pem = read(commit, source, blob, MAX_CERTIFICATE_BYTES)?;
    let certificate = DeviceCertificate::from_pem(&pem)
        .map_err(|error| commit.refuse(Rule::Certificate, format!("{path}: {error}")))?;
    if Path::device(certificate.device) != *path {
        let other = certificate.device;
        return Err(commit.refuse(Rule::Certificate, format!("{path} is the certificate of device {other}")));
    }
    Ok(certificate)
}

pub(super) fn account_file(blob: BlobId, certificate: &AccountCertificate) -> File {
    File { blob, paper: Some(Paper { account: certificate.account, expires: certificate.expires }) }
}

pub(super) fn device_file(blob: BlobId, certificate: &DeviceCertificate) -> File {
    File { blob, paper: Some(Paper { account: certificate.issuer, expires: certificate.expires }) }
}
