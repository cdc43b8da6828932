//! Batches: several writes in one request.

mod read;
mod reads;
mod results;

use std::sync::Arc;

use http::Response;
use isobase_http::{Body, Problem, ProblemItem};
use isobase_store::{Action, Atomicity, Rejection, View, WriteBatch, WriteOperation};
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

/// Makes of what a caller sent what is stored, or says why not.
pub(crate) type Adapt<'a> = &'a (dyn Fn(Action) -> Result<Action, String> + Sync);

/// Carries out the batch of a call. With `adapt` the operations are those of an app's collection,
/// which only write.
pub(crate) async fn run(
    call: &mut Call,
    view: &View,
    collection: &CollectionName,
    adapt: Option<Adapt<'_>>,
) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let asked = parameters.take_choice("atomic");
    parameters.finish()?;
    require_json(&call.headers)?;
    let body = call.take_body().collect().await?;
    let operations_max = view.store().options().batch_operations_max;
    let batch = read_batch(collection, &body, operations_max)
        .and_then(|batch| adapted(batch, adapt))
        .map_err(|error| refuse(error, operations_max))?;
    let atomic = agree(asked, batch.atomic)?;
    if !batch.reads.is_empty() {
        return Ok(json(&reads::read(view, collection, &batch.reads, atomic).await?));
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

    let rejected = report.outcomes.iter().any(Result::is_err);
    if atomic && rejected {
        let problem = name_rejected(&report.outcomes);
        return Err(problems::replayed(problem, report.replayed).into());
    }
    let mut response = json(&results::report(&report.outcomes));
    if report.replayed {
        idempotency::mark_replayed(&mut response);
    }
    Ok(response)
}

/// The operations of an app's collection as they are stored.
fn adapted(mut batch: ReadBatch, adapt: Option<Adapt<'_>>) -> Result<ReadBatch, InvalidBatch> {
    let Some(adapt) = adapt else { return Ok(batch) };
    if !batch.reads.is_empty() {
        return Err(InvalidBatch::Envelope("expected writes only".to_owned()));
    }
    let mut faults = Vec::new();
    for (index, operation) in std::mem::take(&mut batch.operations).into_iter().enumerate() {
        match adapt(operation.action) {
            Ok(action) => batch.operations.push(WriteOperation { action, ..operation }),
            Err(message) => faults.push(Fault { index, member: None, message }),
        }
    }
    match faults.is_empty() {
        true => Ok(batch),
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

/// Names the operations that kept an atomic batch from being written.
fn name_rejected(outcomes: &[isobase_store::WriteOutcome]) -> Problem {
    let mut items = Vec::new();
    for (index, outcome) in outcomes.iter().enumerate() {
        match outcome {
            Ok(_) | Err(Rejection::BatchRejected) => {}
            Err(rejection) => {
                let (code, detail) = rejection_parts(rejection);
                let message = format!("{}: {detail}", code.as_str());
                items.push((index, message));
            }
        }
    }
    let detail = match items.first() {
        Some((index, message)) => format!("nothing was written; operation {index}: {message}"),
        None => "nothing was written".to_owned(),
    };
    items.into_iter().fold(
        Problem::new(codes::BATCH_REJECTED, detail),
        |problem, (index, message)| {
            problem.with_item(ProblemItem::at(format!("/operations/{index}"), message))
        },
    )
}
