//! Files as bodies of answers.

use bytes::Bytes;
use futures_util::stream;
use isobase_http::BodyError;
use tokio::{fs::File, io::AsyncReadExt};

/// Bytes read from a file at a time.
const PIECE_BYTES: usize = 64 << 10;

/// A file, which must be as long as it was.
pub(crate) fn pieces(
    file: File,
    length: u64,
) -> impl futures_util::Stream<Item = Result<Bytes, BodyError>> + Send {
    stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let mut piece = vec![0; PIECE_BYTES.min(usize::try_from(left).unwrap_or(usize::MAX))];
        let read = file.read(&mut piece).await?;
        if read == 0 {
            return Err(BodyError::from("the file is shorter than it was"));
        }
        piece.truncate(read);
        Ok(Some((Bytes::from(piece), (file, left - read as u64))))
    })
}
