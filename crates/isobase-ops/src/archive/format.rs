//! The contents of the frames.

use std::{borrow::Cow, collections::BTreeSet};

use isobase_types::{Document, DocumentId, Revision, Timestamp, json};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{error::cut, frame::PARTS_BYTES_MAX};
use crate::{CollectionDigest, Digest};

/// The first frame: what the archive is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Names the archive: 32 hexadecimal digits.
    pub id: String,
    /// The program that wrote it.
    pub program: String,
    /// When it was begun.
    pub created_at: String,
    /// The database, without secrets.
    pub source: String,
    /// The engine of the database.
    pub engine: String,
    /// The last write of the database when the reading began.
    pub sequence: u64,
    /// Which database it is, and which epoch of it; `None` in archives of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Only these collections; `None` when it is of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collections: Option<Vec<String>>,
    /// The collections of the service itself were left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_system: bool,
    /// The files that its documents tell of are in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub files: bool,
    /// It holds only what was written after this place; `None` when it holds everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<HeaderSince>,
}

impl Header {
    /// Whether its name is one: it stands in notes and messages.
    pub(crate) fn is_named(&self) -> bool {
        self.id.len() == 32 && self.id.bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    /// Whether two archives are of the same collections.
    pub(crate) fn has_collections_of(&self, other: &Self) -> bool {
        let names = |header: &Self| {
            header.collections.clone().map(|names| names.into_iter().collect::<BTreeSet<_>>())
        };
        names(self) == names(other) && self.without_system == other.without_system
    }

    pub(crate) fn collections_in_words(&self) -> String {
        match &self.collections {
            None if self.without_system => "all collections but those of the service".to_owned(),
            None => "all collections".to_owned(),
            Some(names) => cut(&names.join(", ")),
        }
    }
}

/// The archive that an archive of changes comes after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderSince {
    /// The place.
    pub sequence: u64,
    /// The archive that ends there, when it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
}

/// A frame that says of which collection the following ones are.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct CollectionHead {
    pub(crate) name: String,
    /// Its documents, as far as the database knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) documents: Option<u64>,
    /// Declared indexes: `status,-created_at`, `unique(email)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) indexes: Vec<String>,
    /// The JSON Schema of its documents, for readers of the archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) schema: Option<Box<RawValue>>,
    /// Whatever earlier layers have of it is gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) cleared: bool,
}

/// A frame that begins a layer: what follows comes later than what came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LayerHead {
    /// The last write of the database that is in it.
    pub(crate) sequence: u64,
}

/// The last frame: what all of it must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Footer {
    /// Records of documents, by collection; one that was written while the archive was made has
    /// several.
    pub collections: Vec<FooterCollection>,
    /// Records of documents.
    pub documents: u64,
    /// Records of deletions.
    pub deletions: u64,
    /// The last write of the database that is in it.
    pub sequence: u64,
    /// The last integer id given out.
    pub last_id: i64,
    /// All of it is of one moment, that of `sequence`.
    pub one_moment: bool,
    /// The files it holds; `None` of an archive without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<FooterFiles>,
    /// Bytes before the frame of the footer.
    pub bytes: u64,
    /// SHA-256 of these bytes.
    pub sha256: String,
}

/// The files of an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FooterFiles {
    /// Files in it.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that its documents tell of and that were nowhere, or were others.
    pub missing: u64,
}

/// A frame that begins a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileHead {
    pub(crate) name: String,
}

/// A frame that ends a file: what its bytes were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileEnd {
    pub(crate) size: u64,
    pub(crate) sha256: String,
}

/// One collection of the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "FooterCollectionFields")]
pub struct FooterCollection {
    /// Its name.
    pub name: String,
    /// Its records.
    #[serde(flatten)]
    pub digest: CollectionDigest,
}

/// The same to be read: to flatten would keep whatever else stands there, in many times the memory.
#[derive(Deserialize)]
struct FooterCollectionFields {
    name: String,
    documents: u64,
    content: Digest,
    times: Digest,
}

impl From<FooterCollectionFields> for FooterCollection {
    fn from(fields: FooterCollectionFields) -> Self {
        let FooterCollectionFields { name, documents, content, times } = fields;
        Self { name, digest: CollectionDigest { documents, content, times } }
    }
}

/// Appends a document as a line.
pub(crate) fn write_line(document: &Document, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"id\":");
    document.id.write_json(out);
    out.extend_from_slice(b",\"revision\":");
    json::write_string(&document.revision.to_string(), out);
    for (name, time) in [("created_us", document.created_at), ("updated_us", document.updated_at)] {
        out.extend_from_slice(format!(",\"{name}\":{}", time.unix_us).as_bytes());
    }
    out.extend_from_slice(b",\"body\":");
    out.extend_from_slice(document.body.as_bytes());
    out.extend_from_slice(b"}\n");
}

/// Whether an archive was read before by the same work: then only its checksums are compared again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    First,
    Again,
    /// Only its files are wanted.
    Files,
}

/// Reads the lines of a frame of documents.
pub(crate) fn read_lines(content: &[u8], pass: Pass) -> Result<Vec<Document>, String> {
    let has_several = || content.iter().take(content.len() - 1).any(|byte| *byte == b'\n');
    if content.len() > PARTS_BYTES_MAX && has_several() {
        return Err(format!("several documents in a frame of {} bytes", content.len()));
    }
    lines(content)?.map(|line| read_line(line, pass)).collect()
}

fn read_line(line: &str, pass: Pass) -> Result<Document, String> {
    let line = Line::split(line).ok_or_else(|| {
        let beginning: String = line.chars().take(60).collect();
        format!("no document begins with {beginning}")
    })?;
    let body = match pass {
        Pass::First => {
            // What engines are given must be what they would have been given by a write.
            let canonical = json::canonicalise_stored(line.body.as_bytes())
                .map_err(|error| format!("the body of {}: {error}", cut(line.id)))?;
            if canonical != line.body {
                return Err(format!("the body of {} is not canonical", cut(line.id)));
            }
            canonical
        }
        Pass::Again | Pass::Files => line.body.to_owned(),
    };
    let revision: Cow<'_, str> =
        serde_json::from_str(line.revision).map_err(|error| format!("a revision: {error}"))?;
    Ok(Document {
        id: read_id(line.id)?,
        revision: Revision::parse(&revision).map_err(|error| error.to_string())?,
        created_at: Timestamp { unix_us: line.created_us.max(0) },
        updated_at: Timestamp { unix_us: line.updated_us.max(0) },
        body,
    })
}

/// A document as it stands in a line. There is one spelling, that of [`write_line`]: whatever is
/// not the body is found without reading the line as JSON.
struct Line<'a> {
    /// JSON.
    id: &'a str,
    /// JSON.
    revision: &'a str,
    created_us: i64,
    updated_us: i64,
    body: &'a str,
}

impl<'a> Line<'a> {
    fn split(line: &'a str) -> Option<Self> {
        let (id, rest) = scalar(line.strip_prefix("{\"id\":")?)?;
        let (revision, rest) = scalar(rest.strip_prefix(",\"revision\":")?)?;
        let (created_us, rest) = scalar(rest.strip_prefix(",\"created_us\":")?)?;
        let (updated_us, rest) = scalar(rest.strip_prefix(",\"updated_us\":")?)?;
        let body = rest.strip_prefix(",\"body\":")?.strip_suffix('}')?;
        let (created_us, updated_us) = (created_us.parse().ok()?, updated_us.parse().ok()?);
        Some(Self { id, revision, created_us, updated_us, body })
    }
}

/// A number or a string, and what comes after it.
fn scalar(text: &str) -> Option<(&str, &str)> {
    let Some(string) = text.strip_prefix('"') else {
        return text.split_at_checked(text.find(',')?);
    };
    let mut is_escaped = false;
    let end = string.bytes().position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    })?;
    // Both quotes too.
    text.split_at_checked(end + 2)
}

/// Appends an id as a line of a frame of deletions.
pub(crate) fn write_id(id: &DocumentId, out: &mut Vec<u8>) {
    id.write_json(out);
    out.push(b'\n');
}

/// Reads the lines of a frame of deletions.
pub(crate) fn read_ids(content: &[u8]) -> Result<Vec<DocumentId>, String> {
    lines(content)?.map(read_id).collect()
}

fn lines(content: &[u8]) -> Result<impl Iterator<Item = &str>, String> {
    let text = std::str::from_utf8(content).map_err(|_| "a line that is no text".to_owned())?;
    Ok(text.split_terminator('\n'))
}

fn read_id(text: &str) -> Result<DocumentId, String> {
    let wrong = || format!("{} is not an id", cut(text));
    if text.starts_with('"') {
        let decoded: String = serde_json::from_str(text).map_err(|_| wrong())?;
        let id = DocumentId::parse(&decoded).map_err(|_| wrong())?;
        return if matches!(id, DocumentId::Text(_)) { Ok(id) } else { Err(wrong()) };
    }
    match DocumentId::parse(text).map_err(|_| wrong())? {
        id @ DocumentId::Integer(_) => Ok(id),
        DocumentId::Text(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_come_back() {
        let mut content = Vec::new();
        let document = |id: &str, revision, body: &str| Document {
            id: DocumentId::parse(id).unwrap(),
            revision: Revision::parse(revision).unwrap(),
            created_at: Timestamp { unix_us: 1 },
            updated_at: Timestamp { unix_us: i64::MAX },
            body: body.to_owned(),
        };
        let documents = [
            document("1", "7", "{}"),
            document("a\"b\nc", "foreign-1", r#"{"a":-0.0,"b":[1e4,"\u0000\n"],"😀":{}}"#),
            document("a/b", "8", r#"{"id":"ext-77","a":1}"#),
            document("9223372036854775808", "007", r#"{"":123456789012345678901234567890}"#),
        ];
        documents.iter().for_each(|document| write_line(document, &mut content));
        assert_eq!(read_lines(&content, Pass::First).unwrap(), documents);
    }

    #[test]
    fn a_long_frame_holds_one_document() {
        let line = |id: &str, bytes| {
            let body = format!("{{\"a\":\"{}\"}}", "x".repeat(bytes));
            let head =
                format!("{{\"id\":{id},\"revision\":\"1\",\"created_us\":1,\"updated_us\":1");
            format!("{head},\"body\":{body}}}\n")
        };
        let read = |content: &str| read_lines(content.as_bytes(), Pass::First);
        assert_eq!(read(&line("1", PARTS_BYTES_MAX)).unwrap().len(), 1);
        let short = line("1", 100);
        let several = short.repeat(PARTS_BYTES_MAX / short.len());
        assert!(read(&several).unwrap().len() > 1_000);
        let refused = read(&format!("{several}{short}")).unwrap_err();
        assert!(refused.starts_with("several documents"), "{refused}");
        assert!(read(&format!("{short}{}", line("2", PARTS_BYTES_MAX))).is_err());
        // What is quoted is short, whatever stands there.
        let long_id = format!("\"{}/\"", "x".repeat(1_000_000));
        assert!(read(&line(&long_id, 1)).unwrap_err().len() < 1_000);
        assert!(read_ids(long_id.as_bytes()).unwrap_err().len() < 1_000);
    }

    #[test]
    fn what_no_write_could_have_stored_is_refused() {
        let line = |id: &str, body: &str| {
            format!(
                "{{\"id\":{id},\"revision\":\"1\",\"created_us\":1,\"updated_us\":1,\"body\":{body}}}\n"
            )
        };
        // A body may have a field `id` of its own, and an id may be any text but the empty one.
        for (id, body) in [("1", "{}"), ("1", "{\"id\":1}"), ("\"_a\"", "{}")] {
            assert!(read_lines(line(id, body).as_bytes(), Pass::First).is_ok(), "{id} {body}");
        }
        for (id, body) in [
            ("1", "[]"),
            ("1", "{ }"),
            ("1", "{\"a\":1,\"a\":2}"),
            ("1", "{\"a\":1e400}"),
            ("\"1\"", "{}"),
            ("01", "{}"),
            ("\"\"", "{}"),
            ("\"a\\u0000\"", "{}"),
            ("-1", "{}"),
            ("\"a\\\"", "{}"),
            ("", "{}"),
            ("1", "{}}"),
            ("1", ""),
        ] {
            assert!(read_lines(line(id, body).as_bytes(), Pass::First).is_err(), "{id} {body}");
        }
        let whole = line("1", "{}");
        for end in 0..whole.len() - 1 {
            let Some(cut) = whole.get(..end).filter(|cut| !cut.is_empty()) else { continue };
            assert!(read_lines(cut.as_bytes(), Pass::First).is_err(), "{cut}");
        }
    }
}
