//! Every limit of the format, with its reason. Limits of a device's own gate (pack bytes, objects, time) are policy and
//! stand with the code that enforces them.

/// The largest commit message, in bytes (validation §3). Room for a long text, too small to smuggle a file in.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// The largest whole commit object, in bytes: the message, the headers and one signature.
pub const MAX_COMMIT_BYTES: usize = MAX_MESSAGE_BYTES + 4 * 1024;

/// The longest display name in an author line, in bytes.
pub const MAX_NAME_BYTES: usize = 256;

/// The largest `profile.vcf`, in bytes (validation §5): a title, a description and a small picture.
pub const MAX_PROFILE_BYTES: usize = 256 * 1024;

/// The largest certificate file, in bytes. An Ed25519 certificate is well under one kilobyte.
pub const MAX_CERTIFICATE_BYTES: usize = 8 * 1024;

/// The largest certificate revocation list, in bytes: a thousand revoked devices.
pub const MAX_CRL_BYTES: usize = 64 * 1024;

/// The latest date a commit may carry, in seconds since 1970: the end of the year 9999, which X.509 can still express.
pub const MAX_TIME: i64 = 253_402_300_799;
