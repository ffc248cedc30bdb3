//! Who is who: accounts, devices, and what proves them.
//!
//! An *account* is an Ed25519 key; its public half is its [`Uri`]. A *device* is another Ed25519 key; its public half is
//! its [`DeviceId`]. The account says which devices are its own by [`DeviceCertificate`]s and takes that back by a
//! [`Crl`]; a device signs commits by [`sshsig`].
//!
//! | room | what it holds |
//! |---|---|
//! | [`key`] | account and device keys |
//! | [`certificate`] | X.509 certificates of accounts and devices |
//! | [`crl`] | X.509 revocation lists |
//! | [`sshsig`] | signatures on commits, as OpenSSH and Git write them |
//! | [`verifier`] | checking many of those |
//! | [`statement`] | what a device says outside of conversations, signed |
//! | [`archive`] | the account key, sealed by a password |
//! | [`folder`] | all of it as files |
//!
//! # One form only
//! Certificates, lists and signatures stand in conversations, where a second spelling of the same thing would be a second
//! Git object for it. So whatever is read is built again from what it says, and only the very same bytes are taken. This
//! leaves no room for unknown extensions, other encodings or trailing bytes, and there is one acceptance rule for
//! signatures: [`verify_strict`](ed25519_dalek::VerifyingKey::verify_strict) under a canonical key of full order.
//!
//! A parsed [`AccountCertificate`], [`DeviceCertificate`] or [`Crl`] is therefore genuine: the account whose [`Uri`] it
//! bears has signed it. What it is *worth* at some place of a conversation (roles, bans, dates) is the validator's
//! business, not this crate's. Nothing here reads a clock or the network.
//!
//! [`Uri`]: parv_model::Uri
//! [`DeviceId`]: parv_model::DeviceId

#![forbid(unsafe_code)]

pub mod archive;
pub mod certificate;
pub mod crl;
mod error;
pub mod folder;
mod identity;
pub mod key;
mod pem;
pub mod sshsig;
pub mod statement;
mod sum;
pub mod verifier;
mod x509;

pub use certificate::{AccountCertificate, DeviceCertificate, Serial, Validity};
pub use crl::Crl;
pub use error::IdentityError;
pub use folder::{IdentityFolder, NewIdentity};
pub use identity::Identity;
pub use key::{AccountKey, DeviceKey};
pub use sshsig::SshsigError;
pub use verifier::Verifier;
