//! Files on the wire, for those who look after them.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use isobase_files::{FileState, FileTotals, ListedFile, Strays, Tally};
use isobase_http::{Answer, Content, Location, Operation, Parameter};
use isobase_store::{FileReplaced, FileUse};
use isobase_types::{DocumentId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::NAME;
use crate::{codes, failure::IntoProblem};

/// A file that is there.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ListedUpload")]
pub(in crate::files) struct ListedUpload {
    filename: String,
    url: String,
    /// The sender's name of it.
    original: String,
    /// Who sent it.
    owner: String,
    content_type: String,
    /// Bytes.
    size: u64,
    /// Of its bytes, in hexadecimal.
    sha256: String,
    created_at: String,
    /// Not everybody may read it.
    private: bool,
    /// Whether documents name it in fields of the type `file`.
    #[schemars(extend("enum" = ["named", "unused", "never_named"]))]
    state: String,
    /// Of an unused one: when it is deleted, unless a document names it before.
    deleted_after: Option<String>,
    /// Whether the caller may read it, where it is asked for alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    readable: Option<bool>,
}

impl ListedUpload {
    pub(in crate::files) fn of(listed: &ListedFile, unused_for: Duration) -> Self {
        let file = &listed.file;
        let wait = i64::try_from(unused_for.as_micros()).unwrap_or(i64::MAX);
        let due = listed.unused_since.filter(|_| listed.state() == FileState::Unused);
        let due = due.map(|since| Timestamp { unix_us: since.unix_us.saturating_add(wait) });
        Self {
            filename: file.name.clone(),
            url: format!("/uploads/{}", file.name),
            original: listed.original.clone(),
            owner: listed.owner.clone(),
            content_type: file.media_type.clone(),
            size: file.size,
            sha256: file.sha256.clone(),
            created_at: file.created_at.to_string(),
            private: file.private,
            state: listed.state().as_str().to_owned(),
            deleted_after: due.map(|due| due.to_string()),
            readable: None,
        }
    }

    /// The same for a caller who may read it, or may not.
    pub(in crate::files) fn with_readable(self, readable: bool) -> Self {
        Self { readable: Some(readable), ..self }
    }
}

/// A page of files.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ListedUploads")]
pub(in crate::files) struct ListedUploads {
    pub(in crate::files) uploads: Vec<ListedUpload>,
    /// The `cursor` of the next page; null at the end.
    pub(in crate::files) next: Option<String>,
}

/// The report of a sweep.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SweptUploads")]
pub(in crate::files) struct Swept {
    /// Files that are gone.
    pub(in crate::files) deleted: u64,
}

/// It is gone.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DeletedUpload")]
pub(in crate::files) struct Deleted {
    #[schemars(extend("const" = true))]
    ok: bool,
}

impl Deleted {
    pub(in crate::files) const OK: Self = Self { ok: true };
}

/// How many files, and how large they are together.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UploadTally")]
pub(in crate::files) struct Tallied {
    files: u64,
    bytes: u64,
}

impl Tallied {
    fn of(tally: Tally) -> Self {
        Self { files: tally.files, bytes: tally.bytes }
    }
}

/// The total size of the uploads.
#[derive(Serialize, JsonSchema)]
pub(in crate::files) struct UploadTotals {
    files: u64,
    bytes: u64,
    private: Tallied,
    /// Documents named them once and none does.
    unused: Tallied,
    /// No document ever named them in a field of the type `file`.
    never_named: Tallied,
    /// By the first word of their types: `image`, `application`, …
    by_kind: BTreeMap<String, Tallied>,
    /// All were counted; else there are more.
    complete: bool,
}

impl UploadTotals {
    pub(in crate::files) fn of(totals: &FileTotals) -> Self {
        let by_kind = totals.by_kind.iter();
        Self {
            files: totals.all.files,
            bytes: totals.all.bytes,
            private: Tallied::of(totals.private),
            unused: Tallied::of(totals.unused),
            never_named: Tallied::of(totals.never_named),
            by_kind: by_kind.map(|(kind, tally)| (kind.clone(), Tallied::of(*tally))).collect(),
            complete: totals.complete,
        }
    }
}

/// Bytes that no document tells of.
#[derive(Serialize, JsonSchema)]
pub(in crate::files) struct StrayUploads {
    strays: Vec<StrayUpload>,
    /// All of these together.
    pub(in crate::files) bytes: u64,
    /// There are no others.
    complete: bool,
}

/// Bytes under a name that is no file's.
#[derive(Serialize, JsonSchema)]
pub(in crate::files) struct StrayUpload {
    filename: String,
    /// Bytes.
    size: u64,
    /// When they were written.
    modified_at: String,
}

impl StrayUploads {
    pub(in crate::files) fn of(found: &Strays) -> Self {
        let time = |time: SystemTime| Timestamp::from_system_time(time).to_string();
        let strays = found.strays.iter().map(|stray| StrayUpload {
            filename: stray.name.clone(),
            size: stray.size,
            modified_at: time(stray.modified),
        });
        Self {
            strays: strays.collect(),
            bytes: found.strays.iter().map(|stray| stray.size).sum(),
            complete: found.complete,
        }
    }
}

/// The documents that name a file.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UploadDocuments")]
pub(in crate::files) struct NamedBy {
    /// Those that the caller may see.
    documents: Vec<NamedIn>,
    /// How many others were found.
    hidden: usize,
    /// There are no others.
    complete: bool,
}

/// A document that names a file.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UploadDocument")]
pub(in crate::files) struct NamedIn {
    collection: String,
    #[schemars(extend("type" = ["integer", "string"]))]
    id: Value,
    /// Which of its fields does.
    field: String,
}

impl NamedBy {
    pub(in crate::files) fn of(seen: &[FileUse], hidden: usize, complete: bool) -> Self {
        let documents = seen.iter().map(|it| NamedIn {
            collection: it.collection.to_string(),
            id: value_of(&it.document.id),
            field: it.field.to_string(),
        });
        Self { documents: documents.collect(), hidden, complete }
    }
}

/// The outcome of the documents that named a file.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ReplacedUpload")]
pub(in crate::files) struct Replaced {
    /// How many name the other file now.
    documents: u64,
    /// Those that could not be changed.
    left: Vec<LeftDocument>,
}

/// A document that still names the file.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UploadDocumentLeft")]
pub(in crate::files) struct LeftDocument {
    collection: String,
    #[schemars(extend("type" = ["integer", "string"]))]
    id: Value,
    /// The code of what is wrong.
    code: String,
    detail: String,
}

impl Replaced {
    pub(in crate::files) fn of(replaced: FileReplaced) -> Self {
        let left = replaced.left.into_iter().map(|(collection, id, rejection)| {
            let problem = rejection.into_problem();
            LeftDocument {
                collection: collection.to_string(),
                id: value_of(&id),
                code: problem.code().as_str().to_owned(),
                detail: problem.detail().to_owned(),
            }
        });
        Self { documents: replaced.documents, left: left.collect() }
    }
}

fn value_of(id: &DocumentId) -> Value {
    match id {
        DocumentId::Integer(integer) => json!(integer),
        DocumentId::Text(text) => Value::from(&**text),
    }
}

fn name() -> Parameter {
    Parameter::new(Location::Path, "name", "The `filename` of the upload.").example(NAME)
}

fn asked(name: &'static str, description: &'static str) -> Parameter {
    Parameter::new(Location::Query, name, description)
}

pub(in crate::files) fn sweep_files() -> Operation {
    Operation::new("sweep_files", "files", "Delete files that nothing names any more")
        .description(
            "Deletes what documents have named in fields of the type `file` and none has for \
             `uploads.unused_for`. It happens by itself now and then.",
        )
        .answers(Answer::new(200, "It is done.").content(Content::of::<Swept>()))
}

pub(in crate::files) fn list_files() -> Operation {
    let flag = json!({ "type": "boolean" });
    Operation::new("list_files", "files", "List the uploaded files")
        .description(
            "The newest first. All parameters together must hold. Of files that are rare under them \
             a page may be short and still have a `next`.",
        )
        .parameters([
            asked("q", "A text in what their senders call them, or a `filename`."),
            asked("owner", "Who sent them: `account:1`, the id of a key."),
            asked("type", "What their types begin with.").example("image/"),
            asked("state", "`named`, `unused` or `never_named`, as files tell it."),
            asked("private", "Private ones, or those that are not.").schema(flag),
            asked("limit", "Most files of a page.").schema(json!({ "type": "integer" })),
            asked("cursor", "The `next` of the page before."),
        ])
        .answers(Answer::new(200, "A page.").content(Content::of::<ListedUploads>()))
        .problems([codes::INVALID_PARAMETER])
}

pub(in crate::files) fn get_listed() -> Operation {
    Operation::new("get_file_details", "files", "Read what is known of an uploaded file")
        .description("Its name, size and type, who sent it, and whether documents name it.")
        .parameters([name()])
        .answers(Answer::new(200, "The file.").content(Content::of::<ListedUpload>()))
        .problems([codes::FILE_NOT_FOUND, codes::INVALID_PARAMETER])
}

pub(in crate::files) fn rename_file() -> Operation {
    let body = Content::of::<Renaming>().example(json!({ "original": "invoice.pdf" }));
    Operation::new("rename_file", "files", "Call an uploaded file otherwise")
        .description(
            "Changes what people call it. Its address stays, so nothing that names it changes.",
        )
        .parameters([name()])
        .takes(body)
        .answers(Answer::new(200, "The file.").content(Content::of::<ListedUpload>()))
        .problems([
            codes::FILE_NOT_FOUND,
            codes::INVALID_BODY,
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
            codes::INVALID_PARAMETER,
        ])
}

/// The name that people know for a file.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct Renaming {
    /// 1 to 255 bytes.
    original: String,
}

pub(in crate::files) fn get_totals() -> Operation {
    Operation::new("get_file_totals", "files", "Read how much the uploaded files take")
        .description(
            "Counted within two seconds: of very many files `complete` is false. What took long to \
             count is told again for a while.",
        )
        .answers(Answer::new(200, "The totals.").content(Content::of::<UploadTotals>()))
        .problems([codes::INVALID_PARAMETER])
}

pub(in crate::files) fn list_strays() -> Operation {
    Operation::new("list_stray_files", "files", "Find bytes that no upload tells of")
        .description(
            "What lies where uploads are kept, is older than a day, and is told of by no document: \
             left by a process that was killed, or younger than a database that was restored. At most \
             1,000 at a time, and what ten seconds suffice to find.",
        )
        .answers(Answer::new(200, "What was found.").content(Content::of::<StrayUploads>()))
        .problems([codes::INVALID_PARAMETER])
}

pub(in crate::files) fn delete_strays() -> Operation {
    Operation::new("delete_stray_files", "files", "Delete bytes that no upload tells of")
        .description(
            "Deletes what the list finds; again while `complete` is false. It never happens by itself.",
        )
        .answers(Answer::new(200, "What was deleted.").content(Content::of::<StrayUploads>()))
        .problems([codes::INVALID_PARAMETER])
}

pub(in crate::files) fn list_uses() -> Operation {
    Operation::new("list_file_documents", "files", "List the documents that name an uploaded file")
        .description(
            "Documents whose fields of the type `file` hold its name. Those that the caller may not \
             see are only counted. Other texts that hold its address are not looked at.",
        )
        .parameters([
            name(),
            asked("limit", "Most documents.").schema(json!({ "type": "integer" })),
        ])
        .answers(Answer::new(200, "The documents.").content(Content::of::<NamedBy>()))
        .problems([codes::FILE_NOT_FOUND, codes::INVALID_PARAMETER])
}

/// The replacement of a file.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct Replacing {
    /// The `filename` of another upload.
    with: String,
}

pub(in crate::files) fn replace_file() -> Operation {
    let other = "1c6a3f6e-6d1c-4d38-9c0e-3b8f0a5d8f11.png";
    Operation::new("replace_file", "files", "Put another file in the place of one")
        .description(
            "Every document that names the one in a field of the type `file` names the other one \
             then, each by a write of the caller with its rules. The bytes of an address never \
             change, so the other is an upload of its own. The one is deleted when nothing has named \
             it for `uploads.unused_for`. Sent again, it goes on with those that are `left`.",
        )
        .parameters([name()])
        .takes(Content::of::<Replacing>().example(json!({ "with": other })))
        .answers(Answer::new(200, "What was done.").content(Content::of::<Replaced>()))
        .problems([
            codes::FILE_NOT_FOUND,
            codes::FORBIDDEN,
            codes::LIMIT_EXCEEDED,
            codes::INVALID_BODY,
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
            codes::INVALID_PARAMETER,
        ])
}

pub(in crate::files) fn delete_file() -> Operation {
    Operation::new("delete_file", "files", "Delete an uploaded file")
        .description("Links to it stop working at once.")
        .parameters([name()])
        .answers(Answer::new(200, "It is gone.").content(Content::like(&Deleted::OK)))
        .problems([codes::FILE_NOT_FOUND])
}
