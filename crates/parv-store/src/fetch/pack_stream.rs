//! The pack as it comes out of the other device's packets: unwrapped from its side band, scanned, within the time.

use super::error::FetchError;
use super::limits::FetchLimits;
use super::negotiation::{Connection, words};
use super::pack_scan::PackScan;
use crate::pkt_line::Packet;
use std::io::{self, BufRead, Read, Write};

/// How many bytes of progress reports are put up with.
const MAX_PROGRESS_BYTES: u64 = 1024 * 1024;

/// A reader of the pack. What it gives has passed the scan. It says why it ends early in [`PackStream::error`], since an
/// `io::Error` could not tell.
pub(crate) struct PackStream<'c, 'l, R, W: Write> {
    connection: &'c mut Connection<'l, R, W>,
    scan: PackScan<'l>,
    chunk: Vec<u8>,
    used: usize,
    progress: u64,
    ended: bool,
    error: Option<FetchError>,
}

impl<'c, 'l, R: Read, W: Write> PackStream<'c, 'l, R, W> {
    pub fn new(connection: &'c mut Connection<'l, R, W>, limits: &'l FetchLimits) -> Self {
        let scan = PackScan::new(limits);
        Self { connection, scan, chunk: Vec::new(), used: 0, progress: 0, ended: false, error: None }
    }

    /// Reads to the end of the message, where nothing but its end may follow the pack.
    pub fn finish(mut self) -> Result<(), FetchError> {
        while self.error.is_none() && !self.ended {
            self.used = self.chunk.len();
            self.advance();
        }
        match self.error {
            Some(error) => Err(error),
            None if self.scan.is_done() => Ok(()),
            None => Err(FetchError::Pack("it is cut off".to_owned())),
        }
    }

    /// Why it ended early, if it did.
    pub fn error(&mut self) -> Option<FetchError> {
        self.error.take()
    }

    fn advance(&mut self) {
        if let Err(error) = self.next_chunk() {
            self.error = Some(error);
            self.ended = true;
        }
    }

    fn next_chunk(&mut self) -> Result<(), FetchError> {
        self.chunk.clear();
        self.used = 0;
        let data = match self.connection.next()? {
            Packet::Data(data) => data,
            Packet::Flush => {
                self.ended = true;
                return Ok(());
            }
            _ => return Err(FetchError::Protocol("a marker in the middle of the pack".to_owned())),
        };
        match data.split_first() {
            Some((1, pack)) => {
                self.scan.feed(pack)?;
                self.chunk.extend_from_slice(pack);
                Ok(())
            }
            Some((2, report)) => {
                self.progress += report.len() as u64 + 1;
                if self.progress > MAX_PROGRESS_BYTES {
                    let (found, limit) = (self.progress, MAX_PROGRESS_BYTES);
                    return Err(FetchError::TooMuch { what: "bytes of progress reports", found, limit });
                }
                Ok(())
            }
            Some((3, message)) => Err(FetchError::Refused(words(message))),
            _ => Err(FetchError::Protocol("a packet of no band".to_owned())),
        }
    }
}

impl<R: Read, W: Write> BufRead for PackStream<'_, '_, R, W> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.used == self.chunk.len() && !self.ended {
            self.advance();
        }
        if self.error.is_some() {
            return Err(io::Error::other("the pack was refused"));
        }
        Ok(&self.chunk[self.used..])
    }

    fn consume(&mut self, amount: usize) {
        self.used += amount;
    }
}

impl<R: Read, W: Write> Read for PackStream<'_, '_, R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let amount = self.fill_buf()?.read(buffer)?;
        self.consume(amount);
        Ok(amount)
    }
}
