//! Files that documents have named, and none does any more.

use std::{collections::HashSet, time::SystemTime};

use isobase_types::Timestamp;

use crate::{Files, FilesError, index::ClaimedFile};

/// Files that are looked for in documents at a time.
const PAGE: u32 = 500;

impl Files {
    /// Deletes files that documents have named and none has for [`FilesOptions::unused_for`]; says
    /// how many. Files that no document ever named stay. For one task now and then: it reads the
    /// list of all files, and where fields hold lists of them the documents.
    ///
    /// [`FilesOptions::unused_for`]: crate::FilesOptions::unused_for
    ///
    /// # Errors
    /// When disk or database fail; the next sweep goes on.
    pub async fn sweep_unused(&self) -> Result<u64, FilesError> {
        let (mut deleted, mut after) = (0, None);
        loop {
            let (claimed, next) = self.index.claimed(after, PAGE).await?;
            let names: HashSet<String> = claimed.iter().map(|file| file.name.clone()).collect();
            let named = match names.is_empty() {
                true => HashSet::new(),
                false => self.store.named_files(&names).await?,
            };
            for file in claimed {
                let is_named = named.contains(&file.name);
                deleted += u64::from(self.sweep_one(file, is_named).await?);
            }
            match next {
                Some(_) => after = next,
                None => return Ok(deleted),
            }
        }
    }

    /// Notes what was found of one; says whether it was deleted.
    async fn sweep_one(&self, file: ClaimedFile, is_named: bool) -> Result<bool, FilesError> {
        let now = Timestamp::from_system_time(SystemTime::now());
        if is_named {
            if file.unused_us.is_some() {
                self.index.note_unused(&file.name, None).await?;
            }
            return Ok(false);
        }
        let since = file.unused_us.unwrap_or(now.unix_us);
        let age = u64::try_from(now.unix_us - since).unwrap_or_default();
        if u128::from(age) < self.options().unused_for.as_micros() {
            if file.unused_us.is_none() {
                self.index.note_unused(&file.name, Some(now)).await?;
            }
            return Ok(false);
        }
        // No write can name it from now on; one that did before is seen.
        self.index.remove(&file.name).await?;
        let name = file.name.clone();
        if !self.store.named_files(&HashSet::from([name.clone()])).await?.is_empty() {
            self.index.restore(file).await?;
            return Ok(false);
        }
        self.discard(&name).await?;
        Ok(true)
    }
}
