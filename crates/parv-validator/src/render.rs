//! From a state to its one Git tree (validation §1 and §2, "the tree is a proof").
//!
//! Git's folders are flat lists, so a folder that changed is written anew, at a cost that grows with what is in it; the
//! names of all others are remembered from the state that a state was made of.

use crate::state::{Standing, State, Vote};
use crate::tree::{self, EMPTY_BLOB, List, Rendered, name};
use parv_model::{BlobId, Category, TreeId, TreePath};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A folder whose name is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Folder {
    /// `CRLs`.
    Crls,
    /// `admins`.
    Admins,
    /// `banned/admins`.
    BannedAdmins,
    /// `banned/devices`.
    BannedDevices,
    /// `banned/invited`.
    BannedInvited,
    /// `banned/members`.
    BannedMembers,
    /// `devices`.
    Devices,
    /// `invited`.
    Invited,
    /// `members`.
    Members,
    /// `votes`, with the folders in it.
    Votes,
}

const FOLDERS: usize = 10;

impl Folder {
    /// In the order in which Git sorts their names.
    const TOP: [(&'static str, Folder); 5] = [
        ("admins", Folder::Admins),
        ("devices", Folder::Devices),
        ("invited", Folder::Invited),
        ("members", Folder::Members),
        ("votes", Folder::Votes),
    ];

    /// Those in `banned`.
    const BANNED: [(&'static str, Folder); 4] = [
        ("admins", Folder::BannedAdmins),
        ("devices", Folder::BannedDevices),
        ("invited", Folder::BannedInvited),
        ("members", Folder::BannedMembers),
    ];
}

/// The names of the trees of a state, as far as they have been asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trees {
    /// None for a folder with nothing in it, which Git does not have.
    folders: [OnceLock<Option<TreeId>>; FOLDERS],
    root: OnceLock<TreeId>,
}

/// What is remembered is no part of a state.
impl PartialEq for Trees {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Trees {}

impl Trees {
    /// Forgets a folder that changes.
    pub(crate) fn forget(&mut self, folder: Folder) {
        self.folders[folder as usize] = OnceLock::new();
        self.root = OnceLock::new();
    }

    /// Forgets the root, for a file that lies in no folder.
    pub(crate) fn forget_root(&mut self) {
        self.root = OnceLock::new();
    }
}

impl State {
    /// The id of the tree that this state renders to.
    pub fn tree(&self) -> TreeId {
        *self.trees.root.get_or_init(|| name(&self.root(self.banned().as_deref())))
    }

    /// The tree that shows this state, with the bytes of all of its tree objects.
    pub fn render(&self) -> Rendered {
        self.render_since(&[])
    }

    /// The same without the folders that the trees of other states have too.
    pub(crate) fn render_since(&self, others: &[&State]) -> Rendered {
        let is_new = |folder: Folder| others.iter().all(|other| other.folder(folder) != self.folder(folder));
        let mut trees = Vec::new();
        for (_, folder) in Folder::BANNED.into_iter().chain([("CRLs", Folder::Crls)]).chain(Folder::TOP) {
            if is_new(folder) {
                trees.extend(self.write(folder));
            }
        }
        let banned = self.banned();
        trees.extend(banned.clone());
        trees.push(self.root(banned.as_deref()));
        Rendered { id: self.tree(), trees }
    }

    /// The file at a path.
    pub(crate) fn file(&self, path: &TreePath) -> Option<BlobId> {
        match *path {
            TreePath::Admin(uri) | TreePath::Member(uri) | TreePath::Invited(uri) | TreePath::Banned(_, uri) => {
                let (shown, blob) = self.accounts.get(&uri)?.shown()?;
                (shown == folder_of(path)?).then_some(blob)
            }
            TreePath::Device(device) => self.devices.get(&device).map(|papers| papers.certificate.blob),
            TreePath::BannedDevice(device) => self.banned_devices.get(&device).map(|papers| papers.certificate.blob),
            TreePath::Crl(uri) => self.revocations.get(&uri)?.shown,
            TreePath::Vote(kind, category, target, voter) => {
                self.votes.contains(&Vote { kind, category, target, voter }).then_some(EMPTY_BLOB)
            }
            TreePath::Profile => self.profile,
        }
    }

    /// Whether a file of the tree is empty.
    pub(crate) fn has_empty_files(&self) -> bool {
        let empty = |standing: &Standing| standing.shown().is_some_and(|(_, blob)| blob == EMPTY_BLOB);
        !self.votes.is_empty() || self.accounts.values().any(empty)
    }

    fn folder(&self, folder: Folder) -> Option<TreeId> {
        *self.trees.folders[folder as usize].get_or_init(|| self.write(folder).last().map(|bytes| name(bytes)))
    }

    /// The bytes of a folder's tree objects, its own last; none if nothing is in it.
    fn write(&self, folder: Folder) -> Vec<Vec<u8>> {
        let mut list = List::default();
        match folder {
            Folder::Votes => return self.write_votes(),
            Folder::Crls => {
                let shown = self.revocations.iter().filter_map(|(uri, list)| Some((uri, list.shown?)));
                shown.for_each(|(uri, blob)| list.file(uri.as_bytes(), ".crl", blob));
            }
            Folder::Devices | Folder::BannedDevices => {
                let devices = if folder == Folder::Devices { &self.devices } else { &self.banned_devices };
                for (id, device) in devices {
                    list.file(id.as_bytes(), ".crt", device.certificate.blob);
                }
            }
            accounts => {
                let suffix = if matches!(accounts, Folder::Invited | Folder::BannedInvited) { "" } else { ".crt" };
                for (uri, standing) in &self.accounts {
                    if let Some((_, blob)) = standing.shown().filter(|(shown, _)| *shown == accounts) {
                        list.file(uri.as_bytes(), suffix, blob);
                    }
                }
            }
        }
        list.bytes().into_iter().collect()
    }

    fn write_votes(&self) -> Vec<Vec<u8>> {
        let path = |vote: &Vote| {
            format!("{}/{}/{}/{}", vote.kind.name(), vote.category.folder(), vote.target.id(), vote.voter)
        };
        let votes: BTreeMap<String, BlobId> = self.votes.iter().map(|vote| (path(vote), EMPTY_BLOB)).collect();
        if votes.is_empty() { Vec::new() } else { tree::render(&votes).trees }
    }

    /// The bytes of `banned`; none if nobody is.
    fn banned(&self) -> Option<Vec<u8>> {
        let mut list = List::default();
        for (folder_name, folder) in Folder::BANNED {
            list.folder(folder_name, self.folder(folder));
        }
        list.bytes()
    }

    /// The bytes of the root tree. Git sorts entries by name, a folder's with a slash behind it.
    fn root(&self, banned: Option<&[u8]>) -> Vec<u8> {
        let mut list = List::default();
        list.folder("CRLs", self.folder(Folder::Crls));
        for (folder_name, folder) in Folder::TOP {
            match folder {
                Folder::Devices => list.folder("banned", banned.map(name)),
                Folder::Votes => list.entry("100644", "profile.vcf", self.profile.as_ref().map(BlobId::as_bytes)),
                _ => {}
            }
            list.folder(folder_name, self.folder(folder));
        }
        list.0
    }
}

/// The folder that an account's file at this path lies in.
fn folder_of(path: &TreePath) -> Option<Folder> {
    match path {
        TreePath::Admin(_) => Some(Folder::Admins),
        TreePath::Member(_) => Some(Folder::Members),
        TreePath::Invited(_) => Some(Folder::Invited),
        TreePath::Banned(Category::Admins, _) => Some(Folder::BannedAdmins),
        TreePath::Banned(Category::Members, _) => Some(Folder::BannedMembers),
        TreePath::Banned(Category::Invited, _) => Some(Folder::BannedInvited),
        _ => None,
    }
}
