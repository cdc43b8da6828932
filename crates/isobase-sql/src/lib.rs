//! A toolkit for people's own SQL databases, PostgreSQL and SQLite.
//!
//! - [`DbConnector`] and [`Transaction`]: statements with parameters, deadlines, cancellation.
//! - [`DbOperator`]: fetch, insert, update, upsert and delete by the names of tables and columns.
//! - [`match_column`]: the column that a loosely spelt name means.
//! - [`QueryLogger`]: how long statements took; [`explain()`]: why, and which index would help.
//! - [`SchemaSetup`], [`Migrations`], [`SchemaRegistry`]: schemas and their tables.
//! - [`MockDataGenerator`]: rows that fit their tables.
//! - [`DatabaseSync`]: dumps that are restored wholly or not at all, and compared.
//! - [`SqlReader`]: statements of people, which only read; [`SqlWriter`]: those that change something.
//! - [`TestTransaction`]: a test leaves nothing behind.
//! - [`mod@format`]: texts for logs and for storage.
//!
//! Invariants:
//! - Every value is a parameter. Every name is in quotes, and stands in the catalogue.
//! - A condition that matches no column is an error, never left out.
//! - Nothing waits without a deadline, and work without a waiting caller is cancelled and rolled back.
//! - No message shows a password or a value of a row.

mod alone;
mod bulk_rows;
mod cache;
mod catalogue;
mod civil;
mod connector;
mod definition;
mod dialect;
mod error;
mod explain;
mod inflect;
mod lexer;
mod masked;
mod matching;
mod migrations;
mod mock;
mod name;
mod operator;
mod postgres;
mod query_log;
mod random;
mod raw;
mod reading;
mod registry;
mod row;
mod schema_setup;
mod seed;
mod session;
mod settings;
mod shared;
mod sqlite;
mod statement;
mod sync;
mod table;
mod test_transaction;
mod transaction;
mod value;
mod writing;

pub mod format;

pub use bulk_rows::{BulkRows, RowSender};
pub use connector::DbConnector;
pub use dialect::Dialect;
pub use error::{ColumnMismatch, Error, ErrorKind, Refusal};
pub use explain::{
    ExplainOptions, Explained, MeasuredIndex, Oddity, PlanNode, SuggestedIndex, explain,
};
pub use inflect::Inflection;
pub use lexer::split_script;
pub use masked::masked;
pub use matching::match_column;
pub use migrations::{Migration, MigrationState, Migrations};
pub use mock::{Filled, MockDataGenerator, Related};
pub use name::quote;
pub use operator::{DbOperator, Record, Select, TableName, record};
pub use query_log::{LoggedQuery, Performance, QueryLogger, Statistics};
pub use raw::{Form, RawAnswer, TakeRows};
pub use reading::{
    ANSWER_BYTES_MAX, Comparison, FoundRows, ReadAnswer, ReadCell, ReadColumn, ReadEnd, ReadError,
    ReadForm, ReadLimits, ReadPlan, Reference, RowCondition, RowsWanted, STATEMENT_BYTES_MAX,
    SqlReader, TableSummary, Trigger,
};
pub use registry::{Family, SchemaRegistry};
pub use row::{Answer, Row};
pub use schema_setup::{SchemaKind, SchemaSetup};
pub use session::Session;
pub use settings::{Environment, Settings, UnknownKeys, url_from_variables};
pub use shared::Shared;
pub use statement::command_tag;
pub use sync::{
    DatabaseSync, DumpOptions, DumpParts, Dumps, PgTools, Programs, TableContents, Version,
};
pub use table::{Column, Constraint, ForeignKey, Generation, Index, Table};
pub use test_transaction::TestTransaction;
pub use transaction::Transaction;
pub use value::{Range, Value};
pub use writing::{
    Effect, NewColumn, NewConstraint, OnDelete, Planned, RowChange, SchemaChange, SqlWriter,
    WriteStatement, Written, plan_schema_change,
};

/// The examples of the page are run as those of the code are.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/toolkit.md")]
struct Page;
