//! Bounds of letters to an address, and guesses at a code.

use std::time::Duration;

use crate::{CODE_LIFETIME, attempts::Attempts};

/// Most letters to one address in an hour: no one's mailbox is filled by us.
const LETTERS_PER_HOUR: u32 = 5;
/// Most guesses at one code.
const GUESSES_MAX: u32 = 5;

/// Bounds of letters and guesses.
#[derive(Debug)]
pub(super) struct MailLimits {
    pub(super) letters: Attempts,
    pub(super) guesses: Attempts,
}

impl Default for MailLimits {
    fn default() -> Self {
        Self {
            letters: Attempts::new(LETTERS_PER_HOUR, Duration::from_secs(60 * 60)),
            guesses: Attempts::new(GUESSES_MAX, CODE_LIFETIME),
        }
    }
}
