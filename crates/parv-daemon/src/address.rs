//! Where the control socket lies, and how to name it to the operating system.
//!
//! The socket is `daemon.sock` in the account's folder. That folder's name alone has 64 characters and a socket's
//! address must fit into about a hundred bytes, so for a long path the folder is reached by a short symbolic link in a
//! private temporary folder that lives for as long as the address is in use.

use std::io;
use std::path::{Path, PathBuf};

/// The socket's name in the account's folder.
pub const SOCKET_NAME: &str = "daemon.sock";

/// The longest path, in bytes, that every unix takes as a socket's address: macOS has room for 104 with the closing
/// zero byte, Linux for 108.
const MAX_ADDRESS_BYTES: usize = 103;

/// An address of the control socket that is short enough to bind or connect to.
#[derive(Debug)]
pub struct SocketAddress {
    path: PathBuf,
    _link_folder: Option<tempfile::TempDir>,
}

impl SocketAddress {
    /// The address of the control socket of the account that lives in `account_folder`.
    pub fn of(account_folder: &Path) -> io::Result<Self> {
        let direct = socket_path(account_folder);
        if direct.as_os_str().len() <= MAX_ADDRESS_BYTES {
            return Ok(Self { path: direct, _link_folder: None });
        }
        let link_folder = tempfile::Builder::new().prefix("parv-").tempdir()?;
        let link = link_folder.path().join("a");
        std::os::unix::fs::symlink(std::path::absolute(account_folder)?, &link)?;
        Ok(Self { path: link.join(SOCKET_NAME), _link_folder: Some(link_folder) })
    }

    /// The path to bind or connect to, valid while this address lives.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Where the control socket of that account's daemon lies.
pub fn socket_path(account_folder: &Path) -> PathBuf {
    account_folder.join(SOCKET_NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deep_folder_still_has_an_address() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("d".repeat(64)).join("e".repeat(64));
        std::fs::create_dir_all(&folder).unwrap();
        let address = SocketAddress::of(&folder).unwrap();
        assert!(address.path().as_os_str().len() <= MAX_ADDRESS_BYTES);
        let _listener = std::os::unix::net::UnixListener::bind(address.path()).unwrap();
        assert!(socket_path(&folder).exists(), "the socket itself lies in the account's folder");
        std::os::unix::net::UnixStream::connect(address.path()).unwrap();
    }
}
