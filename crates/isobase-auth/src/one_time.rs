//! Secrets that are good for one use: of links and codes in letters, and between two steps.

use isobase_types::{DocumentId, Timestamp, hex};
use serde::{Deserialize, Serialize};

use crate::{NoRandomness, secret};

/// Random bytes of a link's secret.
const SECRET_BYTES: usize = 24;
/// Digits of a code: a person types them, and only five guesses are looked at.
const CODE_DIGITS: usize = 8;
/// Longest token that is looked at.
const TOKEN_BYTES_MAX: usize = 4_096;

/// The purpose of the secret of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To say that an address is right.
    Verify,
    /// To choose another password.
    Reset,
    /// To sign in.
    Code,
}

impl Purpose {
    /// The word in tokens, and the field of the account.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Reset => "reset",
            Self::Code => "code",
        }
    }
}

/// The stored form of a secret, in the account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OneTime {
    pub(crate) hash: String,
    /// Microseconds since 1970.
    pub(crate) until_us: i64,
    /// The address that the letter went to.
    pub(crate) email: String,
}

impl OneTime {
    pub(crate) fn accepts(&self, secret: &str, now: Timestamp) -> bool {
        now.unix_us < self.until_us && secret::is_hash_of(&self.hash, secret)
    }
}

/// A token of an account: the word for what it is good for, the account, and the secret.
pub(crate) fn token(word: &str, id: &DocumentId) -> Result<(String, String), NoRandomness> {
    let secret = secret::random_text::<SECRET_BYTES>()?;
    let account = hex(id.to_string().as_bytes());
    Ok((format!("{word}.{account}.{secret}"), secret))
}

/// The account and the secret of a token; `None` if it is none of this word.
pub(crate) fn split<'a>(word: &str, token: &'a str) -> Option<(DocumentId, &'a str)> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let rest = token.strip_prefix(word)?.strip_prefix('.')?;
    let (account, secret) = rest.split_once('.')?;
    let bytes = account.as_bytes().chunks(2).map(|pair| {
        let digits = std::str::from_utf8(pair).ok().filter(|digits| digits.len() == 2)?;
        u8::from_str_radix(digits, 16).ok()
    });
    let id = String::from_utf8(bytes.collect::<Option<Vec<_>>>()?).ok()?;
    Some((DocumentId::parse(&id).ok()?, secret))
}

/// A code for a person.
pub(crate) fn code() -> Result<String, NoRandomness> {
    let number = u64::from_le_bytes(secret::random::<8>()?);
    // 2^64 is so large that no code is noticeably more frequent than another.
    Ok(format!("{:0CODE_DIGITS$}", number % 10_u64.pow(CODE_DIGITS as u32)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_name_their_account() {
        for id in [DocumentId::Integer(7), DocumentId::Text("a.b \u{e9}".into())] {
            let (token, secret) = token("reset", &id).unwrap();
            assert_eq!(split("reset", &token), Some((id, &*secret)));
            assert_eq!(split("verify", &token), None);
        }
        for wrong in ["", "reset", "reset.", "reset.3.x", "reset.zz.x", "reset..x", "reset.37"] {
            assert_eq!(split("reset", wrong), None, "{wrong}");
        }
    }

    #[test]
    fn codes_are_digits() {
        for _ in 0..100 {
            let code = code().unwrap();
            assert!(code.len() == 8 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
        }
    }
}
