//! Who wrote a commit, and may they write here (validation §4)? And what certificates of its author does it bring?

use crate::attested;
use crate::checked::CheckedCommit;
use crate::event::Brought;
use crate::replica::Behind;
use crate::revocation;
use crate::source::BlobSource;
use crate::state::{Certificate, Device, State};
use crate::swarm::Swarm;
use parv_identity::{AccountCertificate, DeviceCertificate};
use parv_model::{BlobId, Message, Refusal, Role, Rule, TreePath, Uri, VoteKind, limits};

/// Who wrote a commit.
pub(crate) struct Author {
    pub(crate) uri: Uri,
    /// The certificates of their own that they add or renew along the way.
    pub(crate) brought: Brought,
    /// A time that the attested time of the commit has reached, as far as that is known.
    pub(crate) reached: Option<i64>,
}

/// The author of an ordinary commit, who must be a member in the state of its past.
pub(crate) fn member(
    commit: &CheckedCommit,
    before: &State,
    dates: &Behind<'_, Swarm>,
    source: &dyn BlobSource,
) -> Result<Author, Refusal> {
    require_unbanned(commit, before)?;
    // Nothing rides on a commit that leaves the tree alone, so most commits end here.
    let changed = commit.commit().tree != before.tree();
    let rider = if changed { device_rider(commit, before, source)? } else { None };
    let device = commit.commit().device;
    let known = before.device_account(&device);
    let author = known.or(rider.as_ref().map(|(_, certificate)| certificate.account()));
    let author = author.ok_or_else(|| {
        commit.refuse(Rule::Authority, format!("its device {device} is not a device of this conversation"))
    })?;
    standing(commit, before, author)?;
    let mut brought = Brought::default();
    if let Some((blob, certificate)) = rider {
        same_account(commit, author, &certificate)?;
        brought.device = Some((device, papers(blob, &certificate)));
    }
    if changed {
        brought.account = account_rider(commit, before, author, source)?;
        brought.list = revocation::rider(commit, before, author, source)?;
    }
    require_good(commit, dates, before, author, brought)
}

/// The author of a merge, who must be a member in the merged state, so that nobody can sign their own return.
pub(crate) fn merger(commit: &CheckedCommit, merged: &State, dates: &Behind<'_, Swarm>) -> Result<Author, Refusal> {
    require_unbanned(commit, merged)?;
    let device = commit.commit().device;
    let author = merged.device_account(&device).ok_or_else(|| {
        commit.refuse(Rule::Authority, format!("its device {device} is no device of this conversation after the merge"))
    })?;
    standing(commit, merged, author)?;
    require_good(commit, dates, merged, author, Brought::default())
}

/// The author, whose certificates, those that the commit brings or else those in the tree, must not be revoked, and good at
/// its attested time.
pub(crate) fn require_good(
    commit: &CheckedCommit,
    dates: &Behind<'_, Swarm>,
    state: &State,
    uri: Uri,
    brought: Brought,
) -> Result<Author, Refusal> {
    let device = brought.device.map(|(_, device)| device);
    let device = device.or_else(|| state.devices.get(&commit.commit().device).copied());
    if device.is_some_and(|device| state.revokes(&uri, &device.serial)) {
        let device = commit.commit().device;
        return Err(commit.refuse(Rule::Authority, format!("its device {device} has been revoked by its account")));
    }
    let account = brought.account.or_else(|| state.account_certificate(&uri));
    let device = device.map(|device| ("device", device.certificate.validity));
    let account = account.map(|certificate| ("author's account", certificate.validity));
    let reached = attested::require_good(commit, dates, state, [device, account])?;
    Ok(Author { uri, brought, reached })
}

/// The author of a commit by which somebody comes in: both of their certificates come with it.
pub(crate) fn newcomer(
    commit: &CheckedCommit,
    before: &State,
    account_path: impl Fn(Uri) -> TreePath,
    source: &dyn BlobSource,
) -> Result<(Uri, Brought), Refusal> {
    require_unbanned(commit, before)?;
    let device = commit.commit().device;
    let (device_blob, certificate) = device_certificate(commit, source)?
        .ok_or_else(|| commit.refuse(Rule::Certificate, "it does not bring the certificate of its device"))?;
    let author = certificate.account();
    let account = account_certificate(commit, author, account_path(author), source)?
        .ok_or_else(|| commit.refuse(Rule::Certificate, "it does not bring the certificate of its author's account"))?;
    let list = revocation::rider(commit, before, author, source)?;
    Ok((author, Brought { account: Some(account), device: Some((device, papers(device_blob, &certificate))), list }))
}

/// A banned device writes nothing, whatever its account is, and whatever certificate it brings.
fn require_unbanned(commit: &CheckedCommit, state: &State) -> Result<(), Refusal> {
    let device = commit.commit().device;
    if state.is_device_banned(&device) {
        return Err(commit.refuse(Rule::Authority, format!("its device {device} is banned")));
    }
    Ok(())
}

fn standing(commit: &CheckedCommit, state: &State, author: Uri) -> Result<(), Refusal> {
    match Role::bar(state.role(&author)) {
        Some(why) => Err(commit.refuse(Rule::Authority, format!("its author {author} {why}"))),
        None => Ok(()),
    }
}

fn papers(blob: BlobId, certificate: &DeviceCertificate) -> Device {
    let account = certificate.account();
    Device {
        account,
        certificate: Certificate { blob, validity: certificate.validity() },
        serial: *certificate.serial(),
    }
}

fn same_account(commit: &CheckedCommit, author: Uri, certificate: &DeviceCertificate) -> Result<(), Refusal> {
    if certificate.account() == author {
        return Ok(());
    }
    Err(commit.refuse(
        Rule::Certificate,
        format!("its device belongs to {author}, but the certificate it brings is from {}", certificate.account()),
    ))
}

fn device_rider(
    commit: &CheckedCommit,
    before: &State,
    source: &dyn BlobSource,
) -> Result<Option<(BlobId, DeviceCertificate)>, Refusal> {
    let path = TreePath::Device(commit.commit().device);
    let known = before.devices.get(&commit.commit().device).map(|device| device.certificate.blob);
    match entry(commit, source, &path)? {
        Some(blob) if Some(blob) != known => device_certificate(commit, source),
        _ => Ok(None),
    }
}

fn account_rider(
    commit: &CheckedCommit,
    before: &State,
    author: Uri,
    source: &dyn BlobSource,
) -> Result<Option<Certificate>, Refusal> {
    // Where the certificate stands after the commit: an admin may resolve their own demotion.
    let demoted = *commit.message() == Message::Resolve(VoteKind::Demote, author.into());
    let is_admin = before.is_admin(&author) && !demoted;
    let path = if is_admin { TreePath::Admin(author) } else { TreePath::Member(author) };
    match entry(commit, source, &path)? {
        Some(blob) if Some(blob) != before.account_certificate(&author).map(|known| known.blob) => {
            account_certificate(commit, author, path, source)
        }
        _ => Ok(None),
    }
}

fn device_certificate(
    commit: &CheckedCommit,
    source: &dyn BlobSource,
) -> Result<Option<(BlobId, DeviceCertificate)>, Refusal> {
    let device = commit.commit().device;
    let path = TreePath::Device(device);
    let Some(blob) = entry(commit, source, &path)? else {
        return Ok(None);
    };
    let pem = read(commit, source, &blob, limits::MAX_CERTIFICATE_BYTES)?;
    let certificate = DeviceCertificate::from_pem(&pem)
        .map_err(|error| commit.refuse(Rule::Certificate, format!("{path}: {error}")))?;
    if certificate.device() != device {
        let other = certificate.device();
        return Err(commit.refuse(Rule::Certificate, format!("{path} is the certificate of device {other}")));
    }
    Ok(Some((blob, certificate)))
}

fn account_certificate(
    commit: &CheckedCommit,
    author: Uri,
    path: TreePath,
    source: &dyn BlobSource,
) -> Result<Option<Certificate>, Refusal> {
    let Some(blob) = entry(commit, source, &path)? else {
        return Ok(None);
    };
    let pem = read(commit, source, &blob, limits::MAX_CERTIFICATE_BYTES)?;
    let certificate = AccountCertificate::from_pem(&pem)
        .map_err(|error| commit.refuse(Rule::Certificate, format!("{path}: {error}")))?;
    if certificate.uri() != author {
        let other = certificate.uri();
        return Err(commit.refuse(Rule::Certificate, format!("{path} is the certificate of {other}")));
    }
    Ok(Some(Certificate { blob, validity: certificate.validity() }))
}

/// The file at a path in the commit's own tree.
pub(crate) fn entry(
    commit: &CheckedCommit,
    source: &dyn BlobSource,
    path: &TreePath,
) -> Result<Option<BlobId>, Refusal> {
    source.entry(&commit.commit().tree, path).map_err(|error| error.refuse(commit))
}

/// The bytes of a file that the commit brings.
pub(crate) fn read(
    commit: &CheckedCommit,
    source: &dyn BlobSource,
    blob: &BlobId,
    limit: usize,
) -> Result<Vec<u8>, Refusal> {
    source.blob(blob, limit).map_err(|error| error.refuse(commit))
}
