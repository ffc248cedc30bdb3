//! The state of a conversation: who is what, which devices write, which votes are open, what it is called.

use crate::render::{self, Rendered};
use crate::revocation::Revocations;
use imbl::{OrdMap, OrdSet};
use parv_identity::certificate::{Serial, Validity};
use parv_model::{BlobId, Category, CommitId, DeviceId, Mode, Role, Target, TreeId, TreePath, Uri, VoteKind};
use std::collections::{BTreeMap, BTreeSet};

/// A certificate in the tree: its file, and when it is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Certificate {
    pub(crate) blob: BlobId,
    pub(crate) validity: Validity,
}

/// What a file of an account in the tree says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// `admins/<uri>.crt`.
    Admin(Certificate),
    /// `members/<uri>.crt`.
    Member(Certificate),
    /// `invited/<uri>`.
    Invited,
    /// `banned/<category>/<uri>[.crt]`.
    Banned(Category, Option<Certificate>),
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
    /// Who was a member and went. Not in the tree: they left nothing behind.
    pub(crate) left: OrdSet<Uri>,
    pub(crate) admins: Vec<(Seniority, Uri)>,
    pub(crate) devices: OrdMap<DeviceId, Device>,
    /// Devices that were banned by themselves, whatever becomes of their accounts.
    pub(crate) banned_devices: OrdMap<DeviceId, Device>,
    pub(crate) revocations: OrdMap<Uri, Revocations>,
    pub(crate) votes: BTreeSet<Vote>,
    pub(crate) profile: Option<BlobId>,
    /// The bans that count, lifted or not, and whom or what they are about. Not in the tree.
    pub(crate) bans: OrdMap<CommitId, Target>,
    /// Resolutions that stand undecided against each other (validation §6): without effect, shown to people.
    pub(crate) undecided: BTreeSet<CommitId>,
    tree: TreeId,
}

impl State {
    /// Nobody and nothing, in this mode.
    pub(crate) fn empty(mode: Mode, named: Option<Uri>) -> Self {
        let mut state = Self {
            mode,
            named,
            accounts: OrdMap::new(),
            left: OrdSet::new(),
            admins: Vec::new(),
            devices: OrdMap::new(),
            banned_devices: OrdMap::new(),
            revocations: OrdMap::new(),
            votes: BTreeSet::new(),
            profile: None,
            bans: OrdMap::new(),
            undecided: BTreeSet::new(),
            tree: TreeId::from_bytes([0; 20]),
        };
        state.seal();
        state
    }

    /// Computes the tree id again; every change of a state ends with it.
    pub(crate) fn seal(&mut self) {
        self.admins.sort();
        self.tree = self.render().id;
    }

    /// The mode of the conversation.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Mode `ONE_TO_ONE`: the other person, as named by the first commit.
    pub fn named_peer(&self) -> Option<Uri> {
        self.named
    }

    /// The id of the tree that this state renders to.
    pub fn tree(&self) -> TreeId {
        self.tree
    }

    /// What somebody is; `None` for a stranger.
    pub fn role(&self, uri: &Uri) -> Option<Role> {
        match self.accounts.get(uri) {
            Some(Standing::Admin(_)) => Some(Role::Admin),
            Some(Standing::Member(_)) => Some(Role::Member),
            Some(Standing::Invited) => Some(Role::Invited),
            Some(Standing::Banned(..)) => Some(Role::Banned),
            None => self.left.contains(uri).then_some(Role::Left),
        }
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
        let everybody: BTreeSet<Uri> = self.accounts.keys().chain(&self.left).copied().collect();
        everybody.into_iter().filter_map(|uri| Some((uri, self.role(&uri)?)))
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

    /// The tree that shows this state, with the bytes of all of its tree objects.
    pub fn render(&self) -> Rendered {
        render::render(&self.files())
    }

    /// Every file of the tree.
    pub(crate) fn files(&self) -> BTreeMap<TreePath, BlobId> {
        let empty = render::empty_blob();
        let accounts = self.accounts.iter().map(|(&uri, standing)| match *standing {
            Standing::Admin(certificate) => (TreePath::Admin(uri), certificate.blob),
            Standing::Member(certificate) => (TreePath::Member(uri), certificate.blob),
            Standing::Invited => (TreePath::Invited(uri), empty),
            Standing::Banned(category, certificate) => {
                (TreePath::Banned(category, uri), certificate.map_or(empty, |certificate| certificate.blob))
            }
        });
        let devices = self.devices.iter().map(|(&id, device)| (TreePath::Device(id), device.certificate.blob));
        let banned_devices =
            self.banned_devices.iter().map(|(&id, device)| (TreePath::BannedDevice(id), device.certificate.blob));
        let lists = self.revocations.iter().filter_map(|(&uri, list)| Some((TreePath::Crl(uri), list.shown?)));
        let votes =
            self.votes.iter().map(|vote| (TreePath::Vote(vote.kind, vote.category, vote.target, vote.voter), empty));
        let profile = self.profile.map(|blob| (TreePath::Profile, blob));
        accounts.chain(devices).chain(banned_devices).chain(lists).chain(votes).chain(profile).collect()
    }

    /// The account certificate of somebody who is, or was before a ban, a member.
    pub(crate) fn account_certificate(&self, uri: &Uri) -> Option<Certificate> {
        match *self.accounts.get(uri)? {
            Standing::Admin(certificate) | Standing::Member(certificate) => Some(certificate),
            Standing::Banned(_, certificate) => certificate,
            Standing::Invited => None,
        }
    }

    /// The folder that fits what a target is now, for a vote on it.
    pub(crate) fn category(&self, target: &Target) -> Option<Category> {
        match target {
            Target::Account(uri) => match *self.accounts.get(uri)? {
                Standing::Admin(_) => Some(Category::Admins),
                Standing::Member(_) => Some(Category::Members),
                Standing::Invited => Some(Category::Invited),
                Standing::Banned(category, _) => Some(category),
            },
            Target::Device(device) => self.owner(device).map(|_| Category::Devices),
        }
    }

    /// Whose a device is that may write, or that is banned.
    pub(crate) fn owner(&self, device: &DeviceId) -> Option<Uri> {
        let known = self.devices.get(device).or_else(|| self.banned_devices.get(device));
        known.map(|device| device.account)
    }
}
