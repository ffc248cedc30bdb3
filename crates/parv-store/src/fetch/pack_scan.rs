//! Measuring a pack while it streams in, before anything else may unpack it.
//!
//! gix inflates an object before it looks at its size, so a few megabytes could make it work through gigabytes. The scan
//! sees every byte first: it reads the declared sizes, inflates each entry into a small buffer that is thrown away, and
//! stops at the first byte that breaks a limit. What passes is a pack of commits, trees and files, complete in itself (no
//! delta against an object elsewhere), with every size as declared.
//!
//! It does not resolve deltas, name objects or check the trailing hash: gix does, on what passed.

use super::error::FetchError;
use super::limits::{EXPANSION_ALLOWANCE, FetchLimits, INFLATION_ALLOWANCE};
use gix::zlib::{Decompress, FlushDecompress, Status};

/// The longest pair of sizes that a delta may begin with, in bytes: two numbers of 64 bits.
const MAX_DELTA_HEADER: usize = 20;

/// A scan under way.
pub(crate) struct PackScan<'a> {
    limits: &'a FetchLimits,
    state: State,
    /// How many bytes of the pack were seen.
    position: u64,
    objects_left: u32,
    /// Where each object begins, in the order of the pack: bases are looked up by their position.
    objects: Vec<Object>,
    commits: u64,
    /// What came out of the compressed streams so far, in bytes.
    inflated: u64,
    /// What all objects have together when deltas are applied, in bytes.
    resolved: u64,
    inflate: Decompress,
    scratch: Vec<u8>,
}

/// An object of the pack.
struct Object {
    position: u64,
    /// In bytes, when all deltas are applied.
    size: u32,
    depth: u16,
}

/// Where in the pack the next byte is.
enum State {
    /// `PACK`, the version and the number of objects.
    Header(Vec<u8>),
    /// The kind and the size of an entry, at this position.
    Size {
        start: u64,
        kind: u8,
        size: u64,
        shift: u32,
    },
    /// How far back the base of a delta begins.
    Base {
        start: u64,
        size: u64,
        distance: u64,
        digits: u32,
    },
    /// The compressed contents.
    Contents(Contents),
    /// The hash over all of it, of which this many bytes are still to come.
    Trailer(usize),
    Done,
}

struct Contents {
    start: u64,
    size: u64,
    seen: u64,
    /// The base's size and depth, and the first bytes of the delta.
    delta: Option<(u32, u16, Vec<u8>)>,
}

impl<'a> PackScan<'a> {
    pub fn new(limits: &'a FetchLimits) -> Self {
        Self {
            limits,
            state: State::Header(Vec::with_capacity(12)),
            position: 0,
            objects_left: 0,
            objects: Vec::new(),
            commits: 0,
            inflated: 0,
            resolved: 0,
            inflate: Decompress::new(),
            scratch: vec![0; 16 * 1024],
        }
    }

    /// Whether the pack is over.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Looks at the next bytes of the pack.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), FetchError> {
        limit("bytes of the pack", self.position.saturating_add(bytes.len() as u64), self.limits.max_pack_bytes)?;
        while let Some((&byte, rest)) = bytes.split_first() {
            let state = std::mem::replace(&mut self.state, State::Done);
            if let State::Contents(contents) = state {
                let used = self.contents(contents, bytes)?;
                bytes = &bytes[used..];
                continue;
            }
            self.position += 1;
            bytes = rest;
            self.state = match state {
                State::Header(header) => self.header(header, byte)?,
                State::Size { start, kind, size, shift } => self.size(start, kind, size, shift, byte)?,
                State::Base { start, size, distance, digits } => self.base(start, size, distance, digits, byte)?,
                State::Trailer(left) if left > 1 => State::Trailer(left - 1),
                State::Trailer(_) => State::Done,
                State::Contents(_) | State::Done => return Err(malformed("something follows its end")),
            };
        }
        Ok(())
    }

    fn header(&mut self, mut header: Vec<u8>, byte: u8) -> Result<State, FetchError> {
        header.push(byte);
        let Ok(whole) = <[u8; 12]>::try_from(header.as_slice()) else {
            return Ok(State::Header(header));
        };
        let Some(&[a, b, c, d]) = whole.strip_prefix(b"PACK\0\0\0\x02").and_then(|count| count.first_chunk()) else {
            return Err(malformed("it is no pack of version 2"));
        };
        self.objects_left = u32::from_be_bytes([a, b, c, d]);
        limit("objects in the pack", self.objects_left.into(), self.limits.max_objects.into())?;
        Ok(self.next_object())
    }

    fn next_object(&mut self) -> State {
        match self.objects_left.checked_sub(1) {
            None => State::Trailer(20),
            Some(left) => {
                self.objects_left = left;
                State::Size { start: self.position, kind: 0, size: 0, shift: 0 }
            }
        }
    }

    fn size(&mut self, start: u64, mut kind: u8, mut size: u64, mut shift: u32, byte: u8) -> Result<State, FetchError> {
        if shift == 0 {
            kind = byte >> 4 & 0b111;
            size = u64::from(byte & 0b1111);
            shift = 4;
        } else {
            // Within these bits no size is lost; far larger ones are refused below.
            if shift > 53 || byte == 0 {
                return Err(malformed("a size is not written as git writes it"));
            }
            size |= u64::from(byte & 0x7f) << shift;
            shift += 7;
        }
        limit("bytes of an object", size, self.limits.max_object_bytes.into())?;
        if byte & 0x80 != 0 {
            return Ok(State::Size { start, kind, size, shift });
        }
        match kind {
            1..=3 => {
                self.commits += u64::from(kind == 1);
                limit("commits", self.commits, self.limits.max_commits as u64)?;
                self.resolve(start, size, 0)?;
                Ok(self.begin_contents(Contents { start, size, seen: 0, delta: None }))
            }
            4 => Err(malformed("it holds a tag")),
            6 => Ok(State::Base { start, size, distance: 0, digits: 0 }),
            7 => Err(FetchError::MissingBase),
            _ => Err(malformed("it holds an object of no kind")),
        }
    }

    fn base(&mut self, start: u64, size: u64, distance: u64, digits: u32, byte: u8) -> Result<State, FetchError> {
        if digits >= 8 {
            return Err(malformed("the base of a delta is too far away"));
        }
        let carried = if digits == 0 { 0 } else { distance + 1 };
        let distance = carried << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            return Ok(State::Base { start, size, distance, digits: digits + 1 });
        }
        let position = start.checked_sub(distance).ok_or(FetchError::MissingBase)?;
        let at = self.objects.binary_search_by_key(&position, |object| object.position);
        let base = at.ok().and_then(|at| self.objects.get(at)).ok_or(FetchError::MissingBase)?;
        limit("deltas on top of each other", u64::from(base.depth) + 1, self.limits.max_delta_depth.into())?;
        let delta = Some((base.size, base.depth, Vec::with_capacity(MAX_DELTA_HEADER)));
        Ok(self.begin_contents(Contents { start, size, seen: 0, delta }))
    }

    fn begin_contents(&mut self, contents: Contents) -> State {
        self.inflate.reset();
        State::Contents(contents)
    }

    /// Inflates as much as there is, and says how many bytes it took.
    fn contents(&mut self, mut contents: Contents, bytes: &[u8]) -> Result<usize, FetchError> {
        let mut used = 0;
        loop {
            let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self
                .inflate
                .decompress(&bytes[used..], &mut self.scratch, FlushDecompress::None)
                .map_err(|error| FetchError::Pack(error.to_string()))?;
            let taken = (self.inflate.total_in() - before_in) as usize;
            let given = (self.inflate.total_out() - before_out) as usize;
            used += taken;
            self.position += taken as u64;
            contents.seen += given as u64;
            self.inflated += given as u64;
            if contents.seen > contents.size {
                return Err(malformed("an object inflates to more than it declares"));
            }
            let allowed = self.allowed(self.limits.max_inflation_ratio, INFLATION_ALLOWANCE);
            limit("bytes that the pack inflates to", self.inflated, allowed)?;
            if let Some((.., header)) = &mut contents.delta {
                let room = MAX_DELTA_HEADER - header.len();
                header.extend_from_slice(&self.scratch[..given.min(room)]);
            }
            if status == Status::StreamEnd {
                if contents.seen != contents.size {
                    return Err(malformed("an object inflates to less than it declares"));
                }
                self.end_contents(contents)?;
                return Ok(used);
            }
            if used == bytes.len() && given < self.scratch.len() {
                self.state = State::Contents(contents);
                return Ok(used);
            }
            if taken == 0 && given == 0 {
                return Err(malformed("an object cannot be inflated"));
            }
        }
    }

    /// How many bytes may come out of as much of the pack as was seen.
    fn allowed(&self, ratio: u64, allowance: u64) -> u64 {
        self.position.saturating_mul(ratio).saturating_add(allowance).min(self.limits.max_inflated_bytes)
    }

    fn end_contents(&mut self, contents: Contents) -> Result<(), FetchError> {
        if let Some((base_size, base_depth, header)) = contents.delta {
            let sizes = delta_size(&header).and_then(|(base, rest)| Some((base, delta_size(rest)?.0)));
            let (base, result) = sizes.ok_or_else(|| malformed("a delta has no sizes"))?;
            if base != u64::from(base_size) {
                return Err(malformed("a delta is for a base of another size"));
            }
            self.resolve(contents.start, result, base_depth + 1)?;
        }
        self.state = self.next_object();
        Ok(())
    }

    /// Notes an object, with its size when all deltas are applied.
    fn resolve(&mut self, position: u64, size: u64, depth: u16) -> Result<(), FetchError> {
        limit("bytes of an object", size, self.limits.max_object_bytes.into())?;
        self.resolved = self.resolved.saturating_add(size);
        limit(
            "bytes of all objects",
            self.resolved,
            self.allowed(self.limits.max_expansion_ratio, EXPANSION_ALLOWANCE),
        )?;
        // Within the limit, which has 32 bits.
        self.objects.push(Object { position, size: size as u32, depth });
        Ok(())
    }
}

/// A number as deltas begin with, and what follows it.
fn delta_size(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let end = bytes.iter().take(9).position(|byte| byte & 0x80 == 0)?;
    let size = bytes[..=end].iter().rev().fold(0, |size, byte| size << 7 | u64::from(byte & 0x7f));
    Some((size, &bytes[end + 1..]))
}

fn limit(what: &'static str, found: u64, limit: u64) -> Result<(), FetchError> {
    if found > limit { Err(FetchError::TooMuch { what, found, limit }) } else { Ok(()) }
}

fn malformed(why: &str) -> FetchError {
    FetchError::Pack(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gix::zlib::{Compression, stream::deflate};
    use std::io::Write;

    /// A pack in the making. The hash at its end is left out: the scan does not look at it.
    #[derive(Default)]
    struct Pack {
        entries: Vec<u8>,
        count: u32,
    }

    impl Pack {
        /// Adds an entry as it is told, true or not, and says where it begins.
        fn add(&mut self, kind: u8, base: &[u8], size: u64, contents: &[u8]) -> u64 {
            let start = 12 + self.entries.len() as u64;
            let mut rest = size >> 4;
            self.entries.push(kind << 4 | (size & 15) as u8 | if rest > 0 { 0x80 } else { 0 });
            while rest > 0 {
                self.entries.push((rest & 0x7f) as u8 | if rest > 0x7f { 0x80 } else { 0 });
                rest >>= 7;
            }
            self.entries.extend_from_slice(base);
            let mut deflate = deflate::Write::new(&mut self.entries, Compression::DEFAULT);
            deflate.write_all(contents).unwrap();
            deflate.flush().unwrap();
            self.count += 1;
            start
        }

        fn file(&mut self, contents: &[u8]) -> u64 {
            self.add(3, b"", contents.len() as u64, contents)
        }

        /// A delta that says it makes `to` bytes of `from`.
        fn delta(&mut self, base: u64, from: u64, to: u64) -> u64 {
            let mut distance = 12 + self.entries.len() as u64 - base;
            let mut digits = vec![(distance & 0x7f) as u8];
            while distance > 0x7f {
                distance = (distance >> 7) - 1;
                digits.insert(0, 0x80 | (distance & 0x7f) as u8);
            }
            let mut delta = Vec::new();
            for mut size in [from, to] {
                while size > 0x7f {
                    delta.push(0x80 | (size & 0x7f) as u8);
                    size >>= 7;
                }
                delta.push(size as u8);
            }
            delta.extend_from_slice(b"\x01z");
            self.add(6, &digits, delta.len() as u64, &delta)
        }

        fn bytes(&self) -> Vec<u8> {
            [b"PACK\0\0\0\x02", &self.count.to_be_bytes()[..], &self.entries, &[0; 20]].concat()
        }
    }

    fn one(kind: u8, base: &[u8], size: u64, contents: &[u8]) -> Vec<u8> {
        let mut pack = Pack::default();
        pack.add(kind, base, size, contents);
        pack.bytes()
    }

    fn scan(pack: &[u8], limits: &FetchLimits) -> Result<bool, FetchError> {
        let mut scan = PackScan::new(limits);
        scan.feed(pack)?;
        Ok(scan.is_done())
    }

    #[track_caller]
    fn assert_too_much(what: &str, pack: &[u8], limits: &FetchLimits) {
        match scan(pack, limits) {
            Err(FetchError::TooMuch { what: found, .. }) => assert_eq!(found, what),
            other => panic!("{other:?} instead of too many {what}"),
        }
    }

    #[test]
    fn a_plain_pack_passes_however_it_is_cut() {
        let mut pack = Pack::default();
        pack.add(1, b"", 5, b"hello");
        pack.file(&[b'x'; 100_000]);
        let base = pack.file(b"a");
        let delta = pack.delta(base, 1, 1);
        pack.delta(delta, 1, 1);
        pack.delta(12, 5, 300);
        let pack = pack.bytes();
        let limits = FetchLimits::default();
        assert!(scan(&pack, &limits).unwrap());
        for step in [1, 2, 7, 1000] {
            let mut scan = PackScan::new(&limits);
            for chunk in pack.chunks(step) {
                assert!(!scan.is_done());
                scan.feed(chunk).unwrap();
            }
            assert!(scan.is_done());
        }
        for cut in 0..pack.len() {
            assert!(!scan(&pack[..cut], &limits).unwrap(), "cut at {cut}");
        }
        assert!(matches!(scan(&[&pack[..], b"x"].concat(), &limits), Err(FetchError::Pack(_))));
        assert!(scan(&Pack::default().bytes(), &limits).unwrap());
    }

    #[test]
    fn limits_are_kept() {
        let limits = || FetchLimits { max_object_bytes: 1000, ..Default::default() };
        assert_too_much("bytes of an object", &one(3, b"", 1001, b"never looked at"), &limits());
        assert_too_much("bytes of an object", &one(3, b"", u64::MAX >> 12, b""), &limits());
        assert_too_much("commits", &one(1, b"", 1, b"a"), &FetchLimits { max_commits: 0, ..limits() });
        assert_too_much("bytes of the pack", &one(1, b"", 1, b"a"), &FetchLimits { max_pack_bytes: 30, ..limits() });

        let mut pack = Pack::default();
        let base = pack.file(b"a");
        let delta = pack.delta(base, 1, 1);
        pack.delta(delta, 1, 1);
        assert!(scan(&pack.bytes(), &limits()).unwrap());
        assert_too_much("objects in the pack", &pack.bytes(), &FetchLimits { max_objects: 2, ..limits() });
        assert_too_much("deltas on top of each other", &pack.bytes(), &FetchLimits { max_delta_depth: 1, ..limits() });
        pack.delta(base, 1, 1001);
        assert_too_much("bytes of an object", &pack.bytes(), &limits());
    }

    #[test]
    fn many_objects_of_zeros_are_refused_after_a_little_work() {
        let mut bomb = Pack::default();
        for _ in 0..100 {
            bomb.file(&[0; 1024 * 1024]);
        }
        assert_too_much("bytes that the pack inflates to", &bomb.bytes(), &FetchLimits::default());
    }

    #[test]
    fn deltas_that_multiply_are_refused_by_what_they_declare() {
        let mut bomb = Pack::default();
        let base = bomb.file(b"a");
        let large = 2 * 1024 * 1024;
        let few = EXPANSION_ALLOWANCE / large;
        for _ in 1..few {
            bomb.delta(base, 1, large);
        }
        assert!(scan(&bomb.bytes(), &FetchLimits::default()).unwrap());
        for _ in 0..2 {
            bomb.delta(base, 1, large);
        }
        assert_too_much("bytes of all objects", &bomb.bytes(), &FetchLimits::default());
    }

    #[test]
    fn a_conversation_that_grew_to_five_thousand_members_passes() {
        // What each newcomer adds: certificates and a commit, which hardly compress, and a folder that is a delta.
        let mut brought = vec![0; 1600];
        blake3::Hasher::new().finalize_xof().fill(&mut brought);
        let mut pack = Pack::default();
        let first = pack.file(&[b'x'; 100]);
        for members in 1..=5000 {
            pack.file(&brought);
            pack.delta(first, 100, members * 100);
        }
        assert!(scan(&pack.bytes(), &FetchLimits::default()).unwrap());
    }

    #[test]
    fn nonsense_is_refused() {
        let header = b"PACK\0\0\0\x02\0\0\0\x01";
        let mut wrong_base = Pack::default();
        let base = wrong_base.file(b"a");
        wrong_base.delta(base, 2, 1);
        for (what, pack) in [
            ("no pack", b"PUCK\0\0\0\x02\0\0\0\0".to_vec()),
            ("version 3", b"PACK\0\0\0\x03\0\0\0\0".to_vec()),
            ("a tag", one(4, b"", 1, b"a")),
            ("kind 0", one(0, b"", 1, b"a")),
            ("kind 5", one(5, b"", 1, b"a")),
            ("more than declared", one(3, b"", 1, b"ab")),
            ("less than declared", one(3, b"", 3, b"ab")),
            ("a delta of something elsewhere", one(7, &[1; 20], 1, b"a")),
            ("a delta of itself", one(6, &[0], 1, b"a")),
            ("a delta of the header", one(6, &[12], 1, b"a")),
            ("a delta of what is before the pack", one(6, &[100], 1, b"a")),
            ("a distance without end", one(6, &[0xff; 12], 1, b"a")),
            ("a delta of another size", wrong_base.bytes()),
            ("a padded size", [header, &[0xb1, 0x00][..]].concat()),
            ("a size without end", [header, &[0xb0; 20][..]].concat()),
            ("no stream", [header, &[0x31][..], b"this is not zlib"].concat()),
        ] {
            assert!(scan(&pack, &FetchLimits::default()).is_err(), "{what} passed");
        }
    }

    #[test]
    fn no_flipped_bit_makes_it_panic() {
        let mut pack = Pack::default();
        let base = pack.file(b"a");
        pack.delta(base, 1, 1);
        let good = pack.bytes();
        for at in 0..good.len() * 8 {
            let mut flipped = good.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            let _ = scan(&flipped, &FetchLimits::default());
        }
    }
}
