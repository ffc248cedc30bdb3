//! Stock tools, run for real.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Stdio};

/// What a tool did.
#[derive(Debug)]
pub struct Outcome {
    /// Whether it was content.
    pub success: bool,
    /// What it said, on both channels.
    pub said: String,
}

/// Runs `tool` of the Debian package `package` and gives it `input`. A test without its tool fails.
pub fn run<A: AsRef<OsStr>>(package: &str, tool: &str, args: impl IntoIterator<Item = A>, input: &[u8]) -> Outcome {
    let mut command = Command::new(tool);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("LC_ALL", "C").env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let mut child = command.spawn().unwrap_or_else(|error| {
        panic!("this test runs the real `{tool}` ({error}): install it with `apt install {package}`");
    });
    // A tool that refuses early may not read its input to the end.
    let _ = child.stdin.take().expect("it was piped").write_all(input);
    let output = child.wait_with_output().expect("a child can be waited for");
    let said = [output.stdout, output.stderr].concat();
    Outcome { success: output.status.success(), said: String::from_utf8_lossy(&said).into_owned() }
}

/// The same for a tool that must be content; gives what it said.
pub fn succeed<A: AsRef<OsStr>>(package: &str, tool: &str, args: impl IntoIterator<Item = A>, input: &[u8]) -> String {
    let outcome = run(package, tool, args, input);
    assert!(outcome.success, "{tool} refused: {}", outcome.said);
    outcome.said
}
