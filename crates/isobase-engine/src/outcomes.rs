//! Outcomes as text, for engines that keep them with an idempotency key.

use isobase_types::{ChangeKind, CollectionName, DocumentId, FieldPath, Revision, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Rejection, Violation, WriteOutcome, Written};

/// Writes outcomes as JSON text, without the bodies of documents.
#[must_use]
pub fn encode_outcomes(outcomes: &[WriteOutcome]) -> String {
    let stored: Vec<StoredOutcome> = outcomes.iter().map(StoredOutcome::of).collect();
    // Numbers, strings and nothing: there is no value that JSON text cannot hold.
    serde_json::to_string(&stored).unwrap_or_default()
}

/// Reads what [`encode_outcomes`] wrote; `None` when it is something else.
#[must_use]
pub fn decode_outcomes(text: &str) -> Option<Vec<WriteOutcome>> {
    let stored: Vec<StoredOutcome> = serde_json::from_str(text).ok()?;
    stored.into_iter().map(StoredOutcome::into_outcome).collect()
}

/// The stored form. Its names are in databases: they never change, new ones may be added.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredOutcome {
    Written { id: StoredId, kind: i64, revision: String, created_at: i64, updated_at: i64 },
    NotFound,
    AlreadyExists,
    RevisionConflict { current: Option<String> },
    Unholdable { path: String, reason: String },
    SchemaViolation { violations: Vec<(String, String)> },
    NotUnique { fields: Vec<String> },
    ReferenceNotFound { field: String, collection: String },
    Referenced { collection: String, field: String },
    Forbidden { code: String, message: String },
    PatchConflict { pointer: String, reason: String },
    BatchRejected,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum StoredId {
    Integer(i64),
    Text(String),
}

impl StoredOutcome {
    fn of(outcome: &WriteOutcome) -> Self {
        match outcome {
            Ok(written) => Self::Written {
                id: match &written.id {
                    DocumentId::Integer(integer) => StoredId::Integer(*integer),
                    DocumentId::Text(text) => StoredId::Text(text.as_ref().to_owned()),
                },
                kind: written.kind.code(),
                revision: written.revision.to_string(),
                created_at: written.created_at.unix_us,
                updated_at: written.updated_at.unix_us,
            },
            Err(Rejection::NotFound) => Self::NotFound,
            Err(Rejection::AlreadyExists) => Self::AlreadyExists,
            Err(Rejection::RevisionConflict { current }) => {
                Self::RevisionConflict { current: current.as_ref().map(Revision::to_string) }
            }
            Err(Rejection::Unholdable { path, reason }) => {
                Self::Unholdable { path: path.clone(), reason: reason.clone() }
            }
            Err(Rejection::SchemaViolation { violations }) => Self::SchemaViolation {
                violations: violations
                    .iter()
                    .map(|violation| (violation.pointer.clone(), violation.message.clone()))
                    .collect(),
            },
            Err(Rejection::NotUnique { fields }) => {
                Self::NotUnique { fields: fields.iter().map(ToString::to_string).collect() }
            }
            Err(Rejection::ReferenceNotFound { field, collection }) => Self::ReferenceNotFound {
                field: field.to_string(),
                collection: collection.as_str().to_owned(),
            },
            Err(Rejection::Referenced { collection, field }) => Self::Referenced {
                collection: collection.as_str().to_owned(),
                field: field.to_string(),
            },
            Err(Rejection::Forbidden { code, message }) => {
                Self::Forbidden { code: code.clone(), message: message.clone() }
            }
            Err(Rejection::PatchConflict { pointer, reason }) => {
                Self::PatchConflict { pointer: pointer.clone(), reason: reason.clone() }
            }
            Err(Rejection::BatchRejected) => Self::BatchRejected,
        }
    }

    fn into_outcome(self) -> Option<WriteOutcome> {
        Some(Err(match self {
            Self::Written { id, kind, revision, created_at, updated_at } => {
                return Some(Ok(Written {
                    id: match id {
                        StoredId::Integer(integer) => DocumentId::Integer(integer),
                        StoredId::Text(text) => DocumentId::Text(text.into()),
                    },
                    kind: ChangeKind::from_code(kind)?,
                    revision: Revision::parse(&revision).ok()?,
                    created_at: Timestamp { unix_us: created_at },
                    updated_at: Timestamp { unix_us: updated_at },
                    body: None,
                }));
            }
            Self::NotFound => Rejection::NotFound,
            Self::AlreadyExists => Rejection::AlreadyExists,
            Self::RevisionConflict { current } => Rejection::RevisionConflict {
                current: match current {
                    Some(text) => Some(Revision::parse(&text).ok()?),
                    None => None,
                },
            },
            Self::Unholdable { path, reason } => Rejection::Unholdable { path, reason },
            Self::SchemaViolation { violations } => Rejection::SchemaViolation {
                violations: violations
                    .into_iter()
                    .map(|(pointer, message)| Violation { pointer, message })
                    .collect(),
            },
            Self::NotUnique { fields } => Rejection::NotUnique {
                fields: fields
                    .iter()
                    .map(|field| FieldPath::parse(field))
                    .collect::<Result<_, _>>()
                    .ok()?,
            },
            Self::ReferenceNotFound { field, collection } => Rejection::ReferenceNotFound {
                field: FieldPath::parse(&field).ok()?,
                collection: CollectionName::new(&collection).ok()?,
            },
            Self::Referenced { collection, field } => Rejection::Referenced {
                collection: CollectionName::new(&collection).ok()?,
                field: FieldPath::parse(&field).ok()?,
            },
            Self::Forbidden { code, message } => Rejection::Forbidden { code, message },
            Self::PatchConflict { pointer, reason } => Rejection::PatchConflict { pointer, reason },
            Self::BatchRejected => Rejection::BatchRejected,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(id: DocumentId, kind: ChangeKind) -> WriteOutcome {
        Ok(Written {
            id,
            kind,
            revision: Revision::from_number(u64::MAX),
            created_at: Timestamp { unix_us: 1 },
            updated_at: Timestamp { unix_us: i64::MAX },
            body: None,
        })
    }

    #[test]
    fn outcomes_are_read_back_as_written() {
        let outcomes = vec![
            written(DocumentId::Integer(i64::MAX), ChangeKind::Created),
            written(DocumentId::Text("a\"b \u{1F600}".into()), ChangeKind::Deleted),
            Err(Rejection::NotFound),
            Err(Rejection::AlreadyExists),
            Err(Rejection::RevisionConflict { current: None }),
            Err(Rejection::RevisionConflict { current: Some(Revision::from_number(7)) }),
            Err(Rejection::RevisionConflict { current: Revision::parse("3-abc").ok() }),
            Err(Rejection::Unholdable { path: "a.b".into(), reason: "too \"large\"".into() }),
            Err(Rejection::SchemaViolation {
                violations: vec![Violation { pointer: "/a/0".into(), message: "not \"x\"".into() }],
            }),
            Err(Rejection::NotUnique {
                fields: ["a.b", "\"c d\""].map(|path| FieldPath::parse(path).unwrap()).to_vec(),
            }),
            Err(Rejection::ReferenceNotFound {
                field: FieldPath::parse("a.b").unwrap(),
                collection: CollectionName::new("t é").unwrap(),
            }),
            Err(Rejection::Referenced {
                collection: CollectionName::new("c").unwrap(),
                field: FieldPath::parse("x").unwrap(),
            }),
            Err(Rejection::Forbidden { code: "not_yours".into(), message: "no".into() }),
            Err(Rejection::PatchConflict { pointer: "/a/0".into(), reason: "no \"x\"".into() }),
            Err(Rejection::BatchRejected),
        ];
        assert_eq!(decode_outcomes(&encode_outcomes(&outcomes)), Some(outcomes));
    }

    #[test]
    fn bodies_are_left_out() {
        let mut outcome = written(DocumentId::Integer(1), ChangeKind::Updated);
        outcome.as_mut().unwrap().body = Some("{\"secret\":1}".into());
        let text = encode_outcomes(&[outcome]);
        assert!(!text.contains("secret"), "{text}");
        assert_eq!(decode_outcomes(&text).unwrap()[0].as_ref().unwrap().body, None);
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "{}", "[{\"gone\":1}]", "[\"unknown\"]"] {
            assert_eq!(decode_outcomes(text), None, "{text}");
        }
    }
}
