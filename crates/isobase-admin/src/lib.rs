//! The admin site: files that a browser loads, as bytes in the executable.
//!
//! The site is a client of the HTTP API and knows nothing else of the service. Its modules are
//! served as they are written in `assets/`, without comments and indentation; nothing builds them.

use std::borrow::Cow;

/// A file of the site.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// Its path below the folder of the files, such as `lib/dom.js`.
    pub path: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// Its bytes.
    pub bytes: &'static [u8],
}

/// The page at every address of the site: the frame that draws the screens.
pub const FRAME: File = File {
    path: "index.html",
    content_type: "text/html; charset=utf-8",
    bytes: include_bytes!("../assets/index.html"),
};

/// The crates of others in the executable: a line for each with its name, version and licence.
pub const PARTS: &str = include_str!("../parts.txt");

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        /// Every file beside the frame, by path.
        pub const FILES: &[File] = &[$(File {
            path: $path,
            content_type: content_type($path),
            bytes: include_bytes!(concat!("../assets/", $path)),
        }),*];
    };
}

files![
    "acting.js",
    "app.js",
    "icon.svg",
    "lib/api.js",
    "lib/cell.js",
    "lib/chart.js",
    "lib/columns.js",
    "lib/diff.js",
    "lib/dom.js",
    "lib/follow.js",
    "lib/format.js",
    "lib/jobs.js",
    "lib/json.js",
    "lib/keys.js",
    "lib/may.js",
    "lib/palette.js",
    "lib/rows.js",
    "lib/sql_answer.js",
    "lib/sql_complete.js",
    "lib/sql_diagram.js",
    "lib/sql_editor.js",
    "lib/sql_review.js",
    "lib/sql_rows.js",
    "lib/sql_schema.js",
    "lib/sql_tables.js",
    "lib/sql_tabs.js",
    "lib/sql_text.js",
    "lib/sql_write.js",
    "lib/ui.js",
    "lib/upload.js",
    "lib/url.js",
    "lib/views.js",
    "screens/account.js",
    "screens/audit.js",
    "screens/backups.js",
    "screens/cells.js",
    "screens/data.js",
    "screens/document.js",
    "screens/engines.js",
    "screens/filter.js",
    "screens/hub.js",
    "screens/import.js",
    "screens/jobs.js",
    "screens/licence-forms.js",
    "screens/licence-import.js",
    "screens/licence.js",
    "screens/licenses.js",
    "screens/login.js",
    "screens/realtime.js",
    "screens/request.js",
    "screens/requests.js",
    "screens/settings.js",
    "screens/sql.js",
    "screens/upload.js",
    "screens/uploads.js",
    "screens/users.js",
    "screens/webhooks.js",
    "style.css",
];

/// The bytes that are sent of a file: in a build for development of what lies in the folder now, so that a
/// change of the site needs no build; else of what it was built with.
#[must_use]
pub fn bytes(file: &File) -> Cow<'static, [u8]> {
    let mut bytes = Cow::Borrowed(file.bytes);
    #[cfg(debug_assertions)]
    {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/");
        if let Ok(now) = std::fs::read(std::path::Path::new(path).join(file.path)) {
            bytes = now.into();
        }
    }
    match (file.path.ends_with(".js") || file.path.ends_with(".css"), str::from_utf8(&bytes)) {
        (true, Ok(text)) => without_comments(text).into_bytes().into(),
        _ => bytes,
    }
}

/// A module or a style sheet without the lines of its comments, and without indentation: an eighth
/// of what would be sent. The other lines keep their numbers, so that an error of a browser names
/// one of the source.
fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut in_comment = false;
    for line in text.lines() {
        let line = line.trim_start();
        let begins = line.starts_with("/*");
        if !in_comment && !begins && !line.starts_with("//") {
            kept.push_str(line);
        }
        in_comment = (in_comment || begins) && !line.contains("*/");
        kept.push('\n');
    }
    kept
}

/// The file at a path.
#[must_use]
pub fn file(path: &str) -> Option<&'static File> {
    let at = FILES.binary_search_by_key(&path, |file| file.path).ok()?;
    FILES.get(at)
}

const fn content_type(path: &str) -> &'static str {
    match path.as_bytes() {
        [.., b'.', b'j', b's'] => "text/javascript; charset=utf-8",
        [.., b'.', b'c', b's', b's'] => "text/css; charset=utf-8",
        [.., b'.', b's', b'v', b'g'] => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_served() {
        fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => walk(&path, root, found),
                    false => found.push(path.strip_prefix(root).unwrap().to_str().unwrap().into()),
                }
            }
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
        let mut found = Vec::new();
        walk(&root, &root, &mut found);
        found.retain(|path| path != FRAME.path);
        found.sort();
        let served: Vec<_> = FILES.iter().map(|file| file.path).collect();
        assert_eq!(served, found);
        for path in served {
            assert_eq!(file(path).unwrap().path, path);
            assert_ne!(content_type(path), "application/octet-stream", "{path}");
        }
        assert!(file("lib").is_none() && file("../src/lib.rs").is_none());
    }

    #[test]
    fn comments_and_indentation_are_not_sent() {
        let source =
            "// Why.\n/**\n * What.\n */\nfunction a() {\n  return \"// b\";\n}\n/* c */\n";
        assert_eq!(without_comments(source), "\n\n\n\nfunction a() {\nreturn \"// b\";\n}\n\n");
        for file in FILES.iter().filter(|file| file.path.ends_with(".js")) {
            let text = str::from_utf8(file.bytes).unwrap();
            let (mut in_text, mut in_comment) = (false, false);
            for line in text.lines() {
                let trimmed = line.trim_start();
                let is_comment =
                    in_comment || trimmed.starts_with("//") || trimmed.starts_with("/*");
                // A text of several lines would lose what looks like a comment in it.
                assert!(!(in_text && is_comment), "{}: {line}", file.path);
                in_comment = is_comment && !trimmed.starts_with("//") && !trimmed.contains("*/");
                if !is_comment {
                    let is_odd = line.matches('`').count() % 2 == 1;
                    in_text ^= is_odd && (in_text || line.ends_with('`'));
                    // Then what follows it would be taken for a part of the comment.
                    assert!(!in_comment, "{}: {line}", file.path);
                }
            }
            assert!(!in_text && !in_comment, "{}", file.path);
        }
    }

    #[test]
    fn nothing_reads_data_as_html_or_asks_another_host() {
        for file in FILES.iter().chain([&FRAME]) {
            let text = str::from_utf8(file.bytes).unwrap();
            // Browsers have the last one for https and their own machine only.
            for word in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "randomUUID(",
            ] {
                assert!(!text.contains(word), "{}: {word}", file.path);
            }
            let names = text.matches("http://").count() + text.matches("https://").count();
            let spaces = text.matches("\"http://www.w3.org/2000/svg\"").count();
            assert_eq!(names, spaces, "{} names another host", file.path);
        }
    }
}
