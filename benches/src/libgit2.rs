//! libgit2 as a peer: a program of its own outside the workspace (`bench-peers/`), so that the engine stays free of it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The program.
pub struct Libgit2 {
    program: PathBuf,
}

impl Libgit2 {
    /// What its row says when it is not there.
    pub const HOW_TO_BUILD: &str =
        "not measured: the peer is not built (cargo build --release --manifest-path bench-peers/Cargo.toml)";

    /// The program, if it was built.
    pub fn find() -> Option<Self> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench-peers/target/release/parv-bench-libgit2");
        program.is_file().then_some(Self { program })
    }

    /// Lets it write so many signed commits into a new repository, each on the one before, and move the branch at the end.
    pub fn write(&self, count: usize) -> io::Result<Duration> {
        let output = Command::new(&self.program).arg(count.to_string()).output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        match said.trim().parse() {
            Ok(seconds) if output.status.success() => Ok(Duration::from_secs_f64(seconds)),
            _ => Err(io::Error::other(format!("the libgit2 peer failed: {}", String::from_utf8_lossy(&output.stderr)))),
        }
    }
}
