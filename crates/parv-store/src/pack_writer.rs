//! Writing packs that are small and quick to read: chains of deltas are kept short.
//!
//! A commit is written as a delta against one of the same author, always the same one while the tree stays the same: what
//! its messages share they share with any of them, and reading one takes a single step. A tree is a delta against the one
//! before it.

use crate::delta::Base;
use gix::ObjectId;
use gix::hash::Hasher;
use gix::objs::Kind;
use gix::zlib::stream::deflate::{Compress, FlushCompress};
use gix::zlib::{Compression, Status};
use gix_pack::data::entry::Header;
use std::collections::HashMap;
use std::io::{self, Write};

/// How many steps reading an object may take.
const MAX_CHAIN: u32 = 16;

/// How many bases are kept in memory, one for each author and each folder.
const MAX_BASES: usize = 1024;

/// Larger objects are written whole, so that the bases fit into memory.
const MAX_DELTA_BYTES: usize = 64 * 1024;

/// Writes one pack to its end. Objects must not be written twice.
pub(crate) struct PackWriter<W> {
    out: W,
    offset: u64,
    hasher: Hasher,
    compress: Compress,
    bases: HashMap<Vec<u8>, Written>,
}

/// An object in the pack that others are made from.
struct Written {
    base: Base,
    tree: Vec<u8>,
    offset: u64,
    chain: u32,
}

impl<W: Write> PackWriter<W> {
    /// Begins a pack with so many objects.
    pub fn begin(out: W, objects: u32) -> io::Result<Self> {
        let mut this = Self {
            out,
            offset: 0,
            hasher: gix::hash::hasher(gix::hash::Kind::Sha1),
            compress: Compress::new(Compression::DEFAULT),
            bases: HashMap::new(),
        };
        this.put(&gix_pack::data::header::encode(gix_pack::data::Version::V2, objects))?;
        Ok(this)
    }

    /// Writes an object.
    pub fn add(&mut self, kind: Kind, bytes: &[u8]) -> io::Result<()> {
        let offset = self.offset;
        let family = family(kind, bytes);
        let before = family.as_ref().and_then(|family| self.bases.get(family));
        let delta = before.filter(|written| written.chain < MAX_CHAIN).map(|written| {
            let header = Header::OfsDelta { base_distance: offset - written.offset };
            (header, written.base.delta(bytes), written.chain + 1)
        });
        let delta = delta.filter(|(_, delta, _)| delta.len() < bytes.len() / 2);
        let tree = if kind == Kind::Commit { first_line(bytes) } else { b"" };
        let as_good = before.is_some_and(|written| kind == Kind::Commit && written.tree == tree) && delta.is_some();
        let (header, content, chain) = match &delta {
            Some((header, delta, chain)) => (*header, delta.as_slice(), *chain),
            None => (whole(kind), bytes, 0),
        };
        let mut entry = Vec::new();
        header.write_to(content.len() as u64, &mut entry)?;
        self.deflate(content, &mut entry)?;
        self.put(&entry)?;
        if let Some(family) = family.filter(|_| !as_good) {
            if self.bases.len() >= MAX_BASES {
                self.bases.clear();
            }
            self.bases.insert(family, Written { base: Base::new(bytes), tree: tree.to_vec(), offset, chain });
        }
        Ok(())
    }

    /// Writes an object as it is, quickly, and gives the CRC-32 of its entry.
    pub fn add_uncompressed(&mut self, kind: Kind, bytes: &[u8]) -> io::Result<u32> {
        let mut entry = Vec::with_capacity(bytes.len() + 64);
        whole(kind).write_to(bytes.len() as u64, &mut entry)?;
        put_stored(bytes, &mut entry);
        self.put(&entry)?;
        Ok(crc32fast::hash(&entry))
    }

    /// Writes an object that was compressed before, as it is.
    pub fn copy(&mut self, header: Header, size: u64, compressed: &[u8]) -> io::Result<()> {
        let mut head = Vec::with_capacity(16);
        header.write_to(size, &mut head)?;
        self.put(&head)?;
        self.put(compressed)
    }

    /// Where the next object begins, in bytes from the start of the pack.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Ends the pack, and gives back what it was written to, with the hash that the pack ends with.
    pub fn finish(mut self) -> io::Result<(W, ObjectId)> {
        let hash = self.hasher.try_finalize().map_err(io::Error::other)?;
        self.out.write_all(hash.as_bytes())?;
        Ok((self.out, hash))
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.offset += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    fn deflate(&mut self, mut content: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        self.compress.reset();
        let mut buffer = [0; 4096];
        loop {
            let (read, written) = (self.compress.total_in(), self.compress.total_out());
            let status =
                self.compress.compress(content, &mut buffer, FlushCompress::Finish).map_err(io::Error::other)?;
            content = &content[(self.compress.total_in() - read) as usize..];
            out.extend_from_slice(&buffer[..(self.compress.total_out() - written) as usize]);
            if status == Status::StreamEnd {
                return Ok(());
            }
        }
    }
}

/// Wraps bytes into a zlib stream (RFC 1950) of stored blocks (RFC 1951), which says where it ends but compresses nothing.
fn put_stored(bytes: &[u8], out: &mut Vec<u8>) {
    const HEADER: [u8; 2] = [0x78, 0x01];
    out.extend(HEADER);
    let mut blocks = bytes.chunks(usize::from(u16::MAX)).peekable();
    if blocks.peek().is_none() {
        out.extend([1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let length = block.len() as u16;
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.extend(adler32(bytes).to_be_bytes());
}

/// The checksum at the end of a zlib stream.
fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    /// After so many bytes the sums could overflow.
    const RUN: usize = 5552;
    let (mut one, mut two) = (1, 0);
    for run in bytes.chunks(RUN) {
        for byte in run {
            one += u32::from(*byte);
            two += one;
        }
        one %= MODULUS;
        two %= MODULUS;
    }
    two << 16 | one
}

fn whole(kind: Kind) -> Header {
    match kind {
        Kind::Commit => Header::Commit,
        Kind::Tree => Header::Tree,
        Kind::Blob => Header::Blob,
        Kind::Tag => Header::Tag,
    }
}

/// What an object has in common with others that are probably like it: a commit its author, a tree its first name.
fn family(kind: Kind, bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() > MAX_DELTA_BYTES {
        return None;
    }
    match kind {
        Kind::Commit => {
            let author = bytes.split(|&byte| byte == b'\n').find(|line| line.starts_with(b"author "))?;
            Some(author.rsplitn(3, |&byte| byte == b' ').last()?.to_vec())
        }
        Kind::Tree => Some(bytes.split(|&byte| byte == 0).next()?.to_vec()),
        Kind::Blob | Kind::Tag => None,
    }
}

fn first_line(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == b'\n').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_inflates_to_itself() {
        for length in [0, 1, 600, 5551, 5552, 5553, 65_535, 65_536, 200_000] {
            let bytes: Vec<u8> = (0..length).map(|at| (at * 31 % 251) as u8).collect();
            let mut stored = Vec::new();
            put_stored(&bytes, &mut stored);
            let mut out = vec![0; length];
            let (status, read, written) = gix::zlib::Inflate::default().once(&stored, &mut out).unwrap();
            assert_eq!((status, read, written), (Status::StreamEnd, stored.len(), length));
            assert_eq!(out, bytes);
        }
    }
}
