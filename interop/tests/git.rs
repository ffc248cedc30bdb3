//! Stock git clones, fetches, checks and verifies a conversation (acceptance 2).

mod support;

use std::path::Path;
use support::{Story, git, serve, tool};

/// Configures a clone to know the signers, and verifies every commit one by one.
fn verify_every_commit(clone: &Path) -> usize {
    let signers = clone.join("signers");
    std::fs::write(&signers, parv::audit::allowed_signers(clone).unwrap()).unwrap();
    git(clone, &["config", "gpg.format", "ssh"]);
    git(clone, &["config", "gpg.ssh.allowedSignersFile", signers.to_str().unwrap()]);
    let commits = git(clone, &["rev-list", "--all"]);
    for commit in commits.lines() {
        git(clone, &["verify-commit", commit]);
    }
    commits.lines().count()
}

#[tokio::test(flavor = "multi_thread")]
async fn clone_from_the_folder_and_from_our_service_then_fetch_what_is_new() {
    let story = Story::write().await;
    let url = serve(&story.repository());
    let folder = tempfile::tempdir().unwrap();
    for (source, name) in [(story.repository().to_str().unwrap(), "from-folder"), (&*url, "from-service")] {
        git(folder.path(), &["clone", "--quiet", source, name]);
        let clone = folder.path().join(name);
        assert_eq!(git(&clone, &["fsck", "--strict", "--full"]), "");
        assert_eq!(verify_every_commit(&clone), 7, "initial, two texts, add, profile, vote and ban");
    }

    let clone = folder.path().join("from-service");
    let said = story.conversation.send("something new").await.unwrap();
    git(&clone, &["fetch", "--quiet"]);
    assert_eq!(git(&clone, &["rev-parse", "origin/main"]).trim(), said.to_string());
    assert_eq!(git(&clone, &["fsck", "--strict"]), "");
    assert_eq!(verify_every_commit(&clone), 8);
    git(&clone, &["fetch", "--quiet"]);
    assert!(parv::audit::verify(&clone).unwrap().verdict_valid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_commit_is_not_verified() {
    let story = Story::write().await;
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["clone", "--quiet", story.repository().to_str().unwrap(), "clone"]);
    let clone = folder.path().join("clone");
    verify_every_commit(&clone);
    let bytes = git(&clone, &["cat-file", "commit", "HEAD"]).replace("and on we go", "and on we GO");
    std::fs::write(clone.join("forged"), bytes).unwrap();
    let forged = git(&clone, &["hash-object", "-t", "commit", "-w", "forged"]);
    assert!(!tool("git", "git", &clone, &["verify-commit", forged.trim()]).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stock_git_cannot_have_is_refused_in_its_own_words() {
    let story = Story::write().await;
    let url = serve(&story.repository());
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "--quiet", "empty"]);
    let unknown = "1234567890123456789012345678901234567890";
    let output = tool("git", "git", &folder.path().join("empty"), &["fetch", &url, unknown]);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && words.contains("not our ref"), "{words}");
}
