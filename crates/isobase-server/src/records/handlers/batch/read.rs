//! Reading the body of a batch: its operations are cut out as text, then checked like any body.

use isobase_store::{Action, IfMissing, WriteOperation};
use isobase_types::{
    CollectionName, DocumentId,
    json::{self, Patch, PatchError},
};
use serde_json::value::RawValue;

use super::super::{
    own_names::{OwnNames, Unmeant},
    preconditions::Conditions,
};
use crate::records::wire::{Batch, BatchMethod, BatchOperation};

/// Most faulty operations that are named in one answer.
const FAULTS_MAX: usize = 100;

/// A batch that can be written.
#[derive(Debug)]
pub(super) struct ReadBatch {
    pub(super) operations: Vec<WriteOperation>,
    /// Documents to read; only where there are no operations.
    pub(super) reads: Vec<DocumentId>,
    /// Whether the body asks for all or nothing; `None` if it does not say.
    pub(super) atomic: Option<bool>,
}

/// A batch that cannot be written; nothing of it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum InvalidBatch {
    /// The body is not an object with operations.
    Envelope(String),
    /// There are too many.
    TooMany {
        /// How many there are.
        operations: usize,
    },
    /// Operations with mistakes.
    Operations(Vec<Fault>),
}

/// A mistake in an operation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Which operation, from 0, as in the array.
    pub(super) index: usize,
    /// The member that is wrong; none for the whole operation.
    pub(super) member: Option<&'static str>,
    /// The expectation.
    pub(super) message: String,
}

/// The request of an operation.
enum Asked {
    Write(WriteOperation),
    Read(DocumentId),
}

/// Reads a batch for a collection.
pub(super) fn read_batch(
    collection: &CollectionName,
    body: &[u8],
    operations_max: usize,
) -> Result<ReadBatch, InvalidBatch> {
    let envelope: Batch<'_> = match body.trim_ascii_start().first() {
        // The derived reader would take the members in their order, too.
        Some(b'{') => serde_json::from_slice(body)
            .map_err(|error| InvalidBatch::Envelope(error.to_string()))?,
        _ => return Err(InvalidBatch::Envelope("expected an object".to_owned())),
    };
    let count = envelope.operations.len();
    if count > operations_max {
        return Err(InvalidBatch::TooMany { operations: count });
    }
    let (mut operations, mut reads) = (Vec::with_capacity(count), Vec::new());
    let mut faults = Vec::new();
    for (index, text) in envelope.operations.iter().enumerate() {
        match read_operation(collection, text) {
            Ok(Asked::Write(operation)) => operations.push(operation),
            Ok(Asked::Read(id)) => reads.push(id),
            Err((member, message)) => faults.push(Fault { index, member, message }),
        }
        if faults.len() == FAULTS_MAX {
            break;
        }
    }
    if !faults.is_empty() {
        return Err(InvalidBatch::Operations(faults));
    }
    if !reads.is_empty() && !operations.is_empty() {
        let message = "a batch reads or writes, it does not do both".to_owned();
        return Err(InvalidBatch::Envelope(message));
    }
    Ok(ReadBatch { operations, reads, atomic: envelope.atomic })
}

type MemberFault = (Option<&'static str>, String);

fn read_operation(collection: &CollectionName, text: &RawValue) -> Result<Asked, MemberFault> {
    if !text.get().starts_with('{') {
        return Err((None, "expected an object".to_owned()));
    }
    let members: BatchOperation<'_> =
        serde_json::from_str(text.get()).map_err(|error| (None, error.to_string()))?;
    members.refuse_foreign()?;
    let place = if members.method == BatchMethod::Patch { "patch" } else { "body" };
    let unmeant = |Unmeant { member, message }| (Some(place), format!("{member}: {message}"));
    let mut own = None;
    let mut take_own = |body: String, id: Option<&DocumentId>| {
        let taken = own.insert(OwnNames::take(body, id).map_err(unmeant)?);
        Ok::<_, MemberFault>(std::mem::take(&mut taken.body))
    };
    let action = match members.method {
        BatchMethod::Create => {
            Action::Create { body: take_own(read_object(members.body, "body")?, None)? }
        }
        BatchMethod::Put => {
            let id = read_id(members.id)?;
            let body = take_own(read_object(members.body, "body")?, Some(&id))?;
            Action::Put { id, body, if_missing: members.if_missing() }
        }
        BatchMethod::Patch => {
            let id = read_id(members.id)?;
            let patch = match members.patch()? {
                Patch::Merge(text) => Patch::Merge(take_own(text, Some(&id))?),
                patch => patch,
            };
            Action::Patch { id, patch }
        }
        BatchMethod::Delete => Action::Delete { id: read_id(members.id)? },
        BatchMethod::Get => return read_id(members.id).map(Asked::Read),
    };
    let conditions =
        Conditions::from_members(members.if_match.as_deref(), members.if_none_match.as_deref());
    let precondition = conditions
        .and_then(Conditions::into_precondition)
        .map_err(|error| (None, error.to_string()))?;
    let precondition = match own {
        Some(own) => own.and(precondition).map_err(unmeant)?,
        None => precondition,
    };
    Ok(Asked::Write(WriteOperation { collection: collection.clone(), action, precondition }))
}

impl BatchOperation<'_> {
    /// Refuses members that mean nothing for the method: a condition that is not looked at would
    /// be a lost update.
    fn refuse_foreign(&self) -> Result<(), MemberFault> {
        let present = [
            ("id", self.id.is_some()),
            ("body", self.body.is_some()),
            ("patch", self.patch.is_some()),
            ("update", self.update.is_some()),
            ("if_match", self.if_match.is_some()),
            ("if_none_match", self.if_none_match.is_some()),
            // The declared default may be said anywhere.
            ("upsert", self.upsert == Some(true)),
        ];
        let (method, allowed): (_, &[&str]) = match self.method {
            BatchMethod::Create => ("create", &["body"]),
            BatchMethod::Put => ("put", &["id", "body", "if_match", "if_none_match", "upsert"]),
            BatchMethod::Patch => {
                ("patch", &["id", "patch", "update", "if_match", "if_none_match"])
            }
            BatchMethod::Delete => ("delete", &["id", "if_match", "if_none_match"]),
            BatchMethod::Get => ("get", &["id"]),
        };
        match present.iter().find(|(name, there)| *there && !allowed.contains(name)) {
            Some((name, _)) => {
                Err((Some(name), format!("a {method} takes {}, not '{name}'", allowed.join(", "))))
            }
            None => Ok(()),
        }
    }

    /// A merge patch is an object and a JSON Patch an array; an update has a member of its own.
    fn patch(&self) -> Result<Patch, MemberFault> {
        let (member, patch) = match (self.patch, self.update) {
            (Some(patch), None) if patch.get().starts_with('[') => {
                ("patch", Patch::json(patch.get().as_bytes()))
            }
            (Some(patch), None) => {
                ("patch", Patch::merge(patch.get().as_bytes()).map_err(PatchError::from))
            }
            (None, Some(update)) => ("update", Patch::update(update.get().as_bytes())),
            (None, None) => {
                return Err((Some("patch"), "expected a patch or an update".to_owned()));
            }
            (Some(_), Some(_)) => {
                return Err((Some("update"), "expected a patch or an update, not both".to_owned()));
            }
        };
        patch.map_err(|error| (Some(member), error.to_string()))
    }

    fn if_missing(&self) -> IfMissing {
        let create_only = self.if_none_match.as_deref().is_some_and(|value| value.trim() == "*");
        if self.upsert == Some(true) || create_only { IfMissing::Create } else { IfMissing::Refuse }
    }
}

fn read_object(text: Option<&RawValue>, member: &'static str) -> Result<String, MemberFault> {
    let text = text.ok_or_else(|| (Some(member), "expected a JSON object".to_owned()))?;
    json::canonicalise_document(text.get().as_bytes())
        .map_err(|error| (Some(member), error.to_string()))
}

/// An id as a number or a string; a string means what it means in a path.
fn read_id(text: Option<&RawValue>) -> Result<DocumentId, MemberFault> {
    let fault = |message: String| (Some("id"), message);
    let text = text.ok_or_else(|| fault("expected an integer or a string".to_owned()))?.get();
    if text.starts_with('"') {
        let text: String = serde_json::from_str(text).map_err(|error| fault(error.to_string()))?;
        return DocumentId::parse(&text).map_err(|error| fault(error.to_string()));
    }
    match DocumentId::parse(text) {
        Ok(id @ DocumentId::Integer(_)) => Ok(id),
        _ => Err(fault("expected an integer from 0 to 2^63-1 or a string".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use isobase_store::Precondition;
    use isobase_types::Revision;

    use super::*;

    fn read(body: &str) -> Result<ReadBatch, InvalidBatch> {
        read_batch(&CollectionName::new("c").unwrap(), body.as_bytes(), 3)
    }

    fn read_one(operation: &str) -> Result<WriteOperation, Fault> {
        match read(&format!("{{\"operations\":[{operation}]}}")) {
            Ok(mut batch) => Ok(batch.operations.remove(0)),
            Err(InvalidBatch::Operations(mut faults)) => Err(faults.remove(0)),
            Err(error) => panic!("{error:?}"),
        }
    }

    #[test]
    fn bodies_keep_their_text() {
        let operation =
            read_one(r#"{"method":"create","body": {"n" : 1.0, "big":123456789012345678901234567890, "id":5}}"#)
                .unwrap();
        let Action::Create { body } = operation.action else { panic!() };
        assert_eq!(body, r#"{"n":1.0,"big":123456789012345678901234567890}"#);
    }

    #[test]
    fn each_method_takes_its_members() {
        let put = read_one(r#"{"method":"put","id":"a","body":{},"upsert":true,"if_match":"5"}"#)
            .unwrap();
        assert!(matches!(put.action, Action::Put { if_missing: IfMissing::Create, .. }));
        assert_eq!(put.precondition, Precondition::RevisionIn(vec![Revision::from_number(5)]));
        let put = read_one(r#"{"method":"put","id":"a","body":{},"if_none_match":"*"}"#).unwrap();
        assert!(matches!(put.action, Action::Put { if_missing: IfMissing::Create, .. }));
        assert_eq!(put.precondition, Precondition::Missing);
        let put = read_one(r#"{"method":"put","id":7,"body":{}}"#).unwrap();
        assert!(matches!(put.action, Action::Put { if_missing: IfMissing::Refuse, .. }));
        let patch = read_one(r#"{"method":"patch","id":"7","patch":{"a":null}}"#).unwrap();
        let Action::Patch { id, patch } = patch.action else { panic!() };
        let merge = Patch::Merge(r#"{"a":null}"#.to_owned());
        assert_eq!((id, patch), (DocumentId::Integer(7), merge));
        for (member, is_form) in [
            (
                r#""patch":[{"op":"remove","path":"/a"}]"#,
                (|p| matches!(p, Patch::Json(_))) as fn(&_) -> bool,
            ),
            (r#""update":{"increment":{"n":1}}"#, |p| matches!(p, Patch::Update(_))),
        ] {
            let read = read_one(&format!(r#"{{"method":"patch","id":7,{member}}}"#)).unwrap();
            assert!(matches!(read.action, Action::Patch { patch, .. } if is_form(&patch)));
        }
        for id in ["batch", "changes", "_x", "a/b", ".."] {
            let put = read_one(&format!(r#"{{"method":"put","id":"{id}","body":{{}}}}"#)).unwrap();
            assert_eq!(put.action.id(), Some(&DocumentId::Text(id.into())));
        }
        assert!(matches!(
            read_one(r#"{"method":"delete","id":"x"}"#).unwrap().action,
            Action::Delete { .. }
        ));
    }

    #[test]
    fn mistakes_name_the_member() {
        let cases = [
            (r#"{"method":"create"}"#, Some("body")),
            (r#"{"method":"create","body":null}"#, Some("body")),
            (r#"{"method":"create","body":[1]}"#, Some("body")),
            (r#"{"method":"create","body":{"a":1,"a":2}}"#, Some("body")),
            (r#"{"method":"create","body":{"a":"\ud800"}}"#, Some("body")),
            (r#"{"method":"create","id":1,"body":{}}"#, Some("id")),
            (r#"{"method":"create","body":{},"if_match":"1"}"#, Some("if_match")),
            (r#"{"method":"put","body":{}}"#, Some("id")),
            (r#"{"method":"put","id":1.5,"body":{}}"#, Some("id")),
            (r#"{"method":"put","id":-1,"body":{}}"#, Some("id")),
            (r#"{"method":"put","id":true,"body":{}}"#, Some("id")),
            (r#"{"method":"put","id":9223372036854775808,"body":{}}"#, Some("id")),
            (r#"{"method":"put","id":"","body":{}}"#, Some("id")),
            (r#"{"method":"put","id":"a\u0000","body":{}}"#, Some("id")),
            (r#"{"method":"patch","id":1,"body":{}}"#, Some("body")),
            (r#"{"method":"patch","id":1}"#, Some("patch")),
            (r#"{"method":"patch","id":1,"patch":[{"op":"spam"}]}"#, Some("patch")),
            (r#"{"method":"patch","id":1,"update":{"increment":{"n":""}}}"#, Some("update")),
            (r#"{"method":"patch","id":1,"patch":{},"update":{}}"#, Some("update")),
            (r#"{"method":"put","id":1,"body":{},"update":{}}"#, Some("update")),
            (r#"{"method":"delete","id":1,"upsert":true}"#, Some("upsert")),
            (r#"{"method":"delete","id":1,"if_match":"\"1"}"#, None),
            (r#"{"method":"delete","id":1,"if_match":"1","if_none_match":"2"}"#, None),
            (r#"{"method":"DELETE","id":1}"#, None),
            (r#"{"method":"delete","id":1,"method":"put"}"#, None),
            (r#"{"method":"delete","id":1,"ids":2}"#, None),
            (r#"{"id":1}"#, None),
            ("7", None),
        ];
        for (operation, member) in cases {
            let fault = read_one(operation).unwrap_err();
            assert_eq!((fault.index, fault.member), (0, member), "{operation}: {fault:?}");
        }
    }

    #[test]
    fn a_batch_reads_or_writes() {
        let read_both =
            read(r#"{"operations":[{"method":"get","id":1},{"method":"get","id":"a/b"}]}"#);
        let ids = [DocumentId::Integer(1), DocumentId::Text("a/b".into())];
        let read_both = read_both.unwrap();
        assert_eq!((read_both.reads.as_slice(), read_both.operations.len()), (&ids[..], 0));
        let mixed = r#"{"operations":[{"method":"get","id":1},{"method":"delete","id":1}]}"#;
        assert!(matches!(read(mixed), Err(InvalidBatch::Envelope(_))));
        let conditional = read_one(r#"{"method":"get","id":1,"if_match":"1"}"#).unwrap_err();
        assert_eq!(conditional.member, Some("if_match"));
    }

    #[test]
    fn every_faulty_operation_is_named() {
        let body = r#"{"operations":[{"method":"delete","id":1},7,{"method":"create"}]}"#;
        let Err(InvalidBatch::Operations(faults)) = read(body) else { panic!() };
        assert_eq!(faults.iter().map(|fault| fault.index).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn the_envelope_is_strict() {
        for body in ["", "[]", "{}", "null", r#"{"operations":{}}"#, r#"{"operations":[]} x"#] {
            assert!(matches!(read(body), Err(InvalidBatch::Envelope(_))), "{body}");
        }
        let misspelt = r#"{"operations":[],"atomc":true}"#;
        assert!(matches!(read(misspelt), Err(InvalidBatch::Envelope(_))));
        assert_eq!(read(r#"{"operations":[],"atomic":true}"#).unwrap().atomic, Some(true));
        assert_eq!(
            read(r#"{"operations":[1,2,3,4]}"#).unwrap_err(),
            InvalidBatch::TooMany { operations: 4 }
        );
    }
}
