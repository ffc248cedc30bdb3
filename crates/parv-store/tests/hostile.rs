//! Devices that want to do harm: each attempt is refused by its own name, and nothing of it stays.

mod common;

use common::*;
use parv_model::object::{blob_id, tree_id};
use parv_model::{BlobId, CommitId, TreeId};
use parv_store::{FetchError, FetchLimits, Repository, ServeError, ServeLimits, fetch, upload_pack};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// A repository that must not change.
struct Victim {
    _folder: tempfile::TempDir,
    repository: Repository,
    before: BTreeMap<PathBuf, BlobId>,
}

impl Victim {
    fn new() -> Self {
        let folder = temp();
        let mut writer = Writer::begin(repository(&folder, "victim"));
        writer.write("one");
        let before = listing(writer.repository.path());
        Self { _folder: folder, repository: writer.repository, before }
    }

    /// Takes what a hostile device sends, and gives why it was refused.
    #[track_caller]
    fn refuses(&self, script: Vec<u8>) -> FetchError {
        self.refuses_within(script, &FetchLimits::default())
    }

    #[track_caller]
    fn refuses_within(&self, script: Vec<u8>, limits: &FetchLimits) -> FetchError {
        let error = fetch_from_script(&self.repository, script, limits).expect_err("it was taken");
        assert_eq!(listing(self.repository.path()), self.before, "something of it stayed");
        error
    }
}

macro_rules! assert_matches {
    ($value:expr, $pattern:pat $(if $guard:expr)?) => {{
        let value = $value;
        assert!(matches!(&value, $pattern $(if $guard)?), "{value:?}");
    }};
}

/// A first commit with a tree of one file, whole.
fn small() -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let file = b"a file".to_vec();
    let tree = tree(&[("profile.vcf", blob_id(&file).unwrap())]);
    let commit = commit(tree_id(&tree).unwrap(), &[], START, "x");
    (file, tree, commit)
}

#[test]
fn the_scripts_of_these_tests_are_taken_when_they_are_honest() {
    let folder = temp();
    let (file, tree, commit) = small();
    let pack = pack(&[(3, &file), (2, &tree), (1, &commit)]);
    let script = delivery(id_of_commit(&commit), &pack);
    let ours = repository(&folder, "a");
    let quarantine = fetch_from_script(&ours, script, &FetchLimits::default()).unwrap().unwrap();
    assert_eq!(quarantine.new_commits(), [id_of_commit(&commit)]);
}

#[test]
fn a_head_that_is_not_delivered() {
    let (file, tree, commit) = small();
    let pack = pack(&[(3, &file), (2, &tree), (1, &commit)]);
    let nowhere = CommitId::from_bytes([7; 20]);
    let victim = Victim::new();
    assert_matches!(victim.refuses(delivery(nowhere, &pack)), FetchError::NotDelivered(id) if *id == nowhere);
    assert_matches!(victim.refuses(delivery(nowhere, &common::pack(&[]))), FetchError::NotDelivered(_));
    // A head that is a tree.
    let id = CommitId::from_bytes(*tree_id(&tree).unwrap().as_bytes());
    assert_matches!(victim.refuses(delivery(id, &pack)), FetchError::Object { .. });
}

#[test]
fn something_that_is_missing() {
    let (file, tree, first) = small();
    let victim = Victim::new();
    let kind = |objects: &[(u8, &[u8])], head: &[u8]| match victim.refuses(delivery(id_of_commit(head), &pack(objects)))
    {
        FetchError::Incomplete { kind, .. } => kind,
        other => panic!("{other}"),
    };
    assert_eq!(kind(&[(2, &tree), (1, &first)], &first), "file");
    assert_eq!(kind(&[(3, &file), (1, &first)], &first), "tree");
    let second = commit(tree_id(&tree).unwrap(), &[CommitId::from_bytes([7; 20])], START, "y");
    assert_eq!(kind(&[(3, &file), (2, &tree), (1, &second)], &second), "commit");
}

#[test]
fn something_that_nobody_asked_for() {
    let (file, tree, commit) = small();
    let victim = Victim::new();
    let pack = pack(&[(3, &file), (2, &tree), (1, &commit), (3, b"smuggled")]);
    let id = blob_id(b"smuggled").unwrap().to_string();
    assert_matches!(victim.refuses(delivery(id_of_commit(&commit), &pack)), FetchError::Unneeded(found) if *found == id);
    // What is here already may come again.
    let again = common::pack(&[(3, &file), (2, &tree), (1, &commit), (3, b"a profile")]);
    let script = delivery(id_of_commit(&commit), &again);
    assert!(fetch_from_script(&victim.repository, script, &FetchLimits::default()).unwrap().is_some());
}

#[test]
fn objects_of_the_wrong_kind() {
    let (file, tree, first) = small();
    let victim = Victim::new();
    // A tree whose file is a tree.
    let confused = common::tree(&[("profile.vcf", BlobId::from_bytes(*tree_id(&tree).unwrap().as_bytes()))]);
    let second = commit(tree_id(&confused).unwrap(), &[], START, "y");
    let objects = [(3, &file[..]), (2, &tree), (2, &confused), (1, &second)];
    assert_matches!(victim.refuses(delivery(id_of_commit(&second), &pack(&objects))), FetchError::Object { .. });
    // A commit whose tree is a file.
    let second = commit(TreeId::from_bytes(*blob_id(&file).unwrap().as_bytes()), &[], START, "y");
    let objects = [(3, &file[..]), (1, &second)];
    assert_matches!(victim.refuses(delivery(id_of_commit(&second), &pack(&objects))), FetchError::Object { .. });
    // A commit whose parent is a file.
    let parent = CommitId::from_bytes(*blob_id(&file).unwrap().as_bytes());
    let second = commit(tree_id(&tree).unwrap(), &[parent], START, "y");
    let objects = [(3, &file[..]), (2, &tree), (1, &second)];
    assert_matches!(victim.refuses(delivery(id_of_commit(&second), &pack(&objects))), FetchError::Object { .. });
    // A tag, and a commit that is none.
    let objects = [(3, &file[..]), (2, &tree), (1, &first), (4, b"object x")];
    assert_matches!(victim.refuses(delivery(id_of_commit(&first), &pack(&objects))), FetchError::Pack(_));
    assert_matches!(victim.refuses(delivery(id_of_commit(b"x"), &pack(&[(1, b"x")]))), FetchError::Object { .. });
}

#[test]
fn trees_that_no_conversation_has() {
    let victim = Victim::new();
    let file = b"a file".to_vec();
    let id = blob_id(&file).unwrap();
    for line in
        ["120000 link", "160000 module", "100755 program", "100644 .git", "100644 ..", "100644 a/b", "40000 .GIT"]
    {
        let tree = [line.as_bytes(), b"\0", id.as_bytes()].concat();
        let commit = commit(tree_id(&tree).unwrap(), &[], START, "x");
        let pack = pack(&[(3, &file), (2, &tree), (1, &commit)]);
        assert_matches!(victim.refuses(delivery(id_of_commit(&commit), &pack)), FetchError::Object { .. });
    }
    // Folders in folders.
    let mut trees = vec![tree(&[("profile.vcf", id)])];
    for _ in 0..20 {
        trees.push(folder("a", tree_id(trees.last().unwrap()).unwrap()));
    }
    let commit = commit(tree_id(trees.last().unwrap()).unwrap(), &[], START, "x");
    let mut objects: Vec<(u8, &[u8])> = vec![(3, &file), (1, &commit)];
    objects.extend(trees.iter().map(|tree| (2, &tree[..])));
    assert_matches!(victim.refuses(delivery(id_of_commit(&commit), &pack(&objects))), FetchError::Object { .. });
}

#[test]
fn a_pack_that_is_cut_off_anywhere() {
    let (file, tree, commit) = small();
    let pack = pack(&[(3, &file), (2, &tree), (1, &commit)]);
    let victim = Victim::new();
    let whole = delivery(id_of_commit(&commit), &pack);
    for cut in 0..whole.len() {
        assert_matches!(victim.refuses(whole[..cut].to_vec()), FetchError::Closed);
    }
    for cut in 0..pack.len() {
        let error = victim.refuses(delivery(id_of_commit(&commit), &pack[..cut]));
        assert_matches!(error, FetchError::Pack(_));
    }
    let long = [&pack[..], b"x"].concat();
    assert_matches!(victim.refuses(delivery(id_of_commit(&commit), &long)), FetchError::Pack(_));
}

#[test]
fn a_pack_with_a_flipped_bit() {
    let (file, tree, commit) = small();
    let pack = pack(&[(3, &file), (2, &tree), (1, &commit)]);
    let victim = Victim::new();
    for at in (0..pack.len() * 8).step_by(3) {
        let mut flipped = pack.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        victim.refuses(delivery(id_of_commit(&commit), &flipped));
    }
}

#[test]
fn a_pack_that_needs_what_is_elsewhere() {
    let (_, _, commit) = small();
    let victim = Victim::new();
    // A delta of a file that the victim has, and of one that nobody has.
    for base in [*blob_id(b"a profile").unwrap().as_bytes(), [7; 20]] {
        let delta = entry(7, 4, &base, &[9, 1, 1, b'z']);
        let pack = seal(1, &delta);
        assert_matches!(victim.refuses(delivery(id_of_commit(&commit), &pack)), FetchError::MissingBase);
    }
    let delta = entry(6, 4, &[100], &[9, 1, 1, b'z']);
    assert_matches!(victim.refuses(delivery(id_of_commit(&commit), &seal(1, &delta))), FetchError::MissingBase);
}

#[test]
fn an_object_twice() {
    let (file, tree, commit) = small();
    let victim = Victim::new();
    let pack = pack(&[(3, &file), (3, &file), (2, &tree), (1, &commit)]);
    assert_matches!(victim.refuses(delivery(id_of_commit(&commit), &pack)), FetchError::Pack(_));
}

/// Where the child of the next test finds the bomb and the repository; not set in the parent.
const BOMB: &str = "PARV_STORE_BOMB";

/// How much processor time a bomb may take, in seconds.
const BOMB_SECONDS: f64 = 0.5;

/// How much memory the whole process may have taken, in KiB.
const BOMB_KIBIBYTES: u64 = 64 * 1024;

/// The child of the next test: fetches, and says what it took.
#[test]
fn child_that_fetches_a_bomb() {
    let Some(folder) = std::env::var_os(BOMB).map(PathBuf::from) else { return };
    let repository = Repository::open(folder.join("victim")).unwrap();
    let before = cpu_seconds();
    let script = std::io::BufReader::new(std::fs::File::open(folder.join("bomb")).unwrap());
    let error = fetch(&repository, script, std::io::sink(), &FetchLimits::default()).expect_err("it was taken");
    assert_matches!(error, FetchError::TooMuch { .. } | FetchError::Pack(_));
    let (seconds, memory) = (cpu_seconds() - before, peak_kibibytes());
    assert!(seconds < BOMB_SECONDS, "it took {seconds} s");
    assert!(memory < BOMB_KIBIBYTES, "it took {memory} KiB");
}

#[test]
fn bombs_cost_little() {
    let (_, _, commit) = small();
    let mebibyte = vec![0; 1024 * 1024];
    // Objects that are as large as they may be, one that is larger, one that lies, and deltas that multiply.
    let zeros = entry(3, mebibyte.len() as u64, b"", &mebibyte);
    let many = seal(1500, &zeros.repeat(1500));
    let one = seal(1, &entry(3, 1_500_000_000, b"", &mebibyte));
    let lie = seal(1, &entry(3, 1000, b"", &mebibyte));
    let mut deltas = entry(3, mebibyte.len() as u64, b"", &mebibyte);
    for _ in 0..1500 {
        deltas.extend(copy_of(deltas.len(), mebibyte.len()));
    }
    for bomb in [many, one, lie, seal(1501, &deltas)] {
        let folder = temp();
        drop(Writer::begin(repository(&folder, "victim")));
        let before = listing(&folder.path().join("victim"));
        std::fs::write(folder.path().join("bomb"), delivery(id_of_commit(&commit), &bomb)).unwrap();
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_fetches_a_bomb"])
            .env(BOMB, folder.path())
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        assert_eq!(listing(&folder.path().join("victim")), before, "something of it stayed");
    }
}

/// An entry that copies the first object of the pack, so many bytes long, from so many bytes after it.
fn copy_of(mut after: usize, size: usize) -> Vec<u8> {
    let mut distance = vec![(after & 0x7f) as u8];
    while after > 0x7f {
        after = (after >> 7) - 1;
        distance.insert(0, 0x80 | (after & 0x7f) as u8);
    }
    let mut delta = Vec::new();
    for mut number in [size, size] {
        while number > 0x7f {
            delta.push(0x80 | (number & 0x7f) as u8);
            number >>= 7;
        }
        delta.push(number as u8);
    }
    // 64 KiB from the beginning, again and again.
    (0..size / 0x1_0000).for_each(|_| delta.push(0x80));
    entry(6, delta.len() as u64, &distance, &delta)
}

/// The processor time that this process has taken, in seconds.
fn cpu_seconds() -> f64 {
    const TICKS_PER_SECOND: f64 = 100.0;
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / TICKS_PER_SECOND
}

/// The most memory that this process has had, in KiB.
fn peak_kibibytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The hash that names the objects of a pack notices the pattern of an attack. (A Git object with it cannot be had without
/// computing one: the published pairs begin in their own way, and Git's header comes before any object's bytes.)
#[test]
fn a_collision_attack_has_no_name() {
    let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
    hasher.update(include_bytes!("data/sha-mbles-1.bin"));
    assert!(hasher.try_finalize().is_err());
}

#[test]
fn more_than_this_device_takes() {
    let (file, tree, commit) = small();
    let pack = pack(&[(3, &file), (2, &tree), (1, &commit)]);
    let script = || delivery(id_of_commit(&commit), &pack);
    let victim = Victim::new();
    let limits = FetchLimits::default;
    for limits in [
        FetchLimits { max_pack_bytes: 50, ..limits() },
        FetchLimits { max_objects: 2, ..limits() },
        FetchLimits { max_object_bytes: 100, ..limits() },
        FetchLimits { max_inflated_bytes: 100, ..limits() },
        FetchLimits { max_commits: 0, ..limits() },
        FetchLimits { max_refs: 0, ..limits() },
    ] {
        assert_matches!(victim.refuses_within(script(), &limits), FetchError::TooMuch { .. });
    }
    let limits = FetchLimits { max_time: Duration::ZERO, ..limits() };
    assert_matches!(victim.refuses_within(script(), &limits), FetchError::TooSlow(_));
    let heads: Vec<_> = (0..300_u16)
        .map(|number| CommitId::from_bytes(std::array::from_fn(|at| if at < 2 { number.to_be_bytes()[at] } else { 0 })))
        .map(|id| (id, "refs/heads/x"))
        .collect();
    assert_matches!(victim.refuses(preamble(&heads)), FetchError::TooMuch { what: "refs", .. });
}

#[test]
fn devices_that_do_not_speak_the_protocol() {
    let victim = Victim::new();
    let hello = [packet(b"version 2\n"), packet(b"ls-refs\n"), packet(b"fetch\n"), b"0000".to_vec()].concat();
    let with = |rest: &[u8]| [&hello, rest].concat();
    for nonsense in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        packet(b"version 1\n"),
        packet(&[&[b'7'; 40], &b" HEAD\0 thin-pack"[..]].concat()),
        [packet(b"version 2\n"), packet(b"object-format=sha256\n"), b"0000".to_vec()].concat(),
        [packet(b"version 2\n"), b"0000".to_vec()].concat(),
        with(&packet(b"nonsense\n")),
        with(&packet(b"nonsense refs/heads/main\n")),
        with(b"0001"),
        with(b"zzzz"),
        with(&[&packet(&[&[b'7'; 40], &b" refs/heads/main"[..]].concat())[..], b"0000", &packet(b"nonsense")].concat()),
    ] {
        assert_matches!(victim.refuses(nonsense), FetchError::Protocol(_));
    }
    let refused = victim.refuses(packet(b"ERR go\x1b[31m away\n"));
    assert_matches!(refused, FetchError::Refused(words) if words == "go[31m away");
    // An endless list of capabilities.
    let endless = [packet(b"version 2\n"), packet(b"x\n").repeat(10_000)].concat();
    assert_matches!(victim.refuses(endless), FetchError::TooMuch { what: "capabilities", .. });
    // Trouble announced in the middle of the pack, and endless progress.
    let mut script = preamble(&[(CommitId::from_bytes([7; 20]), "refs/heads/main")]);
    let quiet = script.clone();
    script.extend(packet(b"\x03out of memory\n"));
    assert_matches!(victim.refuses(script), FetchError::Refused(words) if words == "out of memory");
    let endless = [quiet, packet(&[2; 60_000]).repeat(20)].concat();
    assert_matches!(victim.refuses(endless), FetchError::TooMuch { what: "bytes of progress reports", .. });
}

#[test]
fn a_device_that_says_nothing() {
    let victim = Victim::new();
    let (here, mut there) = silent();
    assert_matches!(fetch(&victim.repository, &here, &here, &FetchLimits::default()), Err(FetchError::Silent));
    let (file, tree, commit) = small();
    let script = delivery(id_of_commit(&commit), &pack(&[(3, &file), (2, &tree), (1, &commit)]));
    there.write_all(&script[..script.len() - 30]).unwrap();
    assert_matches!(fetch(&victim.repository, &here, &here, &FetchLimits::default()), Err(FetchError::Silent));
    assert_eq!(listing(victim.repository.path()), victim.before);

    let (here, _there) = silent();
    let served = upload_pack::serve(&victim.repository, &here, &here, &ServeLimits::default());
    assert_matches!(served, Err(ServeError::Io(_)));
}

/// What the service says to a request, and how it ends.
fn ask(victim: &Victim, request: &[u8], limits: &ServeLimits) -> (Result<parv_store::Served, ServeError>, String) {
    let mut answer = Vec::new();
    let served = upload_pack::serve(&victim.repository, request, &mut answer, limits);
    (served, String::from_utf8_lossy(&answer).into_owned())
}

#[test]
fn requests_that_are_not_served() {
    let victim = Victim::new();
    let head = victim.repository.heads().unwrap()[0];
    let request = |command: &str, arguments: &[String]| {
        let arguments: Vec<u8> = arguments.iter().flat_map(|line| packet(line.as_bytes())).collect();
        [&packet(command.as_bytes())[..], b"0001", &arguments, b"0000"].concat()
    };
    let want = |id: CommitId| format!("want {id}\n");
    for (bytes, words) in [
        (request("command=push", &[]), "ERR invalid command 'command=push'"),
        (packet(&[b'x'; 60_000]), "ERR invalid command"),
        (b"0001".to_vec(), "ERR no command specified"),
        (
            request("command=fetch", &[want(CommitId::from_bytes([7; 20])), "done".into()]),
            "ERR upload-pack: not our ref 0707",
        ),
        (request("command=fetch", &[want(head), "deepen 1".into()]), "ERR unexpected line 'deepen 1'"),
        (request("command=fetch", &[want(head), "have nonsense".into()]), "ERR malformed object id"),
        (request("command=fetch", &[want(head), "filter blob:none".into()]), "ERR unexpected line"),
        (request("command=ls-refs", &["nonsense".into()]), "ERR unexpected line 'nonsense'"),
        ([&packet(b"command=fetch")[..], &packet(b"object-format=sha256"), b"0000"].concat(), "ERR unknown capability"),
        (b"zzzz".to_vec(), "ERR a packet's length"),
    ] {
        let (served, answer) = ask(&victim, &bytes, &ServeLimits::default());
        assert!(answer.contains(words), "{answer}");
        assert_matches!(served, Err(ServeError::Request(_)));
    }
    let haves = vec![format!("have {head}\n"); 11];
    let limits = ServeLimits { max_haves: 10, ..Default::default() };
    assert!(ask(&victim, &request("command=fetch", &haves), &limits).1.contains("ERR too many lines"));
    let endless = request("command=ls-refs", &[]).repeat(100);
    assert!(ask(&victim, &endless, &ServeLimits::default()).1.contains("ERR too many commands"));
    let clone = request("command=fetch", &[want(head), "done".into()]);
    let (served, answer) = ask(&victim, &clone, &ServeLimits { max_bytes: 99, ..Default::default() });
    assert_matches!(served, Err(ServeError::TooMuch(99)));
    assert!(!answer.contains("PACK"));
    let within = |max_bytes| ServeLimits { max_bytes, ..Default::default() };
    let enough = (100..).find(|bytes| ask(&victim, &clone, &within(*bytes)).0.is_ok()).unwrap();
    assert_matches!(ask(&victim, &clone.repeat(2), &within(enough)).0, Err(ServeError::TooMuch(_)));
    let no_time = ServeLimits { max_time: Duration::ZERO, ..Default::default() };
    assert_matches!(ask(&victim, &clone, &no_time).0, Err(ServeError::TooSlow(_)));
    assert_matches!(ask(&victim, b"00", &ServeLimits::default()).0, Err(ServeError::Io(_)));
    assert!(ask(&victim, b"", &ServeLimits::default()).0.unwrap().heads.is_empty());
    // A file or a tree is no commit that somebody could have.
    let commit = String::from_utf8(victim.repository.commit(&head).unwrap().unwrap()).unwrap();
    let tree = &commit["tree ".len()..][..40];
    let odd = request("command=fetch", &[want(head), format!("have {tree}")]);
    assert!(ask(&victim, &odd, &ServeLimits::default()).1.contains("NAK"));
    assert_eq!(listing(victim.repository.path()), victim.before);
}
