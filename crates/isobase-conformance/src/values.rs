//! Values at the edge of what is stored.

mod json;
mod strings;

pub(crate) use json::{ACCEPTED, REFUSED, REFUSED_BYTES};
pub(crate) use strings::naughty_strings;
