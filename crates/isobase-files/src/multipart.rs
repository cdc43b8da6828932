//! Files as browsers send them (RFC 7578).

use bytes::{Bytes, BytesMut};
use memchr::memmem;

/// Longest boundary (RFC 2046, section 5.1.1).
const BOUNDARY_MAX: usize = 70;
/// Largest head of a part.
const HEAD_MAX: usize = 16 << 10;
/// Most parts of a body.
const PARTS_MAX: usize = 100;

/// Takes the parts of a `multipart/form-data` body out of its pieces. Holds a few kilobytes.
#[derive(Debug)]
pub struct Multipart {
    /// With the line break that stands before it.
    delimiter: Vec<u8>,
    buffer: BytesMut,
    place: Place,
    parts: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the first part; what is there is no part.
    Preamble,
    AfterDelimiter,
    Head,
    Data,
    End,
}

/// The next part of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum MultipartEvent {
    /// A part begins.
    Part(Part),
    /// Bytes of the part.
    Data(Bytes),
}

/// The head of a part.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The name of the field.
    pub name: String,
    /// The name of the file as its sender has it; `None` of a field that is no file.
    pub filename: Option<String>,
}

/// The body is not what its type says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MultipartError {
    /// The type is another one, or has no boundary.
    #[error("send it as multipart/form-data with a boundary")]
    NoBoundary,
    /// The body does not follow the form.
    #[error("the body is no multipart/form-data: {0}")]
    Malformed(&'static str),
}

impl Multipart {
    /// Reads a body of this `Content-Type`.
    ///
    /// # Errors
    /// [`MultipartError::NoBoundary`].
    pub fn new(content_type: &str) -> Result<Self, MultipartError> {
        let (essence, rest) = content_type.split_once(';').ok_or(MultipartError::NoBoundary)?;
        let boundary = parameters(rest).find(|(name, _)| name.eq_ignore_ascii_case("boundary"));
        let boundary = boundary.map(|(_, value)| value).unwrap_or_default();
        let is_form = essence.trim().eq_ignore_ascii_case("multipart/form-data");
        if !is_form || !(1..=BOUNDARY_MAX).contains(&boundary.len()) {
            return Err(MultipartError::NoBoundary);
        }
        let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
        // The first delimiter need not have a line break before it.
        let buffer = BytesMut::from(&b"\r\n"[..]);
        Ok(Self { delimiter, buffer, place: Place::Preamble, parts: 0 })
    }

    /// Takes a piece of the body.
    pub fn push(&mut self, piece: &[u8]) {
        if self.place != Place::End {
            self.buffer.extend_from_slice(piece);
        }
    }

    /// Whether the last part has ended.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.place == Place::End
    }

    /// The next part; `None` when it takes another piece, or at the end.
    ///
    /// # Errors
    /// [`MultipartError::Malformed`].
    pub fn next_event(&mut self) -> Result<Option<MultipartEvent>, MultipartError> {
        loop {
            match self.place {
                Place::End => return Ok(None),
                Place::Preamble | Place::Data => {
                    let is_part = self.place == Place::Data;
                    let (data, ends) = self.take_data();
                    if ends {
                        self.place = Place::AfterDelimiter;
                    }
                    if is_part && !data.is_empty() {
                        return Ok(Some(MultipartEvent::Data(data)));
                    }
                    if !ends {
                        return Ok(None);
                    }
                }
                Place::AfterDelimiter => {
                    if !self.pass_delimiter()? {
                        return Ok(None);
                    }
                }
                Place::Head => {
                    let Some(part) = self.take_head()? else { return Ok(None) };
                    self.place = Place::Data;
                    return Ok(Some(MultipartEvent::Part(part)));
                }
            }
        }
    }

    /// Bytes before the next delimiter, and whether it follows; then it is removed.
    fn take_data(&mut self) -> (Bytes, bool) {
        let found = memmem::find(&self.buffer, &self.delimiter);
        // A delimiter may have begun at the end.
        let sure = self.buffer.len().saturating_sub(self.delimiter.len() - 1);
        let data = self.buffer.split_to(found.unwrap_or(sure)).freeze();
        if found.is_some() {
            let _ = self.buffer.split_to(self.delimiter.len());
        }
        (data, found.is_some())
    }

    /// Goes on after a delimiter; false when it takes another piece.
    fn pass_delimiter(&mut self) -> Result<bool, MultipartError> {
        let blanks = self.buffer.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let Some(next) = self.buffer.get(blanks..blanks + 2) else {
            return match blanks > HEAD_MAX {
                true => Err(MultipartError::Malformed("a delimiter has no end")),
                false => Ok(false),
            };
        };
        self.place = match next {
            b"--" => Place::End,
            b"\r\n" => Place::Head,
            _ => return Err(MultipartError::Malformed("a delimiter has no line break after it")),
        };
        let _ = self.buffer.split_to(blanks + 2);
        Ok(true)
    }

    /// The head of a part, if all of it is here.
    fn take_head(&mut self) -> Result<Option<Part>, MultipartError> {
        if self.buffer.starts_with(b"\r\n") {
            return Err(MultipartError::Malformed("a part has no name"));
        }
        let Some(end) = memmem::find(&self.buffer, b"\r\n\r\n") else {
            return match self.buffer.len() > HEAD_MAX {
                true => Err(MultipartError::Malformed("the head of a part is too long")),
                false => Ok(None),
            };
        };
        self.parts += 1;
        if self.parts > PARTS_MAX {
            return Err(MultipartError::Malformed("it has too many parts"));
        }
        let head = self.buffer.split_to(end + 4);
        let head = String::from_utf8_lossy(&head[..end]).into_owned();
        let disposition = head.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
        });
        let (kind, rest) = disposition.and_then(|it| it.split_once(';')).unwrap_or_default();
        let mut part = Part::default();
        for (name, value) in parameters(rest) {
            match name {
                "name" => part.name = value,
                "filename" => part.filename = Some(value),
                _ => {}
            }
        }
        match kind.trim().eq_ignore_ascii_case("form-data") && !part.name.is_empty() {
            true => Ok(Some(part)),
            false => Err(MultipartError::Malformed("a part has no name")),
        }
    }
}

/// Parameters of a header: `; name="value"; name=value`, with `\"` in quotes.
fn parameters(text: &str) -> impl Iterator<Item = (&str, String)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        let (name, after) = rest.split_once('=')?;
        let Some(quoted) = after.strip_prefix('"') else {
            let end = after.find(';').unwrap_or(after.len());
            rest = &after[end..];
            return Some((name.trim(), after[..end].trim().to_owned()));
        };
        let (mut value, mut escaped, mut end) = (String::new(), false, quoted.len());
        for (at, character) in quoted.char_indices() {
            match character {
                '"' if !escaped => {
                    end = at + 1;
                    break;
                }
                '\\' if !escaped => escaped = true,
                other => {
                    // A path of Windows has backslashes that escape nothing.
                    if escaped && !matches!(other, '"' | '\\') {
                        value.push('\\');
                    }
                    value.push(other);
                    escaped = false;
                }
            }
        }
        rest = &quoted[end..];
        Some((name.trim(), value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of a body that comes in pieces of so many bytes.
    fn read(body: &str, step: usize) -> Result<(Vec<(Part, String)>, bool), MultipartError> {
        let mut reader = Multipart::new("multipart/form-data; boundary=\"b o\"").unwrap();
        let mut parts: Vec<(Part, String)> = Vec::new();
        for piece in body.as_bytes().chunks(step) {
            reader.push(piece);
            while let Some(event) = reader.next_event()? {
                match event {
                    MultipartEvent::Part(part) => parts.push((part, String::new())),
                    MultipartEvent::Data(data) => {
                        parts.last_mut().unwrap().1.push_str(std::str::from_utf8(&data).unwrap());
                    }
                }
            }
        }
        Ok((parts, reader.is_complete()))
    }

    fn part(name: &str, filename: Option<&str>) -> Part {
        Part { name: name.to_owned(), filename: filename.map(str::to_owned) }
    }

    #[test]
    fn parts_are_the_same_in_pieces_of_any_size() {
        let body = "before\r\n--b o  \r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\
            1\r\n--b\r\n--b ox\r\n--b o\r\nX: y\r\ncontent-disposition: form-data; \
            filename=\"q\\\"\\\\.txt\"; name=file\r\n\r\n\r\n--b o--\r\nafter\r\n--b o\r\n";
        for step in 1..body.len() {
            let result = read(body, step);
            assert_eq!(
                result,
                Err(MultipartError::Malformed("a delimiter has no line break after it")),
                "{step}"
            );
        }
        let body = body.replace("\r\n--b ox", "\r\n--b-ox");
        for step in 1..body.len() {
            let (parts, complete) = read(&body, step).unwrap();
            let expected = [
                (part("a", None), "1\r\n--b\r\n--b-ox".to_owned()),
                (part("file", Some("q\"\\.txt")), String::new()),
            ];
            assert_eq!(parts, expected, "{step}");
            assert!(complete);
        }
    }

    #[test]
    fn what_is_cut_is_not_complete() {
        let whole = "--b o\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b o--";
        for end in 0..whole.len() {
            assert!(!read(&whole[..end], 7).is_ok_and(|(_, complete)| complete), "{end}");
        }
        assert!(read(whole, 7).unwrap().1);
    }

    #[test]
    fn wrong_forms_are_refused() {
        for body in [
            "--b o\r\n\r\nx\r\n--b o--".to_owned(),
            "--b o\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--b o--".to_owned(),
            format!("--b o\r\n{}", "x".repeat(HEAD_MAX + 10)),
            "--b o\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n".repeat(PARTS_MAX + 1),
        ] {
            assert!(matches!(read(&body, 1000), Err(MultipartError::Malformed(_))));
        }
        for content_type in [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/mixed; boundary=a",
            "application/json; boundary=a",
            &format!("multipart/form-data; boundary={}", "x".repeat(71)),
        ] {
            assert!(Multipart::new(content_type).is_err(), "{content_type}");
        }
    }
}
