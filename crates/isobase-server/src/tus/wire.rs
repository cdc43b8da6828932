//! How the routes of uploads in several requests are described.

use http::{HeaderName, HeaderValue};
use isobase_files::Progress;
use isobase_http::{Answer, Content, Location, Operation, Parameter};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::codes;

/// Where uploads begin.
pub(super) const PATH: &str = "/api/uploads/tus";
pub(super) const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const UPLOAD_CONCAT: HeaderName = HeaderName::from_static("upload-concat");
pub(super) const UPLOAD_DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
pub(super) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
/// The version of the protocol.
pub(super) const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");

/// How far an upload is.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UploadState")]
pub(super) struct UploadState {
    /// Bytes that are kept.
    offset: u64,
    /// Bytes that it will have; null while its sender does not know.
    length: Option<u64>,
    /// Whether it has become a file.
    complete: bool,
    /// The name of the file.
    filename: Option<String>,
    /// Where the file is read.
    url: Option<String>,
}

impl UploadState {
    pub(super) fn of(progress: &Progress) -> Self {
        let filename = progress.file.as_ref().map(|file| file.name.clone());
        Self {
            offset: progress.offset,
            length: progress.length,
            complete: progress.file.is_some(),
            url: filename.as_ref().map(|name| format!("/uploads/{name}")),
            filename,
        }
    }
}

const ID: &str = "3f0c6f1e8f0d4b0f9a55b7d1f0b6a3f66d1c4d38";
const OFFSET: (&str, &str) = ("Upload-Offset", "Bytes that are kept.");
const EXPIRES: (&str, &str) = ("Upload-Expires", "When it is forgotten.");
const FILE: (&str, &str) = ("Content-Location", "Where the file is read, once it is whole.");
const TOLD_VERSION: (&str, &str) = ("Tus-Resumable", "`1.0.0`.");

fn id() -> Parameter {
    Parameter::new(Location::Path, "id", "The last part of the upload's address.").example(ID)
}

fn header(name: &'static str, description: &'static str) -> Parameter {
    Parameter::new(Location::Header, name, description).schema(json!({ "type": "string" }))
}

fn version() -> Parameter {
    header("Tus-Resumable", "`1.0.0`.")
}

fn bytes() -> Content {
    Content::text("application/offset+octet-stream")
}

fn described(id: &'static str) -> Operation {
    let answer = Answer::new(204, "See the headers.").headers([
        TOLD_VERSION,
        ("Tus-Version", "`1.0.0`."),
        ("Tus-Extension", "What is supported beyond the core of the protocol."),
        ("Tus-Max-Size", "Largest file, in bytes."),
        ("Tus-Checksum-Algorithm", "`sha1,sha256`."),
    ]);
    Operation::new(id, "files", "What uploads in several requests can do")
        .description("The protocol tus, version 1.0.0.")
        .answers(answer)
}

pub(super) fn describe_tus() -> Operation {
    described("describe_tus")
}

pub(super) fn describe_tus_upload() -> Operation {
    described("describe_tus_upload").parameters([id()])
}

pub(super) fn begin_upload() -> Operation {
    Operation::new("begin_upload", "files", "Begin an upload in several requests")
        .description(
            "Begins an upload of `Upload-Length` bytes and answers with its address, at which it \
             goes on. Bytes may come along. `Upload-Concat: partial` begins a part, and \
             `Upload-Concat: final;URL URL` makes one file of parts.",
        )
        .parameters([
            version(),
            header("Upload-Length", "Bytes of the file."),
            header("Upload-Defer-Length", "`1`: the length is told later."),
            header("Upload-Metadata", "`filename` and a base64 text; other names are kept."),
            header("Upload-Concat", "`partial`, or `final;` and the addresses of the parts."),
            header("Upload-Checksum", "Of the bytes that come along: `sha1` or `sha256`, base64."),
        ])
        .answers(Answer::new(201, "It has begun.").headers([
            ("Location", "Its address."),
            TOLD_VERSION,
            OFFSET,
            EXPIRES,
            FILE,
        ]))
        .problems([
            codes::INVALID_RESUMABLE_UPLOAD,
            codes::UPLOAD_PROTOCOL,
            codes::FILE_TOO_LARGE,
            codes::FILE_TYPE_NOT_TAKEN,
            codes::TOO_MANY_UPLOADS,
            codes::UPLOAD_CHECKSUM,
            codes::OUT_OF_SPACE,
        ])
}

pub(super) fn get_upload() -> Operation {
    Operation::new("get_upload", "files", "How far an upload is")
        .description(
            "Clients ask by `HEAD`. While a request brings bytes, or the database cannot be asked, \
             the answer is 423: come again.",
        )
        .parameters([id()])
        .answers(
            Answer::new(200, "It goes on at `Upload-Offset`.")
                .headers([
                    TOLD_VERSION,
                    OFFSET,
                    ("Upload-Length", "Bytes that it will have."),
                    ("Upload-Defer-Length", "`1` while they are not known."),
                    ("Upload-Metadata", "As it was sent."),
                    ("Upload-Concat", "As it was sent."),
                    EXPIRES,
                    FILE,
                ])
                .content(Content::of::<UploadState>()),
        )
        .problems([
            codes::UPLOAD_NOT_FOUND,
            codes::UPLOAD_BUSY,
            codes::UPLOAD_ELSEWHERE,
            codes::UPLOAD_PROTOCOL,
        ])
}

fn continuing(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, "files", summary)
        .parameters([
            self::id(),
            version(),
            header("Upload-Offset", "Where the bytes begin: where the upload is."),
            header("Upload-Length", "Bytes of the file, if they were not told before."),
            header("Upload-Checksum", "Of these bytes: `sha1` or `sha256`, and base64."),
        ])
        .takes(bytes())
        .answers(Answer::new(204, "The bytes are on the disk.").headers([
            TOLD_VERSION,
            OFFSET,
            EXPIRES,
            FILE,
        ]))
        .problems([
            codes::UPLOAD_NOT_FOUND,
            codes::UPLOAD_OFFSET,
            codes::UPLOAD_BUSY,
            codes::UPLOAD_ELSEWHERE,
            codes::UPLOAD_TOO_LONG,
            codes::FILE_TOO_LARGE,
            codes::FILE_TYPE_NOT_TAKEN,
            codes::UPLOAD_CHECKSUM,
            codes::UPLOAD_CONTENT_TYPE,
            codes::UPLOAD_PROTOCOL,
            codes::INVALID_RESUMABLE_UPLOAD,
            codes::OUT_OF_SPACE,
        ])
}

pub(super) fn continue_upload() -> Operation {
    continuing("continue_upload", "Go on with an upload").description(
        "Bytes that came before a connection broke are kept, unless they have a checksum. The last \
         ones make the upload a file. Anyone who knows the address may do it.",
    )
}

pub(super) fn override_method() -> Operation {
    continuing("override_upload_method", "Go on with an upload, or end it")
        .description("For clients that can send no `PATCH` and no `DELETE`.")
        .parameters([header("X-HTTP-Method-Override", "`PATCH` or `DELETE`.")])
}

pub(super) fn end_upload() -> Operation {
    Operation::new("end_upload", "files", "End an upload")
        .description("Deletes what has come. A file that it has become stays.")
        .parameters([id(), version()])
        .answers(Answer::new(204, "It is forgotten.").headers([TOLD_VERSION]))
        .problems([codes::UPLOAD_NOT_FOUND, codes::UPLOAD_BUSY, codes::UPLOAD_PROTOCOL])
}
