//! What goes over the wire: packs made by hand, so that nothing honest stands in the way, and the Git service around them.

use crate::worlds::needed;
use parv::CommitId;
use parv_proptests::Objects;
use std::io::{self, Read, Write};

/// Everything that the heads need, whole objects, as a pack. What is not there is left out.
pub fn pack_of(objects: &Objects, heads: &[CommitId]) -> Vec<u8> {
    let all = needed(objects, heads);
    let entries: Vec<u8> = all
        .iter()
        .flat_map(|(kind, bytes)| {
            let kind = ["commit", "tree", "blob"].iter().position(|name| name == kind).expect("one of three") + 1;
            entry(kind as u8, bytes.len() as u64, &[], &stored(bytes))
        })
        .collect();
    seal(all.len() as u32, &entries)
}

/// An entry of a pack: its head, what stands before the contents, and the contents as a zlib stream.
pub fn entry(kind: u8, size: u64, base: &[u8], contents: &[u8]) -> Vec<u8> {
    let mut rest = size >> 4;
    let mut bytes = vec![kind << 4 | (size & 15) as u8 | if rest > 0 { 0x80 } else { 0 }];
    while rest > 0 {
        bytes.push((rest & 0x7f) as u8 | if rest > 0x7f { 0x80 } else { 0 });
        rest >>= 7;
    }
    [&bytes, base, contents].concat()
}

/// Puts a header and the right sum around entries.
pub fn seal(count: u32, entries: &[u8]) -> Vec<u8> {
    let mut pack = [b"PACK\0\0\0\x02", &count.to_be_bytes()[..], entries].concat();
    let sum = sha1dc::digest(&pack).expect("no collision");
    pack.extend_from_slice(sum.as_bytes());
    pack
}

/// A zlib stream that compresses nothing.
pub fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let blocks: Vec<&[u8]> = if bytes.is_empty() { vec![bytes] } else { bytes.chunks(0xffff).collect() };
    for (number, block) in blocks.iter().enumerate() {
        let length = block.len() as u16;
        stream.push((number + 1 == blocks.len()).into());
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend_from_slice(block);
    }
    let (one, two) = bytes.iter().fold((1, 0), |(one, two), byte| {
        let one = (one + u32::from(*byte)) % 65_521;
        (one, (two + one) % 65_521)
    });
    stream.extend((two << 16 | one).to_be_bytes());
    stream
}

/// A zlib stream of `1 + 258 × runs` zeros: a thousandth of their size.
pub fn zeros(runs: u32) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.low_first(0b011, 3); // the last block, with fixed codes
    bits.high_first(0b0011_0000, 8); // a zero
    for _ in 0..runs {
        bits.high_first(0b1100_0101, 8); // 258 more of
        bits.high_first(0, 5); // what stands one before
    }
    bits.high_first(0, 7); // the end
    let size = 1 + 258 * runs;
    [&[0x78, 0x01], bits.finish().as_slice(), &((size % 65_521) << 16 | 1).to_be_bytes()].concat()
}

#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn low_first(&mut self, value: u32, count: u32) {
        self.0.extend((0..count).map(|bit| value >> bit & 1 == 1));
    }

    fn high_first(&mut self, value: u32, count: u32) {
        self.0.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
    }

    fn finish(self) -> Vec<u8> {
        let byte = |bits: &[bool]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
        self.0.chunks(8).map(byte).collect()
    }
}

/// Serves a pack to whoever fetches, whatever they have.
pub fn serve(mut reader: impl Read, mut writer: impl Write, heads: &[CommitId], pack: &[u8]) -> io::Result<()> {
    let hello = ["version 2\n", "agent=mallory\n", "ls-refs\n", "fetch\n", "object-format=sha1\n"];
    let mut answer: Vec<u8> = hello.iter().flat_map(|line| packet(line.as_bytes())).collect();
    answer.extend(b"0000");
    loop {
        writer.write_all(&answer)?;
        writer.flush()?;
        let request = request(&mut reader)?;
        answer.clear();
        let says = |line: &str| request.iter().any(|said| said.trim_end() == line);
        if says("command=ls-refs") {
            for (number, head) in heads.iter().enumerate() {
                answer.extend(packet(format!("{head} refs/heads/head{number}\n").as_bytes()));
            }
        } else if says("command=fetch") {
            if !says("done") {
                answer.extend([&packet(b"acknowledgments\n")[..], &packet(b"ready\n"), b"0001"].concat());
            }
            answer.extend(packet(b"packfile\n"));
            for chunk in pack.chunks(60_000) {
                answer.extend(packet(&[&[1], chunk].concat()));
            }
        } else {
            return Ok(());
        }
        answer.extend(b"0000");
    }
}

/// Asks a Git service for a commit, and gives all that it answers.
pub fn ask(mut reader: impl Read, mut writer: impl Write, want: &CommitId) -> io::Result<String> {
    request(&mut reader)?; // what it can do
    let lines =
        ["command=fetch".to_owned(), format!("want {want}\n"), "done\n".to_owned()].map(|line| packet(line.as_bytes()));
    writer.write_all(&[&lines[0], &b"0001"[..], &lines[1], &lines[2], b"0000"].concat())?;
    writer.flush()?;
    let mut answer = Vec::new();
    // Who says no hangs up, which some streams call an error.
    let _ = reader.read_to_end(&mut answer);
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The lines up to the next flush packet.
fn request(reader: &mut impl Read) -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut length = [0; 4];
        reader.read_exact(&mut length)?;
        let length = usize::from_str_radix(&String::from_utf8_lossy(&length), 16).map_err(io::Error::other)?;
        match length {
            0 => return Ok(lines),
            1..=4 => {}
            _ => {
                let mut line = vec![0; length - 4];
                reader.read_exact(&mut line)?;
                lines.push(String::from_utf8_lossy(&line).into_owned());
            }
        }
    }
}

fn packet(data: &[u8]) -> Vec<u8> {
    [format!("{:04x}", data.len() + 4).as_bytes(), data].concat()
}
