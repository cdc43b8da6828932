//! A connector's memory of tables.

use std::{collections::HashMap, sync::Arc};

use parking_lot::RwLock;

use crate::Table;

/// Descriptions kept by one connector. Far more tables than anybody works with by hand.
const TABLES_MAX: usize = 4096;
/// Names kept with the columns that they mean. Far more than a program spells.
const MATCHES_MAX: usize = 16_384;

/// The descriptions that a connector has read.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    tables: RwLock<HashMap<(String, String), Arc<Table>>>,
    /// Columns by the names that were found to mean them: finding one costs more than a query.
    matches: RwLock<HashMap<(String, String, String), String>>,
}

impl Cache {
    pub(crate) fn get(&self, schema: &str, table: &str) -> Option<Arc<Table>> {
        let tables = self.tables.read();
        tables.get(&(schema.to_owned(), table.to_owned())).cloned()
    }

    pub(crate) fn put(&self, table: &Arc<Table>) {
        let mut tables = self.tables.write();
        if tables.len() >= TABLES_MAX {
            tables.clear();
        }
        tables.insert((table.schema.clone(), table.name.clone()), Arc::clone(table));
        self.matches.write().clear();
    }

    /// The column that a name was found to mean, if the table still has it.
    pub(crate) fn matched(&self, table: &Table, name: &str) -> Option<String> {
        let matches = self.matches.read();
        let key = (table.schema.clone(), table.name.clone(), name.to_owned());
        matches.get(&key).filter(|column| table.column(column).is_some()).cloned()
    }

    pub(crate) fn put_match(&self, table: &Table, name: &str, column: &str) {
        let mut matches = self.matches.write();
        if matches.len() >= MATCHES_MAX {
            matches.clear();
        }
        let key = (table.schema.clone(), table.name.clone(), name.to_owned());
        matches.insert(key, column.to_owned());
    }

    pub(crate) fn clear(&self) {
        self.tables.write().clear();
        self.matches.write().clear();
    }
}
