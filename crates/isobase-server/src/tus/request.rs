//! The headers of requests of the protocol.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderName, header};
use isobase_files::Checksum;
use isobase_http::Problem;

use super::{
    problems::{invalid, unsupported_version},
    wire::{
        TUS_RESUMABLE, UPLOAD_CONCAT, UPLOAD_DEFER_LENGTH, UPLOAD_LENGTH, UPLOAD_METADATA, VERSION,
    },
};
use crate::{Call, codes};

const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// The type of bytes of an upload.
const CONTENT_TYPE: &str = "application/offset+octet-stream";
/// Longest description of an upload, in bytes. Ours.
const METADATA_MAX: usize = 4_096;

/// What an upload shall be.
pub(super) enum Beginning {
    /// A file of so many bytes, if that is known.
    Whole(Option<u64>),
    /// A part of so many bytes.
    Part(Option<u64>),
    /// One that is joined of parts: their ids.
    Joined(Vec<String>),
}

/// The statement of the sender about an upload.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    /// As it was sent.
    pub(super) text: String,
    /// The name of the file.
    pub(super) filename: String,
}

/// A client that speaks another version could misunderstand everything.
pub(super) fn check_version(call: &Call) -> Result<(), Problem> {
    match call.headers.get(TUS_RESUMABLE) == Some(&VERSION) {
        true => Ok(()),
        false => Err(unsupported_version()),
    }
}

/// Whether the body is bytes of the upload.
pub(super) fn has_bytes(call: &Call) -> bool {
    call.header(header::CONTENT_TYPE).is_some_and(|it| it.trim().eq_ignore_ascii_case(CONTENT_TYPE))
}

pub(super) fn check_bytes(call: &Call) -> Result<(), Problem> {
    match has_bytes(call) {
        true => Ok(()),
        false => Err(Problem::new(
            codes::UPLOAD_CONTENT_TYPE,
            format!("bytes of an upload are sent as {CONTENT_TYPE}"),
        )),
    }
}

pub(super) fn number(call: &Call, name: HeaderName) -> Result<Option<u64>, Problem> {
    let Some(text) = call.header(name.clone()) else { return Ok(None) };
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if is_number => Ok(Some(number)),
        _ => Err(invalid(&name, "expected a whole number", text)),
    }
}

pub(super) fn beginning(call: &Call) -> Result<Beginning, Problem> {
    let length = || {
        let length = number(call, UPLOAD_LENGTH)?;
        match (length, call.header(UPLOAD_DEFER_LENGTH).map(str::trim)) {
            (Some(_), None) => Ok(length),
            (None, Some("1")) => Ok(None),
            (Some(_), Some(text)) => {
                let both = "a length that is known is not told later";
                Err(invalid(&UPLOAD_DEFER_LENGTH, both, text))
            }
            (None, Some(text)) => Err(invalid(&UPLOAD_DEFER_LENGTH, "expected 1", text)),
            (None, None) => {
                let text = "say how many bytes the file has, or Upload-Defer-Length: 1";
                Err(invalid(&UPLOAD_LENGTH, text, ""))
            }
        }
    };
    match call.header(UPLOAD_CONCAT).map(str::trim) {
        None => Ok(Beginning::Whole(length()?)),
        Some("partial") => Ok(Beginning::Part(length()?)),
        Some(text) => match text.strip_prefix("final;") {
            // Addresses may be whole or only paths: an id is their last part.
            Some(list) => Ok(Beginning::Joined(
                list.split_ascii_whitespace()
                    .map(|url| url.rsplit('/').next().unwrap_or_default().to_owned())
                    .collect(),
            )),
            None => Err(invalid(&UPLOAD_CONCAT, "expected partial, or final;URL URL…", text)),
        },
    }
}

pub(super) fn metadata(call: &Call) -> Result<Metadata, Problem> {
    // Some clients send an empty one.
    let text = call.header(UPLOAD_METADATA).unwrap_or_default().trim();
    read_metadata(text).ok_or_else(|| {
        let expected = "expected pairs of a name and a base64 text, separated by commas, in at most \
                        4,096 bytes";
        invalid(&UPLOAD_METADATA, expected, text)
    })
}

fn read_metadata(text: &str) -> Option<Metadata> {
    let mut metadata = Metadata { text: text.to_owned(), filename: String::new() };
    if text.len() > METADATA_MAX {
        return None;
    }
    for pair in text.split(',').map(str::trim).filter(|_| !text.is_empty()) {
        let (name, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let value = BASE64_STANDARD.decode(value.trim()).ok().filter(|_| !name.is_empty())?;
        // Clients differ in what they call it; the first of these is most of theirs.
        if name == "filename" || (name == "name" && metadata.filename.is_empty()) {
            metadata.filename = String::from_utf8_lossy(&value).into_owned();
        }
    }
    Some(metadata)
}

pub(super) fn checksum(call: &Call) -> Result<Option<Checksum>, Problem> {
    let Some(text) = call.header(UPLOAD_CHECKSUM) else { return Ok(None) };
    let (algorithm, digest) = text.split_once(' ').unwrap_or((text, ""));
    let digest = BASE64_STANDARD.decode(digest.trim());
    let digest = digest.map_err(|_| invalid(&UPLOAD_CHECKSUM, "expected base64", text))?;
    let checksum = Checksum::new(algorithm, digest);
    let all = Checksum::ALGORITHMS;
    match checksum {
        Some(checksum) => Ok(Some(checksum)),
        None => Err(invalid(&UPLOAD_CHECKSUM, &format!("expected one of {all}"), text)),
    }
}

/// The method that is meant by a client that can only send `POST`.
pub(super) fn method_override(call: &Call) -> Option<&str> {
    call.header(METHOD_OVERRIDE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_read_as_the_protocol_writes_them() {
        let filename = |text| read_metadata(text).map(|it| it.filename);
        assert_eq!(filename(""), Some(String::new()));
        assert_eq!(filename("filename YS50eHQ=,is_private"), Some("a.txt".to_owned()));
        assert_eq!(filename("name Yg==, filename YQ=="), Some("a".to_owned()));
        assert_eq!(filename("name Yg==,type YQ=="), Some("b".to_owned()));
        for wrong in ["filename a.txt", ",", "filename YQ==,,x", &"x".repeat(METADATA_MAX + 1)] {
            assert_eq!(filename(wrong), None, "{wrong}");
        }
    }
}
