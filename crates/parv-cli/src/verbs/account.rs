//! `parv account create`.

use crate::args::Global;
use crate::failure::Failure;
use crate::home;
use parv::{Account, NewAccount};
use parv_daemon::Answer;
use parv_daemon::answer::AccountView;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// The longest password that is read, in bytes: nobody types more, and a wrong file is not swallowed whole.
const MAX_PASSWORD_BYTES: u64 = 1024;

/// Makes an account and shows it.
pub fn create(global: &Global, name: String, password_file: Option<PathBuf>) -> Result<(), Failure> {
    let name = name.trim().to_owned();
    if name.is_empty() {
        return Err(Failure::Usage("an account needs a name that others can see: --name NAME".into()));
    }
    let password = password_file.as_deref().map(read_password).transpose()?;
    let account = Account::create(&home::folder(global)?, NewAccount { name, password })?;
    let view = AccountView {
        uri: account.uri(),
        device: account.device_id(),
        name: account.name().to_owned(),
        folder: account.folder().to_owned(),
        addresses: Vec::new(),
    };
    super::show(global, &Answer::Account(view))
}

/// The first line of the file.
fn read_password(path: &Path) -> Result<String, Failure> {
    let fail =
        |why: &dyn std::fmt::Display| Failure::error(format!("cannot read a password from {}: {why}", path.display()));
    let file = File::open(path).map_err(|error| fail(&error))?;
    let mut line = String::new();
    BufReader::new(file.take(MAX_PASSWORD_BYTES + 1)).read_line(&mut line).map_err(|error| fail(&error))?;
    if line.len() as u64 > MAX_PASSWORD_BYTES {
        return Err(fail(&format!("its first line is longer than {MAX_PASSWORD_BYTES} bytes")));
    }
    match line.trim_end_matches(['\n', '\r']) {
        "" => Err(fail(&"its first line is empty")),
        password => Ok(password.to_owned()),
    }
}
