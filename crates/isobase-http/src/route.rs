//! A route: where it is, what it takes, and what answers it.

use std::{future::Future, pin::Pin, sync::Arc};

use futures_util::TryFutureExt;
use http::Response;

use crate::{Body, BodyLimit, Call, Doc, Method, Permission, Problem, Spec};

/// An answer that is on its way.
pub type HandlerFuture = Pin<Box<dyn Future<Output = Result<Response<Body>, Problem>> + Send>>;

/// What a route does, given the state of its slice and a call.
pub struct Handler<S, P>(Box<dyn Fn(Arc<S>, Call<P>) -> HandlerFuture + Send + Sync>);

/// A handler with its state.
pub(crate) type Bound<P> = Box<dyn Fn(Call<P>) -> HandlerFuture + Send + Sync>;

/// Makes a handler of an `async fn(Arc<State>, Call) -> Result<Response<Body>, Error>`.
pub fn handler<S, P, F, E>(
    run: impl Fn(Arc<S>, Call<P>) -> F + Send + Sync + 'static,
) -> Handler<S, P>
where
    F: Future<Output = Result<Response<Body>, E>> + Send + 'static,
    E: Into<Problem> + 'static,
{
    Handler(Box::new(move |state, call| Box::pin(run(state, call).map_err(Into::into))))
}

/// One operation of a slice with the state `S`, for callers that are a `P`. There is none without
/// a permission.
pub struct Route<S, P> {
    /// Its method.
    pub method: Method,
    /// Its path: `/records/{collection}/{id}`. Parameters are whole segments; a last one may be
    /// all that is left (`{*key}`).
    pub path: &'static str,
    /// Its unique name, a verb and a noun: `get_record`.
    pub operation_id: &'static str,
    /// The group it is shown in: `records`.
    pub tag: &'static str,
    /// What a caller must be allowed to do.
    pub permission: Permission,
    /// What to do.
    pub handler: Handler<S, P>,
    /// How much body it takes.
    pub body: BodyLimit,
    /// What a reader must know.
    pub doc: Doc,
}

impl<S, P> Route<S, P> {
    /// The route without its handler: enough for a description.
    #[must_use]
    pub fn into_spec(self) -> Spec {
        self.into_parts().0
    }

    fn into_parts(self) -> (Spec, Handler<S, P>) {
        let Self { method, path, operation_id, tag, permission, handler, body, doc } = self;
        (Spec { method, path, operation_id, tag, permission, body, doc }, handler)
    }
}

/// The routes of a service, each with the state of its slice.
pub struct Routes<P> {
    pub(crate) specs: Vec<Spec>,
    pub(crate) handlers: Vec<Bound<P>>,
}

impl<P> Routes<P> {
    /// Adds the routes of a slice.
    pub fn add<S: Send + Sync + 'static>(&mut self, state: S, routes: Vec<Route<S, P>>)
    where
        P: 'static,
    {
        let state = Arc::new(state);
        for route in routes {
            let (spec, Handler(run)) = route.into_parts();
            let state = state.clone();
            self.specs.push(spec);
            self.handlers.push(Box::new(move |call| run(state.clone(), call)));
        }
    }
}

impl<P> Default for Routes<P> {
    fn default() -> Self {
        Self { specs: Vec::new(), handlers: Vec::new() }
    }
}
