//! HTTP client of the record service.
//!
//! [`Client`] has one method per operation of the service, and [`Client::send`] for everything
//! else. Documents are text: they arrive and leave as the service wrote them.
//!
//! A service on the same machine is also reached by its socket ([`Client::local`]), as the user who runs it.
//!
//! Nothing is repeated by itself, except an attempt to connect that was refused: then nothing was
//! sent. `http` and `https`; redirects are told and not followed.

mod batch;
mod changes;
mod client;
mod document;
mod error;
mod index;
mod list;
#[cfg(unix)]
mod local;
mod options;
mod post;
mod request;
#[cfg(feature = "request-log")]
mod request_log;
mod response;
mod schema;
mod service;
mod tls;

pub use batch::{Batch, BatchAnswer, BatchFailure, BatchMethod, BatchOperation, BatchWritten};
pub use changes::{ChangeEntry, ChangesAnswer};
pub use client::Client;
pub use document::{Fetched, WriteOptions, WrittenDocument};
pub use error::{ClientError, FieldProblem, Problem};
pub use index::IndexEntry;
pub use list::{ListAnswer, Listed};
pub use options::ClientOptions;
pub use post::{Admits, Posted, Poster};
pub use request::{Body, Request};
#[cfg(feature = "request-log")]
pub use request_log::{Report, RequestLog, RequestLogLayer, RequestLogOptions, RequestLogService};
pub use response::Response;
pub use service::Stats;
