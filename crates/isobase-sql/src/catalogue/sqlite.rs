//! The catalogue of SQLite.

use crate::{
    Column, Constraint, Dialect, Error, ForeignKey, Generation, Index, Row, Session, Table, Value,
    lexer::{Kind, Lexer},
};

pub(super) async fn read<S: Session>(
    session: &S,
    schema: &str,
    name: &str,
) -> Result<Option<Table>, Error> {
    let parameters = [name.into(), schema.into()];
    // table_xinfo and not table_info, which leaves out generated columns.
    let sql = "SELECT name, type, \"notnull\" AS not_null, dflt_value, pk, hidden \
               FROM pragma_table_xinfo($1, $2) ORDER BY cid";
    let columns = session.run(sql, &parameters).await?;
    if columns.rows.is_empty() {
        return Ok(None);
    }
    let definition = definition(session, schema, name).await?;
    let mut table = Table {
        schema: schema.to_owned(),
        name: name.to_owned(),
        columns: columns.rows.iter().filter(|row| int(row, "hidden") != 1).map(column).collect(),
        primary_key: primary_key(&columns.rows),
        checks: checks(&definition),
        definition: Some(definition),
        ..Table::default()
    };
    read_keys(session, &mut table, &parameters).await?;
    read_indexes(session, &mut table, &parameters).await?;
    mark_row_id(&mut table);
    Ok(Some(table))
}

pub(super) async fn table_names<S: Session>(
    session: &S,
    schema: &str,
) -> Result<Vec<String>, Error> {
    let master = format!("{}.sqlite_schema", crate::quote(Dialect::Sqlite, schema)?);
    let sql = format!(
        "SELECT name FROM {master} WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
         ORDER BY name"
    );
    let answer = session.run(&sql, &[]).await?;
    Ok(answer.rows.iter().map(|row| text(row, "name")).collect())
}

pub(super) async fn schema_names<S: Session>(session: &S) -> Result<Vec<String>, Error> {
    let sql = "SELECT name FROM pragma_database_list WHERE name <> 'temp' ORDER BY seq";
    let answer = session.run(sql, &[]).await?;
    Ok(answer.rows.iter().map(|row| text(row, "name")).collect())
}

async fn definition<S: Session>(session: &S, schema: &str, name: &str) -> Result<String, Error> {
    let master = format!("{}.sqlite_schema", crate::quote(Dialect::Sqlite, schema)?);
    let sql = format!("SELECT sql FROM {master} WHERE name = $1 COLLATE NOCASE");
    let value = session.run(&sql, &[name.into()]).await?.into_value();
    Ok(value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default())
}

fn column(row: &Row) -> Column {
    let data_type = text(row, "type");
    let lower = data_type.to_lowercase();
    let generated = int(row, "hidden") > 1;
    Column {
        name: text(row, "name"),
        base_type: lower.split('(').next().unwrap_or_default().trim().to_owned(),
        max_length: length(&lower),
        data_type,
        nullable: int(row, "not_null") == 0,
        default: row.get("dflt_value").and_then(Value::as_str).map(str::to_owned),
        generated,
        read_only: generated,
        generation: match int(row, "hidden") {
            2 => Generation::Virtual,
            3 => Generation::Stored,
            _ => Generation::None,
        },
        labels: Vec::new(),
    }
}

/// The length in `varchar(50)`. SQLite itself does not look at it.
fn length(data_type: &str) -> Option<u32> {
    let (name, rest) = data_type.split_once('(')?;
    name.contains("char").then(|| rest.trim_end_matches(')').trim().parse().ok())?
}

fn primary_key(rows: &[Row]) -> Vec<String> {
    let mut key: Vec<(i64, String)> = rows
        .iter()
        .map(|row| (int(row, "pk"), text(row, "name")))
        .filter(|(place, _)| *place > 0)
        .collect();
    key.sort();
    key.into_iter().map(|(_, name)| name).collect()
}

/// `INTEGER PRIMARY KEY` is the number of the row, which SQLite makes.
fn mark_row_id(table: &mut Table) {
    let [key] = table.primary_key.as_slice() else { return };
    let key = key.clone();
    for column in &mut table.columns {
        column.generated |= column.name == key && column.base_type == "integer";
    }
}

async fn read_keys<S: Session>(
    session: &S,
    table: &mut Table,
    parameters: &[Value],
) -> Result<(), Error> {
    let sql = "SELECT id, \"table\" AS other, \"from\" AS own, \"to\" AS target, on_delete \
               FROM pragma_foreign_key_list($1, $2) ORDER BY id, seq";
    let rows = session.run(sql, parameters).await?.rows;
    let mut last = None;
    for row in &rows {
        let id = int(row, "id");
        if last != Some(id) {
            table.foreign_keys.push(ForeignKey {
                schema: table.schema.clone(),
                table: text(row, "other"),
                ..ForeignKey::default()
            });
        }
        last = Some(id);
        let Some(key) = table.foreign_keys.last_mut() else { continue };
        key.columns.push(text(row, "own"));
        // Without a column the key of the other table is meant.
        key.references.extend(row.get("target").and_then(Value::as_str).map(str::to_owned));
    }
    Ok(())
}

async fn read_indexes<S: Session>(
    session: &S,
    table: &mut Table,
    parameters: &[Value],
) -> Result<(), Error> {
    let sql = "SELECT l.name AS name, l.\"unique\" AS is_unique, l.origin AS origin, \
               l.partial AS partial, \
               (SELECT json_group_array(i.name) FROM pragma_index_info(l.name, $2) i) AS columns \
               FROM pragma_index_list($1, $2) l ORDER BY l.name";
    for row in session.run(sql, parameters).await?.rows {
        let unique = int(&row, "is_unique") == 1;
        let columns: Vec<Option<String>> =
            serde_json::from_str(&text(&row, "columns")).unwrap_or_default();
        // An expression has no name.
        let columns: Option<Vec<String>> = columns.into_iter().collect();
        let is_key = text(&row, "origin") == "pk";
        if unique && !is_key && int(&row, "partial") == 0 {
            table.uniques.extend(columns);
        }
        if text(&row, "origin") == "c" {
            let name = text(&row, "name");
            let definition = definition(session, &table.schema, &name).await?;
            table.indexes.push(Index { name, unique, definition });
        }
    }
    Ok(())
}

/// The conditions in the text of a table: `CHECK` and what stands in its parentheses.
fn checks(definition: &str) -> Vec<Constraint> {
    let tokens: Vec<_> = Lexer::new(Dialect::Sqlite, definition).collect();
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if !token.is("check") || tokens.get(at + 1).is_none_or(|next| next.text != "(") {
            continue;
        }
        let mut depth = 0_usize;
        let end = tokens[at + 1..].iter().find(|token| {
            match (token.kind, token.text) {
                (Kind::Mark, "(") => depth += 1,
                (Kind::Mark, ")") => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        let end = end.map_or(definition.len(), |token| token.at + 1);
        let definition = definition[token.at..end].to_owned();
        found.push(Constraint { name: String::new(), definition });
    }
    found
}

fn text(row: &Row, column: &str) -> String {
    row.get(column).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn int(row: &Row, column: &str) -> i64 {
    row.get(column).and_then(Value::as_int).unwrap_or(0)
}
