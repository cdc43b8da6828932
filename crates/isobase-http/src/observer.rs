//! Who is told of every answer.

use std::{pin::Pin, time::Duration};

use http::{Method, StatusCode};

use crate::{Measure, Operation};

/// The facts about an answer for an observer. Neither query, headers nor bodies are: they may hold secrets.
#[derive(Debug)]
pub struct Seen<'a> {
    /// The method as sent.
    pub method: &'a Method,
    /// The path as sent, without the query.
    pub path: &'a str,
    /// The operation; `None` if no route has the path.
    pub operation: Option<&'a Operation>,
    /// The status of the answer.
    pub status: StatusCode,
    /// From the head of the request to the head of the answer.
    pub took: Duration,
    /// The id of the request, as the answer shows it.
    pub request_id: Option<&'a str>,
    /// Who asked, as the gate names it; none of a request that was not let in.
    pub caller: Option<String>,
}

/// The last work of an observer.
pub type Ending<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Is told of every answer.
pub trait Observer: Send + Sync + 'static {
    /// Takes note. On the way of every request: it never waits and never fails.
    fn see(&self, seen: Seen<'_>);

    /// Its counters, for `/metrics`.
    fn measures(&self) -> Vec<Measure>;

    /// Finishes what is under way: the service has answered its last request.
    fn end(&self) -> Ending<'_>;
}
