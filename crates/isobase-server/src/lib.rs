//! The HTTP service: one table of routes, one service around the handlers, one kind of problem.
//!
//! Reading order: [`Route`] and the table of routes, [`Call`] (a request on its way to its
//! handler), [`Problem`], [`Body`], then the service, the connection and the server.

mod app;
mod body;
mod call;
mod config;
mod problem;
mod records;
mod request_body;
mod route;

pub use app::App;
pub use body::{Body, BodyError};
pub use call::Call;
pub use config::ServerConfig;
pub use problem::{Problem, ProblemCode, ProblemItem, Stage, errors_markdown};
pub use request_body::RequestBody;
pub use route::{
    Answer, BodyLimit, Content, Doc, Handler, HandlerFuture, Location, Method, Parameter, Route,
};
