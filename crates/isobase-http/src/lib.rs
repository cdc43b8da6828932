//! HTTP without features: what every request needs before and after its handler.
//!
//! A service is a list of [`Route`]s, a [`Gate`] that says who asks, and an [`HttpConfig`].
//! A route names its permission, or it does not compile; the router, the permissions, the metrics
//! and the OpenAPI document are made from the same list. Nothing here knows documents, keys or
//! users: a handler is a function of its slice's state and a [`Call`], and who asks is a type of
//! the gate's choice, which this crate carries and never looks into.
//!
//! Reading order: [`Permission`], [`Route`] and [`Routes`], [`Call`], [`Problem`], [`Body`], then
//! [`Service`] (everything every request needs), the connection (strict framing, deadlines) and
//! [`serve`] (accept, stop).

mod activity;
mod body;
mod body_budget;
mod call;
pub mod codes;
mod config;
mod connection;
mod cors;
mod date;
mod decode_error;
mod encoding;
mod event_stream;
mod failures;
mod forwarded;
mod gate;
mod leftover;
mod link;
mod markdown;
mod metrics;
mod observer;
mod openapi;
mod permission;
mod problem;
mod problem_code;
mod request_body;
mod request_id;
mod route;
mod server;
mod service;
mod shared;
mod spec;
mod table;
mod zstd;

pub use body::{Body, BodyError};
pub use call::Call;
pub use config::{HttpConfig, OpenTo};
pub use event_stream::event_stream;
pub use forwarded::parse_network;
pub use gate::{Asked, Door, Gate, Refusal};
pub use markdown::errors_markdown;
pub use metrics::Measure;
pub use observer::{Ending, Observer, Seen};
pub use openapi::{Api, openapi};
pub use permission::Permission;
pub use problem::{Problem, ProblemItem};
pub use problem_code::{CodeDefinition, ProblemCode, Stage};
pub use request_body::RequestBody;
pub use route::{Handler, HandlerFuture, Route, Routes, handler};
pub use server::{serve, serve_local};
pub use service::Service;
pub use shared::Shared;
pub use spec::{Answer, BodyLimit, Content, Location, Method, Operation, Parameter, Shape, Spec};
pub use table::InvalidRoute;

pub use ipnet::IpNet;
