//! From the words of a URL to comparisons.

use std::borrow::Cow;

use crate::{
    Comparison, FieldPath, Filter, Literal, Operator, Timestamp,
    filter::{FILTER_LIST_MAX, FILTER_PATTERN_BYTES_MAX},
    json::{self, InvalidJsonKind, Number},
};

/// An operator as a URL writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Eq,
    Ne,
    Gt,
    Gte,
    Lt,
    Lte,
    In,
    Nin,
    Like,
    Ilike,
    Null,
    Contains,
}

const WORDS: [(&str, Word); 12] = [
    ("eq", Word::Eq),
    ("ne", Word::Ne),
    ("gt", Word::Gt),
    ("gte", Word::Gte),
    ("lt", Word::Lt),
    ("lte", Word::Lte),
    ("in", Word::In),
    ("nin", Word::Nin),
    ("like", Word::Like),
    ("ilike", Word::Ilike),
    ("null", Word::Null),
    ("contains", Word::Contains),
];

impl Word {
    pub(super) fn find(text: &str) -> Option<Self> {
        WORDS.iter().find(|(word, _)| *word == text).map(|(_, operator)| *operator)
    }

    /// Whether the value is a list.
    pub(super) fn takes_list(self) -> bool {
        matches!(self, Self::In | Self::Nin)
    }
}

/// The message for a word that is no operator.
pub(super) fn unknown_operator(text: &str) -> String {
    let known = WORDS.map(|(word, _)| word).join(", ");
    let hint = nearest(text).map_or_else(String::new, |word| format!(", did you mean {word}?"));
    let text = json::cut(text, 100);
    format!("the operator {text:?} is unknown{hint} (expected one of {known})")
}

/// The operator someone may have meant.
fn nearest(text: &str) -> Option<&'static str> {
    // Longer words are no typing errors, and the distance takes time.
    if text.len() > 16 {
        return None;
    }
    let text = text.to_lowercase();
    let near = WORDS.iter().map(|(word, _)| (strsim::damerau_levenshtein(&text, word), *word));
    let (distance, word) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= 2 && distance < word.len()).then_some(word)
}

/// A value as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Written<'a> {
    /// Without quotes: what it means depends on its form.
    Bare(&'a str),
    /// A JSON string, decoded: always a string.
    Quoted(Cow<'a, str>),
}

impl<'a> Written<'a> {
    /// The value of a parameter: quoted if all of it is one JSON string.
    pub(super) fn of_parameter(value: &'a str) -> Self {
        match value.starts_with('"').then(|| json::read_string(value, 0)) {
            Some(Ok((text, end))) if end == value.len() => Self::Quoted(text),
            _ => Self::Bare(value),
        }
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Bare(text) => text,
            Self::Quoted(text) => text,
        }
    }

    fn form(&self) -> Result<Form, String> {
        let Self::Bare(text) = self else { return Ok(Form::Text) };
        Ok(match *text {
            "null" => Form::Null,
            "true" => Form::Typed(Literal::Bool(true)),
            "false" => Form::Typed(Literal::Bool(false)),
            _ => number(text)?.map_or(Form::Text, Form::Typed),
        })
    }
}

/// What a written value may stand for beside its text.
enum Form {
    /// Nothing else.
    Text,
    /// A boolean or a number.
    Typed(Literal),
    Null,
}

/// The number a bare text is, if it is a JSON number.
fn number(text: &str) -> Result<Option<Literal>, String> {
    if !text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        return Ok(None);
    }
    match json::canonicalise_value(text.as_bytes()) {
        // Blank space around a number makes it a string.
        Ok(canonical) if canonical == text => Ok(Number::parse(text).map(|number| match number {
            Number::Integer(value) => Literal::Integer(value),
            Number::Float(value) => Literal::Float(value),
        })),
        Err(error) if matches!(error.kind, InvalidJsonKind::NumberOutOfRange { .. }) => {
            Err(format!("{}, expected a smaller one, or quotes around a string", error.kind))
        }
        _ => Ok(None),
    }
}

/// The condition of an operator with one value.
pub(super) fn with_value(
    path: FieldPath,
    word: Word,
    value: &Written<'_>,
) -> Result<Filter, String> {
    let operator = match word {
        Word::Eq | Word::In => return equal_to_any(path, std::slice::from_ref(value)),
        Word::Ne | Word::Nin => {
            return equal_to_any(path, std::slice::from_ref(value)).map(negate);
        }
        Word::Gt => Operator::Greater(ordered(&path, value)?),
        Word::Gte => Operator::GreaterOrEqual(ordered(&path, value)?),
        Word::Lt => Operator::Less(ordered(&path, value)?),
        Word::Lte => Operator::LessOrEqual(ordered(&path, value)?),
        Word::Like | Word::Ilike | Word::Null | Word::Contains if path.time().is_some() => {
            return Err(format!("{path} is a time, expected eq, ne, gt, gte, lt, lte, in or nin"));
        }
        Word::Like | Word::Ilike => pattern(value, word == Word::Ilike)?,
        Word::Null => match value {
            Written::Bare("true") => Operator::Null,
            Written::Bare("false") => return Ok(negate(compare(path, Operator::Null))),
            _ => return Err("expected true or false".to_owned()),
        },
        Word::Contains => return contains(path, value),
    };
    Ok(compare(path, operator))
}

/// The condition of an operator with a list.
pub(super) fn with_list(
    path: FieldPath,
    word: Word,
    values: &[Written<'_>],
) -> Result<Filter, String> {
    if values.is_empty() {
        return Err("expected at least one value in the list".to_owned());
    }
    if values.len() > FILTER_LIST_MAX {
        let count = values.len();
        return Err(format!("the list has {count} values, at most {FILTER_LIST_MAX} are allowed"));
    }
    let any = equal_to_any(path, values)?;
    Ok(if word == Word::Nin { negate(any) } else { any })
}

/// A bare number, boolean or null stands for itself and for the string of the same text: a URL
/// has no types, and `zip=12345` must find both.
fn equal_to_any(path: FieldPath, values: &[Written<'_>]) -> Result<Filter, String> {
    if path.time().is_some() {
        let times = values.iter().map(moment).collect::<Result<_, _>>()?;
        return Ok(compare(path, Operator::In(times)));
    }
    let mut literals = Vec::with_capacity(values.len());
    let mut null = false;
    for value in values {
        match value.form()? {
            Form::Text => {}
            Form::Typed(literal) => literals.push(literal),
            Form::Null => null = true,
        }
        literals.push(Literal::Text(value.text().to_owned()));
    }
    if !null {
        return Ok(compare(path, Operator::In(literals)));
    }
    let is_null = compare(path.clone(), Operator::Null);
    Ok(Filter::Or(vec![is_null, compare(path, Operator::In(literals))]))
}

/// The literal of a comparison by order, which has one type only.
fn ordered(path: &FieldPath, value: &Written<'_>) -> Result<Literal, String> {
    if path.time().is_some() {
        return moment(value);
    }
    match value.form()? {
        Form::Text => Ok(Literal::Text(value.text().to_owned())),
        Form::Typed(literal) => Ok(literal),
        Form::Null => Err("null has no order, expected another value; [null]=true asks for \
             null, and \"null\" in quotes is a string"
            .to_owned()),
    }
}

/// A time as documents have it, in whole microseconds and UTC.
fn moment(value: &Written<'_>) -> Result<Literal, String> {
    let time = Timestamp::parse_exact(value.text()).ok_or_else(|| {
        format!(
            "{:?} is no time, expected RFC 3339 from 1970 on with at most six digits after the \
             second, such as 2026-11-20T14:09:00.123456Z; a + is written %2B",
            json::cut(value.text(), 100)
        )
    })?;
    Ok(Literal::Text(time.to_string()))
}

fn pattern(value: &Written<'_>, ignore_case: bool) -> Result<Operator, String> {
    let pattern = value.text().to_owned();
    match pattern.len() {
        ..=FILTER_PATTERN_BYTES_MAX => Ok(Operator::Like { pattern, ignore_case }),
        bytes => Err(format!(
            "the pattern has {bytes} bytes, at most {FILTER_PATTERN_BYTES_MAX} are allowed"
        )),
    }
}

fn contains(path: FieldPath, value: &Written<'_>) -> Result<Filter, String> {
    let text = Literal::Text(value.text().to_owned());
    Ok(match value.form()? {
        Form::Typed(literal) => Filter::Or(vec![
            compare(path.clone(), Operator::Contains(literal)),
            compare(path, Operator::Contains(text)),
        ]),
        Form::Text | Form::Null => compare(path, Operator::Contains(text)),
    })
}

fn compare(path: FieldPath, operator: Operator) -> Filter {
    Filter::Compare(Comparison { path, operator })
}

fn negate(filter: Filter) -> Filter {
    Filter::Not(Box::new(filter))
}
