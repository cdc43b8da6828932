//! Licence keys: random, with a checksum, looked up by a hash.

use isobase_types::hex;
use rand::TryRng;
use sha2::{Digest, Sha256};

use crate::LicenceError;

/// The digits of a key (Douglas Crockford's Base32): none can be taken for another.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Random digits: 125 bits, so that no one guesses one.
const RANDOM_DIGITS: usize = 25;
/// Digits of the checksum.
const CHECK_DIGITS: usize = 2;
/// Digits between two dashes.
const GROUP: usize = 5;
/// The largest prime that two digits hold: then no single wrong digit and no two that were swapped
/// keep the checksum.
const CHECK_PRIME: u128 = 1_021;

/// Longest key that is looked at: what other programs keep in 255 characters, of four bytes each.
const KEY_BYTES_MAX: usize = 1_020;

/// The key of a licence as its holder presents it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenceKey {
    text: String,
    mistyped: bool,
}

impl LicenceKey {
    /// A new key: `LIC-7K3QM-…`, from the random source of the system.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn generate(prefix: &str) -> Result<Self, LicenceError> {
        let mut bytes = [0; 16];
        rand::rngs::SysRng
            .try_fill_bytes(&mut bytes)
            .map_err(|error| LicenceError::Random(error.to_string()))?;
        let value = u128::from_be_bytes(bytes) >> (128 - 5 * RANDOM_DIGITS);
        Ok(Self { text: written(prefix, value), mistyped: false })
    }

    /// Reads a key. One of ours may be written in small letters, with other separators, and with
    /// `O` for `0` or `I` and `L` for `1`. Any other text is a key of another program, as it is.
    #[must_use]
    pub fn read(text: &str, prefix: &str) -> Self {
        let text = text.trim();
        match ours(text, prefix) {
            Some(value) => match value.checked {
                true => Self { text: written(prefix, value.random), mistyped: false },
                false => Self { text: text.to_owned(), mistyped: true },
            },
            None => Self { text: text.to_owned(), mistyped: false },
        }
    }

    /// The key as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it looks like one of ours, and its checksum says that a digit is wrong.
    #[must_use]
    pub fn is_mistyped(&self) -> bool {
        self.mistyped
    }

    /// Whether it can be stored: not empty, not too long, and of visible characters.
    #[must_use]
    pub fn is_storable(&self) -> bool {
        let length_ok = (1..=KEY_BYTES_MAX).contains(&self.text.len());
        length_ok && !self.text.chars().any(char::is_control)
    }

    /// The hash by which it is looked up.
    #[must_use]
    pub fn hash(&self) -> String {
        hex(&Sha256::digest(self.text.as_bytes()))
    }

    /// Its last four letters and digits: enough to tell keys apart in a list.
    #[must_use]
    pub fn last_four(&self) -> String {
        let kept: Vec<char> = self.text.chars().filter(|c| c.is_alphanumeric()).collect();
        kept[kept.len().saturating_sub(4)..].iter().collect()
    }
}

struct Ours {
    random: u128,
    checked: bool,
}

/// The digits of a key of ours, if it is shaped like one.
fn ours(text: &str, prefix: &str) -> Option<Ours> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    if !head.eq_ignore_ascii_case(prefix) {
        return None;
    }
    let mut digits = Vec::with_capacity(RANDOM_DIGITS + CHECK_DIGITS);
    for character in rest.chars().filter(|c| !matches!(c, '-' | ' ' | '_' | '.' | '\u{2013}')) {
        let digit = match character.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        digits.push(DIGITS.iter().position(|known| char::from(*known) == digit)? as u128);
    }
    if digits.len() != RANDOM_DIGITS + CHECK_DIGITS {
        return None;
    }
    let (random, check) = digits.split_at(RANDOM_DIGITS);
    let random = random.iter().fold(0, |value, digit| value << 5 | digit);
    Some(Ours { random, checked: check[0] << 5 | check[1] == random % CHECK_PRIME })
}

fn written(prefix: &str, random: u128) -> String {
    let check = random % CHECK_PRIME;
    let digit = |value: u128| char::from(DIGITS[(value & 31) as usize]);
    let random_digits =
        (0..RANDOM_DIGITS).map(|place| digit(random >> (5 * (RANDOM_DIGITS - 1 - place))));
    let digits = random_digits.chain([digit(check >> 5), digit(check)]);
    let mut text = prefix.to_owned();
    for (place, digit) in digits.enumerate() {
        if place % GROUP == 0 {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_read_however_it_is_typed() {
        let key = LicenceKey::generate("LIC").unwrap();
        assert_eq!(key.as_str().len(), "LIC-7K3QM-7K3QM-7K3QM-7K3QM-7K3QM-XY".len());
        let spellings = [
            key.as_str().to_lowercase(),
            key.as_str().replace('-', ""),
            key.as_str().replace('-', " "),
            key.as_str().replace('0', "o").replace('1', "l"),
            format!("  {}\n", key.as_str()),
        ];
        for text in spellings {
            assert_eq!(LicenceKey::read(&text, "LIC"), key, "{text}");
        }
        assert_ne!(LicenceKey::generate("LIC").unwrap(), key);
        assert_eq!(key.hash().len(), 64);
        assert_eq!(key.last_four().len(), 4);
    }

    #[test]
    fn wrong_and_swapped_digits_are_noticed() {
        let key = LicenceKey::generate("LIC").unwrap();
        let characters: Vec<char> = key.as_str().chars().collect();
        for place in 4..characters.len() {
            if characters[place] == '-' {
                continue;
            }
            let mut wrong = characters.clone();
            wrong[place] = if characters[place] == '7' { '8' } else { '7' };
            let wrong: String = wrong.into_iter().collect();
            assert!(LicenceKey::read(&wrong, "LIC").is_mistyped(), "{wrong}");
            let mut swapped = characters.clone();
            swapped.swap(place - 1, place);
            let swapped: String = swapped.into_iter().collect();
            let read = LicenceKey::read(&swapped, "LIC");
            assert!(read.is_mistyped() || read == key, "{swapped}");
        }
    }

    #[test]
    fn keys_of_other_programs_stay_as_they_are() {
        for text in
            ["user-example-com-20270223-48F47778", "LIC-short", "lic", "", "ключ", "a\u{0}b"]
        {
            let key = LicenceKey::read(text, "LIC");
            assert_eq!((key.as_str(), key.is_mistyped()), (text, false));
        }
        assert!(!LicenceKey::read("", "LIC").is_storable());
        assert!(!LicenceKey::read("a\u{0}b", "LIC").is_storable());
        assert!(!LicenceKey::read(&"a".repeat(1_021), "LIC").is_storable());
    }
}
