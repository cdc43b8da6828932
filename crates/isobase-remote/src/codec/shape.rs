//! What the native form loses.
