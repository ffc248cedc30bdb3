//! What can go wrong with keys, certificates and their files.

use std::io;
use std::path::PathBuf;

/// Why a key, certificate, list, archive or folder was refused, or could not be made.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    NoRandomness(#[source] getrandom::Error),

    /// Bytes that are no Ed25519 public key of full order in its canonical encoding.
    #[error("{0} is not a usable ed25519 public key")]
    UnusableKey(String),

    /// Larger than the limit.
    #[error("the {what} has {bytes} bytes, more than the {limit} allowed")]
    TooLarge {
        /// What was read.
        what: &'static str,
        /// Its size in bytes.
        bytes: usize,
        /// The largest size allowed, in bytes.
        limit: usize,
    },

    /// Not one PEM block of the right kind in canonical form.
    #[error("the {what} is not exactly one pem block in canonical form (lf, 64 columns, nothing around it)")]
    NotPem {
        /// What was expected.
        what: &'static str,
    },

    /// The PEM block does not hold what its label says.
    #[error("the {what} is malformed: {why}")]
    Malformed {
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },

    /// Well-formed X.509, but not byte for byte what this crate makes of the same contents.
    #[error("the {what} is not in the one form that is allowed for its contents")]
    NotCanonical {
        /// What was read.
        what: &'static str,
    },

    /// The account that it names did not sign it.
    #[error("the {what} is not signed by the account that it names")]
    BadSignature {
        /// What was read.
        what: &'static str,
    },

    /// A name that may not stand in a certificate.
    #[error(
        "{0:?} cannot be the name in a certificate: it takes 1 to 64 characters, no `<`, `>`, control characters or blanks at the ends"
    )]
    Name(String),

    /// A time, or an order of two times, that a certificate cannot have.
    #[error("from {not_before} to {not_after} is no period between 1970 and 9999 (in seconds since 1970)")]
    Period {
        /// The first second.
        not_before: i64,
        /// The last second.
        not_after: i64,
    },

    /// The parts belong to different accounts or devices.
    #[error("the {what} belongs to {found}, not to {expected}")]
    Mismatch {
        /// The part that does not fit.
        what: &'static str,
        /// Whose it should be.
        expected: String,
        /// Whose it is.
        found: String,
    },

    /// The archive does not open with this password.
    #[error("wrong password, or the archive was damaged")]
    WrongPassword,

    /// An identity is there already; it is never overwritten.
    #[error("{} holds an identity already", .0.display())]
    AlreadyThere(PathBuf),

    /// A secret file that other users of the machine may read.
    #[error("{} can be read by others (mode {mode:03o}); put it right with: chmod 600 {}", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },

    /// A file or folder could not be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb: "read", "write".
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}
