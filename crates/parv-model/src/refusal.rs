//! Reasons for refusal: which commit, which rule, in words for a person.

use crate::id::CommitId;
use std::fmt;

/// The rule of the specification that a refused commit breaks. The paragraph numbers are those of the specification of
/// the rules (`docs/src/validation.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// §3: headers, encoding, number of parents.
    Structure,
    /// §3: the signature is the author's, in its one canonical form.
    Signature,
    /// §3: the message is canonical, of a known type, with exactly the fields of that type.
    Message,
    /// §3: exactly one commit has no parents.
    Root,
    /// §4: the author's device belongs to somebody who may write at this place.
    Authority,
    /// §4: a certificate is well-formed, for the one it is said to be for, and signed by the account.
    Certificate,
    /// §5: the conditions of the commit's kind.
    Kind,
    /// §2: the tree is exactly what the rules make of the history.
    Tree,
    /// §8: something that the history needs is not there, or something is there that it does not need.
    Completeness,
    /// §8: the head's author is not in good standing in the merged state.
    Standing,
}

impl Rule {
    /// A short stable name, for machines.
    pub const fn name(self) -> &'static str {
        match self {
            Rule::Structure => "structure",
            Rule::Signature => "signature",
            Rule::Message => "message",
            Rule::Root => "root",
            Rule::Authority => "authority",
            Rule::Certificate => "certificate",
            Rule::Kind => "kind",
            Rule::Tree => "tree",
            Rule::Completeness => "completeness",
            Rule::Standing => "standing",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A commit is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("commit {commit} is refused ({rule}): {why}")]
pub struct Refusal {
    /// The commit.
    pub commit: CommitId,
    /// The rule it breaks.
    pub rule: Rule,
    /// What is wrong, in plain words.
    pub why: String,
}

impl Refusal {
    /// A refusal of `commit` for breaking `rule`.
    pub fn new(commit: CommitId, rule: Rule, why: impl Into<String>) -> Self {
        Self { commit, rule, why: why.into() }
    }
}
