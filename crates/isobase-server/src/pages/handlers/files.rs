//! The files of an app folder, and which of them a path means.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use bytes::Bytes;
use percent_encoding::percent_decode_str;

use super::super::state::{Found, Page, PagesConfig, Stored};

/// Files up to this size are kept in memory while they are asked for.
const KEPT_BYTES_MAX: u64 = 128 << 10;

/// Finds what a path of a request means. Touches the disk.
pub(super) fn find(config: &PagesConfig, path: &str) -> io::Result<Found> {
    let Some(segments) = segments(path) else { return Ok(Found::Nothing) };
    let (app, public) = (config.folder.as_path(), config.folder.join("public"));
    if segments.is_empty() || segments == ["index.html"] {
        return match page(app, &app.join("index.html"))? {
            Found::Nothing => page(&public, &public.join("index.html")),
            found => Ok(found),
        };
    }
    let mut wanted = public.clone();
    wanted.extend(&segments);
    if path.ends_with('/') {
        return page(&public, &wanted.join("index.html"));
    }
    page(&public, &wanted)
}

/// The decoded segments of a path; none of one that no file may have.
fn segments(path: &str) -> Option<Vec<String>> {
    let inner = path.trim_start_matches('/');
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    if inner.is_empty() {
        return Some(Vec::new());
    }
    let decoded = inner.split('/').map(|segment| {
        let segment = percent_decode_str(segment).decode_utf8().ok()?.into_owned();
        let refused = |c: char| matches!(c, '/' | '\\') || c.is_control();
        (!segment.is_empty() && !segment.starts_with('.') && !segment.contains(refused))
            .then_some(segment)
    });
    decoded.collect()
}

fn page(root: &Path, wanted: &Path) -> io::Result<Found> {
    let Some((path, metadata)) = inside(root, wanted)? else { return Ok(Found::Nothing) };
    if metadata.is_dir() {
        let index = inside(root, &wanted.join("index.html"))?;
        return Ok(match index {
            Some((_, index)) if index.is_file() => Found::Folder,
            _ => Found::Nothing,
        });
    }
    if !metadata.is_file() {
        return Ok(Found::Nothing);
    }
    let beside = |ending: &str| -> io::Result<Option<Stored>> {
        let mut name = wanted.as_os_str().to_owned();
        name.push(ending);
        match inside(root, Path::new(&name))? {
            Some((path, metadata)) if metadata.is_file() => stored(path, &metadata).map(Some),
            _ => Ok(None),
        }
    };
    let name = wanted.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Found::Page(Box::new(Page {
        br: beside(".br")?,
        gzip: beside(".gz")?,
        plain: stored(path, &metadata)?,
        name,
    })))
}

/// Where a path really leads, when that is inside of a folder and no dot file.
fn inside(root: &Path, wanted: &Path) -> io::Result<Option<(PathBuf, fs::Metadata)>> {
    let missing = |error: &io::Error| {
        use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound, PermissionDenied};
        matches!(error.kind(), NotFound | NotADirectory | InvalidFilename | PermissionDenied)
    };
    let real = |path: &Path| match fs::canonicalize(path) {
        Ok(path) => Ok(Some(path)),
        Err(error) if missing(&error) => Ok(None),
        Err(error) => Err(error),
    };
    let (Some(root), Some(path)) = (real(root)?, real(wanted)?) else { return Ok(None) };
    let Ok(below) = path.strip_prefix(&root) else { return Ok(None) };
    let is_dotted = |part: Component<'_>| part.as_os_str().as_encoded_bytes().starts_with(b".");
    if below.components().any(is_dotted) {
        return Ok(None);
    }
    let metadata = fs::metadata(&path)?;
    Ok(Some((path, metadata)))
}

fn stored(path: PathBuf, metadata: &fs::Metadata) -> io::Result<Stored> {
    let (length, modified) = (metadata.len(), metadata.modified()?);
    if length > KEPT_BYTES_MAX {
        return Ok(Stored { path, length, modified, bytes: None });
    }
    let bytes = Bytes::from(fs::read(&path)?);
    Ok(Stored { path, length: bytes.len() as u64, modified, bytes: Some(bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_no_file_may_have_mean_nothing() {
        for path in [
            "/.git/config",
            "/a/.env",
            "/%2e%2e/isobase.toml",
            "/a/%2E%2E/b",
            "/a%2Fb",
            "/a%5cb",
            "/a//b",
            "/%00",
            "/a%0a",
            "/%ff",
            "//etc/passwd/..",
        ] {
            assert_eq!(segments(path), None, "{path}");
        }
        assert_eq!(segments("/"), Some(Vec::new()));
        assert_eq!(segments("/a%20b/c.js"), Some(vec!["a b".to_owned(), "c.js".to_owned()]));
        assert_eq!(segments("/a/"), Some(vec!["a".to_owned()]));
    }

    #[test]
    fn a_path_means_a_file_of_the_app_or_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let app = folder.path();
        fs::create_dir_all(app.join("public/sub/.hidden")).unwrap();
        for name in [
            "index.html",
            "isobase.toml",
            "public/a.js",
            "public/a.js.br",
            "public/sub/index.html",
            "public/sub/.hidden/x",
            "data.txt",
        ] {
            fs::write(app.join(name), name).unwrap();
        }
        let links = [
            ("../isobase.toml", "public/toml"),
            ("/etc/passwd", "public/passwd"),
            ("sub/.hidden/x", "public/x"),
            ("a.js", "public/b.js"),
        ];
        for (to, name) in links {
            std::os::unix::fs::symlink(to, app.join(name)).unwrap();
        }
        let config = PagesConfig { folder: app.to_owned(), single_page: false };
        let found = |path: &str| match find(&config, path).unwrap() {
            Found::Page(page) => String::from_utf8(page.plain.bytes.unwrap().to_vec()).unwrap(),
            Found::Folder => "folder".to_owned(),
            Found::Nothing => "nothing".to_owned(),
        };
        for (path, what) in [
            ("/", "index.html"),
            ("/index.html", "index.html"),
            ("/a.js", "public/a.js"),
            ("/b.js", "public/a.js"),
            ("/sub", "folder"),
            ("/sub/", "public/sub/index.html"),
            ("/sub/index.html", "public/sub/index.html"),
            ("/a.js/", "nothing"),
            ("/isobase.toml", "nothing"),
            ("/data.txt", "nothing"),
            ("/public/a.js", "nothing"),
            ("/toml", "nothing"),
            ("/passwd", "nothing"),
            ("/x", "nothing"),
            ("/a.js/b", "nothing"),
        ] {
            assert_eq!(found(path), what, "{path}");
        }
        assert_eq!(found(&format!("/{}", "a".repeat(300))), "nothing");
    }
}
