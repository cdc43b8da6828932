//! The HTTP service: one table of routes, one service around the handlers, one kind of problem.
//!
//! Reading order: [`Route`] and the table of routes, [`Call`] (a request on its way to its
//! handler), [`Problem`], [`Body`], then the service (everything every request needs), the
//! connection (strict framing, deadlines) and the server (accept, stop).

mod access;
mod app;
mod body;
mod body_budget;
mod call;
mod config;
mod connection;
mod cors;
mod data_store;
mod metrics;
mod openapi;
mod pages;
mod problem;
mod readiness;
mod records;
mod request_body;
mod request_id;
mod route;
mod server;
mod service;
mod service_routes;
mod table;

pub use app::App;
pub use body::{Body, BodyError};
pub use call::Call;
pub use config::{Durability, ServerConfig};
pub use openapi::openapi;
pub use problem::{Problem, ProblemCode, ProblemItem, Stage, errors_markdown};
pub use request_body::RequestBody;
pub use route::{
    Answer, BodyLimit, Content, Doc, Handler, HandlerFuture, Location, Method, Parameter, Route,
};
pub use server::serve;
