//! Opens a store from a URL: one line and one feature per engine.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), isobase::OpenError> {
//! # #[cfg(feature = "memory")] {
//! let store = isobase::open("memory:").await?;
//! assert_eq!(store.engine_name(), "memory");
//! # }
//! # Ok(())
//! # }
//! ```

mod document;
mod document_store;
pub mod environment;
mod error;
mod open;
mod options;
mod url;

pub use document::{InvalidDocument, SavedDocument};
pub use document_store::{BulkOutcome, DocumentError, DocumentStore, FIND_LIMIT_DEFAULT};
pub use environment::{EnvironmentError, open_from_env};
pub use error::OpenError;
pub use isobase_engine as engine;
#[cfg(feature = "ops")]
pub use isobase_ops as ops;
pub use isobase_store::{self as store, Store, StoreError, StoreOptions};
pub use isobase_types as types;
pub use open::{Opened, open, open_as_service, open_engine, open_for_load, open_with};
pub use options::{OpenOptions, PostgresOptions, Retention, SqliteOptions};
pub use url::{ENGINES, EngineInfo, Location, redact};
