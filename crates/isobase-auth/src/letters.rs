//! Texts of letters, and the values written into them.

use std::time::Duration;

use crate::Mail;

/// How long the link of a letter works.
pub const LINK_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// How long a code works.
pub const CODE_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// The letters of an app. Each is a subject, an empty line and a text, with places: `{name}` of the
/// account, `{link}` or `{code}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letters {
    /// Asks whether the address is right.
    pub verify: Letter,
    /// Lets somebody choose another password.
    pub reset: Letter,
    /// Lets somebody sign in.
    pub code: Letter,
}

/// A subject and a text with places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    subject: String,
    text: String,
}

/// The text is no letter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a letter has a subject, an empty line, and a text with {place}")]
pub struct InvalidLetter {
    /// The placeholder that the text must have.
    pub place: &'static str,
}

impl Letter {
    /// Reads a letter.
    ///
    /// # Errors
    /// [`InvalidLetter`] when there is no subject, or the place is missing in the text.
    pub fn parse(text: &str, place: &'static str) -> Result<Self, InvalidLetter> {
        let text = text.replace("\r\n", "\n");
        let (subject, text) = text.split_once("\n\n").ok_or(InvalidLetter { place })?;
        let (subject, text) = (subject.trim(), text.trim_end());
        let is_one_line = !subject.is_empty() && !subject.contains(char::is_control);
        match is_one_line && text.contains(place) {
            true => Ok(Self { subject: subject.to_owned(), text: format!("{text}\n") }),
            false => Err(InvalidLetter { place }),
        }
    }

    /// The letter to somebody. Names are of people who chose them: what could be a link or a
    /// line of its own is left out.
    pub(crate) fn to(&self, address: &str, name: &str, (place, value): (&str, &str)) -> Mail {
        let name: String =
            name.chars().filter(|c| !c.is_control() && !"<>:/".contains(*c)).take(80).collect();
        let fill = |text: &str| text.replace(place, value).replace("{name}", &name);
        Mail { to: address.to_owned(), subject: fill(&self.subject), text: fill(&self.text) }
    }
}

impl Default for Letters {
    fn default() -> Self {
        let read = |text: &str, place| Letter::parse(text, place).expect("our letters are letters");
        Self {
            verify: read(
                "Is this your e-mail address?\n\nHello {name},\n\nopen this link within an hour to \
                 say that this is your address:\n\n{link}\n\nIf you did not ask for it, do \
                 nothing.\n",
                "{link}",
            ),
            reset: read(
                "Another password\n\nHello {name},\n\nopen this link within an hour to choose \
                 another password:\n\n{link}\n\nIf you did not ask for it, do nothing: your \
                 password stays.\n",
                "{link}",
            ),
            code: read(
                "Your code: {code}\n\nHello {name},\n\nsign in with this code within ten \
                 minutes:\n\n{code}\n\nNobody will ever ask you for it. If you did not ask for it, \
                 do nothing.\n",
                "{code}",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_filled_in() {
        let letter = Letter::parse("For {name}\r\n\r\nUse {link}.\r\n", "{link}").unwrap();
        let mail = letter.to("a@x.org", "Ann http://evil\r\n{link}", ("{link}", "https://a/#t"));
        assert_eq!(mail.subject, "For Ann httpevil{link}");
        assert_eq!(mail.text, "Use https://a/#t.\n");
    }

    #[test]
    fn a_letter_shows_its_secret_to_its_reader_only() {
        let code = Letters::default().code.to("a@x.org", "Ann", ("{code}", "57571272"));
        assert!(code.subject.contains("57571272") && code.text.contains("57571272"));
        assert!(!format!("{code:?}").contains("57571272"));
    }

    #[test]
    fn what_is_no_letter_is_refused() {
        for text in ["", "subject", "subject\n\nno place", "\n\n{link}", "a\nb\n\n{link}"] {
            assert!(Letter::parse(text, "{link}").is_err(), "{text:?}");
        }
    }
}
