//! Which types of files are taken.

use std::{fmt, str::FromStr};

/// Types of files, as `image/*` and `application/pdf`: what a file's first bytes say it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaTypes(Vec<Box<str>>);

/// A text names no type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a type as image/png, or all of a kind as image/*")]
pub struct InvalidMediaType;

impl MediaTypes {
    /// Types by their names; of none, all files are taken.
    ///
    /// # Errors
    /// [`InvalidMediaType`].
    pub fn new<T: AsRef<str>>(
        names: impl IntoIterator<Item = T>,
    ) -> Result<Self, InvalidMediaType> {
        let read = |name: T| {
            let name = name.as_ref().to_ascii_lowercase();
            let is_word = |text: &str| {
                !text.is_empty()
                    && text.bytes().all(|it| it.is_ascii_alphanumeric() || b"-+.".contains(&it))
            };
            match name.split_once('/') {
                Some((kind, of)) if is_word(kind) && (of == "*" || is_word(of)) => {
                    Ok(name.into_boxed_str())
                }
                _ => Err(InvalidMediaType),
            }
        };
        names.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a file of this type is taken.
    #[must_use]
    pub fn takes(&self, media_type: &str) -> bool {
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        let of_kind = |name: &str| {
            let kind = name.strip_suffix('*')?;
            Some(essence.starts_with(kind))
        };
        self.0.is_empty()
            || self.0.iter().any(|name| &**name == essence || of_kind(name) == Some(true))
    }
}

impl FromStr for MediaTypes {
    type Err = InvalidMediaType;

    fn from_str(text: &str) -> Result<Self, InvalidMediaType> {
        Self::new(text.split(',').map(str::trim).filter(|name| !name.is_empty()))
    }
}

impl fmt::Display for MediaTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_all_of_its_types() {
        let types = MediaTypes::new(["image/*", "application/pdf", "TEXT/plain"]).unwrap();
        for (media_type, is_taken) in [
            ("image/png", true),
            ("image/svg+xml", true),
            ("application/pdf", true),
            ("application/zip", false),
            ("text/plain; charset=utf-8", true),
            ("imagery/png", false),
        ] {
            assert_eq!(types.takes(media_type), is_taken, "{media_type}");
        }
        assert!(MediaTypes::default().takes("application/zip"));
        for wrong in ["image", "image/", "/png", "*/*", "image/p*", "a b/c", ""] {
            assert_eq!(MediaTypes::new([wrong]), Err(InvalidMediaType), "{wrong}");
        }
    }
}
