//! The type of a file, by its first bytes.

/// The type of a file. What its sender said is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Media {
    /// The media type it is served with.
    pub media_type: &'static str,
    /// Whether a browser may show it: nothing in it can run as a page of this origin.
    pub shown: bool,
}

/// Bytes that are looked at.
pub(crate) const HEAD_BYTES: usize = 512;

/// First bytes and what begins with them (WHATWG MIME Sniffing, sections 6 and 7).
const SHOWN: [(&[u8], &str); 9] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"OggS\0", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
    (b"BM", "image/bmp"),
];

const KEPT: [(&[u8], &str); 3] = [
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
];

impl Media {
    /// The type of a file that begins with these bytes.
    #[must_use]
    pub fn of(head: &[u8]) -> Self {
        let head = &head[..head.len().min(HEAD_BYTES)];
        let found = |all: &[(&[u8], &'static str)]| {
            all.iter().find(|(start, _)| head.starts_with(start)).map(|(_, media)| *media)
        };
        if let Some(media_type) = found(&SHOWN).or_else(|| in_box(head)) {
            return Self { media_type, shown: true };
        }
        if let Some(media_type) = found(&KEPT) {
            return Self { media_type, shown: false };
        }
        if !is_text(head) {
            return Self { media_type: "application/octet-stream", shown: false };
        }
        match is_markup(head) {
            // An image element shows it, in which no script runs; as a page it is only saved.
            true if is_svg(head) => Self { media_type: "image/svg+xml", shown: false },
            // Never as what a browser would run.
            true => Self { media_type: "text/plain; charset=utf-8", shown: false },
            false => Self { media_type: "text/plain; charset=utf-8", shown: true },
        }
    }
}

/// Containers whose kind stands at their fifth or ninth byte.
fn in_box(head: &[u8]) -> Option<&'static str> {
    if head.starts_with(b"RIFF") {
        return match head.get(8..12)? {
            b"WEBP" => Some("image/webp"),
            b"WAVE" => Some("audio/wav"),
            _ => None,
        };
    }
    match (head.get(4..8)?, head.get(8..12)?) {
        (b"ftyp", b"avif" | b"avis") => Some("image/avif"),
        (b"ftyp", _) => Some("video/mp4"),
        _ => None,
    }
}

/// Whether it is text: UTF-8 without control characters that no text has. The head may end in the
/// middle of a character.
fn is_text(head: &[u8]) -> bool {
    let whole = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && head.len() == HEAD_BYTES,
    };
    whole && !head.iter().any(|byte| matches!(byte, 0..=8 | 11 | 14..=26 | 28..=31))
}

/// Whether a browser could take it for a page: `<` comes first.
fn is_markup(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    head.trim_ascii_start().first() == Some(&b'<')
}

fn is_svg(head: &[u8]) -> bool {
    memchr::memmem::find(&head.to_ascii_lowercase(), b"<svg").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_what_they_begin_with() {
        for (head, media_type, shown) in [
            (&b"\x89PNG\r\n\x1a\nx"[..], "image/png", true),
            (b"\xff\xd8\xff\xe0", "image/jpeg", true),
            (b"RIFF\0\0\0\0WEBPVP8", "image/webp", true),
            (b"\0\0\0\x18ftypmp42", "video/mp4", true),
            (b"%PDF-1.7", "application/pdf", false),
            (b"hello", "text/plain; charset=utf-8", true),
            (b"", "text/plain; charset=utf-8", true),
            (b"\xef\xbb\xbf <!doctype html>", "text/plain; charset=utf-8", false),
            (b"<script>1</script>", "text/plain; charset=utf-8", false),
            (b"<?xml version='1.0'?><SVG/>", "image/svg+xml", false),
            (b"a\0b", "application/octet-stream", false),
            (b"\xff\xfea", "application/octet-stream", false),
        ] {
            assert_eq!(Media::of(head), Media { media_type, shown }, "{head:?}");
        }
        let mut cut = vec![b'a'; HEAD_BYTES - 1];
        cut.extend("\u{fc}".as_bytes());
        assert!(Media::of(&cut).shown);
    }
}
