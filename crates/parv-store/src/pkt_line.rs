//! Git's framing: packets of at most 65,520 bytes with their length in front as four hex digits; three lengths that no
//! packet can have are markers.

use std::io::{self, BufReader, Read, Write};

/// The most bytes in one packet, without its length.
pub(crate) const MAX_DATA: usize = 65_516;

/// What came in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// Bytes; a line if its last byte is a line feed.
    Data(&'a [u8]),
    /// The end of a message (`0000`).
    Flush,
    /// The end of a section (`0001`).
    Delimiter,
    /// The end of a response (`0002`).
    ResponseEnd,
}

impl<'a> Packet<'a> {
    /// The line, without its line feed.
    pub fn line(&self) -> Option<&'a [u8]> {
        match self {
            Packet::Data(data) => Some(data.strip_suffix(b"\n").unwrap_or(data)),
            _ => None,
        }
    }
}

/// Why no packet could be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("a packet's length is {0:?}")]
    Length([u8; 4]),
}

/// Reads packets. It reads ahead, so the stream is of no use to others afterwards.
pub(crate) struct Reader<R> {
    inner: BufReader<R>,
    buffer: Vec<u8>,
}

impl<R: Read> Reader<R> {
    pub fn new(inner: R) -> Self {
        Self { inner: BufReader::with_capacity(MAX_DATA, inner), buffer: Vec::with_capacity(MAX_DATA) }
    }

    /// The next packet; `None` when the stream ends where one could begin.
    pub fn next(&mut self) -> Result<Option<Packet<'_>>, ReadError> {
        let mut length = [0; 4];
        match self.inner.read(&mut length[..1]) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.inner.read_exact(&mut length[..1])?,
            Err(error) => return Err(error.into()),
        }
        self.inner.read_exact(&mut length[1..])?;
        let digits = length.iter().all(u8::is_ascii_hexdigit).then(|| std::str::from_utf8(&length).ok()).flatten();
        let size = digits.and_then(|digits| usize::from_str_radix(digits, 16).ok()).ok_or(ReadError::Length(length))?;
        match size {
            0 => return Ok(Some(Packet::Flush)),
            1 => return Ok(Some(Packet::Delimiter)),
            2 => return Ok(Some(Packet::ResponseEnd)),
            size if (4..=4 + MAX_DATA).contains(&size) => self.buffer.resize(size - 4, 0),
            _ => return Err(ReadError::Length(length)),
        }
        self.inner.read_exact(&mut self.buffer)?;
        Ok(Some(Packet::Data(&self.buffer)))
    }
}

/// Writes a packet. `parts` together must not be larger than [`MAX_DATA`].
pub(crate) fn write(out: &mut impl Write, parts: &[&[u8]]) -> io::Result<()> {
    let size: usize = parts.iter().map(|part| part.len()).sum();
    debug_assert!(size <= MAX_DATA);
    write!(out, "{:04x}", size + 4)?;
    parts.iter().try_for_each(|part| out.write_all(part))
}

/// Writes a line.
pub(crate) fn write_line(out: &mut impl Write, line: &str) -> io::Result<()> {
    write(out, &[line.as_bytes(), b"\n"])
}

/// Ends a message.
pub(crate) fn write_flush(out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"0000")
}

/// Ends a section.
pub(crate) fn write_delimiter(out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"0001")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        write_line(&mut bytes, "version 2").unwrap();
        write_delimiter(&mut bytes).unwrap();
        write(&mut bytes, &[&[1], &[9; MAX_DATA - 1]]).unwrap();
        write_flush(&mut bytes).unwrap();
        let mut reader = Reader::new(&bytes[..]);
        assert_eq!(reader.next().unwrap().unwrap().line(), Some(&b"version 2"[..]));
        assert_eq!(reader.next().unwrap(), Some(Packet::Delimiter));
        assert!(matches!(reader.next().unwrap(), Some(Packet::Data(data)) if data.len() == MAX_DATA));
        assert_eq!(reader.next().unwrap(), Some(Packet::Flush));
        assert_eq!(reader.next().unwrap(), None);
    }

    #[test]
    fn nonsense_is_an_error() {
        for wrong in [&b"0003"[..], b"fff1", b"ffff", b"-001", b"+004", b"00", b"0009abc", b"zzzz", b" 005a"] {
            assert!(Reader::new(wrong).next().is_err(), "{:?}", String::from_utf8_lossy(wrong));
        }
    }
}
