//! Stock ssh-keygen verifies the signature of a commit by itself.

mod support;

use std::fs;
use std::process::{Command, Stdio};
use support::{Story, git};

#[tokio::test(flavor = "multi_thread")]
async fn ssh_keygen_verifies_a_commit() {
    let story = Story::write().await;
    let folder = tempfile::tempdir().unwrap();
    let commit = git(&story.repository(), &["cat-file", "commit", "HEAD"]);
    let (commit, armour) = parv_model::Commit::decode(commit.as_bytes()).unwrap();
    let signature = folder.path().join("commit.sig");
    fs::write(&signature, format!("{armour}\n")).unwrap();
    let signers = folder.path().join("signers");
    fs::write(&signers, parv::audit::allowed_signers(&story.repository()).unwrap()).unwrap();
    let device = story.engine.device_id().to_string();
    let verify = |payload: &[u8], who: &str| {
        let file = folder.path().join("payload");
        fs::write(&file, payload).unwrap();
        Command::new("ssh-keygen")
            .args(["-Y", "verify", "-n", "git", "-I", who, "-f"])
            .arg(&signers)
            .arg("-s")
            .arg(&signature)
            .stdin(fs::File::open(&file).unwrap())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("this test runs the real `ssh-keygen`: install it with `apt install openssh-client`")
            .success()
    };
    assert!(verify(&commit.payload(), &device));
    assert!(!verify(&[&commit.payload()[..], b" "].concat(), &device), "other bytes");
    assert!(!verify(&commit.payload(), &"0".repeat(64)), "another device");
}
