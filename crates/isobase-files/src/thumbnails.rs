//! Smaller versions of pictures, made when they are asked for and kept beside the files.
//!
//! The head of a picture says how large it is: one that is too large is refused before it is decoded.

use std::{
    fs,
    io::{self, Cursor},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};

use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits,
    codecs::jpeg::JpegEncoder, imageops::FilterType,
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task::spawn_blocking,
    time::timeout,
};

use crate::{FilesError, THUMB_SIDE_MAX, Thumb, Thumbnail, ThumbnailError, thumb::Cut};

/// Where they are kept.
const FOLDER: &str = ".thumbnails";
/// Most pixels of a picture. Ours: a little more than a camera of 24 megapixels makes, and a hundred
/// megabytes when it is decoded.
const PIXELS_MAX: u64 = 26_000_000;
/// Largest file of a picture.
pub(crate) const PICTURE_BYTES_MAX: u64 = 48 << 20;
/// Most memory that a decoder may take for itself.
const DECODER_BYTES_MAX: u64 = 256 << 20;
/// Pictures that are decoded at a time: each may take what [`PIXELS_MAX`] takes.
const AT_A_TIME: usize = 2;
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// Versions of one picture that are kept. More are made each time they are asked for, so that no one
/// fills the disk by asking.
const KEPT_MAX: usize = 24;
/// As good as the eye asks for.
const JPEG_QUALITY: u8 = 85;

/// Smaller versions of pictures.
#[derive(Debug)]
pub(crate) struct Thumbnails {
    folder: PathBuf,
    turns: Semaphore,
}

/// The media type of versions of pictures.
struct Kind {
    format: ImageFormat,
    extension: &'static str,
    media_type: &'static str,
}

const PNG: (&str, &str) = ("png", "image/png");

impl Kind {
    fn of(media_type: &str) -> Option<Self> {
        let (format, (extension, media_type)) = match media_type {
            "image/jpeg" => (ImageFormat::Jpeg, ("jpg", "image/jpeg")),
            "image/png" => (ImageFormat::Png, PNG),
            "image/gif" => (ImageFormat::Gif, PNG),
            "image/webp" => (ImageFormat::WebP, PNG),
            _ => return None,
        };
        Some(Self { format, extension, media_type })
    }
}

impl Thumbnails {
    pub(crate) fn new(uploads: &Path) -> Self {
        Self { folder: uploads.join(FOLDER), turns: Semaphore::new(AT_A_TIME) }
    }

    /// The version of a file, made of its bytes unless it is kept; none of a file that is no picture.
    pub(crate) async fn get(
        &self,
        name: &str,
        media_type: &str,
        thumb: Thumb,
        bytes: impl Future<Output = Result<Vec<u8>, FilesError>>,
    ) -> Result<Option<Thumbnail>, ThumbnailError> {
        let Some(kind) = Kind::of(media_type) else { return Ok(None) };
        let media_type = kind.media_type;
        let path = self.folder.join(name).join(format!("{thumb}.{}", kind.extension));
        match tokio::fs::read(&path).await {
            Ok(bytes) => return Ok(Some(Thumbnail { media_type, bytes })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(FilesError::Disk(error).into()),
        }
        let turn = self.turn().await?;
        let bytes = bytes.await?;
        let made = spawn_blocking(move || {
            let made = make(bytes, &kind, thumb)?;
            // The next one makes it again where there is no room to keep it.
            match keep(&path, &made) {
                Err(error) if error.kind() != io::ErrorKind::StorageFull => {
                    Err(ThumbnailError::from(FilesError::Disk(error)))
                }
                _ => Ok(made),
            }
        });
        let bytes = made.await.map_err(|error| FilesError::Disk(io::Error::other(error)))??;
        drop(turn);
        Ok(Some(Thumbnail { media_type, bytes }))
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, ThumbnailError> {
        let turn = timeout(PATIENCE, self.turns.acquire()).await;
        turn.ok().and_then(Result::ok).ok_or(ThumbnailError::Busy)
    }

    /// Forgets the versions of a file.
    pub(crate) async fn remove(&self, name: &str) -> io::Result<()> {
        match tokio::fs::remove_dir_all(self.folder.join(name)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn make(bytes: Vec<u8>, kind: &Kind, thumb: Thumb) -> Result<Vec<u8>, ThumbnailError> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODER_BYTES_MAX);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), kind.format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(told)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > PIXELS_MAX || decoder.total_bytes() > 4 * PIXELS_MAX {
        return Err(ThumbnailError::TooLarge);
    }
    // A picture without this note stands as it is.
    let orientation = decoder.orientation().map_err(told)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(told)?;
    picture.apply_orientation(orientation);
    let small = resized(&picture, thumb);
    drop(picture);
    let mut made = Vec::new();
    match kind.format {
        ImageFormat::Jpeg => {
            let encoder = JpegEncoder::new_with_quality(&mut made, JPEG_QUALITY);
            small.to_rgb8().write_with_encoder(encoder).map_err(told)?;
        }
        _ => small.write_to(&mut Cursor::new(&mut made), ImageFormat::Png).map_err(told)?,
    }
    Ok(made)
}

fn told(error: ImageError) -> ThumbnailError {
    match error {
        ImageError::Limits(_) => ThumbnailError::TooLarge,
        other => ThumbnailError::Damaged(other.to_string()),
    }
}

fn resized(picture: &DynamicImage, Thumb { width, height, cut }: Thumb) -> DynamicImage {
    const FILTER: FilterType = FilterType::Triangle;
    let (own_width, own_height) = (picture.width().max(1), picture.height().max(1));
    match (width, height, cut) {
        (0, height, _) => {
            picture.resize_exact(scaled(own_width, height, own_height), height, FILTER)
        }
        (width, 0, _) => picture.resize_exact(width, scaled(own_height, width, own_width), FILTER),
        (width, height, Cut::Nothing) if own_width <= width && own_height <= height => {
            picture.clone()
        }
        (width, height, Cut::Nothing) => picture.resize(width, height, FILTER),
        (width, height, Cut::Center) => picture.resize_to_fill(width, height, FILTER),
        (width, height, cut) => {
            // The largest part of the picture in this shape, at the edge that is kept.
            let part_height = part(own_width, height, width).min(own_height);
            let part_width = part(part_height, width, height).min(own_width);
            let left = (own_width - part_width) / 2;
            let top = if cut == Cut::KeepBottom { own_height - part_height } else { 0 };
            let part = picture.crop_imm(left, top, part_width, part_height);
            part.resize_exact(width, height, FILTER)
        }
    }
}

/// A side of a version that keeps the shape: so long that it is never beyond the bound.
fn scaled(own: u32, other: u32, own_other: u32) -> u32 {
    part(own, other, own_other).min(THUMB_SIDE_MAX)
}

/// `of * numerator / denominator`, at least 1.
fn part(of: u32, numerator: u32, denominator: u32) -> u32 {
    let part = u64::from(of) * u64::from(numerator) / u64::from(denominator);
    u32::try_from(part.max(1)).unwrap_or(u32::MAX)
}

/// Keeps a version whole or not at all.
fn keep(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if fs::read_dir(folder)?.count() >= KEPT_MAX {
        return Ok(());
    }
    // Two that make the same version at a time write different files.
    let made = path.with_extension(format!("{:016x}.new", rand::random::<u64>()));
    let written = fs::write(&made, bytes).and_then(|()| fs::File::open(&made)?.sync_all());
    let kept = written.and_then(|()| fs::rename(&made, path));
    if kept.is_err() {
        // What stays goes with the file.
        let _ = fs::remove_file(&made);
    }
    kept
}
