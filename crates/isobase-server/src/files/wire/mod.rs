//! How the routes of files are described.

mod managed;

use isobase_http::{Answer, Content, Location, Operation, Parameter, Shape};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::codes;

pub(super) use managed::*;

/// A file that was kept.
#[derive(Serialize, JsonSchema)]
pub(super) struct Uploaded {
    /// Its name here: random, with the end of the name that its sender gave it.
    pub(super) filename: String,
    /// Where it is read.
    pub(super) url: String,
    /// Bytes.
    pub(super) size: u64,
}

/// A link to a private file.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UploadLink")]
pub(super) struct Linked {
    /// Anyone who has it reads the file.
    pub(super) url: String,
    /// Until when.
    pub(super) expires_at: String,
}

pub(super) const NAME: &str = "0b6a3f6e-6d1c-4d38-9c0e-3b8f0a5d8f11.png";

pub(super) fn upload_file() -> Operation {
    let example =
        Uploaded { filename: NAME.to_owned(), url: format!("/uploads/{NAME}"), size: 48_211 };
    let form = json!({
        "type": "object",
        "required": ["file"],
        "properties": { "file": { "type": "string", "contentMediaType": "application/octet-stream" } },
    });
    let form = Content::shaped(Shape::Written(form)).media_type("multipart/form-data");
    Operation::new("upload_file", "files", "Upload a file")
        .description(
            "Takes the file in the field `file` of a form, piece by piece, and keeps it once it \
             is whole. Other fields are passed over.",
        )
        .takes(form)
        .answers(Answer::new(200, "The file is kept.").content(Content::like(&example)))
        .problems([
            codes::INVALID_UPLOAD,
            codes::FILE_TOO_LARGE,
            codes::FILE_TYPE_NOT_TAKEN,
            codes::OUT_OF_SPACE,
        ])
}

pub(super) fn get_file() -> Operation {
    let name = Parameter::new(Location::Path, "name", "The `filename` of the upload.");
    Operation::new("get_file", "files", "Read an uploaded file")
        .description(
            "The type is what the first bytes say, not what the sender said. What could run as a \
             page is saved instead of shown, and nothing runs scripts. One range of bytes \
             (`Range: bytes=0-99`) is answered with 206. A private file takes a caller who may see a \
             document that names it, or `expires` and `signature` of a link.",
        )
        .parameters([
            name.example(NAME),
            Parameter::new(
                Location::Query,
                "thumb",
                "A smaller version of a PNG, JPEG, GIF or WebP: `200x100` cuts what does not fit off \
                 at both sides, `200x100t` keeps the top, `200x100b` the bottom, `200x100f` all; \
                 `200x0` and `0x100` keep its shape. Other files are answered as they are.",
            ),
            Parameter::new(
                Location::Query,
                "preview",
                "With any value a PDF is answered so that a page of this service shows it in a frame.",
            ),
            Parameter::new(Location::Query, "expires", "Of a link: until when."),
            Parameter::new(Location::Query, "signature", "Of a link: that it is one."),
        ])
        .answers(
            Answer::new(200, "The file.")
                .headers([
                    ("ETag", "Of these bytes, which never change."),
                    ("Accept-Ranges", "`bytes`."),
                ])
                .content(Content::text("application/octet-stream")),
        )
        .answers(
            Answer::new(206, "A part of it.")
                .headers([("Content-Range", "Which.")])
                .content(Content::text("application/octet-stream")),
        )
        .answers(Answer::new(304, "The caller has it: its tag is in `If-None-Match`."))
        .problems([
            codes::FILE_NOT_FOUND,
            codes::INVALID_PARAMETER,
            codes::PICTURE_TOO_LARGE,
            codes::PICTURE_UNREADABLE,
        ])
}

pub(super) fn link_file() -> Operation {
    let name = Parameter::new(Location::Path, "name", "The `filename` of the upload.");
    let lasts = Parameter::new(Location::Query, "expires_in", "Seconds; an hour if missing.");
    let seconds = json!({ "type": "integer", "minimum": 1, "maximum": 7 * 86_400 });
    let example = Linked {
        url: format!("/uploads/{NAME}?expires=1795187340&signature=5a1f"),
        expires_at: "2026-11-20T15:09:00.000000Z".to_owned(),
    };
    Operation::new("link_file", "files", "Make a link to a private file")
        .description("For who may read the file. Anyone who has the link reads it until it ends.")
        .parameters([name.example(NAME), lasts.schema(seconds)])
        .answers(Answer::new(200, "The link.").content(Content::like(&example)))
        .problems([codes::FILE_NOT_FOUND, codes::INVALID_PARAMETER, codes::UNSUPPORTED])
}
