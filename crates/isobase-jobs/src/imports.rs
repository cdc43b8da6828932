//! A folder of files that were sent to be imported.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufWriter, Read as _, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use isobase_auth::{NoRandomness, random_text};
use isobase_ops::import::{Input, LeftOut, ReadOptions};
use isobase_types::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::task::spawn_blocking;

use crate::preview::{self, Preview};

/// How long a file stays: as long as engines remember by default which of its parts were stored, so
/// that an import that goes on never stores one twice.
pub const IMPORT_KEPT: Duration = Duration::from_secs(24 * 3_600);
/// Most files of one folder, and most bytes of all of them. Ours: a few of the largest that are taken.
pub const IMPORTS_MAX: usize = 100;
const ALL_BYTES_MAX: u64 = 16 << 30;
/// Longest name of a file that is kept, in characters.
const NAME_CHARACTERS_MAX: usize = 200;
/// Most bytes of the report of one import.
const REPORT_BYTES_MAX: u64 = 64 << 20;
/// Longest note that is read.
const NOTE_BYTES_MAX: u64 = 16 << 10;
/// Random bytes of an id.
const ID_BYTES: usize = 8;
const DATA: &str = "data";
const NOTE: &str = "json";
const PARTIAL: &str = "partial";
const REFUSED: &str = "refused";

/// A file that was sent to be imported.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImportFile {
    /// The id by which it is asked for.
    pub id: String,
    /// How its sender calls it.
    pub name: String,
    /// Its bytes.
    pub bytes: u64,
    /// When it came.
    pub created_at: String,
    /// When it is deleted.
    pub expires_at: String,
    /// Whether there is a report of records that were refused.
    pub has_refused: bool,
    /// Who sent it.
    pub by: String,
}

/// Knowledge of a file beside it.
#[derive(Serialize, Deserialize)]
struct Note {
    name: String,
    by: String,
    created_us: i64,
}

/// Why work on files to import failed.
#[derive(Debug, thiserror::Error)]
pub enum ImportsError {
    /// There is no such file.
    #[error(
        "there is no file {0:?} to be imported here: files stay for 24 hours, on the service that they were sent to"
    )]
    NotFound(String),
    /// Its content is not of the expected form.
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
    /// There is no room for another.
    #[error("{0}")]
    Full(String),
    /// The folder cannot be used.
    #[error("the folder of files to be imported, {folder}: {source}", folder = .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The system gave no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

/// A folder of files that were sent to be imported. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Imports {
    folder: Arc<Path>,
    /// Bytes of files that are coming in. Written by each of them.
    coming: Arc<AtomicU64>,
}

impl Imports {
    /// The files of a folder, which is made when the first one comes.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into().into(), coming: Arc::default() }
    }

    /// Begins to take a file. `announced` are its bytes, where they are known.
    ///
    /// # Errors
    /// [`ImportsError::Full`], and when the folder cannot be used.
    pub async fn begin(
        &self,
        name: &str,
        by: &str,
        announced: Option<u64>,
    ) -> Result<Incoming, ImportsError> {
        let id = format!("f{}", random_text::<ID_BYTES>()?);
        let printable = name.chars().filter(|c| !c.is_control() && *c != '/' && *c != '\\');
        let note = Note {
            name: printable.take(NAME_CHARACTERS_MAX).collect(),
            by: by.to_owned(),
            created_us: Timestamp::from_system_time(SystemTime::now()).unix_us,
        };
        self.blocking(move |this| {
            this.delete_old()?;
            let files = this.list_now()?;
            if files.len() >= IMPORTS_MAX {
                let message = format!("{IMPORTS_MAX} files wait to be imported; delete one first");
                return Err(ImportsError::Full(message));
            }
            let kept: u64 = files.iter().map(|file| file.bytes).sum();
            let room = ALL_BYTES_MAX.saturating_sub(kept);
            let left = room.saturating_sub(this.coming.load(Ordering::Relaxed));
            if announced.unwrap_or(0) > left {
                return Err(full(left));
            }
            this.told(DirBuilder::new().recursive(true).mode(0o700).create(&this.folder))?;
            let path = this.path(&id, PARTIAL);
            let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            let file = Some(BufWriter::new(this.told(made)?));
            Ok(Incoming { imports: this.clone(), id, note, file, bytes: 0, room })
        })
        .await
    }

    /// Those that are there, the latest first.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub async fn list(&self) -> Result<Vec<ImportFile>, ImportsError> {
        self.blocking(|this| {
            this.delete_old()?;
            this.list_now()
        })
        .await
    }

    /// Deletes those that are too old.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub(crate) async fn tidy(&self) -> Result<(), ImportsError> {
        self.blocking(|this| this.delete_old()).await
    }

    /// One of them.
    ///
    /// # Errors
    /// [`ImportsError::NotFound`], and when the folder cannot be used.
    pub async fn get(&self, id: &str) -> Result<ImportFile, ImportsError> {
        let id = checked(id)?;
        self.blocking(move |this| this.read(&id)).await
    }

    /// A reader of one of them.
    ///
    /// # Errors
    /// As [`Imports::get`].
    pub async fn open(&self, id: &str) -> Result<(ImportFile, Input), ImportsError> {
        let id = checked(id)?;
        self.blocking(move |this| {
            let file = this.read(&id)?;
            let input = this.told(Input::open(&this.path(&id, DATA)))?;
            Ok((file, input))
        })
        .await
    }

    /// The first records of one of them as they would be stored, at most so many.
    ///
    /// # Errors
    /// As [`Imports::get`]; [`ImportsError::Unreadable`] where there is something wrong with the file.
    pub async fn preview(
        &self,
        id: &str,
        options: ReadOptions,
        rows: usize,
    ) -> Result<(ImportFile, Preview), ImportsError> {
        let (file, mut input) = self.open(id).await?;
        self.blocking(move |_| {
            let name = PathBuf::from(&file.name);
            let found = preview::preview(&mut input, &name, &options, rows);
            Ok((file, found.map_err(|error| ImportsError::Unreadable(error.to_string()))?))
        })
        .await
    }

    /// The report of the records that the last import of a file refused: a line of JSON each.
    ///
    /// # Errors
    /// As [`Imports::get`]; also when there is none.
    pub async fn refused(&self, id: &str) -> Result<File, ImportsError> {
        let id = checked(id)?;
        self.blocking(move |this| match File::open(this.path(&id, REFUSED)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(ImportsError::NotFound(id))
            }
            opened => this.told(opened),
        })
        .await
    }

    /// Deletes a file and its report.
    ///
    /// # Errors
    /// As [`Imports::get`].
    pub async fn delete(&self, id: &str) -> Result<ImportFile, ImportsError> {
        let id = checked(id)?;
        self.blocking(move |this| {
            let file = this.read(&id)?;
            this.remove(&id)?;
            Ok(file)
        })
        .await
    }

    /// Begins the report of an import, in place of that of an earlier one.
    pub(crate) fn report(&self, id: &str) -> Report {
        let path = self.path(id, REFUSED);
        // What an earlier one refused may be stored now.
        let _ = fs::remove_file(&path);
        Report { path, file: None, bytes: 0 }
    }

    fn list_now(&self) -> Result<Vec<ImportFile>, ImportsError> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => self.told(entries)?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = self.told(entry)?.path();
            let is_note = path.extension().is_some_and(|ending| ending == NOTE);
            let id = path.file_stem().and_then(|stem| stem.to_str()).filter(|_| is_note);
            match id.map(|id| self.read(id)) {
                // Somebody deleted it meanwhile, or it is nothing of ours.
                None | Some(Err(ImportsError::NotFound(_))) => {}
                Some(file) => files.push(file?),
            }
        }
        files.sort_by(|a, b| (&b.created_at, &b.id).cmp(&(&a.created_at, &a.id)));
        Ok(files)
    }

    fn read(&self, id: &str) -> Result<ImportFile, ImportsError> {
        let missing = || ImportsError::NotFound(id.to_owned());
        let bytes = match fs::metadata(self.path(id, DATA)) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing()),
            Err(error) => return self.told(Err(error)),
        };
        let text = File::open(self.path(id, NOTE))
            .and_then(|file| io::read_to_string(file.take(NOTE_BYTES_MAX)));
        let note: Option<Note> = text.ok().and_then(|text| serde_json::from_str(&text).ok());
        let note = note.ok_or_else(missing)?;
        let kept_us = i64::try_from(IMPORT_KEPT.as_micros()).unwrap_or(i64::MAX);
        let ends = Timestamp { unix_us: note.created_us.saturating_add(kept_us) };
        Ok(ImportFile {
            id: id.to_owned(),
            name: note.name,
            bytes,
            created_at: Timestamp { unix_us: note.created_us }.to_string(),
            expires_at: ends.to_string(),
            has_refused: self.path(id, REFUSED).exists(),
            by: note.by,
        })
    }

    /// Deletes what is too old, whatever it is: also what a process that was killed had begun.
    fn delete_old(&self) -> Result<(), ImportsError> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => self.told(entries)?,
        };
        for entry in entries {
            let entry = self.told(entry)?;
            let age = entry.metadata().and_then(|it| it.modified()).map(|at| at.elapsed());
            if matches!(age, Ok(Ok(age)) if age > IMPORT_KEPT) {
                // The next one deletes it, if not this one.
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }

    fn remove(&self, id: &str) -> Result<(), ImportsError> {
        for ending in [NOTE, REFUSED, DATA] {
            match fs::remove_file(self.path(id, ending)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return self.told(Err(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn path(&self, id: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{id}.{ending}"))
    }

    fn told<T>(&self, done: io::Result<T>) -> Result<T, ImportsError> {
        done.map_err(|source| ImportsError::Folder { folder: self.folder.to_path_buf(), source })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, ImportsError> + Send + 'static,
    ) -> Result<T, ImportsError> {
        let this = self.clone();
        let done = spawn_blocking(move || work(&this)).await;
        self.told(done.map_err(io::Error::other))?
    }
}

/// A file that is coming in. Dropped before its end it is deleted.
#[derive(Debug)]
pub struct Incoming {
    imports: Imports,
    id: String,
    note: Note,
    /// None once it is kept.
    file: Option<BufWriter<File>>,
    bytes: u64,
    /// Bytes that there is room for, with all that comes in at the same time.
    room: u64,
}

impl std::fmt::Debug for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Note").field("by", &self.by).finish_non_exhaustive()
    }
}

impl Incoming {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`ImportsError::Full`], and when the folder cannot be used.
    pub async fn write(mut self, piece: bytes::Bytes) -> Result<Self, ImportsError> {
        let bytes = piece.len() as u64;
        self.bytes += bytes;
        let before = self.imports.coming.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.room {
            return Err(full(self.room.saturating_sub(before)));
        }
        let imports = self.imports.clone();
        imports
            .blocking(move |imports| {
                if let Some(file) = &mut self.file {
                    imports.told(file.write_all(&piece))?;
                }
                Ok(self)
            })
            .await
    }

    /// Keeps it.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub async fn finish(mut self) -> Result<ImportFile, ImportsError> {
        let imports = self.imports.clone();
        imports
            .blocking(move |imports| {
                imports.told(self.keep())?;
                imports.read(&self.id)
            })
            .await
    }

    fn keep(&mut self) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            file.flush()?;
            file.get_ref().sync_all()?;
        }
        let mut note = File::create(self.imports.path(&self.id, NOTE))?;
        note.write_all(json!(self.note).to_string().as_bytes())?;
        note.sync_all()?;
        let partial = self.imports.path(&self.id, PARTIAL);
        fs::rename(partial, self.imports.path(&self.id, DATA))?;
        self.file = None;
        File::open(&self.imports.folder)?.sync_all()
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.imports.coming.fetch_sub(self.bytes, Ordering::Relaxed);
        if self.file.is_some() {
            // What is left of it is deleted when it is old, if not now.
            for ending in [PARTIAL, NOTE] {
                let _ = fs::remove_file(self.imports.path(&self.id, ending));
            }
        }
    }
}

/// The report of the records that an import refuses; a file once there is one.
pub(crate) struct Report {
    path: PathBuf,
    file: Option<BufWriter<File>>,
    bytes: u64,
}

impl Report {
    /// Notes records; says whether there was room.
    pub(crate) fn note(&mut self, refused: &[LeftOut]) -> io::Result<bool> {
        for LeftOut { number, line, reason } in refused {
            if self.bytes > REPORT_BYTES_MAX {
                return Ok(false);
            }
            let file = match &mut self.file {
                Some(file) => file,
                none => {
                    let mut options = OpenOptions::new();
                    options.write(true).create(true).truncate(true).mode(0o600);
                    none.insert(BufWriter::new(options.open(&self.path)?))
                }
            };
            let text = format!("{}\n", json!({ "line": line, "record": number, "reason": reason }));
            self.bytes += text.len() as u64;
            file.write_all(text.as_bytes())?;
        }
        Ok(true)
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), BufWriter::flush)
    }
}

fn full(room: u64) -> ImportsError {
    ImportsError::Full(format!(
        "there is room for {room} more bytes among the files to be imported; delete one first"
    ))
}

/// An id, which is part of a path.
fn checked(id: &str) -> Result<String, ImportsError> {
    let is_id = id.len() == 1 + 2 * ID_BYTES
        && id.starts_with('f')
        && id.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase());
    match is_id {
        true => Ok(id.to_owned()),
        false => Err(ImportsError::NotFound(id.chars().take(100).collect())),
    }
}
