//! What can be typed: the command line of `parv`.

use clap::{Args, Parser, Subcommand, ValueEnum};
use parv::{Mode, Multiaddr, Uri};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Group conversations without a server: every conversation is a Git repository of signed commits.
#[derive(Debug, Parser)]
#[command(name = "parv", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// Options that every verb understands.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// Options that every verb understands.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The folder with the accounts' data [default: $XDG_DATA_HOME/parv or ~/.local/share/parv]
    #[arg(long, global = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// The account to act as; needed only where there are several
    #[arg(long, global = true, value_name = "URI")]
    pub account: Option<Uri>,
    /// Print data as JSON: one document, or one per line where things keep coming
    #[arg(long, global = true)]
    pub json: bool,
}

/// Everything `parv` can do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// See it all happen: four people, four nodes, one conversation, in seconds
    Demo(DemoArgs),
    /// Make an account, or show the one that is here
    #[command(subcommand)]
    Account(AccountVerb),
    /// Begin a conversation
    New(NewArgs),
    /// List the conversations
    List,
    /// Invite somebody to a conversation
    Invite {
        /// The conversation
        #[command(flatten)]
        conversation: Conv,
        /// Whom to invite
        uri: Uri,
        /// How to reach others when no daemon runs
        #[command(flatten)]
        network: NetworkArgs,
    },
    /// List the invitations that wait for an answer
    Requests,
    /// Take up an invitation (or join a PUBLIC conversation by its whole id)
    Accept {
        /// The conversation
        #[command(flatten)]
        conversation: Conv,
        /// How to reach others when no daemon runs
        #[command(flatten)]
        network: NetworkArgs,
    },
    /// Turn an invitation down; nobody is told
    Decline {
        /// The conversation
        #[command(flatten)]
        conversation: Conv,
    },
    /// Drop somebody's invitations unseen from now on, and list who is blocked; nobody is told
    Block {
        /// Whom to block; without it, only the list is shown
        uri: Option<Uri>,
    },
    /// Let somebody invite again
    Unblock {
        /// Whom
        uri: Uri,
    },
    /// Say something
    Send {
        /// The conversation
        #[command(flatten)]
        conversation: Conv,
        /// What to say; a single "-" reads it from standard input
        #[arg(required = true)]
        text: Vec<String>,
        /// How to reach others when no daemon runs
        #[command(flatten)]
        network: NetworkArgs,
    },
    /// Read a conversation, oldest first
    Log {
        /// The conversation
        #[command(flatten)]
        conversation: Conv,
        /// Only the newest N entries
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
        /// Also what is hidden: words of banned people that nobody took up before hearing of the ban
        #[arg(long)]
        hidden: bool,
    },
    /// Print a whole conversation, oldest first
    Export {
        /// The conversation, or an archive
        #[command(flatten)]
        conversation: Conv,
        /// As what; with --json it is JSON
        #[arg(long, value_enum, default_value = "text")]
        format: ExportFormat,
    },
    /// Find what was said in a conversation, whatever the case
    Search {
        /// The conversation, or an archive
        #[command(flatten)]
        conversation: Conv,
        /// The words, one after the other
        #[arg(required = true)]
        words: Vec<String>,
    },
    /// Read and judge conversations of Jami
    #[command(subcommand)]
    Jami(JamiVerb),
    /// Who is in a conversation, as what, and what is being voted on
    Members {
        /// The conversation
        #[command(flatten)]
        conversation: Conv,
    },
    /// Vote on somebody, without carrying it out
    Vote {
        /// The conversation
        #[command(flatten)]
        conversation: Conv,
        /// For what
        kind: VoteArg,
        /// On whom: a URI, or its first digits
        person: String,
        /// Vote on a single device: PERSON is the id of the device, or its first digits
        #[arg(long)]
        device: bool,
        /// How to reach others when no daemon runs
        #[command(flatten)]
        network: NetworkArgs,
    },
    /// Vote to remove somebody, and do it when more than half of the admins agree
    Ban(Moderation),
    /// Vote to let a banned person back, and do it when more than half of the admins agree
    Unban(Moderation),
    /// Vote to make a member an admin, and do it when more than half of the admins agree
    Promote(Moderation),
    /// Vote to make an admin a member, and do it when more than half of the admins agree
    Demote(Moderation),
    /// Let a fork from far behind in, which `parv members` shows as held
    LetIn {
        /// The conversation
        #[command(flatten)]
        conversation: Conv,
        /// The head of the fork, or its first digits
        head: String,
        /// How to reach others when no daemon runs
        #[command(flatten)]
        network: NetworkArgs,
    },
    /// Leave a conversation for good
    Leave {
        /// The conversation
        #[command(flatten)]
        conversation: Conv,
        /// How to reach others when no daemon runs
        #[command(flatten)]
        network: NetworkArgs,
    },
    /// Judge a whole conversation from its first commit on. Exit code 0: valid, 1: not, 2: no conversation
    Verify {
        /// A repository (bare or not) or a bundle file
        repository: PathBuf,
    },
    /// Print an allowed-signers file for `git log --show-signature`, for every device that ever wrote
    AllowedSigners {
        /// A repository (bare or not) or a bundle file
        repository: PathBuf,
    },
    /// Keep a node running; other verbs then talk to it
    Daemon(DaemonArgs),
    /// Run a public node that others begin with: it helps them to find and to reach each other, needs no account, and
    /// must not be trusted
    Bootstrap(BootstrapArgs),
    /// How this device stands in the network
    #[command(subcommand)]
    Net(NetVerb),
    /// Be woken through a push service when this device sleeps
    #[command(subcommand)]
    Push(PushVerb),
    /// Connect the running daemon to a node
    Connect {
        /// Its address, such as /ip4/192.0.2.7/udp/4001/quic-v1
        address: Multiaddr,
    },
    /// List the devices the running daemon is connected to
    Peers,
    /// Print what happens, as it happens, until the daemon ends
    Events,
}

/// `parv daemon`.
#[derive(Debug, Clone, Args)]
pub struct DaemonArgs {
    /// Where to listen [default: every address, UDP (QUIC) and TCP, any free port]; may be given several times
    #[arg(long, value_name = "MULTIADDR")]
    pub listen: Vec<Multiaddr>,
    /// Do not ask the router to forward a port (UPnP)
    #[arg(long)]
    pub no_port_mapping: bool,
    /// Wake others also through push services in private networks and without TLS: whoever shares a conversation with
    /// you can then have this machine knock anywhere in your network
    #[arg(long)]
    pub private_push_services: bool,
    /// Serve what is counted, in the format of OpenMetrics, at http://ADDRESS/metrics; a loopback address
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics: Option<SocketAddr>,
    /// How to reach others
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// `parv bootstrap`.
#[derive(Debug, Clone, Args)]
pub struct BootstrapArgs {
    /// Where to listen [default: port 4001 of every address, UDP (QUIC) and TCP]; may be given several times
    #[arg(long, value_name = "MULTIADDR")]
    pub listen: Vec<Multiaddr>,
    /// Where others reach it [default: wherever it listens]; may be given several times
    #[arg(long, value_name = "MULTIADDR")]
    pub external: Vec<Multiaddr>,
    /// Another node to stay connected with, with its /p2p/PEER-ID; may be given several times
    #[arg(long, value_name = "MULTIADDR")]
    pub bootstrap: Vec<Multiaddr>,
    /// How many connections to have at most
    #[arg(long, value_name = "N", default_value_t = 4096)]
    pub max_connections: u32,
    /// Serve what is counted, in the format of OpenMetrics, at http://ADDRESS/metrics; a loopback address
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics: Option<SocketAddr>,
}

/// `parv net …`.
#[derive(Debug, Subcommand)]
pub enum NetVerb {
    /// Show where the running daemon listens, whether others reach it, its relays and its connections
    Status,
}

/// `parv push …`.
#[derive(Debug, Subcommand)]
pub enum PushVerb {
    /// Have devices of those you talk with wake this one (Web Push, UnifiedPush)
    Subscribe {
        /// The URL that the push service gave for this device
        endpoint: String,
        /// Whom the push service may ask when something is wrong: mailto:… or https:…
        #[arg(long, value_name = "URL")]
        contact: Option<String>,
    },
    /// Be woken no more
    Unsubscribe,
    /// Show the subscription, who wakes this device, and whom it wakes
    Status,
    /// Read a push message that came, and look for what it tells of
    Open {
        /// The file with the body of the message; "-" is standard input
        file: PathBuf,
    },
}

/// `parv demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Leave the four data folders and the clone in DIR, which must be new or empty
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// `parv account …`.
#[derive(Debug, Subcommand)]
pub enum AccountVerb {
    /// Make an account on this machine
    Create {
        /// What others see as your name
        #[arg(long)]
        name: String,
        /// A file whose first line is the password that seals the account key; without it, nothing but the permissions
        /// of the file protects that key
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Show who you are
    Show,
}

/// `parv new`.
#[derive(Debug, Clone, Args)]
pub struct NewArgs {
    /// What it is, for ever
    #[arg(long, default_value = "invites-only")]
    pub mode: ModeArg,
    /// The other person of a one-to-one conversation; without it, it is one with yourself
    #[arg(long, value_name = "URI")]
    pub with: Option<Uri>,
}

/// A conversation, by its id.
#[derive(Debug, Clone, Args)]
pub struct Conv {
    /// The conversation's id, or its first digits
    #[arg(id = "conversation", value_name = "CONV")]
    pub id: String,
}

/// `parv ban` and its siblings.
#[derive(Debug, Clone, Args)]
pub struct Moderation {
    /// The conversation
    #[command(flatten)]
    pub conversation: Conv,
    /// Whom: a URI, or its first digits
    pub person: String,
    /// Only a single device (to ban or unban): PERSON is the id of the device, or its first digits
    #[arg(long)]
    pub device: bool,
    /// How to reach others when no daemon runs
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// How a node reaches others.
#[derive(Debug, Clone, Args)]
pub struct NetworkArgs {
    /// A node to begin with, with its /p2p/PEER-ID; may be given several times, and written down, one per line, in
    /// bootstrap.txt in the data folder
    #[arg(long, value_name = "MULTIADDR")]
    pub bootstrap: Vec<Multiaddr>,
    /// Do not look for others on the local network
    #[arg(long)]
    pub no_mdns: bool,
}

/// `parv jami …`.
#[derive(Debug, Subcommand)]
pub enum JamiVerb {
    /// Judge a conversation from its first commit on. Exit code 0: valid, 1: not, 2: no conversation of Jami
    Audit {
        /// A repository (bare or not) or a bundle file
        repository: PathBuf,
        /// Let through, as warnings, what Jami itself lets through against its own description
        #[arg(long)]
        lenient: bool,
    },
    /// Keep a valid conversation as an archive among yours, for reading, searching and exporting
    Import {
        /// A repository (bare or not) or a bundle file
        repository: PathBuf,
        /// Take also what only Jami itself lets through
        #[arg(long)]
        lenient: bool,
    },
}

/// As what a conversation is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Plain text, one message a line
    Text,
    /// One HTML page that needs nothing else
    Html,
    /// One JSON document
    Json,
}

/// A mode as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    /// Two people, or oneself
    OneToOne,
    /// Only admins invite
    AdminInvitesOnly,
    /// Every member invites
    InvitesOnly,
    /// Anyone may join without an invitation
    Public,
}

impl From<ModeArg> for Mode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::OneToOne => Mode::OneToOne,
            ModeArg::AdminInvitesOnly => Mode::AdminInvitesOnly,
            ModeArg::InvitesOnly => Mode::InvitesOnly,
            ModeArg::Public => Mode::Public,
        }
    }
}

/// What a vote is for, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VoteArg {
    /// Remove somebody
    Ban,
    /// Let a banned one back
    Unban,
    /// Make a member an admin
    Promote,
    /// Make an admin a member
    Demote,
}

impl From<VoteArg> for parv::VoteKind {
    fn from(kind: VoteArg) -> Self {
        match kind {
            VoteArg::Ban => Self::Ban,
            VoteArg::Unban => Self::Unban,
            VoteArg::Promote => Self::Promote,
            VoteArg::Demote => Self::Demote,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
