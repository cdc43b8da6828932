//! What a copy does beside copying.
