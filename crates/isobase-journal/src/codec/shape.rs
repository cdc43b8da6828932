//! Losses of the native form.
//!
//! A document in its *usual form* has the fields of every object in the order of their bytes and
//! only plain numbers. What differs is its *shape*: the order of the fields, as places among the
//! sorted ones, and the text of numbers. A shape is short ASCII text without quotes and
//! backslashes, which native documents hold as a string:
//!
//! ```text
//! shape   = object
//! object  = "{" [order] [":" entries] "}"
//! array   = "[" entries "]"
//! number  = "=" its text
//! order   = one of 0-9A-Za-z for each field, or "!" and decimals with "." between them
//! entries = entry *("," entry)
//! entry   = [place] ["+" count] (object / array / number)
//! ```
//!
//! A place is an index (among the sorted fields in an object); without it an entry stands right
//! after the one before. `+3` stands for three neighbours of the same shape. This text is stored:
//! a change of its grammar must still read the old one.

use std::fmt::Write as _;

use super::{Tree, number};

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Deepest shape that is read; what is deeper was not made by us.
const LEVELS_MAX: u32 = 160;

/// The difference from the usual form, in one value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shape<'a> {
    Number(&'a str),
    Array(Entries<'a>),
    Object {
        /// For each field in the order of the text, its place among the sorted ones.
        order: Option<Vec<u32>>,
        entries: Entries<'a>,
    },
}

/// Shapes of elements or sorted fields, by their places.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Entries<'a>(Vec<Entry<'a>>);

#[derive(Debug, PartialEq, Eq)]
struct Entry<'a> {
    first: u32,
    count: u32,
    shape: Shape<'a>,
}

impl<'a> Entries<'a> {
    /// The shape of what stands at a place.
    pub(super) fn at(&self, place: usize) -> Option<&Shape<'a>> {
        let place = u32::try_from(place).ok()?;
        let next = self.0.partition_point(|entry| entry.first <= place);
        let entry = self.0.get(next.checked_sub(1)?)?;
        (place - entry.first < entry.count).then_some(&entry.shape)
    }
}

/// The places of fields in the order of their names' bytes.
pub(super) fn sorted_places(fields: &[(String, Tree)]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..fields.len()).collect();
    places.sort_unstable_by(|a, b| fields[*a].0.cmp(&fields[*b].0));
    places
}

/// The shape of a document's fields; `None` when they have the usual form.
pub(super) fn of_fields(fields: &[(String, Tree)]) -> Option<String> {
    object(fields)
}

fn of(tree: &Tree) -> Option<String> {
    match tree {
        Tree::Number(text) if !number::is_plain(text) => Some(format!("={text}")),
        Tree::Array(elements) => {
            let entries = entries(elements.iter());
            (!entries.is_empty()).then(|| format!("[{entries}]"))
        }
        Tree::Object(fields) => object(fields),
        _ => None,
    }
}

fn object(fields: &[(String, Tree)]) -> Option<String> {
    let sorted = sorted_places(fields);
    let entries = entries(sorted.iter().map(|place| &fields[*place].1));
    let usual = sorted.is_sorted();
    if usual && entries.is_empty() {
        return None;
    }
    let mut out = String::from("{");
    if !usual {
        push_order(&sorted, &mut out);
    }
    if !entries.is_empty() {
        out.push(':');
        out.push_str(&entries);
    }
    out.push('}');
    Some(out)
}

/// `sorted[k]` is the place in the text of the k-th name; the order is the inverse of that.
fn push_order(sorted: &[usize], out: &mut String) {
    let mut order = vec![0; sorted.len()];
    for (rank, place) in sorted.iter().enumerate() {
        order[*place] = rank;
    }
    if order.len() <= DIGITS.len() {
        out.extend(order.iter().map(|rank| char::from(DIGITS[*rank])));
        return;
    }
    for (place, rank) in order.iter().enumerate() {
        let separator = if place == 0 { '!' } else { '.' };
        let _ = write!(out, "{separator}{rank}");
    }
}

fn entries<'t>(values: impl Iterator<Item = &'t Tree>) -> String {
    let mut out = String::new();
    // The entry that is still growing: its first place, its length and its shape.
    let mut open: Option<(usize, usize, String)> = None;
    let mut written = 0;
    let mut close = |open: &mut Option<(usize, usize, String)>| {
        let Some((first, count, shape)) = open.take() else { return };
        if !out.is_empty() {
            out.push(',');
        }
        if first != written {
            let _ = write!(out, "{first}");
        }
        if count > 1 {
            let _ = write!(out, "+{count}");
        }
        out.push_str(&shape);
        written = first + count;
    };
    for (place, value) in values.enumerate() {
        match (of(value), &mut open) {
            (Some(shape), Some((_, count, known))) if shape == *known => *count += 1,
            (Some(shape), _) => {
                close(&mut open);
                open = Some((place, 1, shape));
            }
            (None, _) => close(&mut open),
        }
    }
    close(&mut open);
    out
}

/// Reads a shape; `None` when it is something else.
pub(super) fn parse(text: &str) -> Option<Shape<'_>> {
    let mut reader = Reader { text, at: 0 };
    let shape = reader.shape(0)?;
    (reader.at == text.len()).then_some(shape)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let taken = self.peek() == Some(byte);
        self.at += usize::from(taken);
        taken
    }

    /// The longest text of such bytes.
    fn run(&mut self, belongs: impl Fn(u8) -> bool) -> &'a str {
        let start = self.at;
        while self.peek().is_some_and(&belongs) {
            self.at += 1;
        }
        // Only ASCII was passed.
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn number(&mut self) -> Option<u32> {
        self.run(|byte| byte.is_ascii_digit()).parse().ok()
    }

    fn shape(&mut self, level: u32) -> Option<Shape<'a>> {
        if level > LEVELS_MAX {
            return None;
        }
        match self.peek()? {
            b'=' => {
                self.at += 1;
                let of_number = |byte: u8| {
                    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
                };
                let text = self.run(of_number);
                // A caller that altered the note must not make text of it that is no JSON.
                matches!(Tree::parse(text), Ok(Tree::Number(_))).then_some(Shape::Number(text))
            }
            b'[' => {
                self.at += 1;
                let entries = self.entries(level)?;
                self.take(b']').then_some(Shape::Array(entries))
            }
            b'{' => {
                self.at += 1;
                let order = self.order()?;
                let entries =
                    if self.take(b':') { self.entries(level)? } else { Entries::default() };
                self.take(b'}').then_some(Shape::Object { order, entries })
            }
            _ => None,
        }
    }

    /// An order that names every place once.
    fn order(&mut self) -> Option<Option<Vec<u32>>> {
        let order: Vec<u32> = if self.take(b'!') {
            let text = self.run(|byte| byte.is_ascii_digit() || byte == b'.');
            text.split('.').map(|rank| rank.parse().ok()).collect::<Option<_>>()?
        } else {
            let text = self.run(|byte| byte.is_ascii_alphanumeric());
            text.bytes().filter_map(rank_of_digit).collect()
        };
        if order.is_empty() {
            return Some(None);
        }
        let mut seen = vec![false; order.len()];
        for rank in &order {
            let seen = seen.get_mut(*rank as usize)?;
            if std::mem::replace(seen, true) {
                return None;
            }
        }
        Some(Some(order))
    }

    fn entries(&mut self, level: u32) -> Option<Entries<'a>> {
        let mut entries: Vec<Entry<'a>> = Vec::new();
        let mut next = 0_u32;
        loop {
            let first = match self.peek()? {
                b'0'..=b'9' => self.number()?,
                _ => next,
            };
            let count = if self.take(b'+') { self.number()? } else { 1 };
            let shape = self.shape(level + 1)?;
            if first < next || count == 0 {
                return None;
            }
            next = first.checked_add(count)?;
            entries.push(Entry { first, count, shape });
            if !self.take(b',') {
                return Some(Entries(entries));
            }
        }
    }
}

fn rank_of_digit(digit: u8) -> Option<u32> {
    DIGITS.iter().position(|known| *known == digit).and_then(|rank| u32::try_from(rank).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Option<String> {
        of_fields(&Tree::parse_fields(text).unwrap())
    }

    #[test]
    fn usual_documents_have_none() {
        for text in ["{}", "{\"a\":1,\"b\":[1.5,{\"x\":null,\"y\":\"\"}],\"é\":-7}"] {
            assert_eq!(shape(text), None, "{text}");
        }
    }

    #[test]
    fn has_the_documented_text() {
        let cases = [
            ("{\"b\":1,\"a\":2}", "{10}"),
            ("{\"a\":1.0}", "{:=1.0}"),
            (
                "{\"c\":1e2,\"a\":[0,1.50,1.50,-0.0,7,2.0],\"b\":{\"y\":1,\"x\":{}}}",
                "{201:[1+2=1.50,=-0.0,5=2.0],{10},=1e2}",
            ),
            ("{\"a\":[{\"y\":1,\"x\":1},{\"y\":2,\"x\":2},{\"x\":2}]}", "{:[+2{10}]}"),
        ];
        for (text, expected) in cases {
            assert_eq!(shape(text).as_deref(), Some(expected), "{text}");
            assert!(parse(expected).is_some(), "{expected}");
        }
    }

    #[test]
    fn large_objects_have_a_long_order() {
        let fields: Vec<_> = (0..70).rev().map(|n| (format!("{n:02}"), Tree::Null)).collect();
        let text = of_fields(&fields).unwrap();
        assert!(text.starts_with("{!69.68."), "{text}");
        let Some(Shape::Object { order: Some(order), .. }) = parse(&text) else { panic!() };
        assert_eq!(order, (0..70).rev().collect::<Vec<_>>());
    }

    #[test]
    fn altered_shapes_are_refused() {
        for text in [
            "",
            "{",
            "{00}",
            "{02}",
            "{:}",
            "{:=}",
            "{:=x}",
            "{:=1.0",
            "{:=1.0}}",
            "{:5=1.0,3=1.0}",
            "{:+0=1.0}",
            "{:9999999999=1}",
            "{!1.}",
            "{:=01}",
            "{:4294967295+9=1}",
            "é",
            "{é}",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert!(parse(&"{:[".repeat(400)).is_none());
    }
}
