//! The admin site: files that a browser loads, as bytes in the executable.
//!
//! The site is a client of the HTTP API and knows nothing else of the service. Its modules are
//! served as they are written in `assets/`; nothing builds them.

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

/// The bytes of a file: in a build for development what lies in the folder now, so that a change of the
/// site needs no build; else what it was built with.
#[must_use]
pub fn bytes(file: &File) -> std::borrow::Cow<'static, [u8]> {
    #[cfg(debug_assertions)]
    {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/");
        if let Ok(bytes) = std::fs::read(std::path::Path::new(path).join(file.path)) {
            return bytes.into();
        }
    }
    file.bytes.into()
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
