//! The store over the memory engine.

mod rules;
