//! Files of records, brought into a collection: read, cut into chunks, written so that each chunk is
//! stored once however often it is sent.
//!
//! One thread reads and packs chunks, a few ahead ([`read_chunks`]); one task writes them, one after
//! another ([`Sending`]), so that ids follow the order of the file. What writes is a [`ChunkWriter`]: a
//! database, or a service behind HTTP.
//!
//! Reading order: [`Input`] (text, however it is packed and encoded), [`ReadOptions`] and [`Mapping`],
//! [`Records`], [`Chunk`], [`Packed`], [`Sending`].

mod chunk;
mod csv;
mod input;
mod kinds;
mod mapping;
mod options;
mod packed;
mod record;
mod records;
mod sending;
mod shape;
mod zstd;

pub use chunk::{Chunk, ChunkError, ChunkOptions, Item, LeftOut};
pub use input::{Input, Text};
pub use kinds::{ColumnType, Format, Ids, UnknownWord};
pub use mapping::{COLUMNS_MAX, Column, InvalidMapping, Mapping};
pub use options::ReadOptions;
pub use packed::{Packed, Reading, read_chunks};
pub use record::{ReadError, Record};
pub use records::{Records, Table};
pub use sending::{ChunkWriter, Manner, PATIENCE, Reply, Sending, Sent, Trouble};
