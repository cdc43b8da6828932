//! Files into an archive and out of it.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use isobase_engine::Engine;
use isobase_types::{CollectionName, DocumentId, hex};
use sha2::{Digest as _, Sha256};
use tokio::{
    sync::mpsc::{self, Receiver},
    task::JoinHandle,
};

use super::{
    ArchiveInput,
    format::Pass,
    reader::{self, joined, read},
    writer::{ArchiveWriter, Piece},
};
use crate::{
    Control, FileBytes, FilePlace, FilesReport, OpsError, Side,
    files::{self, Fate, FileEntry, Spool, failed_at, is_there, keep, progress},
};

/// Files that are taken from the list at a time.
const TAKEN: usize = 64;

/// Frames of files that wait to be written.
const FRAMES_WAITING: usize = 2;

/// Writes files behind the documents that tell of them.
pub(crate) async fn dump_files(
    from: &Arc<dyn Engine>,
    place: &dyn FilePlace,
    spool: Spool,
    writer: &ArchiveWriter,
    control: &Control,
) -> Result<FilesReport, OpsError> {
    let collection = files::collection();
    let mut report = FilesReport::default();
    let total = spool.len();
    let mut entries = spool.entries().map_err(OpsError::Spool)?;
    loop {
        let taken = entries.take(TAKEN).map_err(OpsError::Spool)?;
        if taken.is_empty() {
            return Ok(report);
        }
        for entry in taken {
            let fate = dump_one(place, &entry, writer).await?;
            if fate == Fate::Missing && is_gone(from, &collection, &entry).await? {
                // It was deleted while the archive was written.
                continue;
            }
            report.add(&entry, fate);
            progress(control, &report, total)?;
        }
    }
}

async fn is_gone(
    from: &Arc<dyn Engine>,
    collection: &CollectionName,
    entry: &FileEntry,
) -> Result<bool, OpsError> {
    let id = DocumentId::Text(entry.name.as_str().into());
    let found = from.get(collection, &id).await.map_err(OpsError::source_failed)?;
    Ok(found.is_none())
}

async fn dump_one(
    place: &dyn FilePlace,
    entry: &FileEntry,
    writer: &ArchiveWriter,
) -> Result<Fate, OpsError> {
    let failed = |error| failed_at(place, entry, error);
    let Some(mut bytes) = place.open(&entry.name).await.map_err(failed)? else {
        return Ok(Fate::Missing);
    };
    writer.write(Piece::File(entry.name.clone())).await?;
    let (mut hash, mut size) = (Sha256::new(), 0);
    while let Some(piece) = bytes.try_next().await.map_err(failed)? {
        hash.update(&piece);
        size += piece.len() as u64;
        writer.write(Piece::Bytes(piece)).await?;
    }
    writer.write(Piece::FileEnd).await?;
    // The archive says what its bytes are: a restore leaves it out.
    let is_whole = size == entry.size && hex(&hash.finalize()) == entry.sha256;
    Ok(if is_whole { Fate::Written } else { Fate::Damaged })
}

/// Writes the files of archives that documents of the target tell of, and looks for the others.
pub(crate) async fn restore_files(
    inputs: Vec<ArchiveInput>,
    to: &Arc<dyn Engine>,
    place: &Arc<dyn FilePlace>,
    control: &Control,
) -> Result<FilesReport, OpsError> {
    let spool = files::spool(to, Side::Target).await?;
    let mut report = FilesReport::default();
    let total = spool.len();
    let (mut pieces, reading) = read_files(inputs, control.clone());
    let mut written = 0;
    let mut damaged = FilesReport::default();
    while let Some(piece) = pieces.recv().await {
        let reader::Piece::File(name) = piece else { continue };
        match restore_one(&name, to, place, &mut pieces).await? {
            Some((_, Fate::Written)) => written += 1,
            Some((_, Fate::Damaged)) => damaged.add_damaged(&name),
            _ => {}
        }
        let so_far = FilesReport { files: written + damaged.damaged, ..FilesReport::default() };
        progress(control, &so_far, total)?;
    }
    joined(reading.await)?;
    // Whatever the archives have of files: this is what there is now.
    let mut entries = spool.entries().map_err(OpsError::Spool)?;
    loop {
        let taken = entries.take(TAKEN).map_err(OpsError::Spool)?;
        if taken.is_empty() {
            return Ok(FilesReport { written, ..report });
        }
        for entry in taken {
            let found = place.open(&entry.name).await;
            let found = found.map_err(|error| failed_at(&**place, &entry, error))?;
            let fate = match found {
                Some(_) => Fate::There,
                None if damaged.damaged_names.contains(&entry.name) => Fate::Damaged,
                None => Fate::Missing,
            };
            report.add(&entry, fate);
        }
        progress(control, &report, total)?;
    }
}

/// Reads the archives again on a thread of its own, for their files.
fn read_files(
    inputs: Vec<ArchiveInput>,
    control: Control,
) -> (Receiver<reader::Piece>, JoinHandle<Result<(), OpsError>>) {
    let (sender, pieces) = mpsc::channel(FRAMES_WAITING);
    let reading = tokio::task::spawn_blocking(move || {
        let mut inputs = inputs;
        for input in &mut inputs {
            read(input, Pass::Files, &mut |piece| {
                use reader::Piece::{Bytes, File, FileEnd};
                if control.is_stopped() {
                    return Err(OpsError::Stopped { documents: 0 });
                }
                match piece {
                    // No one reads any more: that side has an error of its own to tell.
                    File(_) | Bytes(_) | FileEnd => {
                        sender.blocking_send(piece).map_err(|_| OpsError::Stopped { documents: 0 })
                    }
                    _ => Ok(()),
                }
            })?;
        }
        Ok(())
    });
    (pieces, reading)
}

/// Writes one file, whose pieces come next; none of one that no document tells of.
async fn restore_one(
    name: &str,
    to: &Arc<dyn Engine>,
    place: &Arc<dyn FilePlace>,
    pieces: &mut Receiver<reader::Piece>,
) -> Result<Option<(FileEntry, Fate)>, OpsError> {
    let entry = match files::is_name(name) {
        true => {
            let id = DocumentId::Text(name.into());
            let found = to.get(&files::collection(), &id).await.map_err(OpsError::target_failed)?;
            found.as_ref().and_then(FileEntry::of)
        }
        false => None,
    };
    let Some(entry) = entry else {
        pass_by(pieces).await;
        return Ok(None);
    };
    let failed = |error| failed_at(&**place, &entry, error);
    if is_there(&**place, &entry).await.map_err(failed)? {
        pass_by(pieces).await;
        return Ok(Some((entry, Fate::There)));
    }
    let (sender, bytes) = mpsc::channel(FRAMES_WAITING);
    let (kept, kept_place) = (entry.clone(), place.clone());
    let keeping = tokio::spawn(async move { keep(&*kept_place, &kept, stream_of(bytes)).await });
    let mut is_whole = false;
    while let Some(piece) = pieces.recv().await {
        match piece {
            reader::Piece::Bytes(bytes) => {
                if sender.send(Ok(Bytes::from(bytes))).await.is_err() {
                    // It has an error to tell.
                    pass_by(pieces).await;
                    is_whole = true;
                    break;
                }
            }
            _ => {
                is_whole = true;
                break;
            }
        }
    }
    if !is_whole {
        // The reading has ended early, and says why.
        let _ = sender.send(Err(std::io::ErrorKind::UnexpectedEof.into())).await;
    }
    drop(sender);
    let fate = keeping.await.map_err(|error| OpsError::Task(error.to_string()))?;
    match (fate, is_whole) {
        (Err(error), true) => Err(failed_at(&**place, &entry, error)),
        (Ok(fate), true) => Ok(Some((entry, fate))),
        (_, false) => Ok(None),
    }
}

async fn pass_by(pieces: &mut Receiver<reader::Piece>) {
    while let Some(reader::Piece::Bytes(_)) = pieces.recv().await {}
}

fn stream_of(bytes: Receiver<std::io::Result<Bytes>>) -> FileBytes {
    stream::unfold(bytes, |mut bytes| async { bytes.recv().await.map(|piece| (piece, bytes)) })
        .boxed()
}
