//! What the service does around every route.

mod access;
mod admin;
mod answers;
mod deadlines;
mod engine;
mod framing;
mod imports;
mod jobs;
mod paths;
mod settings;
mod sql;
mod sql_writing;
mod stop;
mod support;
mod webhooks;
