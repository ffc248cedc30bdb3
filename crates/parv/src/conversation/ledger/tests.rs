//! What is kept on the disk changes no answer, and can go at any moment.

use super::Ledger;
use crate::author::Author;
use crate::conversation::log;
use crate::conversation::writing::Wish;
use crate::folders::Folders;
use crate::view::LogQuery;
use crate::{Account, Error, Mode, NewAccount};
use parv_model::{CommitId, Message, Uri};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use tempfile::TempDir;

/// How many messages are stored together here.
const SHARE: usize = 32;

struct Desk {
    _home: TempDir,
    folders: Folders,
    author: Arc<Author>,
    ledger: Ledger,
}

impl Desk {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let account = Account::create(home.path(), NewAccount { name: "Ann".into(), password: None }).unwrap();
        let folders = Folders::of(home.path().join(account.uri().to_string()));
        let author = Arc::new(Author::of(&account));
        let ledger = Ledger::create(&folders, author.clone(), Mode::InvitesOnly, None).unwrap();
        Self { _home: home, folders, author, ledger }
    }

    /// Writes messages, some at a time, and gives what `told` makes of what became of each.
    fn write_with<T>(
        &mut self,
        messages: impl IntoIterator<Item = Message>,
        mut told: impl FnMut(Result<CommitId, Error>) -> T,
    ) -> Vec<T> {
        let mut wishes = messages.into_iter().map(|message| (Wish { message, profile: None }, ()));
        let mut all = Vec::new();
        let next = || wishes.by_ref().take(SHARE).collect();
        self.ledger.write_all(next, |_, written| all.extend(written.answers.into_iter().map(|(_, one)| told(one))));
        all
    }

    fn write(&mut self, messages: impl IntoIterator<Item = Message>) {
        self.write_with(messages, Result::unwrap);
    }

    fn texts(&mut self, number: usize) {
        self.write((0..number).map(text));
    }

    /// Keeps what is in memory, as the actor does in the background.
    fn keep(&mut self) {
        let job = self.ledger.to_keep(1).expect("something is in memory");
        self.ledger.adopt(job.run()).unwrap();
    }

    fn reopen(self) -> Self {
        let id = self.ledger.id();
        drop(self.ledger);
        let ledger = Ledger::open(&self.folders, id, self.author.clone()).unwrap();
        Self { ledger, ..self }
    }

    fn files(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.ledger.repository().path().join("parv-index")).unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.retain(|file| !file.ends_with("lock"));
        files.sort();
        files
    }

    /// All that people are shown, or why it cannot be read.
    fn shown(&mut self) -> Result<Vec<String>, String> {
        let everything = LogQuery { limit: None, before: None, hidden: true };
        let log =
            log::read(self.ledger.log(), self.ledger.repository(), everything).map_err(|error| error.to_string())?;
        let index = self.ledger.log().read().unwrap_or_else(PoisonError::into_inner);
        let (messages, invited) = (index.len(), index.invitation(&Uri::from_bytes([7; 32])));
        drop(index);
        let ids: Vec<CommitId> = log.iter().map(|entry| entry.id).collect();
        let places: Vec<_> = ids.iter().map(|id| (self.ledger.place(id), self.ledger.author_of(id))).collect();
        let middle = LogQuery { limit: Some(3), before: ids.get(ids.len() / 2).copied(), hidden: false };
        let page = log::read(self.ledger.log(), self.ledger.repository(), middle).map_err(|error| error.to_string())?;
        let state = self.ledger.state();
        self.ledger.require_readable().map_err(|error| error.to_string())?;
        let lists = [format!("{log:?}"), format!("{places:?}"), format!("{page:?}"), format!("{state:?}")];
        Ok([vec![format!("{messages} {invited:?} {:?}", self.ledger.heads())], lists.to_vec()].concat())
    }
}

fn text(number: usize) -> Message {
    Message::Text { body: number.to_string() }
}

/// A conversation of texts with an invitation among them.
fn conversation() -> Desk {
    let mut desk = Desk::new();
    desk.texts(100);
    desk.write([Message::Add(Uri::from_bytes([7; 32]))]);
    desk.texts(200);
    desk
}

#[test]
fn what_is_kept_is_not_in_memory_and_changes_no_answer() {
    let mut desk = conversation();
    let before = desk.shown().unwrap();
    for length in [301, 350] {
        desk.keep();
        assert_eq!(desk.ledger.unkept(), 0, "of {length} commits none is held");
        assert_eq!(desk.ledger.log().read().unwrap().held(), 0, "of {length} entries none is held");
        assert_eq!(desk.ledger.replica.len(), length + 1);
        desk.texts(48);
        desk.write([Message::Add(Uri::from_bytes([length as u8; 32]))]);
    }
    let more = desk.shown().unwrap();
    assert_ne!(more, before);
    let mut desk = desk.reopen();
    assert_eq!((desk.ledger.unkept(), desk.ledger.replica.len()), (49, 400));
    assert_eq!(desk.shown().unwrap(), more);
    // The same as without it.
    super::gather::forget(desk.ledger.repository(), desk.ledger.id());
    let mut desk = desk.reopen();
    assert_eq!(desk.ledger.unkept(), 400);
    assert_eq!(desk.shown().unwrap(), more);
}

#[test]
fn a_damaged_index_is_built_anew() {
    let mut desk = conversation();
    desk.keep();
    desk.texts(5);
    let right = desk.shown().unwrap();
    for file in desk.files() {
        let bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        let mut flipped = bytes.clone();
        flipped[middle] ^= 1;
        for damaged in [Some(flipped), Some(bytes[..middle].to_vec()), Some(Vec::new()), None] {
            match &damaged {
                Some(damaged) => fs::write(&file, damaged).unwrap(),
                None => fs::remove_file(&file).unwrap(),
            }
            desk = desk.reopen();
            // What is found only when it is read has everything built anew too.
            let shown = desk.shown().unwrap_or_else(|_| {
                desk.ledger.keep_anew();
                desk.shown().unwrap()
            });
            assert_eq!(shown, right, "{}: {:?}", file.display(), damaged.map(|bytes| bytes.len()));
            desk.ledger.keep_anew();
            assert_eq!(desk.ledger.unkept(), 0);
        }
    }
}

#[test]
fn whoever_writes_while_the_index_breaks_is_not_bothered() {
    let mut desk = conversation();
    desk.keep();
    let first = desk.ledger.replica.root();
    for file in desk.files().into_iter().filter(|file| !file.ends_with("list")) {
        let length = fs::metadata(&file).unwrap().len();
        fs::write(&file, vec![0; length as usize]).unwrap();
    }
    desk = desk.reopen();
    desk.write([Message::Reply { to: first, body: "an answer".into() }]);
    desk.ledger.mend();
    let shown = desk.shown().unwrap();
    assert!(shown[1].contains("an answer"));
    assert_eq!(desk.reopen().shown().unwrap(), shown);
}

#[test]
fn an_index_of_other_heads_is_not_used() {
    let mut desk = conversation();
    let old = desk.ledger.heads().to_vec();
    let before = desk.shown().unwrap();
    desk.texts(3);
    desk.keep();
    let new = desk.ledger.heads().to_vec();
    desk.ledger.repository().set_heads(&new, &old).unwrap();
    let mut desk = desk.reopen();
    assert_eq!(desk.shown().unwrap(), before);
    assert!(!desk.ledger.knows(&new[0]));
}

#[test]
fn what_is_composed_on_something_that_cannot_be_stored_is_not_lost() {
    let mut desk = conversation();
    let before = desk.ledger.heads().to_vec();
    let packs = desk.ledger.repository().path().join("objects/pack");
    let away = packs.with_extension("away");
    fs::rename(&packs, &away).unwrap();
    fs::write(&packs, "no folder").unwrap();
    // The disk works again when the first one was told of.
    let stored = desk.write_with((1000..2000).map(text), |written| {
        if written.is_err() {
            fs::remove_file(&packs).unwrap();
            fs::rename(&away, &packs).unwrap();
        }
        written.is_ok()
    });
    assert_eq!(stored.iter().filter(|stored| !**stored).count(), 1);
    assert!(stored.len() >= 2 * SHARE && !stored[0]);
    let shown = desk.shown().unwrap();
    assert!(
        !shown[1].contains("\"1000\"")
            && (1001..1000 + stored.len()).all(|text| shown[1].contains(&format!("\"{text}\"")))
    );
    assert_ne!(desk.ledger.heads(), before);
    assert_eq!(desk.reopen().shown().unwrap(), shown);
}
