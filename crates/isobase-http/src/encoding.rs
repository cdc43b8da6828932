//! Content codings (RFC 9110, section 8.4): gzip, in and out, and zstd, in.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::{
    Compression,
    write::{GzEncoder, MultiGzDecoder},
};
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderMap, HeaderValue, header};

use crate::{
    BodyError, Problem, body::Pieces, codes, decode_error::DecodeError, zstd::ZstdDecoder,
};

/// Most encoded bytes that are decoded at once: at most a thousand times as many come out.
const STEP_BYTES: usize = 1 << 10;

/// Answers that are shorter gain nothing.
const ANSWER_BYTES_MIN: u64 = 1 << 10;
/// Longer answers would hold a thread up for too long.
const ANSWER_BYTES_MAX: u64 = 2 << 20;

const ACCEPTED: HeaderValue = HeaderValue::from_static("gzip, zstd");

/// How a request's body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Not at all.
    Identity,
    Gzip,
    Zstd,
}

impl Coding {
    /// That of a request.
    ///
    /// # Errors
    /// When the body cannot be read.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut coding = Self::Identity;
        let values = headers.get_all(header::CONTENT_ENCODING).iter();
        for name in values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')) {
            coding = match (name.trim_ascii().to_ascii_lowercase().as_slice(), coding) {
                (b"" | b"identity", coding) => coding,
                (b"gzip" | b"x-gzip", Self::Identity) => Self::Gzip,
                (b"zstd", Self::Identity) => Self::Zstd,
                _ => return Err(unsupported(name)),
            };
        }
        Ok(coding)
    }
}

fn unsupported(name: &[u8]) -> Problem {
    let shown: String = String::from_utf8_lossy(name).trim().chars().take(100).collect();
    let detail = format!(
        "the body is encoded as {shown:?}, and only gzip and zstd are decoded, not both at once"
    );
    Problem::new(codes::UNSUPPORTED_ENCODING, detail).with_header(header::ACCEPT_ENCODING, ACCEPTED)
}

/// Decodes a body piece by piece.
pub(crate) enum Decoder {
    Gzip(GzipDecoder),
    Zstd(ZstdDecoder),
}

pub(crate) struct GzipDecoder {
    inner: MultiGzDecoder<Bounded>,
    /// Encoded bytes that came and are not decoded yet.
    waiting: Bytes,
}

/// The decoded text, up to a bound.
struct Bounded {
    bytes: Vec<u8>,
    left: u64,
    exceeded: bool,
}

impl Decoder {
    /// A decoder that gives at most so many bytes; none for what is not encoded.
    pub(crate) fn new(coding: Coding, bytes_max: u64) -> Option<Self> {
        match coding {
            Coding::Identity => None,
            Coding::Gzip => Some(Self::Gzip(GzipDecoder::new(bytes_max))),
            Coding::Zstd => Some(Self::Zstd(ZstdDecoder::new(bytes_max))),
        }
    }

    /// Takes the next encoded bytes.
    pub(crate) fn push(&mut self, bytes: Bytes) {
        match self {
            Self::Gzip(decoder) => decoder.waiting = bytes,
            Self::Zstd(decoder) => decoder.push(&bytes),
        }
    }

    /// Decodes some of what came; `None` if more must come first.
    pub(crate) fn step(&mut self) -> Result<Option<Bytes>, DecodeError> {
        match self {
            Self::Gzip(decoder) => decoder.step(),
            Self::Zstd(decoder) => decoder.step(),
        }
    }

    /// Ends the body; gives what is left of it.
    pub(crate) fn finish(&mut self) -> Result<Option<Bytes>, DecodeError> {
        match self {
            Self::Gzip(decoder) => decoder.finish(),
            Self::Zstd(decoder) => decoder.finish().map(|()| None),
        }
    }
}

impl GzipDecoder {
    fn new(bytes_max: u64) -> Self {
        let out = Bounded { bytes: Vec::new(), left: bytes_max, exceeded: false };
        Self { inner: MultiGzDecoder::new(out), waiting: Bytes::new() }
    }

    fn step(&mut self) -> Result<Option<Bytes>, DecodeError> {
        while !self.waiting.is_empty() {
            let step = self.waiting.split_to(self.waiting.len().min(STEP_BYTES));
            self.inner.write_all(&step).map_err(|_| self.fault())?;
            if let Some(decoded) = self.take() {
                return Ok(Some(decoded));
            }
        }
        Ok(None)
    }

    fn finish(&mut self) -> Result<Option<Bytes>, DecodeError> {
        self.inner.try_finish().map_err(|_| self.fault())?;
        Ok(self.take())
    }

    fn take(&mut self) -> Option<Bytes> {
        let decoded = std::mem::take(&mut self.inner.get_mut().bytes);
        (!decoded.is_empty()).then(|| decoded.into())
    }

    fn fault(&self) -> DecodeError {
        match self.inner.get_ref().exceeded {
            true => DecodeError::TooLarge,
            false => DecodeError::Malformed,
        }
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() as u64 > self.left {
            self.exceeded = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.left -= bytes.len() as u64;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How much work an answer is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// It is made for this one request.
    Quick,
    /// Those who have it ask with its tag and are seldom sent it again. A fifth smaller.
    Thorough,
}

/// Whether a caller takes gzip.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let mut ranges =
        values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
    ranges.any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let refused = |part: &str| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.and_then(|weight| weight.parse::<f32>().ok()) == Some(0.0)
        };
        named && !parts.any(refused)
    })
}

/// Whether an answer of this type and length is worth it; a stream has no length yet. Events are
/// small and must not wait in anybody's buffer.
pub(crate) fn is_worth_it(content_type: Option<&HeaderValue>, length: Option<u64>) -> bool {
    let text = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_text = text.starts_with("text/") || text.contains("json");
    let fits = |length| (ANSWER_BYTES_MIN..=ANSWER_BYTES_MAX).contains(&length);
    is_text && !text.starts_with("text/event-stream") && length.is_none_or(fits)
}

/// Encodes an answer that is made while it is sent. Each piece can be read when it has come.
pub(crate) fn gzip_pieces(pieces: Pieces) -> impl Stream<Item = Result<Bytes, BodyError>> + Send {
    let encoder = GzEncoder::new(Vec::new(), Compression::fast());
    stream::try_unfold(Some((pieces, encoder)), |state| async move {
        let Some((mut pieces, mut encoder)) = state else { return Ok(None) };
        while let Some(piece) = pieces.next().await {
            encoder.write_all(&piece?)?;
            encoder.flush()?;
            let encoded = std::mem::take(encoder.get_mut());
            if !encoded.is_empty() {
                return Ok(Some((Bytes::from(encoded), Some((pieces, encoder)))));
            }
        }
        Ok(Some((Bytes::from(encoder.finish()?), None)))
    })
}

/// Encodes an answer, for speed rather than for size.
pub(crate) fn gzip(bytes: &[u8], effort: Effort) -> Option<Bytes> {
    let level = match effort {
        Effort::Quick => Compression::fast(),
        Effort::Thorough => Compression::default(),
    };
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), level);
    encoder.write_all(bytes).ok()?;
    Some(encoder.finish().ok()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GZIP: Coding = Coding::Gzip;

    fn decode(
        coding: Coding,
        encoded: &[u8],
        cut: usize,
        bytes_max: u64,
    ) -> Result<Vec<u8>, DecodeError> {
        let mut decoder = Decoder::new(coding, bytes_max).unwrap();
        let mut all = Vec::new();
        for piece in [&encoded[..cut], &encoded[cut..]] {
            decoder.push(Bytes::copy_from_slice(piece));
            while let Some(decoded) = decoder.step()? {
                all.extend_from_slice(&decoded);
            }
        }
        all.extend_from_slice(&decoder.finish()?.unwrap_or_default());
        Ok(all)
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
    }

    #[test]
    fn bodies_come_back_however_they_are_cut() {
        let text = "{\"a\":1}\n".repeat(20);
        let twice = [text.as_bytes(), text.as_bytes()].concat();
        let encoded = gzip(text.as_bytes(), Effort::Quick).unwrap();
        for (coding, encoded) in [(GZIP, &encoded[..]), (Coding::Zstd, &zstd(text.as_bytes()))] {
            for cut in 0..encoded.len() {
                let decoded = decode(coding, encoded, cut, 1_000);
                assert_eq!(decoded.as_deref(), Ok(text.as_bytes()), "{coding:?} {cut}");
            }
            let double = [encoded, encoded].concat();
            assert_eq!(decode(coding, &double, 3, 1_000).as_ref(), Ok(&twice));
            assert_eq!(decode(coding, encoded, 3, 159), Err(DecodeError::TooLarge));
            let short = &encoded[..encoded.len() - 1];
            assert_eq!(decode(coding, short, 3, 1_000), Err(DecodeError::Malformed));
            for wrong in [&b"{}"[..], b"", &[encoded, b"x"].concat()] {
                let decoded = decode(coding, wrong, 0, 1_000);
                // Gzip's readers pass over what comes behind it, and over nothing at all.
                assert!(decoded == Err(DecodeError::Malformed) || coding == GZIP, "{wrong:?}");
            }
        }
        assert_eq!(decode(GZIP, b"{}", 1, 1_000), Err(DecodeError::Malformed));
    }

    #[test]
    fn frames_of_zstd_are_bounded_and_checked() {
        let text = b"{\"a\":1}";
        let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &zstd(text)].concat();
        for cut in 0..skipped.len() {
            assert_eq!(decode(Coding::Zstd, &skipped, cut, 9).as_deref(), Ok(&text[..]), "{cut}");
        }
        // A window of 16 MiB, and nothing in it.
        let large = [0x28, 0xb5, 0x2f, 0xfd, 0, 14 << 3, 1, 0, 0];
        assert_eq!(decode(Coding::Zstd, &large, 3, 9), Err(DecodeError::LargeWindow));
        // One block, of a byte that is repeated; its checksum is another text's.
        let wrong = [0x28, 0xb5, 0x2f, 0xfd, 0b100, 0, 0b1011, 0, 0, b'x', 1, 2, 3, 4];
        assert_eq!(decode(Coding::Zstd, &wrong, 3, 9), Err(DecodeError::Malformed));
        // A block of the same kind that would be a mebibyte.
        let block = [0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0b11, 0, 0x80, b'x'];
        assert_eq!(decode(Coding::Zstd, &block, 3, 9), Err(DecodeError::Malformed));
    }

    /// A few bytes must not become a gibibyte before anybody counts them.
    #[test]
    fn a_bomb_is_stopped_at_the_bound() {
        let encoded = gzip(&vec![b' '; 8 << 20], Effort::Thorough).unwrap();
        let mut decoder = Decoder::new(GZIP, 2 << 20).unwrap();
        decoder.push(encoded);
        let mut largest = 0;
        let end = loop {
            match decoder.step() {
                Ok(Some(decoded)) => largest = largest.max(decoded.len()),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        assert_eq!(end, Err(DecodeError::TooLarge));
        assert!(largest <= 2 << 20, "{largest}");
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        let accepts = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            accepts_gzip(&headers)
        };
        for value in ["gzip", "br, GZIP;q=0.5", "gzip, deflate, br, zstd"] {
            assert!(accepts(value), "{value}");
        }
        for value in ["", "identity", "gzip;q=0", "gzip; q=0.000", "gzipped", "*"] {
            assert!(!accepts(value), "{value}");
        }
    }
}
