//! The files of a conversation's tree.

use crate::id::{Account, Device};
use std::fmt;

pub use parv_model::Category;

/// Whom a vote or a ban is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Somebody.
    Account(Account),
    /// One device.
    Device(Device),
}

impl Target {
    /// Reads an account or a device, which are told apart by their lengths.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().map(Self::Account).or_else(|_| text.parse().map(Self::Device)).ok()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Account(account) => account.fmt(f),
            Target::Device(device) => device.fmt(f),
        }
    }
}

/// What a vote is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ballot {
    /// To remove somebody.
    Ban,
    /// To let somebody back.
    Unban,
}

impl fmt::Display for Ballot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ballot::Ban => "ban",
            Ballot::Unban => "unban",
        })
    }
}

/// One file of the tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Path {
    /// `admins/<account>.crt`, `members/<account>.crt`, `devices/<device>.crt`: a certificate; `invited/<account>`: empty.
    Standing(Category, Target),
    /// `banned/<category>/<target>[.crt]`: what stood in that folder before a ban.
    Banned(Category, Target),
    /// `votes/<ballot>/<category>/<target>/<admin>`: empty.
    Vote(Ballot, Category, Target, Account),
    /// `CRLs/<account>`: revocation lists. Jami names such a file in its rules; what is in it plays no part in them.
    Crl(Account),
    /// `profile.vcf`: title, description, picture.
    Profile,
    /// A file that no rule knows. It never comes in unless leniently.
    Other(String),
}

impl Path {
    /// Where an account or device stands.
    pub fn standing(category: Category, account: Account) -> Self {
        Self::Standing(category, Target::Account(account))
    }

    /// A device's certificate.
    pub fn device(device: Device) -> Self {
        Self::Standing(Category::Devices, Target::Device(device))
    }

    /// Tells a path by its text.
    pub fn parse(text: &str) -> Self {
        Self::known(text).filter(|path| path.to_string() == text).unwrap_or_else(|| Self::Other(text.to_owned()))
    }

    fn known(text: &str) -> Option<Self> {
        let category = |name: &str| Category::ALL.into_iter().find(|category| category.folder() == name);
        let target = |category: Category, name: &str| {
            let target = Target::parse(name.strip_suffix(category.extension())?)?;
            (matches!(target, Target::Device(_)) == (category == Category::Devices)).then_some(target)
        };
        match *text.split('/').collect::<Vec<_>>().as_slice() {
            ["profile.vcf"] => Some(Self::Profile),
            ["CRLs", account] => account.parse().ok().map(Self::Crl),
            ["banned", folder, name] => {
                let category = category(folder)?;
                Some(Self::Banned(category, target(category, name)?))
            }
            ["votes", ballot, folder, name, voter] => {
                let ballot = [Ballot::Ban, Ballot::Unban].into_iter().find(|known| known.to_string() == ballot)?;
                let category = category(folder)?;
                let about = Target::parse(name)?;
                let fits = matches!(about, Target::Device(_)) == (category == Category::Devices);
                voter.parse().ok().filter(|_| fits).map(|voter| Self::Vote(ballot, category, about, voter))
            }
            [folder, name] => {
                let category = category(folder)?;
                Some(Self::Standing(category, target(category, name)?))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Standing(category, target) => write!(f, "{}/{target}{}", category.folder(), category.extension()),
            Path::Banned(category, target) => {
                write!(f, "banned/{}/{target}{}", category.folder(), category.extension())
            }
            Path::Vote(ballot, category, target, voter) => {
                write!(f, "votes/{ballot}/{}/{target}/{voter}", category.folder())
            }
            Path::Crl(account) => write!(f, "CRLs/{account}"),
            Path::Profile => f.write_str("profile.vcf"),
            Path::Other(path) => f.write_str(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_one_text() {
        let (account, device) = ("ab".repeat(20), "cd".repeat(32));
        for text in [
            format!("admins/{account}.crt"),
            format!("members/{account}.crt"),
            format!("invited/{account}"),
            format!("devices/{device}.crt"),
            format!("banned/invited/{account}"),
            format!("banned/devices/{device}.crt"),
            format!("votes/unban/devices/{device}/{account}"),
            format!("votes/ban/members/{account}/{account}"),
            format!("CRLs/{account}"),
            "profile.vcf".to_owned(),
        ] {
            let path = Path::parse(&text);
            assert!(!matches!(path, Path::Other(_)), "{text}");
            assert_eq!(path.to_string(), text);
        }
        for other in [
            format!("admins/{device}.crt"),
            format!("invited/{account}.crt"),
            format!("devices/{account}.crt"),
            format!("Admins/{account}.crt"),
            format!("admins/{}.crt", account.to_uppercase()),
            format!("votes/promote/members/{account}/{account}"),
            format!("admins/x/{account}.crt"),
            String::new(),
        ] {
            assert_eq!(Path::parse(&other), Path::Other(other.clone()));
        }
    }
}
