//! A long conversation as daemons of Jami write it, with real RSA-4096 signatures. To sign it takes minutes, so it is kept beside
//! the program.

use super::Failure;
use crate::git::Loose;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parv_jami::certificate::{AccountCertificate, DeviceCertificate};
use parv_jami::id::{Account, Device};
use parv_model::{BlobId, CommitId, TreeId, object};
use parv_validator::tree;
use rsa::pkcs8::DecodePrivateKey;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use sha2::{Digest, Sha512};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;

/// How many texts each of the two writes before they hear of each other.
const APART: usize = 20;

/// When the first commit says it was written, in seconds since 1970.
const BEGINNING: i64 = 1_800_000_000;

/// A bundle of at least so many commits: Alice and Bob write at the same time, and every now and then Alice merges.
pub fn bundle(commits: usize) -> Result<PathBuf, Failure> {
    let program = std::env::current_exe()?;
    let path = program.with_file_name(format!("jami-{commits}.bundle"));
    if !path.exists() {
        let unfinished = path.with_extension("unfinished");
        write(commits, &unfinished)?;
        std::fs::rename(&unfinished, &path)?;
    }
    Ok(path)
}

fn write(commits: usize, path: &Path) -> Result<(), Failure> {
    let (alice, bob) = (Author::new("alice")?, Author::new("bob")?);
    let mut history = History::default();
    history.add(&format!("admins/{}.crt", alice.account), &alice.account_file)?;
    history.add(&format!("devices/{}.crt", alice.device), &alice.device_file)?;
    let mut head = history.commit(&alice, &[], r#"{"mode":2,"type":"initial"}"#)?;
    let member = |action: &str| format!(r#"{{"action":"{action}","type":"member","uri":"{}"}}"#, bob.account);
    history.add(&format!("invited/{}", bob.account), b"")?;
    head = history.commit(&alice, &[head], &member("add"))?;
    history.files.remove(&format!("invited/{}", bob.account));
    history.add(&format!("members/{}.crt", bob.account), &bob.account_file)?;
    history.add(&format!("devices/{}.crt", bob.device), &bob.device_file)?;
    head = history.commit(&bob, &[head], &member("join"))?;
    let tree = history.tree()?;
    while history.commits.len() < commits {
        let texts = |author: &Author| texts(author, tree, head, history.commits.len());
        // Each signs on a core of their own: a commit cannot be signed before the one that it builds on.
        let (ours, theirs) = thread::scope(|scope| {
            let theirs = scope.spawn(|| texts(&bob).map_err(|error| error.to_string()));
            (texts(&alice), theirs.join())
        });
        let ((ours, texts_of_alice), (theirs, texts_of_bob)) = (ours?, theirs.map_err(|_| "Bob panicked")??);
        history.commits.extend(texts_of_alice.into_iter().chain(texts_of_bob));
        head = history.commit(&alice, &[ours, theirs], &format!("Merge commit '{theirs}'"))?;
    }
    let objects = Loose::new()?;
    objects.write("blob", &history.blobs)?;
    objects.write("tree", &history.trees)?;
    objects.write("commit", &history.commits)?;
    Ok(objects.bundle(&head.to_string(), path)?)
}

/// What somebody writes on a head while they hear of nothing, and the new head.
fn texts(
    author: &Author,
    tree: TreeId,
    mut head: CommitId,
    number: usize,
) -> Result<(CommitId, Vec<Vec<u8>>), Failure> {
    let mut written = Vec::with_capacity(APART);
    for number in number..number + APART {
        let message =
            format!(r#"{{"body":"{}: message {number} of a long conversation","type":"text/plain"}}"#, author.name);
        let bytes = author.commit(tree, &[head], &message, number)?;
        head = object::commit_id(&bytes)?;
        written.push(bytes);
    }
    Ok((head, written))
}

/// Somebody with one device.
struct Author {
    name: &'static str,
    account: Account,
    device: Device,
    account_file: Vec<u8>,
    device_file: Vec<u8>,
    key: RsaPrivateKey,
}

impl Author {
    fn new(name: &'static str) -> Result<Self, Failure> {
        let file = |what: &str| std::fs::read(format!("{}/keys/{name}.{what}", env!("CARGO_MANIFEST_DIR")));
        let (account_file, device_file) = (file("account.crt")?, file("device.crt")?);
        Ok(Self {
            name,
            account: AccountCertificate::from_pem(&account_file)?.account,
            device: DeviceCertificate::from_pem(&device_file)?.device,
            key: RsaPrivateKey::from_pkcs8_der(pem::parse(file("device.key")?)?.contents())?,
            account_file,
            device_file,
        })
    }

    /// The bytes of a commit, signed.
    fn commit(&self, tree: TreeId, parents: &[CommitId], message: &str, number: usize) -> Result<Vec<u8>, Failure> {
        let parents: String = parents.iter().map(|parent| format!("parent {parent}\n")).collect();
        let who = format!("{} <{}> {} +0000", self.name, self.device, BEGINNING + i64::try_from(number)?);
        let head = format!("tree {tree}\n{parents}author {who}\ncommitter {who}\n");
        let hash = Sha512::digest(format!("{head}\n{message}"));
        let signature = STANDARD.encode(self.key.sign(Pkcs1v15Sign::new::<Sha512>(), &hash)?);
        Ok(format!("{head}signature {signature}\n\n{message}").into_bytes())
    }
}

/// A conversation as it grows.
#[derive(Default)]
struct History {
    files: BTreeMap<String, BlobId>,
    blobs: Vec<Vec<u8>>,
    trees: Vec<Vec<u8>>,
    commits: Vec<Vec<u8>>,
}

impl History {
    fn add(&mut self, path: &str, bytes: &[u8]) -> Result<(), Failure> {
        self.files.insert(path.to_owned(), object::blob_id(bytes)?);
        self.blobs.push(bytes.to_vec());
        Ok(())
    }

    fn tree(&mut self) -> Result<TreeId, Failure> {
        let rendered = tree::render(&self.files);
        self.trees.extend(rendered.trees);
        Ok(rendered.id)
    }

    /// Writes a commit with the files as they are now.
    fn commit(&mut self, author: &Author, parents: &[CommitId], message: &str) -> Result<CommitId, Failure> {
        let tree = self.tree()?;
        let bytes = author.commit(tree, parents, message, self.commits.len())?;
        let id = object::commit_id(&bytes)?;
        self.commits.push(bytes);
        Ok(id)
    }
}
