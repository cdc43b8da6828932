//! The Firestore engine: documents in the collections of one Firestore database in Native mode.
//!
//! Firestore does what the engine over document databases ([`isobase_journal`]) needs of it: a
//! commit is one request with the documents and everything of the journal, conditioned on the
//! version of the journal's head; a listing is a query by the keys that stand in the documents.
//!
//! Reading order: [`FirestoreOptions`] and [`Environment`] (where it is), `credentials` and
//! `tokens` (who we are), `client` and `error` (requests and their repetitions), `requests` and
//! `query` (which ones), `names`, `codec`, `size` and `limits` (documents), `journal` with `head`,
//! `log`, `answers` and `catalogue` (what is remembered), `commit` and `load` (writing), `read` and
//! `index` (reading), and `database`, which puts all of it together.

mod answers;
mod catalogue;
mod client;
mod codec;
mod commit;
mod credentials;
mod database;
mod environment;
mod error;
mod exchange;
mod fields;
mod head;
mod index;
mod indexing;
mod journal;
mod limits;
mod load;
mod log;
mod names;
mod open;
mod options;
mod plan;
mod query;
mod read;
mod requests;
mod size;
mod tokens;
mod writes;

pub use database::FirestoreDatabase;
pub use environment::Environment;
pub use indexing::Indexing;
pub use open::{open, open_to_read};
pub use options::{FirestoreOptions, InvalidUrl};
pub use plan::index_plan;
