//! A conversation written by real engines, our service on a port, and stock tools run without this machine's own settings.
#![allow(dead_code, reason = "every test file uses another part")]

use parv::{Account, Conversation, Engine, Mode, NewAccount, Options, VoteKind};
use parv_store::{Repository, ServeLimits, upload_pack};
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// Somebody with an engine that acts alone, and a conversation of theirs with a bit of everything in it.
pub struct Story {
    pub home: TempDir,
    pub engine: Engine,
    pub conversation: Conversation,
}

impl Story {
    /// Founds the conversation: texts, an invitation, a profile, a vote and a ban.
    pub async fn write() -> Self {
        let home = tempfile::tempdir().unwrap();
        let account =
            Account::create(home.path(), NewAccount { name: "Älice <\"x\">".into(), password: None }).unwrap();
        let engine = Engine::start(account, Options::default()).await.unwrap();
        let conversation = engine.create(Mode::InvitesOnly, None).await.unwrap();
        let stranger = parv_identity::AccountKey::from_seed([7; 32]).uri();
        conversation.send("hello \"swarm\"\nwith a second line, and bees \u{1f41d}").await.unwrap();
        conversation.invite(&stranger).await.unwrap();
        conversation.update_profile(b"BEGIN:VCARD\nVERSION:2.1\nFN:Bees\nEND:VCARD\n".to_vec()).await.unwrap();
        conversation.moderate(VoteKind::Ban, &stranger).await.unwrap();
        conversation.send("and on we go").await.unwrap();
        Self { home, engine, conversation }
    }

    /// The bare repository.
    pub fn repository(&self) -> PathBuf {
        self.engine.folder().join("conversations").join(self.conversation.id().to_string())
    }
}

/// Serves a repository as `git daemon` would, on a port of its own, for as long as the test runs.
pub fn serve(repository: &Path) -> String {
    let repository = Repository::open(repository).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("git://{}/conversation", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // The daemon's request line: its length in hex, then what is wanted of whom.
            let mut length = [0; 4];
            stream.read_exact(&mut length).unwrap();
            let length = usize::from_str_radix(std::str::from_utf8(&length).unwrap(), 16).unwrap();
            stream.read_exact(&mut vec![0; length - 4]).unwrap();
            upload_pack::serve(&repository, &stream, &stream, &ServeLimits::default()).unwrap();
        }
    });
    url
}

/// Runs a stock tool of the Debian package `package`. A test without its tool fails.
pub fn tool(package: &str, program: &str, folder: &Path, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("LC_ALL", "C.UTF-8")
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap_or_else(|error| {
            panic!("this test runs the real `{program}` ({error}): install it with `apt install {package}`")
        })
}

/// The same for git, which must be content; gives what it says.
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = tool("git", "git", folder, arguments);
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "git {arguments:?}: {}", said(&output.stderr));
    said(&output.stdout)
}
