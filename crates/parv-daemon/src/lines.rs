//! Newline-delimited JSON over a stream, with a limit on the length of a line.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Why no value could be read.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The stream failed.
    #[error("the control socket failed")]
    Io(#[from] io::Error),
    /// More bytes than allowed came without a line end.
    #[error("a line is longer than the {0} bytes allowed")]
    TooLong(usize),
    /// The line is not what was expected.
    #[error("a line is not understood: {0}")]
    Malformed(#[source] serde_json::Error),
}

/// Reads one line of at most `limit` bytes as JSON. None at the end of the stream.
pub async fn read<T: DeserializeOwned>(
    stream: &mut (impl AsyncBufRead + Unpin),
    limit: usize,
) -> Result<Option<T>, LineError> {
    let mut line = Vec::new();
    stream.take(limit as u64 + 1).read_until(b'\n', &mut line).await?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => serde_json::from_slice(&line).map(Some).map_err(LineError::Malformed),
        Some(_) if line.len() >= limit => Err(LineError::TooLong(limit)),
        Some(_) => Err(LineError::Io(io::ErrorKind::UnexpectedEof.into())),
    }
}

/// Writes one value as one line.
pub async fn write(stream: &mut (impl AsyncWrite + Unpin), value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    stream.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_number(mut bytes: &[u8]) -> Result<Option<u32>, LineError> {
        read(&mut bytes, 8).await
    }

    #[tokio::test]
    async fn lines_are_read_and_bad_ones_are_named() {
        assert_eq!(read_number(b"12\n13\n").await.unwrap(), Some(12));
        assert_eq!(read_number(b"12345678\n").await.unwrap(), Some(12_345_678));
        assert_eq!(read_number(b"").await.unwrap(), None);
        assert!(matches!(read_number(b"123456789\n").await, Err(LineError::TooLong(8))));
        assert!(matches!(read_number(b"123456789012").await, Err(LineError::TooLong(8))));
        assert!(matches!(read_number(b"12").await, Err(LineError::Io(_))));
        assert!(matches!(read_number(b"{}\n").await, Err(LineError::Malformed(_))));
        assert!(matches!(read_number(b"\n").await, Err(LineError::Malformed(_))));
    }
}
