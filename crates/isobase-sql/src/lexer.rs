//! Reads SQL as far as it takes to tell its words from its texts.

use crate::Dialect;

/// A piece of SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    /// As it stands in the text.
    pub(crate) text: &'a str,
    /// Where it begins, in bytes.
    pub(crate) at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A word, a number or a parameter.
    Word,
    /// A name in quotes.
    Name,
    /// A text, in single quotes or dollars.
    Text,
    /// Any other character.
    Mark,
}

/// The tokens of a text, without blanks and comments.
#[derive(Clone, Debug)]
pub(crate) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    dialect: Dialect,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(dialect: Dialect, text: &'a str) -> Self {
        Self { text, at: 0, dialect }
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let blank = rest.len() - rest.trim_start().len();
            self.at += blank;
            let rest = &rest[blank..];
            if rest.starts_with("--") {
                // SQLite goes on to the next line feed, PostgreSQL to a carriage return too.
                let ends = |c| c == '\n' || (c == '\r' && self.dialect == Dialect::Postgres);
                self.at += rest.find(ends).unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                self.at += self.comment_len(rest);
            } else {
                return;
            }
        }
    }

    /// PostgreSQL's comments nest, SQLite's do not. An open one reaches to the end.
    fn comment_len(&self, rest: &str) -> usize {
        let bytes = rest.as_bytes();
        let (mut depth, mut at) = (0_usize, 0);
        while at + 1 < bytes.len() {
            match (bytes[at], bytes[at + 1]) {
                (b'/', b'*') if depth == 0 || self.dialect == Dialect::Postgres => {
                    depth += 1;
                    at += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    at += 2;
                    if depth == 0 {
                        return at;
                    }
                }
                _ => at += 1,
            }
        }
        rest.len()
    }

    fn token_at(&self, rest: &str) -> (Kind, usize) {
        let bytes = rest.as_bytes();
        match bytes[0] {
            b'\'' => (Kind::Text, quoted_len(rest, '\'', false)),
            b'"' => (Kind::Name, quoted_len(rest, '"', false)),
            b'`' | b'[' if self.dialect == Dialect::Sqlite => {
                let end = if bytes[0] == b'[' { ']' } else { '`' };
                (Kind::Name, quoted_len(rest, end, false))
            }
            b'e' | b'E' if self.dialect == Dialect::Postgres && bytes.get(1) == Some(&b'\'') => {
                (Kind::Text, 1 + quoted_len(&rest[1..], '\'', true))
            }
            b'$' if self.dialect == Dialect::Postgres => match dollar_len(rest) {
                Some(length) => (Kind::Text, length),
                None => (Kind::Word, word_len(rest)),
            },
            _ => match word_len(rest) {
                0 => (Kind::Mark, rest.chars().next().map_or(1, char::len_utf8)),
                length => (Kind::Word, length),
            },
        }
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blanks();
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return None;
        }
        let (kind, length) = self.token_at(rest);
        let token = Token { kind, text: &rest[..length], at: self.at };
        self.at += length;
        Some(token)
    }
}

impl<'a> Token<'a> {
    /// Whether it is this word, in any case.
    pub(crate) fn is(&self, word: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Mark) && self.text.eq_ignore_ascii_case(word)
    }

    /// The name that it stands for; `None` when it is a text or a mark.
    pub(crate) fn name(&self) -> Option<String> {
        match self.kind {
            Kind::Word => Some(self.text.to_owned()),
            Kind::Name => {
                let quote = self.text.chars().next()?;
                let inner = self.text.get(1..self.text.len().checked_sub(1)?)?;
                Some(inner.replace(&format!("{quote}{quote}"), &quote.to_string()))
            }
            Kind::Text | Kind::Mark => None,
        }
    }
}

/// The statements of a script, without what is empty between them.
///
/// The body of a trigger of SQLite has statements of its own, which stay with it.
pub(crate) fn statements(dialect: Dialect, script: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start: Option<usize> = None;
    let mut end = 0;
    let mut block = Block::default();
    for token in Lexer::new(dialect, script) {
        if token.text == ";" && token.kind == Kind::Mark && !block.is_open() {
            if let Some(start) = start.take() {
                found.push(&script[start..end]);
            }
            block = Block::default();
            continue;
        }
        start.get_or_insert(token.at);
        end = token.at + token.text.len();
        block.take(&token);
    }
    found.extend(start.map(|start| &script[start..end]));
    found
}

/// The statements of a script, without what is empty between them.
#[must_use]
pub fn split_script(dialect: Dialect, script: &str) -> Vec<String> {
    statements(dialect, script).into_iter().map(str::to_owned).collect()
}

/// Follows BEGIN … END in what creates a trigger, or a function whose body is SQL itself
/// (`BEGIN ATOMIC`).
#[derive(Default)]
struct Block {
    words: usize,
    creates: bool,
    has_body: bool,
    depth: usize,
}

impl Block {
    fn take(&mut self, token: &Token<'_>) {
        self.words += 1;
        if self.words == 1 {
            self.creates = token.is("create");
        }
        if !self.creates {
            return;
        }
        let holds_statements = ["trigger", "function", "procedure"];
        self.has_body |= self.words < 6 && holds_statements.iter().any(|word| token.is(word));
        if !self.has_body {
            return;
        }
        if token.is("begin") || (self.depth > 0 && token.is("case")) {
            self.depth += 1;
        } else if token.is("end") {
            self.depth = self.depth.saturating_sub(1);
        }
    }

    fn is_open(&self) -> bool {
        self.depth > 0
    }
}

/// The first word of a statement in capitals.
pub(crate) fn first_word(dialect: Dialect, sql: &str) -> String {
    let first = Lexer::new(dialect, sql).find(|token| token.kind == Kind::Word);
    first.map_or_else(String::new, |token| token.text.to_ascii_uppercase())
}

fn word_len(rest: &str) -> usize {
    rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '?')))
        .unwrap_or(rest.len())
}

/// The length of a text in quotes, which are doubled inside; one that is not closed reaches to
/// the end.
fn quoted_len(rest: &str, end: char, backslashes: bool) -> usize {
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if backslashes && character == '\\' {
            characters.next();
        } else if character == end {
            if end == ']' || characters.peek().is_none_or(|(_, next)| *next != end) {
                return at + end.len_utf8();
            }
            characters.next();
        }
    }
    rest.len()
}

/// The length of `$tag$ … $tag$`; `None` for a parameter like `$1`.
fn dollar_len(rest: &str) -> Option<usize> {
    let tag_end = rest[1..].find('$')? + 2;
    let tag = &rest[..tag_end];
    let inner = &tag[1..tag_end - 1];
    let is_tag = inner.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !inner.starts_with(|c: char| c.is_ascii_digit());
    if !is_tag {
        return None;
    }
    Some(rest[tag_end..].find(tag).map_or(rest.len(), |at| tag_end + at + tag.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semicolons_inside_do_not_split() {
        let script = "-- a;\nSELECT ';', \"x;\", E'\\';', $q$;$q$ /* ; /* ; */ ; */;;\n\
                      CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END;\
                      UPDATE t SET a = $1";
        let found = statements(Dialect::Postgres, script);
        assert_eq!(found.len(), 3);
        assert!(found[0].starts_with("SELECT") && found[0].ends_with("$q$"));
        assert!(found[1].ends_with("END"));
        assert_eq!(found[2], "UPDATE t SET a = $1");
    }

    #[test]
    fn triggers_of_sqlite_stay_whole() {
        let script = "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE b SET n = CASE WHEN 1 \
                      THEN 2 END; DELETE FROM c; END; SELECT [a;b], `c;`";
        let found = statements(Dialect::Sqlite, script);
        assert_eq!(found.len(), 2);
        assert!(found[0].ends_with("END"));
        assert_eq!(statements(Dialect::Sqlite, " ; -- nothing\n"), Vec::<&str>::new());
    }

    #[test]
    fn first_words_come_after_comments() {
        assert_eq!(first_word(Dialect::Postgres, "/* x */ (select 1)"), "SELECT");
        assert_eq!(first_word(Dialect::Sqlite, ""), "");
        let hidden = "-- x\rCOMMIT /*\nSELECT 1 */";
        assert_eq!(first_word(Dialect::Postgres, hidden), "COMMIT");
        assert_eq!(first_word(Dialect::Sqlite, hidden), "SELECT");
    }

    #[test]
    fn open_quotes_end_with_the_text() {
        for text in ["'a", "\"a", "/* a", "$x$ a", "[a", "E'a\\"] {
            let _ = Lexer::new(Dialect::Postgres, text).count();
            let _ = Lexer::new(Dialect::Sqlite, text).count();
        }
    }
}
