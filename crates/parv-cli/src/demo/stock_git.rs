//! Stock git, run as a stranger would run it: without anybody's configuration and without questions.

use super::broken::Broken;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The git of this machine.
#[derive(Debug)]
pub struct StockGit {
    home: PathBuf,
    version: String,
}

impl StockGit {
    /// Finds git and the ssh-keygen that it needs for signatures. `home` is an empty folder that stands in for the
    /// user's own.
    pub fn find(home: &Path) -> Result<Self, Broken> {
        let missing = |tool: &str, package: &str| {
            let how = format!("install it (Debian: apt install {package})");
            Broken::because(format!("{tool} is not on this machine, and the demo ends with it as the judge; {how}"))
        };
        let mut git = Self { home: home.to_owned(), version: String::new() };
        let version = git.command(["--version"]).output().map_err(|_| missing("git", "git"))?;
        git.version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
        // Without arguments ssh-keygen would make a key; at "-?" it prints its usage and ends.
        let keygen = Command::new("ssh-keygen").arg("-?").stdin(Stdio::null()).output();
        keygen.map_err(|_| missing("ssh-keygen", "openssh-client"))?;
        Ok(git)
    }

    /// What it calls itself.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Runs git and gives what it says, errors behind output.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<String, Broken> {
        let mut command = self.command(arguments);
        let output = command.output()?;
        let said = [output.stdout.as_slice(), &output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        succeeded(&command, &output)?;
        Ok(said)
    }

    /// Runs git in a repository with that standard input, and gives its standard output.
    pub fn feed(&self, repository: &Path, arguments: &[&str], input: &[u8]) -> Result<String, Broken> {
        let mut command = self.command(["-C".as_ref(), repository.as_os_str()]);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        // Everything that is fed here is far smaller than a pipe's buffer, so this cannot wait for git to read.
        child.stdin.take().expect("it was piped").write_all(input)?;
        let output = child.wait_with_output()?;
        succeeded(&command, &output)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Whether a repository has an object, whether anything refers to it or not.
    pub fn has_object(&self, repository: &Path, id: &str) -> Result<bool, Broken> {
        let mut command = self.command(["-C".as_ref(), repository.as_os_str()]);
        Ok(command.args(["cat-file", "-e", id]).stderr(Stdio::null()).status()?.success())
    }

    fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GIT_") {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("HOME", &self.home)
            .env_remove("XDG_CONFIG_HOME")
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        command
    }
}

fn succeeded(command: &Command, output: &Output) -> Result<(), Broken> {
    match output.status.success() {
        true => Ok(()),
        false => {
            let arguments: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
            let why = String::from_utf8_lossy(&output.stderr);
            Err(Broken::because(format!("git {} failed ({}): {}", arguments.join(" "), output.status, why.trim())))
        }
    }
}
