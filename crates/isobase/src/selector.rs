//! Finding documents by the values of their fields.

use isobase_types::{
    CollectionName, Comparison, FieldPath, Filter, Literal, Operator, PageRequest, json,
};
use serde_json::{Map, Value};

use crate::{
    SavedDocument,
    document_error::DocumentError,
    document_store::{DocumentStore, PAGE_DOCUMENTS, query, read},
};

/// Documents [`DocumentStore::find`] gives when the caller does not say.
pub const FIND_LIMIT_DEFAULT: usize = 10_000;

/// What the database can compare, and the rest of the selector.
fn filter(selector: &Map<String, Value>) -> (Filter, Vec<(&str, &Value)>) {
    let (mut filters, mut rest) = (Vec::new(), Vec::new());
    for (name, value) in selector {
        let operator = match value {
            Value::Null => Some(Operator::Null),
            Value::Bool(value) => Some(Operator::In(vec![Literal::Bool(*value)])),
            Value::String(value) => Some(Operator::In(vec![Literal::Text(value.clone())])),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => Some(Operator::In(vec![Literal::Integer(integer)])),
                (None, Some(float)) => Some(Operator::In(vec![Literal::Float(float)])),
                (None, None) => None,
            },
            Value::Array(_) | Value::Object(_) => None,
        };
        let path =
            (name != "_id" && name != "id" && name != "_rev").then(|| path_of(name)).flatten();
        match (path, operator) {
            (Some(path), Some(operator)) => {
                filters.push(Filter::Compare(Comparison { path, operator }));
            }
            _ => rest.push((name.as_str(), value)),
        }
    }
    (Filter::And(filters), rest)
}

/// The path of one step with this name, quoted so that dots in it are no steps.
fn path_of(name: &str) -> Option<FieldPath> {
    let mut quoted = Vec::new();
    json::write_string(name, &mut quoted);
    FieldPath::parse(std::str::from_utf8(&quoted).ok()?).ok()
}

fn has_all(document: &SavedDocument, rest: &[(&str, &Value)]) -> bool {
    if rest.is_empty() {
        return true;
    }
    let Ok(fields) = document.to_value() else { return false };
    rest.iter().all(|(name, value)| {
        let name = if *name == "id" { "_id" } else { name };
        fields.get(name).unwrap_or(&Value::Null) == *value
    })
}

impl DocumentStore {
    /// The documents whose fields equal all those of the selector, by id; a missing field equals
    /// `null`. Names are those of top-level fields, dots included; `_id` is the id.
    ///
    /// With `fields` each document has only these, `null` where it has none, and `_id`. At most
    /// `limit` documents; [`FIND_LIMIT_DEFAULT`] is a good one.
    ///
    /// # Errors
    /// [`DocumentError::InvalidSelector`] when the selector is no JSON object.
    pub async fn find(
        &self,
        db: &str,
        selector: &Value,
        fields: &[&str],
        limit: usize,
    ) -> Result<Vec<SavedDocument>, DocumentError> {
        let collection = CollectionName::new(db)?;
        let Value::Object(selector) = selector else { return Err(DocumentError::InvalidSelector) };
        let (filter, rest) = filter(selector);
        let mut found = Vec::new();
        let mut after = None;
        while found.len() < limit {
            let page = PageRequest::Cursor { limit: PAGE_DOCUMENTS, after: after.take() };
            let page = self.store.list(&collection, &query(filter.clone(), page)).await?;
            let meeting = page.documents.iter().map(read).filter(|it| has_all(it, &rest));
            found.extend(meeting.take(limit - found.len()));
            match page.next {
                Some(next) => after = Some(next.cursor().to_owned()),
                None => break,
            }
        }
        if !fields.is_empty() {
            found = found.iter().map(|document| document.with_fields(fields)).collect();
        }
        Ok(found)
    }
}
