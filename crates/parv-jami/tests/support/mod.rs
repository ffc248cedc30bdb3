//! Histories of Jami, written by people whose keys lie in `tests/keys`, and judged as they grow.

#![allow(dead_code, reason = "every test file uses its own part of this")]

use base64::Engine;
use parv_jami::certificate::{AccountCertificate, DeviceCertificate};
use parv_jami::id::{Account, Device};
use parv_jami::lenience::Warning;
use parv_jami::source::{Entry, EntryKind, Objects, SourceError};
use parv_jami::{CheckedCommit, JamiRules, Keyring, Replica, State};
use parv_model::{BlobId, CommitId, Refusal, Rule, TreeId, object};
use parv_validator::tree;
use rsa::pkcs8::DecodePrivateKey;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use sha2::{Digest, Sha512};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The files of a tree.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A file of `tests/keys`.
pub fn key_file(name: &str) -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/").to_owned() + name;
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Somebody at one of their devices.
pub struct Author {
    pub account: Account,
    pub device: Device,
    pub account_file: Vec<u8>,
    pub device_file: Vec<u8>,
    pub name: &'static str,
    key: RsaPrivateKey,
}

impl Author {
    pub fn new(name: &'static str, number: u8) -> Self {
        let account_file = key_file(&format!("{name}.account.crt"));
        let device_file = key_file(&format!("{name}.{number}.crt"));
        let key = pem::parse(key_file(&format!("{name}.{number}.key"))).unwrap();
        Self {
            account: AccountCertificate::from_pem(&account_file).unwrap().account,
            device: DeviceCertificate::from_pem(&device_file).unwrap().device,
            key: RsaPrivateKey::from_pkcs8_der(key.contents()).unwrap(),
            account_file,
            device_file,
            name,
        }
    }

    pub fn member(&self) -> String {
        format!("members/{}.crt", self.account)
    }

    pub fn admin(&self) -> String {
        format!("admins/{}.crt", self.account)
    }

    pub fn invited(&self) -> String {
        format!("invited/{}", self.account)
    }

    pub fn device_path(&self) -> String {
        format!("devices/{}.crt", self.device)
    }

    fn sign(&self, payload: &str) -> String {
        let signature = self.key.sign(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(payload)).unwrap();
        base64::engine::general_purpose::STANDARD.encode(signature)
    }
}

/// How a commit is signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    Well,
    Not,
}

/// Trees and files in memory.
#[derive(Default)]
pub struct Memory {
    trees: HashMap<TreeId, Vec<Entry>>,
    blobs: HashMap<BlobId, Vec<u8>>,
}

impl Memory {
    fn put(&mut self, files: &Files) -> TreeId {
        let mut ids = BTreeMap::new();
        for (path, bytes) in files {
            let id = object::blob_id(bytes).unwrap();
            self.blobs.insert(id, bytes.clone());
            ids.insert(path.clone(), id);
        }
        let rendered = tree::render(&ids);
        for bytes in rendered.trees {
            self.trees.insert(object::tree_id(&bytes).unwrap(), entries(&bytes));
        }
        rendered.id
    }
}

fn entries(mut bytes: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let space = bytes.iter().position(|&byte| byte == b' ').unwrap();
        let end = bytes.iter().position(|&byte| byte == 0).unwrap();
        let id: [u8; 20] = bytes[end + 1..end + 21].try_into().unwrap();
        let kind = match &bytes[..space] {
            b"40000" => EntryKind::Folder(TreeId::from_bytes(id)),
            _ => EntryKind::File(BlobId::from_bytes(id)),
        };
        entries.push(Entry { name: String::from_utf8(bytes[space + 1..end].to_vec()).unwrap(), kind });
        bytes = &bytes[end + 21..];
    }
    entries
}

impl Objects for Memory {
    fn tree(&self, id: &TreeId) -> Result<Vec<Entry>, SourceError> {
        self.trees.get(id).cloned().ok_or_else(|| SourceError::Missing(id.to_string()))
    }

    fn blob(&self, id: &BlobId, limit: usize) -> Result<Vec<u8>, SourceError> {
        let bytes = self.blobs.get(id).ok_or_else(|| SourceError::Missing(id.to_string()))?;
        match bytes.len() > limit {
            true => Err(SourceError::TooLarge { id: id.to_string(), size: bytes.len() as u64, limit }),
            false => Ok(bytes.clone()),
        }
    }
}

/// A conversation that grows, judged strictly or leniently.
pub struct World {
    pub alice: Author,
    pub bob: Author,
    pub carol: Author,
    pub dave: Author,
    memory: Memory,
    files: HashMap<CommitId, Files>,
    keys: Keyring,
    rules: JamiRules,
    replica: Option<Replica>,
    time: i64,
}

impl World {
    pub fn new(rules: JamiRules) -> Self {
        let mut keys = Keyring::default();
        for device in ["alice.1", "alice.2", "bob.1", "carol.1", "dave.1"] {
            keys.add(&DeviceCertificate::from_pem(&key_file(&format!("{device}.crt"))).unwrap());
        }
        Self {
            alice: Author::new("alice", 1),
            bob: Author::new("bob", 1),
            carol: Author::new("carol", 1),
            dave: Author::new("dave", 1),
            memory: Memory::default(),
            files: HashMap::new(),
            keys,
            rules,
            replica: None,
            time: 1_800_000_000,
        }
    }

    /// Alice's conversation in a mode, without anybody else.
    pub fn begun(rules: JamiRules, mode: u8) -> (Self, CommitId) {
        let mut world = Self::new(rules);
        let root = world.begin(&format!(r#"{{"mode":{mode},"type":"initial"}}"#), Sign::Well, |_| {}).unwrap();
        (world, root)
    }

    /// The same with Bob and Carol in it.
    pub fn with_members(rules: JamiRules, mode: u8) -> (Self, CommitId) {
        let (mut world, mut head) = Self::begun(rules, mode);
        for who in ["bob", "carol"] {
            let who = Author::new(who, 1);
            head = world.add("alice", &[head], &who).unwrap();
            head = world.join(&[head], &who).unwrap();
        }
        (world, head)
    }

    /// Alice writes a first commit.
    pub fn begin(&mut self, message: &str, sign: Sign, change: impl FnOnce(&mut Files)) -> Result<CommitId, Refusal> {
        let alice = Author::new("alice", 1);
        let mut files = Files::new();
        files.insert(alice.admin(), alice.account_file.clone());
        files.insert(alice.device_path(), alice.device_file.clone());
        change(&mut files);
        self.admit(&alice, &[], message, files, sign)
    }

    pub fn author(&self, name: &str) -> Author {
        match name {
            "alice2" => Author::new("alice", 2),
            "alice" => Author::new("alice", 1),
            "bob" => Author::new("bob", 1),
            "carol" => Author::new("carol", 1),
            "dave" => Author::new("dave", 1),
            other => panic!("nobody is called {other}"),
        }
    }

    /// Somebody writes on one parent; `change` is what becomes of its files.
    pub fn write(
        &mut self,
        who: &str,
        parents: &[CommitId],
        message: &str,
        change: impl FnOnce(&mut Files),
    ) -> Result<CommitId, Refusal> {
        let mut files = self.files[&parents[0]].clone();
        change(&mut files);
        let author = self.author(who);
        self.admit(&author, parents, message, files, Sign::Well)
    }

    pub fn text(&mut self, who: &str, parents: &[CommitId], body: &str) -> Result<CommitId, Refusal> {
        self.write(who, parents, &format!(r#"{{"body":"{body}","type":"text/plain"}}"#), |_| {})
    }

    pub fn add(&mut self, who: &str, parents: &[CommitId], whom: &Author) -> Result<CommitId, Refusal> {
        self.write(who, parents, &member("add", whom), |files| {
            files.insert(whom.invited(), Vec::new());
        })
    }

    pub fn join(&mut self, parents: &[CommitId], who: &Author) -> Result<CommitId, Refusal> {
        self.write(who.name, parents, &member("join", who), |files| {
            files.remove(&who.invited());
            files.insert(who.member(), who.account_file.clone());
            files.insert(who.device_path(), who.device_file.clone());
        })
    }

    pub fn leave(&mut self, who: &str, parents: &[CommitId], whom: &Author) -> Result<CommitId, Refusal> {
        self.write(who, parents, &member("remove", whom), |files| {
            files.remove(&whom.member());
            files.remove(&whom.admin());
        })
    }

    /// A vote to `ban` or `unban` somebody who stands in that folder.
    pub fn vote(
        &mut self,
        who: &str,
        parents: &[CommitId],
        vote: &str,
        folder: &str,
        whom: &str,
    ) -> Result<CommitId, Refusal> {
        let voter = self.author(who).account;
        self.write(who, parents, &format!(r#"{{"type":"vote","uri":"{whom}"}}"#), |files| {
            files.insert(format!("votes/{vote}/{folder}/{whom}/{voter}"), Vec::new());
        })
    }

    /// Carries a vote out: moves the file and takes the votes away.
    pub fn resolve(
        &mut self,
        who: &str,
        parents: &[CommitId],
        vote: &str,
        folder: &str,
        whom: &str,
    ) -> Result<CommitId, Refusal> {
        let message = format!(r#"{{"action":"{vote}","type":"member","uri":"{whom}"}}"#);
        self.write(who, parents, &message, |files| move_file(files, vote, folder, whom))
    }

    /// A merge; `change` is what becomes of the first parent's files.
    pub fn merge(
        &mut self,
        who: &str,
        one: CommitId,
        other: CommitId,
        change: impl FnOnce(&mut Files),
    ) -> Result<CommitId, Refusal> {
        self.write(who, &[one, other], &format!("Merge commit '{other}'"), change)
    }

    /// The files of a commit.
    pub fn files(&self, commit: &CommitId) -> &Files {
        &self.files[commit]
    }

    /// The state of a head.
    pub fn state(&mut self, head: CommitId) -> Arc<State> {
        self.replica.as_mut().unwrap().state(&[head])
    }

    pub fn warnings(&self) -> Vec<Warning> {
        self.replica.as_ref().map(|replica| replica.rules().warnings()).unwrap_or_default()
    }

    pub fn admit(
        &mut self,
        author: &Author,
        parents: &[CommitId],
        message: &str,
        files: Files,
        sign: Sign,
    ) -> Result<CommitId, Refusal> {
        self.time += 1;
        let tree = self.memory.put(&files);
        let parents: String = parents.iter().map(|parent| format!("parent {parent}\n")).collect();
        let who = format!("{} <{}> {} +0000", author.name, author.device, self.time);
        let head = format!("tree {tree}\n{parents}author {who}\ncommitter {who}\n");
        let signature = match sign {
            Sign::Well => format!("signature {}\n", author.sign(&format!("{head}\n{message}"))),
            Sign::Not => String::new(),
        };
        let bytes = format!("{head}{signature}\n{message}").into_bytes();
        let commit = CheckedCommit::check(&CheckedCommit::decode(&bytes)?, &self.keys)?;
        let id = object::commit_id(&bytes).unwrap();
        match &mut self.replica {
            Some(replica) => replica.admit(&commit, &self.memory)?,
            None => self.replica = Some(Replica::begin_under(self.rules.clone(), &commit, &self.memory)?),
        }
        self.files.insert(id, files);
        Ok(id)
    }
}

/// A message about members.
pub fn member(action: &str, whom: &Author) -> String {
    format!(r#"{{"action":"{action}","type":"member","uri":"{}"}}"#, whom.account)
}

/// What a ban or unban does with the files.
pub fn move_file(files: &mut Files, vote: &str, folder: &str, whom: &str) {
    files.retain(|path, _| !path.starts_with(&format!("votes/{vote}/{folder}/{whom}/")));
    let extension = if folder == "invited" { "" } else { ".crt" };
    let (standing, banned) = (format!("{folder}/{whom}{extension}"), format!("banned/{folder}/{whom}{extension}"));
    let (from, to) = if vote == "ban" { (standing, banned) } else { (banned, standing) };
    if let Some(file) = files.remove(&from) {
        files.insert(to, file);
    }
}

/// That a commit was refused for breaking that rule, in words that hold these.
#[track_caller]
pub fn refused(result: Result<CommitId, Refusal>, rule: Rule, words: &str) {
    let refusal = result.expect_err("it was taken for good");
    assert_eq!(refusal.rule, rule, "{refusal}");
    assert!(refusal.why.contains(words), "{refusal}");
}
