//! The HTTP service: routes, middleware, problems, documents.
