//! What the tests of the command share: the real binary, data folders of their own, and an end to every wait.

#![allow(dead_code, reason = "every test file uses its own part of this")]

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// How long anything may take before the test is lost. Everything takes a fraction of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a finished command left behind.
#[derive(Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Done {
    /// Standard output of a command that succeeded.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// Standard output of a command that succeeded, as one JSON document.
    #[track_caller]
    pub fn json(self) -> Value {
        let out = self.ok();
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
    }

    /// The one line of complaint of a command that failed with that exit code.
    #[track_caller]
    pub fn failed(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.err.trim_end().lines().count(), 1, "{self:?}");
        assert!(self.err.starts_with("parv: "), "{self:?}");
        assert!(!self.err.contains("panicked"), "{self:?}");
        self.err
    }
}

/// A data folder that is removed at the end.
#[derive(Debug)]
pub struct Home(tempfile::TempDir);

impl Home {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A data folder with one account.
    pub fn with_account(name: &str) -> Self {
        let home = Self::new();
        home.run(["account", "create", "--name", name]).ok();
        home
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs a verb to its end.
    #[track_caller]
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Done {
        self.run_with_input(arguments, "")
    }

    /// The same, with `--json` and success.
    #[track_caller]
    pub fn json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Value {
        let mut command = self.command(arguments);
        command.arg("--json");
        finish(command, "").json()
    }

    #[track_caller]
    pub fn run_with_input<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>, input: &str) -> Done {
        finish(self.command(arguments), input)
    }

    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = parv();
        command.arg("--home").arg(self.path()).args(arguments);
        command
    }

    pub fn uri(&self) -> String {
        self.json(["account", "show"])["uri"].as_str().unwrap().to_owned()
    }

    /// Begins a conversation and gives its id.
    pub fn new_conversation(&self) -> String {
        self.json(["new"])["id"].as_str().unwrap().to_owned()
    }

    /// The texts of a conversation, oldest first.
    pub fn texts(&self, conversation: &str) -> Vec<String> {
        let log = self.json(["log", conversation]);
        let bodies = log["entries"].as_array().unwrap().iter().filter_map(|entry| entry["message"]["body"].as_str());
        bodies.map(str::to_owned).collect()
    }

    /// The folder of the only account.
    pub fn account_folder(&self) -> PathBuf {
        self.path().join(self.uri())
    }

    pub fn repository(&self, conversation: &str) -> PathBuf {
        self.account_folder().join("conversations").join(conversation)
    }

    /// Starts a daemon that listens on loopback, and waits until it is ready.
    pub fn daemon<S: AsRef<OsStr>>(&self, more: impl IntoIterator<Item = S>) -> Daemon {
        // TCP: a peer that is gone refuses at once, QUIC lets its friends wait for seconds.
        let loopback = "/ip4/127.0.0.1/tcp/0";
        let mut command = self.command(["daemon", "--json", "--no-mdns", "--listen", loopback]);
        command.args(more);
        let mut process = Process::spawn(command);
        let ready = process.line("the daemon is ready");
        let addresses = ready["addresses"].as_array().unwrap();
        let address = addresses[0].as_str().unwrap().to_owned();
        Daemon { process, address, socket: ready["socket"].as_str().unwrap().into() }
    }

    /// Starts a public node on loopback, and gives the address that others begin with.
    pub fn public_node(&self) -> (Process, String) {
        let mut process = Process::spawn(self.command(["bootstrap", "--json", "--listen", "/ip4/127.0.0.1/tcp/0"]));
        let ready = process.line("the public node is ready");
        let address = ready["addresses"][0].as_str().unwrap().to_owned();
        (process, address)
    }

    /// Starts listening to the daemon's events, and waits until it really does.
    pub fn events(&self) -> Process {
        let mut process = Process::spawn(self.command(["events", "--json"]));
        let first = process.line("the daemon tells events");
        assert_eq!(first["event"], "following", "{first}");
        process
    }
}

/// The binary, without anything of the user's.
pub fn parv() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parv"));
    command.env_remove("PARV_LOG").env_remove("XDG_DATA_HOME").env("HOME", "/nonexistent");
    command
}

/// Runs a command to its end.
#[track_caller]
pub fn finish(mut command: Command, input: &str) -> Done {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // A command that does not read its input may be gone before it is written.
    std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let mut out = child.stdout.take().unwrap();
    let mut err = child.stderr.take().unwrap();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let said = std::thread::spawn(move || read_all(&mut err));
        let out = read_all(&mut out);
        let _ = sender.send((out, said.join().unwrap()));
    });
    match receiver.recv_timeout(PATIENCE) {
        Ok((out, err)) => Done { code: child.wait().unwrap().code(), out, err },
        Err(_) => {
            child.kill().unwrap();
            panic!("{command:?} did not end");
        }
    }
}

fn read_all(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A process that goes on, and prints one JSON document per line.
#[derive(Debug)]
pub struct Process {
    child: Child,
    lines: Receiver<String>,
    complaints: Receiver<String>,
}

impl Process {
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = follow(child.stdout.take().unwrap());
        let complaints = follow(child.stderr.take().unwrap());
        Self { child, lines, complaints }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of standard output.
    #[track_caller]
    pub fn line(&mut self, awaited: &str) -> Value {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")),
            Err(_) => {
                panic!("in vain for this: {awaited}; complaints: {:?}", self.complaints.try_iter().collect::<Vec<_>>())
            }
        }
    }

    /// The next line for which `recognise` holds.
    #[track_caller]
    pub fn until(&mut self, awaited: &str, recognise: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.line(awaited);
            if recognise(&line) {
                return line;
            }
        }
    }

    /// The next line of standard error.
    #[track_caller]
    pub fn complaint(&mut self) -> String {
        self.complaints.recv_timeout(PATIENCE).expect("the process complains")
    }

    /// What it has said on standard error and nobody has heard yet.
    pub fn complaints(&self) -> Vec<String> {
        self.complaints.try_iter().collect()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end.
    pub fn end(&mut self) -> ExitStatus {
        // Standard output is closed when the process ends.
        while self.lines.recv_timeout(PATIENCE).is_ok() {}
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn follow(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// A running daemon; killed at the end.
#[derive(Debug)]
pub struct Daemon {
    pub process: Process,
    pub address: String,
    pub socket: PathBuf,
}

/// Runs stock git without anybody's configuration.
#[track_caller]
pub fn git<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Done {
    let mut command = Command::new("git");
    command.args(arguments).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("LC_ALL", "C");
    finish(command, "")
}
