//! Errors of settings, as problems.

use std::time::Duration;

use isobase_http::{Problem, ProblemItem};

use crate::codes;

/// When another letter may be tried.
const LATER: Duration = Duration::from_secs(5);

/// There is no such setting.
pub(super) fn unknown(key: &str) -> Problem {
    let shown: String = key.chars().take(100).collect();
    Problem::new(codes::SETTING_NOT_FOUND, format!("there is no setting {shown:?}"))
}

/// It is changed elsewhere.
pub(super) fn locked(key: &str, why: &str) -> Problem {
    Problem::new(codes::SETTING_LOCKED, format!("the setting {key} is not changed here: {why}"))
}

/// It decides on where owners are led.
pub(super) fn owners_only(key: &str) -> Problem {
    Problem::new(codes::FORBIDDEN, format!("only owners change the setting {key}"))
}

/// The value cannot be.
pub(super) fn refused(why: &str) -> Problem {
    let item = ProblemItem::at("/value", why);
    Problem::new(codes::INVALID_BODY, format!("the value is refused: {why}")).with_item(item)
}

/// A letter is being tried.
pub(super) fn busy() -> Problem {
    let detail = "another test of the mail server is under way";
    Problem::new(codes::RATE_LIMITED, detail).with_retry_after(LATER)
}

/// No one knows where to send it.
pub(super) fn no_address() -> Problem {
    let detail = "the letter goes to the one who asks for it: sign in with an account that has an e-mail \
                  address";
    Problem::new(codes::NO_ADDRESS, detail)
}
