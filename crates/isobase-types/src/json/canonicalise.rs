//! Checking JSON and making it canonical, in one pass.

use std::borrow::Cow;

use super::{
    DEPTH_MAX, InvalidJson, InvalidJsonKind,
    error::{Stop, cut},
    frames::Frames,
    read_string,
    string::{find_special, push_escaped, push_string, read_escape, unfinished},
};

/// Checks one JSON object and returns its canonical text, without a top-level `id`.
///
/// The text is compact; the order of keys and the text of numbers are kept; strings are written
/// with minimal escapes. Time and memory grow with the length of the input only.
///
/// # Errors
/// [`InvalidJson`] for anything that is not exactly one JSON object in UTF-8 (blank space around
/// it is allowed), and for what JSON allows but no two readers agree on: numbers beyond the range
/// of 64-bit floats, lone surrogates, a key twice in one object, more than [`DEPTH_MAX`] levels.
pub fn canonicalise_document(input: &[u8]) -> Result<String, InvalidJson> {
    canonicalise(input, Top::Document)
}

/// Checks one JSON value of any type and returns its canonical text.
///
/// # Errors
/// [`InvalidJson`], as of [`canonicalise_document`].
pub fn canonicalise_value(input: &[u8]) -> Result<String, InvalidJson> {
    canonicalise(input, Top::Value)
}

/// The values allowed at the top.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Top {
    /// An object; its `id` is taken out.
    Document,
    /// Any value.
    Value,
}

fn canonicalise(input: &[u8], top: Top) -> Result<String, InvalidJson> {
    let text = std::str::from_utf8(input).map_err(|error| InvalidJson {
        kind: InvalidJsonKind::NotUtf8,
        offset: error.valid_up_to(),
        path: String::new(),
    })?;
    let mut scanner = Scanner {
        text,
        bytes: input,
        top,
        at: 0,
        copied: 0,
        out: String::new(),
        frames: Frames::new(),
        dropped_from: None,
    };
    match scanner.run() {
        Ok(()) => Ok(scanner.out),
        Err(Stop { kind, offset }) => {
            Err(InvalidJson { kind, offset, path: scanner.frames.path() })
        }
    }
}

/// One pass over the input. Text that is canonical already is copied in runs.
struct Scanner<'a> {
    text: &'a str,
    /// The bytes of `text`.
    bytes: &'a [u8],
    top: Top,
    /// Where the pass is.
    at: usize,
    /// Start of the run that is not in `out` yet.
    copied: usize,
    out: String,
    /// The arrays and objects around `at`; at most [`DEPTH_MAX`].
    frames: Frames<'a>,
    /// While the value of a top-level `id` is read: the length of `out` to go back to.
    dropped_from: Option<usize>,
}

/// The next part in the input.
enum Next {
    Value,
    AfterValue,
}

impl<'a> Scanner<'a> {
    fn run(&mut self) -> Result<(), Stop> {
        self.skip_blank();
        self.check_top()?;
        let mut next = self.value("a JSON value")?;
        loop {
            next = match next {
                Next::Value => self.value("a value")?,
                Next::AfterValue if self.frames.depth() == 0 => break,
                Next::AfterValue => self.after_value()?,
            };
        }
        let end = self.at;
        self.skip_blank();
        if self.at < self.bytes.len() {
            return Err(Stop::new(InvalidJsonKind::TrailingCharacters, self.at));
        }
        self.flush(end);
        Ok(())
    }

    /// Refuses what cannot begin the input.
    fn check_top(&self) -> Result<(), Stop> {
        let Some(first) = self.peek() else {
            return Err(Stop::new(InvalidJsonKind::Empty, self.at));
        };
        if self.text[self.at..].starts_with('\u{feff}') {
            return Err(self.syntax("JSON without a byte order mark"));
        }
        if self.top == Top::Value || first == b'{' {
            return Ok(());
        }
        let found = match first {
            b'[' => "an array",
            b'"' => "a string",
            b'0'..=b'9' => "a number",
            b'-' if !self.rest().starts_with(b"-I") => "a number",
            b't' if self.rest().starts_with(b"true") => "a boolean",
            b'f' if self.rest().starts_with(b"false") => "a boolean",
            b'n' if self.rest().starts_with(b"null") => "null",
            _ if self.not_a_number().is_some() => return Ok(()),
            _ => return Err(self.syntax("a JSON object")),
        };
        Err(Stop::new(InvalidJsonKind::NotAnObject { found }, self.at))
    }

    /// Reads a scalar, or the opening of an array or object.
    fn value(&mut self, expected: &'static str) -> Result<Next, Stop> {
        match self.peek() {
            Some(b'"') => self.string()?,
            Some(b'{') => return self.open_object(),
            Some(b'[') => return self.open_array(),
            Some(b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true")?,
            Some(b'f') => self.word("false")?,
            Some(b'n') => self.word("null")?,
            Some(b'-' | b'N' | b'I') => match self.not_a_number() {
                Some(word) => {
                    return Err(Stop::new(InvalidJsonKind::NotANumber { word }, self.at));
                }
                None if self.peek() == Some(b'-') => self.number()?,
                None => return Err(self.syntax(expected)),
            },
            _ => return Err(self.syntax(expected)),
        }
        Ok(Next::AfterValue)
    }

    /// Reads what follows a value inside an array or object.
    fn after_value(&mut self) -> Result<Next, Stop> {
        let first_dropped = self.frames.depth() == 1 && self.finish_drop();
        self.skip_blank();
        let Some(frame) = self.frames.innermost() else { return Ok(Next::AfterValue) };
        let is_object = frame.is_object;
        match self.bytes.get(self.at) {
            Some(b',') => {
                frame.index += 1;
                self.at += 1;
                if first_dropped {
                    self.copied = self.at;
                }
                self.skip_blank();
                if is_object {
                    self.key("a key in double quotes")?;
                }
                Ok(Next::Value)
            }
            Some(b'}') if is_object => Ok(self.close()),
            Some(b']') if !is_object => Ok(self.close()),
            _ if is_object => Err(self.syntax("',' or '}'")),
            _ => Err(self.syntax("',' or ']'")),
        }
    }

    fn open_object(&mut self) -> Result<Next, Stop> {
        self.open(true)?;
        if self.peek() == Some(b'}') {
            return Ok(self.close());
        }
        self.key("a key in double quotes or '}'")?;
        Ok(Next::Value)
    }

    fn open_array(&mut self) -> Result<Next, Stop> {
        self.open(false)?;
        if self.peek() == Some(b']') {
            return Ok(self.close());
        }
        self.value("a value or ']'")
    }

    fn open(&mut self, is_object: bool) -> Result<(), Stop> {
        if self.frames.depth() == DEPTH_MAX {
            return Err(Stop::new(InvalidJsonKind::TooDeep, self.at));
        }
        self.at += 1;
        self.skip_blank();
        self.frames.open(is_object);
        Ok(())
    }

    fn close(&mut self) -> Next {
        self.at += 1;
        self.frames.close();
        Next::AfterValue
    }

    /// Reads a key and its colon.
    fn key(&mut self, expected: &'static str) -> Result<(), Stop> {
        if self.peek() != Some(b'"') {
            return Err(self.syntax(expected));
        }
        let start = self.at;
        let (key, end) = self.key_text(start)?;
        if self.top == Top::Document && self.frames.depth() == 1 && key == "id" {
            self.begin_drop();
        }
        if let Cow::Owned(key) = &key {
            self.flush(start);
            push_string(key, &mut self.out);
            self.copied = end;
        }
        self.at = end;
        if let Err(key) = self.frames.note_key(key) {
            return Err(Stop::new(InvalidJsonKind::DuplicateKey { key }, start));
        }
        self.skip_blank();
        if self.peek() != Some(b':') {
            return Err(self.syntax("':'"));
        }
        self.at += 1;
        self.skip_blank();
        Ok(())
    }

    /// The decoded key at `start`, and the offset after it. Most keys hold no escape.
    #[inline]
    fn key_text(&self, start: usize) -> Result<(Cow<'a, str>, usize), Stop> {
        let special = find_special(self.bytes, start + 1);
        if self.bytes.get(special) == Some(&b'"') {
            return Ok((Cow::Borrowed(&self.text[start + 1..special]), special + 1));
        }
        read_string(self.text, start)
    }

    /// Before the key of a top-level `id`: takes back the comma before it.
    fn begin_drop(&mut self) {
        self.flush(self.at);
        if self.out.ends_with(',') {
            self.out.pop();
        }
        self.dropped_from = Some(self.out.len());
    }

    /// After a top-level value: forgets it if it was an `id`. Whether the comma after it must go
    /// too, because no member stands before it.
    fn finish_drop(&mut self) -> bool {
        let Some(length) = self.dropped_from.take() else { return false };
        self.out.truncate(length);
        self.copied = self.at;
        length == 1
    }

    fn string(&mut self) -> Result<(), Stop> {
        self.at += 1;
        loop {
            let special = find_special(self.bytes, self.at);
            match self.bytes.get(special) {
                Some(b'"') => {
                    self.at = special + 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape(special)?,
                _ => return Err(unfinished(self.text, special)),
            }
        }
    }

    /// Reads the escape at `at` and replaces it when it is not the canonical one.
    fn escape(&mut self, at: usize) -> Result<(), Stop> {
        let (found, next) = read_escape(self.text, at)?;
        let canonical = !matches!(self.bytes.get(at + 1), Some(b'u' | b'/'));
        if !canonical {
            self.flush(at);
            push_escaped(found.encode_utf8(&mut [0; 4]), &mut self.out);
            self.copied = next;
        }
        self.at = next;
        Ok(())
    }

    fn number(&mut self) -> Result<(), Stop> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        let digits = self.at - start;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        let has_exponent = matches!(self.peek(), Some(b'e' | b'E'));
        if has_exponent {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        // Below 10^308, which needs 309 digits, every number is finite.
        if has_exponent || digits > 308 {
            self.check_finite(start)?;
        }
        Ok(())
    }

    fn check_finite(&self, start: usize) -> Result<(), Stop> {
        let number = &self.text[start..self.at];
        if number.parse::<f64>().is_ok_and(f64::is_finite) {
            return Ok(());
        }
        let number = cut(number, 40);
        Err(Stop::new(InvalidJsonKind::NumberOutOfRange { number }, start))
    }

    fn digits(&mut self) -> Result<(), Stop> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.syntax("a digit")) } else { Ok(()) }
    }

    fn word(&mut self, word: &'static str) -> Result<(), Stop> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.syntax(word));
        }
        self.at += word.len();
        Ok(())
    }

    /// The word at this place, if it is one that other languages write for numbers.
    fn not_a_number(&self) -> Option<&'static str> {
        let words = ["NaN", "Infinity", "-Infinity", "-NaN"];
        words.into_iter().find(|word| self.rest().starts_with(word.as_bytes()))
    }

    #[inline]
    fn skip_blank(&mut self) {
        if !matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            return;
        }
        self.flush(self.at);
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.copied = self.at;
    }

    /// Copies the run up to `end`.
    fn flush(&mut self, end: usize) {
        if self.copied < end {
            if self.out.is_empty() {
                self.out.reserve_exact(self.text.len() - self.copied);
            }
            self.out.push_str(&self.text[self.copied..end]);
            self.copied = end;
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    fn syntax(&self, expected: &'static str) -> Stop {
        Stop::syntax(self.text, self.at, expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(input: &str) -> Result<String, InvalidJsonKind> {
        canonicalise_document(input.as_bytes()).map_err(|error| error.kind)
    }

    fn value(input: &str) -> Result<String, InvalidJsonKind> {
        canonicalise_value(input.as_bytes()).map_err(|error| error.kind)
    }

    #[test]
    fn strips_blank_space_and_keeps_the_rest() {
        let cases = [
            ("{}", "{}"),
            (" \t\r\n{ \n } ", "{}"),
            (r#"{"a":1}"#, r#"{"a":1}"#),
            (r#" { "b" : [ 1 , 2 , { } , [ ] ] , "a" : null } "#, r#"{"b":[1,2,{},[]],"a":null}"#),
            (
                r#"{"n":[1.0,1e5,-0.0,-0,1E+5,123456789012345678901234567890]}"#,
                r#"{"n":[1.0,1e5,-0.0,-0,1E+5,123456789012345678901234567890]}"#,
            ),
            (r#"{"t":true, "f":false, "s":"a b"}"#, r#"{"t":true,"f":false,"s":"a b"}"#),
            (r#"{"":""}"#, r#"{"":""}"#),
        ];
        for (input, output) in cases {
            assert_eq!(document(input).as_deref(), Ok(output), "{input}");
        }
    }

    #[test]
    fn writes_strings_in_one_way() {
        let cases = [
            (r#""\u0041\/\u00e9""#, "\"A/é\""),
            (r#""\ud83e\udd80""#, "\"🦀\""),
            (r#""\uD83E\uDD80""#, "\"🦀\""),
            (r#""\u0000\u001F\u0008\u000c\u000A\u000d\u0009""#, r#""\u0000\u001f\b\f\n\r\t""#),
            (r#""\u0022\u005c\"\\\b\f\n\r\t""#, r#""\"\\\"\\\b\f\n\r\t""#),
            ("\"\u{7f}\u{2028}\"", "\"\u{7f}\u{2028}\""),
            (r#"{"\u0061\n":"\u0062"}"#, r#"{"a\n":"b"}"#),
        ];
        for (input, output) in cases {
            assert_eq!(value(input).as_deref(), Ok(output), "{input}");
        }
    }

    #[test]
    fn takes_out_the_top_level_id_only() {
        let cases = [
            (r#"{"id":1}"#, "{}"),
            (r#"{ "id" : 1 }"#, "{}"),
            (r#"{"id":1,"a":2}"#, r#"{"a":2}"#),
            (r#"{ "id" : {"id": [1, 2]} , "a" : 2 , "b" : 3 }"#, r#"{"a":2,"b":3}"#),
            (r#"{"a":1,"id":"x"}"#, r#"{"a":1}"#),
            (r#"{"a":1, "id":"\u0041 \n x", "b":2}"#, r#"{"a":1,"b":2}"#),
            (r#"{"a":1,"\u0069d":[{"id":1}],"b":{"id":2}}"#, r#"{"a":1,"b":{"id":2}}"#),
            (r#"{"a":[{"id":1}]}"#, r#"{"a":[{"id":1}]}"#),
        ];
        for (input, output) in cases {
            assert_eq!(document(input).as_deref(), Ok(output), "{input}");
        }
        assert_eq!(value(r#"{"id": 1}"#).as_deref(), Ok(r#"{"id":1}"#));
    }

    #[test]
    fn refuses_broken_grammar_with_what_was_expected() {
        let cases = [
            ("{", "a key in double quotes or '}'", 1),
            ("{a:1}", "a key in double quotes or '}'", 1),
            (r#"{"a"}"#, "':'", 4),
            (r#"{"a":}"#, "a value", 5),
            (r#"{"a":1"#, "',' or '}'", 6),
            (r#"{"a":1 "b":2}"#, "',' or '}'", 7),
            (r#"{"a":1,}"#, "a key in double quotes", 7),
            (r#"{"a":[1,]}"#, "a value", 8),
            (r#"{"a":[}"#, "a value or ']'", 6),
            (r#"{"a":[1}"#, "',' or ']'", 7),
            (r#"{"a":01}"#, "',' or '}'", 6),
            (r#"{"a":1.}"#, "a digit", 7),
            (r#"{"a":.5}"#, "a value", 5),
            (r#"{"a":+1}"#, "a value", 5),
            (r#"{"a":1e}"#, "a digit", 7),
            (r#"{"a":-}"#, "a digit", 6),
            (r#"{"a":tru}"#, "true", 5),
            (r#"{"a":'b'}"#, "a value", 5),
            (r#"{"a":"b}"#, "'\"' at the end of the string", 8),
            ("{\"a\":\"\n\"}", "control characters as escapes", 6),
            (r#"{"a":"\x"}"#, "an escape (one of \"\\/bfnrtu)", 7),
            (r#"{"a":"\u12g4"}"#, "four hexadecimal digits", 10),
            ("\u{feff}{}", "JSON without a byte order mark", 0),
            ("hello", "a JSON object", 0),
            ("/* */{}", "a JSON object", 0),
        ];
        for (input, expected_text, place) in cases {
            let error = canonicalise_document(input.as_bytes()).unwrap_err();
            let InvalidJsonKind::Syntax { expected, .. } = error.kind else {
                panic!("{input}: {error}");
            };
            assert_eq!((expected, error.offset), (expected_text, place), "{input}");
        }
    }

    #[test]
    fn refuses_what_readers_disagree_on() {
        use InvalidJsonKind as K;
        let long = "9".repeat(400);
        let range = |number: &str| K::NumberOutOfRange { number: number.to_owned() };
        let twice = |key: &str| K::DuplicateKey { key: key.to_owned() };
        let cases = [
            ("", K::Empty, 0),
            (" \n", K::Empty, 2),
            ("[{}]", K::NotAnObject { found: "an array" }, 0),
            ("\"a\"", K::NotAnObject { found: "a string" }, 0),
            (" -1", K::NotAnObject { found: "a number" }, 1),
            ("true", K::NotAnObject { found: "a boolean" }, 0),
            ("null", K::NotAnObject { found: "null" }, 0),
            ("{}{}", K::TrailingCharacters, 2),
            ("{} \0", K::TrailingCharacters, 3),
            ("NaN", K::NotANumber { word: "NaN" }, 0),
            (r#"{"a":NaN}"#, K::NotANumber { word: "NaN" }, 5),
            (r#"{"a":Infinity}"#, K::NotANumber { word: "Infinity" }, 5),
            (r#"{"a":-Infinity}"#, K::NotANumber { word: "-Infinity" }, 5),
            (r#"{"a":1e400}"#, range("1e400"), 5),
            (r#"{"a":-1e309}"#, range("-1e309"), 5),
            (&format!(r#"{{"a":{long}}}"#), range(&format!("{}…", &long[..40])), 5),
            (r#"{"a":"\ud800"}"#, K::LoneSurrogate, 6),
            (r#"{"a":"\ud800\ud800"}"#, K::LoneSurrogate, 6),
            (r#"{"a":"x\udc00"}"#, K::LoneSurrogate, 7),
            (r#"{"\ud800x":1}"#, K::LoneSurrogate, 2),
            (r#"{"a":1,"a":1}"#, twice("a"), 7),
            (r#"{"a":1,"\u0061":1}"#, twice("a"), 7),
            (r#"{"id":1,"id":2}"#, twice("id"), 8),
            (r#"{"x":{"b":1,"c":2,"b":1}}"#, twice("b"), 18),
        ];
        for (input, kind, offset) in cases {
            let error = canonicalise_document(input.as_bytes()).unwrap_err();
            assert_eq!((error.kind, error.offset), (kind, offset), "{input}");
        }
        let error = canonicalise_document(b"{\"a\":\"\xff\"}").unwrap_err();
        assert_eq!((error.kind, error.offset), (K::NotUtf8, 6));
        assert!(value("1.7976931348623157e308").is_ok());
        assert!(value(&format!("1{}", "0".repeat(308))).is_ok());
        assert!(value("0e99999999999999999999").is_ok());
        assert!(value("1e-99999999999999999999").is_ok());
    }

    #[test]
    fn names_the_place_of_the_error() {
        let input = br#"{"a":{"b":[0,{"c":1e999}]}}"#;
        let error = canonicalise_document(input).unwrap_err();
        assert_eq!(error.path, "a.b.1.c");
        assert_eq!(
            error.to_string(),
            "the number 1e999 is beyond the range of 64-bit floats at byte 18, in 'a.b.1.c'"
        );
        let error = canonicalise_document(br#"{"a":1 2"#).unwrap_err();
        assert_eq!(error.to_string(), "expected ',' or '}', found '2' at byte 7, in 'a'");
    }

    #[test]
    fn allows_128_levels_and_no_more() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(value(&nested(128)).is_ok());
        assert_eq!(value(&nested(129)), Err(InvalidJsonKind::TooDeep));
        assert_eq!(value(&"[".repeat(20 << 20)), Err(InvalidJsonKind::TooDeep));
        let objects = |levels| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
        assert!(document(&objects(128)).is_ok());
        assert_eq!(document(&objects(129)), Err(InvalidJsonKind::TooDeep));
    }

    #[test]
    fn finds_duplicates_among_many_keys() {
        for count in [15, 16, 17, 18, 5000] {
            let members: Vec<_> = (0..count).map(|n| format!(r#""k{n}":{{"k{n}":1}}"#)).collect();
            let text = format!("{{{}}}", members.join(","));
            assert_eq!(document(&text).as_deref(), Ok(&*text));
            for again in [0, count / 2, count - 1] {
                let text = format!(r#"{{{},"k{again}":1}}"#, members.join(","));
                let error = canonicalise_document(text.as_bytes()).unwrap_err();
                let key = format!("k{again}");
                assert_eq!(error.path, key);
                assert_eq!(error.kind, InvalidJsonKind::DuplicateKey { key });
            }
        }
    }
}
