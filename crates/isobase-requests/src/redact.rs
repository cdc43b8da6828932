//! Secrets, taken out of texts before they are stored.
//!
//! Works on text, not on parsed JSON: a body may be cut, be a form or a trace of a program, or hold
//! JSON inside of strings.

/// The text in place of a secret.
const MASK: &str = "[redacted]";

/// Parts of names whose values are secrets, without separators and in small letters.
const NAMES: [&str; 17] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "authorization",
    "cookie",
    "privatekey",
    "accesskey",
    "licensekey",
    "licencekey",
    "credential",
    "cvv",
    "cvc",
    "ssn",
    "otp",
];

/// Names of counts that hold one of those parts.
const HARMLESS: [&str; 6] =
    ["tokens", "maxtokens", "tokencount", "prompttokens", "completiontokens", "totaltokens"];

/// The text before a credential.
const SCHEMES: [&str; 2] = ["bearer ", "basic "];

/// The prefix of credentials of well-known services.
const PREFIXES: [&str; 12] = [
    "sk-",
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "ghp_",
    "gho_",
    "github_pat_",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "iso_",
    "eyJ",
];

/// Shortest credential with such a beginning.
const CREDENTIAL_MIN: usize = 16;

/// The text without its secrets, and how many there were.
#[must_use]
pub fn redact(text: &str) -> (String, u32) {
    let mut out = String::with_capacity(text.len());
    let (mut at, mut count) = (0, 0);
    while at < text.len() {
        if let Some(secret) = secret_at(text, at) {
            out.push_str(&text[at..secret.from]);
            out.push_str(MASK);
            count += 1;
            at = secret.to;
            continue;
        }
        let Some(character) = text[at..].chars().next() else { break };
        out.push(character);
        at += character.len_utf8();
    }
    (out, count)
}

struct Secret {
    from: usize,
    to: usize,
}

/// The secret whose name, scheme or beginning stands at a place.
fn secret_at(text: &str, at: usize) -> Option<Secret> {
    let before = text[..at].chars().next_back();
    // Inside of a word nothing begins.
    if before.is_some_and(is_word) {
        return None;
    }
    let rest = &text[at..];
    if !rest.starts_with(is_word) {
        return None;
    }
    if let Some(length) = SCHEMES.iter().find_map(|scheme| {
        let head = rest.get(..scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then_some(scheme.len())
    }) {
        let credential = credential_length(&rest[length..]);
        if credential >= 8 {
            return Some(Secret { from: at + length, to: at + length + credential });
        }
    }
    if PREFIXES.iter().any(|prefix| rest.starts_with(prefix)) {
        let length = credential_length(rest);
        if length >= CREDENTIAL_MIN {
            return Some(Secret { from: at, to: at + length });
        }
    }
    named(text, at)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-')
}

fn credential_length(text: &str) -> usize {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.~+/=:".contains(c);
    text.find(|c| !is_part(c)).unwrap_or(text.len())
}

/// A value behind a name, as JSON (`"name": "…"`, also inside of a string) or as `name=…`.
fn named(text: &str, at: usize) -> Option<Secret> {
    let rest = &text[at..];
    let end = rest.find(|c| !is_word(c) && c != '.').unwrap_or(rest.len());
    let (name, behind) = rest.split_at(end);
    if !is_secret_name(name) {
        return None;
    }
    if let Some(value) = behind.strip_prefix('=') {
        let from = text.len() - value.len();
        let length = value.find(|c: char| "&;\"'<>".contains(c) || c.is_whitespace());
        return some(from, length.unwrap_or(value.len()));
    }
    // The quotation mark may be escaped, any number of times.
    let slashes = behind.len() - behind.trim_start_matches('\\').len();
    let quoted = behind[slashes..].strip_prefix(['"', '\'']);
    let after_name = quoted.unwrap_or(&behind[slashes..]).trim_start();
    let value = after_name.strip_prefix(':')?.trim_start();
    if quoted.is_none() {
        // A header: the rest of the line.
        let length = value.find(['\n', '\r', '"', ',']).unwrap_or(value.len());
        return some(text.len() - value.len(), length);
    }
    let slashes = value.len() - value.trim_start_matches('\\').len();
    let opened = &value[slashes..];
    match opened.chars().next()? {
        quote @ ('"' | '\'') => {
            let inside = &opened[1..];
            some(text.len() - inside.len(), closing(inside, quote, slashes))
        }
        '{' | '[' => None,
        _ => {
            let length = value.find([',', '}', ']', '\n']).unwrap_or(value.len());
            let value = &value[..length];
            // Nothing is told by these.
            match matches!(value.trim_end(), "null" | "true" | "false" | "") {
                true => None,
                false => some(text.len() - behind_len(text, value), length),
            }
        }
    }
}

/// How far the beginning of a part is from the end of the text.
fn behind_len(text: &str, part: &str) -> usize {
    let offset = part.as_ptr() as usize - text.as_ptr() as usize;
    text.len() - offset
}

fn some(from: usize, length: usize) -> Option<Secret> {
    (length > 0).then_some(Secret { from, to: from + length })
}

/// Where a string ends whose quotation marks are escaped so many times.
fn closing(inside: &str, quote: char, slashes: usize) -> usize {
    let mut run = 0;
    for (place, character) in inside.char_indices() {
        match character {
            '\\' => run += 1,
            c if c == quote && run <= slashes => return place - run,
            _ => run = 0,
        }
    }
    inside.len()
}

fn is_secret_name(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(|c| !matches!(c, '_' | '-' | '.'))
        .flat_map(char::to_lowercase)
        .collect();
    if plain.len() > 64 || HARMLESS.contains(&plain.as_str()) {
        return false;
    }
    NAMES.iter().any(|part| match part.len() {
        // A short one may be a part of any word.
        ..=3 => plain == *part,
        _ => plain.contains(part),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_the_rest_stays() {
        let cases = [
            (r#"{"password":"hunter2","user":"ann"}"#, r#"{"password":"[redacted]","user":"ann"}"#),
            (r#"{"a":{"API_Key" : "x\"y" },"n":1}"#, r#"{"a":{"API_Key" : "[redacted]" },"n":1}"#),
            (r#"{"client_secret":12345,"x":1}"#, r#"{"client_secret":[redacted],"x":1}"#),
            (
                r#"{"s":"{\"token\":\"abc\",\"b\":1}"}"#,
                r#"{"s":"{\"token\":\"[redacted]\",\"b\":1}"}"#,
            ),
            (r#"{"password":"cut in the mid"#, r#"{"password":"[redacted]"#),
            ("/v1/x?api_key=abc&page=2", "/v1/x?api_key=[redacted]&page=2"),
            ("Authorization: Bearer abc.def-123456", "Authorization: [redacted]"),
            ("sent Bearer abcdefgh12 to it", "sent Bearer [redacted] to it"),
            ("key sk-abcdefghijklmnop.", "key [redacted]"),
            ("{'otp': '123456'}", "{'otp': '[redacted]'}"),
            (r#"{"license_key":"LIC-7K3QM"}"#, r#"{"license_key":"[redacted]"}"#),
        ];
        for (text, redacted) in cases {
            assert_eq!(redact(text), (redacted.to_owned(), 1), "{text}");
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        let texts = [
            r#"{"max_tokens":100,"usage":{"total_tokens":7,"prompt_tokens":3}}"#,
            r#"{"password":null,"secret":true,"tokens":5}"#,
            r#"{"lesson":"a","photo":"x","cotopaxi":1,"ssnx":2}"#,
            "the basic idea of a token",
            "bearer of news",
            "",
            "\"",
            "password",
            "password=",
            "ключ",
            r#"{"token":{"inner":1}}"#,
        ];
        for text in texts {
            assert_eq!(redact(text), (text.to_owned(), 0), "{text}");
        }
    }

    #[test]
    fn hostile_texts_are_read_in_time() {
        let texts = ["\\".repeat(50_000), "password:".repeat(5_000), "\"token\":\"".repeat(5_000)];
        for text in &texts {
            let _ = redact(text);
        }
        let (redacted, count) = redact(&r#"{"token":"x"}"#.repeat(1_000));
        assert_eq!(count, 1_000);
        assert!(!redacted.contains("\"x\""));
    }
}
