//! Forged, damaged and oddly written certificates are refused; controls beside them pass.

use super::*;
use IdentityError::{
    BadSignature, Malformed, Mismatch, Name as BadName, NotCanonical, NotPem, Period, TooLarge, UnusableKey,
};

const PERIOD: Validity = Validity { not_before: 0, not_after: 2_000_000_000 };

fn account(seed: u8) -> (AccountKey, AccountCertificate) {
    let key = AccountKey::from_seed([seed; 32]);
    let certificate = AccountCertificate::issue(&key, "Alice", PERIOD).unwrap();
    (key, certificate)
}

fn device(seed: u8) -> DeviceId {
    crate::DeviceKey::from_seed([seed; 32]).device_id()
}

fn device_certificate() -> DeviceCertificate {
    let (key, certificate) = account(1);
    let serial = Serial::from_bytes(&[100]).unwrap();
    DeviceCertificate::issue(&key, &certificate, &device(2), "phone", &serial, PERIOD).unwrap()
}

/// A device certificate that names `account` as its issuer but is signed by `signer`.
fn forged(account: Uri, signer: &AccountKey) -> Vec<u8> {
    let issuer = Name::new("Alice", *account.as_bytes()).unwrap();
    let subject = Name::new("phone", *device(2).as_bytes()).unwrap();
    let serial = Serial::from_bytes(&[100]).unwrap();
    let signer = Signer::Issue(signer, *account.as_bytes());
    DEVICE.encode(DeviceCertificate::build(&subject, &issuer, &serial, PERIOD, signer).unwrap())
}

#[test]
fn what_is_issued_says_what_was_asked_for() {
    let (key, alice) = account(1);
    assert_eq!((alice.uri(), alice.common_name(), alice.validity()), (key.uri(), "Alice", PERIOD));
    let phone = device_certificate();
    assert_eq!((phone.device(), phone.account(), phone.common_name()), (device(2), key.uri(), "phone"));
    assert_eq!((phone.serial().as_bytes(), phone.validity()), (&[100][..], PERIOD));
    assert_eq!(DeviceCertificate::from_pem(phone.pem()).unwrap(), phone);
}

#[test]
fn the_victims_name_with_another_signature_is_refused() {
    let (alice, mallory) = (AccountKey::from_seed([1; 32]), AccountKey::from_seed([66; 32]));
    assert!(DeviceCertificate::from_pem(&forged(alice.uri(), &alice)).is_ok());
    assert!(matches!(DeviceCertificate::from_pem(&forged(alice.uri(), &mallory)), Err(BadSignature { .. })));

    let victim = Name::new("Alice", *alice.uri().as_bytes()).unwrap();
    let serial = Serial::from_bytes(&[1]).unwrap();
    let own_key = AccountCertificate::build(&victim, &serial, PERIOD, &Signer::issue(&mallory)).unwrap();
    assert!(matches!(AccountCertificate::from_pem(&ACCOUNT.encode(own_key)), Err(NotCanonical { .. })));
    let signer = Signer::Issue(&mallory, victim.key);
    let victims_key = AccountCertificate::build(&victim, &serial, PERIOD, &signer).unwrap();
    assert!(matches!(AccountCertificate::from_pem(&ACCOUNT.encode(victims_key)), Err(BadSignature { .. })));
}

#[test]
fn small_order_and_second_encodings_of_keys_are_refused() {
    let neutral = {
        let mut key = [0; 32];
        key[0] = 1;
        key
    };
    let second = {
        let mut key = [0xff; 32];
        (key[0], key[31]) = (0xf0, 0x7f);
        key
    };
    let alice = AccountKey::from_seed([1; 32]);
    // R = neutral, S = 0 satisfies the bare equation under the neutral key for every message.
    let mut signature = [0; 64];
    signature[0] = 1;
    for bytes in [neutral, second] {
        let name = Name::new("nobody", bytes).unwrap();
        let serial = Serial::from_bytes(&[1]).unwrap();
        let der = AccountCertificate::build(&name, &serial, PERIOD, &Signer::Replay(bytes, signature)).unwrap();
        assert!(matches!(AccountCertificate::from_pem(&ACCOUNT.encode(der)), Err(UnusableKey(_))));
        let issuer = Name::new("Alice", *alice.uri().as_bytes()).unwrap();
        let der = DeviceCertificate::build(&name, &issuer, &serial, PERIOD, Signer::issue(&alice)).unwrap();
        assert!(matches!(DeviceCertificate::from_pem(&DEVICE.encode(der)), Err(UnusableKey(_))));
    }
}

#[test]
fn a_certificate_has_one_spelling() {
    let good = device_certificate().pem().to_vec();
    let text = String::from_utf8(good.clone()).unwrap();
    let der = DEVICE.decode(&good).unwrap();
    let wider = ::pem::encode_config(
        &::pem::Pem::new("CERTIFICATE", der.clone()),
        ::pem::EncodeConfig::new().set_line_wrap(76).set_line_ending(::pem::LineEnding::LF),
    );
    let spellings: [(&str, Vec<u8>); 13] = [
        ("DER", der.clone()),
        ("empty", Vec::new()),
        ("CRLF", text.replace('\n', "\r\n").into_bytes()),
        ("text before it", format!("hello\n{text}").into_bytes()),
        ("a newline before it", format!("\n{text}").into_bytes()),
        ("text after it", format!("{text}hello\n").into_bytes()),
        ("a newline after it", format!("{text}\n").into_bytes()),
        ("no newline at its end", text.trim_end().to_owned().into_bytes()),
        ("two of them", text.repeat(2).into_bytes()),
        ("lines of 76 columns", wider.into_bytes()),
        ("another label", text.replace("CERTIFICATE", "X509 CERTIFICATE").into_bytes()),
        ("a header", text.replacen("-----\n", "-----\nProc-Type: 4,ENCRYPTED\n\n", 1).into_bytes()),
        ("not UTF-8", [b"\xff\xfe", &good[..]].concat()),
    ];
    for (what, bytes) in spellings {
        assert!(matches!(DeviceCertificate::from_pem(&bytes), Err(NotPem { .. })), "{what} was not refused as such");
    }
    let long = [&good[..], &vec![b'\n'; MAX_CERTIFICATE_BYTES]].concat();
    assert!(matches!(DeviceCertificate::from_pem(&long), Err(TooLarge { .. })));
    let trailing = DEVICE.encode([&der[..], b"\0"].concat());
    assert!(matches!(DeviceCertificate::from_pem(&trailing), Err(NotCanonical { .. })));
}

#[test]
fn the_two_kinds_are_not_taken_for_each_other() {
    let (_, alice) = account(1);
    assert!(matches!(DeviceCertificate::from_pem(alice.pem()), Err(NotCanonical { .. })));
    assert!(matches!(AccountCertificate::from_pem(device_certificate().pem()), Err(NotCanonical { .. })));
}

#[test]
fn damaged_bytes_are_refused_without_a_panic() {
    let (_, alice) = account(1);
    let refused = |kind: Kind, der: Vec<u8>, at: usize| {
        let pem = kind.encode(der);
        let taken = AccountCertificate::from_pem(&pem).is_ok() || DeviceCertificate::from_pem(&pem).is_ok();
        assert!(!taken, "a certificate with byte {at} changed was taken");
    };
    for (kind, pem) in [(ACCOUNT, alice.pem()), (DEVICE, device_certificate().pem())] {
        let der = kind.decode(pem).unwrap();
        for at in 0..der.len() {
            refused(kind, der[..at].to_vec(), at);
            for mask in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff] {
                let mut damaged = der.clone();
                damaged[at] ^= mask;
                refused(kind, damaged, at);
            }
        }
        for at in 0..pem.len() {
            let mut damaged = pem.to_vec();
            damaged[at] ^= 0x01;
            assert!(AccountCertificate::from_pem(&damaged).is_err() && DeviceCertificate::from_pem(&damaged).is_err());
        }
    }
}

/// An account may sign what it likes: the reader meets anything under a good signature.
#[test]
fn odd_contents_under_a_good_signature_are_refused_or_read_back_the_same() {
    let (key, alice) = account(1);
    let der = ACCOUNT.decode(alice.pem()).unwrap();
    let tbs_length = parse("", &der).unwrap().tbs_certificate.as_ref().len();
    let (outer, signature) = (4, der.len() - 64); // SEQUENCE and its length before the signed part
    for at in 0..tbs_length {
        for mask in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x7f, 0xff] {
            let mut odd = der.clone();
            odd[outer + at] ^= mask;
            let signed = key.sign(&odd[outer..outer + tbs_length]);
            odd[signature..].copy_from_slice(&signed);
            let pem = ACCOUNT.encode(odd);
            if let Ok(read) = AccountCertificate::from_pem(&pem) {
                assert_eq!((read.uri(), read.pem()), (key.uri(), &pem[..]), "byte {at} ^ {mask}");
            }
        }
    }
}

#[test]
fn names_and_periods_are_checked_when_issuing() {
    let key = AccountKey::from_seed([1; 32]);
    let issue =
        |name: &str, not_before, not_after| AccountCertificate::issue(&key, name, Validity { not_before, not_after });
    let (longest, latest) = ("é".repeat(64), MAX_TIME);
    for (name, from, to) in [("a", 0, 0), (&longest[..], 0, latest), ("Ünïcödé 🦉", 2_524_607_999, 2_524_608_000)]
    {
        let made = issue(name, from, to).unwrap();
        assert_eq!((made.common_name(), made.validity()), (name, Validity { not_before: from, not_after: to }));
    }
    for name in ["", " a", "a ", "a\nb", "a\0b", "<a>", &"é".repeat(65)] {
        assert!(matches!(issue(name, 0, 1), Err(BadName(_))), "{name:?} was taken");
    }
    for (from, to) in [(-1, 1), (2, 1), (0, MAX_TIME + 1), (i64::MIN, i64::MAX)] {
        assert!(matches!(issue("a", from, to), Err(Period { .. })), "{from}..{to} was taken");
    }
    let until_the_end = Validity::until(i64::MAX, ACCOUNT_VALIDITY_SECONDS);
    assert_eq!(until_the_end, Validity { not_before: 0, not_after: MAX_TIME });
    assert!(until_the_end.contains(0) && until_the_end.contains(MAX_TIME) && !until_the_end.contains(-1));
}

#[test]
fn only_the_account_itself_issues_under_its_certificate() {
    let ((_, alice), (mallory, _)) = (account(1), account(66));
    let serial = Serial::random().unwrap();
    let made = DeviceCertificate::issue(&mallory, &alice, &device(2), "phone", &serial, PERIOD);
    assert!(matches!(made, Err(Mismatch { .. })));
}

#[test]
fn serial_numbers_are_positive_and_short() {
    let longest = [0x7f; 20];
    assert_eq!(Serial::from_bytes(&longest).unwrap().as_bytes(), longest);
    assert_eq!(Serial::from_bytes(&[0, 0, 1, 0]).unwrap().as_bytes(), [1, 0]);
    assert!(Serial::from_bytes(&[2]) < Serial::from_bytes(&[1, 0]));
    for wrong in [&[][..], &[0], &[0; 30], &[0x80; 20], &[1; 21]] {
        assert!(Serial::from_bytes(wrong).is_none(), "{wrong:?} was taken");
    }
    let (one, two) = (Serial::random().unwrap(), Serial::random().unwrap());
    assert!(one != two && one.as_bytes().len() == 16 && Serial::from_bytes(one.as_bytes()) == Some(one));
    // A high bit in front needs a zero byte in DER, and comes back without it.
    let (key, alice) = account(1);
    let high = Serial::from_bytes(&[0x80, 1]).unwrap();
    let phone = DeviceCertificate::issue(&key, &alice, &device(2), "phone", &high, PERIOD).unwrap();
    assert_eq!(phone.serial(), &high);
    let zero = Malformed { what: "x", why: "a serial number is not positive or longer than 20 bytes".to_owned() };
    assert_eq!(Serial::read("x", &[0]).unwrap_err().to_string(), zero.to_string());
}

/// The form must never change by itself, as with another version of the builder: every conversation holds such bytes.
#[test]
fn the_form_is_the_one_that_conversations_hold() {
    let key = AccountKey::from_seed([1; 32]);
    let serial = Serial::from_bytes(&[0x40, 0x41]).unwrap();
    let period = Validity { not_before: 0, not_after: MAX_TIME };
    let alice = AccountCertificate::issue_with_serial(&key, "Alice", &serial, period).unwrap();
    assert_eq!(std::str::from_utf8(alice.pem()).unwrap(), include_str!("../../tests/fixtures/account.crt"));
    let phone = device_certificate();
    assert_eq!(std::str::from_utf8(phone.pem()).unwrap(), include_str!("../../tests/fixtures/device.crt"));
}
