//! Groups and lists: `(status.eq.open,and(a.gt.1,b.in.(1,2)))`.

use std::marker::PhantomData;

use super::condition::{Word, Written, unknown_operator, with_list, with_value};
use crate::{
    FieldPath, Filter, InvalidFieldPath, PathStep,
    field_path::read_step,
    filter::{FILTER_CONDITIONS_MAX, FILTER_DEPTH_MAX},
    json,
};

/// How the conditions of a group belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joint {
    And,
    Or,
    Not,
}

impl Joint {
    pub(super) fn find(word: &str) -> Option<Self> {
        match word {
            "and" => Some(Self::And),
            "or" => Some(Self::Or),
            "not" => Some(Self::Not),
            _ => None,
        }
    }

    fn join<T: Tree>(self, mut trees: Vec<T>) -> T {
        match (self, trees.len()) {
            (Self::Not, _) => T::not(Self::And.join(trees)),
            (_, 1) => trees.remove(0),
            (Self::And, _) => T::and(trees),
            (Self::Or, _) => T::or(trees),
        }
    }
}

/// What conditions are read into.
pub(super) trait Tree: Sized {
    /// Whether they stand in the text of a rule, where blanks may stand around conditions and
    /// the caller tells the place of a mistake.
    const IN_RULE: bool;

    fn and(trees: Vec<Self>) -> Self;
    fn or(trees: Vec<Self>) -> Self;
    fn not(tree: Self) -> Self;

    /// A condition with one value.
    fn with_value(subject: Subject, word: Word, value: &Written<'_>) -> Result<Self, String>;

    /// A condition with a list.
    fn with_list(subject: Subject, word: Word, values: &[Written<'_>]) -> Result<Self, String>;
}

/// The text before an operator.
pub(super) struct Subject {
    pub(super) path: FieldPath,
    /// Whether its first step stands in quotes.
    pub(super) quoted: bool,
}

impl Tree for Filter {
    const IN_RULE: bool = false;

    fn and(trees: Vec<Self>) -> Self {
        Self::And(trees)
    }

    fn or(trees: Vec<Self>) -> Self {
        Self::Or(trees)
    }

    fn not(tree: Self) -> Self {
        Self::Not(Box::new(tree))
    }

    fn with_value(subject: Subject, word: Word, value: &Written<'_>) -> Result<Self, String> {
        with_value(subject.path, word, value)
    }

    fn with_list(subject: Subject, word: Word, values: &[Written<'_>]) -> Result<Self, String> {
        with_list(subject.path, word, values)
    }
}

/// Counts conditions over all parameters of a query.
#[derive(Debug, Default)]
pub(super) struct Counter(usize);

impl Counter {
    /// # Errors
    /// There are too many.
    pub(super) fn add(&mut self) -> Result<(), String> {
        self.0 += 1;
        if self.0 <= FILTER_CONDITIONS_MAX {
            return Ok(());
        }
        Err(format!("at most {FILTER_CONDITIONS_MAX} conditions are allowed in one query"))
    }

    pub(super) fn is_exceeded(&self) -> bool {
        self.0 > FILTER_CONDITIONS_MAX
    }
}

/// Reads the value of a parameter `and`, `or` or `not`.
pub(super) fn parse_group(
    joint: Joint,
    text: &str,
    counter: &mut Counter,
) -> Result<Filter, String> {
    let mut parser = Parser::<Filter>::new(text, 0, counter);
    let filter = parser.group(joint, 1)?;
    if parser.at < text.len() {
        return Err(parser.expected("nothing after the group"));
    }
    Ok(filter)
}

/// Reads a group that begins at a place of a rule; says where it ends, or where it is wrong.
pub(super) fn parse_group_at<T: Tree>(
    joint: Joint,
    text: &str,
    at: usize,
    counter: &mut Counter,
) -> Result<(T, usize), (usize, String)> {
    let mut parser = Parser::<T>::new(text, at, counter);
    match parser.group(joint, 1) {
        Ok(tree) => Ok((tree, parser.at)),
        Err(message) => Err((parser.at, message)),
    }
}

/// Reads the value of a parameter with `in` or `nin`: `a,b`, also `(a,b)`.
pub(super) fn parse_list<T: Tree>(text: &str) -> Result<Vec<Written<'_>>, String> {
    let mut counter = Counter::default();
    let mut parser = Parser::<T>::new(text, 0, &mut counter);
    if text.starts_with('(') {
        let values = parser.list()?;
        if parser.at < text.len() {
            return Err(parser.expected("nothing after the list"));
        }
        return Ok(values);
    }
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let values = parser.items()?;
    match parser.peek() {
        None => Ok(values),
        Some(_) => Err(parser.expected("',' or the end")),
    }
}

struct Parser<'a, 'c, T> {
    text: &'a str,
    at: usize,
    counter: &'c mut Counter,
    tree: PhantomData<T>,
}

impl<'a, 'c, T: Tree> Parser<'a, 'c, T> {
    fn new(text: &'a str, at: usize, counter: &'c mut Counter) -> Self {
        Self { text, at, counter, tree: PhantomData }
    }

    /// `(` conditions `)`. Recurses at most [`FILTER_DEPTH_MAX`] deep.
    fn group(&mut self, joint: Joint, depth: usize) -> Result<T, String> {
        if depth > FILTER_DEPTH_MAX {
            return Err(format!("groups are nested deeper than {FILTER_DEPTH_MAX} levels"));
        }
        self.take('(')?;
        let mut trees = Vec::new();
        loop {
            self.skip_blanks();
            trees.push(self.condition(depth)?);
            self.skip_blanks();
            match self.peek() {
                Some(',') => self.at += 1,
                _ => break,
            }
        }
        self.take_closing()?;
        Ok(joint.join(trees))
    }

    /// A nested group, or `path.operator.value`.
    fn condition(&mut self, depth: usize) -> Result<T, String> {
        if let Some((word, _)) = self.rest().split_once('(')
            && let Some(joint) = Joint::find(word)
        {
            self.at += word.len();
            return self.group(joint, depth + 1);
        }
        self.counter.add()?;
        let (subject, word) = self.subject_and_operator()?;
        if word.takes_list() {
            if self.peek() != Some('(') {
                return Err(self.expected("a list in parentheses, as in a.in.(1,2)"));
            }
            let values = self.list()?;
            return T::with_list(subject, word, &values);
        }
        let value = self.value()?;
        T::with_value(subject, word, &value)
    }

    /// The operator is the first bare step after the first one that is an operator and has a dot
    /// behind it.
    fn subject_and_operator(&mut self) -> Result<(Subject, Word), String> {
        let start = self.at;
        let quoted = self.peek() == Some('"');
        let mut steps: Vec<PathStep> = Vec::new();
        let mut bare_steps: Vec<PathStep> = Vec::new();
        loop {
            let (step, end) = match read_step(self.text, self.at) {
                Ok(found) => found,
                Err(error) if steps.len() < 2 => return Err(self.in_path(&error)),
                Err(_) => return Err(self.no_operator(start, &bare_steps)),
            };
            self.at = end;
            let dot = self.peek() == Some('.');
            if dot {
                self.at += 1;
            }
            if !steps.is_empty() && !step.quoted {
                if let Some(word) = Word::find(&step.text).filter(|_| dot) {
                    let path =
                        FieldPath::from_steps(steps).map_err(|error| self.in_path(&error))?;
                    return Ok((Subject { path, quoted }, word));
                }
                bare_steps.push(step.text.clone());
            }
            steps.push(step.text);
            if !dot {
                return Err(self.no_operator(start, &bare_steps));
            }
        }
    }

    /// The message for a condition without an operator; the first step that could have been one
    /// is named.
    fn no_operator(&self, start: usize, bare_steps: &[PathStep]) -> String {
        let condition = self.text[start..].split([',', ')']).next().unwrap_or_default();
        let condition = json::cut(condition, 100);
        let hint = match bare_steps {
            [] => "expected path.operator.value".to_owned(),
            [step, ..] => unknown_operator(step),
        };
        format!("the condition {condition:?} has no operator, {hint}")
    }

    fn in_path(&self, error: &InvalidFieldPath) -> String {
        match T::IN_RULE {
            true => error.to_string(),
            false => format!("{error} (at byte {} of the group)", self.at),
        }
    }

    /// `(` values `)`
    fn list(&mut self) -> Result<Vec<Written<'a>>, String> {
        self.take('(')?;
        let values = if self.peek() == Some(')') { Vec::new() } else { self.items()? };
        self.take_closing()?;
        Ok(values)
    }

    fn items(&mut self) -> Result<Vec<Written<'a>>, String> {
        let mut values = Vec::new();
        loop {
            self.skip_blanks();
            let value = self.value()?;
            if value == Written::Bare("") {
                return Err(self.expected("a value (an empty string is \"\")"));
            }
            values.push(value);
            self.skip_blanks();
            match self.peek() {
                Some(',') => self.at += 1,
                _ => return Ok(values),
            }
        }
    }

    /// A JSON string, or a bare value up to a comma or parenthesis.
    fn value(&mut self) -> Result<Written<'a>, String> {
        if self.peek() == Some('"') {
            let (text, end) = json::read_string(self.text, self.at)
                .map_err(|_| self.expected("a JSON string"))?;
            self.at = end;
            return Ok(Written::Quoted(text));
        }
        let rest = self.rest();
        let (bare, after) = rest.split_at(rest.find([',', '(', ')', '"']).unwrap_or(rest.len()));
        self.at += bare.len();
        let bare = if T::IN_RULE { bare.trim() } else { bare };
        if after.starts_with(['(', '"']) {
            return Err(self.expected("a value with parentheses or quotes as a JSON string"));
        }
        Ok(Written::Bare(bare))
    }

    fn take(&mut self, wanted: char) -> Result<(), String> {
        if self.peek() != Some(wanted) {
            return Err(self.expected(&format!("'{wanted}'")));
        }
        self.at += wanted.len_utf8();
        Ok(())
    }

    fn take_closing(&mut self) -> Result<(), String> {
        self.take(')').map_err(|_| self.expected("',' or ')'"))
    }

    fn skip_blanks(&mut self) {
        if T::IN_RULE {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start().len();
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn expected(&self, what: &str) -> String {
        match T::IN_RULE {
            true => format!("expected {what}"),
            false => format!("expected {what} at byte {}", self.at),
        }
    }
}
