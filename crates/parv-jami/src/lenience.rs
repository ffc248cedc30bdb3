//! Where the original lets through what its own description of the rules does not.
//!
//! The strict verdict refuses these. The lenient one names them as warnings, goes on with what the commit made of the tree,
//! and refuses only what the daemon's current source refuses too.

use parv_model::CommitId;
use std::fmt;

/// Something that the original lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Laxness {
    /// The first commit is not signed by its device.
    UnsignedRoot,
    /// A merge is not what its parents come to: some file is as on one side where it should be as on the other.
    MergeSide,
    /// A merge whose one parent is an ancestor of the other.
    RedundantMerge,
    /// A merge whose text is not that of a merge.
    MergeText,
    /// Somebody leaves in another's name, or what goes with it is not what goes with leaving.
    Leave,
    /// An edit changes files.
    EditFiles,
    /// A vote with exactly half of the admins is resolved.
    HalfMajority,
    /// A member who is no admin invites where only admins do.
    MemberInvites,
    /// Somebody is invited who is there, or was invited already.
    AddPresent,
    /// A vote that leaves no file.
    VoteWithoutFile,
    /// A vote whose file is about somebody else than its message.
    VoteForOther,
    /// A device's certificate names an account that did not sign it.
    DeviceUnsigned,
    /// The committer is not the author.
    Committer,
    /// A value in a message is not of the kind that it is written with.
    JsonTypes,
}

impl Laxness {
    /// A short stable name, for machines.
    pub const fn name(self) -> &'static str {
        match self {
            Laxness::UnsignedRoot => "unsigned-root",
            Laxness::MergeSide => "merge-side",
            Laxness::RedundantMerge => "redundant-merge",
            Laxness::MergeText => "merge-text",
            Laxness::Leave => "leave",
            Laxness::EditFiles => "edit-files",
            Laxness::HalfMajority => "half-majority",
            Laxness::MemberInvites => "member-invites",
            Laxness::AddPresent => "add-present",
            Laxness::VoteWithoutFile => "vote-without-file",
            Laxness::VoteForOther => "vote-for-other",
            Laxness::DeviceUnsigned => "device-unsigned",
            Laxness::Committer => "committer",
            Laxness::JsonTypes => "json-types",
        }
    }
}

impl fmt::Display for Laxness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A commit that only a lenient judge lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The commit.
    pub commit: CommitId,
    /// In what the original is lax.
    pub laxness: Laxness,
    /// What is wrong with it, in plain words.
    pub why: String,
}
