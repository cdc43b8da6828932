//! A route: where it is, what it takes, and what answers it.

use std::{borrow::Cow, future::Future, pin::Pin, sync::Arc};

use futures_util::TryFutureExt;
use http::Response;

use crate::{Body, BodyLimit, Call, Method, Operation, Permission, Problem, Spec};

/// An answer that is on its way.
pub type HandlerFuture = Pin<Box<dyn Future<Output = Result<Response<Body>, Problem>> + Send>>;

/// The work of a route, given the state of its slice and a call.
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

/// One operation of a slice with the state `S`, for callers that are a `P`.
///
/// Every way to make one takes its permission: there is no route without.
pub struct Route<S, P> {
    spec: Spec,
    handler: Handler<S, P>,
}

impl<S, P> Route<S, P> {
    /// A route that reads. Also answers `HEAD`.
    pub fn get(
        path: impl Into<Cow<'static, str>>,
        permission: Permission,
        handler: Handler<S, P>,
        operation: Operation,
    ) -> Self {
        Self::new((Method::Get, path.into()), permission, handler, operation)
    }

    /// A route that creates or runs.
    pub fn post(
        path: impl Into<Cow<'static, str>>,
        permission: Permission,
        handler: Handler<S, P>,
        operation: Operation,
    ) -> Self {
        Self::new((Method::Post, path.into()), permission, handler, operation)
    }

    /// A route that replaces.
    pub fn put(
        path: impl Into<Cow<'static, str>>,
        permission: Permission,
        handler: Handler<S, P>,
        operation: Operation,
    ) -> Self {
        Self::new((Method::Put, path.into()), permission, handler, operation)
    }

    /// A route that merges.
    pub fn patch(
        path: impl Into<Cow<'static, str>>,
        permission: Permission,
        handler: Handler<S, P>,
        operation: Operation,
    ) -> Self {
        Self::new((Method::Patch, path.into()), permission, handler, operation)
    }

    /// A route that deletes.
    pub fn delete(
        path: impl Into<Cow<'static, str>>,
        permission: Permission,
        handler: Handler<S, P>,
        operation: Operation,
    ) -> Self {
        Self::new((Method::Delete, path.into()), permission, handler, operation)
    }

    /// A route that says what its path can do, for those who ask by `OPTIONS`. Browsers that ask
    /// whether a page may use the path get another answer.
    pub fn options(
        path: impl Into<Cow<'static, str>>,
        permission: Permission,
        handler: Handler<S, P>,
        operation: Operation,
    ) -> Self {
        Self::new((Method::Options, path.into()), permission, handler, operation)
    }

    fn new(
        (method, path): (Method, Cow<'static, str>),
        permission: Permission,
        handler: Handler<S, P>,
        operation: Operation,
    ) -> Self {
        let (body, is_event_stream) = (BodyLimit::None, false);
        let takes_slash = false;
        let spec = Spec { method, path, permission, body, takes_slash, is_event_stream, operation };
        Self { spec, handler }
    }

    /// Lets it take a body.
    #[must_use]
    pub fn body(mut self, limit: BodyLimit) -> Self {
        self.spec.body = limit;
        self
    }

    /// Lets its path end with a slash, too. The path has no parameters.
    #[must_use]
    pub fn with_slash(mut self) -> Self {
        self.spec.takes_slash = true;
        self
    }

    /// Its answer is a stream of events, which ends where another answer would be a failure of
    /// ours.
    #[must_use]
    pub fn event_stream(mut self) -> Self {
        self.spec.is_event_stream = true;
        self
    }

    /// Its description.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The route without its handler: enough for a description.
    #[must_use]
    pub fn into_spec(self) -> Spec {
        self.spec
    }
}

/// The routes of a service, each with the state of its slice.
pub struct Routes<P> {
    pub(crate) specs: Vec<Spec>,
    pub(crate) handlers: Vec<Bound<P>>,
    /// The number of the route that answers paths which no other has.
    pub(crate) fallback: Option<usize>,
}

impl<P> Routes<P> {
    /// Adds the routes of a slice.
    pub fn add<S: Send + Sync + 'static>(&mut self, state: S, routes: Vec<Route<S, P>>)
    where
        P: 'static,
    {
        let state = Arc::new(state);
        for route in routes {
            let Route { spec, handler: Handler(run) } = route;
            let state = state.clone();
            self.specs.push(spec);
            self.handlers.push(Box::new(move |call| run(state.clone(), call)));
        }
    }

    /// Adds what answers a `GET` of a path that no route has. Its own path is shown in the
    /// description and never looked for; a second one takes the place of the first.
    pub fn add_fallback<S: Send + Sync + 'static>(&mut self, state: S, route: Route<S, P>)
    where
        P: 'static,
    {
        self.fallback = Some(self.specs.len());
        self.add(state, vec![route]);
    }
}

impl<P> Default for Routes<P> {
    fn default() -> Self {
        Self { specs: Vec::new(), handlers: Vec::new(), fallback: None }
    }
}
