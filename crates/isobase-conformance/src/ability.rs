//! The abilities of an engine.

use isobase_engine::Engine;
use isobase_testkit::is_soak;

/// The optional parts of the contract an engine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// A page of a listing is of one moment.
    pub lists_one_moment: bool,
    /// Most operations of a batch that is atomic or has a key.
    pub atomic_operations: u64,
    /// Longest document.
    pub document_bytes: u64,
    /// The server of the tests keeps collections together whose names differ only in case. No
    /// engine may: it is a fault of that server, in the table of tests/emulators, and anyone who
    /// starts the server says so. Then the engine's own tests show that it sends two names.
    pub server_folds_case: bool,
    /// Of the many combinations that some cases try, one in so many is tried: more than 1 where
    /// each request is dear. The rest is for the soak.
    pub one_in: usize,
}

impl Abilities {
    /// The abilities of an engine: the same fact as its code.
    #[must_use]
    pub fn of(engine: &dyn Engine) -> Self {
        Self {
            lists_one_moment: engine.lists_one_moment(),
            atomic_operations: engine.limits().atomic_operations.max,
            document_bytes: engine.limits().document_bytes.max,
            server_folds_case: false,
            one_in: 1,
        }
    }

    /// The same on a server whose requests are dear. A soak tries everything everywhere.
    #[must_use]
    pub fn sampled(self, one_in: usize) -> Self {
        Self { one_in: if is_soak() { 1 } else { one_in }, ..self }
    }
}
