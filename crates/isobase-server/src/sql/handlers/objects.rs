//! Rows as JSON, with no digit lost.

use std::collections::HashSet;

use isobase_sql::{ReadAnswer, ReadCell, ReadForm};

/// An array of objects, a row each on a line of its own. Two columns of one name get different ones, and
/// one without a name gets one.
pub(super) fn objects(answer: &ReadAnswer) -> Vec<u8> {
    let names: Vec<_> = names(answer).iter().map(|name| string(name)).collect();
    let mut text = String::from("[");
    for (at, row) in answer.rows.iter().enumerate() {
        text.push_str(if at == 0 { "\n{" } else { ",\n{" });
        for (at, (name, cell)) in names.iter().zip(row).enumerate() {
            if at > 0 {
                text.push(',');
            }
            text.push_str(name);
            text.push(':');
            text.push_str(&value(cell.as_ref()));
        }
        text.push('}');
    }
    text.push_str("\n]\n");
    text.into_bytes()
}

fn names(answer: &ReadAnswer) -> Vec<String> {
    let mut used = HashSet::new();
    let free = |wanted: String| {
        let mut name = wanted.clone();
        for number in 2.. {
            if used.insert(name.clone()) {
                break;
            }
            name = format!("{wanted}_{number}");
        }
        name
    };
    let columns = answer.columns.iter().enumerate();
    let wanted = columns.map(|(at, column)| match column.name.is_empty() {
        true => format!("column_{}", at + 1),
        false => column.name.clone(),
    });
    wanted.map(free).collect()
}

fn value(cell: Option<&ReadCell>) -> String {
    let Some(cell) = cell else { return "null".to_owned() };
    let as_it_is = match cell.form {
        ReadForm::Text => false,
        // Not NaN, Infinity, or JSON of a database that takes more than is JSON.
        ReadForm::Number | ReadForm::Json => {
            serde_json::from_str::<serde::de::IgnoredAny>(&cell.text).is_ok()
        }
        ReadForm::Truth => matches!(&*cell.text, "true" | "false"),
    };
    if as_it_is { cell.text.clone() } else { string(&cell.text) }
}

fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
