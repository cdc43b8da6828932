//! How a file is read.

use super::{kinds::Format, mapping::Mapping};

/// How a file is read. The defaults find out what can be found out.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// How it is written; `None` goes by its name, else by its first character.
    pub format: Option<Format>,
    /// The delimiter of a table's cells; `None` goes by its first row.
    pub delimiter: Option<u8>,
    /// Every cell of a table is text, also an empty one.
    pub as_text: bool,
    /// What stands, without quotation marks, in cells of a table that have no value.
    pub nulls: Vec<String>,
    /// Bytes of cells that are looked at to find out what columns are. Default all.
    pub survey_bytes_max: u64,
    /// Which column becomes which field.
    pub mapping: Mapping,
}

impl Default for ReadOptions {
    fn default() -> Self {
        let mapping = Mapping::default();
        Self {
            format: None,
            delimiter: None,
            as_text: false,
            nulls: Vec::new(),
            survey_bytes_max: u64::MAX,
            mapping,
        }
    }
}
