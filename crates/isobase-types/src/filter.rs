//! Conditions on documents.

use std::{borrow::Cow, cmp::Ordering};

use crate::{
    DocumentId, DocumentTime, FieldPath, Indexed,
    json::{self, Kind, Number, Raw},
    like::{like, like_ignoring_case},
};

/// Most comparisons in the filter of one query, as they are written.
///
/// Ours: an access rule and a search form together stay far below.
pub const FILTER_CONDITIONS_MAX: usize = 200;

/// Deepest nesting of groups in the filter of one query. Bounds every recursion over a filter.
pub const FILTER_DEPTH_MAX: usize = 16;

/// Most values in one list of `in` or `nin`, as they are written.
pub const FILTER_LIST_MAX: usize = 1000;

/// Longest pattern of `like` and `ilike`, in bytes.
///
/// The time of a match grows with the product of pattern and text.
pub const FILTER_PATTERN_BYTES_MAX: usize = 1024;

/// A condition on a document.
///
/// # Types and null
/// A field that is missing is null. Values of different types are never equal and never
/// comparable: `age[gt]=18` does not hold for the text `"20"`, nor for null. Numbers are compared
/// by value: an integer within 64 bits exactly, any other number as the nearest 64-bit float.
/// Strings are compared by their UTF-8 bytes. Arrays and objects are equal to nothing.
/// `Not` is the plain complement: `name[ne]=Ann` holds for a missing name.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All hold. Empty: holds for every document.
    And(Vec<Filter>),
    /// At least one holds. Empty: holds for none.
    Or(Vec<Filter>),
    /// The condition does not hold.
    Not(Box<Filter>),
    /// A comparison of one field.
    Compare(Comparison),
}

impl Filter {
    /// The condition every document meets.
    #[must_use]
    pub fn all() -> Self {
        Self::And(Vec::new())
    }

    /// The condition no document meets.
    #[must_use]
    pub fn none() -> Self {
        Self::Or(Vec::new())
    }

    /// Whether this is [`Filter::all`] in its simple form.
    #[must_use]
    pub fn is_all(&self) -> bool {
        matches!(self, Self::And(filters) if filters.is_empty())
    }

    /// Whether this is [`Filter::none`] in its simple form.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self, Self::Or(filters) if filters.is_empty())
    }

    /// The fields that the condition looks at, each once.
    #[must_use]
    pub fn fields(&self) -> Vec<&FieldPath> {
        let mut fields = Vec::new();
        self.add_fields(&mut fields);
        fields
    }

    fn add_fields<'a>(&'a self, fields: &mut Vec<&'a FieldPath>) {
        match self {
            Self::And(filters) | Self::Or(filters) => {
                filters.iter().for_each(|filter| filter.add_fields(fields));
            }
            Self::Not(filter) => filter.add_fields(fields),
            Self::Compare(Comparison { path, .. }) if !fields.contains(&path) => fields.push(path),
            Self::Compare(_) => {}
        }
    }

    /// Whether it asks for a time that the store keeps of a document ([`FieldPath::time`]). Such a
    /// condition can be asked only of stored documents, by [`Self::meets`].
    #[must_use]
    pub fn asks_for_times(&self) -> bool {
        self.fields().iter().any(|path| path.time().is_some())
    }

    /// Whether a stored document meets the condition; the path `id` compares its id.
    #[must_use]
    pub fn meets(&self, document: Indexed<'_>) -> bool {
        self.holds(document.body, document.id, Some(document))
    }

    /// As [`Self::meets`], of a body whose times are unknown: they are null.
    #[must_use]
    pub fn matches(&self, body: &str, id: &DocumentId) -> bool {
        self.holds(body, id, None)
    }

    fn holds(&self, body: &str, id: &DocumentId, stored: Option<Indexed<'_>>) -> bool {
        match self {
            Self::And(filters) => filters.iter().all(|filter| filter.holds(body, id, stored)),
            Self::Or(filters) => filters.iter().any(|filter| filter.holds(body, id, stored)),
            Self::Not(filter) => !filter.holds(body, id, stored),
            Self::Compare(Comparison { path, operator }) => {
                let value = match path.time() {
                    Some(time) => Value::of_time(time, stored),
                    None if path.is_id() => Value::of_id(id),
                    None => Value::of(json::find(body, path)),
                };
                operator.holds(&value)
            }
        }
    }
}

/// A comparison of one field with constants.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The field.
    pub path: FieldPath,
    /// The question about its value.
    pub operator: Operator,
}

/// A question about a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Operator {
    /// Equals any of these. (`eq` has one, `in` several; `ne` and `nin` are its complement.)
    In(Vec<Literal>),
    /// Is of the same type as the literal and greater.
    Greater(Literal),
    /// Is of the same type as the literal and greater or equal.
    GreaterOrEqual(Literal),
    /// Is of the same type as the literal and less.
    Less(Literal),
    /// Is of the same type as the literal and less or equal.
    LessOrEqual(Literal),
    /// A string that matches the pattern: `%` any characters, `_` one character, `\` takes the
    /// next character as it is.
    Like {
        /// The pattern.
        pattern: String,
        /// Compare after folding the case of each character of both sides, whatever stands
        /// beside it: `Σ`, `σ` and `ς` are one.
        ignore_case: bool,
    },
    /// Is null or missing.
    Null,
    /// An array with an element equal to the literal; for a text, also a string that contains
    /// it.
    Contains(Literal),
}

impl Operator {
    fn holds(&self, value: &Value<'_>) -> bool {
        match self {
            Self::In(literals) => literals.iter().any(|literal| value.equals(literal)),
            Self::Greater(literal) => value.compare(literal).is_some_and(Ordering::is_gt),
            Self::GreaterOrEqual(literal) => value.compare(literal).is_some_and(Ordering::is_ge),
            Self::Less(literal) => value.compare(literal).is_some_and(Ordering::is_lt),
            Self::LessOrEqual(literal) => value.compare(literal).is_some_and(Ordering::is_le),
            Self::Like { pattern, ignore_case } => match value {
                Value::Text(text) if *ignore_case => like_ignoring_case(text, pattern),
                Value::Text(text) => like(text, pattern),
                _ => false,
            },
            Self::Null => matches!(value, Value::Null),
            Self::Contains(literal) => value.contains(literal),
        }
    }
}

/// A value as comparisons see it.
enum Value<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    Array(Raw<'a>),
    Object,
}

impl<'a> Value<'a> {
    fn of(value: Option<Raw<'a>>) -> Self {
        let Some(value) = value else { return Self::Null };
        match value.kind() {
            Kind::Null => Self::Null,
            Kind::Bool => Self::Bool(value.as_bool() == Some(true)),
            Kind::Number => value.number().map_or(Self::Null, Self::Number),
            Kind::String => value.as_str_decoded().map_or(Self::Null, Self::Text),
            Kind::Array => Self::Array(value),
            Kind::Object => Self::Object,
        }
    }

    fn of_id(id: &'a DocumentId) -> Self {
        match id {
            DocumentId::Integer(integer) => Self::Number(Number::Integer(*integer)),
            DocumentId::Text(text) => Self::Text(Cow::Borrowed(text)),
        }
    }

    fn of_time(time: DocumentTime, stored: Option<Indexed<'_>>) -> Self {
        stored.map_or(Self::Null, |stored| Self::Text(Cow::Owned(time.of(stored).to_string())))
    }

    fn equals(&self, literal: &Literal) -> bool {
        self.compare(literal).is_some_and(Ordering::is_eq)
    }

    /// The order of two values of one type; `None` for values of different types.
    fn compare(&self, literal: &Literal) -> Option<Ordering> {
        match (self, literal) {
            (Self::Bool(own), Literal::Bool(other)) => Some(own.cmp(other)),
            (Self::Number(own), Literal::Integer(other)) => Some(own.cmp(&Number::Integer(*other))),
            (Self::Number(own), Literal::Float(other)) => Some(own.cmp(&Number::Float(*other))),
            (Self::Text(own), Literal::Text(other)) => Some((**own).cmp(other.as_str())),
            _ => None,
        }
    }

    fn contains(&self, literal: &Literal) -> bool {
        match (self, literal) {
            (Self::Text(own), Literal::Text(part)) => own.contains(part.as_str()),
            (Self::Array(array), _) => {
                array.elements().any(|element| Value::of(Some(element)).equals(literal))
            }
            _ => false,
        }
    }
}

/// A constant in a filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `true` or `false`.
    Bool(bool),
    /// An integer within 64 bits.
    Integer(i64),
    /// Any other number, as the nearest 64-bit float; finite.
    Float(f64),
    /// A string.
    Text(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"n":18,"f":0.5,"big":9007199254740993,"t":"Ann\tSmith","e":"","z":null,"yes":true,"no":false,"a":[1,"x",true,null,[2],{"k":1}],"o":{"k":"v"},"num":"18"}"#;

    fn text(text: &str) -> Literal {
        Literal::Text(text.to_owned())
    }

    fn compare(path: &str, operator: Operator) -> Filter {
        Filter::Compare(Comparison { path: FieldPath::parse(path).unwrap(), operator })
    }

    fn matches(path: &str, operator: Operator) -> bool {
        compare(path, operator).matches(BODY, &DocumentId::from(7))
    }

    #[test]
    fn compares_values_of_one_type() {
        use Literal::{Bool, Float, Integer};
        use Operator::{Greater, GreaterOrEqual, In, Less, LessOrEqual};
        let cases = [
            ("n", In(vec![Integer(18)]), true),
            ("n", In(vec![Float(18.0)]), true),
            ("n", In(vec![text("18")]), false),
            ("num", In(vec![Integer(18)]), false),
            ("num", In(vec![Integer(18), text("18")]), true),
            ("n", In(vec![]), false),
            ("n", Greater(Integer(17)), true),
            ("n", Greater(Float(17.9)), true),
            ("n", Greater(Integer(18)), false),
            ("n", GreaterOrEqual(Integer(18)), true),
            ("n", Less(Float(18.5)), true),
            ("n", LessOrEqual(Integer(17)), false),
            ("num", Greater(Integer(1)), false),
            ("z", Less(Integer(1)), false),
            ("missing", Less(Integer(1)), false),
            ("big", In(vec![Integer(9_007_199_254_740_992)]), false),
            ("big", In(vec![Float(9_007_199_254_740_992.0)]), false),
            ("big", Greater(Float(9_007_199_254_740_992.0)), true),
            ("f", In(vec![Float(0.5)]), true),
            ("yes", In(vec![Bool(true)]), true),
            ("yes", Greater(Bool(false)), true),
            ("no", Greater(Bool(false)), false),
            ("t", In(vec![text("Ann\tSmith")]), true),
            ("t", Greater(text("Ann")), true),
            ("e", In(vec![text("")]), true),
            ("e", Less(text("a")), true),
            ("o.k", In(vec![text("v")]), true),
            ("o", In(vec![text("v")]), false),
            ("a.0", In(vec![Integer(1)]), true),
            ("a", In(vec![Integer(1)]), false),
            ("id", In(vec![Integer(7)]), true),
            ("id", In(vec![text("7")]), false),
            ("id", Greater(Integer(6)), true),
        ];
        for (path, operator, holds) in cases {
            assert_eq!(matches(path, operator.clone()), holds, "{path} {operator:?}");
        }
        let by_text = compare("id", In(vec![text("k")]));
        assert!(by_text.matches("{}", &DocumentId::Text("k".into())));
    }

    #[test]
    fn null_is_null_or_missing() {
        for (path, holds) in [
            ("z", true),
            ("missing", true),
            ("a.3", true),
            ("a.9", true),
            ("n.x", true),
            ("e", false),
            ("no", false),
            ("id", false),
        ] {
            assert_eq!(matches(path, Operator::Null), holds, "{path}");
        }
    }

    #[test]
    fn contains_looks_into_strings_and_arrays() {
        use Literal::{Bool, Float, Integer};
        let cases = [
            ("t", text("n\tS"), true),
            ("t", text("ann"), false),
            ("t", text(""), true),
            ("a", Integer(1), true),
            ("a", Float(1.0), true),
            ("a", text("x"), true),
            ("a", text("1"), false),
            ("a", text(""), false),
            ("a", Bool(true), true),
            ("a", Integer(2), false),
            ("o", text("k"), false),
            ("num", Integer(1), false),
            ("missing", text(""), false),
        ];
        for (path, literal, holds) in cases {
            assert_eq!(
                matches(path, Operator::Contains(literal.clone())),
                holds,
                "{path} {literal:?}"
            );
        }
    }

    #[test]
    fn like_is_for_texts() {
        assert!(!matches("n", Operator::Like { pattern: "%".to_owned(), ignore_case: false }));
        assert!(matches("num", Operator::Like { pattern: "%".to_owned(), ignore_case: false }));
    }

    #[test]
    fn groups_combine() {
        let (yes, no) = (|| Filter::all(), || Filter::Or(Vec::new()));
        let holds = |filter: Filter| filter.matches(BODY, &DocumentId::from(7));
        assert!(holds(yes()) && !holds(no()));
        assert!(holds(Filter::Not(Box::new(no()))));
        assert!(!holds(Filter::And(vec![yes(), no()])));
        assert!(holds(Filter::Or(vec![no(), yes()])));
        let not_equal = compare("missing", Operator::In(vec![text("Ann")]));
        assert!(holds(Filter::Not(Box::new(not_equal))));
    }
}
