//! Codes that change every half minute, as authenticator apps show them (RFC 6238).

use isobase_types::Timestamp;
use ring::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use subtle::ConstantTimeEq;

/// Bytes of a secret. Source: RFC 4226, section 4, R6, recommends 160 bits.
pub(crate) const SECRET_BYTES: usize = 20;
/// Seconds that a code is shown: all apps know this number, and many no other.
const STEP_SECONDS: i64 = 30;
/// Digits of a code.
const DIGITS: u32 = 6;
/// Steps before and after the present one whose codes count: a clock may be half a minute wrong.
/// Source: RFC 6238, section 5.2, recommends one.
const DRIFT: i64 = 1;

/// The letters of base32. Source: RFC 4648, section 6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The step of a moment.
pub(crate) fn step_of(now: Timestamp) -> i64 {
    now.unix_us.div_euclid(STEP_SECONDS * 1_000_000)
}

/// The step whose code this is, after the last one that counted; `None` if it is none. A code
/// counts once: its step is the last one from then on.
pub(crate) fn accepted(
    secret: &[u8],
    code: &str,
    now: Timestamp,
    last: Option<i64>,
) -> Option<i64> {
    let present = step_of(now);
    let mut found = None;
    // All are compared, so that the time tells nothing.
    for step in present - DRIFT..=present + DRIFT {
        let is_code = bool::from(code_of(secret, step).as_bytes().ct_eq(code.as_bytes()));
        if is_code && last.is_none_or(|last| step > last) {
            found = Some(step);
        }
    }
    found
}

fn code_of(secret: &[u8], step: i64) -> String {
    let width = DIGITS as usize;
    format!("{:0width$}", truncated(secret, step) % 10_u32.pow(DIGITS))
}

/// The number whose last digits are the code. Source: RFC 4226, section 5.3.
fn truncated(secret: &[u8], step: i64) -> u32 {
    // SHA-1 is what the apps know; as a part of HMAC it is not broken (RFC 6194, section 3.3).
    let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes[bytes.len() - 1] & 0xf);
    let word = |place: usize| u32::from(bytes[offset + place]);
    (word(0) & 0x7f) << 24 | word(1) << 16 | word(2) << 8 | word(3)
}

/// Bytes as base32, without padding.
pub(crate) fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(BASE32[(held >> bits & 31) as usize]));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(char::from(BASE32[(held << (5 - bits) & 31) as usize]));
    }
    text
}

/// The address that an authenticator app reads from a picture. Both names are percent-encoded as far as
/// a URI asks.
pub(crate) fn uri(secret: &str, issuer: &str, name: &str) -> String {
    let (issuer, name) = (encoded(issuer), encoded(name));
    format!(
        "otpauth://totp/{issuer}:{name}?secret={secret}&issuer={issuer}&algorithm=SHA1\
         &digits={DIGITS}&period={STEP_SECONDS}"
    )
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> Timestamp {
        Timestamp { unix_us: seconds * 1_000_000 }
    }

    /// RFC 6238, appendix B, the column of SHA-1.
    #[test]
    fn codes_are_those_of_the_standard() {
        for (seconds, code) in [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ] {
            assert_eq!(truncated(SECRET, step_of(at(seconds))) % 100_000_000, code, "{seconds}");
        }
        assert_eq!(code_of(SECRET, step_of(at(1_111_111_109))), "081804");
    }

    #[test]
    fn a_code_counts_once_and_not_for_long() {
        let now = at(1_111_111_111);
        let step = step_of(now);
        assert_eq!(accepted(SECRET, "050471", now, None), Some(step));
        assert_eq!(accepted(SECRET, "050471", now, Some(step)), None);
        assert_eq!(accepted(SECRET, "081804", now, None), Some(step - 1));
        assert_eq!(accepted(SECRET, "081804", now, Some(step)), None, "older than the last one");
        assert_eq!(accepted(SECRET, "050471", at(1_111_111_111 - 30), None), Some(step));
        for seconds in [1_111_111_111 + 60, 1_111_111_111 - 60] {
            assert_eq!(accepted(SECRET, "050471", at(seconds), None), None, "{seconds}");
        }
        for wrong in ["", "050472", "50471", "0504710", "14050471"] {
            assert_eq!(accepted(SECRET, wrong, now, None), None, "{wrong}");
        }
    }

    /// RFC 4648, section 10, without the padding.
    #[test]
    fn base32_is_that_of_the_standard() {
        let cases = [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ];
        for (bytes, text) in cases {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn names_are_encoded_for_the_app() {
        let uri = uri("MZXW6YTB", "My app", "ann@x.org");
        assert!(uri.starts_with("otpauth://totp/My%20app:ann%40x.org?secret=MZXW6YTB&"), "{uri}");
    }
}
