//! What a native document can hold.

/// What the native form of a database cannot hold, beyond sizes; a write of it is refused with
/// the path of the value. Numbers are no rule: what the native number cannot hold exactly is
/// spelled in the document's bookkeeping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NativeRules {
    /// Arrays directly inside arrays.
    pub nested_arrays: bool,
    /// Fields whose name is empty.
    pub empty_names: bool,
    /// Fields whose name begins and ends with `__`, at any depth.
    pub dunder_names: bool,
    /// Top-level fields whose name begins with `_`. (`_id` and `_rev` are reserved everywhere.)
    pub top_level_underscore: bool,
    /// Longest field name in bytes.
    pub name_bytes_max: usize,
    /// Longest index key in bytes.
    pub index_key_bytes_max: usize,
}
