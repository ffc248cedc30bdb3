//! The bootstrap nodes that somebody wrote down, in `bootstrap.txt` in the data folder: one address per line, each ending
//! in `/p2p/<peer id>`; empty lines and what follows a `#` say nothing.

use crate::Error;
use crate::files::failed;
use parv_net::Multiaddr;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The name of the file.
const NAME: &str = "bootstrap.txt";

/// The largest list that is read, in bytes: some hundred nodes, with comments.
const MAX_BYTES: u64 = 64 * 1024;

/// The addresses in the data folder's list; none when there is no list.
///
/// # Errors
/// [`Error::Damaged`] when a line is no such address, with its number: a person wrote it and should know.
pub fn bootstrap_list(home: &Path) -> Result<Vec<Multiaddr>, Error> {
    let path = home.join(NAME);
    let mut text = String::new();
    match File::open(&path).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("read", &path)(error)),
        Ok(_) => {}
    }
    let damaged = |why: String| Error::Damaged { path: path.clone(), why };
    if text.len() as u64 > MAX_BYTES {
        return Err(damaged(format!("it has more than {MAX_BYTES} bytes")));
    }
    let said = |line: &str| line.split('#').next().unwrap_or_default().trim().to_owned();
    let lines = text.lines().map(said).enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(index, line)| {
            let number = index + 1;
            let address: Multiaddr =
                line.parse().map_err(|error| damaged(format!("line {number} is no address: {error}")))?;
            match address.to_string().contains("/p2p/") {
                true => Ok(address),
                false => Err(damaged(format!("line {number} does not say whose address it is: no /p2p/<peer id>"))),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_and_a_wrong_line_is_named() {
        let home = tempfile::tempdir().unwrap();
        let list = |text: &str| {
            std::fs::write(home.path().join(NAME), text).unwrap();
            bootstrap_list(home.path())
        };
        let node = "/dns4/example.org/udp/4001/quic-v1/p2p/12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
        assert!(bootstrap_list(home.path()).unwrap().is_empty());
        assert_eq!(list(&format!("# mine\n\n  {node} # at home\n")).unwrap(), [node.parse().unwrap()]);
        for (wrong, what) in [("\nexample.org", "line 2"), ("/ip4/192.0.2.1/tcp/1", "line 1"), ("\u{0}", "line 1")] {
            let why = list(wrong).unwrap_err().to_string();
            assert!(why.contains(what), "{why}");
        }
        assert!(list(&"#".repeat(MAX_BYTES as usize + 1)).is_err());
    }
}
