//! Paths to fields inside documents.

use std::{fmt, sync::Arc};

use crate::json;

/// Longest field path, in bytes of its text.
///
/// Ours: far above what people write, short enough for the name of an index.
pub const FIELD_PATH_BYTES_MAX: usize = 512;

/// Most steps of a field path.
pub const FIELD_PATH_STEPS_MAX: usize = 16;

/// The place of a field in a document: `status`, `address.city`, `tags.0`, `"a.b".c`.
///
/// Steps are separated by dots. A step that is empty, holds one of `. " [ ] ( ) ,` or a control
/// character, or begins or ends with blank space, is written as a JSON string. A step reaches
/// into an object by key; into an array by canonical decimal index. The path `id` is the
/// document's id. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(Arc<[PathStep]>);

/// One step of a [`FieldPath`]: the key, decoded.
pub type PathStep = Box<str>;

impl FieldPath {
    /// Reads a path.
    ///
    /// # Errors
    /// [`InvalidFieldPath`] says which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, InvalidFieldPath> {
        let (path, end) = Self::parse_prefix(text)?;
        match text[end..].chars().next() {
            None => Ok(path),
            Some(found) => Err(InvalidFieldPath::Character { found }),
        }
    }

    /// Reads a path up to the first `[`, `]`, `(`, `)` or `,`, and says where it ends.
    pub(crate) fn parse_prefix(text: &str) -> Result<(Self, usize), InvalidFieldPath> {
        let mut steps = Vec::new();
        let mut at = 0;
        loop {
            let (step, end) = read_step(text, at)?;
            steps.push(step.text);
            at = end;
            if !text[at..].starts_with('.') {
                return Self::from_steps(steps).map(|path| (path, at));
            }
            at += 1;
        }
    }

    /// A path of decoded steps. Its printed form is what must be short.
    pub(crate) fn from_steps(steps: Vec<PathStep>) -> Result<Self, InvalidFieldPath> {
        if steps.is_empty() {
            return Err(InvalidFieldPath::EmptyStep);
        }
        if steps.len() > FIELD_PATH_STEPS_MAX {
            return Err(InvalidFieldPath::TooManySteps { steps: steps.len() });
        }
        let path = Self(steps.into());
        match path.to_string().len() {
            ..=FIELD_PATH_BYTES_MAX => Ok(path),
            bytes => Err(InvalidFieldPath::TooLong { bytes }),
        }
    }

    /// The steps; at least one, at most [`FIELD_PATH_STEPS_MAX`].
    #[must_use]
    pub fn steps(&self) -> &[PathStep] {
        &self.0
    }

    /// Whether this is the document's id.
    #[must_use]
    #[inline]
    pub fn is_id(&self) -> bool {
        matches!(&*self.0, [step] if &**step == "id")
    }
}

/// One step as it was written.
pub(crate) struct ReadStep {
    pub(crate) text: PathStep,
    pub(crate) quoted: bool,
}

/// Reads the step at `at`, up to a dot or a character that cannot stand in a bare step, and says
/// where it ends.
pub(crate) fn read_step(text: &str, at: usize) -> Result<(ReadStep, usize), InvalidFieldPath> {
    if text[at..].starts_with('"') {
        let (step, end) =
            json::read_string(text, at).map_err(|_| InvalidFieldPath::Quotes { at })?;
        return match text[end..].chars().next() {
            None | Some('.' | '[' | ']' | '(' | ')' | ',') => {
                Ok((ReadStep { text: step.into(), quoted: true }, end))
            }
            Some(found) => Err(InvalidFieldPath::Character { found }),
        };
    }
    let length = text[at..].find(must_be_quoted).unwrap_or(text.len() - at);
    let (step, rest) = text[at..].split_at(length);
    match rest.chars().next() {
        None | Some('.' | '[' | ']' | '(' | ')' | ',') => {}
        Some(found) => return Err(InvalidFieldPath::Character { found }),
    }
    if step.is_empty() {
        return Err(InvalidFieldPath::EmptyStep);
    }
    if step.trim() != step {
        return Err(InvalidFieldPath::Blank { step: json::cut(step, 100) });
    }
    Ok((ReadStep { text: step.into(), quoted: false }, at + length))
}

/// Whether a step with this character is written as a JSON string.
fn must_be_quoted(c: char) -> bool {
    matches!(c, '.' | '"' | '[' | ']' | '(' | ')' | ',') || c.is_control()
}

/// The form that [`FieldPath::parse`] reads; steps are quoted only where they must be, and
/// before what an order would take for its sign.
impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(".")?;
            }
            let bare = !step.is_empty()
                && step.trim().len() == step.len()
                && !step.starts_with(['-', '+'])
                && !step.contains(must_be_quoted);
            if bare {
                f.write_str(step)?;
            } else {
                f.write_str(&json::quoted(step))?;
            }
        }
        Ok(())
    }
}

/// Why a text is not a field path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidFieldPath {
    /// There is nothing at the start, at the end or between two dots.
    #[error("a step of the field path is empty, write an empty key as \"\"")]
    EmptyStep,
    /// The path is longer than [`FIELD_PATH_BYTES_MAX`].
    #[error("the field path has {bytes} bytes, at most {FIELD_PATH_BYTES_MAX} are allowed")]
    TooLong {
        /// Length of the refused path.
        bytes: usize,
    },
    /// The path has more than [`FIELD_PATH_STEPS_MAX`] steps.
    #[error("the field path has {steps} steps, at most {FIELD_PATH_STEPS_MAX} are allowed")]
    TooManySteps {
        /// Number of steps.
        steps: usize,
    },
    /// A character stands where a dot or the end is expected, or needs quotes.
    #[error("the field path holds {found:?}, write such a step as a JSON string: \"a.b\"")]
    Character {
        /// The character.
        found: char,
    },
    /// A step begins or ends with blank space.
    #[error(
        "the step {step:?} begins or ends with blank space, leave it out or write the step as a JSON string"
    )]
    Blank {
        /// The step, cut to 100 characters.
        step: String,
    },
    /// A quoted step is not a JSON string.
    #[error("the quoted step at byte {at} of the field path is not a JSON string")]
    Quotes {
        /// Offset of the opening quote.
        at: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_steps() {
        let cases: [(&str, &[&str]); 10] = [
            ("status", &["status"]),
            ("address.city", &["address", "city"]),
            ("tags.0", &["tags", "0"]),
            (r#""a.b".c"#, &["a.b", "c"]),
            (r#"a."b\"\u0041""#, &["a", "b\"A"]),
            (r#""""#, &[""]),
            ("-a", &["-a"]),
            ("first name", &["first name"]),
            ("größe", &["größe"]),
            ("a:b@c/d$", &["a:b@c/d$"]),
        ];
        for (text, steps) in cases {
            let path = FieldPath::parse(text).unwrap();
            assert_eq!(path.steps().iter().map(|s| &**s).collect::<Vec<_>>(), steps);
            assert_eq!(FieldPath::parse(&path.to_string()), Ok(path));
        }
    }

    #[test]
    fn prints_quotes_only_where_needed() {
        let cases = [
            (r#""a"."b c""#, r#"a.b c"#),
            (r#""-a"."+b""#, r#""-a"."+b""#),
            (r#""a.b"."[x]"."a,b"."(".")""#, r#""a.b"."[x]"."a,b"."(".")""#),
            (r#"""." x"."y "."\n""#, r#"""." x"."y "."\n""#),
        ];
        for (text, printed) in cases {
            let path = FieldPath::parse(text).unwrap();
            assert_eq!(path.to_string(), printed);
            assert_eq!(FieldPath::parse(printed), Ok(path));
        }
    }

    #[test]
    fn refuses_malformed_paths() {
        use InvalidFieldPath as E;
        let cases = [
            ("", E::EmptyStep),
            (".", E::EmptyStep),
            ("a.", E::EmptyStep),
            (".a", E::EmptyStep),
            ("a..b", E::EmptyStep),
            ("a\"b", E::Character { found: '"' }),
            ("a[b", E::Character { found: '[' }),
            ("a,b", E::Character { found: ',' }),
            ("a\nb", E::Character { found: '\n' }),
            ("\"a\"b", E::Character { found: 'b' }),
            ("\"a", E::Quotes { at: 0 }),
            ("a.\"\\x\"", E::Quotes { at: 2 }),
            ("a. b", E::Blank { step: " b".to_owned() }),
            ("a ", E::Blank { step: "a ".to_owned() }),
            (&"a".repeat(513), E::TooLong { bytes: 513 }),
            (&["a"; 17].join("."), E::TooManySteps { steps: 17 }),
        ];
        for (text, error) in cases {
            assert_eq!(FieldPath::parse(text), Err(error), "{text}");
        }
        assert!(FieldPath::parse(&["a"; 16].join(".")).is_ok());
        assert!(FieldPath::parse(&"a".repeat(512)).is_ok());
    }

    #[test]
    fn knows_the_id() {
        let is_id = |text| FieldPath::parse(text).unwrap().is_id();
        assert!(is_id("id") && is_id("\"id\""));
        assert!(!is_id("id.a") && !is_id("a.id") && !is_id("ID"));
    }
}
