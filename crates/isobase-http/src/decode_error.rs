//! Why the body of a request cannot be decoded.

/// Why a body cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DecodeError {
    /// It is larger than allowed.
    TooLarge,
    /// It is not what it says, or ends early.
    Malformed,
    /// It can only be decoded by a reader that holds more of it than is held.
    LargeWindow,
}
