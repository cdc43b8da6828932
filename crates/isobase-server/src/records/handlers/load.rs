//! Bulk load: newline-delimited JSON in.

use std::sync::Arc;

use http::{HeaderMap, Response};
use isobase_http::{Body, Problem, ProblemCode, ProblemItem, RequestBody};
use isobase_store::{
    Action, Atomicity, Precondition, StoreError, View, WriteBatch, WriteOperation, WriteReport,
};
use isobase_types::{CollectionName, DocumentId, json::canonicalise_document};

use super::{
    lines::{Line, Lines},
    own_names::OwnNames,
    request,
};
use crate::{
    Call,
    answer::json,
    codes,
    failure::{Failure, rejection_parts},
    records::{
        State, problems,
        wire::{LineError, LoadReport, LoadedIds},
    },
    request::{Parameters, idempotency, require_lines, unusable},
};

/// Most documents of one write, and most bytes of them: what a writer takes in a few
/// milliseconds, so that other writes get their turn.
const PART_DOCUMENTS_MAX: usize = 1_000;
const PART_BYTES_MAX: usize = 1 << 20;

/// Most refused lines that an answer names.
const ERRORS_MAX: usize = 100;

/// `POST /collections/{collection}/load`
pub(crate) async fn load_records(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    require_lines(&call.headers)?;
    load(state, call).await
}

/// Loads lines, wherever they were sent to.
pub(super) async fn load(state: Arc<State>, mut call: Call) -> Result<Response<Body>, Failure> {
    let collection = request::collection(&call)?;
    let mut parameters = Parameters::parse(call.query());
    let atomic = parameters.take_flag("atomic");
    parameters.finish()?;
    let body = call.take_body();
    if atomic || has_key(&call.headers)? {
        load_whole(&state, &call, collection, body, atomic).await
    } else {
        load_stream(&state, &call, collection, body).await
    }
}

fn has_key(headers: &HeaderMap) -> Result<bool, Failure> {
    Ok(idempotency::read_key(headers)?.is_some())
}

/// Writes lines as they come, some at a time.
async fn load_stream(
    state: &State,
    call: &Call,
    collection: CollectionName,
    body: RequestBody,
) -> Result<Response<Body>, Failure> {
    let mut loading = Loading::new(collection, line_bytes_max(call));
    match loading.run(&state.view(call), body).await {
        Ok(()) => Ok(json(&loading.tally.report())),
        Err(failure) => Err(loading.tally.interrupted(failure.into()).into()),
    }
}

/// Reads the whole body and writes it as one batch.
async fn load_whole(
    state: &State,
    call: &Call,
    collection: CollectionName,
    body: RequestBody,
    atomic: bool,
) -> Result<Response<Body>, Failure> {
    let bytes = request::collect_bounded(body, call.shared().config().body_bytes_max).await?;
    let options: &[u8] = if atomic { b"lines atomic" } else { b"lines" };
    let idempotency = idempotency::of_call(call, &collection, options, &bytes)?;
    let mut loading = Loading::new(collection, line_bytes_max(call));
    loading.lines.push(&bytes);
    loading.lines.finish();
    while let Some(line) = loading.lines.next_line() {
        loading.take(line);
    }
    if atomic && loading.tally.failed > 0 {
        return Err(loading.tally.refused().into());
    }
    let atomicity = if atomic { Atomicity::AllOrNothing } else { Atomicity::EachAlone };
    let (operations, numbers) = loading.take_part();
    let batch = WriteBatch { operations, idempotency, checks: Vec::new() };
    let report = state.view(call).write(batch, atomicity).await?;
    let replayed = report.replayed;
    loading.tally.count(report, &numbers);
    if atomic && loading.tally.failed > 0 {
        return Err(problems::replayed(loading.tally.refused(), replayed).into());
    }
    let mut response = json(&loading.tally.report());
    if replayed {
        idempotency::mark_replayed(&mut response);
    }
    Ok(response)
}

/// A line is a document, so it is bounded like the body that holds one.
fn line_bytes_max(call: &Call) -> usize {
    usize::try_from(call.shared().config().body_bytes_max).unwrap_or(usize::MAX)
}

/// A load under way.
struct Loading {
    collection: CollectionName,
    lines: Lines,
    /// Documents that wait to be written, and the numbers of their lines.
    operations: Vec<WriteOperation>,
    numbers: Vec<u64>,
    bytes: usize,
    tally: Tally,
}

impl Loading {
    fn new(collection: CollectionName, line_bytes_max: usize) -> Self {
        Self {
            collection,
            lines: Lines::new(line_bytes_max),
            operations: Vec::new(),
            numbers: Vec::new(),
            bytes: 0,
            tally: Tally { line_bytes_max, ..Tally::default() },
        }
    }

    async fn run(&mut self, documents: &View, mut body: RequestBody) -> Result<(), Failure> {
        while let Some(piece) = body.next_piece().await? {
            self.lines.push(&piece);
            self.take_lines(documents).await?;
        }
        self.lines.finish();
        self.take_lines(documents).await?;
        self.write_part(documents).await?;
        Ok(())
    }

    async fn take_lines(&mut self, documents: &View) -> Result<(), StoreError> {
        while let Some(line) = self.lines.next_line() {
            self.take(line);
            if self.operations.len() >= PART_DOCUMENTS_MAX || self.bytes >= PART_BYTES_MAX {
                self.write_part(documents).await?;
            }
        }
        Ok(())
    }

    /// Checks a line; a document waits to be written, anything else is counted as failed.
    fn take(&mut self, line: Line) {
        let Some(bytes) = line.bytes else { return self.tally.too_long(line.number) };
        match canonicalise_document(&bytes) {
            Ok(body) => {
                let body = match OwnNames::take(body, None).map_err(Problem::from) {
                    Ok(own) => own.body,
                    Err(problem) => {
                        let detail = problem.detail().to_owned();
                        return self.tally.fail(line.number, problem.code(), detail);
                    }
                };
                self.bytes += body.len();
                self.numbers.push(line.number);
                self.operations.push(WriteOperation {
                    collection: self.collection.clone(),
                    action: Action::Create { body },
                    precondition: Precondition::None,
                });
            }
            Err(error) => {
                let problem = unusable(&error);
                self.tally.fail(line.number, problem.code(), problem.detail().to_owned());
            }
        }
    }

    async fn write_part(&mut self, documents: &View) -> Result<(), StoreError> {
        let (operations, numbers) = self.take_part();
        if operations.is_empty() {
            return Ok(());
        }
        let batch = WriteBatch { operations, ..WriteBatch::default() };
        let report = documents.write(batch, Atomicity::EachAlone).await?;
        self.tally.count(report, &numbers);
        Ok(())
    }

    fn take_part(&mut self) -> (Vec<WriteOperation>, Vec<u64>) {
        self.bytes = 0;
        (std::mem::take(&mut self.operations), std::mem::take(&mut self.numbers))
    }
}

/// The outcome of the lines so far.
#[derive(Default)]
struct Tally {
    line_bytes_max: usize,
    created: u64,
    failed: u64,
    first: Option<DocumentId>,
    last: Option<DocumentId>,
    /// The last line that became a document.
    last_line: u64,
    /// The first [`ERRORS_MAX`] refused lines.
    errors: Vec<LineError>,
}

impl Tally {
    fn fail(&mut self, line: u64, code: ProblemCode, detail: String) {
        self.failed += 1;
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(LineError { line, code: code.as_str(), detail });
        }
    }

    fn too_long(&mut self, line: u64) {
        let detail = format!("the line is longer than {} bytes", self.line_bytes_max);
        self.fail(line, codes::BODY_TOO_LARGE, detail);
    }

    /// Counts the outcomes of a write; each belongs to the line of this number.
    fn count(&mut self, report: WriteReport, numbers: &[u64]) {
        for (outcome, line) in report.outcomes.into_iter().zip(numbers) {
            match outcome {
                Ok(written) => {
                    self.created += 1;
                    self.last_line = *line;
                    self.first.get_or_insert_with(|| written.id.clone());
                    self.last = Some(written.id);
                }
                Err(isobase_store::Rejection::BatchRejected) => {}
                Err(rejection) => {
                    let (code, detail) = rejection_parts(&rejection);
                    self.fail(*line, code, detail);
                }
            }
        }
        // Lines are refused when they are read and when they are written.
        self.errors.sort_by_key(|error| error.line);
    }

    fn report(&self) -> LoadReport<'_> {
        let ids = self.first.as_ref().zip(self.last.as_ref());
        LoadReport {
            created: self.created,
            failed: self.failed,
            errors: &self.errors,
            ids: ids.map(|(first, last)| LoadedIds { first: first.into(), last: last.into() }),
        }
    }

    /// Nothing was written because of some lines.
    fn refused(&self) -> Problem {
        let detail =
            format!("{} of the lines cannot be stored, so nothing was written", self.failed);
        self.errors.iter().fold(
            Problem::new(codes::BATCH_REJECTED, detail),
            |problem, LineError { line, code, detail }| {
                problem.with_item(ProblemItem {
                    name: Some(format!("line {line}")),
                    message: format!("{code}: {detail}"),
                    ..ProblemItem::default()
                })
            },
        )
    }

    /// The load ended early. Once something was written, the answer must not say that nothing
    /// was: it says up to where.
    fn interrupted(&self, problem: Problem) -> Problem {
        if self.created == 0 {
            return problem;
        }
        let Self { created, last_line, .. } = self;
        let detail = format!(
            "the load ended early ({}); {created} documents were stored, up to line {last_line}; \
             what follows may not be",
            problem.detail()
        );
        let cause = problem.cause().unwrap_or_else(|| problem.code().as_str()).to_owned();
        Problem::new(codes::OUTCOME_UNKNOWN, detail).with_cause(cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_name_the_first_refused_lines() {
        let mut tally = Tally::default();
        for line in 1..=150 {
            tally.fail(line, codes::INVALID_JSON, "expected \"x\"".to_owned());
        }
        let text = serde_json::to_string(&tally.report()).unwrap();
        assert!(text.starts_with(r#"{"created":0,"failed":150,"errors":[{"line":1,"code":"invalid_json","detail":"expected \"x\""},"#));
        assert!(text.contains("\"line\":100,"));
        assert!(!text.contains("\"line\":101,"));
        assert!(text.ends_with(r#"}],"ids":null}"#));
    }

    #[test]
    fn an_interrupted_load_says_what_was_stored() {
        let gone = || Problem::new(codes::UNAVAILABLE, "gone");
        let mut tally = Tally::default();
        assert_eq!(tally.interrupted(gone()).code(), codes::UNAVAILABLE);
        (tally.created, tally.last_line) = (7, 9);
        let problem = tally.interrupted(gone());
        assert_eq!(problem.code(), codes::OUTCOME_UNKNOWN);
        assert!(problem.detail().contains("7 documents were stored, up to line 9"));
    }
}
