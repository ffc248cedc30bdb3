//! Stock OpenSSL takes our certificates, lists and key files for what they are.

mod common;

use common::{Outcome, run, succeed};
use parv_identity::{Crl, Identity, IdentityFolder, NewIdentity};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const NOW: i64 = 1_750_000_000;
const DAY: i64 = 86_400;

fn openssl(args: &[&str]) -> String {
    succeed("openssl", "openssl", args, b"")
}

fn put(folder: &TempDir, name: &str, contents: &[u8]) -> String {
    let path = folder.path().join(name);
    fs::write(&path, contents).unwrap();
    path.to_str().unwrap().to_owned()
}

/// `openssl verify` in its strictest form, at the time `NOW`.
fn verify(account: &str, crl: &str, device: &str) -> Outcome {
    let now = NOW.to_string();
    let mut args = vec!["verify", "-x509_strict", "-check_ss_sig", "-purpose", "sslclient", "-attime", &now];
    args.extend(["-crl_check", "-CAfile", account, "-CRLfile", crl, device]);
    run("openssl", "openssl", args, b"")
}

#[test]
fn a_good_device_is_taken_and_a_revoked_one_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (phone, account_key) = Identity::create("Alice Ünïcödé", "phone", NOW).unwrap();
    let certificate = phone.account_certificate.clone();
    let laptop = Identity::add_device(&account_key, certificate.clone(), None, "laptop", NOW).unwrap();
    let crl = |number, revoked| {
        Crl::issue(&account_key, &certificate, number, &revoked, NOW - DAY, NOW + DAY).unwrap().pem().to_vec()
    };
    let none_revoked = put(&folder, "none.crl", &crl(1, [].into()));
    let laptop_revoked = put(&folder, "laptop.crl", &crl(2, [*laptop.device_certificate.serial()].into()));
    let account = put(&folder, "account.crt", certificate.pem());
    let phone = put(&folder, "phone.crt", phone.device_certificate.pem());
    let laptop = put(&folder, "laptop.crt", laptop.device_certificate.pem());

    for (crl, device) in [(&none_revoked, &phone), (&none_revoked, &laptop), (&laptop_revoked, &phone)] {
        let outcome = verify(&account, crl, device);
        assert!(outcome.success, "{}", outcome.said);
    }
    let revoked = verify(&account, &laptop_revoked, &laptop);
    assert!(!revoked.success && revoked.said.contains("certificate revoked"), "{}", revoked.said);

    let (other, _) = Identity::create("Alice Ünïcödé", "phone", NOW).unwrap();
    let other = put(&folder, "other.crt", other.account_certificate.pem());
    assert!(!verify(&other, &none_revoked, &phone).success, "another account's certificate was taken for the issuer's");
}

#[test]
fn the_fields_read_as_the_protocol_says() {
    let folder = tempfile::tempdir().unwrap();
    let (identity, account_key) = Identity::create("Alice", "phone", NOW).unwrap();
    let (uri, device) = (identity.uri().to_string(), identity.device_id().to_string());
    let names = ["-noout", "-nameopt", "RFC2253", "-subject", "-issuer", "-ext", "keyUsage,basicConstraints"];

    let account = put(&folder, "account.crt", identity.account_certificate.pem());
    let said = openssl(&[&["x509", "-in", &account][..], &names].concat());
    assert!(said.contains(&format!("subject=UID={uri},CN=Alice\nissuer=UID={uri},CN=Alice\n")), "{said}");
    assert!(said.contains("Certificate Sign, CRL Sign\n") && said.contains("CA:TRUE, pathlen:0\n"), "{said}");

    let phone = put(&folder, "device.crt", identity.device_certificate.pem());
    let said = openssl(&[&["x509", "-in", &phone][..], &names].concat());
    assert!(said.contains(&format!("subject=UID={device},CN=phone\nissuer=UID={uri},CN=Alice\n")), "{said}");
    assert!(said.contains("Digital Signature\n") && said.contains("CA:FALSE\n"), "{said}");

    let certificate = &identity.account_certificate;
    let crl = Crl::issue(&account_key, certificate, 258, &[].into(), NOW, NOW + DAY).unwrap();
    let crl = put(&folder, "account.crl", crl.pem());
    let said = openssl(&["crl", "-in", &crl, "-noout", "-crlnumber", "-CAfile", &account]);
    assert!(said.contains("verify OK") && said.contains("crlNumber=0x0102"), "{said}");
}

#[test]
fn our_pem_is_openssls_pem() {
    let folder = tempfile::tempdir().unwrap();
    let (identity, account_key) = Identity::create("Alice", "phone", NOW).unwrap();
    let crl = Crl::issue(&account_key, &identity.account_certificate, 1, &[].into(), NOW, NOW + DAY).unwrap();
    let certificate = identity.device_certificate.pem();
    for (command, pem) in [("x509", certificate), ("crl", crl.pem())] {
        let path = put(&folder, command, pem);
        assert_eq!(openssl(&[command, "-in", &path]).as_bytes(), pem);
    }
}

#[test]
fn the_key_file_is_the_devices_key() {
    let folder = tempfile::tempdir().unwrap();
    let (identity, _) = Identity::create("Alice", "phone", NOW).unwrap();
    let path = folder.path().join("identity");
    IdentityFolder::create(&path, &NewIdentity { identity: &identity, archive: None }).unwrap();
    let path = |name: &str| Path::to_str(&path.join(name)).unwrap().to_owned();
    let from_key = openssl(&["pkey", "-in", &path("device.key"), "-pubout"]);
    let from_certificate = openssl(&["x509", "-in", &path("device.crt"), "-noout", "-pubkey"]);
    assert_eq!(from_key, from_certificate);
}
