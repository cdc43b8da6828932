//! Names of files as we keep them.

use rand::RngExt;

/// Longest name of a sender that is noted, in bytes.
const ORIGINAL_MAX: usize = 255;
/// Longest end of a name, without its dot.
const SUFFIX_MAX: usize = 16;

/// A new name (RFC 9562, version 4) with the end of another one.
pub(crate) fn new_name(original: &str) -> String {
    let mut bytes: [u8; 16] = rand::rng().random();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut name = String::with_capacity(36 + 1 + SUFFIX_MAX);
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            name.push('-');
        }
        name.push_str(&format!("{byte:02x}"));
    }
    name.push_str(suffix(original));
    name
}

/// What is noted of a sender's name.
pub(crate) fn shortened(original: &str) -> &str {
    &original[..original.floor_char_boundary(ORIGINAL_MAX)]
}

/// The last extension of a name with its dot, as given; none of a name that has none, or one that
/// no honest program makes.
fn suffix(original: &str) -> &str {
    let base = original.rsplit(['/', '\\']).next().unwrap_or_default();
    let Some((stem, end)) = base.rsplit_once('.') else { return "" };
    let is_plain = (1..=SUFFIX_MAX).contains(&end.len())
        && end.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if stem.trim_matches('.').is_empty() || !is_plain { "" } else { &base[stem.len()..] }
}

#[cfg(test)]
mod tests {
    use isobase_store::is_upload_name as is_name;

    use super::*;

    #[test]
    fn the_end_of_a_name_is_kept_if_it_is_plain() {
        for (original, end) in [
            ("photo.PNG", ".PNG"),
            ("a.tar.gz", ".gz"),
            ("noend", ""),
            (".bashrc", ""),
            ("..x", ""),
            ("a.", ""),
            ("../../etc/pass.wd", ".wd"),
            ("c:\\x\\y.txt", ".txt"),
            ("x.p/hp", ""),
            ("x.ph\0p", ""),
            ("x.svg\u{202e}gpj", ""),
            ("x.abcdefghijklmnopq", ""),
            ("", ""),
        ] {
            assert_eq!(suffix(original), end, "{original:?}");
            let name = new_name(original);
            assert!(name.ends_with(end) && name.len() == 36 + end.len(), "{name}");
            assert!(is_name(&name), "{name}");
        }
        let id = "0b6a3f6e-6d1c-4d38-9c0e-3b8f0a5d8f11";
        for text in ["", "a", "../x", &id[1..], &format!("{id}."), &format!("{id}./x"), ".partial"]
        {
            assert!(!is_name(text), "{text}");
        }
    }
}
