//! Stock `ssh-keygen` and `git` make the signatures we take and take the ones we make.

#![cfg(unix)]

mod common;

use common::{run, succeed};
use parv_identity::DeviceKey;
use parv_identity::sshsig::{self, SshsigError, allowed_signers_line, openssh_private_key, public_key_line};
use parv_model::{Commit, DisplayName};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tempfile::TempDir;

const PAYLOAD: &[u8] = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n\nhello\n";

fn ssh_keygen(args: &[&str]) -> String {
    succeed("openssh-client", "ssh-keygen", args, b"")
}

fn put(folder: &TempDir, name: &str, contents: &[u8]) -> String {
    let path: PathBuf = folder.path().join(name);
    fs::write(&path, contents).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// What `ssh-keygen -Y sign` makes of [`PAYLOAD`], without the newline at its end.
fn sign_by_ssh_keygen(folder: &TempDir, key: &str, options: &[&str]) -> String {
    let payload = put(folder, "payload", PAYLOAD);
    ssh_keygen(&[&["-q", "-Y", "sign", "-f", key][..], options, &[&payload]].concat());
    let armour = fs::read_to_string(format!("{payload}.sig")).unwrap();
    fs::remove_file(format!("{payload}.sig")).unwrap();
    armour.strip_suffix('\n').unwrap().to_owned()
}

#[test]
fn ssh_keygen_and_we_sign_alike() {
    let folder = tempfile::tempdir().unwrap();
    let key = DeviceKey::generate().unwrap();
    let file = put(&folder, "key", openssh_private_key(&key).as_bytes());
    assert_eq!(ssh_keygen(&["-y", "-f", &file]).trim_end(), public_key_line(&key.device_id()));
    assert_eq!(sign_by_ssh_keygen(&folder, &file, &["-n", "git"]), sshsig::sign(&key, PAYLOAD));
}

#[test]
fn a_signature_of_ssh_keygens_own_key_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("id").to_str().unwrap().to_owned();
    ssh_keygen(&["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", &file]);
    let signature = sshsig::decode(&sign_by_ssh_keygen(&folder, &file, &["-n", "git"])).unwrap();
    assert_eq!(fs::read_to_string(format!("{file}.pub")).unwrap().trim_end(), public_key_line(&signature.device));
    assert_eq!(signature.verify(PAYLOAD), Ok(()));
    assert_eq!(signature.verify(b"something else"), Err(SshsigError::Bad(signature.device)));
}

#[test]
fn signatures_for_other_uses_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let key = DeviceKey::generate().unwrap();
    let file = put(&folder, "key", openssh_private_key(&key).as_bytes());
    let decode = |file: &str, options: &[&str]| sshsig::decode(&sign_by_ssh_keygen(&folder, file, options));
    assert_eq!(decode(&file, &["-n", "file"]), Err(SshsigError::Namespace("file".to_owned())));
    assert_eq!(decode(&file, &["-n", "git", "-O", "hashalg=sha256"]), Err(SshsigError::Hash("sha256".to_owned())));
    let other = folder.path().join("ecdsa").to_str().unwrap().to_owned();
    ssh_keygen(&["-q", "-t", "ecdsa", "-N", "", "-f", &other]);
    assert_eq!(decode(&other, &["-n", "git"]), Err(SshsigError::KeyType("ecdsa-sha2-nistp256".to_owned())));
}

#[test]
fn ssh_keygen_verifies_ours() {
    let folder = tempfile::tempdir().unwrap();
    let (key, other) = (DeviceKey::generate().unwrap(), DeviceKey::generate().unwrap());
    let device = key.device_id().to_string();
    let signers = put(&folder, "signers", allowed_signers_line(&key.device_id()).as_bytes());
    let verify = |signer: &DeviceKey, payload: &[u8]| {
        let signature = put(&folder, "signature", sshsig::sign(signer, PAYLOAD).as_bytes());
        let args = ["-Y", "verify", "-f", &signers, "-I", &device, "-n", "git", "-s", &signature];
        run("openssh-client", "ssh-keygen", args, payload).success
    };
    assert!(verify(&key, PAYLOAD));
    assert!(!verify(&key, b"something else"));
    assert!(!verify(&other, PAYLOAD));
}

#[test]
fn git_verifies_a_commit_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let repository = folder.path().to_str().unwrap().to_owned();
    let git = |args: &[&str], input: &[u8]| {
        succeed("git", "git", [&["-C", &repository][..], args].concat(), input).trim_end().to_owned()
    };
    git(&["init", "-q"], b"");
    let key = DeviceKey::generate().unwrap();
    let commit = Commit {
        tree: git(&["hash-object", "-w", "-t", "tree", "--stdin"], b"").parse().unwrap(),
        parents: Vec::new(),
        author: DisplayName::sanitise("Alice"),
        device: key.device_id(),
        time: 1_750_000_000,
        message: br#"{"type":"text/plain","body":"hello"}"#.to_vec(),
    };
    let bytes = commit.encode(&sshsig::sign(&key, &commit.payload()));
    let (read, armour) = Commit::decode(&bytes).unwrap();
    assert_eq!(sshsig::decode(&armour).unwrap().verify(&read.payload()), Ok(()));

    let id = git(&["hash-object", "-w", "-t", "commit", "--stdin"], &bytes);
    let signers = put(&folder, "signers", allowed_signers_line(&key.device_id()).as_bytes());
    let said = git(&["-c", &format!("gpg.ssh.allowedSignersFile={signers}"), "verify-commit", &id], b"");
    assert!(said.contains(&format!("Good \"git\" signature for {}", key.device_id())), "{said}");
}
