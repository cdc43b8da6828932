//! Batches: several writes in one request.

mod read;
mod reads;
mod results;

use std::{collections::BTreeMap, sync::Arc};

use http::Response;
use isobase_http::{Body, Problem, ProblemCode, ProblemItem};
use isobase_store::{Action, Atomicity, Rejection, View, WriteBatch, WriteOperation, WriteOutcome};
use isobase_types::CollectionName;

use super::request;
use crate::{
    Call,
    answer::json,
    codes,
    failure::{Failure, rejection_parts},
    records::{State, problems},
    request::{Parameters, idempotency, require_json},
};
use read::{Fault, InvalidBatch, ReadBatch, read_batch};

/// `POST /records/{collection}/batch`
pub(crate) async fn write_batch(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let collection = request::collection(&call)?;
    let view = state.view(&call);
    run(&mut call, &view, &collection, None).await
}

/// What an app's collection makes of a batch: its documents, and its words. Its batches only write.
pub(crate) trait Adapt: Sync {
    /// What a caller sent as it is stored.
    ///
    /// # Errors
    /// [`Unfit`].
    fn stored(&self, action: Action) -> Result<Action, Unfit>;

    /// The code and the text for a write that was refused.
    fn words(&self, rejection: &Rejection) -> (ProblemCode, String);
}

/// Why an operation of an app's collection is not carried out.
pub(crate) enum Unfit {
    /// It is none of its operations: nothing of the batch is carried out.
    Operation(String),
    /// It is refused as it would be alone.
    Refused(Problem),
}

/// The operations that are refused before the others are carried out, by their numbers.
type Refused = BTreeMap<usize, Problem>;

/// Carries out the batch of a call. With `adapt` it is one of an app's collection.
pub(crate) async fn run(
    call: &mut Call,
    view: &View,
    collection: &CollectionName,
    adapt: Option<&dyn Adapt>,
) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let asked = parameters.take_choice("atomic");
    parameters.finish()?;
    if adapt.is_none() {
        // An app's other routes do not look at the type either.
        require_json(&call.headers)?;
    }
    let body = call.take_body().collect().await?;
    let operations_max = view.store().options().batch_operations_max;
    let (batch, refused) = read_batch(collection, &body, operations_max)
        .and_then(|batch| adapted(batch, adapt))
        .map_err(|error| refuse(error, operations_max))?;
    let atomic = agree(asked, batch.atomic)?;
    if !batch.reads.is_empty() {
        return Ok(json(&reads::read(view, collection, &batch.reads, atomic).await?));
    }

    if atomic && !refused.is_empty() {
        let named = refused.iter().map(|(index, it)| (*index, it.code(), it.detail().to_owned()));
        return Err(name_rejected(named.collect()).into());
    }
    let options: &[u8] = match (atomic, adapt.is_some()) {
        (true, false) => b"batch atomic",
        (false, false) => b"batch",
        (true, true) => b"item batch atomic",
        (false, true) => b"item batch",
    };
    let idempotency = idempotency::of_call(call, collection, options, &body)?;
    let write = WriteBatch { operations: batch.operations, idempotency, checks: Vec::new() };
    let atomicity = if atomic { Atomicity::AllOrNothing } else { Atomicity::EachAlone };
    let report = view.write(write, atomicity).await?;

    let words = |rejection: &Rejection| match adapt {
        Some(adapt) => adapt.words(rejection),
        None => rejection_parts(rejection),
    };
    if atomic && report.outcomes.iter().any(Result::is_err) {
        let problem = name_rejected(rejected(&report.outcomes, &words));
        return Err(problems::replayed(problem, report.replayed).into());
    }
    let mut response = json(&results::report(&report.outcomes, &refused, &words));
    if report.replayed {
        idempotency::mark_replayed(&mut response);
    }
    Ok(response)
}

/// The operations of an app's collection as they are stored, and those that are refused.
fn adapted(
    mut batch: ReadBatch,
    adapt: Option<&dyn Adapt>,
) -> Result<(ReadBatch, Refused), InvalidBatch> {
    let mut refused = Refused::new();
    let Some(adapt) = adapt else { return Ok((batch, refused)) };
    if !batch.reads.is_empty() {
        return Err(InvalidBatch::Envelope("expected writes only".to_owned()));
    }
    let mut faults = Vec::new();
    for (index, operation) in std::mem::take(&mut batch.operations).into_iter().enumerate() {
        match adapt.stored(operation.action) {
            Ok(action) => batch.operations.push(WriteOperation { action, ..operation }),
            Err(Unfit::Operation(message)) => faults.push(Fault { index, member: None, message }),
            Err(Unfit::Refused(problem)) => {
                refused.insert(index, problem);
            }
        }
    }
    match faults.is_empty() {
        true => Ok((batch, refused)),
        false => Err(InvalidBatch::Operations(faults)),
    }
}

/// All or nothing, as the query string or the body says; they must not contradict each other.
fn agree(parameter: Option<bool>, member: Option<bool>) -> Result<bool, Problem> {
    match (parameter, member) {
        (Some(parameter), Some(member)) if parameter != member => {
            let message = "the parameter 'atomic' and the member 'atomic' contradict each other";
            let item = ProblemItem::named("atomic", message, parameter.to_string());
            Err(Problem::new(codes::INVALID_PARAMETER, message).with_item(item))
        }
        (parameter, member) => Ok(parameter.or(member).unwrap_or_default()),
    }
}

fn refuse(error: InvalidBatch, operations_max: usize) -> Problem {
    match error {
        InvalidBatch::Envelope(message) => Problem::new(
            codes::INVALID_BATCH,
            format!("expected {{\"operations\":[…]}}: {message}"),
        ),
        InvalidBatch::TooMany { operations } => Problem::new(
            codes::LIMIT_EXCEEDED,
            format!("the batch has {operations} operations, at most {operations_max} are allowed"),
        ),
        InvalidBatch::Operations(faults) => {
            let detail = match faults.first() {
                Some(Fault { index, message, .. }) => format!("operation {index}: {message}"),
                None => String::new(),
            };
            faults.into_iter().fold(
                Problem::new(codes::INVALID_BATCH, detail),
                |problem, Fault { index, member, message }| {
                    let member = member.map(|name| format!("/{name}")).unwrap_or_default();
                    let pointer = format!("/operations/{index}{member}");
                    problem.with_item(ProblemItem::at(pointer, message))
                },
            )
        }
    }
}

/// The operations that kept an atomic batch from being written.
fn rejected(
    outcomes: &[WriteOutcome],
    words: results::Words<'_>,
) -> Vec<(usize, ProblemCode, String)> {
    let refused = outcomes.iter().enumerate().filter_map(|(index, outcome)| match outcome {
        Ok(_) | Err(Rejection::BatchRejected) => None,
        Err(rejection) => Some((index, words(rejection))),
    });
    refused.map(|(index, (code, detail))| (index, code, detail)).collect()
}

/// Names the operations that kept an atomic batch from being written.
fn name_rejected(rejected: Vec<(usize, ProblemCode, String)>) -> Problem {
    let named = rejected
        .into_iter()
        .map(|(index, code, detail)| (index, format!("{}: {detail}", code.as_str())));
    let named: Vec<(usize, String)> = named.collect();
    let detail = match named.first() {
        Some((index, message)) => format!("nothing was written; operation {index}: {message}"),
        None => "nothing was written".to_owned(),
    };
    named.into_iter().fold(
        Problem::new(codes::BATCH_REJECTED, detail),
        |problem, (index, message)| {
            problem.with_item(ProblemItem::at(format!("/operations/{index}"), message))
        },
    )
}
