//! The files of a conversation's tree (validation §1). No other path exists.

use crate::id::{DeviceId, Uri};
use crate::message::VoteKind;
use crate::target::Target;
use std::fmt;

/// The folder under `votes/<kind>/` and `banned/` that fits what the target was when the vote was cast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// An admin's account.
    Admins,
    /// A member's account.
    Members,
    /// An invited account.
    Invited,
    /// A single device.
    Devices,
}

impl Category {
    /// All of them, the highest standing first.
    pub const ALL: [Category; 4] = [Category::Admins, Category::Members, Category::Invited, Category::Devices];

    /// The name of the folder.
    pub const fn folder(self) -> &'static str {
        match self {
            Category::Admins => "admins",
            Category::Members => "members",
            Category::Invited => "invited",
            Category::Devices => "devices",
        }
    }

    /// How the names of its files end: they are certificates, but for those of invitees, which are empty.
    pub const fn extension(self) -> &'static str {
        match self {
            Category::Invited => "",
            Category::Admins | Category::Members | Category::Devices => ".crt",
        }
    }
}

/// One file of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TreePath {
    /// `admins/<uri>.crt`: an admin's account certificate.
    Admin(Uri),
    /// `members/<uri>.crt`: a member's account certificate.
    Member(Uri),
    /// `invited/<uri>`: empty.
    Invited(Uri),
    /// `devices/<device>.crt`: a device certificate.
    Device(DeviceId),
    /// `CRLs/<uri>.crl`: an account's certificate revocation list.
    Crl(Uri),
    /// `banned/{admins,members}/<uri>.crt` or `banned/invited/<uri>` (empty).
    Banned(Category, Uri),
    /// `banned/devices/<device>.crt`: the certificate of a device that may not write.
    BannedDevice(DeviceId),
    /// `votes/<kind>/<category>/<target>/<admin>`: empty.
    Vote(VoteKind, Category, Target, Uri),
    /// `profile.vcf`: title, description, avatar.
    Profile,
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TreePath::Admin(uri) => write!(f, "admins/{uri}.crt"),
            TreePath::Member(uri) => write!(f, "members/{uri}.crt"),
            TreePath::Invited(uri) => write!(f, "invited/{uri}"),
            TreePath::Device(device) => write!(f, "devices/{device}.crt"),
            TreePath::Crl(uri) => write!(f, "CRLs/{uri}.crl"),
            TreePath::Banned(category, uri) => {
                write!(f, "banned/{}/{uri}{}", category.folder(), category.extension())
            }
            TreePath::BannedDevice(device) => write!(f, "banned/devices/{device}.crt"),
            TreePath::Vote(kind, category, target, admin) => {
                write!(f, "votes/{}/{}/{}/{admin}", kind.name(), category.folder(), target.id())
            }
            TreePath::Profile => f.write_str("profile.vcf"),
        }
    }
}
