//! Opens a store from a URL: one line and one feature per engine.
//!
//! [`open`] takes a URL, [`open_from_env`] what the environment names. Both give a
//! [`DocumentStore`]: documents by the name of a collection and an id, and below them everything a
//! [`Store`] does.
//!
//! ```
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # #[cfg(feature = "memory")] {
//! let db = isobase::open("memory:").await?;
//! assert_eq!(db.engine_name(), "memory");
//!
//! let saved = db.save("agents", "summariser", &json!({"name": "Summariser"})).await?;
//! let agent = db.get("agents", "summariser").await?;
//! assert_eq!(agent.rev(), saved.rev());
//! assert_eq!(db.list_all("agents").await?.len(), 1);
//! # }
//! # Ok(())
//! # }
//! ```

mod bulk;
mod document;
mod document_error;
mod document_store;
mod engines;
pub mod environment;
mod error;
mod open;
mod options;
mod plan;
mod selector;
mod url;
mod whereabouts;

pub use bulk::BulkOutcome;
pub use document::{InvalidDocument, SavedDocument};
pub use document_error::DocumentError;
pub use document_store::DocumentStore;
pub use engines::{ENGINES, EngineInfo};
pub use environment::open_from_env;
pub use error::{EnvironmentError, OpenError};
pub use isobase_engine as engine;
#[cfg(feature = "ops")]
pub use isobase_ops as ops;
pub use isobase_store::{self as store, Store, StoreError, StoreOptions};
pub use isobase_types as types;
pub use open::{Opened, Purpose, open, open_with};
pub use options::{JournalOptions, OpenOptions, PostgresOptions, Retention, SqliteOptions};
pub use plan::{plan_has_indexes, production_plan};
pub use selector::FIND_LIMIT_DEFAULT;
pub use url::{Location, redact};

/// The example of the README, compiled and run with those of this crate.
#[cfg(all(doctest, feature = "memory"))]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
