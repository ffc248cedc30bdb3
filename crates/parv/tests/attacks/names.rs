//! Names that mean something to git, to a file system or to a reader of lists.

use crate::stage::*;
use parv::Rule;
use parv_proptests::text;

/// A text whose tree has such lines more, each by itself, is refused as a delivery.
async fn lines(lines: &[&[u8]], words: &'static str) {
    let mut stage = Stage::with_admins(1);
    let head = stage.head;
    let before = stage.tree(head);
    let mut attempts = Vec::new();
    for line in lines {
        let tree = stage.with_line(before, line, b"smuggled");
        attempts.push(failed(&[stage.forged(BOB, &[head], text("look"), tree)], words));
    }
    let control = stage.honest(BOB, &[head], text("look"));
    stage.assault(&[head], &attempts, &[control]).await;
}

const CHARACTERS: &str = "other characters than letters, digits";
const MEANING: &str = "a name means something to git or to the file system";
const MODES: &str = "neither a folder (40000) nor a regular file (100644)";

#[tokio::test(flavor = "multi_thread")]
async fn attack_name_with_a_newline() {
    lines(&[b"100644 a\nb", b"100644 members\n", b"100644 a\r\nb"], CHARACTERS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_name_with_a_pipe() {
    lines(&[b"100644 a | b", b"100644 profile.vcf | 2 ++"], CHARACTERS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_name_dot_dot() {
    lines(&[b"100644 ..", b"100644 ."], MEANING).await;
    lines(&[b"100644 ../evil", b"100644 members/../../evil", b"100644 ..\\evil"], CHARACTERS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_name_dot_git_in_disguise() {
    lines(&[b"100644 profile."], "a name ends with a dot").await;
    lines(&[b"100644 .git", b"100644 .GIT", b"100644 .gIt", b"100644 .git.", b"100644 .gitmodules"], MEANING).await;
    let disguised = [&b"100644 git~1"[..], b"100644 .git ", b"100644 .git::$INDEX_ALLOCATION", b"100644 .git\\config"];
    lines(&disguised, CHARACTERS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_name_that_differs_in_unicode_folding() {
    // An ignorable character in .git (HFS+), a ligature, a decomposed letter, a dotless i, and no UTF-8 at all.
    let names = [
        "100644 .g\u{200c}it".as_bytes(),
        "100644 pro\u{fb01}le.vcf".as_bytes(),
        "100644 me\u{301}mbers".as_bytes(),
        "100644 \u{131}nvited".as_bytes(),
        b"100644 \xff\xfe",
    ];
    lines(&names, CHARACTERS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_name_that_differs_in_case() {
    let mut stage = Stage::with_admins(1);
    let head = stage.head;
    let before = stage.tree(head);
    let mut attempts = Vec::new();
    let mut with = |name: &[u8]| {
        let tree = stage.with_line(before, name, b"smuggled");
        stage.forged(BOB, &[head], text("look"), tree)
    };
    for twin in [&b"100644 Members"[..], b"100644 Admins"] {
        attempts.push(failed(&[with(twin)], "a name stands there twice, as file systems see it"));
    }
    attempts.push(refused(&[with(b"100644 PROFILE.VCF")], Rule::Tree, "a file was added, removed or changed"));
    let control = stage.honest(BOB, &[head], text("look"));
    stage.assault(&[head], &attempts, &[control]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_symlink_as_profile() {
    lines(&[b"120000 profile.vcf"], MODES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_submodule_and_executable() {
    lines(&[b"160000 module", b"100755 profile.vcf", b"100664 profile.vcf", b"040000 folder"], MODES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_author_name_that_breaks_out_of_its_line() {
    let mut stage = Stage::with_admins(1);
    let head = stage.head;
    let control = stage.honest(BOB, &[head], text("hello"));
    let bytes = String::from_utf8(stage.world.objects.commit(&control).to_vec()).unwrap();
    let name = stage.world.people[BOB].name.clone();
    let parent = stage.raw(bytes.replace(&name, "Ann\nparent 1234").into_bytes());
    let mut attempts = vec![failed(&[parent], "a parent is no object id")];
    for other in ["Ann <ann", "Ann> 0 +0000\nauthor Ann", "Ann\u{1b}[31m", " Ann ", ""] {
        let attack = stage.raw(bytes.replace(&name, other).into_bytes());
        attempts.push(refused(&[attack], Rule::Structure, "headers"));
    }
    stage.assault(&[head], &attempts, &[control]).await;
}
