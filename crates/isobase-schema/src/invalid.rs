//! Why a text is no schema.

/// Why a text is no schema we use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", place(pointer))]
pub struct InvalidSchema {
    /// The place in the schema as a JSON pointer, empty for the whole.
    pub pointer: String,
    /// Its fault.
    pub message: String,
}

fn place(pointer: &str) -> String {
    if pointer.is_empty() { String::new() } else { format!("{pointer}: ") }
}
