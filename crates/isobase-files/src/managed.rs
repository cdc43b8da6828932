//! Files as people look after them: found, called otherwise, counted.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use isobase_store::is_upload_name;

use crate::{FileQuery, FileState, Files, FilesError, ListedFile};

/// Files that are counted at a time.
const PAGE: u32 = 1_000;
/// How long a count may go on.
const BUDGET: Duration = Duration::from_secs(2);

/// How many files, and how large they are together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Tally {
    fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// The total size of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileTotals {
    /// All of them.
    pub all: Tally,
    /// Those that are private.
    pub private: Tally,
    /// Those that documents named once.
    pub unused: Tally,
    /// Those that no document ever named.
    pub never_named: Tally,
    /// By the first word of their types: `image`, `application`, …
    pub by_kind: BTreeMap<String, Tally>,
    /// All were counted. Else the time for it was over, and there are more.
    pub complete: bool,
}

impl FileTotals {
    fn add(&mut self, listed: &ListedFile) {
        let size = listed.file.size;
        self.all.add(size);
        if listed.file.private {
            self.private.add(size);
        }
        match listed.state() {
            FileState::Named => {}
            FileState::Unused => self.unused.add(size),
            FileState::NeverNamed => self.never_named.add(size),
        }
        let kind = listed.file.media_type.split('/').next().unwrap_or_default();
        self.by_kind.entry(kind.to_owned()).or_default().add(size);
    }
}

impl Files {
    /// Files, the newest first, from a cursor on, and the cursor of the next ones. Of files that are
    /// rare under the query a page may be short.
    ///
    /// # Errors
    /// [`FilesError::Store`], also when the cursor is none of these files.
    pub async fn list(
        &self,
        query: &FileQuery,
        after: Option<String>,
        limit: u32,
    ) -> Result<(Vec<ListedFile>, Option<String>), FilesError> {
        Ok(self.index.list(query, after, limit).await?)
    }

    /// The file of this name as lists show it, if it is there.
    ///
    /// # Errors
    /// [`FilesError::Store`].
    pub async fn find(&self, name: &str) -> Result<Option<ListedFile>, FilesError> {
        match is_upload_name(name) {
            true => Ok(self.index.find(name).await?),
            false => Ok(None),
        }
    }

    /// Notes that a file is called otherwise by people; its address stays. Says whether it is there.
    ///
    /// # Errors
    /// [`FilesError::Store`].
    pub async fn rename(&self, name: &str, original: &str) -> Result<bool, FilesError> {
        Ok(is_upload_name(name) && self.index.rename(name, original).await?)
    }

    /// The total size of the files: reads the list of all, for two seconds at most.
    ///
    /// # Errors
    /// [`FilesError::Store`].
    pub async fn totals(&self) -> Result<FileTotals, FilesError> {
        let (began, mut totals) = (Instant::now(), FileTotals::default());
        let mut after = None;
        loop {
            let (files, next) = self.index.some(after, PAGE).await?;
            files.iter().for_each(|listed| totals.add(listed));
            match next {
                None => totals.complete = true,
                Some(_) if began.elapsed() < BUDGET => {
                    after = next;
                    continue;
                }
                Some(_) => {}
            }
            return Ok(totals);
        }
    }
}
