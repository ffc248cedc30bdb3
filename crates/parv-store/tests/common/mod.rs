//! What the tests of this crate share: repositories with some history, services on sockets, stock git.
#![allow(dead_code)] // each test file uses its own part

use parv_model::object::{blob_id, commit_id, tree_id};
use parv_model::{BlobId, CommitId, TreeId};
use parv_store::{FetchError, FetchLimits, NewCommit, Quarantine, Repository, ServeLimits, fetch, upload_pack};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

pub fn temp() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

pub fn repository(folder: &tempfile::TempDir, name: &str) -> Repository {
    Repository::init(folder.path().join(name)).unwrap()
}

/// A tree of files.
pub fn tree(files: &[(&str, BlobId)]) -> Vec<u8> {
    files.iter().flat_map(|(name, id)| [b"100644 ", name.as_bytes(), b"\0", &id.as_bytes()[..]].concat()).collect()
}

/// A folder in a tree.
pub fn folder(name: &str, id: TreeId) -> Vec<u8> {
    [b"40000 ", name.as_bytes(), b"\0", &id.as_bytes()[..]].concat()
}

pub fn commit(tree: TreeId, parents: &[CommitId], time: i64, message: &str) -> Vec<u8> {
    let parents: String = parents.iter().map(|parent| format!("parent {parent}\n")).collect();
    let who = format!("Alice <alice@example.org> {time} +0000");
    format!("tree {tree}\n{parents}author {who}\ncommitter {who}\n\n{message}\n").into_bytes()
}

/// Where a test's history begins, in seconds since 1970.
pub const START: i64 = 1_700_000_000;

/// A conversation in the making.
pub struct Writer {
    pub repository: Repository,
    pub tree: TreeId,
    pub time: i64,
}

impl Writer {
    /// Begins a conversation with two files, one of them in a folder.
    pub fn begin(repository: Repository) -> Self {
        let (profile, member) = (b"a profile".to_vec(), b"a certificate".to_vec());
        let members = tree(&[("alice.crt", blob_id(&member).unwrap())]);
        let mut root = folder("members", tree_id(&members).unwrap());
        root.extend(tree(&[("profile.vcf", blob_id(&profile).unwrap())]));
        let mut this = Self { repository, tree: tree_id(&root).unwrap(), time: START };
        let bytes = commit(this.tree, &[], this.time, "begin");
        let new = NewCommit { blobs: &[profile, member], trees: &[members, root], commit: &bytes };
        let id = this.repository.append(&new).unwrap();
        this.repository.set_heads(&[], &[id]).unwrap();
        this.time += 1;
        this
    }

    /// Stores a message on these parents, and leaves the heads alone.
    pub fn store(&mut self, parents: &[CommitId], text: &str) -> CommitId {
        self.time += 1;
        let bytes = commit(self.tree, parents, self.time, text);
        self.repository.append(&NewCommit { blobs: &[], trees: &[], commit: &bytes }).unwrap()
    }

    /// Writes a message on top of all heads.
    pub fn write(&mut self, text: &str) -> CommitId {
        let heads = self.repository.heads().unwrap();
        self.time += 1;
        let bytes = commit(self.tree, &heads, self.time, text);
        let id = commit_id(&bytes).unwrap();
        self.repository.write(&[NewCommit { blobs: &[], trees: &[], commit: &bytes }], &heads, &[id]).unwrap();
        id
    }

    /// Writes messages on top of all heads and of each other, at once.
    pub fn write_at_once(&mut self, count: usize) -> Vec<CommitId> {
        let heads = self.repository.heads().unwrap();
        let (mut parents, mut commits, mut ids) = (heads.clone(), Vec::new(), Vec::new());
        for number in 0..count {
            self.time += 1;
            let bytes = commit(self.tree, &parents, self.time, &format!("one of many: {number}"));
            parents = vec![commit_id(&bytes).unwrap()];
            ids.extend(&parents);
            commits.push(bytes);
        }
        let new: Vec<_> = commits.iter().map(|commit| NewCommit { blobs: &[], trees: &[], commit }).collect();
        self.repository.write(&new, &heads, &parents).unwrap();
        ids
    }

    /// Writes a change of the profile on top of all heads.
    pub fn change_profile(&mut self, profile: &str) -> CommitId {
        let (profile, member) = (profile.as_bytes().to_vec(), b"a certificate".to_vec());
        let members = tree(&[("alice.crt", blob_id(&member).unwrap())]);
        let mut root = folder("members", tree_id(&members).unwrap());
        root.extend(tree(&[("profile.vcf", blob_id(&profile).unwrap())]));
        self.tree = tree_id(&root).unwrap();
        self.time += 1;
        let heads = self.repository.heads().unwrap();
        let bytes = commit(self.tree, &heads, self.time, "profile");
        let id = self.repository.append(&NewCommit { blobs: &[profile], trees: &[root], commit: &bytes }).unwrap();
        self.repository.set_heads(&heads, &[id]).unwrap();
        id
    }
}

/// A conversation's writer that goes on where another one stopped.
pub fn resume(path: &Path, time: i64) -> Writer {
    let repository = Repository::open(path).unwrap();
    let head = repository.heads().unwrap()[0];
    let tree = tree_of(&repository.commit(&head).unwrap().unwrap());
    Writer { repository, tree, time }
}

/// What a commit's tree is.
pub fn tree_of(commit: &[u8]) -> TreeId {
    let first = std::str::from_utf8(commit).unwrap().lines().next().unwrap();
    first.strip_prefix("tree ").unwrap().parse().unwrap()
}

/// The ids that a child printed.
pub fn ids(printed: &[u8]) -> Vec<CommitId> {
    let printed = String::from_utf8_lossy(printed).into_owned();
    printed.lines().filter_map(|line| line.strip_prefix("sent ")?.parse().ok()).collect()
}

/// Asserts that commits are part of a conversation that is whole.
#[track_caller]
pub fn whole(path: &Path, ids: &[CommitId]) {
    let repository = Repository::open(path).unwrap();
    for id in ids {
        assert!(repository.has(id).unwrap(), "{id} is lost");
    }
    assert_eq!(git(path, &["fsck", "--strict", "--full", "--no-dangling"]), "");
}

/// Makes a long history with stock git, quickly: `count` commits in one line.
pub fn import(path: &Path, count: usize) {
    let mut stream = String::new();
    for number in 0..count {
        let time = START + number as i64;
        let text = format!("message {number} with some text that is as long as people write");
        stream += &format!("commit refs/heads/main\ncommitter Alice <alice@example.org> {time} +0000\n");
        stream += &format!("data {}\n{text}\n", text.len());
        if number == 0 {
            stream += "M 100644 inline profile.vcf\ndata 9\na profile\n";
        }
    }
    let mut child = Command::new("git")
        .args(["fast-import", "--quiet", "--force"])
        .current_dir(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Runs stock git, which must succeed, and gives what it says.
pub fn git(folder: &Path, args: &[&str]) -> String {
    let output = try_git(folder, args);
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub fn try_git(folder: &Path, args: &[&str]) -> Output {
    Command::new("git")
        .args(["-c", "user.name=Alice", "-c", "user.email=alice@example.org", "-c", "protocol.version=2"])
        .args(args)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .unwrap()
}

/// Serves a repository on a port of its own as `git daemon` would, for as long as the test runs.
pub fn daemon(repository: &Repository) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let repository = repository.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            stream.set_nodelay(true).unwrap();
            let mut length = [0; 4];
            stream.read_exact(&mut length).unwrap();
            let length = usize::from_str_radix(std::str::from_utf8(&length).unwrap(), 16).unwrap();
            let mut request = vec![0; length - 4];
            stream.read_exact(&mut request).unwrap();
            assert!(request.starts_with(b"git-upload-pack /") && request.ends_with(b"\0version=2\0"));
            let _ = upload_pack::serve(&repository, &stream, &stream, &ServeLimits::default());
        }
    });
    format!("git://{address}/conversation")
}

/// Fetches from a service of ours over a pair of sockets.
pub fn fetch_from(ours: &Repository, theirs: &Repository) -> Result<Option<Quarantine>, FetchError> {
    let (here, there) = UnixStream::pair().unwrap();
    let theirs = theirs.clone();
    let service = std::thread::spawn(move || upload_pack::serve(&theirs, &there, &there, &ServeLimits::default()));
    let fetched = fetch(ours, &here, &here, &FetchLimits::default());
    drop(here);
    let served = service.join().unwrap();
    if fetched.is_ok() {
        served.unwrap();
    }
    fetched
}

/// Takes over the heads of another who is ahead, without judging what they bring.
pub fn pull(ours: &Repository, theirs: &Repository) {
    if let Some(quarantine) = fetch_from(ours, theirs).unwrap() {
        let heads = quarantine.heads().to_vec();
        quarantine.migrate(&ours.heads().unwrap(), &heads).unwrap();
    }
}

/// Fetches from stock `git upload-pack`.
pub fn fetch_from_stock(ours: &Repository, theirs: &Path) -> Result<Option<Quarantine>, FetchError> {
    let mut child = Command::new("git")
        .arg("upload-pack")
        .arg(theirs)
        .env("GIT_PROTOCOL", "version=2")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let fetched = fetch(ours, child.stdout.take().unwrap(), child.stdin.take().unwrap(), &FetchLimits::default());
    child.wait().unwrap();
    fetched
}

/// Sends what a hostile device would, whatever is asked.
pub fn fetch_from_script(
    ours: &Repository,
    script: Vec<u8>,
    limits: &FetchLimits,
) -> Result<Option<Quarantine>, FetchError> {
    fetch(ours, &script[..], std::io::sink(), limits)
}

/// A packet.
pub fn packet(data: &[u8]) -> Vec<u8> {
    [format!("{:04x}", data.len() + 4).as_bytes(), data].concat()
}

/// What a device says before its pack: it can fetch, and has these heads.
pub fn preamble(heads: &[(CommitId, &str)]) -> Vec<u8> {
    let mut script = Vec::new();
    for line in ["version 2\n", "ls-refs\n", "fetch\n"] {
        script.extend(packet(line.as_bytes()));
    }
    script.extend(b"0000");
    for (id, name) in heads {
        script.extend(packet(format!("{id} {name}\n").as_bytes()));
    }
    script.extend(b"0000");
    script.extend(packet(b"packfile\n"));
    script
}

/// A whole delivery: one head, one pack.
pub fn delivery(head: CommitId, pack: &[u8]) -> Vec<u8> {
    let mut script = preamble(&[(head, "refs/heads/main")]);
    for chunk in pack.chunks(60_000) {
        script.extend(packet(&[&[1], chunk].concat()));
    }
    script.extend(b"0000");
    script
}

/// Every file below a folder, with the hash of its contents.
pub fn listing(folder: &Path) -> BTreeMap<PathBuf, BlobId> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let hash = blob_id(&std::fs::read(&path).unwrap()).unwrap();
                files.insert(path, hash);
            }
        }
    }
    files
}

/// A pack of whole objects, made by hand: kind (1 commit, 2 tree, 3 file, 4 tag) and contents.
pub fn pack(objects: &[(u8, &[u8])]) -> Vec<u8> {
    let entries: Vec<_> = objects.iter().map(|(kind, bytes)| entry(*kind, bytes.len() as u64, b"", bytes)).collect();
    seal(objects.len() as u32, &entries.concat())
}

/// An entry of a pack, with whatever stands between its size and its contents.
pub fn entry(kind: u8, size: u64, base: &[u8], contents: &[u8]) -> Vec<u8> {
    let mut rest = size >> 4;
    let mut bytes = vec![kind << 4 | (size & 15) as u8 | if rest > 0 { 0x80 } else { 0 }];
    while rest > 0 {
        bytes.push((rest & 0x7f) as u8 | if rest > 0x7f { 0x80 } else { 0 });
        rest >>= 7;
    }
    bytes.extend_from_slice(base);
    let mut deflate = gix::zlib::stream::deflate::Write::new(bytes, gix::zlib::Compression::DEFAULT);
    deflate.write_all(contents).unwrap();
    deflate.flush().unwrap();
    deflate.into_inner()
}

/// Puts a header and the right hash around entries.
pub fn seal(count: u32, entries: &[u8]) -> Vec<u8> {
    let mut pack = [b"PACK\0\0\0\x02", &count.to_be_bytes()[..], entries].concat();
    let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
    hasher.update(&pack);
    pack.extend_from_slice(hasher.try_finalize().unwrap().as_slice());
    pack
}

pub fn id_of_commit(bytes: &[u8]) -> CommitId {
    commit_id(bytes).unwrap()
}

/// A stream on which nothing comes, and which gives up soon.
pub fn silent() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let there = listener.accept().unwrap().0;
    here.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    (here, there)
}
