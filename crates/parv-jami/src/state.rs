//! The state of a conversation: its files, and what they say about people.

use crate::id::{Account, Device};
use crate::path::{Ballot, Category, Path, Target};
use imbl::OrdMap;
use parv_model::{BlobId, Mode, Role, TreeId};
use parv_validator::rules::Rendering;
use parv_validator::tree::{self, EMPTY_BLOB};
use std::collections::BTreeMap;

/// A file, with what the rules need to know of what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) blob: BlobId,
    /// Of a certificate.
    pub(crate) paper: Option<Paper>,
}

impl File {
    /// An empty file.
    pub(crate) fn empty() -> Self {
        Self { blob: EMPTY_BLOB, paper: None }
    }

    /// A file of which nothing is known but its bytes.
    pub(crate) fn plain(blob: BlobId) -> Self {
        Self { blob, paper: None }
    }
}

/// What is known of a certificate in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paper {
    /// Whose certificate it is: of a device, the account that issued it.
    pub(crate) account: Account,
    /// The last second it is good, since 1970.
    pub(crate) expires: i64,
}

pub(crate) type Files = OrdMap<Path, File>;

/// What a history stands for. It renders to exactly one Git tree.
#[derive(Debug, Clone)]
pub struct State {
    pub(crate) mode: Mode,
    /// The author of the first commit, and whom it names in a one-to-one conversation.
    pub(crate) initial: Vec<Account>,
    pub(crate) files: Files,
    /// Files that two heads have changed in ways that do not fit together.
    pub(crate) conflicts: Vec<Conflict>,
    tree: TreeId,
}

/// Why heads have no common state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// Both changed this file.
    Path(Path),
    /// Their common past is too tangled to be worked out within bounds.
    Tangled,
}

impl State {
    /// Nothing yet, in this mode.
    pub(crate) fn empty(mode: Mode, initial: Vec<Account>) -> Self {
        Self {
            mode,
            initial,
            files: Files::new(),
            conflicts: Vec::new(),
            tree: tree::render(&BTreeMap::<Path, _>::new()).id,
        }
    }

    /// Before any first commit, where nobody has a part in anything.
    pub(crate) fn nowhere() -> Self {
        Self::empty(Mode::OneToOne, Vec::new())
    }

    /// The same conversation with these files.
    pub(crate) fn with(&self, files: Files, conflicts: Vec<Conflict>) -> Self {
        let plain: BTreeMap<Path, BlobId> = files.iter().map(|(path, file)| (path.clone(), file.blob)).collect();
        let tree = tree::render(&plain).id;
        Self { mode: self.mode, initial: self.initial.clone(), files, conflicts, tree }
    }

    /// The mode of the conversation.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether this file is there.
    pub(crate) fn has(&self, path: &Path) -> bool {
        self.files.contains_key(path)
    }

    /// Whether an account stands in that folder.
    pub(crate) fn stands(&self, category: Category, account: Account) -> bool {
        self.has(&Path::standing(category, account))
    }

    /// What somebody is. Of several folders the first counts, in the order in which the daemon reads them. Who leaves is
    /// forgotten, but for whom the first commit of a one-to-one conversation names.
    pub fn role(&self, account: &Account) -> Option<Role> {
        let account = *account;
        let banned = |category| self.has(&Path::Banned(category, Target::Account(account)));
        if self.stands(Category::Admins, account) {
            Some(Role::Admin)
        } else if self.stands(Category::Members, account) {
            Some(Role::Member)
        } else if self.stands(Category::Invited, account) {
            Some(Role::Invited)
        } else if [Category::Admins, Category::Members, Category::Invited].into_iter().any(banned) {
            Some(Role::Banned)
        } else {
            self.initial.contains(&account).then_some(Role::Left).filter(|_| self.mode == Mode::OneToOne)
        }
    }

    /// Everybody whom the daemon would list, in the order of their names.
    pub fn people(&self) -> BTreeMap<Account, Role> {
        let named = self.files.keys().filter_map(|path| match path {
            Path::Standing(_, Target::Account(account)) | Path::Banned(_, Target::Account(account)) => Some(*account),
            _ => None,
        });
        named.chain(self.initial.iter().copied()).filter_map(|account| Some((account, self.role(&account)?))).collect()
    }

    /// The admins.
    pub fn admins(&self) -> impl Iterator<Item = Account> + '_ {
        self.files.keys().filter_map(|path| match path {
            Path::Standing(Category::Admins, Target::Account(account)) => Some(*account),
            _ => None,
        })
    }

    /// Whose device this is.
    pub fn owner(&self, device: &Device) -> Option<Account> {
        Some(self.files.get(&Path::device(*device))?.paper?.account)
    }

    /// The files of an account's devices.
    pub(crate) fn devices_of(&self, account: Account) -> impl Iterator<Item = &Path> + '_ {
        self.files.iter().filter_map(move |(path, file)| match path {
            Path::Standing(Category::Devices, _) if file.paper.is_some_and(|paper| paper.account == account) => {
                Some(path)
            }
            _ => None,
        })
    }

    /// The certificate of a member or admin.
    pub(crate) fn account_file(&self, account: Account) -> Option<(Path, File)> {
        let paths = [Category::Members, Category::Admins].map(|category| Path::standing(category, account));
        paths.into_iter().find_map(|path| self.files.get(&path).map(|file| (path, *file)))
    }

    /// Who voted so.
    pub(crate) fn voters(&self, ballot: Ballot, category: Category, target: Target) -> Vec<(Path, Account)> {
        let votes = self.files.keys().filter_map(|path| match *path {
            Path::Vote(b, c, t, voter) if (b, c, t) == (ballot, category, target) => Some((path.clone(), voter)),
            _ => None,
        });
        votes.collect()
    }

    /// The blob of `profile.vcf`.
    pub fn profile(&self) -> Option<BlobId> {
        self.files.get(&Path::Profile).map(|file| file.blob)
    }
}

impl Rendering for State {
    fn tree(&self) -> TreeId {
        self.tree
    }
}
