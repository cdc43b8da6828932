//! A folder of archives.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use isobase_engine::{Engine, NotRead};
use isobase_ops::{
    Control, FilePlace, OpsError,
    archive::{self, ArchiveError, ArchiveInput, ArchiveReport, DumpOptions, Passphrase},
};
use isobase_types::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

/// The end of names of backups.
const ENDING: &str = ".isobase";
/// The name of a backup before it is whole.
const PARTIAL: &str = ".partial";
/// Knowledge of a backup beside it.
const NOTE: &str = ".json";
/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 128;
/// Longest note that is read.
const NOTE_BYTES_MAX: u64 = 1 << 20;
/// Unfinished files that are older were left by a process that was killed.
const PARTIAL_AGE: Duration = Duration::from_secs(24 * 3_600);
const BUFFER_BYTES: usize = 256 << 10;

/// Who wants a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Origin {
    /// Somebody.
    Asked,
    /// The schedule, which lets so many stay.
    Scheduled {
        /// So many.
        keep: usize,
    },
}

/// A backup in the folder.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Backup {
    /// The name of its file.
    pub name: String,
    /// Its bytes.
    pub bytes: u64,
    /// When it was made.
    pub created_at: String,
    /// Its note; none of a file that somebody has put there.
    #[serde(flatten)]
    pub note: Note,
    #[serde(skip)]
    made_at: SystemTime,
}

/// The note of a backup: the content of the file beside it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Note {
    /// Whether the schedule made it.
    pub scheduled: bool,
    /// The engine that was read.
    pub engine: Option<String>,
    /// Documents in it.
    pub documents: Option<u64>,
    /// Whether all of it is of one moment.
    pub one_moment: Option<bool>,
    /// How long it took, in seconds.
    pub seconds: Option<f64>,
    /// When it was last read to its end.
    pub verified_at: Option<String>,
    /// Whether every checksum agreed then.
    pub verified: Option<bool>,
    /// Whether it could be restored then; `None` when that was not tried.
    pub restored: Option<bool>,
    /// The fault that was found then.
    pub error: Option<String>,
    /// Whether it was encrypted when it was made.
    pub encrypted: bool,
    /// Whether it is at the other place, too; `None` where it was not to be.
    pub remote: Option<bool>,
    /// Why not.
    pub remote_error: Option<String>,
}

impl Backup {
    /// Whether it was whole when it was last read.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.note.verified == Some(true)
    }

    /// When it was made.
    #[must_use]
    pub fn made_at(&self) -> SystemTime {
        self.made_at
    }
}

/// Why work on a folder of backups failed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is no such backup.
    #[error("there is no backup {0:?}")]
    NotFound(String),
    /// The text is the name of none.
    #[error(
        "{0:?} is the name of no backup: they end in {ENDING} and have letters, digits, -, _ and ."
    )]
    InvalidName(String),
    /// The folder cannot be used.
    #[error("the folder of backups {folder}: {source}", folder = .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The work failed.
    #[error("{}", told(.0))]
    Ops(#[from] OpsError),
    /// It was written and cannot be read again.
    #[error("the backup {name} was written and is not whole: {reason}")]
    NotWhole {
        /// Its name. The file stays, marked as bad.
        name: String,
        /// The fault.
        reason: String,
    },
}

/// An error of the operations with what is below it.
pub(crate) fn told(error: &OpsError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let message = error.to_string();
        if !text.ends_with(&message) {
            text = format!("{text}: {message}");
        }
        source = error.source();
    }
    text
}

/// Whether an archive may be whole all the same.
fn says_nothing(error: &OpsError) -> bool {
    match error {
        OpsError::Stopped { .. } => true,
        OpsError::Archive { source, .. } => {
            matches!(source, ArchiveError::PassphraseNeeded | ArchiveError::WrongPassphrase)
        }
        _ => false,
    }
}

/// A folder of archives. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Backups {
    folder: Arc<Path>,
    /// Encrypts those that are made, and opens those that are encrypted.
    passphrase: Option<Passphrase>,
    /// Where the uploaded files are that are in backups; none leaves them out.
    files: Option<Arc<dyn FilePlace>>,
    /// Where good ones are copied, too.
    pub(crate) remote: Option<Arc<dyn FilePlace>>,
}

impl Backups {
    /// The backups of a folder, which is made when the first one is.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into().into(), passphrase: None, files: None, remote: None }
    }

    /// The same backups, encrypted from now on.
    #[must_use]
    pub fn with_passphrase(self, passphrase: Option<Passphrase>) -> Self {
        Self { passphrase, ..self }
    }

    /// Whether uploaded files are in the backups.
    #[must_use]
    pub fn has_files(&self) -> bool {
        self.files.is_some()
    }

    /// The same, with uploaded files in the backups.
    #[must_use]
    pub fn with_files(self, files: Arc<dyn FilePlace>) -> Self {
        Self { files: Some(files), ..self }
    }

    /// Where they are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Those that are there, the latest first. Reads the folder and a note for each.
    ///
    /// # Errors
    /// [`BackupError::Folder`].
    pub async fn list(&self) -> Result<Vec<Backup>, BackupError> {
        self.blocking(Self::list_now).await
    }

    /// One of them.
    ///
    /// # Errors
    /// [`BackupError::NotFound`] and [`BackupError::InvalidName`]; else as [`Backups::list`].
    pub async fn get(&self, name: &str) -> Result<Backup, BackupError> {
        let name = checked(name)?;
        self.blocking(move |this| this.read(&name)).await
    }

    /// Writes everything of an engine into a new backup, and reads that again.
    ///
    /// # Errors
    /// [`BackupError::Ops`] when nothing was kept; [`BackupError::NotWhole`] when what was kept
    /// cannot be read.
    pub async fn make(
        &self,
        engine: &Arc<dyn Engine>,
        source: &str,
        origin: Origin,
        control: &Control,
    ) -> Result<Backup, BackupError> {
        let (name, partial, file) = self.blocking(Self::begin).await?;
        let synced = self.told(file.try_clone())?;
        let output =
            Box::new(BufWriter::with_capacity(BUFFER_BYTES, file)) as Box<dyn Write + Send>;
        let options = DumpOptions {
            source: source.to_owned(),
            passphrase: self.passphrase.clone(),
            files: self.files.clone(),
            ..DumpOptions::default()
        };
        let dumped = archive::dump(engine, output, &options, control).await;
        let report = match dumped {
            Ok(report) => report,
            Err(error) => {
                // What is left of it is deleted with the next one, if not now.
                let _ = fs::remove_file(&partial);
                return Err(error.into());
            }
        };
        for NotRead { name, reason } in &report.not_read {
            tracing::warn!("the backup does not have {name}: {reason}");
        }
        let note = Note {
            scheduled: matches!(origin, Origin::Scheduled { .. }),
            engine: Some(report.engine),
            documents: Some(report.footer.documents),
            one_moment: Some(report.footer.one_moment),
            seconds: Some(report.seconds),
            encrypted: self.passphrase.is_some(),
            ..Note::default()
        };
        let (kept, noted) = (name.clone(), note);
        self.blocking(move |this| {
            this.told(synced.sync_all())?;
            this.told(fs::rename(&partial, this.path(&kept)))?;
            this.write_note(&kept, &noted)?;
            this.told(File::open(&this.folder).and_then(|folder| folder.sync_all()))
        })
        .await?;
        match self.verify(&name, control).await {
            Ok(_) => self.get(&name).await,
            Err(BackupError::Ops(error @ OpsError::Archive { .. })) => {
                Err(BackupError::NotWhole { name, reason: told(&error) })
            }
            Err(error) => Err(error),
        }
    }

    /// Reads a backup to its end, compares every checksum, and notes the outcome beside it.
    ///
    /// # Errors
    /// [`BackupError::Ops`] with what is wrong, and those of [`Backups::get`].
    pub async fn verify(
        &self,
        name: &str,
        control: &Control,
    ) -> Result<ArchiveReport, BackupError> {
        let input = self.input(name).await?;
        let verified = archive::verify(vec![input], control).await;
        // A work that was stopped says nothing about the archive, and neither does one without its key.
        if !matches!(&verified, Err(error) if says_nothing(error)) {
            let error = verified.as_ref().err().map(told);
            self.note(name, move |note| {
                note.verified_at = Some(now());
                note.verified = Some(error.is_none());
                note.error = error;
            })
            .await?;
        }
        Ok(verified?)
    }

    /// Notes whether a backup could be restored.
    ///
    /// # Errors
    /// As [`Backups::get`].
    pub async fn note_restored(
        &self,
        name: &str,
        error: Option<String>,
    ) -> Result<(), BackupError> {
        self.note(name, move |note| {
            note.restored = Some(error.is_none());
            note.error = error;
        })
        .await
    }

    /// A backup to be read.
    ///
    /// # Errors
    /// As [`Backups::get`].
    pub async fn input(&self, name: &str) -> Result<ArchiveInput, BackupError> {
        let file = self.open(name).await?;
        Ok(ArchiveInput::from_file(name, file, self.passphrase.clone()))
    }

    /// The file of a backup.
    ///
    /// # Errors
    /// As [`Backups::get`].
    pub async fn open(&self, name: &str) -> Result<File, BackupError> {
        let name = checked(name)?;
        self.blocking(move |this| match File::open(this.path(&name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(BackupError::NotFound(name))
            }
            opened => this.told(opened),
        })
        .await
    }

    /// Deletes a backup, and gives what it was.
    ///
    /// # Errors
    /// As [`Backups::get`].
    pub async fn delete(&self, name: &str) -> Result<Backup, BackupError> {
        let name = checked(name)?;
        self.blocking(move |this| {
            let backup = this.read(&name)?;
            this.told(fs::remove_file(this.path(&name)))?;
            // Without its archive a note tells no one anything.
            let _ = fs::remove_file(this.note_path(&name));
            Ok(backup)
        })
        .await
    }

    /// Deletes the oldest good backups of the schedule until so many are left; says which. Bad ones
    /// and those that somebody asked for stay.
    ///
    /// # Errors
    /// [`BackupError::Folder`].
    pub async fn keep(&self, keep: usize) -> Result<Vec<String>, BackupError> {
        self.blocking(move |this| {
            let ours = this.list_now()?.into_iter().filter(|it| it.note.scheduled && it.is_good());
            let old: Vec<_> = ours.skip(keep.max(1)).map(|backup| backup.name).collect();
            for name in &old {
                this.told(fs::remove_file(this.path(name)))?;
                let _ = fs::remove_file(this.note_path(name));
            }
            Ok(old)
        })
        .await
    }

    pub(crate) async fn note(
        &self,
        name: &str,
        change: impl FnOnce(&mut Note) + Send + 'static,
    ) -> Result<(), BackupError> {
        let name = checked(name)?;
        self.blocking(move |this| {
            let mut note = this.read(&name)?.note;
            change(&mut note);
            this.write_note(&name, &note)
        })
        .await
    }

    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, BackupError> + Send + 'static,
    ) -> Result<T, BackupError> {
        let this = self.clone();
        let done = spawn_blocking(move || work(&this)).await;
        self.told(done.map_err(io::Error::other))?
    }

    fn list_now(&self) -> Result<Vec<Backup>, BackupError> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => self.told(entries)?,
        };
        let mut backups = Vec::new();
        for entry in entries {
            let name = self.told(entry)?.file_name();
            let Some(name) = name.to_str().filter(|name| checked(name).is_ok()) else { continue };
            match self.read(name) {
                Ok(backup) => backups.push(backup),
                // Somebody deleted it meanwhile, or it is no file.
                Err(BackupError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        backups.sort_by(|a, b| (b.made_at, &b.name).cmp(&(a.made_at, &a.name)));
        Ok(backups)
    }

    pub(crate) fn read(&self, name: &str) -> Result<Backup, BackupError> {
        let metadata = match fs::metadata(self.path(name)) {
            Ok(metadata) if metadata.is_file() => metadata,
            Err(error) if error.kind() != io::ErrorKind::NotFound => return self.told(Err(error)),
            _ => return Err(BackupError::NotFound(name.to_owned())),
        };
        let made_at = self.told(metadata.modified())?;
        Ok(Backup {
            name: name.to_owned(),
            bytes: metadata.len(),
            created_at: Timestamp::from_system_time(made_at).to_string(),
            note: self.read_note(name),
            made_at,
        })
    }

    /// Knowledge of a backup. A note that cannot be read tells nothing.
    fn read_note(&self, name: &str) -> Note {
        let read = || -> io::Result<Note> {
            let mut text = String::new();
            File::open(self.note_path(name))?.take(NOTE_BYTES_MAX).read_to_string(&mut text)?;
            Ok(serde_json::from_str(&text)?)
        };
        read().unwrap_or_default()
    }

    /// Puts a note in the place of another one, whole.
    pub(crate) fn write_note(&self, name: &str, note: &Note) -> Result<(), BackupError> {
        let text = serde_json::to_vec(note).expect("texts and numbers always serialise");
        let path = self.note_path(name);
        let partial = path.with_extension("json.partial");
        let write = || -> io::Result<()> {
            let mut file = new_file().truncate(true).create(true).open(&partial)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&partial, &path)
        };
        self.told(write())
    }

    /// Makes the folder and a new file in it: the name it is to have, its path, and the file.
    pub(crate) fn begin(&self) -> Result<(String, PathBuf, File), BackupError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        self.told(made)?;
        self.told(self.delete_left())?;
        let stamp: String = now().chars().filter(char::is_ascii_digit).take(14).collect();
        let (date, time) = stamp.split_at(8.min(stamp.len()));
        for number in 1..100 {
            let mark = if number == 1 { String::new() } else { format!("-{number}") };
            let name = format!("isobase-{date}-{time}{mark}{ENDING}");
            let partial = self.folder.join(format!("{name}{PARTIAL}"));
            if self.path(&name).exists() {
                continue;
            }
            match new_file().create_new(true).open(&partial) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                opened => return Ok((name, partial, self.told(opened)?)),
            }
        }
        self.told(Err(io::Error::other("a hundred backups were begun in this second")))
    }

    /// Deletes what killed processes left.
    fn delete_left(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let is_partial = entry.file_name().to_str().is_some_and(|name| name.ends_with(PARTIAL));
            let age = entry.metadata().and_then(|it| it.modified()).map(|at| at.elapsed());
            if is_partial && age.is_ok_and(|age| age.is_ok_and(|age| age > PARTIAL_AGE)) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn note_path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}{NOTE}"))
    }

    pub(crate) fn told<T>(&self, done: io::Result<T>) -> Result<T, BackupError> {
        done.map_err(|source| BackupError::Folder { folder: self.folder.to_path_buf(), source })
    }
}

/// A file that its owner alone may read: it has what the database has.
fn new_file() -> fs::OpenOptions {
    let mut options = File::options();
    options.write(true).mode(0o600);
    options
}

pub(crate) fn now() -> String {
    Timestamp::from_system_time(SystemTime::now()).to_string()
}

/// A name that leads nowhere but into the folder.
pub(crate) fn checked(name: &str) -> Result<String, BackupError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_name = name.ends_with(ENDING)
        && !name.starts_with('.')
        && name.len() <= NAME_BYTES_MAX
        && name.bytes().all(plain);
    match is_name {
        true => Ok(name.to_owned()),
        false => Err(BackupError::InvalidName(name.chars().take(NAME_BYTES_MAX).collect())),
    }
}
