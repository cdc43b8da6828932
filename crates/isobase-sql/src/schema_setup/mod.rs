//! The schemas of the specification: the public one, and one for each project.

mod kind;
mod templates;

use std::collections::BTreeMap;

pub use kind::SchemaKind;

use crate::{DbConnector, DbOperator, Dialect, Error, Session, Transaction, catalogue, quote};

/// One at a time sets schemas up: PostgreSQL fails when two create the same table at once.
const LOCK: i64 = 0x1507_ba5e_0001;

/// Creates schemas and finds what is missing in them. On PostgreSQL only: SQLite has no schemas.
#[derive(Clone, Debug)]
pub struct SchemaSetup {
    db: DbConnector,
}

impl SchemaSetup {
    /// Sets up schemas of a database.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) on SQLite.
    pub fn new(db: DbConnector) -> Result<Self, Error> {
        if db.dialect() != Dialect::Postgres {
            return Err(Error::invalid("schemas need PostgreSQL; SQLite has none of its own"));
        }
        Ok(Self { db })
    }

    /// Creates what is missing of the public schema; gives the tables that it created.
    ///
    /// # Errors
    /// As the database refuses.
    pub async fn ensure_public_schema(&self) -> Result<Vec<String>, Error> {
        self.ensure("public", SchemaKind::Public).await
    }

    /// Creates what is missing of a project's schema, and of the public one, to which it refers.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a name; else as the database refuses.
    pub async fn ensure_project_schema(&self, name: &str) -> Result<Vec<String>, Error> {
        let name = project_name(name)?;
        self.ensure_public_schema().await?;
        self.ensure(&name, SchemaKind::Project).await
    }

    /// Which of its tables a schema has; empty when there is no such schema.
    ///
    /// # Errors
    /// As the database refuses.
    pub async fn verify_schema(
        &self,
        name: &str,
        kind: SchemaKind,
    ) -> Result<BTreeMap<String, bool>, Error> {
        let operator = DbOperator::new(&self.db);
        if !operator.schema_exists(name).await? {
            return Ok(BTreeMap::new());
        }
        let there = catalogue::table_names(&self.db, name).await?;
        let wanted = templates::tables(kind).iter().map(|template| template.table);
        Ok(wanted.map(|table| (table.to_owned(), there.iter().any(|name| name == table))).collect())
    }

    /// Creates what is missing of a schema; gives the tables that it created.
    ///
    /// # Errors
    /// As [`SchemaSetup::ensure_project_schema`].
    pub async fn fix_schema(&self, name: &str, kind: SchemaKind) -> Result<Vec<String>, Error> {
        match kind {
            SchemaKind::Public => self.ensure(name, kind).await,
            SchemaKind::Project => self.ensure_project_schema(name).await,
        }
    }

    /// The schemas of projects: all but the public one and the database's own.
    ///
    /// # Errors
    /// As the database refuses.
    pub async fn project_schemas(&self) -> Result<Vec<String>, Error> {
        let names = catalogue::schema_names(&self.db).await?;
        Ok(names.into_iter().filter(|name| name != "public").collect())
    }

    /// Creates what is missing in the schemas of all projects. Schemas that have none of a
    /// project's tables are somebody else's, and stay as they are.
    ///
    /// # Errors
    /// As the database refuses.
    pub async fn fix_all_project_schemas(&self) -> Result<BTreeMap<String, Vec<String>>, Error> {
        let mut fixed = BTreeMap::new();
        for name in self.project_schemas().await? {
            let found = self.verify_schema(&name, SchemaKind::Project).await?;
            if found.values().any(|there| *there) && project_name(&name).is_ok_and(|n| n == name) {
                fixed.insert(name.clone(), self.ensure_project_schema(&name).await?);
            }
        }
        Ok(fixed)
    }

    async fn ensure(&self, schema: &str, kind: SchemaKind) -> Result<Vec<String>, Error> {
        let transaction = self.db.begin().await?;
        match create_missing(&transaction, schema, kind).await {
            Ok(created) => transaction.commit().await.map(|()| created),
            Err(error) => {
                transaction.rollback().await?;
                Err(error)
            }
        }
    }
}

async fn create_missing(
    transaction: &Transaction,
    schema: &str,
    kind: SchemaKind,
) -> Result<Vec<String>, Error> {
    transaction.lock(LOCK).await?;
    DbOperator::new(transaction).create_schema(schema).await?;
    let there = catalogue::table_names(transaction, schema).await?;
    let quoted = quote(Dialect::Postgres, schema)?;
    let mut created = Vec::new();
    for template in templates::tables(kind) {
        if there.iter().any(|name| name == template.table) {
            continue;
        }
        let sql = template.columns.replace("{schema}", &quoted);
        let sql = format!("CREATE TABLE {quoted}.{} ({sql})", template.table);
        transaction.run(&sql, &[]).await?;
        created.push(template.table.to_owned());
    }
    Ok(created)
}

/// The name of a project's schema: in lower case, of letters, digits and `_`.
fn project_name(name: &str) -> Result<String, Error> {
    if name.is_empty() {
        return Err(Error::invalid("Schema name cannot be empty"));
    }
    let lower = name.to_lowercase();
    let fits = lower.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let own = lower.starts_with("pg_") || lower == "information_schema" || lower == "public";
    if !fits || own {
        return Err(Error::invalid(format!(
            "Invalid schema name: {name}. Use only lowercase letters, numbers, and underscores."
        )));
    }
    quote(Dialect::Postgres, &lower)?;
    Ok(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_projects_are_checked() {
        assert_eq!(project_name("B2B_SaaS").unwrap(), "b2b_saas");
        assert_eq!(project_name("").unwrap_err().message, "Schema name cannot be empty");
        for name in ["a-b", "a b", "é", "pg_x", "public", "a\"", &"a".repeat(64)] {
            assert!(project_name(name).is_err(), "{name}");
        }
    }
}
