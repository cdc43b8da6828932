//! Cutting a stream into values, for bulk loads.

/// Cuts a stream of bytes into the values of a JSON array, or of newline-delimited JSON.
///
/// A stream whose first byte that is not blank is `[` is an array; any other has one value a
/// line, and blank lines are skipped. The values are cut, not checked: anyone who reads them does
/// that. Holds at most one item and one chunk.
///
/// ```
/// # use isobase_types::json::{SplitError, ValueSplitter};
/// let mut splitter = ValueSplitter::new(1024);
/// splitter.push(b"[{\"a\":1}, {\"a\"");
/// assert_eq!(splitter.next_value()?, Some(&b"{\"a\":1}"[..]));
/// assert_eq!(splitter.next_value()?, None);
/// splitter.push(b":2}]");
/// splitter.finish();
/// assert_eq!(splitter.next_value()?, Some(&b"{\"a\":2}"[..]));
/// assert_eq!(splitter.next_value()?, None);
/// # Ok::<(), SplitError>(())
/// ```
#[derive(Debug)]
pub struct ValueSplitter {
    item_bytes_max: usize,
    buffer: Vec<u8>,
    /// Where the current item begins in `buffer`, or where to look for it.
    start: usize,
    /// Where the scan is; never before `start`.
    at: usize,
    state: State,
    /// Whole items so far.
    items: u64,
    finished: bool,
    /// The current item is dropped up to its end.
    passing: bool,
    /// The line of `counted`, from 1.
    line: u64,
    /// Up to where in `buffer` the lines are counted; never after the current item begins.
    counted: usize,
    /// The line on which the last item begins.
    item_line: u64,
}

/// Where in the stream the scan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing but blank space so far.
    Begin,
    /// Between lines.
    Lines,
    /// In a line.
    Line,
    /// After `[`: an item or `]`.
    ArrayFirst,
    /// After a comma: an item.
    ArrayNext,
    /// In an item of the array.
    Item { depth: usize, string: InString },
    /// After `]`.
    Done,
}

/// Whether the scan is in a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InString {
    No,
    Yes,
    /// After a backslash.
    Escape,
}

impl ValueSplitter {
    /// A splitter that refuses items longer than this, counted with the blank space after them.
    #[must_use]
    pub fn new(item_bytes_max: usize) -> Self {
        Self {
            item_bytes_max,
            buffer: Vec::new(),
            start: 0,
            at: 0,
            state: State::Begin,
            items: 0,
            finished: false,
            passing: false,
            line: 1,
            counted: 0,
            item_line: 1,
        }
    }

    /// Takes the next bytes of the stream. Ask [`Self::next_value`] until it has none between
    /// pushes: what is not asked for is kept.
    pub fn push(&mut self, chunk: &[u8]) {
        self.count_lines(self.start);
        self.buffer.drain(..self.start);
        self.at -= self.start;
        (self.start, self.counted) = (0, 0);
        self.buffer.extend_from_slice(chunk);
    }

    /// Says that the stream is over; what is left comes from [`Self::next_value`].
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// How many whole items there were so far.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.items
    }

    /// The line of the stream on which the last item begins, from 1; also of one that was refused.
    #[must_use]
    pub fn item_line(&self) -> u64 {
        self.item_line
    }

    /// Counts the lines up to a place in `buffer`.
    fn count_lines(&mut self, to: usize) {
        let passed = self.buffer.get(self.counted..to).unwrap_or_default();
        self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.counted = to;
    }

    /// The next whole value; `None` when more bytes are needed, or after the end.
    ///
    /// # Errors
    /// [`SplitError`]; the stream cannot be continued.
    pub fn next_value(&mut self) -> Result<Option<&[u8]>, SplitError> {
        loop {
            match self.state {
                State::Item { depth, string } => {
                    let found = self.item(depth, string)?;
                    if found.is_some() && std::mem::take(&mut self.passing) {
                        continue;
                    }
                    return Ok(self.slice(found));
                }
                State::Line => {
                    let found = self.line()?;
                    if found.is_some() && std::mem::take(&mut self.passing) {
                        continue;
                    }
                    return Ok(self.slice(found));
                }
                _ => {}
            }
            let Some(byte) = self.skip_blank() else { return self.at_end().map(|()| None) };
            self.state = match (self.state, byte) {
                (State::Begin, b'[') => State::ArrayFirst,
                (State::Begin | State::Lines, _) => State::Line,
                (State::ArrayFirst, b']') => State::Done,
                (State::Done, _) => return Err(SplitError::TrailingCharacters),
                (_, b',' | b']') => return Err(SplitError::Empty { item: self.items + 1 }),
                _ => State::Item { depth: 0, string: InString::No },
            };
            if matches!(self.state, State::ArrayFirst | State::Done) {
                self.at += 1;
            }
            self.start = self.at;
            self.count_lines(self.start);
            self.item_line = self.line;
        }
    }

    /// After [`SplitError::TooLarge`]: the item is dropped up to its end and counted, and the next
    /// value is the one after it.
    pub fn pass_over(&mut self) {
        match self.state {
            State::Item { .. } | State::Line => {
                self.passing = true;
                self.start = self.at;
            }
            // Its end was found with its length.
            _ => {
                self.at = (self.at + 1).min(self.buffer.len());
                self.start = self.at;
                self.items += 1;
            }
        }
    }

    /// Scans to the end of an item of the array.
    fn item(
        &mut self,
        mut depth: usize,
        mut string: InString,
    ) -> Result<Option<(usize, usize)>, SplitError> {
        while let Some(&byte) = self.buffer.get(self.at) {
            match (string, byte) {
                (InString::Escape, _) => string = InString::Yes,
                (InString::Yes, b'\\') => string = InString::Escape,
                (InString::Yes, b'"') => string = InString::No,
                (InString::Yes, _) => {}
                (InString::No, b'"') => string = InString::Yes,
                (InString::No, b',' | b']') if depth == 0 => {
                    self.state = if byte == b',' { State::ArrayNext } else { State::Done };
                    return self.take().map(Some);
                }
                (InString::No, b'{' | b'[') => depth += 1,
                (InString::No, b'}' | b']') => depth = depth.saturating_sub(1),
                (InString::No, _) => {}
            }
            self.at += 1;
        }
        self.state = State::Item { depth, string };
        self.check_length()?;
        self.at_end().map(|()| None)
    }

    /// Scans to the end of a line.
    fn line(&mut self) -> Result<Option<(usize, usize)>, SplitError> {
        let end = self.buffer[self.at..].iter().position(|byte| *byte == b'\n');
        self.at = end.map_or(self.buffer.len(), |length| self.at + length);
        if end.is_some() || self.finished {
            self.state = State::Lines;
            return self.take().map(Some);
        }
        self.check_length().map(|()| None)
    }

    /// Ends the current item at `at`; the scan goes on after the separator there.
    fn take(&mut self) -> Result<(usize, usize), SplitError> {
        self.check_length()?;
        let item = &self.buffer[self.start..self.at];
        let blank = item.iter().rev().take_while(|byte| is_blank(**byte)).count();
        let item = (self.start, self.at - blank);
        self.at = (self.at + 1).min(self.buffer.len());
        self.start = self.at;
        self.items += 1;
        Ok(item)
    }

    /// Refuses the current item when it is too long up to `at`. Blank space at its end counts:
    /// it is held too.
    fn check_length(&mut self) -> Result<(), SplitError> {
        if self.passing {
            self.start = self.at;
        }
        if self.at - self.start <= self.item_bytes_max {
            return Ok(());
        }
        Err(SplitError::TooLarge { item: self.items + 1, limit: self.item_bytes_max })
    }

    fn slice(&self, found: Option<(usize, usize)>) -> Option<&[u8]> {
        found.map(|(start, end)| &self.buffer[start..end])
    }

    fn skip_blank(&mut self) -> Option<u8> {
        while let Some(byte) = self.buffer.get(self.at) {
            if !is_blank(*byte) {
                return Some(*byte);
            }
            self.at += 1;
        }
        self.start = self.at;
        None
    }

    /// All bytes are scanned: right, unless the stream is over inside an array.
    fn at_end(&self) -> Result<(), SplitError> {
        let whole = matches!(self.state, State::Begin | State::Lines | State::Done);
        if whole || !self.finished {
            return Ok(());
        }
        Err(SplitError::Unfinished { items: self.items })
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Why a stream cannot be cut into values. Items are numbered from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// An item is longer than the limit.
    #[error("item {item} is longer than {limit} bytes")]
    TooLarge {
        /// Its number.
        item: u64,
        /// The limit in bytes.
        limit: usize,
    },
    /// There is nothing before a comma, or after the last one.
    #[error("item {item} of the array is missing, expected a value before ',' or ']'")]
    Empty {
        /// Its number.
        item: u64,
    },
    /// The stream ended inside the array.
    #[error("the array ended early after {items} items, expected ']'")]
    Unfinished {
        /// Whole items before the end.
        items: u64,
    },
    /// Something follows the array.
    #[error("expected nothing after the ']' of the array, found more")]
    TrailingCharacters,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All items, with the input fed in chunks of this size.
    fn split(input: &str, chunk: usize, limit: usize) -> Result<Vec<String>, SplitError> {
        let mut splitter = ValueSplitter::new(limit);
        let (mut items, mut lines) = (Vec::new(), Vec::new());
        let mut chunks = input.as_bytes().chunks(chunk);
        while !splitter.finished {
            match chunks.next() {
                Some(bytes) => splitter.push(bytes),
                None => splitter.finish(),
            }
            while let Some(item) = splitter.next_value()? {
                items.push(String::from_utf8(item.to_vec()).unwrap());
                lines.push(splitter.item_line());
            }
        }
        // Each item is on its line, whatever the chunks were.
        for (item, line) in items.iter().zip(lines) {
            let first = item.lines().next().unwrap();
            let at = usize::try_from(line).unwrap() - 1;
            assert!(input.split('\n').nth(at).unwrap().contains(first), "{item} on {line}");
        }
        assert_eq!(splitter.next_value(), Ok(None));
        assert_eq!(splitter.items(), items.len() as u64);
        Ok(items)
    }

    #[test]
    fn cuts_arrays_and_lines() {
        let cases: [(&str, &[&str]); 12] = [
            ("", &[]),
            (" \n", &[]),
            ("[]", &[]),
            (" [ \n ] \n", &[]),
            ("[1]", &["1"]),
            (
                r#"[{"a":"],[\"\\"}, [1,[2]] ,"x" , 1 ]"#,
                &[r#"{"a":"],[\"\\"}"#, "[1,[2]]", "\"x\"", "1"],
            ),
            ("[1 2,}]", &["1 2", "}"]),
            ("{\"a\":1}", &["{\"a\":1}"]),
            ("{\"a\":1}\n", &["{\"a\":1}"]),
            ("\n\r\n {\"a\":1} \r\n\n  \n{\"b\":2}\n \n", &["{\"a\":1}", "{\"b\":2}"]),
            ("1\n[2,3]\n", &["1", "[2,3]"]),
            ("{}\n  ", &["{}"]),
        ];
        for (input, items) in cases {
            for chunk in [1, 2, 3, 1000] {
                assert_eq!(split(input, chunk, 100).unwrap(), items, "{input:?} by {chunk}");
            }
        }
    }

    #[test]
    fn passes_over_what_is_too_long() {
        for input in ["[1,\"1234567890\",{\"a\":2}]", "1\n1234567890123\n\n{\"a\":2}"] {
            for chunk in [1, 2, 3, 1000] {
                let mut splitter = ValueSplitter::new(9);
                let (mut found, mut long) = (Vec::new(), Vec::new());
                let mut pieces = input.as_bytes().chunks(chunk);
                loop {
                    match splitter.next_value() {
                        Ok(Some(value)) => found.push(value.to_vec()),
                        Ok(None) => match pieces.next() {
                            Some(piece) => splitter.push(piece),
                            None if splitter.finished => break,
                            None => splitter.finish(),
                        },
                        Err(SplitError::TooLarge { item, .. }) => {
                            long.push(item);
                            splitter.pass_over();
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
                let expected = [b"1".to_vec(), b"{\"a\":2}".to_vec()];
                assert_eq!((found, long, splitter.items()), (expected.to_vec(), vec![2], 3));
            }
        }
    }

    #[test]
    fn refuses_broken_streams() {
        let cases = [
            ("[1,,2]", SplitError::Empty { item: 2 }),
            ("[,1]", SplitError::Empty { item: 1 }),
            ("[1,]", SplitError::Empty { item: 2 }),
            ("[", SplitError::Unfinished { items: 0 }),
            ("[1,", SplitError::Unfinished { items: 1 }),
            ("[1", SplitError::Unfinished { items: 0 }),
            ("[\"a]", SplitError::Unfinished { items: 0 }),
            ("[1] x", SplitError::TrailingCharacters),
            ("[1,\"12345678\"]", SplitError::TooLarge { item: 2, limit: 9 }),
            ("1\n1234567890\n", SplitError::TooLarge { item: 2, limit: 9 }),
        ];
        for (input, error) in cases {
            for chunk in [1, 2, 3, 1000] {
                assert_eq!(split(input, chunk, 9), Err(error), "{input:?} by {chunk}");
            }
        }
        assert_eq!(split("[   \"123456\" ,              1]", 1, 9).unwrap().len(), 2);
    }
}
