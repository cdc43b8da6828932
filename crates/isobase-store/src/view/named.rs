//! Documents that a batch names.

use std::collections::HashSet;

use isobase_types::{CollectionName, DocumentId};

/// Documents that operations of a batch name.
pub(super) type Named = HashSet<(CollectionName, DocumentId)>;
