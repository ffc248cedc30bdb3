//! Stock git cloning from Parv, against stock git cloning from `git daemon`; and the fetch of a single message.

use crate::past::Past;
use crate::sample::{self, Rounds};
use crate::table::{Goal, Row};
use crate::{Scale, git};
use parv_store::{FetchLimits, Repository, ServeLimits, fetch, upload_pack};
use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// The same repository, the same client, the two servers in turn.
pub fn clone(scale: &Scale, past: &Past) -> Result<Row, Box<dyn std::error::Error>> {
    let repository = Repository::open(past.repository())?;
    repository.consolidate(&AtomicBool::new(false))?;
    let ours = serve(&repository)?;
    let daemon = git::Daemon::start(&past.repository())?;
    let mut rounds = Rounds::default();
    for _ in 0..scale.rounds {
        rounds.add(git::clone(&ours)?.as_secs_f64(), git::clone(daemon.url())?.as_secs_f64());
    }
    Ok(Row {
        key: "serve_clone_vs_git_daemon",
        what: format!("git clone of {} messages from parv, against git clone from git daemon", past.messages),
        figure: rounds.ratio(),
        unit: "×",
        goal: Goal::AtMost(1.5),
        detail: rounds.times("parv", "git daemon"),
    })
}

/// One message more over a connection of its own, between two stores: no rules, no announcement.
pub async fn one(scale: &Scale, past: &Past) -> Result<Row, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    git::copy(&past.repository(), &folder.path().join("behind"))?;
    let behind = Repository::open(folder.path().join("behind"))?;
    past.conversation.send("one message more").await?;
    let url = serve(&Repository::open(past.repository())?)?;
    let address = url.trim_start_matches("git://").trim_end_matches("/conversation");
    let mut times = Vec::new();
    for _ in 0..scale.hops {
        let start = Instant::now();
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        request(&stream)?;
        let fetched = fetch(&behind, &stream, &stream, &FetchLimits::default())?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
        if fetched.is_none_or(|fetched| fetched.new_commits().len() != 1) {
            return Err("not one commit was fetched".into());
        }
    }
    Ok(Row {
        key: "fetch_one_ms",
        what: "fetching one message over loopback, from connecting until it is whole and in quarantine".into(),
        figure: sample::median(times),
        unit: "ms",
        goal: Goal::AtMost(3.0),
        detail: format!("median of {}, in a conversation of {} messages", scale.hops, past.messages),
    })
}

/// Serves a repository as `git daemon` does, for as long as the program runs.
fn serve(repository: &Repository) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("git://{}/conversation", listener.local_addr()?);
    let repository = repository.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let served = stream.set_nodelay(true).and_then(|()| skip_request(&stream)).map(|()| {
                upload_pack::serve(&repository, &stream, &stream, &ServeLimits::default()).map_err(io::Error::other)
            });
            if let Err(error) = served.flatten() {
                eprintln!("parv-bench: a service ended early: {error}");
            }
        }
    });
    Ok(url)
}

/// What a client of the git protocol says first.
fn request(mut stream: &TcpStream) -> io::Result<()> {
    let text = "git-upload-pack /conversation\0host=localhost\0\0version=2\0";
    io::Write::write_all(&mut stream, format!("{:04x}{text}", text.len() + 4).as_bytes())
}

fn skip_request(mut stream: &TcpStream) -> io::Result<()> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = std::str::from_utf8(&length).ok().and_then(|hex| usize::from_str_radix(hex, 16).ok());
    let length =
        length.filter(|length| *length >= 4).ok_or_else(|| io::Error::other("no request of the git protocol"))?;
    stream.read_exact(&mut vec![0; length - 4])
}
