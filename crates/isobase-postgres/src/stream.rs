//! Many rows, one after the other: read as they come, and written by COPY.

use std::{fmt, pin::Pin};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio_postgres::{CopyInSink, Row, RowStream};

use crate::{During, Error};

/// The rows of a statement as they come. The server waits for their reader.
///
/// Dropping it leaves the rest to be read and thrown away before the next answer on the
/// connection comes.
pub struct Rows(Pin<Box<RowStream>>);

impl Rows {
    pub(crate) fn new(stream: RowStream) -> Self {
        Self(Box::pin(stream))
    }

    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// As the server or the connection fails.
    pub async fn next(&mut self) -> Result<Option<Row>, Error> {
        let row = self.0.next().await.transpose();
        row.map_err(|error| Error::of(error, During::Statement))
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").finish_non_exhaustive()
    }
}

/// A COPY FROM STDIN under way. Dropping it before its end has the server take it back.
pub struct CopyIn(Pin<Box<CopyInSink<Bytes>>>);

impl CopyIn {
    pub(crate) fn new(sink: CopyInSink<Bytes>) -> Self {
        Self(Box::pin(sink))
    }

    /// Sends a piece of the data, which may be cut anywhere. What the server has against it is
    /// told at the end.
    ///
    /// # Errors
    /// As the connection fails.
    pub async fn send(&mut self, piece: Bytes) -> Result<(), Error> {
        self.0.feed(piece).await.map_err(|error| Error::of(error, During::Statement))
    }

    /// Ends it; gives the number of rows.
    ///
    /// # Errors
    /// As the server or the connection fails.
    pub async fn finish(mut self) -> Result<u64, Error> {
        self.0.as_mut().finish().await.map_err(|error| Error::of(error, During::Statement))
    }
}

impl fmt::Debug for CopyIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyIn").finish_non_exhaustive()
    }
}
