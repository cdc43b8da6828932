//! Zstandard (RFC 8878), decoded piece by piece.

use bytes::{Buf as _, Bytes, BytesMut};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder, errors::FrameDecoderError};

use crate::decode_error::DecodeError;

/// Largest window of a frame: so much of what was decoded is held. Source: RFC 9659, section 3.
const WINDOW_BYTES_MAX: u64 = 8 << 20;
/// Most bytes of a block, as it comes and decoded. Source: RFC 8878, section 3.1.1.2.4.
const BLOCK_BYTES_MAX: usize = 128 << 10;

const MAGIC: u32 = 0xfd2f_b528;
/// Of frames whose content means nothing here. Source: RFC 8878, section 3.1.2.
const SKIPPABLE: std::ops::RangeInclusive<u32> = 0x184d_2a50..=0x184d_2a5f;

/// Decodes frame after frame. Holds a window of what was decoded and one block as it came.
pub(crate) struct ZstdDecoder {
    frame: FrameDecoder,
    state: State,
    /// The bytes that are no whole header or block yet.
    encoded: BytesMut,
    /// Bytes that may still be decoded.
    left: u64,
}

/// Where in the body the decoder is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing came yet: an empty body is no frame.
    Begin,
    BetweenFrames,
    InFrame {
        has_checksum: bool,
    },
    /// In a frame that is passed over, with so many bytes left of it.
    Skipping(usize),
}

impl ZstdDecoder {
    /// A decoder that gives at most so many bytes.
    pub(crate) fn new(bytes_max: u64) -> Self {
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(WINDOW_BYTES_MAX);
        Self { frame, state: State::Begin, encoded: BytesMut::new(), left: bytes_max }
    }

    /// Takes the next encoded bytes.
    pub(crate) fn push(&mut self, bytes: &Bytes) {
        self.encoded.extend_from_slice(bytes);
    }

    /// Decodes some of what came; `None` if more must come first.
    pub(crate) fn step(&mut self) -> Result<Option<Bytes>, DecodeError> {
        loop {
            let goes_on = match self.state {
                State::Begin | State::BetweenFrames => self.begin_frame()?,
                State::InFrame { has_checksum } => match self.block(has_checksum)? {
                    Some(decoded) if decoded.is_empty() => true,
                    Some(decoded) => return Ok(Some(decoded.into())),
                    None => false,
                },
                State::Skipping(left) => {
                    let here = left.min(self.encoded.len());
                    self.encoded.advance(here);
                    self.state = match left - here {
                        0 => State::BetweenFrames,
                        left => State::Skipping(left),
                    };
                    here > 0 || left == 0
                }
            };
            if !goes_on {
                return Ok(None);
            }
        }
    }

    /// Ends the body.
    pub(crate) fn finish(&self) -> Result<(), DecodeError> {
        let is_whole = self.state == State::BetweenFrames && self.encoded.is_empty();
        if is_whole { Ok(()) } else { Err(DecodeError::Malformed) }
    }

    /// Reads the header of a frame; false when it is not here yet.
    fn begin_frame(&mut self) -> Result<bool, DecodeError> {
        let Some(magic) = self.number(0, 4) else { return Ok(false) };
        if SKIPPABLE.contains(&magic) {
            let Some(length) = self.number(4, 4) else { return Ok(false) };
            self.encoded.advance(8);
            self.state = State::Skipping(length as usize);
            return Ok(true);
        }
        if magic != MAGIC {
            return Err(DecodeError::Malformed);
        }
        let Some(descriptor) = self.encoded.get(4).copied() else { return Ok(false) };
        let length = header_bytes(descriptor);
        if self.encoded.len() < length {
            return Ok(false);
        }
        self.frame.reset(&self.encoded[..length]).map_err(|error| match error {
            FrameDecoderError::WindowSizeTooBig { .. } => DecodeError::LargeWindow,
            _ => DecodeError::Malformed,
        })?;
        self.encoded.advance(length);
        self.state = State::InFrame { has_checksum: descriptor & 0b100 != 0 };
        Ok(true)
    }

    /// Decodes a block; `None` if it is not here yet. Nothing comes of it as long as the window
    /// holds it.
    fn block(&mut self, has_checksum: bool) -> Result<Option<Vec<u8>>, DecodeError> {
        let Some(header) = self.number(0, 3) else { return Ok(None) };
        let (is_last, kind, size) = (header & 1 == 1, header >> 1 & 3, (header >> 3) as usize);
        if kind == 3 || size > BLOCK_BYTES_MAX {
            return Err(DecodeError::Malformed);
        }
        // One byte that is repeated, else what the header says.
        let content = if kind == 1 { 1 } else { size };
        let length = 3 + content + if is_last && has_checksum { 4 } else { 0 };
        if self.encoded.len() < length {
            return Ok(None);
        }
        let block = &self.encoded[..length];
        let decoded = self.frame.decode_blocks(block, BlockDecodingStrategy::UptoBlocks(1));
        decoded.map_err(|_| DecodeError::Malformed)?;
        self.encoded.advance(length);
        let decoded = self.frame.collect().unwrap_or_default();
        let left = self.left.checked_sub(decoded.len() as u64);
        self.left = left.ok_or(DecodeError::TooLarge)?;
        if is_last {
            let (told, seen) =
                (self.frame.get_checksum_from_data(), self.frame.get_calculated_checksum());
            if told.is_some() && told != seen {
                return Err(DecodeError::Malformed);
            }
            self.state = State::BetweenFrames;
        }
        Ok(Some(decoded))
    }

    /// A number of a few bytes, the lowest first.
    fn number(&self, from: usize, bytes: usize) -> Option<u32> {
        let bytes = self.encoded.get(from..from + bytes)?;
        Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }
}

/// How long a header is, by its descriptor. Source: RFC 8878, section 3.1.1.1.1.
fn header_bytes(descriptor: u8) -> usize {
    let is_single = descriptor & 0b10_0000 != 0;
    let window = usize::from(!is_single);
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 0b11)];
    let content = match descriptor >> 6 {
        0 => usize::from(is_single),
        flag => 1 << flag,
    };
    4 + 1 + window + dictionary + content
}
