//! A file that is brought into a collection.

use std::{fmt, path::PathBuf, sync::atomic::Ordering};

use futures_util::future::{BoxFuture, FutureExt};
use isobase_ops::import::{
    Chunk, ChunkError, ChunkOptions, ChunkWriter, Column, Format, Ids, LeftOut, Manner, Packed,
    ReadOptions, Reading, Reply, Sending, Sent, Table, Trouble, read_chunks,
};
use isobase_store::{
    Atomicity, ErrorKind, Idempotency, Rejection, StoreError, View, WriteBatch, WriteReport,
};
use isobase_types::CollectionName;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::{ImportFile, Imports, ended::Ended, imports::Report, live::Board};

/// Records that are written together: as many as a batch may have by default.
const CHUNK_RECORDS: usize = 1_000;
/// Refused records that the report of the job names; all are in a file beside.
const REFUSED_NAMED: usize = 100;
/// Longest reason that the report of the job tells, in characters.
const REASON_CHARACTERS_MAX: usize = 500;
const STAGE: &str = "importing";
const TRY: &str = "trying";

/// A file that is to be brought into a collection, by whom, and how.
#[derive(Clone)]
pub struct Import {
    /// The id of the file.
    pub file: String,
    /// The collection.
    pub collection: CollectionName,
    /// How the file is read, and which column becomes which field.
    pub read: ReadOptions,
    /// The fate of ids.
    pub ids: Ids,
    /// Leave out records that are refused; else the first one ends the import.
    pub skip_bad: bool,
    /// Say what would be refused, and store nothing.
    pub dry_run: bool,
    /// The documents that the caller may write.
    pub view: View,
    /// Who asks: what another one imports is another import.
    pub mark: String,
}

impl fmt::Debug for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, collection, .. } = self;
        f.debug_struct("Import")
            .field("file", file)
            .field("collection", collection)
            .finish_non_exhaustive()
    }
}

impl Import {
    /// The request: the body of a request that asks for the same.
    pub(crate) fn parameters(&self) -> Value {
        let Self { file, collection, read, ids, skip_bad, dry_run, .. } = self;
        let columns = read.mapping.columns().map(|Column { from, to, kind }| match kind {
            Some(kind) => json!({ "from": from, "to": to, "type": kind.to_string() }),
            None => json!({ "from": from, "to": to }),
        });
        json!({
            "file": file, "collection": collection.as_str(),
            "format": read.format.map(Format::as_str),
            "delimiter": read.delimiter.map(char::from),
            "columns": columns.collect::<Vec<_>>(),
            "ids": ids.as_str(), "skip_bad": skip_bad, "dry_run": dry_run,
        })
    }
}

/// How far an import came.
#[derive(Default)]
struct Tally {
    table: Option<Table>,
    new: u64,
    there: u64,
    refused: u64,
    named: Vec<LeftOut>,
    ids_dropped: u64,
    /// Not every refused record is in the file of the report.
    report_cut: bool,
}

/// An import that runs.
pub(crate) struct Importing<'a> {
    pub(crate) import: &'a Import,
    pub(crate) imports: &'a Imports,
    pub(crate) board: &'a Board,
    pub(crate) stop: &'a CancellationToken,
}

impl Importing<'_> {
    /// Imports the file, and gives the report. What was stored before it ended early is told, too.
    pub(crate) async fn run(&self) -> Result<Value, Ended> {
        let failed = |error: &dyn fmt::Display| Ended::Failed(error.to_string());
        let (file, input) =
            self.imports.open(&self.import.file).await.map_err(|error| failed(&error))?;
        let options = ChunkOptions {
            collection: self.import.collection.as_str().to_owned(),
            records_max: CHUNK_RECORDS.min(self.import.view.store().options().batch_operations_max),
            skip_bad: self.import.skip_bad || self.import.dry_run,
            keep_ids: self.import.ids != Ids::New,
            // Another upload of the same records is another import.
            salt: format!("{}{}", self.import.file, self.import.ids.salt()),
        };
        let name = PathBuf::from(&file.name);
        let reading = read_chunks(input, name, self.import.read.clone(), options);
        let mut tally = Tally::default();
        let mut report = self.imports.report(&file.id);
        let done = self.take_all(reading, &file, &mut tally, &mut report).await;
        let noted = report.finish();
        let told = self.told(&file, tally);
        match (done, noted) {
            (Ok(()), Ok(())) => Ok(told),
            (Ok(()), Err(error)) => {
                Err(failed(&format!("the report cannot be written: {error}")).with(told))
            }
            (Err(ended), _) => Err(ended.with(told)),
        }
    }

    async fn take_all(
        &self,
        Reading { mut packed, bytes }: Reading,
        file: &ImportFile,
        tally: &mut Tally,
        report: &mut Report,
    ) -> Result<(), Ended> {
        let stage = if self.import.dry_run { TRY } else { STAGE };
        self.board.file(stage, 0, (0, file.bytes));
        loop {
            let read = tokio::select! {
                read = packed.recv() => read,
                () = self.stop.cancelled() => return Err(Ended::Stopped),
            };
            match read {
                None => return Ok(()),
                Some(Packed::Table(table)) => tally.table = Some(table),
                Some(Packed::IdsDropped(records)) => tally.ids_dropped = records,
                Some(Packed::Failed(error)) => {
                    if let ChunkError::Bad(wrong) = &error {
                        tally.leave_out(std::slice::from_ref(wrong), report)?;
                    }
                    return Err(Ended::Failed(failure(&error)));
                }
                Some(Packed::Chunk(chunk)) => {
                    tally.leave_out(&chunk.left_out, report)?;
                    let sent = tokio::select! {
                        // A chunk that was under way is stored or not; it is asked again.
                        sent = self.take(&chunk) => sent?,
                        () = self.stop.cancelled() => return Err(Ended::Stopped),
                    };
                    tally.new += sent.new;
                    tally.there += sent.there;
                    tally.leave_out(&sent.refused, report)?;
                    let skips = self.import.skip_bad || self.import.dry_run;
                    if let Some(first) = sent.refused.first().filter(|_| !skips) {
                        return Err(Ended::Failed(format!(
                            "{first}; mend it, or leave such records out"
                        )));
                    }
                }
            }
            let done = tally.new + tally.there + tally.refused;
            self.board.file(stage, done, (bytes.load(Ordering::Relaxed), file.bytes));
        }
    }

    /// Stores a chunk, or says what would be refused of it.
    async fn take(&self, chunk: &Chunk) -> Result<Sent, Ended> {
        if chunk.items.is_empty() {
            return Ok(Sent::default());
        }
        if self.import.dry_run {
            return self.look_at(chunk).await;
        }
        let writer = Writer { import: self.import };
        let mut sending = Sending::new(&writer, self.import.ids, self.import.skip_bad);
        sending.send(chunk).await.map_err(|error| {
            let again = "the same import goes on from there";
            Ended::Failed(format!("{error}; {again}"))
        })
    }

    async fn look_at(&self, chunk: &Chunk) -> Result<Sent, Ended> {
        let Import { collection, view, .. } = self.import;
        let bodies = chunk.items.iter().map(|item| item.body.clone()).collect();
        let checked = view.store().check_new(collection, bodies).await;
        let checked = checked.map_err(|error| Ended::Failed(error.to_string()))?;
        let refused: Vec<_> = checked
            .into_iter()
            .zip(&chunk.items)
            .filter_map(|(checked, item)| {
                let reason = checked.err()?.to_string();
                Some(LeftOut { number: item.number, line: item.line, reason })
            })
            .collect();
        let new = (chunk.items.len() - refused.len()) as u64;
        Ok(Sent { new, there: 0, refused })
    }

    fn told(&self, file: &ImportFile, mut tally: Tally) -> Value {
        // Some are refused when they are read, and some when they are written.
        tally.named.sort_by_key(|it| it.line);
        let named = tally.named.iter().map(|LeftOut { number, line, reason }| {
            let reason: String = reason.chars().take(REASON_CHARACTERS_MAX).collect();
            json!({ "line": line, "record": number, "reason": reason })
        });
        let columns = tally.table.iter().flat_map(|table| &table.columns);
        let columns = columns.map(|(name, kind)| json!({ "from": name, "type": kind.to_string() }));
        json!({
            "collection": self.import.collection.as_str(), "file": file.name,
            "dry_run": self.import.dry_run, "new": tally.new, "already_there": tally.there,
            "refused": tally.refused, "refusals": named.collect::<Vec<_>>(),
            "report_cut": tally.report_cut, "ids_dropped": tally.ids_dropped,
            "columns": columns.collect::<Vec<_>>(),
        })
    }
}

impl Tally {
    /// Counts records that are left out, and names them: they are nowhere else.
    fn leave_out(&mut self, refused: &[LeftOut], report: &mut Report) -> Result<(), Ended> {
        self.refused += refused.len() as u64;
        let room = REFUSED_NAMED.saturating_sub(self.named.len());
        self.named.extend(refused.iter().take(room).cloned());
        match report.note(refused) {
            Ok(is_whole) => self.report_cut |= !is_whole,
            Err(error) => {
                return Err(Ended::Failed(format!("the report cannot be written: {error}")));
            }
        }
        Ok(())
    }
}

fn failure(error: &ChunkError) -> String {
    match error {
        ChunkError::Bad(_) => format!("{error}; mend it, or leave such records out"),
        ChunkError::Read(_) => format!("the file cannot be read on: {error}"),
    }
}

/// Writes chunks as the one who asked may.
struct Writer<'a> {
    import: &'a Import,
}

impl ChunkWriter for Writer<'_> {
    type Error = StoreError;

    fn write<'a>(
        &'a self,
        piece: &'a Chunk,
        manner: Manner,
    ) -> BoxFuture<'a, Result<Reply, Trouble<StoreError>>> {
        async move {
            let Import { collection, view, mark, .. } = self.import;
            let operations = piece.items.iter().map(|item| item.operation(collection, manner.ids));
            let key = piece.key();
            let idempotency = Idempotency {
                key: hash(&[mark.as_bytes(), b"import", key.as_bytes()]),
                // The content of the piece is in its key. Not whether it is stored wholly or not at
                // all: an import that now leaves out what is refused goes on where it ended.
                fingerprint: hash(&[key.as_bytes(), manner.ids.as_str().as_bytes()]),
            };
            let batch = WriteBatch {
                operations: operations.collect(),
                idempotency: Some(idempotency),
                checks: Vec::new(),
            };
            let atomicity =
                if manner.whole { Atomicity::AllOrNothing } else { Atomicity::EachAlone };
            let WriteReport { outcomes, replayed } =
                view.write(batch, atomicity).await.map_err(trouble)?;
            let stored = outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
            let refused =
                outcomes.iter().enumerate().filter_map(|(index, outcome)| match outcome {
                    Ok(_) | Err(Rejection::BatchRejected) => None,
                    Err(rejection) => Some((index, rejection.to_string())),
                });
            Ok(Reply { stored, refused: refused.collect(), replayed })
        }
        .boxed()
    }

    fn waiting(&self, reason: &str) {
        tracing::warn!(collection = %self.import.collection, "an import waits: {reason}");
    }
}

fn trouble(error: StoreError) -> Trouble<StoreError> {
    let (temporary, kind) = (error.is_temporary(), error.kind());
    let too_large = kind == ErrorKind::LimitExceeded;
    Trouble { error, temporary, too_large, unsupported: kind == ErrorKind::Unsupported }
}

/// Hashes parts with their lengths, so that no two lists of parts give the same bytes.
fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}
