//! Reading JSON text into a tree.

use std::collections::HashMap;

use super::{Tree, tree::InvalidTree};

/// Deepest nesting that is read: four times what we store, because other programs may store more.
const LEVELS_MAX: u32 = 512;

/// Names of one object that are compared one by one; beyond that, a map is cheaper.
const NAMES_LINEAR_MAX: usize = 24;

pub(super) fn parse(text: &str) -> Result<Tree, InvalidTree> {
    let mut parser = Parser { text, bytes: text.as_bytes(), at: 0 };
    parser.skip_blank();
    let tree = parser.value(0)?;
    parser.skip_blank();
    if parser.at < parser.bytes.len() {
        return Err(parser.expected("the end"));
    }
    Ok(tree)
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn expected(&self, expected: &'static str) -> InvalidTree {
        InvalidTree { offset: self.at, expected }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8, expected: &'static str) -> Result<(), InvalidTree> {
        if self.peek() != Some(byte) {
            return Err(self.expected(expected));
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, level: u32) -> Result<Tree, InvalidTree> {
        if level > LEVELS_MAX {
            return Err(self.expected("at most 512 levels"));
        }
        match self.peek() {
            Some(b'{') => self.object(level),
            Some(b'[') => self.array(level),
            Some(b'"') => self.string().map(Tree::String),
            Some(b't') => self.word("true", Tree::Bool(true)),
            Some(b'f') => self.word("false", Tree::Bool(false)),
            Some(b'n') => self.word("null", Tree::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.expected("a value")),
        }
    }

    fn word(&mut self, word: &'static str, tree: Tree) -> Result<Tree, InvalidTree> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(self.expected(word));
        }
        self.at += word.len();
        Ok(tree)
    }

    fn array(&mut self, level: u32) -> Result<Tree, InvalidTree> {
        self.at += 1;
        let mut elements = Vec::new();
        self.skip_blank();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Tree::Array(elements));
        }
        loop {
            self.skip_blank();
            elements.push(self.value(level + 1)?);
            self.skip_blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Tree::Array(elements));
                }
                _ => return Err(self.expected("',' or ']'")),
            }
        }
    }

    fn object(&mut self, level: u32) -> Result<Tree, InvalidTree> {
        self.at += 1;
        let mut fields: Vec<(String, Tree)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        self.skip_blank();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Tree::Object(fields));
        }
        loop {
            self.skip_blank();
            if self.peek() != Some(b'"') {
                return Err(self.expected("a name in double quotes"));
            }
            let name = self.string()?;
            self.skip_blank();
            self.take(b':', "':'")?;
            self.skip_blank();
            let value = self.value(level + 1)?;
            match place_of(&name, &fields, &mut places) {
                Some(place) => fields[place].1 = value,
                None => fields.push((name, value)),
            }
            self.skip_blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Tree::Object(fields));
                }
                _ => return Err(self.expected("',' or '}'")),
            }
        }
    }

    fn number(&mut self) -> Result<Tree, InvalidTree> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(Tree::Number(self.text[start..self.at].into()))
    }

    fn digits(&mut self) -> Result<(), InvalidTree> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.expected("a digit")) } else { Ok(()) }
    }

    /// Reads the string whose opening quote is here.
    fn string(&mut self) -> Result<String, InvalidTree> {
        self.at += 1;
        let mut decoded = String::new();
        loop {
            let start = self.at;
            while self.peek().is_some_and(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
                self.at += 1;
            }
            // Both ends stand at ASCII characters, so they are at borders of characters.
            decoded.push_str(&self.text[start..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(decoded);
                }
                Some(b'\\') => {
                    self.at += 1;
                    let found = self.escape()?;
                    decoded.push(found);
                }
                _ => return Err(self.expected("'\"' at the end of the string")),
            }
        }
    }

    /// Reads what follows a backslash.
    fn escape(&mut self) -> Result<char, InvalidTree> {
        let found = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.expected("an escape")),
        };
        self.at += 1;
        Ok(found)
    }

    fn unicode_escape(&mut self) -> Result<char, InvalidTree> {
        self.at += 1;
        let first = self.hex4()?;
        if let Some(found) = char::from_u32(first) {
            return Ok(found);
        }
        if (0xd800..0xdc00).contains(&first) && self.bytes[self.at..].starts_with(b"\\u") {
            let back = self.at;
            self.at += 2;
            let second = self.hex4()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = back;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex4(&mut self) -> Result<u32, InvalidTree> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            code = code * 16 + digit.ok_or_else(|| self.expected("four hexadecimal digits"))?;
            self.at += 1;
        }
        Ok(code)
    }
}

/// Where a name stands among the fields already.
fn place_of(
    name: &str,
    fields: &[(String, Tree)],
    places: &mut HashMap<String, usize>,
) -> Option<usize> {
    if fields.len() <= NAMES_LINEAR_MAX {
        return fields.iter().position(|(known, _)| known == name);
    }
    if places.is_empty() {
        places.extend(fields.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)));
    }
    match places.get(name) {
        Some(place) => Some(*place),
        None => {
            places.insert(name.to_owned(), fields.len());
            None
        }
    }
}
