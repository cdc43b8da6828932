//! Answers that are on their way.

use std::{future::Future, pin::Pin};

use crate::EngineError;

/// An answer that is on its way.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, EngineError>> + Send + 'a>>;
