//! Where requests begin and end in the bytes of a connection, by strict rules.
//!
//! The HTTP library reads the same bytes and is lenient where two readers may disagree about the
//! end of a request: `Content-Length` beside `Transfer-Encoding`, lines that end with a bare LF,
//! folded headers. Such disagreements let one client's bytes pass as another's request when a
//! proxy stands in front (request smuggling), so those requests are refused.

use memchr::memchr;

/// Longest line kept between two reads. The library refuses longer heads by its own bound.
const LINE_BYTES_MAX: usize = 64 << 10;
/// Longest chunk size line: 16 digits and a short extension.
const CHUNK_LINE_BYTES_MAX: usize = 256;
/// Most empty lines before a request (RFC 9112 asks for one).
const EMPTY_LINES_MAX: u8 = 4;

/// Follows the requests in the bytes of a connection.
#[derive(Debug, Default)]
pub(crate) struct Framing {
    phase: Phase,
    head: Head,
    /// A line whose end has not come yet.
    line: Vec<u8>,
    /// Empty lines since the last request.
    empty_lines: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Between two requests.
    #[default]
    Between,
    Head,
    Length {
        remaining: u64,
    },
    ChunkSize,
    Chunk {
        remaining: u64,
    },
    ChunkEnd {
        seen_cr: bool,
    },
    Trailer,
}

/// What the head says about the body, so far.
#[derive(Debug, Default)]
struct Head {
    content_length: Option<u64>,
    chunked: bool,
}

/// Where the connection is, for its deadlines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Between two requests.
    Between,
    /// Within a head.
    Head,
    /// Within a body.
    Body,
}

/// A request that may be understood in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// How many of the given bytes come before it.
    pub(crate) at: usize,
    /// The fault.
    pub(crate) reason: &'static str,
}

type Checked = Result<(), &'static str>;

impl Framing {
    /// Where the connection is.
    pub(crate) fn place(&self) -> Place {
        match self.phase {
            Phase::Between => Place::Between,
            Phase::Head => Place::Head,
            _ => Place::Body,
        }
    }

    /// Takes the next bytes.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            at += self.step(rest).map_err(|reason| Violation { at, reason })?;
        }
        Ok(())
    }

    /// Takes at least one byte; says how many.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, &'static str> {
        match self.phase {
            Phase::Length { remaining } => {
                Ok(self.skip(bytes, remaining, Phase::Between, |n| Phase::Length { remaining: n }))
            }
            Phase::Chunk { remaining } => {
                let end = Phase::ChunkEnd { seen_cr: false };
                Ok(self.skip(bytes, remaining, end, |n| Phase::Chunk { remaining: n }))
            }
            Phase::ChunkEnd { seen_cr } => {
                self.phase = match (seen_cr, bytes[0]) {
                    (false, b'\r') => Phase::ChunkEnd { seen_cr: true },
                    (true, b'\n') => Phase::ChunkSize,
                    _ => return Err("a chunk does not end where its size says"),
                };
                Ok(1)
            }
            Phase::Between | Phase::Head | Phase::ChunkSize | Phase::Trailer => {
                self.step_line(bytes)
            }
        }
    }

    fn skip(&mut self, bytes: &[u8], remaining: u64, end: Phase, rest: fn(u64) -> Phase) -> usize {
        let taken = usize::try_from(remaining).map_or(bytes.len(), |n| n.min(bytes.len()));
        let left = remaining - taken as u64;
        self.phase = if left == 0 { end } else { rest(left) };
        taken
    }

    /// Takes a line or the part of it that is there.
    fn step_line(&mut self, bytes: &[u8]) -> Result<usize, &'static str> {
        let Some(end) = memchr(b'\n', bytes) else {
            if self.phase == Phase::Between {
                self.phase = Phase::Head;
            }
            self.check_unfinished(bytes)?;
            self.line.extend_from_slice(bytes);
            return Ok(bytes.len());
        };
        if self.line.is_empty() {
            self.take_line(&bytes[..end])?;
        } else {
            let mut line = std::mem::take(&mut self.line);
            line.extend_from_slice(&bytes[..end]);
            self.take_line(&line)?;
            line.clear();
            self.line = line;
        }
        Ok(end + 1)
    }

    fn check_unfinished(&self, bytes: &[u8]) -> Checked {
        let max =
            if self.phase == Phase::Head { LINE_BYTES_MAX } else { CHUNK_LINE_BYTES_MAX.max(8192) };
        if self.line.len() + bytes.len() > max { Err("a line is too long") } else { Ok(()) }
    }

    /// Takes a line without its LF.
    fn take_line(&mut self, line: &[u8]) -> Checked {
        let line = line.strip_suffix(b"\r").ok_or("a line does not end with CRLF")?;
        match self.phase {
            Phase::Between => self.take_first_line(line),
            // The first line came in pieces.
            Phase::Head if !self.head_begun() => self.take_first_line(line),
            Phase::Head => self.take_header_line(line),
            Phase::ChunkSize => self.take_chunk_size(line),
            _ => {
                if line.is_empty() {
                    self.phase = Phase::Between;
                }
                Ok(())
            }
        }
    }

    fn head_begun(&self) -> bool {
        self.empty_lines == u8::MAX
    }

    fn take_first_line(&mut self, line: &[u8]) -> Checked {
        if line.is_empty() {
            self.phase = Phase::Between;
            self.empty_lines += 1;
            return if self.empty_lines > EMPTY_LINES_MAX {
                Err("there are empty lines instead of a request")
            } else {
                Ok(())
            };
        }
        if !line.ends_with(b" HTTP/1.1") && !line.ends_with(b" HTTP/1.0") {
            return Err("the first line is not that of an HTTP/1 request");
        }
        self.empty_lines = u8::MAX;
        self.head = Head::default();
        self.phase = Phase::Head;
        Ok(())
    }

    fn take_header_line(&mut self, line: &[u8]) -> Checked {
        match line.first() {
            None => {
                self.end_head();
                return Ok(());
            }
            Some(b' ' | b'\t') => return Err("a header is folded"),
            Some(_) => {}
        }
        let colon = memchr(b':', line).ok_or("a header has no colon")?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.last().is_some_and(u8::is_ascii_whitespace) {
            return Err("there is a blank before a header's colon");
        }
        // Two names matter; their lengths tell them from nearly all others.
        match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => self.take_content_length(value),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => self.take_encoding(value),
            _ => Ok(()),
        }
    }

    fn take_content_length(&mut self, value: &[u8]) -> Checked {
        if self.head.content_length.is_some() {
            return Err("there are several Content-Length");
        }
        if self.head.chunked {
            return Err("there are both Content-Length and Transfer-Encoding");
        }
        let length = decimal(value).ok_or("Content-Length is no number")?;
        self.head.content_length = Some(length);
        Ok(())
    }

    fn take_encoding(&mut self, value: &[u8]) -> Checked {
        if self.head.chunked {
            return Err("there are several Transfer-Encoding");
        }
        if self.head.content_length.is_some() {
            return Err("there are both Content-Length and Transfer-Encoding");
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            return Err("Transfer-Encoding is not chunked");
        }
        self.head.chunked = true;
        Ok(())
    }

    fn end_head(&mut self) {
        self.empty_lines = 0;
        self.phase = match self.head {
            Head { chunked: true, .. } => Phase::ChunkSize,
            Head { content_length: Some(remaining @ 1..), .. } => Phase::Length { remaining },
            _ => Phase::Between,
        };
    }

    fn take_chunk_size(&mut self, line: &[u8]) -> Checked {
        if line.len() > CHUNK_LINE_BYTES_MAX {
            return Err("a chunk size line is too long");
        }
        let digits = line.iter().position(|b| *b == b';').map_or(line, |end| &line[..end]);
        if line.contains(&b'\r') {
            return Err("there is a bare CR in a chunk size line");
        }
        self.phase = match hexadecimal(digits).ok_or("a chunk size is no number")? {
            0 => Phase::Trailer,
            remaining => Phase::Chunk { remaining },
        };
        Ok(())
    }
}

/// Digits only: no sign, no list, no blank.
fn decimal(text: &[u8]) -> Option<u64> {
    let digits = text.iter().all(u8::is_ascii_digit);
    (digits && text.len() <= 19).then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten()
}

/// Digits only: no sign, no prefix, no blank.
fn hexadecimal(text: &[u8]) -> Option<u64> {
    let digits = text.iter().all(u8::is_ascii_hexdigit);
    (digits && text.len() <= 16)
        .then(|| u64::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every way to cut the bytes in two must give the same result.
    fn feed(bytes: &[u8]) -> Result<Place, &'static str> {
        let whole = feed_cut(bytes, bytes.len());
        for cut in 0..bytes.len() {
            assert_eq!(feed_cut(bytes, cut), whole, "cut at {cut}");
        }
        whole
    }

    fn feed_cut(bytes: &[u8], cut: usize) -> Result<Place, &'static str> {
        let mut framing = Framing::default();
        framing.feed(&bytes[..cut]).map_err(|v| v.reason)?;
        framing.feed(&bytes[cut..]).map_err(|v| v.reason)?;
        Ok(framing.place())
    }

    #[test]
    fn proper_requests_end_between_requests() {
        for request in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n",
            "PUT / HTTP/1.1\r\ncontent-length:  0 \r\n\r\n",
            "PUT / HTTP/1.1\r\ntransfer-encoding: Chunked\r\n\r\n3;a=b\r\nabc\r\n0A\r\n0123456789\r\n0\r\nx: y\r\n\r\n",
        ] {
            assert_eq!(feed(request.as_bytes()), Ok(Place::Between), "{request}");
        }
    }

    #[test]
    fn unfinished_requests_are_told_apart() {
        let cases = [
            ("GET", Place::Head),
            ("GET / HTTP/1.1\r\n", Place::Head),
            ("GET / HTTP/1.1\r\nHost: a\r\n", Place::Head),
            ("PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab", Place::Body),
            ("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", Place::Body),
            ("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", Place::Body),
        ];
        for (bytes, place) in cases {
            assert_eq!(feed(bytes.as_bytes()), Ok(place), "{bytes}");
        }
    }

    #[test]
    fn ambiguous_requests_are_refused() {
        let length = "PUT / HTTP/1.1\r\nContent-Length: ";
        let chunked = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n";
        for request in [
            format!("{length}3\r\nContent-Length: 3\r\n\r\nabc"),
            format!("{length}3\r\nTransfer-Encoding: chunked\r\n\r\nabc"),
            format!("{chunked}Content-Length: 3\r\n\r\nabc"),
            format!("{chunked}Transfer-Encoding: chunked\r\n\r\n"),
            format!("{length}+5\r\n\r\n"),
            format!("{length}0x5\r\n\r\n"),
            format!("{length}5, 5\r\n\r\n"),
            format!("{length}\r\n\r\n"),
            format!("{length}99999999999999999999\r\n\r\n"),
            "PUT / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n".to_owned(),
            "PUT / HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\nHost: a\n\n".to_owned(),
            "GET / HTTP/1.1\r\nHost: a\r\nbroken\r\n\r\n".to_owned(),
            format!("{chunked}\r\n5\r\nabc\r\n0\r\n\r\n"),
            format!("{chunked}\r\n3\nabc\r\n0\r\n\r\n"),
            format!("{chunked}\r\n3;a\nb\r\nabc\r\n0\r\n\r\n"),
            format!("{chunked}\r\n-3\r\nabc\r\n0\r\n\r\n"),
            format!("{chunked}\r\n0x3\r\nabc\r\n0\r\n\r\n"),
            format!("{chunked}\r\n11111111111111113\r\nabc\r\n0\r\n\r\n"),
            "\r\n".repeat(5),
            "PRI * HTTP/2.0\r\n\r\n".to_owned(),
            "GET /\r\n\r\n".to_owned(),
        ] {
            assert!(feed(request.as_bytes()).is_err(), "{request}");
        }
    }
}
