//! Reading the text of a template.

use super::node::{Node, source};
use crate::{
    FieldPath, json,
    query::{
        condition::{Word, Written, unknown_operator},
        group::{Counter, Joint, Subject, parse_group_at, parse_list},
    },
};

/// Reads the text of a template.
///
/// # Errors
/// The first mistake, and its place in bytes.
pub(super) fn read(text: &str) -> Result<Node, (usize, String)> {
    let mut reader = Reader { text, at: 0, counter: Counter::default() };
    reader.conditions().map_err(|message| (reader.at, message))
}

/// Reads from left to right.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    counter: Counter,
}

impl<'a> Reader<'a> {
    fn conditions(&mut self) -> Result<Node, String> {
        let mut nodes = Vec::new();
        loop {
            self.skip_blanks();
            nodes.push(self.condition()?);
            self.skip_blanks();
            match self.rest().chars().next() {
                None => break,
                Some('&') if self.rest().starts_with("&&") => {
                    return Err("conditions are joined by one &".to_owned());
                }
                Some('&') => self.at += 1,
                Some(_) => return Err("expected & or the end".to_owned()),
            }
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::All(nodes) })
    }

    /// A constant, a group, or `path=value` or `path[operator]=value`.
    fn condition(&mut self) -> Result<Node, String> {
        let term = self.term();
        match term {
            "" => return Err("expected a condition, true or false".to_owned()),
            "true" | "false" => {
                self.at += term.len();
                return Ok(if term == "true" {
                    Node::All(Vec::new())
                } else {
                    Node::Any(Vec::new())
                });
            }
            "@user" => {
                self.at += term.len();
                return Ok(Node::SignedIn);
            }
            _ => {}
        }
        if let Some((joint, opening)) = group_in(term) {
            let at = self.at + opening;
            return match parse_group_at(joint, self.text, at, &mut self.counter) {
                Ok((node, end)) => {
                    self.at = end;
                    Ok(node)
                }
                Err((at, message)) => {
                    self.at = at;
                    Err(message)
                }
            };
        }
        self.comparison(term.len())
    }

    fn comparison(&mut self, bytes: usize) -> Result<Node, String> {
        self.counter.add()?;
        let term = &self.text[self.at..self.at + bytes];
        let Some(equals) = outside_quotes(term, '=') else {
            return Err(format!(
                "{:?} is no condition, expected path=value, path[operator]=value or \
                 or(a.eq.1,b.eq.2); a role is @user.role=admin",
                json::cut(term, 100)
            ));
        };
        let (name, value) = (term[..equals].trim_end(), &term[equals + 1..]);
        let (subject, word) = subject_and_operator(name)?;
        let (of, path) = source(subject)?;
        let node_of = |value: &str| {
            if word.takes_list() {
                return Node::of_list(of, path, word, &parse_list::<Node>(value)?);
            }
            Node::of_value(of, path, word, &Written::of_parameter(value))
        };
        let node = node_of_value(value, node_of);
        self.at += match &node {
            Ok(_) => bytes,
            Err(_) => equals + 1 + (value.len() - value.trim_start().len()),
        };
        node
    }

    /// The text up to the next `&` or the end, without blanks at its end.
    fn term(&self) -> &'a str {
        let rest = self.rest();
        let end = outside_quotes(rest, '&').unwrap_or(rest.len());
        rest[..end].trim_end()
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }
}

fn node_of_value(
    value: &str,
    node_of: impl FnOnce(&str) -> Result<Node, String>,
) -> Result<Node, String> {
    let value = value.trim();
    if value.starts_with('=') {
        return Err("equality is one =".to_owned());
    }
    if outside_quotes(value, '|').is_some_and(|at| value[at..].starts_with("||")) {
        return Err("|| is no operator, write or(a.eq.1,b.eq.2)".to_owned());
    }
    node_of(value)
}

/// The left side of a condition: `path` or `path[operator]`.
fn subject_and_operator(name: &str) -> Result<(Subject, Word), String> {
    for (sign, word) in [("!", "ne"), (">", "gte"), ("<", "lte"), ("~", "like")] {
        if let Some(path) = name.strip_suffix(sign) {
            let path = path.trim_end();
            return Err(format!("{sign}= is no operator, write {path}[{word}]="));
        }
    }
    let (path, end) = FieldPath::parse_prefix(name).map_err(|error| error.to_string())?;
    let subject = Subject { path, quoted: name.starts_with('"') };
    let rest = &name[end..];
    if rest.is_empty() {
        return Ok((subject, Word::Eq));
    }
    let operator = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let Some(operator) = operator else {
        return Err("expected path=value or path[operator]=value".to_owned());
    };
    Word::find(operator).map(|word| (subject, word)).ok_or_else(|| unknown_operator(operator))
}

/// The joint of a group that a term begins with, `or(` or `or=(`, and where it opens.
fn group_in(term: &str) -> Option<(Joint, usize)> {
    let opening = term.find('(')?;
    let word = term[..opening].trim_end();
    let word = word.strip_suffix('=').unwrap_or(word).trim_end();
    Joint::find(word).map(|joint| (joint, opening))
}

/// Where a character first stands that is in no JSON string.
fn outside_quotes(text: &str, wanted: char) -> Option<usize> {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c == wanted {
            return Some(at);
        }
        let string = (c == '"').then(|| json::read_string(text, at).ok()).flatten();
        at = string.map_or(at + c.len_utf8(), |(_, end)| end);
    }
    None
}
