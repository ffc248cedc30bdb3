//! What a conversation is (its mode) and what somebody is in it (their role).

use serde::{Deserialize, Serialize};
use std::fmt;

/// The mode of a conversation, fixed for ever by its first commit (seed, "four modes"; requirement P6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Two people, or oneself.
    OneToOne,
    /// Only admins invite.
    AdminInvitesOnly,
    /// Every member invites.
    InvitesOnly,
    /// Anyone may join without an invitation.
    Public,
}

impl Mode {
    /// All modes, in the order of their numbers.
    pub const ALL: [Mode; 4] = [Mode::OneToOne, Mode::AdminInvitesOnly, Mode::InvitesOnly, Mode::Public];

    /// The number that stands in the initial commit.
    pub const fn number(self) -> u8 {
        match self {
            Mode::OneToOne => 0,
            Mode::AdminInvitesOnly => 1,
            Mode::InvitesOnly => 2,
            Mode::Public => 3,
        }
    }

    /// The mode with that number, if there is one.
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| u64::from(mode.number()) == number)
    }

    /// The name as the seed writes it, in capitals.
    pub const fn name(self) -> &'static str {
        match self {
            Mode::OneToOne => "ONE_TO_ONE",
            Mode::AdminInvitesOnly => "ADMIN_INVITES_ONLY",
            Mode::InvitesOnly => "INVITES_ONLY",
            Mode::Public => "PUBLIC",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What somebody is in a conversation (acceptance 18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May moderate: vote, resolve votes, change the profile.
    Admin,
    /// May write.
    Member,
    /// Was added and has not joined yet.
    Invited,
    /// Was removed by a majority of the admins.
    Banned,
    /// Was a member and went.
    Left,
}

impl Role {
    /// Why somebody who is this, or who is a stranger, may not write, if so.
    pub const fn bar(role: Option<Self>) -> Option<&'static str> {
        match role {
            Some(Role::Admin | Role::Member) => None,
            Some(Role::Banned) => Some("is banned"),
            Some(Role::Left) => Some("has left"),
            Some(Role::Invited) => Some("is invited but has not joined"),
            None => Some("is a stranger to this conversation"),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Admin => "admin",
            Role::Member => "member",
            Role::Invited => "invited",
            Role::Banned => "banned",
            Role::Left => "left",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_modes_match() {
        for mode in Mode::ALL {
            assert_eq!(Mode::from_number(mode.number().into()), Some(mode));
        }
        assert_eq!(Mode::from_number(4), None);
    }
}
