//! Git's deltas: an object as copies from another one and what is new.
//!
//! The messages of one device differ in little more than their text, a parent and a signature, so most of one is a copy of
//! any other.

use std::collections::HashMap;

/// The shortest run of bytes that is looked for in the base. A copy takes up to 7 bytes itself.
const BLOCK: usize = 8;

/// Every so many bytes of the base a block begins that can be found.
const STRIDE: usize = 2;

/// The longest copy of one instruction: longer ones would need a third byte of length.
const MAX_COPY: usize = 0xffff;

/// The longest run of new bytes of one instruction.
const MAX_INSERT: usize = 0x7f;

/// An object that others are made from.
pub(crate) struct Base {
    bytes: Vec<u8>,
    blocks: HashMap<[u8; BLOCK], usize>,
}

impl Base {
    pub fn new(bytes: &[u8]) -> Self {
        let mut blocks = HashMap::with_capacity(bytes.len() / STRIDE);
        for (at, block) in bytes.windows(BLOCK).enumerate().step_by(STRIDE) {
            if let Ok(block) = block.try_into() {
                blocks.entry(block).or_insert(at);
            }
        }
        Self { bytes: bytes.to_vec(), blocks }
    }

    /// The instructions that make the target from this base.
    pub fn delta(&self, target: &[u8]) -> Vec<u8> {
        let mut delta = Vec::new();
        push_size(&mut delta, self.bytes.len());
        push_size(&mut delta, target.len());
        let (mut at, mut done) = (0, 0);
        while let Some(block) = target[at..].first_chunk::<BLOCK>() {
            let Some(&found) = self.blocks.get(block) else {
                at += 1;
                continue;
            };
            let back = common(self.bytes[..found].iter().rev(), target[done..at].iter().rev());
            let (from, start) = (found - back, at - back);
            let length = common(self.bytes[from..].iter(), target[start..].iter());
            push_inserts(&mut delta, &target[done..start]);
            push_copies(&mut delta, from, length);
            at = start + length;
            done = at;
        }
        push_inserts(&mut delta, &target[done..]);
        delta
    }
}

/// How many bytes two runs have in common at their start.
fn common<'a>(one: impl Iterator<Item = &'a u8>, other: impl Iterator<Item = &'a u8>) -> usize {
    one.zip(other).take_while(|(one, other)| one == other).count()
}

fn push_size(delta: &mut Vec<u8>, mut size: usize) {
    while size >= 0x80 {
        delta.push(size as u8 | 0x80);
        size >>= 7;
    }
    delta.push(size as u8);
}

fn push_inserts(delta: &mut Vec<u8>, bytes: &[u8]) {
    for run in bytes.chunks(MAX_INSERT) {
        delta.push(run.len() as u8);
        delta.extend_from_slice(run);
    }
}

fn push_copies(delta: &mut Vec<u8>, mut from: usize, mut length: usize) {
    while length > 0 {
        let size = length.min(MAX_COPY);
        let instruction = delta.len();
        delta.push(0x80);
        let place = from.to_le_bytes().into_iter().take(4).enumerate();
        let extent = size.to_le_bytes().into_iter().take(2).enumerate().map(|(index, byte)| (index + 4, byte));
        for (bit, byte) in place.chain(extent).filter(|(_, byte)| *byte != 0) {
            delta[instruction] |= 1 << bit;
            delta.push(byte);
        }
        from += size;
        length -= size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does what Git does with a delta.
    fn apply(base: &[u8], mut delta: &[u8]) -> Vec<u8> {
        fn next(delta: &mut &[u8]) -> usize {
            let (first, rest) = delta.split_first().unwrap();
            *delta = rest;
            usize::from(*first)
        }
        fn size(delta: &mut &[u8]) -> usize {
            let byte = next(delta);
            if byte & 0x80 == 0 { byte } else { byte & 0x7f | size(delta) << 7 }
        }
        assert_eq!(size(&mut delta), base.len());
        let length = size(&mut delta);
        let mut target = Vec::new();
        while !delta.is_empty() {
            let instruction = next(&mut delta);
            if instruction & 0x80 == 0 {
                let (new, rest) = delta.split_at(instruction);
                target.extend_from_slice(new);
                delta = rest;
                continue;
            }
            let mut field = |bits: std::ops::Range<usize>| {
                let shift = bits.start;
                bits.filter(|bit| instruction >> bit & 1 == 1)
                    .map(|bit| next(&mut delta) << (8 * (bit - shift)))
                    .sum::<usize>()
            };
            let (from, size) = (field(0..4), field(4..7));
            target.extend_from_slice(&base[from..from + size]);
        }
        assert_eq!(target.len(), length);
        target
    }

    #[test]
    fn the_target_comes_back_and_what_is_shared_is_not_repeated() {
        let long: Vec<u8> = (0..200_000u32).flat_map(u32::to_le_bytes).collect();
        let pairs: [(&[u8], &[u8]); 7] = [
            (b"", b""),
            (b"", b"some text that is new"),
            (b"some text that is old", b""),
            (b"abcdefgh", b"abcdefgh"),
            (b"tree 1\nparent 2\nauthor Ann\n\none", b"tree 1\nparent 3\nauthor Ann\n\ntwo"),
            (&long, &long[3..700_001]),
            (&long[..1000], &long),
        ];
        for (base, target) in pairs {
            assert_eq!(apply(base, &Base::new(base).delta(target)), target);
        }
        assert!(Base::new(&long).delta(&long).len() < 200);
    }
}
