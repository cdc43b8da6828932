//! One transaction: sent until something is known of it.

use aws_sdk_dynamodb::{
    error::BuildError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{CancellationReason, ConditionCheck, Delete, Put, TransactWriteItem, Update},
};
use isobase_engine::{EngineError, ErrorKind};

use crate::{
    client::Status,
    database::DynamoDbDatabase,
    error::{Class, Failure, class_of_code},
};

pub(crate) const ACTION: &str = "TransactWriteItems";

impl DynamoDbDatabase {
    /// Sends a transaction. A repetition of the same request carries the same token, so that
    /// Amazon carries it out once, whatever became of the answers.
    pub(crate) async fn transact(
        &self,
        items: Vec<TransactWriteItem>,
    ) -> Result<Transacted, EngineError> {
        let mut retry = self.client.retry();
        let (mut current, mut unsure) = (token(), false);
        loop {
            let request = self
                .client
                .sdk
                .transact_write_items()
                .client_request_token(&current)
                .set_transact_items(Some(items.clone()));
            let answer =
                self.client.call_within(&mut retry, || Box::pin(request.clone().send())).await;
            let ended = match answer {
                Ok(_) => return Ok(Transacted::Done),
                Err(ended) => ended,
            };
            unsure |= ended.class == Class::Unknown;
            let reasons = match ended.error.as_ref().and_then(|error| error.as_service_error()) {
                Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
                    canceled.cancellation_reasons().to_vec()
                }
                _ => {
                    let failure = ended.failure(ACTION, &self.journal, self.client.deadline);
                    return Err(failure.commit_error());
                }
            };
            match Canceled::of(&reasons, &items) {
                Canceled::Conditions(conditions) => {
                    return Ok(Transacted::Failed { conditions, unsure });
                }
                Canceled::Momentary(failure) => {
                    Status::count(&self.client.status.conflicts);
                    if !unsure {
                        // Nothing was written: the next attempt is a new request.
                        current = token();
                    }
                    if !retry.pause().await {
                        return Err(unsure_or(unsure, failure));
                    }
                }
                Canceled::Refused(failure) => return Err(unsure_or(unsure, failure)),
            }
        }
    }
}

/// A failure that says nothing about an attempt before it.
fn unsure_or(unsure: bool, failure: Failure) -> EngineError {
    match unsure {
        true => Failure { class: Class::Unknown, ..failure }.commit_error(),
        false => failure.engine_error(),
    }
}

pub(crate) enum Transacted {
    Done,
    /// Nothing was written: the conditions of these items do not hold.
    Failed {
        conditions: Vec<usize>,
        /// An earlier attempt at the same was not answered.
        unsure: bool,
    },
}

/// Why a transaction was canceled.
enum Canceled {
    /// Conditions that do not hold.
    Conditions(Vec<usize>),
    /// Someone else is writing the same items, or there is too much to do.
    Momentary(Failure),
    Refused(Failure),
}

impl Canceled {
    fn of(reasons: &[CancellationReason], items: &[TransactWriteItem]) -> Self {
        let code = |reason: &CancellationReason| reason.code().unwrap_or("None").to_owned();
        let failed = |(at, reason): (usize, &CancellationReason)| {
            (code(reason) == "ConditionalCheckFailed").then_some(at)
        };
        let conditions: Vec<usize> = reasons.iter().enumerate().filter_map(failed).collect();
        if !conditions.is_empty() {
            return Self::Conditions(conditions);
        }
        let mut momentary = None;
        for (at, reason) in reasons.iter().enumerate().filter(|(_, it)| code(it) != "None") {
            let table = items.get(at).map_or("an unknown table", table_of);
            let code = code(reason);
            let class = class_of_code(&code).unwrap_or(Class::Refused);
            let message = reason.message().unwrap_or("the transaction was canceled");
            let failure =
                Failure { code: Some(code), ..Failure::new(ACTION, table, class, message) };
            if !class.is_momentary() {
                return Self::Refused(failure);
            }
            momentary = Some(failure);
        }
        match momentary {
            Some(failure) => Self::Momentary(failure),
            None => {
                let message = "the transaction was canceled without a reason";
                Self::Refused(Failure::new(ACTION, "several tables", Class::Refused, message))
            }
        }
    }
}

fn table_of(item: &TransactWriteItem) -> &str {
    let put = item.put().map(Put::table_name);
    let delete = item.delete().map(Delete::table_name);
    let update = item.update().map(Update::table_name);
    let check = item.condition_check().map(ConditionCheck::table_name);
    put.or(delete).or(update).or(check).unwrap_or("an unknown table")
}

/// At most 36 characters.
fn token() -> String {
    format!("{:032x}", rand::random::<u128>())
}

pub(crate) fn malformed(error: BuildError) -> EngineError {
    EngineError::with_source(ErrorKind::Unexpected, "a transaction cannot be built", error)
}
