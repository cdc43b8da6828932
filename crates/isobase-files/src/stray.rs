//! Bytes that no document tells of.
//!
//! A process that is killed between the bytes and their document leaves them, and a database that was
//! restored to a former state knows nothing of files that came later. So they are looked for and
//! deleted only when somebody asks.

use std::{
    fs, io,
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

use futures_util::{StreamExt, TryStreamExt, stream};
use isobase_store::is_upload_name;

use crate::{
    Files, FilesError,
    files::blocking,
    lying::{Lying, Stray, TOGETHER},
};

/// Younger bytes may be those of a file that is coming.
const AGE_MIN: Duration = Duration::from_secs(24 * 3_600);
/// Most that are told of at a time.
const STRAYS_MAX: usize = 1_000;
/// How long a search may go on.
const BUDGET: Duration = Duration::from_secs(10);

/// The findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strays {
    /// In no order.
    pub strays: Vec<Stray>,
    /// There are no others that are old enough. Else a bound was reached.
    pub complete: bool,
}

impl Files {
    /// Bytes of at least a day ago that no document tells of, at most 1,000 of them, as far as they
    /// are found within ten seconds.
    ///
    /// # Errors
    /// When disk, bucket or database fail.
    pub async fn strays(&self) -> Result<Strays, FilesError> {
        let deadline = Instant::now() + BUDGET;
        let (mut lying, mut found) = (self.lying(), Strays::default());
        while let Some(mut some) = lying.try_next().await? {
            some.retain(is_old);
            let names: Vec<String> = some.iter().map(|stray| stray.name.clone()).collect();
            let known = self.index.known(&names).await?;
            found.strays.extend(some.into_iter().filter(|stray| !known.contains(&stray.name)));
            if found.strays.len() >= STRAYS_MAX || Instant::now() >= deadline {
                found.strays.truncate(STRAYS_MAX);
                return Ok(found);
            }
        }
        Ok(Strays { complete: true, ..found })
    }

    /// Deletes what [`Files::strays`] finds; gives what was deleted, and whether that was all.
    ///
    /// # Errors
    /// When disk, bucket or database fail; what was deleted before that stays so.
    pub async fn delete_strays(&self) -> Result<Strays, FilesError> {
        let found = self.strays().await?;
        for stray in &found.strays {
            self.discard(&stray.name).await?;
        }
        Ok(found)
    }

    /// Everything with the name of an upload where files are kept, some at a time.
    fn lying(&self) -> Lying {
        #[cfg(feature = "s3")]
        if let Some(bucket) = &self.options().bucket {
            return bucket.lying();
        }
        let begin = Walk::Begins(self.options().folder.clone());
        let steps = stream::try_unfold(begin, |walk| async move {
            Ok::<_, FilesError>(blocking(move || walk.step()).await?)
        });
        steps.boxed()
    }
}

/// A walk through a folder.
enum Walk {
    Begins(PathBuf),
    GoesOn(fs::ReadDir),
}

impl Walk {
    /// The next entries that have names of uploads, and the rest of the walk; none at its end.
    fn step(self) -> io::Result<Option<(Vec<Stray>, Self)>> {
        let mut entries = match self {
            Self::GoesOn(entries) => entries,
            Self::Begins(folder) => match fs::read_dir(folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                entries => entries?,
            },
        };
        let mut some = Vec::new();
        while some.len() < TOGETHER
            && let Some(entry) = entries.next()
        {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| is_upload_name(name)) else { continue };
            // It may be gone already.
            let Ok(known) = entry.metadata() else { continue };
            if known.is_file() {
                let (size, modified) = (known.len(), known.modified()?);
                some.push(Stray { name: name.to_owned(), size, modified });
            }
        }
        Ok((!some.is_empty()).then_some((some, Self::GoesOn(entries))))
    }
}

fn is_old(stray: &Stray) -> bool {
    SystemTime::now().duration_since(stray.modified).is_ok_and(|age| age >= AGE_MIN)
}
