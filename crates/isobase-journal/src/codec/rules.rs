//! The limits of a native document.

use isobase_engine::listing::StoredKeys;

/// The one top-level field of native documents that is ours. Callers never see it.
pub const META_FIELD: &str = "isobase_meta";

/// Top-level fields that are never part of a body: names of the id and of the database. A caller's
/// fields of these names are held in the bookkeeping.
pub(super) const RESERVED: [&str; 3] = ["_id", "_rev", META_FIELD];

/// Limits of the native form of a database, beyond sizes. Such values are not refused:
/// they are wrapped (see [`super::wrap`]). Numbers are no rule: what the native number cannot
/// hold exactly is spelled in the document's bookkeeping.
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
    /// Arrays and objects open at once inside a top-level field.
    pub levels_max: usize,
    /// Longest index key in bytes. Longer ones are stored by their beginning and a hash.
    pub index_key_bytes_max: usize,
}

impl NativeRules {
    /// How the database stores keys.
    #[must_use]
    pub fn stored_keys(&self) -> StoredKeys {
        StoredKeys::new(self.index_key_bytes_max)
    }

    /// Whether a field may have this name, at any depth.
    pub(super) fn holds_name(&self, name: &str) -> bool {
        let dunder = name.len() >= 4 && name.starts_with("__") && name.ends_with("__");
        (self.empty_names || !name.is_empty())
            && (self.dunder_names || !dunder)
            && name.len() <= self.name_bytes_max
    }

    /// Whether a top-level field may have this name.
    pub(super) fn holds_top_level_name(&self, name: &str) -> bool {
        self.holds_name(name)
            && !RESERVED.contains(&name)
            && (self.top_level_underscore || !name.starts_with('_'))
    }
}
