//! The byte form of a commit (validation §3).
//!
//! ```text
//! tree <id>
//! parent <id>                  none, one or two
//! author <name> <<device>> <seconds> +0000
//! committer the same
//! gpgsig -----BEGIN SSH SIGNATURE-----
//!  …
//!
//! <message>
//! ```
//!
//! Nothing else, in that order. Git would tolerate much more; a second spelling of the same commit would be a second id
//! for it, so [`Commit::decode`] re-encodes what it read and accepts only the very same bytes. The armour inside `gpgsig`
//! is the identity crate's to judge.

use crate::id::{CommitId, DeviceId, TreeId};
use crate::limits::{MAX_COMMIT_BYTES, MAX_NAME_BYTES, MAX_TIME};
use std::fmt;

/// The display name in an author line: 1 to [`MAX_NAME_BYTES`] bytes, no `<`, `>` or control characters, no blanks at
/// the ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DisplayName(String);

impl DisplayName {
    /// Makes a display name of whatever a person typed: what may not stand in it is dropped (acceptance 11).
    pub fn sanitise(text: &str) -> Self {
        let kept: String = text.chars().filter(|&c| Self::may_hold(c)).collect();
        let mut name = kept.trim();
        while name.len() > MAX_NAME_BYTES {
            let (last, _) = name.char_indices().next_back().expect("a name over the limit is not empty");
            name = name[..last].trim_end();
        }
        Self(if name.is_empty() { "anonymous".to_owned() } else { name.to_owned() })
    }

    /// The name, if it is one as it stands.
    pub fn parse(text: &str) -> Option<Self> {
        let clean = text.chars().all(Self::may_hold) && text.trim() == text;
        (clean && (1..=MAX_NAME_BYTES).contains(&text.len())).then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn may_hold(c: char) -> bool {
        !c.is_control() && c != '<' && c != '>'
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A commit without its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The tree it claims.
    pub tree: TreeId,
    /// None for the first commit, two for a merge, else one.
    pub parents: Vec<CommitId>,
    /// What its author is called.
    pub author: DisplayName,
    /// The device that wrote it.
    pub device: DeviceId,
    /// When it says it was written: seconds since 1970, from 0 to [`MAX_TIME`]. A claim, no more.
    pub time: i64,
    /// What it says; see [`crate::Message`].
    pub message: Vec<u8>,
}

/// Why bytes are no commit of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitFormatError {
    /// Longer than [`MAX_COMMIT_BYTES`].
    #[error("the commit has {0} bytes, more than the {MAX_COMMIT_BYTES} allowed")]
    TooLong(usize),
    /// Not UTF-8.
    #[error("the commit is not UTF-8")]
    NotUtf8,
    /// A header is missing, malformed, repeated, or one that is not allowed.
    #[error("the commit's headers are not those of a conversation: {0}")]
    Header(String),
    /// There is no signature.
    #[error("the commit is not signed")]
    Unsigned,
    /// Another spelling of a commit.
    #[error("the commit is not in the one byte form that is allowed")]
    NotCanonical,
}

impl Commit {
    /// The bytes that are signed: the commit without its `gpgsig` header.
    pub fn payload(&self) -> Vec<u8> {
        self.bytes(None)
    }

    /// What was signed of a commit, given all of its bytes: the same as [`payload`](Self::payload) of what they decode to, without
    /// putting it together anew, in two parts. Of bytes that are no commit of a conversation it is nothing in particular.
    pub fn signed_parts(bytes: &[u8]) -> [&[u8]; 2] {
        const FIELD: &[u8] = b"\ngpgsig ";
        let start = bytes.windows(FIELD.len()).position(|window| window == FIELD).unwrap_or(bytes.len());
        let end = bytes[start..].windows(2).position(|window| window == b"\n\n").map_or(bytes.len(), |end| start + end);
        [&bytes[..start], &bytes[end..]]
    }

    /// The whole commit with its signature, armoured and without a line end behind it.
    pub fn encode(&self, armour: &str) -> Vec<u8> {
        self.bytes(Some(armour))
    }

    fn bytes(&self, armour: Option<&str>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1024 + self.message.len());
        self.write(armour, |part| bytes.extend_from_slice(part));
        bytes
    }

    /// Gives the bytes part by part.
    fn write(&self, armour: Option<&str>, mut put: impl FnMut(&[u8])) {
        let mut digits = [0; 64];
        let mut put_id = |put: &mut dyn FnMut(&[u8]), before: &[u8], id: &[u8], after: &[u8]| {
            let digits = &mut digits[..2 * id.len()];
            // A buffer of twice the length always holds the digits.
            if hex::encode_to_slice(id, digits).is_ok() {
                [before, digits, after].into_iter().for_each(put);
            }
        };
        put_id(&mut put, b"tree ", self.tree.as_bytes(), b"\n");
        for parent in &self.parents {
            put_id(&mut put, b"parent ", parent.as_bytes(), b"\n");
        }
        let time = self.time.to_string();
        for role in ["author ", "committer "] {
            [role, self.author.as_str()].into_iter().for_each(|part| put(part.as_bytes()));
            put_id(&mut put, b" <", self.device.as_bytes(), b"> ");
            [time.as_bytes(), b" +0000\n"].into_iter().for_each(&mut put);
        }
        if let Some(armour) = armour {
            put(b"gpgsig");
            for line in armour.split('\n') {
                [b" ", line.as_bytes(), b"\n"].into_iter().for_each(&mut put);
            }
        }
        put(b"\n");
        put(&self.message);
    }

    /// Whether these are the bytes of this commit with this signature.
    fn is_encoded_as(&self, armour: &str, bytes: &[u8]) -> bool {
        let mut rest = Some(bytes);
        self.write(Some(armour), |part| rest = rest.and_then(|rest| rest.strip_prefix(part)));
        rest.is_some_and(<[u8]>::is_empty)
    }

    /// Reads a commit and its armoured signature.
    pub fn decode(bytes: &[u8]) -> Result<(Self, String), CommitFormatError> {
        if bytes.len() > MAX_COMMIT_BYTES {
            return Err(CommitFormatError::TooLong(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| CommitFormatError::NotUtf8)?;
        let (head, message) = text.split_once("\n\n").ok_or_else(|| header("no message"))?;
        let mut lines = head.split('\n').peekable();
        let tree = field(lines.next(), "tree ").ok_or_else(|| header("no tree"))?;
        let tree = tree.parse().map_err(|error| header(format!("the tree is {error}")))?;
        let mut parents = Vec::new();
        while let Some(parent) = field(lines.peek().copied(), "parent ") {
            parents.push(parent.parse().map_err(|error| header(format!("a parent is {error}")))?);
            lines.next();
        }
        let author = field(lines.next(), "author ").ok_or_else(|| header("no author"))?;
        let (author, device, time) = signature_line(author).ok_or_else(|| {
            header("the author is not \"name <device> seconds +0000\" with a clean name and a device id")
        })?;
        if field(lines.next(), "committer ").is_none() {
            return Err(header("no committer"));
        }
        let first = match lines.next() {
            Some(line) => line.strip_prefix("gpgsig ").ok_or_else(|| header("a header that is not allowed"))?,
            None => return Err(CommitFormatError::Unsigned),
        };
        let mut armour = String::with_capacity(head.len());
        armour += first;
        for line in lines {
            armour.push('\n');
            armour += line.strip_prefix(' ').ok_or_else(|| header("a header that is not allowed"))?;
        }
        let commit = Self { tree, parents, author, device, time, message: message.as_bytes().to_vec() };
        // A committer that differs from the author shows here too.
        if !commit.is_encoded_as(&armour, bytes) {
            return Err(CommitFormatError::NotCanonical);
        }
        Ok((commit, armour))
    }
}

fn header(why: impl Into<String>) -> CommitFormatError {
    CommitFormatError::Header(why.into())
}

fn field<'a>(line: Option<&'a str>, name: &str) -> Option<&'a str> {
    line?.strip_prefix(name)
}

fn signature_line(text: &str) -> Option<(DisplayName, DeviceId, i64)> {
    let (name, rest) = text.split_once(" <")?;
    let (device, time) = rest.strip_suffix(" +0000")?.split_once("> ")?;
    let time: i64 = time.parse().ok().filter(|time| (0..=MAX_TIME).contains(time))?;
    Some((DisplayName::parse(name)?, device.parse().ok()?, time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(parents: usize) -> Commit {
        Commit {
            tree: TreeId::from_bytes([1; 20]),
            parents: (0..parents).map(|i| CommitId::from_bytes([i as u8; 20])).collect(),
            author: DisplayName::sanitise("Alice Ä"),
            device: DeviceId::from_bytes([9; 32]),
            time: 1_700_000_000,
            message: b"{}\n\nmore".to_vec(),
        }
    }

    const ARMOUR: &str = "-----BEGIN SSH SIGNATURE-----\nabc\n-----END SSH SIGNATURE-----";

    #[test]
    fn a_commit_comes_back_from_its_bytes() {
        for parents in 0..4 {
            let commit = sample(parents);
            assert_eq!(Commit::signed_parts(&commit.encode(ARMOUR)).concat(), commit.payload());
            assert_eq!(Commit::decode(&commit.encode(ARMOUR)), Ok((commit, ARMOUR.to_owned())));
        }
    }

    #[test]
    fn only_one_spelling_is_accepted() {
        let good = String::from_utf8(sample(1).encode(ARMOUR)).unwrap();
        let swap = |from: &str, to: &str| {
            assert!(good.contains(from), "{from:?} does not occur");
            Commit::decode(good.replacen(from, to, 1).as_bytes())
        };
        assert!(swap("tree 01", "tree  01").is_err());
        assert!(swap("author", "authos").is_err());
        assert!(swap("+0000", "+0100").is_err());
        assert!(swap("+0000", "-0000").is_err());
        assert!(swap("1700000000", "01700000000").is_err());
        assert!(swap("1700000000", "+1700000000").is_err());
        assert!(swap("1700000000", "-1").is_err());
        assert!(swap("author Alice Ä", "author Alice Ä ").is_err());
        assert_eq!(swap("author Alice Ä", "author Alice B"), Err(CommitFormatError::NotCanonical));
        assert!(swap("gpgsig ", "encoding x\ngpgsig ").is_err());
        assert!(swap("gpgsig ", "gpgsig-sha256 ").is_err());
        assert!(swap("\n\n{}", "\ngpgsig x\n\n{}").is_err());
        assert!(swap("\nparent", "\nPARENT").is_err());
    }

    #[test]
    fn an_unsigned_commit_is_called_so() {
        assert_eq!(Commit::decode(&sample(1).payload()), Err(CommitFormatError::Unsigned));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let good = sample(2).encode(ARMOUR);
        for cut in 0..good.len() {
            let _ = Commit::decode(&good[..cut]);
            let _ = Commit::signed_parts(&good[..cut]);
            let mut flipped = good.clone();
            flipped[cut] ^= 0x80;
            assert!(Commit::decode(&flipped).is_err());
        }
        assert_eq!(
            Commit::decode(&vec![b'a'; MAX_COMMIT_BYTES + 1]),
            Err(CommitFormatError::TooLong(MAX_COMMIT_BYTES + 1))
        );
    }

    #[test]
    fn names_are_made_clean() {
        for (typed, name) in [
            ("Bob", "Bob"),
            ("  Bob <script>\n\u{7}", "Bob script"),
            ("<>", "anonymous"),
            ("", "anonymous"),
            ("a\r\nauthor x", "aauthor x"),
        ] {
            assert_eq!(DisplayName::sanitise(typed).as_str(), name);
            assert_eq!(DisplayName::parse(typed).is_some(), typed == name);
        }
        let long = DisplayName::sanitise(&"ä".repeat(1000));
        assert_eq!(long.as_str().len(), MAX_NAME_BYTES);
        assert_eq!(DisplayName::parse(long.as_str()), Some(long));
        assert_eq!(DisplayName::parse(" x"), None);
    }
}
