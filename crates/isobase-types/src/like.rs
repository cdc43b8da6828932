//! Matching texts with patterns of `like` and `ilike`.

use std::str::Chars;

/// Characters of a text that are sought. Ours: a longer one finds no more.
const SOUGHT_MAX: usize = 200;

/// A text in a pattern of `like`: nothing of it means anything but itself.
#[must_use]
pub fn like_escaped(text: &str) -> String {
    let mut pattern = String::new();
    for character in text.chars().take(SOUGHT_MAX) {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

/// The pattern of `like` for texts that contain this one.
#[must_use]
pub fn like_contains(text: &str) -> String {
    format!("%{}%", like_escaped(text))
}

/// Matches after folding the case of both sides; ASCII needs no copy.
pub(crate) fn like_ignoring_case(text: &str, pattern: &str) -> bool {
    if text.is_ascii() && pattern.is_ascii() {
        return like_by(text, pattern, |a, b| a.eq_ignore_ascii_case(&b));
    }
    like(&fold_case(text), &fold_case(pattern))
}

/// Each character in lower case by itself. The lower case of a whole string is another one: it
/// writes `Σ` at the end of a word as `ς`, and a pattern ends words where the text does not.
/// Upper case first makes one of letters that differ in lower case only (`ς` and `σ`); a letter
/// whose upper case is several stays as it is, so that `_` still stands for one.
fn fold_case(text: &str) -> String {
    text.chars().flat_map(|c| one(c.to_uppercase()).unwrap_or(c).to_lowercase()).collect()
}

fn one(mut characters: impl Iterator<Item = char>) -> Option<char> {
    characters.next().filter(|_| characters.next().is_none())
}

/// Whether a text matches a pattern of `like`.
pub(crate) fn like(text: &str, pattern: &str) -> bool {
    like_by(text, pattern, |a, b| a == b)
}

/// Matches with two places to go back to: where the last `%` stands, and how much it has taken.
/// An earlier `%` never needs to take more, so the time is at most the product of both lengths.
fn like_by(text: &str, pattern: &str, equal: impl Fn(char, char) -> bool) -> bool {
    let (mut text, mut pattern) = (text.chars(), pattern.chars());
    let mut last_any = None;
    loop {
        let at = text.clone();
        match (next_in_pattern(&mut pattern), text.next()) {
            (Some(Wanted::Any), _) => {
                text = at.clone();
                last_any = Some((at, pattern.clone()));
                continue;
            }
            (None, None) => return true,
            (Some(Wanted::One), Some(_)) => continue,
            (Some(Wanted::Exactly(wanted)), Some(found)) if equal(wanted, found) => continue,
            _ => {}
        }
        // The last `%` takes one character more.
        let Some((mut taken, after)) = last_any else { return false };
        if taken.next().is_none() {
            return false;
        }
        text = taken.clone();
        pattern = after.clone();
        last_any = Some((taken, after));
    }
}

/// One place of a pattern.
enum Wanted {
    /// `%`
    Any,
    /// `_`
    One,
    /// A character.
    Exactly(char),
}

fn next_in_pattern(pattern: &mut Chars<'_>) -> Option<Wanted> {
    Some(match pattern.next()? {
        '%' => Wanted::Any,
        '_' => Wanted::One,
        // A backslash at the very end stands for itself.
        '\\' => Wanted::Exactly(pattern.next().unwrap_or('\\')),
        exact => Wanted::Exactly(exact),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sought_text_has_no_wildcards() {
        assert_eq!(like_contains(r"50%_\"), r"%50\%\_\\%");
        assert!(like(r"a 50%_\ b", &like_contains(r"50%_\")));
        assert!(!like("a 50 b", &like_contains("50%")));
    }

    #[test]
    fn like_follows_its_wildcards() {
        let cases = [
            ("", "", true),
            ("", "%", true),
            ("", "_", false),
            ("a", "", false),
            ("abc", "abc", true),
            ("abc", "ABC", false),
            ("abc", "a%", true),
            ("abc", "%c", true),
            ("abc", "%b%", true),
            ("abc", "%%", true),
            ("abc", "a_c", true),
            ("abc", "a_", false),
            ("abc", "_%_", true),
            ("ab", "_%_%_", false),
            ("aab", "%ab", true),
            ("abab", "%ab", true),
            ("mississippi", "m%iss%ip%i", true),
            ("mississippi", "m%iss%ix%i", false),
            ("100%", r"100\%", true),
            ("100x", r"100\%", false),
            ("a_b", r"a\_b", true),
            ("axb", r"a\_b", false),
            (r"a\b", r"a\\b", true),
            (r"a\", r"a\", true),
            ("é🦀", "__", true),
            ("é🦀", "_", false),
        ];
        for (value, pattern, holds) in cases {
            assert_eq!(like(value, pattern), holds, "{value} like {pattern}");
        }
        for (value, pattern, holds) in [
            ("ABC", "a%c", true),
            ("ÄÖ", "ä_", true),
            ("straße", "STRASSE", false),
            ("straße", "STRA_E", true),
            ("ΟΔΥΣΣΕΥΣ", "ΟΔΥΣ%", true),
            ("Οδυσσεύς", "%ύΣ", true),
            ("ΟΔΥΣΣΕΥΣ ΚΑΙ", "οδυσσευς %", true),
            ("σ", "ς", true),
            ("İ", "i%", true),
            ("ǆ", "ǅ", true),
            ("x", "Y", false),
        ] {
            assert_eq!(like_ignoring_case(value, pattern), holds, "{value} ilike {pattern}");
        }
    }

    #[test]
    fn like_does_not_blow_up() {
        let value = "a".repeat(20_000);
        let pattern = format!("{}b", "%a".repeat(200));
        assert!(!like(&value, &pattern));
    }
}
