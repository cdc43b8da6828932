//! Reads HTTP/1.1 answers: just enough to know where each one ends.

use anyhow::{Context, Result, bail, ensure};

/// Longer heads are a fault of the server under test.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// The reader of one connection. It is fed bytes as they arrive, and keeps its
/// buffer from answer to answer.
#[derive(Debug, Default)]
pub(crate) struct AnswerReader {
    /// The head of the answer, with its final empty line once that has arrived.
    head: Vec<u8>,
    phase: Phase,
    status: u16,
    close: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Phase {
    #[default]
    Head,
    Length {
        remaining: u64,
    },
    ChunkSize {
        size: u64,
        extension: bool,
    },
    Chunk {
        remaining: u64,
    },
    ChunkEnd,
    Trailer {
        line_bytes: usize,
    },
    UntilClose,
    Done,
}

impl AnswerReader {
    /// Gets ready for the next answer.
    pub(crate) fn reset(&mut self) {
        self.head.clear();
        self.phase = Phase::Head;
        self.status = 0;
        self.close = false;
    }

    /// Takes bytes up to the end of the answer, gives the body's to `body`, and
    /// says how many it took. `head_only` tells an answer to `HEAD`.
    ///
    /// # Errors
    /// When the bytes are not an HTTP/1.1 answer.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        head_only: bool,
        mut body: impl FnMut(&[u8]),
    ) -> Result<usize> {
        let mut taken = 0;
        while taken < bytes.len() && !self.is_done() {
            taken += self.step(&bytes[taken..], head_only, &mut body)?;
        }
        Ok(taken)
    }

    /// Whether the answer has come to its end.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    /// The server has closed. Whether that was a proper end of the answer.
    pub(crate) fn finish(&mut self) -> bool {
        if matches!(self.phase, Phase::UntilClose) {
            self.phase = Phase::Done;
        }
        self.is_done()
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// Whether the connection cannot be used again.
    pub(crate) fn closes(&self) -> bool {
        self.close
    }

    /// The head's fields in order, names in lower case.
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        lines(&self.head)
            .skip(1)
            .filter_map(split_field)
            .map(|(name, value)| {
                let name = String::from_utf8_lossy(name).to_ascii_lowercase();
                (name, String::from_utf8_lossy(value).into_owned())
            })
            .collect()
    }

    /// One part of one kind; at least one byte is taken.
    fn step(
        &mut self,
        bytes: &[u8],
        head_only: bool,
        body: &mut impl FnMut(&[u8]),
    ) -> Result<usize> {
        match self.phase {
            Phase::Head => return self.step_head(bytes, head_only),
            Phase::Length { remaining } => {
                let take = within(remaining, bytes);
                body(&bytes[..take]);
                let remaining = remaining - take as u64;
                self.phase = if remaining == 0 { Phase::Done } else { Phase::Length { remaining } };
                return Ok(take);
            }
            Phase::Chunk { remaining } => {
                let take = within(remaining, bytes);
                body(&bytes[..take]);
                let remaining = remaining - take as u64;
                self.phase =
                    if remaining == 0 { Phase::ChunkEnd } else { Phase::Chunk { remaining } };
                return Ok(take);
            }
            Phase::UntilClose => {
                body(bytes);
                return Ok(bytes.len());
            }
            Phase::ChunkSize { size, extension } => {
                self.phase = chunk_size(size, extension, bytes[0])?;
            }
            Phase::ChunkEnd => match bytes[0] {
                b'\r' => {}
                b'\n' => self.phase = Phase::ChunkSize { size: 0, extension: false },
                other => bail!("byte {other:#04x} behind a chunk"),
            },
            Phase::Trailer { line_bytes } => {
                self.phase = match bytes[0] {
                    b'\r' => Phase::Trailer { line_bytes },
                    b'\n' if line_bytes == 0 => Phase::Done,
                    b'\n' => Phase::Trailer { line_bytes: 0 },
                    _ => Phase::Trailer { line_bytes: line_bytes + 1 },
                };
            }
            Phase::Done => return Ok(0),
        }
        Ok(1)
    }

    fn step_head(&mut self, bytes: &[u8], head_only: bool) -> Result<usize> {
        let before = self.head.len();
        // The empty line may be split over two reads: search from 3 bytes back.
        let from = before.saturating_sub(3);
        self.head.extend_from_slice(bytes);
        let Some(at) = memchr::memmem::find(&self.head[from..], b"\r\n\r\n") else {
            ensure!(self.head.len() <= HEAD_BYTES_MAX, "the answer's head does not end");
            return Ok(bytes.len());
        };
        let end = from + at + 4;
        self.head.truncate(end);
        self.read_head(head_only)?;
        Ok(end - before)
    }

    fn read_head(&mut self, head_only: bool) -> Result<()> {
        self.status = status(&self.head)?;
        if (100..200).contains(&self.status) && self.status != 101 {
            // An interim answer: the real one follows.
            self.reset();
            return Ok(());
        }
        let mut length = None;
        let mut chunked = false;
        for (name, value) in lines(&self.head).skip(1).filter_map(split_field) {
            // Most fields are told apart by their length alone.
            match name.len() {
                14 if name.eq_ignore_ascii_case(b"content-length") => {
                    length = Some(decimal(value).context("unexpected content-length")?);
                }
                17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                    chunked = value.eq_ignore_ascii_case(b"chunked");
                }
                10 if name.eq_ignore_ascii_case(b"connection") => {
                    self.close = value.eq_ignore_ascii_case(b"close");
                }
                _ => {}
            }
        }
        self.phase = match (chunked, length) {
            _ if head_only || matches!(self.status, 204 | 304) => Phase::Done,
            (true, _) => Phase::ChunkSize { size: 0, extension: false },
            (false, Some(0)) => Phase::Done,
            (false, Some(remaining)) => Phase::Length { remaining },
            (false, None) => {
                self.close = true;
                Phase::UntilClose
            }
        };
        Ok(())
    }
}

fn within(remaining: u64, bytes: &[u8]) -> usize {
    usize::try_from(remaining).map_or(bytes.len(), |remaining| remaining.min(bytes.len()))
}

fn chunk_size(size: u64, extension: bool, byte: u8) -> Result<Phase> {
    Ok(match byte {
        b'\n' if size == 0 => Phase::Trailer { line_bytes: 0 },
        b'\n' => Phase::Chunk { remaining: size },
        b'\r' => Phase::ChunkSize { size, extension },
        b';' => Phase::ChunkSize { size, extension: true },
        _ if extension => Phase::ChunkSize { size, extension },
        _ => {
            let digit = char::from(byte).to_digit(16).context("unexpected chunk size")?;
            let size = size.checked_mul(16).context("chunk size out of range")?;
            Phase::ChunkSize { size: size + u64::from(digit), extension }
        }
    })
}

fn status(head: &[u8]) -> Result<u16> {
    let digits = head
        .strip_prefix(b"HTTP/1.1 ")
        .or_else(|| head.strip_prefix(b"HTTP/1.0 "))
        .and_then(|rest| rest.get(..3))
        .and_then(decimal)
        .with_context(|| {
            let start = &head[..head.len().min(40)];
            format!("not an HTTP/1.1 answer: {:?}", String::from_utf8_lossy(start))
        })?;
    Ok(u16::try_from(digits)?)
}

fn decimal(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = head;
    std::iter::from_fn(move || {
        let end = memchr::memchr(b'\n', rest)?;
        let line = &rest[..end];
        rest = &rest[end + 1..];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    })
}

fn split_field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    Some((&line[..colon], line[colon + 1..].trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds an answer whole and byte by byte; both must agree.
    fn check(answer: &str, head_only: bool, status: u16, body: &str, rest: &str) {
        for step in [answer.len(), 1, 3] {
            let mut reader = AnswerReader::default();
            let mut got = Vec::new();
            let mut taken = 0;
            for part in answer.as_bytes().chunks(step) {
                taken += reader.feed(part, head_only, |part| got.extend_from_slice(part)).unwrap();
            }
            assert!(reader.finish(), "unfinished at step {step}: {answer:?}");
            assert_eq!(reader.status(), status);
            assert_eq!(String::from_utf8_lossy(&got), body);
            assert_eq!(&answer[taken..], rest);
        }
    }

    #[test]
    fn reads_a_body_of_known_length() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP", false, 200, "hello", "HTTP");
    }

    #[test]
    fn reads_chunks_with_extensions_and_trailers() {
        let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
                      5;a=b\r\nhello\r\n1B\r\n, this is the second chunk.\r\n0\r\nx: y\r\n\r\n";
        check(answer, false, 200, "hello, this is the second chunk.", "");
    }

    #[test]
    fn reads_until_close_without_a_length() {
        check("HTTP/1.0 200 OK\r\n\r\nall of it", false, 200, "all of it", "");
    }

    #[test]
    fn expects_no_body_where_there_is_none() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true, 200, "", "");
        check("HTTP/1.1 204 No Content\r\n\r\n", false, 204, "", "");
        check("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", false, 304, "", "");
    }

    #[test]
    fn passes_over_interim_answers() {
        let answer =
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";
        check(answer, false, 201, "{}", "");
    }

    #[test]
    fn refuses_what_is_not_http() {
        let mut reader = AnswerReader::default();
        assert!(reader.feed(b"SSH-2.0-x\r\n\r\n", false, |_| {}).is_err());
    }

    #[test]
    fn a_cut_answer_is_not_finished() {
        let mut reader = AnswerReader::default();
        reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", false, |_| {}).unwrap();
        assert!(!reader.finish());
    }
}
