//! The one suite that every engine runs.
