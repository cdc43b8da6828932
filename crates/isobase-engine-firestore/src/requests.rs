//! The requests we make, each in one place.

use std::collections::HashMap;

use googleapis_tonic_google_firestore_v1::google::{firestore::v1 as proto, rpc};
use isobase_engine::{EngineError, ErrorKind};
use prost::Message as _;
use proto::{
    BatchGetDocumentsRequest, BatchWriteRequest, BatchWriteResponse, Document,
    ListCollectionIdsRequest, RunAggregationQueryRequest, RunQueryRequest,
    StructuredAggregationQuery, StructuredQuery, Write, batch_get_documents_response,
    run_aggregation_query_request, run_query_request,
    structured_aggregation_query::{self, Aggregation, aggregation},
    write::Operation,
};
use tokio::time::{Instant, sleep};
use tonic::{Code, Status};

use crate::{
    client::{Client, Repeats},
    codec,
    error::{self, Failure},
    limits::{LONG_REQUEST, READ_NAMES_MAX},
    names::Names,
};

/// Names in one page of the list of collections.
const COLLECTIONS_PAGE: i32 = 300;
/// Rounds in which the refused writes of a bulk request are sent again.
const ROUNDS_MAX: u32 = 8;
/// The name of a count in its answer.
const COUNT: &str = "documents";

/// Requests to one database.
pub(crate) struct Requests {
    pub(crate) client: Client,
    pub(crate) names: Names,
}

/// The findings of a query.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) documents: Vec<Document>,
    /// The answer was not read to its end: enough bytes had come.
    pub(crate) cut: bool,
}

impl Requests {
    /// Documents by their names, in that order.
    pub(crate) async fn documents(
        &self,
        names: &[String],
    ) -> Result<Vec<Option<Document>>, EngineError> {
        let until = self.client.deadline();
        let mut found = Vec::with_capacity(names.len());
        for part in names.chunks(READ_NAMES_MAX) {
            let read = self.batch_get(until, part).await.map_err(|failure| {
                let first = part.first().map_or("", |name| path(name));
                let more = part.len() - 1;
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                failure.into_error(&format!("reading '{first}'{more}"))
            })?;
            let mut read: HashMap<_, _> =
                read.into_iter().map(|document| (document.name.clone(), document)).collect();
            let mut left: HashMap<&str, usize> = HashMap::new();
            for name in part {
                *left.entry(name).or_default() += 1;
            }
            for name in part {
                let again = left.get_mut(name.as_str()).is_some_and(|count| {
                    *count -= 1;
                    *count > 0
                });
                found.push(if again { read.get(name).cloned() } else { read.remove(name) });
            }
        }
        Ok(found)
    }

    async fn batch_get(&self, until: Instant, names: &[String]) -> Result<Vec<Document>, Failure> {
        self.client
            .call(until, async |attempt| {
                let request = attempt.request(BatchGetDocumentsRequest {
                    database: self.names.database().to_owned(),
                    documents: names.to_vec(),
                    ..BatchGetDocumentsRequest::default()
                });
                let mut answers =
                    attempt.service().batch_get_documents(request).await?.into_inner();
                let mut documents = Vec::new();
                while let Some(answer) = answers.message().await? {
                    if let Some(batch_get_documents_response::Result::Found(document)) =
                        answer.result
                    {
                        documents.push(document);
                    }
                }
                Ok(documents)
            })
            .await
    }

    /// One document.
    pub(crate) async fn document(&self, name: String) -> Result<Option<Document>, EngineError> {
        Ok(self.documents(&[name]).await?.pop().flatten())
    }

    /// The findings of a query, until about so many bytes have come (at least one document).
    pub(crate) async fn query(
        &self,
        query: &StructuredQuery,
        bytes_max: usize,
    ) -> Result<Found, EngineError> {
        let until = self.client.deadline();
        let found = self.client.call(until, async |attempt| {
            let request = attempt.request(RunQueryRequest {
                parent: self.names.documents(),
                query_type: Some(run_query_request::QueryType::StructuredQuery(query.clone())),
                ..RunQueryRequest::default()
            });
            let mut answers = attempt.service().run_query(request).await?.into_inner();
            let mut found = Found::default();
            let mut bytes = 0;
            while let Some(answer) = answers.message().await? {
                let Some(document) = answer.document else { continue };
                bytes += document.encoded_len();
                found.documents.push(document);
                if bytes >= bytes_max {
                    found.cut = true;
                    break;
                }
            }
            Ok(found)
        });
        found.await.map_err(|failure| failure.into_error(&of_query("reading", query)))
    }

    /// How many documents a query finds.
    pub(crate) async fn count(&self, query: &StructuredQuery) -> Result<u64, EngineError> {
        let until = self.client.deadline();
        let counted = self.client.call(until, async |attempt| {
            let counting = Aggregation {
                alias: COUNT.to_owned(),
                operator: Some(aggregation::Operator::Count(aggregation::Count::default())),
            };
            let query = structured_aggregation_query::QueryType::StructuredQuery(query.clone());
            let query = StructuredAggregationQuery {
                aggregations: vec![counting],
                query_type: Some(query),
            };
            let query_type =
                run_aggregation_query_request::QueryType::StructuredAggregationQuery(query);
            let request = attempt.request(RunAggregationQueryRequest {
                parent: self.names.documents(),
                query_type: Some(query_type),
                ..RunAggregationQueryRequest::default()
            });
            let mut answers = attempt.service().run_aggregation_query(request).await?.into_inner();
            let mut count = None;
            while let Some(answer) = answers.message().await? {
                let fields = answer.result.map(|result| result.aggregate_fields);
                let value = fields.as_ref().and_then(|fields| fields.get(COUNT));
                count = count.or(value.and_then(codec::integer_of));
            }
            Ok(count)
        });
        let what = || of_query("counting", query);
        let count = counted.await.map_err(|failure| failure.into_error(&what()))?;
        count.and_then(|count| u64::try_from(count).ok()).ok_or_else(|| {
            EngineError::new(ErrorKind::Unexpected, format!("{}: there is no count", what()))
        })
    }

    /// The names of all top-level collections that have a document.
    pub(crate) async fn collections(&self) -> Result<Vec<String>, EngineError> {
        let until = self.client.deadline();
        let mut collections = Vec::new();
        let mut page_token = String::new();
        loop {
            let page = self.client.call(until, async |attempt| {
                let request = attempt.request(ListCollectionIdsRequest {
                    parent: self.names.documents(),
                    page_size: COLLECTIONS_PAGE,
                    page_token: page_token.clone(),
                    ..ListCollectionIdsRequest::default()
                });
                Ok(attempt.service().list_collection_ids(request).await?.into_inner())
            });
            let page =
                page.await.map_err(|failure| failure.into_error("listing the collections"))?;
            collections.extend(page.collection_ids);
            if page.next_page_token.is_empty() {
                return Ok(collections);
            }
            page_token = page.next_page_token;
        }
    }

    /// Writes together, all or none. Says when each was written.
    pub(crate) async fn commit(
        &self,
        writes: impl Fn() -> Vec<Write>,
    ) -> Result<Vec<proto::WriteResult>, Failure> {
        let until = self.client.deadline();
        self.client
            .call(until, async |attempt| {
                let request = attempt.request(proto::CommitRequest {
                    database: self.names.database().to_owned(),
                    writes: writes(),
                    ..proto::CommitRequest::default()
                });
                Ok(attempt.service().commit(request).await?.into_inner().write_results)
            })
            .await
    }

    /// Writes each on its own, those again that Firestore had too much to do for. Says of each
    /// whether it was written: it is not when its precondition did not hold.
    ///
    /// Only for writes that may be done twice.
    pub(crate) async fn write_each(
        &self,
        what: &str,
        count: usize,
        write: impl Fn(usize) -> Write,
    ) -> Result<Vec<bool>, EngineError> {
        let mut written = vec![false; count];
        let mut left: Vec<usize> = (0..count).collect();
        let mut repeats = Repeats::new();
        for round in 1.. {
            if left.is_empty() {
                break;
            }
            let answers = self.batch_write_parts(what, &left, &write).await?;
            let mut refused = Vec::new();
            let mut last = None;
            for (place, status) in left.iter().zip(answers) {
                match status.code() {
                    Code::Ok => written[*place] = true,
                    Code::FailedPrecondition | Code::NotFound | Code::AlreadyExists
                        if write(*place).current_document.is_some()
                            && !error::is_too_large(&status) => {}
                    _ if error::is_worth_repeating(&status) => {
                        refused.push(*place);
                        last = Some(status);
                    }
                    _ => {
                        let what = of_write(what, &write(*place));
                        return Err(Failure::new(status, false, round).into_error(&what));
                    }
                }
            }
            let Some(status) = last else { return Ok(written) };
            if round == ROUNDS_MAX {
                return Err(Failure::new(status, true, round).into_error(what));
            }
            sleep(repeats.pause_after(&status)).await;
            left = refused;
        }
        Ok(written)
    }

    /// The outcome of each write. They are sent in halves where they are too much at once.
    async fn batch_write_parts(
        &self,
        what: &str,
        places: &[usize],
        write: &impl Fn(usize) -> Write,
    ) -> Result<Vec<Status>, EngineError> {
        let mut answers = Vec::with_capacity(places.len());
        let mut parts = vec![places];
        while let Some(part) = parts.pop() {
            match self.batch_write(part, write).await {
                Ok(answer) if answer.status.len() == part.len() => {
                    answers.extend(statuses(answer));
                }
                Ok(_) => {
                    let message =
                        format!("{what}: Firestore does not say what became of each write");
                    return Err(EngineError::new(ErrorKind::OutcomeUnknown, message));
                }
                Err(failure) if part.len() > 1 && error::is_too_large(&failure.status) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                Err(failure) => {
                    let what = match part {
                        [place] => of_write(what, &write(*place)),
                        _ => what.to_owned(),
                    };
                    return Err(failure.into_write_error(&what));
                }
            }
        }
        Ok(answers)
    }

    async fn batch_write(
        &self,
        places: &[usize],
        write: &impl Fn(usize) -> Write,
    ) -> Result<BatchWriteResponse, Failure> {
        let until = Instant::now() + LONG_REQUEST;
        self.client
            .call(until, async |attempt| {
                let request = attempt.request(BatchWriteRequest {
                    database: self.names.database().to_owned(),
                    writes: places.iter().map(|place| write(*place)).collect(),
                    ..BatchWriteRequest::default()
                });
                Ok(attempt.service().batch_write(request).await?.into_inner())
            })
            .await
    }
}

/// The outcome of each write.
fn statuses(answer: BatchWriteResponse) -> impl Iterator<Item = Status> {
    answer
        .status
        .into_iter()
        .map(|status: rpc::Status| Status::new(Code::from_i32(status.code), status.message))
}

/// The path of a document, without its database.
pub(crate) fn path(name: &str) -> &str {
    name.split_once("/documents/").map_or(name, |(_, path)| path)
}

fn of_write(what: &str, write: &Write) -> String {
    let name = match &write.operation {
        Some(Operation::Update(document)) => &document.name,
        Some(Operation::Delete(name)) => name,
        _ => return what.to_owned(),
    };
    format!("{what}: '{}'", path(name))
}

fn of_query(verb: &str, query: &StructuredQuery) -> String {
    let collection = query.from.first().map_or("", |from| from.collection_id.as_str());
    format!("{verb} collection '{collection}'")
}
