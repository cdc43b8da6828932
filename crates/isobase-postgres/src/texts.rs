//! Prepared statements by their text, for texts that come from outside: a bounded number of them.

use std::collections::HashMap;

use tokio_postgres::Statement;

/// Statements of outside texts that a connection keeps prepared. Each holds a plan in the memory
/// of the server.
const TEXTS_MAX: usize = 128;

/// How long a prepared statement is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// For the next time the same text comes, among the last 128.
    Session,
    /// For this once: the text is long, or its meaning may change.
    Nothing,
}

/// The last used texts.
#[derive(Default)]
pub(crate) struct Texts {
    kept: HashMap<Box<str>, (Statement, u64)>,
    /// Counts uses; the text with the smallest number was not used for the longest time.
    uses: u64,
}

impl Texts {
    pub(crate) fn get(&mut self, text: &str) -> Option<Statement> {
        self.uses += 1;
        let (statement, used) = self.kept.get_mut(text)?;
        *used = self.uses;
        Some(statement.clone())
    }

    pub(crate) fn put(&mut self, text: &str, statement: &Statement) {
        if self.kept.len() >= TEXTS_MAX {
            let oldest = self.kept.iter().min_by_key(|(_, (_, used))| *used);
            let oldest = oldest.map(|(text, _)| text.clone());
            oldest.and_then(|text| self.kept.remove(&text));
        }
        self.kept.insert(text.into(), (statement.clone(), self.uses));
    }

    pub(crate) fn forget(&mut self, text: &str) -> bool {
        self.kept.remove(text).is_some()
    }
}
