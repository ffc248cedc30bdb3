//! Stock openssl takes the certificates in a conversation's tree for what they are.

mod support;

use support::{Story, git, tool};

#[tokio::test(flavor = "multi_thread")]
async fn the_tree_holds_a_chain_that_openssl_accepts() {
    let story = Story::write().await;
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["clone", "--quiet", story.repository().to_str().unwrap(), "clone"]);
    let clone = folder.path().join("clone");
    let account = format!("admins/{}.crt", story.engine.uri());
    let device = format!("devices/{}.crt", story.engine.device_id());
    let verify = |chain: &str, certificate: &str| {
        let output = tool("openssl", "openssl", &clone, &["verify", "-x509_strict", "-CAfile", chain, certificate]);
        output.status.success()
    };
    assert!(verify(&account, &device));
    assert!(verify(&account, &account), "the account certificate is signed by itself");
    assert!(!verify(&device, &account));

    let text = tool("openssl", "openssl", &clone, &["x509", "-in", &device, "-noout", "-subject", "-issuer"]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains(&story.engine.device_id().to_string()), "{text}");
    assert!(text.contains(&story.engine.uri().to_string()), "{text}");
}
