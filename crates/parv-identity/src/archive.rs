//! The account key, sealed by a password.
//!
//! ```text
//! byte[8]  "parvacct"      byte 1 (version)
//! u32      memory in KiB   u32 passes   u32 lanes      (big-endian, Argon2id version 0x13)
//! byte[16] salt            byte[24] nonce
//! byte[48] the seed of the account key under XChaCha20-Poly1305, everything above as associated data
//! ```
//!
//! The password is taken as its UTF-8 bytes. The cost stands in the archive, so that it can rise; what is read is bounded,
//! so that a hostile archive cannot eat the machine.

use crate::IdentityError;
use crate::key::AccountKey;
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

const WHAT: &str = "account archive";
const MAGIC: &[u8; 9] = b"parvacct\x01";
const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 24;
const HEADER_BYTES: usize = MAGIC.len() + 3 * 4 + SALT_BYTES + NONCE_BYTES;

/// The size of an archive, in bytes: the header, the seed, and 16 bytes of proof.
pub const ARCHIVE_BYTES: usize = HEADER_BYTES + 32 + 16;

/// The work that a password takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// For new archives: the second recommended option of RFC 9106, about a quarter of a second on a small machine.
    const RECOMMENDED: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 };

    /// The most that is spent on opening one: four times the memory and some passes more than what is written now.
    const MOST: Self = Self { memory_kib: 256 * 1024, passes: 8, lanes: 16 };

    fn is_bearable(&self) -> bool {
        self.memory_kib <= Self::MOST.memory_kib && self.passes <= Self::MOST.passes && self.lanes <= Self::MOST.lanes
    }
}

/// Seals the key by a password. Takes about as long as opening it again.
pub fn seal(key: &AccountKey, password: &str) -> Result<Vec<u8>, IdentityError> {
    seal_at(key, password, Cost::RECOMMENDED)
}

fn seal_at(key: &AccountKey, password: &str, cost: Cost) -> Result<Vec<u8>, IdentityError> {
    let mut random = [0; SALT_BYTES + NONCE_BYTES];
    getrandom::fill(&mut random).map_err(IdentityError::NoRandomness)?;
    let (salt, nonce) = random.split_at(SALT_BYTES);
    let mut archive = MAGIC.to_vec();
    for number in [cost.memory_kib, cost.passes, cost.lanes] {
        archive.extend(number.to_be_bytes());
    }
    archive.extend(random);
    let seed = key.seed();
    let sealed = cipher(password, salt, cost)?
        .encrypt(XNonce::from_slice(nonce), Payload { msg: &*seed, aad: &archive })
        .map_err(|_| malformed("the key cannot be sealed"))?;
    archive.extend(sealed);
    Ok(archive)
}

/// Opens an archive.
///
/// # Errors
/// [`WrongPassword`](IdentityError::WrongPassword) if it does not open with this one;
/// [`Malformed`](IdentityError::Malformed) if it is no archive, of a later version, or asks for more work than is bearable.
pub fn open(archive: &[u8], password: &str) -> Result<AccountKey, IdentityError> {
    if archive.len() != ARCHIVE_BYTES {
        return Err(malformed(&format!("it has {} bytes instead of {ARCHIVE_BYTES}", archive.len())));
    }
    let (header, sealed) = archive.split_at(HEADER_BYTES);
    let rest = header.strip_prefix(MAGIC).ok_or_else(|| malformed("not an archive of version 1"))?;
    let (numbers, rest) = rest.split_at(3 * 4);
    let (salt, nonce) = rest.split_at(SALT_BYTES);
    let number = |at: usize| numbers[4 * at..4 * at + 4].iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte));
    let cost = Cost { memory_kib: number(0), passes: number(1), lanes: number(2) };
    if !cost.is_bearable() {
        return Err(malformed("it asks for too much work"));
    }
    let seed = cipher(password, salt, cost)?
        .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: header })
        .map_err(|_| IdentityError::WrongPassword)?;
    let seed = Zeroizing::new(seed);
    let seed = seed.as_slice().try_into().map_err(|_| malformed("what it holds is no key"))?;
    Ok(AccountKey::from_seed(seed))
}

/// The cipher under the key that the password gives.
fn cipher(password: &str, salt: &[u8], cost: Cost) -> Result<XChaCha20Poly1305, IdentityError> {
    let refused = |error: argon2::Error| malformed(&error.to_string());
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(refused)?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, &mut *key)
        .map_err(refused)?;
    Ok(XChaCha20Poly1305::new((&*key).into()))
}

fn malformed(why: &str) -> IdentityError {
    IdentityError::Malformed { what: WHAT, why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least work that Argon2 knows, to keep the tests quick.
    const QUICK: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

    #[test]
    fn opens_with_the_password_and_no_other() {
        let key = AccountKey::from_seed([3; 32]);
        let archive = seal(&key, "korrekt häst").unwrap();
        assert_eq!(archive.len(), ARCHIVE_BYTES);
        assert_eq!(open(&archive, "korrekt häst").unwrap().uri(), key.uri());
        assert!(matches!(open(&archive, "korrekt hast"), Err(IdentityError::WrongPassword)));
    }

    #[test]
    fn two_archives_of_a_key_have_nothing_in_common() {
        let key = AccountKey::from_seed([3; 32]);
        let (one, two) = (seal_at(&key, "p", QUICK).unwrap(), seal_at(&key, "p", QUICK).unwrap());
        assert_ne!(one[MAGIC.len() + 12..], two[MAGIC.len() + 12..]);
        assert!(!one.windows(8).any(|window| window == &key.seed()[..8]));
    }

    #[test]
    fn every_damage_is_noticed() {
        let archive = seal_at(&AccountKey::from_seed([3; 32]), "p", QUICK).unwrap();
        for at in 0..archive.len() {
            let mut damaged = archive.clone();
            damaged[at] ^= 1;
            assert!(open(&damaged, "p").is_err(), "a changed byte {at} went unnoticed");
            assert!(open(&archive[..at], "p").is_err(), "an archive of {at} bytes was opened");
        }
    }

    #[test]
    fn a_hostile_archive_does_not_eat_the_machine() {
        let mut archive = seal_at(&AccountKey::from_seed([3; 32]), "p", QUICK).unwrap();
        for number in 0..3 {
            let mut hostile = archive.clone();
            hostile[MAGIC.len() + 4 * number..][..4].fill(0xff);
            let error = open(&hostile, "p").unwrap_err();
            assert_eq!(error.to_string(), "the account archive is malformed: it asks for too much work");
        }
        archive[MAGIC.len()..][..12].fill(0);
        assert!(matches!(open(&archive, "p"), Err(IdentityError::Malformed { .. })));
    }
}
