//! Where the data lies, and which account is meant.

use crate::args::Global;
use crate::failure::Failure;
use parv::{Account, Uri};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The data folder: what was named, else `$XDG_DATA_HOME/parv`, else `~/.local/share/parv`.
pub fn folder(global: &Global) -> Result<PathBuf, Failure> {
    match &global.home {
        Some(home) => Ok(home.clone()),
        None => default(std::env::var_os("XDG_DATA_HOME"), std::env::var_os("HOME")),
    }
}

/// The XDG specification has relative paths ignored.
fn default(xdg_data_home: Option<OsString>, home: Option<OsString>) -> Result<PathBuf, Failure> {
    let absolute = |path: Option<OsString>| path.map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(xdg_data_home)
        .or_else(|| absolute(home).map(|home| home.join(".local/share")))
        .map(|data| data.join("parv"))
        .ok_or_else(|| {
            Failure::error("no data folder: neither XDG_DATA_HOME nor HOME is set; name one with --home DIR")
        })
}

/// The folder of the account that is meant: the one that was named, else the only one.
///
/// Needs no lock, so that a running daemon can be found.
pub fn account_folder(home: &Path, which: Option<Uri>) -> Result<PathBuf, Failure> {
    let uri = match which {
        Some(uri) => uri,
        None => only_account(home)?,
    };
    let folder = home.join(uri.to_string());
    match folder.is_dir() {
        true => Ok(folder),
        false => Err(Failure::error(format!("no account {uri} in {}", home.display()))),
    }
}

fn only_account(home: &Path) -> Result<Uri, Failure> {
    let accounts = Account::list(home)?;
    match accounts[..] {
        [account] => Ok(account),
        [] => {
            let home = home.display();
            Err(Failure::error(format!("no account in {home}; make one with: parv account create --name NAME")))
        }
        _ => {
            let all: Vec<String> = accounts.iter().map(Uri::to_string).collect();
            Err(Failure::error(format!("several accounts are here, choose one with --account: {}", all.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_folder_follows_xdg() {
        let find = |xdg: &str, home: &str| {
            let set = |value: &str| (!value.is_empty()).then(|| value.into());
            default(set(xdg), set(home)).ok().map(|path| path.display().to_string())
        };
        assert_eq!(find("/x", "/h").as_deref(), Some("/x/parv"));
        assert_eq!(find("", "/h").as_deref(), Some("/h/.local/share/parv"));
        assert_eq!(find("relative", "/h").as_deref(), Some("/h/.local/share/parv"));
        assert_eq!(find("", ""), None);
    }
}
