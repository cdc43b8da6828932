//! Chunks, written so that each is stored once however often it is sent.

use std::time::{Duration, Instant};

use http::{HeaderName, Method};
use isobase::{
    Store, StoreError,
    store::{
        Action, Atomicity, ErrorKind, Idempotency, Precondition, WriteBatch, WriteOperation,
        WriteReport,
    },
    types::CollectionName,
};
use isobase_client::{Body, Client, ClientError, Request};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::chunk::Chunk;
use crate::{
    failure::Failure,
    progress::Progress,
    target::{Target, client_failure},
};

/// How long a service or database may be away: time for a restart with a recovery.
const PATIENCE: Duration = Duration::from_secs(60);
/// The first pause between two tries; doubled up to the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LONGEST: Duration = Duration::from_secs(2);

/// The route that takes lines, by its operation id, and how its marks name them. What the service
/// puts into a mark is put in here too, so that an import begun there can be finished here.
const OPERATION: &str = "create_record";
const OPTIONS: &[u8] = b"lines";

/// What became of a chunk.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// Records stored now.
    pub(super) new: u64,
    /// Records that an earlier import had stored.
    pub(super) there: u64,
    /// Records that were refused: number in the file, reason.
    pub(super) refused: Vec<(u64, String)>,
}

impl Sent {
    fn add(&mut self, other: Self) {
        self.new += other.new;
        self.there += other.there;
        self.refused.extend(other.refused);
    }
}

/// Writes a chunk; waits while the service or database is away.
///
/// A chunk that the database cannot write in one piece is halved until it can. Halving always
/// begins with the whole chunk, so that an import that is run again comes to the same pieces.
pub(super) async fn send(
    target: &Target,
    collection: &CollectionName,
    chunk: &Chunk,
    progress: &Progress,
) -> Result<Sent, Failure> {
    let mut sent = Sent::default();
    let mut halves = Vec::new();
    let mut piece = send_piece(target, collection, chunk, progress).await;
    loop {
        match piece {
            Ok(done) => sent.add(done),
            Err(NotSent::TooLarge { chunk, failure }) => match chunk.halves() {
                Some((first, second)) => halves.extend([second, first]),
                None => return Err(failure),
            },
            Err(NotSent::Failed(failure)) => return Err(failure),
        }
        let Some(next) = halves.pop() else { return Ok(sent) };
        piece = send_piece(target, collection, &next, progress).await;
    }
}

/// Why a piece was not written.
enum NotSent {
    /// The database cannot write it in one piece.
    TooLarge {
        chunk: Chunk,
        failure: Failure,
    },
    Failed(Failure),
}

async fn send_piece(
    target: &Target,
    collection: &CollectionName,
    chunk: &Chunk,
    progress: &Progress,
) -> Result<Sent, NotSent> {
    let started = Instant::now();
    let (mut pause, mut told) = (PAUSE_FIRST, false);
    loop {
        let tried = match target {
            Target::Direct { store, caller } => write(store, caller, collection, chunk).await,
            Target::Service(client) => post(client, collection, chunk).await,
        };
        match tried {
            Ok(sent) => return Ok(sent),
            Err(Trouble { failure, temporary: true, .. }) if started.elapsed() < PATIENCE => {
                if !std::mem::replace(&mut told, true) {
                    progress.waiting(&failure.to_string());
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE_LONGEST);
            }
            Err(Trouble { failure, too_large: true, .. }) => {
                return Err(NotSent::TooLarge { chunk: chunk.clone(), failure });
            }
            Err(Trouble { failure, .. }) => return Err(NotSent::Failed(failure)),
        }
    }
}

struct Trouble {
    failure: Failure,
    /// Another try makes sense: a chunk is stored once, also when the first try was stored.
    temporary: bool,
    /// Fewer records at once may be stored.
    too_large: bool,
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        let temporary = error.is_temporary();
        let too_large = error.kind() == ErrorKind::LimitExceeded;
        Self { failure: Failure::from_error(anyhow::Error::new(error)), temporary, too_large }
    }
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        let lost = matches!(error, ClientError::Broken { .. } | ClientError::TimedOut { .. });
        let unknown = error.problem().is_some_and(|problem| problem.status == 503);
        let temporary = lost || unknown || error.is_temporary();
        let too_large = error.problem().is_some_and(|problem| problem.code == "limit_exceeded");
        Self { failure: client_failure(error), temporary, too_large }
    }
}

async fn write(
    store: &Store,
    caller: &str,
    collection: &CollectionName,
    chunk: &Chunk,
) -> Result<Sent, Trouble> {
    let lines = chunk.lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let operations = lines.map(|line| WriteOperation {
        collection: collection.clone(),
        action: Action::Create { body: String::from_utf8_lossy(line).into_owned() },
        precondition: Precondition::None,
    });
    let batch = WriteBatch {
        operations: operations.collect(),
        idempotency: Some(mark(caller, collection, chunk)),
        check: None,
    };
    let WriteReport { outcomes, replayed } = store.write(batch, Atomicity::EachAlone).await?;
    let refused = outcomes.iter().zip(&chunk.numbers).filter_map(|(outcome, number)| {
        outcome.as_ref().err().map(|rejection| (*number, rejection.to_string()))
    });
    let refused: Vec<_> = refused.collect();
    let stored = (outcomes.len() - refused.len()) as u64;
    Ok(sent(stored, replayed, refused))
}

/// The mark the service gives a chunk of this caller.
fn mark(caller: &str, collection: &CollectionName, chunk: &Chunk) -> Idempotency {
    let key = [caller, OPERATION, collection.as_str(), chunk.key.as_str()];
    Idempotency { key: hash(&key.map(str::as_bytes)), fingerprint: hash(&[OPTIONS, &chunk.lines]) }
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The service's answer to lines.
#[derive(Debug, Deserialize)]
struct Answer {
    created: u64,
    #[serde(default)]
    errors: Vec<LineError>,
}

#[derive(Debug, Deserialize)]
struct LineError {
    line: usize,
    detail: String,
}

async fn post(
    client: &Client,
    collection: &CollectionName,
    chunk: &Chunk,
) -> Result<Sent, Trouble> {
    let body = Body::Bytes("application/x-ndjson", chunk.lines.clone().into());
    let request = Request::new(Method::POST, &["records", collection.as_str()])
        .header(HeaderName::from_static("idempotency-key"), &chunk.key)?
        .body(body);
    let response = client.send(request).await?;
    let replayed = response.header("idempotency-replayed") == Some("true");
    let Answer { created, errors } = response.json().await?;
    let number = |line: usize| chunk.numbers.get(line.saturating_sub(1)).copied();
    let refused =
        errors.into_iter().map(|error| (number(error.line).unwrap_or_default(), error.detail));
    Ok(sent(created, replayed, refused.collect()))
}

fn sent(stored: u64, replayed: bool, refused: Vec<(u64, String)>) -> Sent {
    let (new, there) = if replayed { (0, stored) } else { (stored, 0) };
    Sent { new, there, refused }
}
