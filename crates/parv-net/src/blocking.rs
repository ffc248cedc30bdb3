//! A stream for threads that block, with an end to waiting.

use crate::git::GitStream;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf, WriteHalf};
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::io::SyncIoBridge;

/// How much is read from the stream at once: each read crosses from a thread to the runtime and back.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// The reading side of a stream.
pub struct BlockingReader(BufReader<SyncIoBridge<Patient<ReadHalf<GitStream>>>>);

/// The writing side of a stream. Every write is a crossing to the runtime, so buffer small ones.
pub struct BlockingWriter(SyncIoBridge<Patient<WriteHalf<GitStream>>>);

pub(crate) fn split(stream: GitStream, idle_timeout: Duration) -> (BlockingReader, BlockingWriter) {
    let (read, write) = tokio::io::split(stream);
    let read = SyncIoBridge::new(Patient::new(read, idle_timeout));
    let write = SyncIoBridge::new(Patient::new(write, idle_timeout));
    (BlockingReader(BufReader::with_capacity(READ_BUFFER_BYTES, read)), BlockingWriter(write))
}

impl Read for BlockingReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl BufRead for BlockingReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.0.consume(amount);
    }
}

impl BlockingWriter {
    /// Sends what is left and tells the peer that no more will come.
    pub fn finish(mut self) -> io::Result<()> {
        self.0.shutdown()
    }
}

impl Write for BlockingWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Waits for the inner stream, but not for ever: an operation that makes no progress for `limit` fails.
struct Patient<T> {
    inner: T,
    limit: Duration,
    /// Made at the first wait, since it needs the runtime's clock.
    alarm: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl<T> Patient<T> {
    fn new(inner: T, limit: Duration) -> Self {
        Self { inner, limit, alarm: None, waiting: false }
    }

    fn watch<R>(&mut self, cx: &mut Context<'_>, progress: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if progress.is_ready() {
            self.waiting = false;
            return progress;
        }
        let limit = self.limit;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(limit)));
        if !self.waiting {
            alarm.as_mut().reset(Instant::now() + limit);
            self.waiting = true;
        }
        match alarm.as_mut().poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                self.waiting = false;
                let why = format!("the peer was silent for {} s", limit.as_secs_f32());
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, why)))
            }
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Patient<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.inner).poll_read(cx, buf);
        self.watch(cx, progress)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Patient<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.watch(cx, progress)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.inner).poll_flush(cx);
        self.watch(cx, progress)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.watch(cx, progress)
    }
}
