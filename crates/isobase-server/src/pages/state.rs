//! State of the pages: where they are, and the small ones in memory.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use parking_lot::Mutex;

/// Where the pages of an app are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PagesConfig {
    /// The app folder, with `index.html` or `public`.
    pub folder: PathBuf,
    /// Paths without a file show `index.html`, whose script knows them. Default: they are missing.
    pub single_page: bool,
}

impl PagesConfig {
    /// Whether the folder has a page for `/`.
    #[must_use]
    pub fn has_index(&self) -> bool {
        ["index.html", "public/index.html"].iter().any(|name| self.folder.join(name).is_file())
    }
}

/// The file under a path.
#[derive(Debug)]
pub(super) enum Found {
    /// A file.
    Page(Box<Page>),
    /// A folder with a page, whose path ends with a slash.
    Folder,
    /// Nothing that may be seen.
    Nothing,
}

/// A file with what lies beside it.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) plain: Stored,
    /// `name.br`
    pub(super) br: Option<Stored>,
    /// `name.gz`
    pub(super) gzip: Option<Stored>,
    /// The name that says what it is.
    pub(super) name: String,
}

/// A file as it was found.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) path: PathBuf,
    pub(super) length: u64,
    pub(super) modified: SystemTime,
    /// Its bytes, when it is small.
    pub(super) bytes: Option<Bytes>,
}

/// How long what was found holds: a file that is changed shows at once for people, and a page that
/// many ask for is read a few times a second.
const HOLDS: Duration = Duration::from_millis(250);

/// Most paths that are remembered; then they are forgotten.
const REMEMBERED_MAX: usize = 512;

/// State of the pages.
pub(crate) struct State {
    pub(super) config: PagesConfig,
    /// The files found under a path lately. Read and written by every request.
    remembered: Mutex<HashMap<String, (Instant, Arc<Found>)>>,
}

impl State {
    pub(crate) fn new(config: PagesConfig) -> Self {
        Self { config, remembered: Mutex::default() }
    }

    /// The files found under a path lately.
    pub(super) fn recall(&self, path: &str) -> Option<Arc<Found>> {
        let remembered = self.remembered.lock();
        let (at, found) = remembered.get(path)?;
        (at.elapsed() < HOLDS).then(|| found.clone())
    }

    /// Remembers what was found under a path.
    pub(super) fn remember(&self, path: &str, found: Arc<Found>) {
        let mut remembered = self.remembered.lock();
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(path.to_owned(), (Instant::now(), found));
    }
}
