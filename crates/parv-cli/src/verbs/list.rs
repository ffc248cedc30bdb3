//! `parv list`: the conversations, and the archives after them.

use super::archive::{self, Glance};
use crate::args::Global;
use crate::failure::Failure;
use crate::output;
use crate::session::{Reach, Session};
use parv_daemon::{Answer, Request};
use std::io::Write;

/// Prints them.
pub async fn print(global: &Global) -> Result<(), Failure> {
    let mut session = Session::open(global, Reach::Nobody).await?;
    let answer = session.call(Request::List).await;
    session.close().await;
    let answer = answer?;
    let archives = archive::all(global)?;
    let mut out = std::io::stdout().lock();
    if global.json {
        let mut all = answer.data();
        if let Some(list) = all.as_array_mut() {
            let glances = archives.iter().map(|archive| serde_json::to_value(Glance::of(archive)));
            list.extend(glances.filter_map(Result::ok));
        }
        output::json(&mut out, &all)?;
    } else {
        let nothing = matches!(&answer, Answer::Conversations(own) if own.is_empty());
        if archives.is_empty() || !nothing {
            output::answer(&mut out, &answer)?;
        }
        archives.iter().try_for_each(|archive| archive::glance(&mut out, archive))?;
    }
    Ok(out.flush()?)
}
