//! Rows in the binary form of COPY.
//!
//! Source: PostgreSQL documentation, COPY, "Binary Format" (version 15).

use bytes::{Bytes, BytesMut};
use isobase_engine::revision_number;
use isobase_types::Document;

/// Bytes sent in one piece.
const PIECE_BYTES: usize = 256 << 10;
/// Room for a piece and the row that makes it large enough, if it is not a large one.
const ROOM_BYTES: usize = PIECE_BYTES + (8 << 10);
/// Signature, no flags, no extension of the header.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// The number of columns of the row after the last.
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();

/// Rows that gather until there are enough to send.
pub(crate) struct CopyRows(BytesMut);

impl CopyRows {
    pub(crate) fn new() -> Self {
        let mut bytes = BytesMut::with_capacity(ROOM_BYTES);
        bytes.extend_from_slice(HEADER);
        Self(bytes)
    }

    /// A row of the table `records`.
    pub(crate) fn push_record(&mut self, collection: i32, id: &[u8], document: &Document) {
        let revision = revision_number(&document.revision);
        self.begin_row(6);
        self.push(&collection.to_be_bytes());
        self.push(id);
        self.push(&revision.to_be_bytes());
        self.push(&document.created_at.unix_us.to_be_bytes());
        self.push(&document.updated_at.unix_us.to_be_bytes());
        self.push(document.body.as_bytes());
    }

    /// A row of the table `index_entries`.
    pub(crate) fn push_entry(&mut self, index: i32, key: &[u8], collection: i32, id: &[u8]) {
        self.begin_row(4);
        self.push(&index.to_be_bytes());
        self.push(key);
        self.push(&collection.to_be_bytes());
        self.push(id);
    }

    /// The number of bytes that is enough to send.
    pub(crate) fn piece(&mut self) -> Option<Bytes> {
        (self.0.len() >= PIECE_BYTES).then(|| {
            let piece = self.0.split().freeze();
            self.0.reserve(ROOM_BYTES);
            piece
        })
    }

    /// The last piece.
    pub(crate) fn end(mut self) -> Bytes {
        self.0.extend_from_slice(&TRAILER);
        self.0.freeze()
    }

    fn begin_row(&mut self, columns: i16) {
        self.0.extend_from_slice(&columns.to_be_bytes());
    }

    fn push(&mut self, column: &[u8]) {
        // The largest is a body, and the limits keep those far below 2 GiB.
        let length = i32::try_from(column.len()).unwrap_or(i32::MAX);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(column);
    }
}
