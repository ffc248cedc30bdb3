//! The peer: stock git, run as people run it, without this machine's own configuration.

use parv_identity::{DeviceKey, sshsig};
use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
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
        let tree = run(git(folder.path()).args(["mktree"]).stdin(Stdio::null()))?;
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

/// A repository that is written object by object, for histories that no command of git writes.
pub struct Loose {
    folder: tempfile::TempDir,
}

impl Loose {
    /// Makes the repository.
    pub fn new() -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        run(git(folder.path()).args(["init", "--quiet", "--bare", "repository"]))?;
        Ok(Self { folder })
    }

    /// Writes objects of one kind.
    pub fn write(&self, kind: &str, objects: &[Vec<u8>]) -> io::Result<()> {
        let (folder, list) = (self.folder.path().join(kind), self.folder.path().join("list"));
        std::fs::create_dir(&folder)?;
        let mut paths = String::new();
        for (number, bytes) in objects.iter().enumerate() {
            let path = folder.join(number.to_string());
            std::fs::write(&path, bytes)?;
            paths += &format!("{}\n", path.display());
        }
        std::fs::write(&list, paths)?;
        let mut command = self.git();
        run(command.args(["hash-object", "-w", "-t", kind, "--stdin-paths"]).stdin(File::open(&list)?)).map(drop)
    }

    /// Packs what this commit reaches into a bundle with a branch `main`.
    pub fn bundle(&self, head: &str, path: &Path) -> io::Result<()> {
        run(self.git().args(["update-ref", "refs/heads/main", head]))?;
        run(self.git().args(["bundle", "create", "--quiet"]).arg(path).arg("refs/heads/main")).map(drop)
    }

    fn git(&self) -> Command {
        git(&self.folder.path().join("repository"))
    }
}

/// Times a clone from a URL.
pub fn clone(url: &str) -> io::Result<Duration> {
    let target = tempfile::tempdir()?;
    let start = Instant::now();
    run(git(target.path()).args(["clone", "--quiet", "--bare", url, "."]))?;
    Ok(start.elapsed())
}

/// Copies a repository to a folder that is not there yet.
pub fn copy(repository: &Path, target: &Path) -> io::Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    run(git(folder).args(["clone", "--quiet", "--mirror", "--no-local"]).arg(repository).arg(target)).map(drop)
}

/// A `git daemon` that serves one repository; it ends with this.
pub struct Daemon {
    child: Child,
    url: String,
}

impl Daemon {
    /// Starts it and waits until it answers.
    pub fn start(repository: &Path) -> io::Result<Self> {
        let name = repository.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = repository.parent().unwrap_or(Path::new("."));
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        // Git's own program, not the one that would start it: it is the one to be ended.
        let program = Path::new(&run(Command::new("git").arg("--exec-path"))?).join("git-daemon");
        let child = Command::new(program)
            .args(["--export-all", "--reuseaddr", "--listen=127.0.0.1", &format!("--port={port}")])
            .arg(format!("--base-path={}", folder.display()))
            .stderr(Stdio::null())
            .spawn()?;
        let daemon = Self { child, url: format!("git://127.0.0.1:{port}/{name}") };
        let end = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > end {
                return Err(io::Error::other("git daemon does not answer; is it installed?"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(daemon)
    }

    /// What to clone.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// Packs a repository as small as stock git does by itself.
pub fn gc(repository: &Path) -> io::Result<()> {
    run(git(repository).args(["gc", "--quiet", "--prune=now"])).map(drop)
}
