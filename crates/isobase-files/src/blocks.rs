//! Bytes on their way to a file.

use std::{
    fs::File,
    io::{self, Write as _},
    sync::Arc,
};

use sha2::{Digest, Sha256};
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes that are hashed and written at a time: connections bring a few kilobytes, and each way to
/// another thread and back costs more than they do.
const BLOCK_BYTES: usize = 256 << 10;

/// After so many bytes the disk begins with them, while the rest comes: else a large file would wait
/// for all of its own at the end.
const SYNC_AFTER: usize = 32 << 20;

/// A new file, written off the threads that answer requests: while a block is hashed and written
/// the next one comes. Its drop leaves what was written.
#[derive(Debug)]
pub(crate) struct Blocks {
    file: Arc<File>,
    /// The bytes since the last block.
    filling: Vec<u8>,
    /// The block before, on its way.
    writing: Option<JoinHandle<io::Result<Written>>>,
    /// Bytes of blocks since the last sync began.
    unsynced: usize,
    /// A sync, on its way. It tells an error that no later one of the file would tell again.
    syncing: Option<JoinHandle<io::Result<()>>>,
}

/// After a block: its memory, for another one, and the hash of everything so far.
#[derive(Debug, Default)]
struct Written {
    block: Vec<u8>,
    hasher: Sha256,
}

impl Blocks {
    pub(crate) fn new(file: File) -> Self {
        let file = Arc::new(file);
        Self { file, filling: Vec::new(), writing: None, unsynced: 0, syncing: None }
    }

    /// Takes bytes. An error may be that of bytes before; nothing more can be written then.
    pub(crate) async fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = BLOCK_BYTES - self.filling.len();
            let (taken, rest) = bytes.split_at(room.min(bytes.len()));
            self.filling.extend_from_slice(taken);
            bytes = rest;
            if self.filling.len() == BLOCK_BYTES {
                self.hand_over().await?;
            }
        }
        Ok(())
    }

    /// Gives the SHA-256 of all bytes, which are on the disk then.
    pub(crate) async fn finish(mut self) -> io::Result<Sha256> {
        self.hand_over().await?;
        let Written { hasher, .. } = self.written().await?;
        if let Some(syncing) = self.syncing.take() {
            syncing.await.map_err(io::Error::other)??;
        }
        let file = self.file;
        spawn_blocking(move || file.sync_all()).await.map_err(io::Error::other)??;
        Ok(hasher)
    }

    /// Sends what has come on its way, when what was before has arrived.
    async fn hand_over(&mut self) -> io::Result<()> {
        let Written { mut block, mut hasher } = self.written().await?;
        std::mem::swap(&mut block, &mut self.filling);
        self.sync_meanwhile(block.len()).await?;
        let file = Arc::clone(&self.file);
        self.writing = Some(spawn_blocking(move || {
            hasher.update(&block);
            (&*file).write_all(&block)?;
            block.clear();
            Ok(Written { block, hasher })
        }));
        Ok(())
    }

    async fn written(&mut self) -> io::Result<Written> {
        match self.writing.take() {
            Some(writing) => writing.await.map_err(io::Error::other)?,
            None => Ok(Written::default()),
        }
    }

    async fn sync_meanwhile(&mut self, more: usize) -> io::Result<()> {
        self.unsynced += more;
        let is_under_way = self.syncing.as_ref().is_some_and(|syncing| !syncing.is_finished());
        if self.unsynced < SYNC_AFTER || is_under_way {
            return Ok(());
        }
        if let Some(syncing) = self.syncing.take() {
            syncing.await.map_err(io::Error::other)??;
        }
        self.unsynced = 0;
        let file = Arc::clone(&self.file);
        self.syncing = Some(spawn_blocking(move || file.sync_data()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_has_the_bytes_of_all_pieces_and_their_hash() {
        let folder = tempfile::tempdir().unwrap();
        let all: Vec<u8> = (0..3 * BLOCK_BYTES + 17).map(|at| (at % 251) as u8).collect();
        // Some syncs begin before the end.
        for piece in [7_001, BLOCK_BYTES, 2 * BLOCK_BYTES + 1, all.len()] {
            let path = folder.path().join(piece.to_string());
            let mut blocks = Blocks::new(File::create_new(&path).unwrap());
            blocks.unsynced = SYNC_AFTER - BLOCK_BYTES;
            for bytes in all.chunks(piece) {
                blocks.write(bytes).await.unwrap();
            }
            let hash = blocks.finish().await.unwrap().finalize();
            assert_eq!(hash, Sha256::digest(&all), "{piece}");
            assert!(std::fs::read(&path).unwrap() == all, "{piece}");
        }
        let empty = Blocks::new(File::create_new(folder.path().join("empty")).unwrap());
        assert_eq!(empty.finish().await.unwrap().finalize(), Sha256::digest(b""));
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_written_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("read-only");
        std::fs::write(&path, "").unwrap();
        let mut blocks = Blocks::new(File::open(&path).unwrap());
        blocks.write(&vec![0; BLOCK_BYTES]).await.unwrap();
        assert!(blocks.write(&vec![0; BLOCK_BYTES]).await.is_err(), "that of the block before");
        let mut blocks = Blocks::new(File::open(&path).unwrap());
        blocks.write(b"a").await.unwrap();
        assert!(blocks.finish().await.is_err());
    }
}
