//! Smaller versions of pictures.

use std::{fs, io::Cursor};

use http::{Method, Request};
use http_body_util::BodyExt;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use isobase_server::RequestBody;

use super::Uploads;
use crate::records::support::Ask;

const RED: Rgb<u8> = Rgb([255, 0, 0]);
const BLUE: Rgb<u8> = Rgb([0, 0, 255]);

/// Red above, blue below.
fn picture(width: u32, height: u32) -> DynamicImage {
    let color = |_, y| if y < height / 2 { RED } else { BLUE };
    RgbImage::from_fn(width, height, color).into()
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A JPEG with a note that its left edge is to be seen at the top.
fn turned(jpeg: &[u8]) -> Vec<u8> {
    let exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], b"\xff\xe1", &length, exif, &jpeg[2..]].concat()
}

impl Uploads {
    async fn thumb(&self, url: &str, thumb: &str) -> (String, DynamicImage) {
        let request = Request::get(format!("{url}?thumb={thumb}")).header("host", "localhost");
        let request = request.body(RequestBody::whole("")).unwrap();
        let (parts, body) = self.service.app.handle(request).await.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        assert_eq!(parts.status, 200, "{thumb}: {}", String::from_utf8_lossy(&bytes));
        let media_type = parts.headers["content-type"].to_str().unwrap().to_owned();
        (media_type, image::load_from_memory(&bytes).unwrap())
    }
}

#[tokio::test]
async fn pictures_come_in_the_size_that_is_asked_for() {
    let uploads = Uploads::new(1 << 20);
    let tall = encoded(&picture(40, 80), ImageFormat::Png);
    let url = uploads.url("a.png", &tall).await;
    for (thumb, width, height, top, bottom) in [
        ("20x20", 20, 20, RED, BLUE),
        ("20x20t", 20, 20, RED, RED),
        ("20x20b", 20, 20, BLUE, BLUE),
        ("20x20f", 10, 20, RED, BLUE),
        ("200x200f", 40, 80, RED, BLUE),
        ("0x20", 10, 20, RED, BLUE),
        ("20x0", 20, 40, RED, BLUE),
        ("60x20t", 60, 20, RED, RED),
    ] {
        let (told, made) = uploads.thumb(&url, thumb).await;
        let made = made.to_rgb8();
        assert_eq!((told.as_str(), made.dimensions()), ("image/png", (width, height)), "{thumb}");
        let (first, last) = (made.get_pixel(width / 2, 0), made.get_pixel(width / 2, height - 1));
        assert_eq!((*first, *last), (top, bottom), "{thumb}");
    }
    for (format, media_type) in [
        (ImageFormat::Jpeg, "image/jpeg"),
        (ImageFormat::Gif, "image/png"),
        (ImageFormat::WebP, "image/png"),
    ] {
        let url = uploads.url("a", &encoded(&picture(40, 80), format)).await;
        let (told, made) = uploads.thumb(&url, "0x8").await;
        assert_eq!((told.as_str(), made.width(), made.height()), (media_type, 4, 8));
    }
    // As a camera that was held upright notes it.
    let url = uploads.url("a.jpg", &turned(&encoded(&picture(40, 80), ImageFormat::Jpeg))).await;
    let (_, made) = uploads.thumb(&url, "0x20").await;
    assert_eq!((made.width(), made.height()), (40, 20));
}

#[tokio::test]
async fn versions_are_kept_and_go_with_their_file() {
    let uploads = Uploads::new(1 << 20);
    let url = uploads.url("a.png", &encoded(&picture(40, 80), ImageFormat::Png)).await;
    let name = url.rsplit('/').next().unwrap();
    let folder = uploads.folder.path().join("uploads/.thumbnails").join(name);
    for side in 1..40 {
        uploads.thumb(&url, &format!("{side}x0")).await;
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 24);
    let head = uploads.service.send(Ask::new(Method::HEAD, &format!("{url}?thumb=8x8"))).await;
    let known = Ask::new(Method::GET, &format!("{url}?thumb=8x8"));
    uploads.service.send(known.header("if-none-match", head.etag())).await.is(304, "");
    let other = Ask::new(Method::HEAD, &format!("{url}?thumb=8x9"));
    assert_ne!(uploads.service.send(other).await.etag(), head.etag());
    uploads.service.delete(&format!("/api/v1/uploads/{name}")).await.has_status(200);
    assert!(!folder.exists());
}

#[tokio::test]
async fn what_is_no_good_picture_is_told() {
    let uploads = Uploads::new(1 << 20);
    let good = encoded(&picture(40, 80), ImageFormat::Png);
    let url = uploads.url("a.png", &good).await;
    for thumb in ["", "x", "0x0", "10", "2049x1", "1x99999999999", "01x1", "-1x1", "9x9q", "0x9t"] {
        let asked = uploads.service.get(&format!("{url}?thumb={thumb}")).await;
        asked.is_problem(422, "invalid_parameter");
    }
    let cut = uploads.url("a.png", &good[..good.len() / 2]).await;
    let cut = uploads.service.get(&format!("{cut}?thumb=8x8")).await;
    cut.is_problem(422, "picture_unreadable");
    // A few bytes that say they are three gigabytes of pixels.
    let mut bomb = good.clone();
    bomb[16..24].copy_from_slice(&[0, 0, 0x80, 0, 0, 0, 0x80, 0]);
    let mut sum = flate2::Crc::new();
    sum.update(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&sum.sum().to_be_bytes());
    let bomb = uploads.url("a.png", &bomb).await;
    let bomb = uploads.service.get(&format!("{bomb}?thumb=8x8")).await;
    bomb.is_problem(413, "picture_too_large");
    let text = uploads.url("a.txt", b"no picture").await;
    uploads.service.get(&format!("{text}?thumb=8x8")).await.is(200, "no picture");
}
