//! Chunks, written into a database or through a service, under the same marks.

use futures_util::future::{BoxFuture, FutureExt};
use http::{HeaderName, Method};
use isobase::{
    Store, StoreError,
    ops::import::{Chunk, ChunkWriter, Ids, Item, Manner, Reply, Trouble},
    store::{Atomicity, ErrorKind, Idempotency, Rejection, WriteBatch, WriteReport},
    types::CollectionName,
};
use isobase_client::{BatchAnswer, Body, Client, ClientError, Request};
use sha2::{Digest, Sha256};

use crate::{
    failure::Failure, progress::Progress, service_failure::client_failure, target::Target,
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The routes that take chunks, by their operation ids, and how their marks name what is asked.
/// Marks are made of the same parts as those of the service, so that an import begun there can be
/// finished here.
const LINES: (&str, &[u8]) = ("create_record", b"lines atomic");
const BATCH: (&str, &[u8]) = ("write_batch", b"batch");
const WHOLE_BATCH: (&str, &[u8]) = ("write_batch", b"batch atomic");

/// Writes chunks where the records of a command are.
pub(super) struct Writer<'a> {
    pub(super) target: &'a Target,
    pub(super) collection: &'a CollectionName,
    pub(super) progress: &'a Progress,
}

impl ChunkWriter for Writer<'_> {
    type Error = Failure;

    fn write<'a>(
        &'a self,
        piece: &'a Chunk,
        manner: Manner,
    ) -> BoxFuture<'a, Result<Reply, Trouble<Failure>>> {
        async move {
            match self.target {
                Target::Direct { store, caller, .. } => {
                    write(store, caller, self.collection, piece, manner).await
                }
                Target::Service(client) => post(client, self.collection, piece, manner).await,
            }
        }
        .boxed()
    }

    fn waiting(&self, reason: &str) {
        self.progress.waiting(reason);
    }
}

/// The route and its options. Lines are what the service reads fastest, but they have no ids, and
/// their answer does not name every refused one.
fn route(manner: Manner) -> (&'static str, &'static [u8]) {
    match (manner.whole, manner.ids) {
        (true, Ids::New) => LINES,
        (true, _) => WHOLE_BATCH,
        (false, _) => BATCH,
    }
}

fn content(manner: Manner, chunk: &Chunk) -> Vec<u8> {
    if route(manner) == LINES { lines(chunk) } else { batch(chunk, manner) }
}

fn store_trouble(error: StoreError) -> Trouble<Failure> {
    let (temporary, kind) = (error.is_temporary(), error.kind());
    Trouble {
        error: Failure::from_error(anyhow::Error::new(error)),
        temporary,
        too_large: kind == ErrorKind::LimitExceeded,
        unsupported: kind == ErrorKind::Unsupported,
    }
}

fn client_trouble(error: ClientError) -> Trouble<Failure> {
    let lost = matches!(error, ClientError::Broken { .. } | ClientError::TimedOut { .. });
    let unknown = error.problem().is_some_and(|problem| problem.status == 503);
    let is = |codes: &[&str]| {
        error.problem().is_some_and(|problem| codes.contains(&problem.code.as_str()))
    };
    let temporary = lost || unknown || error.is_temporary();
    let too_large = is(&["limit_exceeded", "body_too_large"]);
    let unsupported = is(&["unsupported"]);
    Trouble { error: client_failure(error), temporary, too_large, unsupported }
}

async fn write(
    store: &Store,
    caller: &str,
    collection: &CollectionName,
    chunk: &Chunk,
    manner: Manner,
) -> Result<Reply, Trouble<Failure>> {
    let operations = chunk.items.iter().map(|item| item.operation(collection, manner.ids));
    let batch = WriteBatch {
        operations: operations.collect(),
        idempotency: Some(mark(caller, collection, chunk, manner)),
        checks: Vec::new(),
    };
    let atomicity = if manner.whole { Atomicity::AllOrNothing } else { Atomicity::EachAlone };
    let WriteReport { outcomes, replayed } =
        store.write(batch, atomicity).await.map_err(store_trouble)?;
    let stored = outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
    let refused = outcomes.iter().enumerate().filter_map(|(index, outcome)| match outcome {
        Ok(_) | Err(Rejection::BatchRejected) => None,
        Err(rejection) => Some((index, rejection.to_string())),
    });
    Ok(Reply { stored, refused: refused.collect(), replayed })
}

/// The mark the service gives a chunk of this caller.
fn mark(caller: &str, collection: &CollectionName, chunk: &Chunk, manner: Manner) -> Idempotency {
    let (operation, options) = route(manner);
    let content = content(manner, chunk);
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
                    Ids::Upsert => b",\"upsert\":true,\"body\":",
                    _ => b",\"if_none_match\":\"*\",\"body\":",
                });
            }
        }
        text.extend_from_slice(body.as_bytes());
        text.push(b'}');
    }
    text.extend_from_slice(match manner.whole {
        true => &b"],\"atomic\":true}"[..],
        false => b"]}",
    });
    text
}

async fn post(
    client: &Client,
    collection: &CollectionName,
    chunk: &Chunk,
    manner: Manner,
) -> Result<Reply, Trouble<Failure>> {
    if route(manner) == LINES {
        return post_lines(client, collection, chunk).await;
    }
    post_batch(client, collection, chunk, manner).await
}

async fn post_lines(
    client: &Client,
    collection: &CollectionName,
    chunk: &Chunk,
) -> Result<Reply, Trouble<Failure>> {
    let request = Request::new(Method::POST, &["records", collection.as_str()])
        .parameter("atomic", "true")
        .header(IDEMPOTENCY_KEY, &chunk.key())
        .map_err(client_trouble)?
        .body(Body::Bytes("application/x-ndjson", lines(chunk).into()));
    match client.send(request).await {
        Ok(answer) => {
            let replayed = answer.is_replayed();
            Ok(Reply { stored: chunk.items.len() as u64, refused: Vec::new(), replayed })
        }
        Err(error) => refusals(error),
    }
}

/// The record that a service names when it took nothing of a chunk: lines are counted from 1, operations from 0.
fn refusals(error: ClientError) -> Result<Reply, Trouble<Failure>> {
    let problem = match error {
        ClientError::Refused(problem) if problem.code == "batch_rejected" => problem,
        error => return Err(client_trouble(error)),
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
) -> Result<Reply, Trouble<Failure>> {
    let request = Request::new(Method::POST, &["records", collection.as_str(), "batch"])
        .header(IDEMPOTENCY_KEY, &chunk.key())
        .map_err(client_trouble)?
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
