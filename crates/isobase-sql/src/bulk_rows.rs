//! The rows of a bulk insert: all at once, or as they are made.

use futures_util::{Stream, stream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::{Error, Value};

/// The rows of a bulk insert, one value for each of its columns.
///
/// [`BulkRows::channel`] lets the database work while rows are still being made.
#[derive(Debug)]
pub struct BulkRows(Source);

#[derive(Debug)]
enum Source {
    Ready(Vec<Vec<Value>>),
    Coming(UnboundedReceiver<Part>),
    Taken,
}

/// Where the rows of a [`BulkRows::channel`] come from. When it is dropped before
/// [`RowSender::finish`] the insert fails, and nothing of it stays.
#[derive(Debug)]
pub struct RowSender(UnboundedSender<Part>);

#[derive(Debug)]
enum Part {
    Rows(Vec<Vec<Value>>),
    End,
}

impl BulkRows {
    /// Rows that are sent one part after the other. Nothing bounds what waits: at most all rows,
    /// which a list would hold, too.
    #[must_use]
    pub fn channel() -> (RowSender, Self) {
        let (sender, receiver) = unbounded_channel();
        (RowSender(sender), Self(Source::Coming(receiver)))
    }

    /// The rows, some at a time. An error is the last item.
    pub(crate) fn into_stream(self) -> impl Stream<Item = Result<Vec<Vec<Value>>, Error>> + Send {
        stream::unfold(self.0, async |source| match source {
            Source::Ready(rows) => Some((Ok(rows), Source::Taken)),
            Source::Taken => None,
            Source::Coming(mut receiver) => match receiver.recv().await {
                Some(Part::Rows(rows)) => Some((Ok(rows), Source::Coming(receiver))),
                Some(Part::End) => None,
                None => Some((Err(cut()), Source::Taken)),
            },
        })
    }
}

impl From<Vec<Vec<Value>>> for BulkRows {
    fn from(rows: Vec<Vec<Value>>) -> Self {
        Self(Source::Ready(rows))
    }
}

impl RowSender {
    /// Sends some rows. `false` when the insert has ended already, by a failure.
    pub fn send(&self, rows: Vec<Vec<Value>>) -> bool {
        self.0.send(Part::Rows(rows)).is_ok()
    }

    /// Says that these were all rows.
    pub fn finish(self) {
        // An insert that has failed meanwhile says so itself.
        let _ = self.0.send(Part::End);
    }
}

fn cut() -> Error {
    Error::invalid("the rows ended before the last one")
}
