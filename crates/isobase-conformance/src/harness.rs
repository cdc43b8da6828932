//! Running a case.

use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, resume_unwind},
    pin::Pin,
    time::Duration,
};

use futures_util::FutureExt;

use crate::{Shared, Subject};

/// Longest time of a case. The slowest take seconds on a busy machine; the rest is for a debug
/// build beside other tests.
const CASE_DEADLINE: Duration = Duration::from_secs(300);

/// How many changes an engine under test is opened to keep: more than any case needs, few enough
/// to go beyond.
pub const CHANGES_KEPT: u64 = 5_000;

/// A named test of the suite.
#[derive(Clone, Copy)]
pub struct Case {
    /// Group and name: `documents::create_assigns_integer_ids`.
    pub name: &'static str,
    /// The test; it fails by panicking.
    pub run: fn(Shared) -> Run,
}

/// A case under way.
pub type Run = Pin<Box<dyn Future<Output = ()> + Send>>;

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Case").field(&self.name).finish()
    }
}

/// A fresh subject, and what must live and end with it.
pub struct Opened {
    subject: Shared,
    guards: Vec<Box<dyn Any + Send>>,
    ends: Vec<Run>,
}

impl Opened {
    /// A subject no one else uses.
    pub fn new(subject: impl Subject) -> Self {
        Self { subject: std::sync::Arc::new(subject), guards: Vec::new(), ends: Vec::new() }
    }

    /// Keeps something until the case is over: a folder, a server.
    #[must_use]
    pub fn keep(mut self, guard: impl Any + Send) -> Self {
        self.guards.push(Box::new(guard));
        self
    }

    /// Does something when the case is over, also when it failed.
    #[must_use]
    pub fn at_end(mut self, end: impl Future<Output = ()> + Send + 'static) -> Self {
        self.ends.push(Box::pin(end));
        self
    }

    /// The subject.
    #[must_use]
    pub fn subject(&self) -> Shared {
        self.subject.clone()
    }
}

/// Runs one case on a fresh subject; `None` means that the engine is not there.
///
/// # Panics
/// When the case fails.
pub fn run_case<F>(case: &Case, open: impl FnOnce() -> F)
where
    F: Future<Output = Option<Opened>>,
{
    let run = case.run;
    run_boxed(case.name, Box::new(move || Box::pin(open())), Box::new(move |subject| run(subject)));
}

/// Runs any test on a fresh subject.
///
/// # Panics
/// When the test fails.
pub fn run_test<F, R>(name: &str, open: impl FnOnce() -> F, test: impl FnOnce(Shared) -> R)
where
    F: Future<Output = Option<Opened>>,
    R: Future<Output = ()>,
{
    let test = Box::new(move |subject| Box::pin(test(subject)) as Testing<'_>);
    run_boxed(name, Box::new(move || Box::pin(open())), test);
}

/// A subject that is being opened.
type Opening<'a> = Pin<Box<dyn Future<Output = Option<Opened>> + 'a>>;

/// A test under way.
type Testing<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// What all tests share is compiled once: there are thousands of them, and each closure is a type
/// of its own.
fn run_boxed<'a>(
    name: &str,
    open: Box<dyn FnOnce() -> Opening<'a> + 'a>,
    test: Box<dyn FnOnce(Shared) -> Testing<'a> + 'a>,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be built");
    runtime.block_on(async {
        let Some(opened) = open().await else { return };
        let test = AssertUnwindSafe(test(opened.subject())).catch_unwind();
        let result = tokio::time::timeout(CASE_DEADLINE, test).await;
        let Opened { subject, guards, ends } = opened;
        drop(subject);
        for end in ends {
            end.await;
        }
        drop(guards);
        match result {
            Ok(Ok(())) => {}
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => panic!("{name} took longer than {CASE_DEADLINE:?}"),
        }
    });
}
