//! The `Date` of answers.
//!
//! hyper adds one that never goes back: after a clock that was ahead is set right, it stays ahead.

use std::{
    cell::RefCell,
    time::{SystemTime, UNIX_EPOCH},
};

use http::HeaderValue;

thread_local! {
    /// The date of the second that this thread answered in last.
    static LAST: RefCell<Option<(u64, HeaderValue)>> = const { RefCell::new(None) };
}

/// The date of an answer that is given now.
pub(crate) fn now() -> HeaderValue {
    at(SystemTime::now())
}

/// Before 1970 it is 1970, the first moment that the form is written for here.
fn at(time: SystemTime) -> HeaderValue {
    let second = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    LAST.with_borrow_mut(|last| match last {
        Some((known, date)) if *known == second => date.clone(),
        _ => {
            let date = httpdate::fmt_http_date(time.max(UNIX_EPOCH));
            let date = HeaderValue::try_from(date).unwrap_or(HeaderValue::from_static(""));
            *last = Some((second, date.clone()));
            date
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn date_follows_a_clock_that_is_set_back() {
        let ahead = UNIX_EPOCH + Duration::from_secs(1_795_183_740);
        for (time, date) in [
            (ahead, "Fri, 20 Nov 2026 14:09:00 GMT"),
            (ahead + Duration::from_millis(999), "Fri, 20 Nov 2026 14:09:00 GMT"),
            (ahead - Duration::from_secs(86_400), "Thu, 19 Nov 2026 14:09:00 GMT"),
            (UNIX_EPOCH - Duration::from_secs(5), "Thu, 01 Jan 1970 00:00:00 GMT"),
        ] {
            assert_eq!(at(time), date);
        }
    }
}
