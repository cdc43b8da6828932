//! Which column of a file becomes which field.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

use isobase_types::json::{Kind, Raw, canonicalise_value, write_string};

use super::kinds::{ColumnType, boolean, digits};

/// Most columns that a mapping names. Ours: more than spreadsheets have in practice, and few enough
/// to be looked at.
pub const COLUMNS_MAX: usize = 2_000;
/// Longest name of a field that a mapping makes, in bytes.
const NAME_BYTES_MAX: usize = 1_000;

/// The fate of a column of a table, or of a member of the objects of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in the file.
    pub from: String,
    /// The field that it becomes, `id` for the id; `None` leaves it out.
    pub to: Option<String>,
    /// The type of its values; `None` leaves that to the values.
    pub kind: Option<ColumnType>,
}

/// The fate of columns. Those that it does not name keep their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    columns: BTreeMap<String, Column>,
}

/// The columns cannot become fields like that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidMapping(String);

impl Mapping {
    /// A mapping of columns.
    ///
    /// # Errors
    /// When there are more than [`COLUMNS_MAX`], one is named twice, a field has no name or a long
    /// one, or two columns become one field.
    pub fn new(columns: Vec<Column>) -> Result<Self, InvalidMapping> {
        if columns.len() > COLUMNS_MAX {
            let message =
                format!("{} columns are named, at most {COLUMNS_MAX} may be", columns.len());
            return Err(InvalidMapping(message));
        }
        let (mut known, mut fields) = (BTreeMap::new(), HashMap::new());
        for column in columns {
            if let Some(to) = &column.to {
                if to.is_empty() || to.len() > NAME_BYTES_MAX || to.chars().any(char::is_control) {
                    let message = format!(
                        "column {:?}: expected the name of a field, of 1 to {NAME_BYTES_MAX} bytes",
                        column.from
                    );
                    return Err(InvalidMapping(message));
                }
                if let Some(other) = fields.insert(to.clone(), column.from.clone()) {
                    let message = format!(
                        "columns {other:?} and {:?} both become the field {to:?}",
                        column.from
                    );
                    return Err(InvalidMapping(message));
                }
            }
            let from = column.from.clone();
            if known.insert(from.clone(), column).is_some() {
                return Err(InvalidMapping(format!("column {from:?} is named twice")));
            }
        }
        Ok(Self { columns: known })
    }

    /// Whether it leaves everything as it is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The columns that it names, by their names.
    pub fn columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.values()
    }

    /// The field that a column becomes; `None` when it is left out.
    #[must_use]
    pub fn field<'a>(&'a self, column: &'a str) -> Option<&'a str> {
        self.columns.get(column).map_or(Some(column), |known| known.to.as_deref())
    }

    /// The declared type of the values of a column.
    #[must_use]
    pub fn kind(&self, column: &str) -> Option<ColumnType> {
        self.columns.get(column)?.kind
    }

    /// An object with its members as they are mapped; what is no object stays as it is.
    ///
    /// # Errors
    /// When a value cannot be made what it is said to be.
    pub(crate) fn apply<'a>(&self, value: &'a [u8]) -> Result<Cow<'a, [u8]>, String> {
        if self.is_empty() {
            return Ok(value.into());
        }
        // What is wrong with it is told where it is read.
        let Ok(text) = canonicalise_value(value) else { return Ok(value.into()) };
        if Raw::new(&text).kind() != Kind::Object {
            return Ok(value.into());
        }
        let mut out = b"{".to_vec();
        for (key, value) in Raw::new(&text).members() {
            let name = key.as_str_decoded().unwrap_or_default();
            let Some(field) = self.field(&name) else { continue };
            if out.len() > 1 {
                out.push(b',');
            }
            write_string(field, &mut out);
            out.push(b':');
            match self.kind(&name) {
                None => out.extend_from_slice(value.as_text().as_bytes()),
                Some(kind) => {
                    let made =
                        converted(value, kind).map_err(|reason| format!("{name}: {reason}"))?;
                    out.extend_from_slice(made.as_bytes());
                }
            }
        }
        out.push(b'}');
        Ok(out.into())
    }
}

/// A value as one of a kind; null is one of every kind.
fn converted(value: Raw<'_>, kind: ColumnType) -> Result<String, String> {
    let as_it_is = value.as_text();
    let text = value.as_str_decoded();
    let refused = |what: &str| Err(format!("{as_it_is} is no {what}"));
    match (kind, text) {
        _ if as_it_is == "null" => Ok(as_it_is.to_owned()),
        (ColumnType::Text, None) => {
            let mut out = Vec::new();
            write_string(as_it_is, &mut out);
            Ok(String::from_utf8_lossy(&out).into_owned())
        }
        (ColumnType::Text, Some(_)) | (ColumnType::Json, None) => Ok(as_it_is.to_owned()),
        (ColumnType::Number, None) if value.number().is_some() => Ok(as_it_is.to_owned()),
        (ColumnType::Boolean, None) if value.as_bool().is_some() => Ok(as_it_is.to_owned()),
        (_, Some(text)) if text.is_empty() => Ok("null".to_owned()),
        (ColumnType::Number, Some(text)) if digits(&text).is_some() => Ok(text.into_owned()),
        (ColumnType::Number, _) => refused("number"),
        (ColumnType::Boolean, Some(text)) if boolean(&text).is_some() => {
            Ok(boolean(&text).unwrap_or_default().to_owned())
        }
        (ColumnType::Boolean, _) => refused("true or false"),
        (ColumnType::Json, Some(text)) => {
            canonicalise_value(text.as_bytes()).map_err(|error| error.to_string())
        }
    }
}
