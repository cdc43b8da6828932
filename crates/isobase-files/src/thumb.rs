//! Which smaller version of a picture is asked for.

use std::fmt;

use crate::FilesError;

/// Largest side of a smaller version, in pixels. Ours: wider than most screens show a picture.
pub const THUMB_SIDE_MAX: u32 = 2_048;

/// A smaller version of a picture: `200x100`, `200x100t`, `200x100b`, `200x100f`, `200x0`, `0x100`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Thumb {
    /// Pixels; 0 for as many as the other side brings.
    pub(crate) width: u32,
    /// Pixels; 0 for as many as the other side brings.
    pub(crate) height: u32,
    pub(crate) cut: Cut,
}

/// The fate of what does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Cut {
    /// As much of each side is cut off.
    Center,
    /// The bottom is cut off.
    KeepTop,
    /// The top is cut off.
    KeepBottom,
    /// Nothing is cut off: one side gets shorter.
    Nothing,
}

/// A smaller version of a picture, made.
#[derive(Clone, Debug)]
pub struct Thumbnail {
    /// Its kind.
    pub media_type: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// There is no smaller version.
#[derive(Debug, thiserror::Error)]
pub enum ThumbnailError {
    /// The picture has too many pixels or bytes.
    #[error("the picture is too large: at most 26 megapixels in 48 MiB are made smaller")]
    TooLarge,
    /// It is damaged.
    #[error("the picture cannot be read: {0}")]
    Damaged(String),
    /// Too many are being made.
    #[error("too many pictures are being made smaller")]
    Busy,
    /// This service makes none.
    #[error("this service was built without smaller versions of pictures")]
    Unsupported,
    /// Its bytes cannot be had.
    #[error(transparent)]
    Files(#[from] FilesError),
}

impl Thumb {
    /// Reads what users of PocketBase write; `None` for anything else, and for sides beyond
    /// [`THUMB_SIDE_MAX`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (width, rest) = text.split_once('x')?;
        let (height, cut) = match rest.as_bytes().last()? {
            b't' => (&rest[..rest.len() - 1], Cut::KeepTop),
            b'b' => (&rest[..rest.len() - 1], Cut::KeepBottom),
            b'f' => (&rest[..rest.len() - 1], Cut::Nothing),
            _ => (rest, Cut::Center),
        };
        let (width, height) = (side(width)?, side(height)?);
        // A picture that keeps its shape is not cut.
        let is_plain = width > 0 && height > 0 || cut == Cut::Center;
        (width + height > 0 && is_plain).then_some(Self { width, height, cut })
    }
}

/// Each version has one name: a number without zeros before it.
fn side(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number <= THUMB_SIDE_MAX && number.to_string() == text).then_some(number)
}

/// As it was asked for.
impl fmt::Display for Thumb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = match self.cut {
            Cut::Center => "",
            Cut::KeepTop => "t",
            Cut::KeepBottom => "b",
            Cut::Nothing => "f",
        };
        write!(f, "{}x{}{cut}", self.width, self.height)
    }
}
