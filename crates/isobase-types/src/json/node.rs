//! A value that is taken apart only where it is changed.

use std::borrow::Cow;

use super::{DEPTH_MAX, Kind, Raw, quoted};

/// A value: its canonical text, or the parts of it that were looked at.
pub(super) enum Node<'a> {
    Text(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    /// Members in their order; keys are canonical strings with their quotes.
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'a> Node<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Text(text) => Raw::new(text).kind(),
            Self::Array(_) => Kind::Array,
            Self::Object(_) => Kind::Object,
        }
    }

    pub(super) fn to_text(&self) -> Cow<'_, str> {
        if let Self::Text(text) = self {
            return Cow::Borrowed(text);
        }
        let mut out = String::new();
        self.write(&mut out);
        Cow::Owned(out)
    }

    /// Recurses as deep as it was taken apart.
    fn write(&self, out: &mut String) {
        match self {
            Self::Text(text) => out.push_str(text),
            Self::Array(elements) => {
                out.push('[');
                for (place, element) in elements.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    element.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (place, (key, value)) in members.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    out.push_str(key);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// The elements of an array, taken apart; `None` for anything else.
    pub(super) fn elements(&mut self) -> Option<&mut Vec<Self>> {
        if self.kind() == Kind::Array
            && let Self::Text(text) = self
        {
            *self = Self::Array(match text {
                Cow::Borrowed(text) => {
                    let text: &'a str = text;
                    Raw::new(text).elements().map(|it| Self::new(it.as_text())).collect()
                }
                Cow::Owned(text) => {
                    let owned = |it: Raw<'_>| Self::Text(Cow::Owned(it.as_text().to_owned()));
                    Raw::new(text).elements().map(owned).collect()
                }
            });
        }
        match self {
            Self::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The members of an object, taken apart; `None` for anything else.
    pub(super) fn members(&mut self) -> Option<&mut Vec<(Cow<'a, str>, Self)>> {
        if self.kind() == Kind::Object
            && let Self::Text(text) = self
        {
            *self = Self::Object(match text {
                Cow::Borrowed(text) => {
                    let (text, new) = (*text, |it: Raw<'a>| Cow::Borrowed(it.as_text()));
                    let members = Raw::new(text).members();
                    members.map(|(key, value)| (new(key), Self::Text(new(value)))).collect()
                }
                Cow::Owned(text) => {
                    let owned = |it: Raw<'_>| Cow::Owned(it.as_text().to_owned());
                    let members = Raw::new(text).members();
                    members.map(|(key, value)| (owned(key), Self::Text(owned(value)))).collect()
                }
            });
        }
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// What stands under a key of an object or a canonical index of an array.
    pub(super) fn child(&mut self, step: &str) -> Option<&mut Self> {
        match self.kind() {
            Kind::Object => {
                let key = quoted(step);
                let members = self.members()?;
                members.iter_mut().find(|(known, _)| *known == key).map(|(_, value)| value)
            }
            Kind::Array => self.elements()?.get_mut(index(step)?),
            _ => None,
        }
    }
}

/// The index that a step stands for: canonical decimal.
pub(super) fn index(step: &str) -> Option<usize> {
    let is_canonical = step == "0" || !step.starts_with('0');
    let is_decimal = !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
    (is_canonical && is_decimal).then(|| step.parse().ok()).flatten()
}

/// Whether a value may stand below so many steps.
pub(super) fn fits_depth(steps: usize, value: &str) -> bool {
    steps + depth(value) <= DEPTH_MAX
}

/// Arrays and objects that are open at once.
fn depth(text: &str) -> usize {
    let (mut open, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                open += 1;
                deepest = deepest.max(open);
            }
            b'}' | b']' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
