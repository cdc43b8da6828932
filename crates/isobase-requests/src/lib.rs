//! The request log of other services: what they were asked, what they answered, and how long it
//! took. Documents of a system collection, on every engine.
//!
//! A request is logged once however often it is sent: its service and its id are unique. Secrets
//! are taken out and long bodies are cut before anything is stored. Counts for charts are kept
//! beside, in buckets of five minutes.
//!
//! Reading order: [`NewRequest`], [`redact`], [`RequestQuery`], [`Requests`], [`Facets`], [`Bucket`],
//! [`Tail`] (the log as it grows).

mod cut;
mod entry;
mod error;
mod facets;
mod headers;
mod items;
mod query;
mod redact;
mod requests;
mod rollup;
mod room;
mod stats;
mod tail;
mod tail_options;
mod watcher;

pub use cut::{TRUNCATED, cut};
pub use entry::{Entry, Ingested, ModelUsage, NewRequest, REQUESTS_COLLECTION};
pub use error::RequestsError;
pub use facets::{Facet, Facets};
pub use headers::Headers;
pub use items::{ITEMS_COLLECTION, Item, ItemPage, ItemQuery, ItemUpdate, Items, NewItem};
pub use query::{LeftOut, RequestPage, RequestQuery, Total};
pub use redact::redact;
pub use requests::{Now, RequestOptions, Requests};
pub use rollup::{Bucket, ROLLUPS_COLLECTION, STEP_SECONDS};
pub use room::{Missed, MissedReason};
pub use tail::Tail;
pub use tail_options::TailOptions;
pub use watcher::{Told, Watcher};
