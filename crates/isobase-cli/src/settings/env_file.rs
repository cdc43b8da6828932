//! Files of variables (`.env`), as python-dotenv 1.1 reads them and the services that this one takes
//! the place of did. Its parser is the specification: python-dotenv 1.1.1.

use std::{fs, io, path::Path};

use crate::failure::{Failure, Problem};

/// Longest file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A variable of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    /// In capital letters: the programs that read such files do not tell them apart.
    pub(crate) name: String,
    pub(crate) value: String,
    /// Where it begins, from 1.
    pub(crate) line: usize,
}

/// Reads a file of variables; of those with the same name the last one counts.
///
/// `${NAME}` stands for a variable of a line before, else for one of the process, and
/// `${NAME:-text}` for the text where there is neither.
///
/// # Errors
/// Names the line that cannot be read.
pub(crate) fn read(path: &Path, process: &[(String, String)]) -> Result<Vec<Variable>, Failure> {
    let shown = path.display();
    let unreadable =
        |error: io::Error| Failure::usage(format!("cannot read the variables of {shown}: {error}"));
    if fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
        return Err(Failure::usage(format!("{shown} is no file of variables: it is too long")));
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    parse(&text, process).map_err(|(line, expected)| {
        let message = format!("{shown}:{line}: {expected}");
        let hint = Some("write NAME=value, one a line".to_owned());
        Failure::usage_all(vec![Problem { message, hint }])
    })
}

/// A mistake, and its line.
type Fault = (usize, &'static str);

fn parse(text: &str, process: &[(String, String)]) -> Result<Vec<Variable>, Fault> {
    let mut reader = Reader { rest: text.trim_start_matches('\u{feff}'), line: 1 };
    let mut variables: Vec<Variable> = Vec::new();
    while let Some((line, name, value)) = reader.next()? {
        let value = expand(&value, |wanted| {
            let in_file = variables.iter().rev().find(|it| it.name.eq_ignore_ascii_case(wanted));
            let in_process = || process.iter().find(|(name, _)| name == wanted);
            let found = in_file.map(|it| it.value.as_str());
            found.or_else(|| in_process().map(|(_, value)| value.as_str())).map(str::to_owned)
        });
        variables.push(Variable { name: name.to_ascii_uppercase(), value, line });
    }
    Ok(variables)
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Reader<'a> {
    /// The next variable that has a value: its line, name and value.
    fn next(&mut self) -> Result<Option<(usize, &'a str, String)>, Fault> {
        loop {
            self.skip(char::is_whitespace);
            if self.rest.is_empty() {
                return Ok(None);
            }
            if self.rest.starts_with('#') {
                self.skip(|c| c != '\n' && c != '\r');
                continue;
            }
            let line = self.line;
            if let Some((name, value)) = self.binding().map_err(|expected| (line, expected))? {
                return Ok(Some((line, name, value)));
            }
        }
    }

    /// One variable; `None` for a name alone, which has no value.
    fn binding(&mut self) -> Result<Option<(&'a str, String)>, &'static str> {
        let after = self.rest.strip_prefix("export");
        if let Some(after) = after.filter(|after| after.starts_with([' ', '\t'])) {
            self.rest = after;
            self.skip_blanks();
        }
        let name = match self.rest.strip_prefix('\'') {
            Some(quoted) => {
                let end = quoted.find('\'').ok_or("the quotation of the name has no end")?;
                self.take(end + 2).trim_matches('\'')
            }
            None => {
                let ends = |c: char| c == '=' || c == '#' || c.is_whitespace();
                self.take(self.rest.find(ends).unwrap_or(self.rest.len()))
            }
        };
        if name.is_empty() {
            return Err("expected a name before =");
        }
        self.skip_blanks();
        if !self.rest.starts_with('=') {
            return self.end_of_line().map(|()| None);
        }
        self.take(1);
        self.skip_blanks();
        let value = match self.rest.chars().next() {
            Some(quote @ ('\'' | '"')) => {
                let value = self.quoted(quote)?;
                self.end_of_line()?;
                value
            }
            _ => self.plain().to_owned(),
        };
        Ok(Some((name, value)))
    }

    /// A value in quotes, which may have several lines.
    fn quoted(&mut self, quote: char) -> Result<String, &'static str> {
        let mut value = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => {
                    let Some((_, escaped)) = characters.next() else { break };
                    match unescaped(quote, escaped) {
                        Some(meant) => value.push(meant),
                        None => value.extend(['\\', escaped]),
                    }
                }
                end if end == quote => {
                    self.take(at + 1);
                    return Ok(value);
                }
                other => value.push(other),
            }
        }
        Err("the quotation has no end")
    }

    /// A value without quotes: to the end of the line, or to a comment after a blank.
    fn plain(&mut self) -> &'a str {
        let line = self.take(self.rest.find(['\n', '\r']).unwrap_or(self.rest.len()));
        let comment = line.char_indices().find(|(at, character)| {
            *character == '#' && line[..*at].ends_with(char::is_whitespace)
        });
        comment.map_or(line, |(at, _)| &line[..at]).trim_end()
    }

    fn end_of_line(&mut self) -> Result<(), &'static str> {
        self.skip_blanks();
        match self.rest.chars().next() {
            None | Some('\n' | '\r' | '#') => Ok(()),
            Some(_) => Err("expected = after the name, and nothing after a value in quotes"),
        }
    }

    fn skip_blanks(&mut self) {
        self.skip(|c| c == ' ' || c == '\t');
    }

    fn skip(&mut self, of: impl Fn(char) -> bool) {
        let end = self.rest.find(|c| !of(c)).unwrap_or(self.rest.len());
        self.take(end);
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }
}

/// The character that an escape stands for.
fn unescaped(quote: char, escaped: char) -> Option<char> {
    match (quote, escaped) {
        (_, '\\') => Some('\\'),
        (_, '\'') => Some('\''),
        ('\'', _) => None,
        (_, '"') => Some('"'),
        (_, 'n') => Some('\n'),
        (_, 'r') => Some('\r'),
        (_, 't') => Some('\t'),
        (_, 'a') => Some('\u{7}'),
        (_, 'b') => Some('\u{8}'),
        (_, 'f') => Some('\u{c}'),
        (_, 'v') => Some('\u{b}'),
        _ => None,
    }
}

/// The text with what `${NAME}` stands for, whatever the quotes were.
fn expand(text: &str, find: impl Fn(&str) -> Option<String>) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("${") {
        let Some((inside, behind)) = after.split_once('}') else { break };
        out.push_str(before);
        let (name, otherwise) = match inside.split_once(":-") {
            Some((name, otherwise)) => (name, otherwise),
            None => (inside, ""),
        };
        out.push_str(&find(name).unwrap_or_else(|| otherwise.to_owned()));
        rest = behind;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that python-dotenv 1.1.1 reads from the same lines.
    #[test]
    fn lines_are_read_as_by_the_programs_before() {
        let cases = [
            ("A=1", Some("1")),
            ("export A='x ${P} \\' y'", Some("x real ' y")),
            ("A=\"l1\\nl2 ${P} \\x # no\"", Some("l1\nl2 real \\x # no")),
            ("A = spaced value # comment", Some("spaced value")),
            ("A=a#b", Some("a#b")),
            ("A=\"open\nsecond\"", Some("open\nsecond")),
            ("A", None),
            ("A=${NOPE:-dflt}${NOPE}", Some("dflt")),
            ("A=", Some("")),
            ("a=8100", Some("8100")),
            ("A='a' # c", Some("a")),
            ("  A=indented", Some("indented")),
            ("A=$P ${P", Some("$P ${P")),
            ("'A'=q", Some("q")),
            ("A=1\nA=2\nB=${A}", Some("2")),
            ("P=file\nA=${P}", Some("file")),
            ("# comment\r\n\r\nA=1\r\n", Some("1")),
            ("\u{feff}A=1", Some("1")),
            ("A=pass=word#1", Some("pass=word#1")),
        ];
        let process = [("P".to_owned(), "real".to_owned())];
        for (text, expected) in cases {
            let variables = parse(text, &process).unwrap();
            let found = variables.iter().rev().find(|it| it.name == "A");
            assert_eq!(found.map(|it| it.value.as_str()), expected, "{text:?}");
        }
        let lines: Vec<_> = parse("A=\"1\n2\"\n\nB=1", &[]).unwrap();
        assert_eq!(lines.iter().map(|it| it.line).collect::<Vec<_>>(), [1, 4]);
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        for (text, line) in [
            ("\nO: colon", 2),
            ("A=\"a\" trailing", 1),
            ("=x", 1),
            ("A=1\nB='open", 2),
            ("A=\"open\\", 1),
        ] {
            assert_eq!(parse(text, &[]).unwrap_err().0, line, "{text:?}");
        }
    }
}
