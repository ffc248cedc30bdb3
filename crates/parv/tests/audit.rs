//! Judging repositories that lie anywhere, made by us and by stock git.

mod common;

use common::*;
use parv::audit::{self, AuditError};
use parv::{ConversationId, Engine, Mode, Options, Role, Rule, VoteKind};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs stock git, away from anybody's settings.
fn git(folder: &Path, args: &[&str]) -> String {
    git_with(folder, args, b"")
}

fn git_with(folder: &Path, args: &[&str], input: &[u8]) -> String {
    let mut git = Command::new("git");
    git.args(args).current_dir(folder).env_clear().env("PATH", std::env::var("PATH").unwrap());
    git.env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{who}_NAME"), "Mallory").env(format!("GIT_{who}_EMAIL"), "mallory");
    }
    let child = git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("these tests need git (Debian package git)");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

struct Written {
    home: tempfile::TempDir,
    engine: Engine,
    id: ConversationId,
}

impl Written {
    fn repository(&self) -> PathBuf {
        self.engine.folder().join("conversations").join(self.id.to_string())
    }
}

/// One person alone, with a conversation in which something happened.
async fn written() -> Written {
    let home = tempfile::tempdir().unwrap();
    let engine = Engine::start(account(home.path(), "Ann"), Options::default()).await.unwrap();
    let conversation = engine.create(Mode::InvitesOnly, None).await.unwrap();
    let guest = account(home.path(), "Bob").uri();
    conversation.send("one").await.unwrap();
    conversation.invite(&guest).await.unwrap();
    conversation.moderate(VoteKind::Ban, &guest).await.unwrap();
    conversation.send("two").await.unwrap();
    Written { home, id: conversation.id(), engine }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_a_good_conversation_is_valid() {
    let written = written().await;
    let ours = written.repository();
    let folder = written.home.path();
    let source = ours.to_str().unwrap();
    git(folder, &["clone", "--quiet", source, "clone"]);
    git(folder, &["clone", "--quiet", "--bare", source, "bare"]);
    git(&folder.join("bare"), &["gc", "--quiet"]);
    git(&ours, &["bundle", "create", "--quiet", folder.join("all.bundle").to_str().unwrap(), "--all"]);
    let expected = audit::verify(&ours).unwrap();
    assert!(expected.verdict_valid, "{expected:?}");
    assert_eq!((expected.mode, expected.commits), (Some(Mode::InvitesOnly), 6));
    assert_eq!(expected.members.len(), 2);
    assert!(expected.members.contains(&(written.engine.uri(), Role::Admin)));
    let conversation = written.engine.conversation(&written.id).unwrap();
    assert_eq!((expected.heads.clone(), expected.tree), (conversation.heads(), Some(conversation.tree())));
    for form in ["clone", "clone/.git", "bare", "all.bundle"] {
        assert_eq!(audit::verify(&folder.join(form)).unwrap(), expected, "{form}");
        let signers = audit::allowed_signers(&folder.join(form)).unwrap();
        assert_eq!(signers.lines().count(), 1);
        assert!(signers.starts_with(&written.engine.device_id().to_string()));
        std::fs::write(folder.join("signers"), signers).unwrap();
    }
    // And with that, stock git believes every signature.
    let file = format!("gpg.ssh.allowedSignersFile={}", folder.join("signers").display());
    let good = git(&folder.join("clone"), &["-c", "gpg.format=ssh", "-c", &file, "log", "--format=%G?"]);
    assert!(good.lines().count() == 6 && good.lines().all(|line| line == "G"), "{good}");
    assert_eq!(git(&folder.join("bare"), &["fsck", "--strict"]), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_commit_on_any_ref_is_refused() {
    let written = written().await;
    let folder = written.home.path();
    let source = written.repository();
    let head = written.engine.conversation(&written.id).unwrap().heads()[0];
    let text = r#"{"body":"hi","type":"text/plain"}"#;
    let tree = format!("{head}^{{tree}}");
    let names = ["refs/heads/other", "refs/remotes/origin/x", "refs/tags/v1", "refs/anything/else"];
    for (index, name) in names.iter().enumerate() {
        let copy = folder.join(format!("copy{index}"));
        git(folder, &["clone", "--quiet", "--mirror", source.to_str().unwrap(), copy.to_str().unwrap()]);
        let unsigned = git(&copy, &["commit-tree", &tree, "-p", &head.to_string(), "-m", text]);
        git(&copy, &["update-ref", name, &unsigned]);
        git(&copy, &["pack-refs", "--all"]);
        let report = audit::verify(&copy).unwrap();
        let refused = report.refused.unwrap();
        assert!(!report.verdict_valid && report.tree.is_none());
        assert_eq!(refused.commit.to_string(), unsigned, "{name}");
        assert!(matches!(refused.rule, Rule::Structure | Rule::Signature), "{refused}");
        assert_eq!((report.mode, report.commits), (Some(Mode::InvitesOnly), 6));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_changed_on_the_disk_is_found() {
    let written = written().await;
    let source = written.repository();
    let root = written.id.to_string();
    let certificate = git(&source, &["rev-parse", &format!("{root}:admins/{}.crt", written.engine.uri())]);
    let head = written.engine.conversation(&written.id).unwrap().heads()[0].to_string();
    let parent = git(&source, &["rev-parse", &format!("{head}~1")]);
    written.engine.shutdown().await;
    let loose = |id: &str| source.join("objects").join(&id[..2]).join(&id[2..]);
    for (id, blamed) in [(&certificate, &root), (&parent, &parent)] {
        let kept = std::fs::read(loose(id)).unwrap();
        std::fs::remove_file(loose(id)).unwrap();
        let refused = audit::verify(&source).unwrap().refused.unwrap();
        assert_eq!((&refused.commit.to_string(), refused.rule), (blamed, Rule::Completeness), "{refused}");
        // Another object's bytes under this name.
        std::fs::copy(loose(&head), loose(id)).unwrap();
        assert!(!audit::verify(&source).unwrap().verdict_valid);
        std::fs::remove_file(loose(id)).unwrap();
        std::fs::write(loose(id), b"nonsense").unwrap();
        assert!(!audit::verify(&source).unwrap().verdict_valid);
        std::fs::remove_file(loose(id)).unwrap();
        std::fs::write(loose(id), kept).unwrap();
        assert!(audit::verify(&source).unwrap().verdict_valid);
    }
    git(written.home.path(), &["clone", "--quiet", "--depth", "1", &format!("file://{}", source.display()), "shallow"]);
    let refused = audit::verify(&written.home.path().join("shallow")).unwrap().refused.unwrap();
    assert_eq!(refused.rule, Rule::Completeness);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_root_is_refused() {
    let written = written().await;
    let other = written.engine.create(Mode::Public, None).await.unwrap().id();
    let mixed = written.home.path().join("mixed");
    git(written.home.path(), &["clone", "--quiet", "--mirror", written.repository().to_str().unwrap(), "mixed"]);
    let second = written.engine.folder().join("conversations").join(other.to_string());
    git(&mixed, &["fetch", "--quiet", second.to_str().unwrap(), "refs/heads/main:refs/heads/zzz"]);
    let refused = audit::verify(&mixed).unwrap().refused.unwrap();
    assert_eq!(refused.rule, Rule::Root);
    assert!([other, written.id].map(|id| id.root()).contains(&refused.commit));
}

#[test]
fn what_is_no_conversation_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let none = |path: &Path| matches!(audit::verify(path), Err(AuditError::NoConversation { .. }));
    let unreadable = |path: &Path| matches!(audit::verify(path), Err(AuditError::Unreadable { .. }));
    assert!(unreadable(folder.path()));
    assert!(unreadable(&folder.path().join("nowhere")));
    let file = folder.path().join("file");
    for nonsense in
        [&b""[..], b"nonsense", b"# v2 git bundle\n", b"# v2 git bundle\n\nPACK", b"# v3 git bundle\n@filter=x\n\n"]
    {
        std::fs::write(&file, nonsense).unwrap();
        assert!(unreadable(&file), "{nonsense:?}");
    }
    git(folder.path(), &["init", "--quiet", "empty"]);
    assert!(none(&folder.path().join("empty")));
    let plain = folder.path().join("plain");
    git(folder.path(), &["init", "--quiet", "plain"]);
    git(&plain, &["commit", "--quiet", "--allow-empty", "-m", "hello"]);
    assert!(none(&plain));
    assert!(matches!(audit::allowed_signers(&plain), Err(AuditError::NoConversation { .. })));
    // Says that it begins one, but is not signed: that is judged.
    git(&plain, &["commit", "--quiet", "--amend", "--allow-empty", "-m", r#"{"mode":3,"type":"initial"}"#]);
    git(&plain, &["update-ref", "-d", "ORIG_HEAD"]);
    let report = audit::verify(&plain).unwrap();
    assert_eq!((report.verdict_valid, report.mode, report.commits), (false, None, 0));
}
