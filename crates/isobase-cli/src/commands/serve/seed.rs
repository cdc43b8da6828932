//! `seed/*.ndjson` of an app folder: the documents that a new database begins with.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use isobase::{
    Store,
    store::{
        Action, Atomicity, Idempotency, IfMissing, Precondition, Rejection, WriteBatch,
        WriteOperation,
    },
    types::{CollectionName, DocumentId, json::canonicalise_document},
};
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use sha2::{Digest, Sha256};

use crate::failure::Failure;

/// The folder of the files.
const FOLDER: &str = "seed";
/// Where it is noted which files were read.
const SEEDS: &str = "isobase_seeds";

/// Most documents, and bytes of them, that are written in one piece: fewer than any engine takes.
const PIECE_DOCUMENTS_MAX: usize = 20;
const PIECE_BYTES_MAX: usize = 256 << 10;

/// Reads the files that this database has not seen. A file that was begun and not ended, by this
/// process or by another one, is read again: what is stored of it is recognised.
pub(crate) async fn load(app: &Path, store: &Store) -> Result<()> {
    for path in files(&app.join(FOLDER))? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let shown = format!("{FOLDER}/{name}");
        let seeds = collection(SEEDS, &shown)?;
        let mark = DocumentId::Text(name.as_str().into());
        let system = store.system();
        if system.get(&seeds, &mark).await?.is_some() {
            continue;
        }
        let into = collection(name.trim_end_matches(".ndjson"), &shown)?;
        let documents = read(&path, &shown, &into, store).await?;
        let action = Action::Put {
            id: mark,
            body: json!({ "documents": documents }).to_string(),
            if_missing: IfMissing::Create,
        };
        write(&system, vec![operation(&seeds, action)], None).await?;
        tracing::info!(documents, "read {documents} documents of {shown}");
    }
    Ok(())
}

/// The files by their names; empty if there is no folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let unreadable = || format!("cannot read the folder {}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        if path.extension().is_some_and(|ending| ending == "ndjson") && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn collection(name: &str, shown: &str) -> Result<CollectionName> {
    let name = CollectionName::new(name);
    Ok(name.map_err(|error| Failure::usage(format!("{shown} names no collection: {error}")))?)
}

/// Stores the lines of a file, some at a time; says how many there were.
async fn read(path: &Path, shown: &str, into: &CollectionName, store: &Store) -> Result<u64> {
    let file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
    let mut piece = Piece::default();
    let mut documents = 0;
    for (number, line) in (1..).zip(BufReader::new(file).lines()) {
        let line = line.with_context(|| format!("cannot read {shown}:{number}"))?;
        if line.trim().is_empty() {
            continue;
        }
        let action = action(&line).map_err(|reason| refused(shown, number, &reason))?;
        piece.push(number, &line, operation(into, action));
        documents += 1;
        if piece.is_full() {
            std::mem::take(&mut piece).write(shown, store).await?;
        }
    }
    piece.write(shown, store).await?;
    Ok(documents)
}

/// A document under its own `id`, else under the next one.
fn action(line: &str) -> Result<Action, String> {
    #[derive(Deserialize)]
    struct Own<'a> {
        #[serde(borrow)]
        id: Option<&'a RawValue>,
    }
    let body = canonicalise_document(line.as_bytes()).map_err(|error| error.to_string())?;
    let own: Own<'_> = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let Some(id) = own.id else { return Ok(Action::Create { body }) };
    let text = match serde_json::from_str::<String>(id.get()) {
        Ok(text) => text,
        Err(_) => id.get().to_owned(),
    };
    let id = DocumentId::parse(&text).map_err(|error| error.to_string())?;
    Ok(Action::Put { id, body, if_missing: IfMissing::Create })
}

fn operation(collection: &CollectionName, action: Action) -> WriteOperation {
    WriteOperation { collection: collection.clone(), action, precondition: Precondition::None }
}

/// Lines that are written in one piece.
#[derive(Default)]
struct Piece {
    lines: Vec<u64>,
    operations: Vec<WriteOperation>,
    bytes: usize,
    content: Sha256,
}

impl Piece {
    fn push(&mut self, line: u64, text: &str, operation: WriteOperation) {
        self.lines.push(line);
        self.operations.push(operation);
        self.bytes += text.len();
        self.content.update((text.len() as u64).to_le_bytes());
        self.content.update(text);
    }

    fn is_full(&self) -> bool {
        self.operations.len() >= PIECE_DOCUMENTS_MAX || self.bytes >= PIECE_BYTES_MAX
    }

    /// Stores the lines, all or none. A repeat is recognised by where they stand and what they say,
    /// so that a mended file goes on where it was wrong.
    async fn write(self, shown: &str, store: &Store) -> Result<()> {
        let Some(first) = self.lines.first() else { return Ok(()) };
        let content: [u8; 32] = self.content.finalize().into();
        let mut key = Sha256::new();
        key.update(format!("seed {shown} {first} "));
        key.update(content);
        let mark = Idempotency { key: key.finalize().into(), fingerprint: content };
        match write(store, self.operations, Some(mark)).await? {
            None => Ok(()),
            Some((place, rejection)) => {
                let line = self.lines.get(place).copied().unwrap_or_default();
                Err(refused(shown, line, &rejection.to_string()).into())
            }
        }
    }
}

/// Writes operations, and returns the first that was refused, and why.
async fn write(
    store: &Store,
    operations: Vec<WriteOperation>,
    idempotency: Option<Idempotency>,
) -> Result<Option<(usize, Rejection)>> {
    let batch = WriteBatch { operations, idempotency, ..WriteBatch::default() };
    let report = store.write(batch, Atomicity::AllOrNothing).await?;
    let outcomes = report.outcomes.into_iter().enumerate();
    let mut refused = outcomes.filter_map(|(place, outcome)| Some((place, outcome.err()?)));
    Ok(refused.find(|(_, rejection)| *rejection != Rejection::BatchRejected))
}

fn refused(shown: &str, line: u64, reason: &str) -> Failure {
    Failure::new(format!("{shown}:{line}: {reason}"))
        .hint("mend the line and start again; what was read before it is not read twice")
}
