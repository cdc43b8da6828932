//! Chunks of a file, read on a thread of their own.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
};

use tokio::sync::mpsc;

use super::{
    chunk::{Chunk, ChunkError, ChunkOptions, Chunks},
    input::Input,
    options::ReadOptions,
    records::{Records, Table},
};

/// Chunks that are read ahead of the one that is written.
const CHUNKS_AHEAD: usize = 3;

/// A message of the reading thread.
#[derive(Debug)]
pub enum Packed {
    /// The form of the table. The first thing that is said.
    Table(Table),
    /// Records that are written together.
    Chunk(Chunk),
    /// How many records had ids of their own that are not kept. The last thing that is said.
    IdsDropped(u64),
    /// The file cannot be read on. The last thing that is said.
    Failed(ChunkError),
}

/// A file that is being read. The thread ends when this is dropped.
#[derive(Debug)]
pub struct Reading {
    /// The records, in the order of the file.
    pub packed: mpsc::Receiver<Packed>,
    /// How many bytes of the file were read.
    pub bytes: Arc<AtomicU64>,
}

/// Reads and packs on a thread of its own: files block. `name` is the name of the file, which may tell
/// its format.
pub fn read_chunks(
    mut input: Input,
    name: PathBuf,
    read: ReadOptions,
    options: ChunkOptions,
) -> Reading {
    let (sender, packed) = mpsc::channel(CHUNKS_AHEAD);
    let bytes = input.bytes_read();
    std::thread::spawn(move || {
        // No one listens any more when the import has failed elsewhere.
        let _ = read_all(&mut input, (&name, &read), options, |packed| {
            sender.blocking_send(packed).map_err(drop)
        });
    });
    Reading { packed, bytes }
}

fn read_all(
    input: &mut Input,
    (name, read): (&std::path::Path, &ReadOptions),
    options: ChunkOptions,
    say: impl Fn(Packed) -> Result<(), ()>,
) -> Result<(), ()> {
    let records = match Records::open(input, name, read) {
        Ok(records) => records,
        Err(error) => return say(Packed::Failed(error.into())),
    };
    if let Some(table) = records.table() {
        say(Packed::Table(table))?;
    }
    let mut chunks = Chunks::new(records, options);
    loop {
        match chunks.next() {
            Ok(Some(chunk)) => say(Packed::Chunk(chunk))?,
            Ok(None) => return say(Packed::IdsDropped(chunks.ids_dropped())),
            Err(error) => return say(Packed::Failed(error)),
        }
    }
}
