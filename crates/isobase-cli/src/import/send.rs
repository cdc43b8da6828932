//! Chunks, written so that each is stored once however often it is sent, and wholly or not at all.

use std::time::{Duration, Instant};

use http::{HeaderName, Method};
use isobase::{
    Store, StoreError,
    store::{
        Action, Atomicity, ErrorKind, Idempotency, IfMissing, Precondition, Rejection, WriteBatch,
        WriteOperation, WriteReport,
    },
    types::CollectionName,
};
use isobase_client::{BatchAnswer, Body, Client, ClientError, Request};
use sha2::{Digest, Sha256};

use super::chunk::{Chunk, Item, LeftOut};
use crate::{
    arguments::IdsFrom, failure::Failure, progress::Progress, service_failure::client_failure,
    target::Target,
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// How long a service or database may be away: time for a restart with a recovery.
const PATIENCE: Duration = Duration::from_secs(60);
/// The first pause between two tries; doubled up to the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LONGEST: Duration = Duration::from_secs(2);

/// The routes that take chunks, by their operation ids, and how their marks name what is asked.
/// What the service puts into a mark is put in here too, so that an import begun there can be
/// finished here.
const LINES: (&str, &[u8]) = ("create_record", b"lines atomic");
const BATCH: (&str, &[u8]) = ("write_batch", b"batch");
const WHOLE_BATCH: (&str, &[u8]) = ("write_batch", b"batch atomic");

/// What became of a chunk.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// Records stored now.
    pub(super) new: u64,
    /// Records that an earlier import had stored.
    pub(super) there: u64,
    /// Records that were refused.
    pub(super) refused: Vec<LeftOut>,
}

/// Writes chunks.
pub(super) struct Sender<'a> {
    target: &'a Target,
    collection: &'a CollectionName,
    progress: &'a Progress,
    /// A chunk with a refused record is not stored: mended and sent again it has another name, and
    /// what was stored of it would be stored twice.
    atomicity: Atomicity,
    ids: IdsFrom,
    skip_bad: bool,
}

/// How a chunk is written.
#[derive(Clone, Copy)]
struct Manner {
    atomicity: Atomicity,
    ids: IdsFrom,
}

impl Manner {
    /// The route and its options. Lines are what the service reads fastest, but they have no ids,
    /// and their answer does not name every refused one.
    fn route(self) -> (&'static str, &'static [u8]) {
        match (self.atomicity, self.ids) {
            (Atomicity::AllOrNothing, IdsFrom::New) => LINES,
            (Atomicity::AllOrNothing, _) => WHOLE_BATCH,
            (Atomicity::EachAlone, _) => BATCH,
        }
    }

    fn content(self, chunk: &Chunk) -> Vec<u8> {
        if self.route() == LINES { lines(chunk) } else { batch(chunk, self) }
    }
}

impl<'a> Sender<'a> {
    pub(super) fn new(
        target: &'a Target,
        collection: &'a CollectionName,
        (ids, skip_bad): (IdsFrom, bool),
        progress: &'a Progress,
    ) -> Self {
        let atomicity = if skip_bad { Atomicity::EachAlone } else { Atomicity::AllOrNothing };
        Self { target, collection, progress, atomicity, ids, skip_bad }
    }

    /// Whether a refused record kept its whole chunk from being stored.
    pub(super) fn stores_whole_chunks(&self) -> bool {
        self.atomicity == Atomicity::AllOrNothing
    }

    /// Writes a chunk; waits while the service or database is away. Ends at the first refused
    /// record, unless such records are left out.
    ///
    /// A chunk that cannot be written in one piece is halved until it can. Halving always begins
    /// with the whole chunk, so that an import that is run again comes to the same pieces.
    pub(super) async fn send(&mut self, chunk: &Chunk) -> Result<Sent, Failure> {
        let mut sent = Sent::default();
        let mut waiting = vec![chunk.clone()];
        while let Some(piece) = waiting.pop() {
            match self.send_piece(&piece, &mut sent).await {
                Ok(()) => {}
                Err(Trouble { failure, too_large: true, .. }) => match piece.halves() {
                    Some((first, second)) => waiting.extend([second, first]),
                    None => {
                        let number = piece.items.first().map_or(0, |item| item.number);
                        sent.refused.push(LeftOut { number, reason: failure.to_string() });
                    }
                },
                Err(Trouble { failure, .. }) => return Err(failure),
            }
            if !self.skip_bad && !sent.refused.is_empty() {
                break;
            }
        }
        Ok(sent)
    }

    /// Writes a piece. The answer to an earlier try is kept with its name, refusals too; but what
    /// was refused then may be taken now, when the schema was mended: so that is sent once more,
    /// under the next name.
    async fn send_piece(&mut self, piece: &Chunk, sent: &mut Sent) -> Result<(), Trouble> {
        let mut piece = piece.clone();
        loop {
            let Reply { stored, refused, replayed } = self.try_patiently(&piece).await?;
            if replayed {
                sent.there += stored;
            } else {
                sent.new += stored;
            }
            let left_out = |(index, reason): (usize, String)| {
                let number = piece.items.get(index).map_or(0, |item| item.number);
                LeftOut { number, reason }
            };
            if !replayed || refused.is_empty() {
                sent.refused.extend(refused.into_iter().map(left_out));
                return Ok(());
            }
            let items = if self.stores_whole_chunks() {
                piece.items.clone()
            } else {
                let items = refused.iter().filter_map(|(index, _)| piece.items.get(*index));
                items.cloned().collect()
            };
            piece = piece.part("r", items);
        }
    }

    async fn try_patiently(&mut self, piece: &Chunk) -> Result<Reply, Trouble> {
        let started = Instant::now();
        let (mut pause, mut told) = (PAUSE_FIRST, false);
        loop {
            let manner = Manner { atomicity: self.atomicity, ids: self.ids };
            let tried = match self.target {
                Target::Direct { store, caller, .. } => {
                    write(store, caller, self.collection, piece, manner).await
                }
                Target::Service(client) => post(client, self.collection, piece, manner).await,
            };
            match tried {
                Err(Trouble { unsupported: true, .. }) if self.stores_whole_chunks() => {
                    self.atomicity = Atomicity::EachAlone;
                }
                Err(Trouble { failure, temporary: true, .. }) if started.elapsed() < PATIENCE => {
                    if !std::mem::replace(&mut told, true) {
                        self.progress.waiting(&failure.to_string());
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_LONGEST);
                }
                other => return other,
            }
        }
    }
}

/// The answer to a piece.
struct Reply {
    stored: u64,
    /// Places in the piece, with reasons.
    refused: Vec<(usize, String)>,
    /// It is the answer to an earlier try.
    replayed: bool,
}

struct Trouble {
    failure: Failure,
    /// Another try makes sense: a chunk is stored once, also when the first try was stored.
    temporary: bool,
    /// Fewer records at once may be stored.
    too_large: bool,
    /// The database cannot write several records wholly or not at all.
    unsupported: bool,
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        let (temporary, kind) = (error.is_temporary(), error.kind());
        Self {
            failure: Failure::from_error(anyhow::Error::new(error)),
            temporary,
            too_large: kind == ErrorKind::LimitExceeded,
            unsupported: kind == ErrorKind::Unsupported,
        }
    }
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        let lost = matches!(error, ClientError::Broken { .. } | ClientError::TimedOut { .. });
        let unknown = error.problem().is_some_and(|problem| problem.status == 503);
        let is = |codes: &[&str]| {
            error.problem().is_some_and(|problem| codes.contains(&problem.code.as_str()))
        };
        let temporary = lost || unknown || error.is_temporary();
        let too_large = is(&["limit_exceeded", "body_too_large"]);
        let unsupported = is(&["unsupported"]);
        Self { failure: client_failure(error), temporary, too_large, unsupported }
    }
}

async fn write(
    store: &Store,
    caller: &str,
    collection: &CollectionName,
    chunk: &Chunk,
    manner: Manner,
) -> Result<Reply, Trouble> {
    let operations = chunk.items.iter().map(|item| operation(collection, item, manner.ids));
    let batch = WriteBatch {
        operations: operations.collect(),
        idempotency: Some(mark(caller, collection, chunk, manner)),
        checks: Vec::new(),
    };
    let WriteReport { outcomes, replayed } = store.write(batch, manner.atomicity).await?;
    let stored = outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
    let refused = outcomes.iter().enumerate().filter_map(|(index, outcome)| match outcome {
        Ok(_) | Err(Rejection::BatchRejected) => None,
        Err(rejection) => Some((index, rejection.to_string())),
    });
    Ok(Reply { stored, refused: refused.collect(), replayed })
}

fn operation(collection: &CollectionName, item: &Item, ids: IdsFrom) -> WriteOperation {
    let body = item.body.clone();
    let (action, precondition) = match &item.id {
        None => (Action::Create { body }, Precondition::None),
        Some(id) => {
            let action = Action::Put { id: id.clone(), body, if_missing: IfMissing::Create };
            let is_new = Precondition::Missing;
            (action, if ids == IdsFrom::Upsert { Precondition::None } else { is_new })
        }
    };
    WriteOperation { collection: collection.clone(), action, precondition }
}

/// The mark the service gives a chunk of this caller.
fn mark(caller: &str, collection: &CollectionName, chunk: &Chunk, manner: Manner) -> Idempotency {
    let (operation, options) = manner.route();
    let content = manner.content(chunk);
    let key = chunk.key();
    let key = [caller, operation, collection.as_str(), key.as_str()];
    Idempotency { key: hash(&key.map(str::as_bytes)), fingerprint: hash(&[options, &content]) }
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The documents, one a line.
fn lines(chunk: &Chunk) -> Vec<u8> {
    let lines = chunk.items.iter().flat_map(|item| [item.body.as_bytes(), b"\n"]);
    lines.collect::<Vec<_>>().concat()
}

/// The documents as a batch: its answer tells of each.
fn batch(chunk: &Chunk, manner: Manner) -> Vec<u8> {
    let mut text = b"{\"operations\":[".to_vec();
    for (index, Item { id, body, .. }) in chunk.items.iter().enumerate() {
        text.extend_from_slice(if index == 0 { b"" } else { b"," });
        match id {
            None => text.extend_from_slice(b"{\"method\":\"create\",\"body\":"),
            Some(id) => {
                text.extend_from_slice(b"{\"method\":\"put\",\"id\":");
                id.write_json(&mut text);
                text.extend_from_slice(match manner.ids {
                    IdsFrom::Upsert => b",\"upsert\":true,\"body\":",
                    _ => b",\"if_none_match\":\"*\",\"body\":",
                });
            }
        }
        text.extend_from_slice(body.as_bytes());
        text.push(b'}');
    }
    text.extend_from_slice(match manner.atomicity {
        Atomicity::AllOrNothing => b"],\"atomic\":true}",
        Atomicity::EachAlone => b"]}",
    });
    text
}

async fn post(
    client: &Client,
    collection: &CollectionName,
    chunk: &Chunk,
    manner: Manner,
) -> Result<Reply, Trouble> {
    if manner.route() == LINES {
        return post_lines(client, collection, chunk).await;
    }
    post_batch(client, collection, chunk, manner).await
}

async fn post_lines(
    client: &Client,
    collection: &CollectionName,
    chunk: &Chunk,
) -> Result<Reply, Trouble> {
    let request = Request::new(Method::POST, &["records", collection.as_str()])
        .parameter("atomic", "true")
        .header(IDEMPOTENCY_KEY, &chunk.key())?
        .body(Body::Bytes("application/x-ndjson", lines(chunk).into()));
    match client.send(request).await {
        Ok(answer) => {
            let replayed = answer.is_replayed();
            Ok(Reply { stored: chunk.items.len() as u64, refused: Vec::new(), replayed })
        }
        Err(error) => refusals(error),
    }
}

/// What a service names that took nothing of a chunk: lines are counted from 1, operations from 0.
fn refusals(error: ClientError) -> Result<Reply, Trouble> {
    let problem = match error {
        ClientError::Refused(problem) if problem.code == "batch_rejected" => problem,
        error => return Err(error.into()),
    };
    let refused = problem.errors.iter().map(|fault| {
        let line = fault.name.as_deref().and_then(|name| name.strip_prefix("line "));
        let line = line.and_then(|line| line.parse::<usize>().ok()?.checked_sub(1));
        let place = fault.pointer.as_deref().and_then(|place| place.strip_prefix("/operations/"));
        let index = line.or_else(|| place.and_then(|place| place.parse().ok()));
        (index.unwrap_or(usize::MAX), fault.message.clone())
    });
    Ok(Reply { stored: 0, refused: refused.collect(), replayed: problem.replayed })
}

async fn post_batch(
    client: &Client,
    collection: &CollectionName,
    chunk: &Chunk,
    manner: Manner,
) -> Result<Reply, Trouble> {
    let request = Request::new(Method::POST, &["records", collection.as_str(), "batch"])
        .header(IDEMPOTENCY_KEY, &chunk.key())?
        .body(Body::json(batch(chunk, manner)));
    let BatchAnswer { results, replayed } = match client.send_batch(request).await {
        Ok(answer) => answer,
        Err(error) => return refusals(error),
    };
    let stored = results.iter().filter(|result| result.is_ok()).count() as u64;
    let refused = results.into_iter().enumerate().filter_map(|(index, result)| {
        result.err().map(|failure| (index, format!("{}: {}", failure.code, failure.detail)))
    });
    Ok(Reply { stored, refused: refused.collect(), replayed })
}
