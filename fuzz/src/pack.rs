//! Packs that were put together to do harm: whole objects, deltas, lies about sizes and counts, rubbish in between. Out
//! of the input a pack is built with a right hash at its end, so that more of it is read.

use crate::fetch::Client;
use arbitrary::{Result, Unstructured};
use miniz_oxide::deflate::compress_to_vec_zlib;
use parv_model::CommitId;

/// What one step of a pack's recipe does. The numbers are those of the seeds.
#[derive(Debug, Clone)]
pub enum Step {
    /// An object of the sample conversation, by its place in it.
    Real(u8),
    /// An object of this kind with these contents, which declares to be so much longer than it is.
    Made(u8, i8, Vec<u8>),
    /// A delta on the entry that is so many entries back, made of these instructions as they are.
    Delta(u8, i8, Vec<u8>),
    /// A delta on an object of the sample that is named, not placed.
    Named(u8, Vec<u8>),
    /// A sound delta on the entry that is so many entries back: it copies everything and adds these bytes.
    Longer(u8, Vec<u8>),
    /// Bytes as they are.
    Raw(Vec<u8>),
    /// A file of so many KiB of zeros.
    Zeros(u8),
}

/// A pack and how it comes.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// Which commit of the sample the pack is said to bring, by its place.
    pub head: u8,
    /// Into how large pieces it is cut the second time, in bytes; 0 stands for 1.
    pub piece: u8,
    /// By how much the number of its objects is wrong.
    pub miscount: i8,
    /// What is in it.
    pub steps: Vec<Step>,
}

impl Recipe {
    /// Reads the input as a recipe.
    fn read(input: &mut Unstructured<'_>) -> Result<Self> {
        let [head, piece, miscount] = input.arbitrary::<[u8; 3]>()?;
        let mut steps = Vec::new();
        while !input.is_empty() {
            steps.push(Step::read(input)?);
        }
        Ok(Self { head, piece, miscount: miscount as i8, steps })
    }

    /// The input that is read as this recipe.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.head, self.piece, self.miscount as u8];
        self.steps.iter().for_each(|step| step.write(&mut bytes));
        bytes
    }
}

impl Step {
    fn read(input: &mut Unstructured<'_>) -> Result<Self> {
        let [kind, number] = input.arbitrary::<[u8; 2]>()?;
        let mut lie = || input.arbitrary::<u8>().map(|byte| byte as i8);
        Ok(match kind % 7 {
            0 => Step::Real(number),
            1 => Step::Made(number, lie()?, rest(input)?),
            2 => Step::Delta(number, lie()?, rest(input)?),
            3 => Step::Named(number, rest(input)?),
            4 => Step::Longer(number, rest(input)?),
            5 => Step::Raw(rest(input)?),
            _ => Step::Zeros(number),
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut with = |kind, number, lie: &[u8], data: &[u8]| {
            out.extend([kind, number]);
            out.extend(lie);
            out.push(data.len() as u8);
            out.extend(data);
        };
        match self {
            Step::Real(number) => out.extend([0, *number]),
            Step::Made(kind, lie, data) => with(1, *kind, &[*lie as u8], data),
            Step::Delta(back, lie, data) => with(2, *back, &[*lie as u8], data),
            Step::Named(number, data) => with(3, *number, &[], data),
            Step::Longer(back, data) => with(4, *back, &[], data),
            Step::Raw(data) => with(5, 0, &[], data),
            Step::Zeros(number) => out.extend([6, *number]),
        }
    }
}

/// Up to 255 bytes with their number in front.
fn rest(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let length = usize::from(input.arbitrary::<u8>()?).min(input.len());
    input.bytes(length).map(<[u8]>::to_vec)
}

/// Whatever the pack is, the fetch ends with a quarantine that is whole or with an error, and leaves nothing behind; and
/// it does not matter into which pieces the pack was cut on its way.
pub fn hold(bytes: &[u8]) {
    let _ = fetched(bytes);
}

/// The same; how many commits came, if the pack was taken.
pub fn fetched(bytes: &[u8]) -> Option<usize> {
    let recipe = Recipe::read(&mut Unstructured::new(bytes)).ok()?;
    Client::with(|client| {
        let (count, entries) = entries(&recipe.steps, &client.sample.objects);
        let pack = seal(count.wrapping_add_signed(recipe.miscount.into()), &entries);
        let commits = &client.sample.commits;
        let head = commits[usize::from(recipe.head) % commits.len()];
        let whole = client.take(&delivery(head, &pack, 60_000));
        let in_pieces = client.take(&delivery(head, &pack, recipe.piece.max(1).into()));
        assert_eq!(whole.as_ref().ok(), in_pieces.as_ref().ok(), "{whole:?} but in pieces {in_pieces:?}");
        whole.ok()
    })
}

/// The entries of a pack, and how many they are.
fn entries(steps: &[Step], objects: &[(u8, Vec<u8>)]) -> (u32, Vec<u8>) {
    let real = |number: u8| &objects[usize::from(number) % objects.len()];
    let mut out: Vec<u8> = Vec::new();
    // Where each entry begins, and how long its object is.
    let mut placed: Vec<(usize, usize)> = Vec::new();
    for step in steps {
        let start = out.len();
        let base = |back: u8| placed.len().checked_sub(1 + usize::from(back)).map(|at| placed[at]).unwrap_or((0, 0));
        let length = match step {
            Step::Raw(bytes) => {
                out.extend(bytes);
                continue;
            }
            Step::Real(number) => {
                let (kind, bytes) = real(*number);
                entry(&mut out, *kind, bytes.len(), &[], bytes);
                bytes.len()
            }
            Step::Made(kind, lie, bytes) => {
                entry(&mut out, kind & 7, bytes.len().saturating_add_signed((*lie).into()), &[], bytes);
                bytes.len()
            }
            Step::Delta(back, lie, delta) => {
                let distance = distance(start - base(*back).0.min(start));
                entry(&mut out, 6, delta.len().saturating_add_signed((*lie).into()), &distance, delta);
                0
            }
            Step::Named(number, delta) => {
                let (kind, bytes) = real(*number);
                entry(&mut out, 7, delta.len(), &name(*kind, bytes), delta);
                0
            }
            Step::Longer(back, more) => {
                let (position, length) = base(*back);
                let delta = longer(length, more);
                entry(&mut out, 6, delta.len(), &distance(start - position.min(start)), &delta);
                length + more.len()
            }
            Step::Zeros(kib) => {
                let zeros = vec![0; usize::from(*kib) * 1024];
                entry(&mut out, 3, zeros.len(), &[], &zeros);
                zeros.len()
            }
        };
        placed.push((start, length));
    }
    (placed.len() as u32, out)
}

/// An entry: kind, declared size, what names its base, and compressed contents.
fn entry(out: &mut Vec<u8>, kind: u8, size: usize, base: &[u8], contents: &[u8]) {
    let mut left = size >> 4;
    out.push(kind << 4 | (size & 15) as u8 | if left > 0 { 0x80 } else { 0 });
    while left > 0 {
        out.push((left & 0x7f) as u8 | if left > 0x7f { 0x80 } else { 0 });
        left >>= 7;
    }
    out.extend(base);
    out.extend(compress_to_vec_zlib(contents, 1));
}

/// How git writes the distance to a base.
fn distance(mut distance: usize) -> Vec<u8> {
    let mut bytes = vec![(distance & 0x7f) as u8];
    while distance > 0x7f {
        distance = (distance >> 7) - 1;
        bytes.insert(0, (distance & 0x7f) as u8 | 0x80);
    }
    bytes
}

/// A delta that copies `length` bytes, as far as one instruction can, and adds some.
fn longer(length: usize, more: &[u8]) -> Vec<u8> {
    let mut delta = number(length);
    delta.extend(number(length + more.len()));
    if length > 0 {
        delta.extend([0b1011_0000, length as u8, (length >> 8) as u8]);
    }
    for part in more.chunks(127) {
        delta.push(part.len() as u8);
        delta.extend(part);
    }
    delta
}

fn number(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        bytes.push((number & 0x7f) as u8 | if number > 0x7f { 0x80 } else { 0 });
        number >>= 7;
        if number == 0 {
            return bytes;
        }
    }
}

/// The name of an object.
fn name(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let kind = ["commit", "tree", "blob"][usize::from(kind) - 1];
    let object = [format!("{kind} {}\0", bytes.len()).as_bytes(), bytes].concat();
    sum(&object)
}

/// Puts a header and the right hash around entries.
fn seal(count: u32, entries: &[u8]) -> Vec<u8> {
    let pack = [b"PACK\0\0\0\x02", &count.to_be_bytes()[..], entries].concat();
    [&pack[..], &sum(&pack)].concat()
}

fn sum(bytes: &[u8]) -> Vec<u8> {
    sha1dc::mitigate::digest(bytes).unwrap_or_else(|attack| attack.digest()).as_ref().to_vec()
}

/// What a device says that has this head and sends this pack, cut into pieces of at most so many bytes.
pub(crate) fn delivery(head: CommitId, pack: &[u8], piece: usize) -> Vec<u8> {
    let packet = |data: &[u8]| [format!("{:04x}", data.len() + 4).as_bytes(), data].concat();
    let mut script: Vec<u8> =
        ["version 2\n", "ls-refs\n", "fetch\n"].iter().flat_map(|line| packet(line.as_bytes())).collect();
    script.extend(b"0000");
    script.extend(packet(format!("{head} refs/heads/main\n").as_bytes()));
    script.extend(b"0000");
    script.extend(packet(b"packfile\n"));
    for part in pack.chunks(piece) {
        script.extend(packet(&[&[1], part].concat()));
    }
    script.extend(b"0000");
    script
}
