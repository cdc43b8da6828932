//! Other databases, which only the executable can open.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use isobase_engine::Engine;
use isobase_ops::FilePlace;

/// Opens databases by their URLs. Messages are for the caller: they hold no secret.
pub trait Databases: Send + Sync {
    /// Reads a URL, and gives it as it may be shown. `by_anybody` says that the caller needed no
    /// credentials.
    ///
    /// # Errors
    /// It is no database, it is this one, or no one may write there for such a caller.
    fn check(&self, url: &str, by_anybody: bool) -> Result<String, String>;

    /// Opens a database.
    ///
    /// # Errors
    /// It cannot be opened, or another process holds it.
    fn open<'a>(
        &'a self,
        url: &'a str,
        purpose: Purpose,
    ) -> BoxFuture<'a, Result<Box<dyn Target>, String>>;

    /// Makes an empty database that goes when it is closed.
    ///
    /// # Errors
    /// There is no room for it.
    fn scratch(&self) -> BoxFuture<'_, Result<Box<dyn Target>, String>>;
}

/// The purpose of opening a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To load it.
    Load,
    /// To ask what it could hold: nothing is made under its name.
    Try,
}

/// A database that was opened.
pub trait Target: Send + Sync {
    /// Its engine.
    fn engine(&self) -> &Arc<dyn Engine>;

    /// Where its uploaded files are; `None` when that is not known.
    fn files(&self) -> Option<Arc<dyn FilePlace>>;

    /// Closes it after work that succeeded or did not. What was made for work that wrote nothing goes
    /// again.
    ///
    /// # Errors
    /// It did not close cleanly.
    fn close(self: Box<Self>, succeeded: bool) -> BoxFuture<'static, Result<(), String>>;
}
