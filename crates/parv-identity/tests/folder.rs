//! An identity on disk: written whole, read back the same, never overwritten, for nobody else's eyes.

#![cfg(unix)]

use parv_identity::{Crl, Identity, IdentityError, IdentityFolder, NewIdentity, archive};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const NOW: i64 = 1_750_000_000;

fn written() -> (TempDir, PathBuf, Identity) {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("alice/identity");
    let (identity, _) = Identity::create("Alice", "phone", NOW).unwrap();
    IdentityFolder::create(&path, &NewIdentity { identity: &identity, archive: None }).unwrap();
    (root, path, identity)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn assert_same(one: &Identity, two: &Identity) {
    assert_eq!(one.device_id(), two.device_id());
    assert_eq!(one.account_certificate, two.account_certificate);
    assert_eq!(one.device_certificate, two.device_certificate);
    assert_eq!(one.crl, two.crl);
}

#[test]
fn what_is_written_is_read_back() {
    let (_root, path, identity) = written();
    let (folder, read) = IdentityFolder::open(&path).unwrap();
    assert_same(&read, &identity);
    assert_eq!((folder.path(), folder.archive().unwrap()), (&*path, None));
}

#[test]
fn only_its_owner_may_look() {
    let (_root, path, _) = written();
    assert_eq!((mode(path.parent().unwrap()), mode(&path)), (0o700, 0o700));
    assert_eq!(names(&path), ["account.crt", "device.crt", "device.key"]);
    for name in names(&path) {
        assert_eq!(mode(&path.join(&name)), 0o600, "{name}");
    }
    let key = path.join("device.key");
    fs::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
    let error = IdentityFolder::open(&path).unwrap_err().to_string();
    let expected = format!("{0} can be read by others (mode 640); put it right with: chmod 600 {0}", key.display());
    assert_eq!(error, expected);

    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(path.join("device.crt"), Permissions::from_mode(0o644)).unwrap();
    IdentityFolder::open(&path).expect("a certificate is no secret");
}

#[test]
fn an_identity_is_never_overwritten() {
    let (_root, path, identity) = written();
    let (other, _) = Identity::create("Mallory", "phone", NOW).unwrap();
    let again = IdentityFolder::create(&path, &NewIdentity { identity: &other, archive: None });
    assert!(matches!(again, Err(IdentityError::AlreadyThere(at)) if at == path));
    assert_same(&IdentityFolder::open(&path).unwrap().1, &identity);
    assert_eq!(names(path.parent().unwrap()), ["identity"], "a draft was left behind");

    let file = path.with_file_name("file");
    fs::write(&file, "something else").unwrap();
    let over_a_file = IdentityFolder::create(&file, &NewIdentity { identity: &other, archive: None });
    assert!(matches!(over_a_file, Err(IdentityError::AlreadyThere(_))));
}

#[test]
fn papers_are_renewed_and_the_key_stays() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("identity");
    let (mut identity, account_key) = Identity::create("Alice", "phone", NOW).unwrap();
    let sealed = archive::seal(&account_key, "secret").unwrap();
    let folder = IdentityFolder::create(&path, &NewIdentity { identity: &identity, archive: Some(&sealed) }).unwrap();

    let opened = archive::open(&folder.archive().unwrap().unwrap(), "secret").unwrap();
    let old_phone =
        Identity::add_device(&opened, identity.account_certificate.clone(), None, "old phone", NOW).unwrap();
    let revoked = [*old_phone.device_certificate.serial()].into();
    let crl = Crl::issue(&opened, &identity.account_certificate, 1, &revoked, NOW, NOW + 1).unwrap();
    identity.crl = Some(crl);
    folder.update(&identity).unwrap();
    folder.replace_archive(&sealed).unwrap();
    assert!(matches!(folder.replace_archive(&[0; 1000]), Err(IdentityError::TooLarge { .. })));
    assert_same(&IdentityFolder::open(&path).unwrap().1, &identity);
    assert_eq!(names(&path), ["account.archive", "account.crl", "account.crt", "device.crt", "device.key"]);

    assert!(matches!(folder.update(&old_phone), Err(IdentityError::Mismatch { what: "device key", .. })));
}

#[test]
fn parts_of_different_people_are_told_apart() {
    let (_root, path, _) = written();
    let (mallory, mallory_key) = Identity::create("Mallory", "phone", NOW).unwrap();
    let crl = Crl::issue(&mallory_key, &mallory.account_certificate, 1, &[].into(), NOW, NOW + 1).unwrap();
    let foreign = [
        ("account.crt", mallory.account_certificate.pem(), "device certificate"),
        ("device.crt", mallory.device_certificate.pem(), "device certificate"),
        ("account.crl", crl.pem(), "revocation list"),
    ];
    for (name, contents, blamed) in foreign {
        let file = path.join(name);
        let own = fs::read(&file).ok();
        fs::write(&file, contents).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        let opened = IdentityFolder::open(&path);
        assert!(matches!(opened, Err(IdentityError::Mismatch { what, .. }) if what == blamed), "{name}: {opened:?}");
        match own {
            Some(contents) => fs::write(&file, contents).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
    }
    IdentityFolder::open(&path).unwrap();
}

#[test]
fn missing_damaged_and_endless_files_are_errors_that_name_the_file() {
    let (_root, path, _) = written();
    for name in names(&path) {
        let file = path.join(&name);
        let own = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        assert_eq!(
            IdentityFolder::open(&path).unwrap_err().to_string(),
            format!("cannot read {}", file.display()),
            "missing"
        );
        fs::create_dir(&file).unwrap();
        assert!(matches!(IdentityFolder::open(&path), Err(IdentityError::Io { .. })), "a folder for {name}");
        fs::remove_dir(&file).unwrap();
        for contents in [&b""[..], b"\xff\xfe", &vec![b'A'; 100_000]] {
            fs::write(&file, contents).unwrap();
            fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
            assert!(IdentityFolder::open(&path).is_err(), "{name} of {} bytes was taken", contents.len());
        }
        fs::write(&file, own).unwrap();
    }
    IdentityFolder::open(&path).unwrap();
}
