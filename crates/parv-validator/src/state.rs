//! The state of a conversation: who is what, which devices write, which votes are open, what it is called.

use crate::render::{Folder, Trees};
use crate::revocation::Revocations;
use crate::tree::EMPTY_BLOB;
use imbl::{OrdMap, OrdSet};
use parv_identity::certificate::{Serial, Validity};
use parv_model::{BlobId, Category, CommitId, DeviceId, Mode, Role, Target, Uri, VoteKind};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// A certificate in the tree: its file, and when it is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Certificate {
    pub(crate) blob: BlobId,
    pub(crate) validity: Validity,
}

impl Certificate {
    /// Orders certificates by how long they are good, those that end at the same time by when they begin.
    pub(crate) fn term(&self) -> (i64, Reverse<i64>) {
        (self.validity.not_after, Reverse(self.validity.not_before))
    }
}

/// What somebody is, as the tree shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// `admins/<uri>.crt`, and since when.
    Admin(Certificate, Seniority),
    /// `members/<uri>.crt`.
    Member(Certificate),
    /// `invited/<uri>`.
    Invited,
    /// `banned/<category>/<uri>[.crt]`.
    Banned(Category, Option<Certificate>),
    /// Was a member and went. Not in the tree: they left nothing behind.
    Left,
}

impl Standing {
    /// The folder in which the tree shows it, and the file's blob.
    pub(crate) fn shown(&self) -> Option<(Folder, BlobId)> {
        let of = |certificate: &Option<Certificate>| certificate.map_or(EMPTY_BLOB, |it| it.blob);
        match self {
            Self::Admin(certificate, _) => Some((Folder::Admins, certificate.blob)),
            Self::Member(certificate) => Some((Folder::Members, certificate.blob)),
            Self::Invited => Some((Folder::Invited, EMPTY_BLOB)),
            Self::Banned(Category::Admins, certificate) => Some((Folder::BannedAdmins, of(certificate))),
            Self::Banned(Category::Members, certificate) => Some((Folder::BannedMembers, of(certificate))),
            Self::Banned(_, certificate) => Some((Folder::BannedInvited, of(certificate))),
            Self::Left => None,
        }
    }
}

/// A device certificate in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Device {
    pub(crate) account: Uri,
    pub(crate) certificate: Certificate,
    /// By which a revocation list names it.
    pub(crate) serial: Serial,
}

/// One vote file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Vote {
    pub(crate) kind: VoteKind,
    pub(crate) category: Category,
    pub(crate) target: Target,
    pub(crate) voter: Uri,
}

/// When somebody became an admin: generation and id of the commit that made them one. Orders admins by seniority
/// (validation §1).
pub(crate) type Seniority = (u64, CommitId);

/// What a replay of a set of commits says. It renders to exactly one Git tree (validation §1).
///
/// A replica keeps the state after every control event; its maps share what did not change, so that this is cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    pub(crate) mode: Mode,
    /// Mode 0: the only other person there can be.
    pub(crate) named: Option<Uri>,
    pub(crate) accounts: OrdMap<Uri, Standing>,
    /// The most senior first.
    pub(crate) admins: OrdSet<(Seniority, Uri)>,
    pub(crate) devices: OrdMap<DeviceId, Device>,
    /// Devices that were banned by themselves, whatever becomes of their accounts.
    pub(crate) banned_devices: OrdMap<DeviceId, Device>,
    pub(crate) revocations: OrdMap<Uri, Revocations>,
    pub(crate) votes: OrdSet<Vote>,
    pub(crate) profile: Option<BlobId>,
    /// The bans that count, lifted or not, and whom or what they are about. Not in the tree.
    pub(crate) bans: OrdMap<CommitId, Target>,
    /// Resolutions that stand undecided against each other (validation §6): without effect, shown to people.
    pub(crate) undecided: BTreeSet<CommitId>,
    pub(crate) trees: Trees,
}

impl State {
    /// Nobody and nothing, in this mode.
    pub(crate) fn empty(mode: Mode, named: Option<Uri>) -> Self {
        Self {
            mode,
            named,
            accounts: OrdMap::new(),
            admins: OrdSet::new(),
            devices: OrdMap::new(),
            banned_devices: OrdMap::new(),
            revocations: OrdMap::new(),
            votes: OrdSet::new(),
            profile: None,
            bans: OrdMap::new(),
            undecided: BTreeSet::new(),
            trees: Trees::default(),
        }
    }

    /// The mode of the conversation.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Mode `ONE_TO_ONE`: the other person, as named by the first commit.
    pub fn named_peer(&self) -> Option<Uri> {
        self.named
    }

    /// What somebody is; `None` for a stranger.
    pub fn role(&self, uri: &Uri) -> Option<Role> {
        self.accounts.get(uri).map(|standing| match standing {
            Standing::Admin(..) => Role::Admin,
            Standing::Member(_) => Role::Member,
            Standing::Invited => Role::Invited,
            Standing::Banned(..) => Role::Banned,
            Standing::Left => Role::Left,
        })
    }

    /// Whether somebody may write.
    pub fn is_member(&self, uri: &Uri) -> bool {
        matches!(self.role(uri), Some(Role::Admin | Role::Member))
    }

    /// Whether somebody may moderate.
    pub fn is_admin(&self, uri: &Uri) -> bool {
        self.role(uri) == Some(Role::Admin)
    }

    /// Everybody who ever was invited, with what they are now, in the order of their URIs.
    pub fn people(&self) -> impl Iterator<Item = (Uri, Role)> + '_ {
        self.accounts.keys().filter_map(|uri| Some((*uri, self.role(uri)?)))
    }

    /// The admins, the most senior first.
    pub fn admins(&self) -> impl ExactSizeIterator<Item = Uri> + '_ {
        self.admins.iter().map(|(_, uri)| *uri)
    }

    /// The devices that may write, with their accounts, in the order of their ids.
    pub fn devices(&self) -> impl Iterator<Item = (DeviceId, Uri)> + '_ {
        self.devices.iter().map(|(id, device)| (*id, device.account))
    }

    /// Whose device this is, if it may write.
    pub fn device_account(&self, device: &DeviceId) -> Option<Uri> {
        self.devices.get(device).map(|device| device.account)
    }

    /// The devices that are banned, with their accounts, in the order of their ids.
    pub fn banned_devices(&self) -> impl Iterator<Item = (DeviceId, Uri)> + '_ {
        self.banned_devices.iter().map(|(id, device)| (*id, device.account))
    }

    /// Whether a device is banned, whatever its account is.
    pub fn is_device_banned(&self, device: &DeviceId) -> bool {
        self.banned_devices.contains_key(device)
    }

    /// Whether the account that a device belongs to has revoked it.
    pub fn is_revoked(&self, device: &DeviceId) -> bool {
        self.devices.get(device).is_some_and(|device| self.revokes(&device.account, &device.serial))
    }

    /// Whether an account has revoked the certificate with this serial number.
    pub(crate) fn revokes(&self, account: &Uri, serial: &Serial) -> bool {
        self.revocations.get(account).is_some_and(|list| list.revoked.contains(serial))
    }

    /// The admins whose vote of this kind on this target is open.
    pub fn votes(&self, kind: VoteKind, target: impl Into<Target>) -> Vec<Uri> {
        let target = target.into();
        self.votes.iter().filter(|vote| vote.kind == kind && vote.target == target).map(|vote| vote.voter).collect()
    }

    /// The votes of somebody that are open.
    pub fn votes_of(&self, voter: Uri) -> impl Iterator<Item = (VoteKind, Target)> + '_ {
        self.votes.iter().filter(move |vote| vote.voter == voter).map(|vote| (vote.kind, vote.target))
    }

    /// All kinds and targets with open votes.
    pub fn open_votes(&self) -> BTreeSet<(VoteKind, Target)> {
        self.votes.iter().map(|vote| (vote.kind, vote.target)).collect()
    }

    /// Whether more than half of the admins voted so: the vote can be resolved (validation §5).
    pub fn majority(&self, kind: VoteKind, target: impl Into<Target>) -> bool {
        2 * self.votes(kind, target).len() > self.admins.len()
    }

    /// The blob of `profile.vcf`.
    pub fn profile(&self) -> Option<BlobId> {
        self.profile
    }

    /// The bans that count, lifted or not, and whom or what they are about.
    pub fn bans(&self) -> impl Iterator<Item = (CommitId, Target)> + '_ {
        self.bans.iter().map(|(commit, target)| (*commit, *target))
    }

    /// Resolutions that contradict each other with equal weight; none of them has an effect until the admins decide.
    pub fn undecided(&self) -> impl Iterator<Item = CommitId> + '_ {
        self.undecided.iter().copied()
    }

    /// The account certificate of somebody who is, or was before a ban, a member.
    pub(crate) fn account_certificate(&self, uri: &Uri) -> Option<Certificate> {
        match *self.accounts.get(uri)? {
            Standing::Admin(certificate, _) | Standing::Member(certificate) => Some(certificate),
            Standing::Banned(_, certificate) => certificate,
            Standing::Invited | Standing::Left => None,
        }
    }

    /// The folder that fits what a target is now, for a vote on it.
    pub(crate) fn category(&self, target: &Target) -> Option<Category> {
        match target {
            Target::Account(uri) => match *self.accounts.get(uri)? {
                Standing::Admin(..) => Some(Category::Admins),
                Standing::Member(_) => Some(Category::Members),
                Standing::Invited => Some(Category::Invited),
                Standing::Banned(category, _) => Some(category),
                Standing::Left => None,
            },
            Target::Device(device) => self.owner(device).map(|_| Category::Devices),
        }
    }

    /// Whose a device is that may write, or that is banned.
    pub(crate) fn owner(&self, device: &DeviceId) -> Option<Uri> {
        let known = self.devices.get(device).or_else(|| self.banned_devices.get(device));
        known.map(|device| device.account)
    }

    /// Changes what somebody is.
    pub(crate) fn set_standing(&mut self, uri: Uri, standing: Option<Standing>) {
        let before = self.accounts.get(&uri).copied();
        if before == standing {
            return;
        }
        if let Some(Standing::Admin(_, since)) = before {
            self.admins.remove(&(since, uri));
        }
        if let Some(Standing::Admin(_, since)) = standing {
            self.admins.insert((since, uri));
        }
        match standing {
            Some(standing) => drop(self.accounts.insert(uri, standing)),
            None => drop(self.accounts.remove(&uri)),
        }
        let [before, after] = [before, standing].map(|standing| standing.and_then(|standing| standing.shown()));
        if before != after {
            before.into_iter().chain(after).for_each(|(folder, _)| self.trees.forget(folder));
        }
    }

    /// Changes whether, and with which certificate, a device may write.
    pub(crate) fn set_device(&mut self, id: DeviceId, device: Option<Device>) {
        if set(&mut self.devices, id, device) {
            self.trees.forget(Folder::Devices);
        }
    }

    /// Changes whether a device is banned.
    pub(crate) fn set_banned_device(&mut self, id: DeviceId, device: Option<Device>) {
        if set(&mut self.banned_devices, id, device) {
            self.trees.forget(Folder::BannedDevices);
        }
    }

    /// Changes what an account has said of its devices.
    pub(crate) fn set_revocations(&mut self, account: Uri, revocations: Revocations) {
        if set(&mut self.revocations, account, Some(revocations)) {
            self.trees.forget(Folder::Crls);
        }
    }

    /// Opens a vote, or closes it.
    pub(crate) fn set_vote(&mut self, vote: Vote, open: bool) {
        let changed = if open { self.votes.insert(vote).is_none() } else { self.votes.remove(&vote).is_some() };
        if changed {
            self.trees.forget(Folder::Votes);
        }
    }

    /// Replaces the profile.
    pub(crate) fn set_profile(&mut self, profile: BlobId) {
        self.profile = Some(profile);
        self.trees.forget_root();
    }
}

/// Changes an entry of a map; tells whether that made a difference.
fn set<K: Copy + Ord, V: Clone + PartialEq>(map: &mut OrdMap<K, V>, key: K, value: Option<V>) -> bool {
    if map.get(&key) == value.as_ref() {
        return false;
    }
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
    true
}
