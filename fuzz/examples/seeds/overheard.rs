//! What two real devices say to each other when one fetches from the other.

use crate::{Done, put};
use parv_fuzz::fetch;
use parv_fuzz::sample::Sample;
use parv_store::{FetchLimits, Repository, ServeLimits, upload_pack};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread::{self, ScopedJoinHandle};

/// A clone, an update, and a fetch that brings nothing; and what git itself asks.
pub fn conversations(sample: &Sample) -> Done {
    let folder = tempfile::tempdir()?;
    let server = sample.store(&folder.path().join("server"), sample.commits.len());
    let newcomer = Repository::init(folder.path().join("newcomer"))?;
    let member = sample.store(&folder.path().join("member"), fetch::KNOWN);
    for (name, client) in [("clone", &newcomer), ("update", &member), ("nothing-new", &server)] {
        let (asked, said) = overhear(&server, client)?;
        put("serve", name, &asked)?;
        put("fetch", name, &said)?;
    }
    let of_git = [
        "0014command=ls-refs\n0015agent=git/2.39.50017object-format=sha10001",
        "0009peel\n000csymrefs\n000bunborn\n0014ref-prefix HEAD\n001bref-prefix refs/heads/\n0000",
    ];
    put("serve", "ls-refs-of-git", of_git.concat().as_bytes())?;
    put("fetch", "refused", b"000eversion 2\n0015ERR go away now\n")
}

/// Lets one repository fetch from another, and gives what either said: the fetching one, then the serving one.
fn overhear(server: &Repository, client: &Repository) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let (client_end, client_wire) = UnixStream::pair()?;
    let (server_end, server_wire) = UnixStream::pair()?;
    thread::scope(|scope| {
        let asked = scope.spawn(|| forward(&client_wire, &server_wire));
        let said = scope.spawn(|| forward(&server_wire, &client_wire));
        scope.spawn(|| {
            let _ = upload_pack::serve(server, &server_end, &server_end, &ServeLimits::default());
            server_end.shutdown(Shutdown::Both)
        });
        parv_store::fetch(client, &client_end, &client_end, &FetchLimits::default()).map_err(io::Error::other)?;
        client_end.shutdown(Shutdown::Both)?;
        let join = |thread: ScopedJoinHandle<'_, io::Result<Vec<u8>>>| {
            thread.join().map_err(|_| io::Error::other("a thread panicked"))?
        };
        Ok((join(asked)?, join(said)?))
    })
}

/// Passes on what one end says until it hangs up, and gives all of it.
fn forward(mut from: &UnixStream, mut to: &UnixStream) -> io::Result<Vec<u8>> {
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            let _ = to.shutdown(Shutdown::Write);
            return Ok(all);
        }
        all.extend(&buffer[..count]);
        // Who has hung up already does not hear the rest, which was said all the same.
        let _ = to.write_all(&buffer[..count]);
    }
}
