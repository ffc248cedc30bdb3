//! The peer: stock git, run as people run it, without this machine's own configuration.

use parv_identity::{DeviceKey, sshsig};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(folder).env_clear().envs(std::env::vars_os().filter(|(key, _)| key == "PATH"));
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("HOME", folder);
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "bench").env(format!("GIT_{role}_EMAIL"), "bench@localhost");
    }
    command
}

fn run(command: &mut Command) -> io::Result<String> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Which git this is.
pub fn version() -> io::Result<String> {
    let missing = |error| io::Error::other(format!("stock git is the peer and does not run ({error}); install git"));
    run(Command::new("git").arg("--version")).map_err(missing)
}

/// A repository in which stock git writes signed commits, one process each, as a script would.
pub struct CommitTree {
    folder: tempfile::TempDir,
    tree: String,
    head: Option<String>,
}

impl CommitTree {
    /// Makes the repository and a signing key.
    pub fn new() -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let key = DeviceKey::generate().map_err(io::Error::other)?;
        let key_file = folder.path().join("key");
        std::fs::write(&key_file, sshsig::openssh_private_key(&key).as_bytes())?;
        std::fs::set_permissions(&key_file, std::fs::Permissions::from_mode(0o600))?;
        run(git(folder.path()).args(["init", "--quiet", "--bare", "."]))?;
        run(git(folder.path()).args(["config", "gpg.format", "ssh"]))?;
        run(git(folder.path()).args(["config", "user.signingkey"]).arg(&key_file))?;
        let tree = run(git(folder.path()).args(["mktree"]).stdin(std::process::Stdio::null()))?;
        Ok(Self { folder, tree, head: None })
    }

    /// Writes so many commits, each on the one before, and moves the branch each time.
    pub fn write(&mut self, count: usize) -> io::Result<Duration> {
        let start = Instant::now();
        for _ in 0..count {
            let mut command = git(self.folder.path());
            command.args(["commit-tree", "-S", &self.tree, "-m", r#"{"body":"hello swarm","type":"text/plain"}"#]);
            if let Some(head) = &self.head {
                command.args(["-p", head]);
            }
            let commit = run(&mut command)?;
            run(git(self.folder.path()).args(["update-ref", "refs/heads/main", &commit]))?;
            self.head = Some(commit);
        }
        Ok(start.elapsed())
    }
}

/// Times a clone over git's own protocol between two processes, as from another machine (no hard links).
pub fn clone(repository: &Path) -> io::Result<Duration> {
    let target = tempfile::tempdir()?;
    let start = Instant::now();
    run(git(target.path())
        .args(["clone", "--quiet", "--bare"])
        .arg(format!("file://{}", repository.display()))
        .arg("."))?;
    Ok(start.elapsed())
}

/// Packs a repository as small as stock git does by itself.
pub fn gc(repository: &Path) -> io::Result<()> {
    run(git(repository).args(["gc", "--quiet", "--prune=now"])).map(drop)
}
