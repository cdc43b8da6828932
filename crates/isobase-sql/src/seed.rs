//! Rows for tests: loaded from files, cloned, and cleaned up.

use std::{fs, path::Path};

use serde_json::Value as Json;

use crate::{
    DbOperator, Error, Family, Record, Row, Select, Session, TableName, Value, catalogue,
    name::quoted,
};

/// Files of seed data and their tables, as the specification names them.
const FILES: [(&str, &str); 5] = [
    ("seed_projects.json", "projects"),
    ("seed_prompt_templates.json", "prompts"),
    ("seed_workflows.json", "workflows"),
    ("seed_registry.json", "registry"),
    ("seed_metadata_fields.json", "metadata_fields"),
];
/// The tag of rows that stay.
const PROTECTED: &str = "protected";
/// Rows without a tag that are newer than this were made by tests.
const TESTS_SINCE: &str = "2023-01-01";

impl<S: Session> DbOperator<S> {
    /// Loads a JSON array of objects, each by its `id`: a second time changes nothing. The name
    /// of the file says the table. Keys that the table does not have are left out, because seeds
    /// are older or newer than databases; with `protected` a column `tag` says so.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for another file name or content; else
    /// as [`DbOperator::upsert`].
    pub async fn load_seed_data(&self, path: &Path, protected: bool) -> Result<u64, Error> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let table = FILES.iter().find(|(file, _)| name.contains(file)).map(|(_, table)| *table);
        let Some(table) = table else {
            return Err(Error::invalid(format!(
                "Could not determine table name from path: {}",
                path.display()
            )));
        };
        let text = fs::read_to_string(path).map_err(|error| Error::io("read", path, &error))?;
        let rows: Vec<serde_json::Map<String, Json>> = serde_json::from_str(&text)
            .map_err(|error| Error::invalid(format!("{}: {error}", path.display())))?;
        let described = self.table(&TableName::from(table)).await?;
        let mut loaded = 0;
        for row in rows {
            let mut data: Record = row
                .iter()
                .filter(|(key, _)| described.column(key).is_some())
                .map(|(key, value)| (key.clone(), Value::from(value)))
                .collect();
            if protected && described.column("tag").is_some() {
                data.retain(|(key, _)| key != "tag");
                data.push(("tag".to_owned(), PROTECTED.into()));
            }
            self.upsert(table, data, &["id"]).await?;
            loaded += 1;
        }
        Ok(loaded)
    }

    /// Deletes the rows that tests have made: in a table with `tag` those that are not protected,
    /// else those with a `created_at` since 2023. Other tables stay. Those that refer to others
    /// come first.
    ///
    /// # Errors
    /// As the database refuses.
    pub async fn cleanup_non_protected(&self, schema: &str) -> Result<u64, Error> {
        let schema = self.session().dialect().schema(schema);
        let tables = catalogue::read_schema(self.session(), schema).await?;
        let mut deleted = 0;
        for table in tables.iter().rev() {
            let condition = if table.column("tag").is_some() {
                format!("tag IS NULL OR tag <> '{PROTECTED}'")
            } else if table.column("created_at").is_some_and(|c| {
                matches!(Family::of(c), Family::Timestamp | Family::Date | Family::Text)
            }) {
                format!("created_at > '{TESTS_SINCE}'")
            } else {
                continue;
            };
            let sql = format!("DELETE FROM {} WHERE {condition}", table.sql_name());
            deleted += self.session().run(&sql, &[]).await?.affected;
        }
        Ok(deleted)
    }

    /// Copies a project under another id; a copy of that id is replaced.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when there is no such project.
    pub async fn clone_project(&self, source: &str, target: &str) -> Result<Row, Error> {
        let row = self.get_by_uuid("projects", source, None).await?;
        let Some(row) = row else {
            return Err(Error::invalid(format!("Source project not found: {source}")));
        };
        let mut data = Record::new();
        for (name, value) in row.iter() {
            let value = match name {
                "id" => target.into(),
                "name" => format!("{value}_clone").into(),
                "metadata" => metadata_of_clone(value),
                "parent_project_id" => source.into(),
                // The clone of a protected row would stay for ever.
                "tag" => "test".into(),
                // The database says when.
                "created_at" | "updated_at" => continue,
                _ => value.clone(),
            };
            data.push((name.to_owned(), value));
        }
        let clone = self.upsert("projects", data, &["id"]).await?;
        self.touch("projects", target, &clone).await
    }

    /// Copies a prompt under another id, tagged as a test's.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when there is no such prompt; else as
    /// [`DbOperator::insert`].
    pub async fn clone_prompt_template(&self, source: &str, id: &str) -> Result<Row, Error> {
        let row = self.get_by_uuid("prompts", source, None).await?;
        let Some(row) = row else {
            return Err(Error::invalid(format!("Seed template {source} not found")));
        };
        let data = row.iter().map(|(name, value)| {
            let value = match name {
                "id" => id.into(),
                "name" => format!("{value}_clone").into(),
                "tag" => "test".into(),
                _ => value.clone(),
            };
            (name.to_owned(), value)
        });
        self.insert("prompts", data.collect()).await
    }

    /// The tests of the registry that are active.
    ///
    /// # Errors
    /// As [`DbOperator::fetch`].
    pub async fn active_e2e_tests(&self) -> Result<Vec<Row>, Error> {
        self.fetch(Select::from("e2e_test_registry").when("active", true)).await
    }

    /// Sets the times of a row to now, where it has them.
    async fn touch(&self, table: &str, id: &str, row: &Row) -> Result<Row, Error> {
        let times = ["created_at", "updated_at"].into_iter();
        let times: Vec<&str> = times.filter(|name| row.get(name).is_some()).collect();
        if times.is_empty() {
            return Ok(row.clone());
        }
        let sets = times.iter().map(|name| format!("{} = CURRENT_TIMESTAMP", quoted(name)));
        let described = self.table(&TableName::from(table)).await?;
        let sql = format!(
            "UPDATE {} SET {} WHERE id = $1 RETURNING *",
            described.sql_name(),
            sets.collect::<Vec<_>>().join(", ")
        );
        let answer = self.session().run(&sql, &[id.into()]).await?;
        Ok(answer.into_first().unwrap_or_else(|| row.clone()))
    }
}

/// Without the mark of a protected row; what is no object becomes an empty one.
fn metadata_of_clone(metadata: &Value) -> Value {
    let parsed = metadata.as_str().and_then(|text| serde_json::from_str::<Json>(text).ok());
    match parsed {
        Some(Json::Object(mut members)) => {
            members.remove("_test_protected");
            Value::Json(Json::Object(members).to_string())
        }
        _ => Value::Json("{}".to_owned()),
    }
}
