//! Newline-delimited JSON in: a stream of bytes cut into lines.

use bytes::{Buf, BytesMut};

/// Cuts a stream into lines that are not blank, and numbers all of them from 1.
///
/// A line that is longer than allowed is named and skipped; what follows it is read. Holds at
/// most one line of the longest allowed length and one chunk.
#[derive(Debug)]
pub(super) struct Lines {
    line_bytes_max: usize,
    buffer: BytesMut,
    /// How much of `buffer` is known to hold no line end.
    scanned: usize,
    /// The number of the line at the start of `buffer`.
    number: u64,
    /// The line at the start of `buffer` was refused already; drop it up to its end.
    skipping: bool,
    finished: bool,
}

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Its number, from 1, blank lines counted.
    pub(super) number: u64,
    /// Its bytes without the line end; `None` if it is too long.
    pub(super) bytes: Option<BytesMut>,
}

impl Lines {
    pub(super) fn new(line_bytes_max: usize) -> Self {
        Self {
            line_bytes_max,
            buffer: BytesMut::new(),
            scanned: 0,
            number: 1,
            skipping: false,
            finished: false,
        }
    }

    /// Takes the next bytes of the stream.
    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    /// Says that the stream is over: the last line needs no line end.
    pub(super) fn finish(&mut self) {
        self.finished = true;
    }

    /// The next line that is not blank; `None` if more bytes are needed, or after the end.
    pub(super) fn next_line(&mut self) -> Option<Line> {
        loop {
            let line = match self.buffer[self.scanned..].iter().position(|byte| *byte == b'\n') {
                Some(length) => {
                    let line = self.buffer.split_to(self.scanned + length);
                    self.buffer.advance(1);
                    line
                }
                None if self.finished && !self.buffer.is_empty() => self.buffer.split(),
                None => return self.refuse_open_line(),
            };
            self.scanned = 0;
            let number = self.number;
            self.number += 1;
            if std::mem::take(&mut self.skipping) || line.trim_ascii().is_empty() {
                continue;
            }
            let fits = line.len() <= self.line_bytes_max;
            return Some(Line { number, bytes: fits.then_some(line) });
        }
    }

    /// There is no line end in the buffer: remembers that, and drops what is too long already.
    fn refuse_open_line(&mut self) -> Option<Line> {
        self.scanned = self.buffer.len();
        if self.skipping || self.scanned > self.line_bytes_max {
            self.buffer.clear();
            self.scanned = 0;
            let first = !std::mem::replace(&mut self.skipping, true);
            return first.then_some(Line { number: self.number, bytes: None });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of a stream that comes in chunks of this size.
    fn lines(stream: &str, chunk: usize) -> Vec<(u64, Option<String>)> {
        let mut lines = Lines::new(8);
        let mut found = Vec::new();
        let mut take = |lines: &mut Lines| {
            while let Some(Line { number, bytes }) = lines.next_line() {
                found.push((number, bytes.map(|b| String::from_utf8(b.to_vec()).unwrap())));
            }
        };
        for part in stream.as_bytes().chunks(chunk) {
            lines.push(part);
            take(&mut lines);
        }
        lines.finish();
        take(&mut lines);
        found
    }

    #[test]
    fn cuts_at_line_ends_however_chunks_fall() {
        let cases = [
            ("", vec![]),
            ("\n \n\r\n", vec![]),
            ("{}", vec![(1, Some("{}"))]),
            ("{}\n", vec![(1, Some("{}"))]),
            ("{}\r\n\n[]\n", vec![(1, Some("{}\r")), (3, Some("[]"))]),
            ("12345678\nx", vec![(1, Some("12345678")), (2, Some("x"))]),
            ("123456789\nx", vec![(1, None), (2, Some("x"))]),
            ("x\n12345678901234567890\n\ny", vec![(1, Some("x")), (2, None), (4, Some("y"))]),
            ("x\n12345678901234567890", vec![(1, Some("x")), (2, None)]),
        ];
        for (stream, expected) in cases {
            let expected: Vec<_> =
                expected.into_iter().map(|(n, line)| (n, line.map(str::to_owned))).collect();
            for chunk in 1..=stream.len().max(1) {
                assert_eq!(lines(stream, chunk), expected, "{stream:?} by {chunk}");
            }
        }
    }
}
