//! The byte form of a commit of Jami.
//!
//! ```text
//! tree <id>
//! parent <id>                  none, one or two
//! author <name> <<device>> <seconds> <zone>
//! committer <name> <<device>> <seconds> <zone>
//! signature <base64>
//!
//! <message>
//! ```
//!
//! The signature is over the bytes without its own line.

use crate::id::Device;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parv_model::limits::MAX_TIME;
use parv_model::{CommitId, TreeId};

/// The largest commit that is read, in bytes. Jami knows no limit for one message; this has room for any that a person
/// writes.
pub const MAX_COMMIT_BYTES: usize = 4 * 1024 * 1024;

/// What a commit's headers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The tree it claims.
    pub tree: TreeId,
    /// None for the first commit, two for a merge, else one.
    pub parents: Vec<CommitId>,
    /// What its author is called.
    pub name: String,
    /// The device that wrote it.
    pub device: Device,
    /// When it says it was written, in seconds since 1970.
    pub time: i64,
    /// Whether the committer is the author, as Jami writes it.
    pub is_committed_by_author: bool,
    /// The bytes that are signed.
    pub payload: Vec<u8>,
    /// The signature, if there is one.
    pub signature: Option<Vec<u8>>,
    /// What it says.
    pub message: String,
}

/// Why bytes are no commit of Jami.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Longer than [`MAX_COMMIT_BYTES`].
    #[error("the commit has {0} bytes, more than the {MAX_COMMIT_BYTES} allowed")]
    TooLong(usize),
    /// Not UTF-8.
    #[error("the commit is not UTF-8")]
    NotUtf8,
    /// A header is missing, malformed, repeated, or one that is not known.
    #[error("the commit's headers are not those of a conversation: {0}")]
    Header(&'static str),
}

impl Commit {
    /// Reads a commit.
    pub fn decode(bytes: &[u8]) -> Result<Self, CommitError> {
        if bytes.len() > MAX_COMMIT_BYTES {
            return Err(CommitError::TooLong(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| CommitError::NotUtf8)?;
        let (head, message) = text.split_once("\n\n").ok_or(CommitError::Header("no message"))?;
        let mut lines = head.split('\n').peekable();
        let tree = field(lines.next(), "tree ").ok_or(CommitError::Header("no tree"))?;
        let tree = tree.parse().map_err(|_| CommitError::Header("the tree is no object id"))?;
        let mut parents = Vec::new();
        while let Some(parent) = field(lines.peek().copied(), "parent ") {
            parents.push(parent.parse().map_err(|_| CommitError::Header("a parent is no object id"))?);
            lines.next();
        }
        let author = field(lines.next(), "author ").ok_or(CommitError::Header("no author"))?;
        let committer = field(lines.next(), "committer ").ok_or(CommitError::Header("no committer"))?;
        let (name, device, time) =
            person(author).ok_or(CommitError::Header("the author is not \"name <device> seconds zone\""))?;
        let mut payload = bytes.to_vec();
        let signature = match lines.next() {
            None => None,
            Some(line) => {
                let encoded =
                    line.strip_prefix("signature ").ok_or(CommitError::Header("a header that is not known"))?;
                // Where the line begins follows from what was read so far: it is the last one of the head.
                let start = head.len() - line.len();
                payload.drain(start..start + line.len() + 1);
                Some(STANDARD.decode(encoded).map_err(|_| CommitError::Header("the signature is not base64"))?)
            }
        };
        if lines.next().is_some() {
            return Err(CommitError::Header("lines after the signature"));
        }
        Ok(Self {
            tree,
            parents,
            name: name.to_owned(),
            device,
            time,
            is_committed_by_author: author == committer,
            payload,
            signature,
            message: message.to_owned(),
        })
    }
}

fn field<'a>(line: Option<&'a str>, name: &str) -> Option<&'a str> {
    line?.strip_prefix(name)
}

/// Reads `name <device> seconds zone`.
fn person(line: &str) -> Option<(&str, Device, i64)> {
    let (rest, zone) = line.rsplit_once(' ')?;
    let is_zone = zone.len() == 5 && zone.starts_with(['+', '-']) && zone[1..].bytes().all(|b| b.is_ascii_digit());
    let (rest, time) = rest.rsplit_once(' ').filter(|_| is_zone)?;
    let time = time.parse().ok().filter(|time| (0..=MAX_TIME).contains(time))?;
    let (name, device) = rest.strip_suffix('>')?.rsplit_once('<')?;
    Some((name.trim_end(), device.parse().ok()?, time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(headers: &str) -> Result<Commit, CommitError> {
        Commit::decode(format!("tree {}\n{headers}\n\n{{}}", "ab".repeat(20)).as_bytes())
    }

    #[test]
    fn the_payload_is_everything_but_the_signature() {
        let who = format!("a b <{}> 5 +0000", "cd".repeat(32));
        let unsigned = format!("author {who}\ncommitter {who}");
        let signed = commit(&format!("{unsigned}\nsignature AAEC")).unwrap();
        assert_eq!((signed.name.as_str(), signed.time), ("a b", 5));
        assert_eq!(signed.signature.as_deref(), Some(&[0, 1, 2][..]));
        assert_eq!(signed.payload, commit(&unsigned).unwrap().payload);
        assert_eq!(commit(&unsigned).unwrap().signature, None);
    }

    #[test]
    fn other_headers_are_refused() {
        let who = format!("a <{}> 5 +0000", "cd".repeat(32));
        for wrong in [
            format!("author {who}"),
            format!("author {who}\ncommitter {who}\nencoding latin1"),
            format!("author {who}\ncommitter {who}\nsignature AAEC\nsignature AAEC"),
            format!("author {who}\ncommitter {who}\nsignature AAEC\n AAEC"),
            format!("author {who}\ncommitter {who}\nsignature A*EC"),
            "author a <b> 5 +0000\ncommitter a <b> 5 +0000".to_owned(),
            format!("author {}\ncommitter x", who.replace(" 5 ", " -5 ")),
        ] {
            assert!(commit(&wrong).is_err(), "{wrong}");
        }
    }
}
