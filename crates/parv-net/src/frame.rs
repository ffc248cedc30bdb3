//! Frames: a length of four bytes, big-endian, and that many bytes.

use crate::limits::MAX_FRAME_BYTES;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Writes one frame and flushes it.
pub(crate) async fn write(io: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    if bytes.len() > MAX_FRAME_BYTES {
        return Err(too_long(bytes.len()));
    }
    let mut frame = Vec::with_capacity(4 + bytes.len());
    frame.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    frame.extend_from_slice(bytes);
    io.write_all(&frame).await?;
    io.flush().await
}

/// Reads one frame. A length over [`MAX_FRAME_BYTES`] is refused before anything is kept for it.
pub(crate) async fn read(io: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let length = io.read_u32().await? as usize;
    if length > MAX_FRAME_BYTES {
        return Err(too_long(length));
    }
    let mut bytes = vec![0; length];
    io.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn too_long(length: usize) -> io::Error {
    let why = format!("a frame of {length} bytes, more than the {MAX_FRAME_BYTES} allowed");
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_frame_comes_back() {
        for size in [0, 1, MAX_FRAME_BYTES] {
            let mut wire = Vec::new();
            write(&mut wire, &vec![7; size]).await.unwrap();
            assert_eq!(read(&mut wire.as_slice()).await.unwrap(), vec![7; size]);
        }
    }

    #[tokio::test]
    async fn oversize_and_short_frames_are_refused() {
        assert!(write(&mut Vec::new(), &vec![0; MAX_FRAME_BYTES + 1]).await.is_err());
        let error = read(&mut [0xff, 0xff, 0xff, 0xff, 0].as_slice()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(error.to_string().contains("4294967295"), "{error}");
        let error = read(&mut [0, 0, 0, 9, 1].as_slice()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
