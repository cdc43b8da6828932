//! Uploads that come in several requests, and go on where they broke off.
//!
//! The progress of an upload is the length of its file in `.transfers`: nothing else can say
//! otherwise after the process was killed. A document says whose it is and what becomes of it.
//! Bytes that carry a sum lie apart until the sum is known to be right.

use std::{
    io,
    os::unix::fs::DirBuilderExt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use isobase_store::Store;
use isobase_types::{Timestamp, hex};
use rand::RngExt;
use sha2::{Digest, Sha256};
use tokio::{
    fs::{self, File},
    io::{AsyncSeekExt, AsyncWriteExt},
    sync::{Mutex, OnceCell},
    time::sleep,
};

use crate::{
    Files, FilesError, StoredFile,
    busy::{Busy, Held},
    files::{blocking, check_type},
    media::HEAD_BYTES,
    name::{new_name, shortened},
    own_place::own_place,
    progress::{Continuation, NewTransfer, Progress, ResumableError},
    transfer::{Transfer, Transfers},
    transfer_files::{Apart, apart, concatenate, create, remove, size_of},
};

/// Where uploads are that have not come whole.
const FOLDER: &str = ".transfers";
/// Random bytes of an id: no one guesses one.
const ID_BYTES: usize = 20;
/// How long a question waits for a request that is taking bytes.
const PATIENCE: Duration = Duration::from_secs(2);
/// A request that takes bytes and has seen none for so long gives way to one that asks.
const QUIET: Duration = Duration::from_millis(300);
/// Most parts of one upload. Ours: the request that names them stays below its bound.
const PARTS_MAX: usize = 500;

/// Uploads that come in several requests.
#[derive(Debug)]
pub struct Resumable {
    files: Arc<Files>,
    transfers: Transfers,
    pub(crate) folder: PathBuf,
    busy: Arc<Busy>,
    /// The name of this disk. Set by the task that first makes the folder and the index.
    ready: OnceCell<String>,
    /// Held while uploads of somebody are counted and one is added.
    beginning: Mutex<()>,
}

impl Resumable {
    /// Uploads that become files of these. Touches neither disk nor database yet.
    #[must_use]
    pub fn new(store: &Store, files: Arc<Files>) -> Self {
        Self {
            transfers: Transfers::new(store),
            folder: files.options().folder.join(FOLDER),
            files,
            busy: Arc::default(),
            ready: OnceCell::new(),
            beginning: Mutex::default(),
        }
    }

    /// Begins an upload of so many bytes, or of some that its sender does not know yet, or a part of
    /// one.
    ///
    /// # Errors
    /// When the file is larger than allowed, its sender has begun too many, or disk or database
    /// fail.
    pub async fn begin(
        self: &Arc<Self>,
        new: NewTransfer,
        length: Option<u64>,
        is_part: bool,
    ) -> Result<Progress, ResumableError> {
        self.check_length(length.unwrap_or_default())?;
        let place = self.prepare().await?;
        let one_at_a_time = self.beginning.lock().await;
        let max = self.files.options().unfinished_max;
        if self.transfers.unfinished(&new.owner, now()).await? >= u64::from(max) {
            return Err(ResumableError::TooMany { max });
        }
        let name = if is_part { String::new() } else { new_name(&new.original) };
        let transfer = Transfer { place, ..self.transfer(new_id(), new, length, name, Vec::new()) };
        let path = self.path(&transfer.id);
        create(&path, &self.folder).await?;
        if let Err(error) = self.transfers.put(&transfer).await {
            // An outcome that is unknown leaves a document without bytes, which is no upload.
            let _ = fs::remove_file(path).await;
            return Err(error.into());
        }
        drop(one_at_a_time);
        if length != Some(0) || is_part {
            return Ok(self.progress(&transfer, 0, None));
        }
        let held = self.busy.try_hold(&transfer.id).ok_or(ResumableError::Busy)?;
        self.complete(held, transfer).await
    }

    /// Makes one upload out of parts, in their order. Said again with the same parts it is the same
    /// upload, so that nothing is there twice when an answer was lost.
    ///
    /// # Errors
    /// As [`Resumable::begin`], and when a part is none, is not whole, or is another's.
    pub async fn join(
        self: &Arc<Self>,
        new: NewTransfer,
        parts: Vec<String>,
    ) -> Result<Progress, ResumableError> {
        if parts.is_empty() || parts.len() > PARTS_MAX {
            return Err(ResumableError::Parts("expected 1 to 500 of them"));
        }
        let place = self.prepare().await?;
        let id = id_of(&new.owner, &parts);
        let held = self.busy.hold(&id, PATIENCE).await.ok_or(ResumableError::Busy)?;
        let known = self.transfers.get(&id).await?;
        if let Some(known) = known.as_ref().filter(|known| known.done) {
            return self.finished(known).await;
        }
        let length = self.length_of_parts(&new.owner, &parts, &place).await?;
        self.check_length(length)?;
        let transfer = match known {
            Some(known) => known,
            None => {
                let name = new_name(&new.original);
                Transfer { place, ..self.transfer(id, new, Some(length), name, parts) }
            }
        };
        self.transfers.put(&transfer).await?;
        let this = Arc::clone(self);
        apart(async move {
            let sources = transfer.parts.iter().map(|part| this.path(part)).collect();
            let (target, folder) = (this.path(&transfer.id), this.folder.clone());
            blocking(move || concatenate(sources, &target, &folder)).await?;
            let parts = transfer.parts.clone();
            let progress = this.complete(held, transfer).await?;
            for part in parts {
                this.transfers.remove(&part).await?;
                this.discard(&part).await?;
            }
            Ok(progress)
        })
        .await
    }

    /// How far an upload is; `None` if there is none, or no longer. One whose bytes are all there
    /// becomes a file, when an earlier request could not finish it.
    ///
    /// # Errors
    /// [`ResumableError::Busy`] when a request goes on to bring bytes, or when disk or database
    /// fail.
    pub async fn look(self: &Arc<Self>, id: &str) -> Result<Option<Progress>, ResumableError> {
        if !is_id(id) {
            return Ok(None);
        }
        let place = self.prepare().await?;
        match self.transfers.get(id).await? {
            None => return Ok(None),
            Some(transfer) if transfer.done && !transfer.is_over(now()) => {
                return self.finished(&transfer).await.map(Some);
            }
            Some(transfer) if !transfer.is_over(now()) => check_place(&transfer, &place)?,
            Some(_) => {}
        }
        let held = self.busy.hold(id, PATIENCE).await.ok_or(ResumableError::Busy)?;
        // The one who had it may have ended it.
        let Some(transfer) = self.transfers.get(id).await? else { return Ok(None) };
        if transfer.is_over(now()) {
            self.forget(&transfer).await?;
            return Ok(None);
        }
        if transfer.done {
            return self.finished(&transfer).await.map(Some);
        }
        let there = size_of(&self.path(id)).await?;
        match there {
            Some(offset)
                if transfer.length.is_none_or(|length| offset < length) || transfer.is_part() =>
            {
                Ok(Some(self.progress(&transfer, offset, None)))
            }
            // Half of it may be joined, or a part was lost.
            _ if transfer.is_joined() || transfer.is_part() => Ok(None),
            _ => {
                let this = Arc::clone(self);
                let completed = apart(async move { this.complete(held, transfer).await }).await;
                match completed {
                    Err(ResumableError::NotFound) => Ok(None),
                    other => other.map(Some),
                }
            }
        }
    }

    /// Begins to take bytes of an upload.
    ///
    /// # Errors
    /// When there is no such upload, another request works on it, it is elsewhere, it would be too
    /// long, or disk or database fail.
    pub async fn append(
        self: &Arc<Self>,
        id: &str,
        continuation: Continuation,
    ) -> Result<Appending, ResumableError> {
        let Continuation { offset, announced, length, checksum } = continuation;
        if !is_id(id) {
            return Err(ResumableError::NotFound);
        }
        let place = self.prepare().await?;
        let held = self.busy.try_hold(id).ok_or(ResumableError::Busy)?;
        let transfer = self.transfers.get(id).await?;
        let transfer = transfer.filter(|transfer| !transfer.is_over(now()));
        let mut transfer = transfer.ok_or(ResumableError::NotFound)?;
        if transfer.is_joined() {
            return Err(ResumableError::Joined);
        }
        check_place(&transfer, &place)?;
        let known = transfer.length;
        if transfer.done {
            return Err(ResumableError::Offset { offset: known.unwrap_or_default() });
        }
        let mut file = match File::options().write(true).open(self.path(id)).await {
            Ok(file) => file,
            // It is a file already, or lost: a question finds out.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ResumableError::Offset { offset: known.unwrap_or_default() });
            }
            Err(error) => return Err(error.into()),
        };
        let there = file.metadata().await?.len();
        if there != offset {
            return Err(ResumableError::Offset { offset: there });
        }
        let is_told = self.take_length(&mut transfer, length, there)?;
        let most = self.most(&transfer);
        if announced.is_some_and(|bytes| bytes > most - offset) {
            return Err(self.too_long(&transfer));
        }
        file.seek(io::SeekFrom::Start(offset)).await?;
        if transfer.renew(now(), self.files.options().unfinished_for) || is_told {
            self.transfers.put(&transfer).await?;
        }
        let apart = match checksum {
            Some(checksum) => Some(Apart::begin(checksum, self.path(id)).await?),
            None => None,
        };
        let resumable = Arc::clone(self);
        Ok(Appending { resumable, held, transfer, file, from: offset, at: offset, apart })
    }

    /// Ends an upload; says whether there was one. The file that it has become stays.
    ///
    /// # Errors
    /// [`ResumableError::Busy`] when a request goes on to bring bytes, or when disk or database
    /// fail.
    pub async fn remove(&self, id: &str) -> Result<bool, ResumableError> {
        if !is_id(id) {
            return Ok(false);
        }
        let _held = self.busy.hold(id, PATIENCE).await.ok_or(ResumableError::Busy)?;
        let Some(transfer) = self.transfers.get(id).await? else { return Ok(false) };
        self.forget(&transfer).await?;
        Ok(!transfer.is_over(now()))
    }

    /// Deletes uploads whose time is over, and bytes that no document tells of.
    ///
    /// # Errors
    /// When disk or database fail; the next sweep goes on.
    pub async fn sweep(&self) -> Result<(), ResumableError> {
        let (moment, mut after) = (now(), None);
        loop {
            let (over, next) = self.transfers.over(moment, after).await?;
            for transfer in over {
                // Anyone who works on it comes too late, and the next sweep finds it.
                if let Some(_held) = self.busy.try_hold(&transfer.id) {
                    self.forget(&transfer).await?;
                }
            }
            match next {
                Some(_) => after = next,
                None => break,
            }
        }
        self.sweep_folder().await
    }

    /// Old bytes without a document: a process was killed before it wrote one.
    async fn sweep_folder(&self) -> Result<(), ResumableError> {
        let mut entries = match fs::read_dir(&self.folder).await {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        while let Some(entry) = entries.next_entry().await? {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let id = name.split('.').next().unwrap_or_default();
            if !is_id(id) {
                continue;
            }
            let Ok(modified) = entry.metadata().await.and_then(|it| it.modified()) else {
                continue;
            };
            let age = SystemTime::now().duration_since(modified).unwrap_or_default();
            if age > self.files.options().unfinished_for
                && let Some(_held) = self.busy.try_hold(id)
                && self.transfers.get(id).await?.is_none()
            {
                remove(&entry.path()).await?;
            }
        }
        Ok(())
    }

    /// The document goes first: no one finds an upload without its bytes.
    async fn forget(&self, transfer: &Transfer) -> Result<(), ResumableError> {
        self.transfers.remove(&transfer.id).await?;
        self.discard(&transfer.id).await?;
        if !transfer.done && !transfer.is_part() {
            self.files.discard(&transfer.name).await?;
        }
        Ok(())
    }

    async fn discard(&self, id: &str) -> io::Result<()> {
        remove(&self.path(id)).await
    }

    /// Makes a file of an upload whose bytes are all there. Can be done again after any failure.
    async fn complete(
        &self,
        held: Held,
        mut transfer: Transfer,
    ) -> Result<Progress, ResumableError> {
        let Transfer { name, original, owner, .. } = &transfer;
        let adopted = self.files.adopt(&self.path(&transfer.id), name, original, owner).await;
        if let Err(FilesError::Type { .. }) = &adopted {
            // It never becomes a file.
            self.forget(&transfer).await?;
        }
        let file = adopted?.ok_or(ResumableError::NotFound)?;
        transfer.done = true;
        self.transfers.put(&transfer).await?;
        drop(held);
        Ok(self.progress(&transfer, file.size, Some(file)))
    }

    async fn finished(&self, transfer: &Transfer) -> Result<Progress, ResumableError> {
        let file = self.files.get(&transfer.name).await?;
        let offset = transfer.length.unwrap_or_default();
        Ok(self.progress(transfer, offset, file))
    }

    async fn length_of_parts(
        &self,
        owner: &str,
        parts: &[String],
        place: &str,
    ) -> Result<u64, ResumableError> {
        let mut length = 0_u64;
        for id in parts {
            let part = if is_id(id) { self.transfers.get(id).await? } else { None };
            let part = part.filter(|part| part.owner == owner && part.is_part());
            let part = part.ok_or(ResumableError::Parts("one is no part of yours"))?;
            check_place(&part, place)?;
            let whole = part.length.ok_or(ResumableError::Parts("one has no length yet"))?;
            if size_of(&self.path(id)).await? != Some(whole) {
                return Err(ResumableError::Parts("one has not come whole"));
            }
            length = length.saturating_add(whole);
        }
        Ok(length)
    }

    fn check_length(&self, length: u64) -> Result<(), ResumableError> {
        let max = self.files.options().file_bytes_max;
        match length > max {
            true => Err(FilesError::TooLarge { max }.into()),
            false => Ok(()),
        }
    }

    /// Takes the length that a sender tells later; says whether it is new.
    fn take_length(
        &self,
        transfer: &mut Transfer,
        told: Option<u64>,
        there: u64,
    ) -> Result<bool, ResumableError> {
        let Some(told) = told else { return Ok(false) };
        match transfer.length {
            Some(known) if known == told => Ok(false),
            None if told >= there => {
                self.check_length(told)?;
                transfer.length = Some(told);
                Ok(true)
            }
            _ => Err(ResumableError::Length),
        }
    }

    /// How many bytes an upload may have.
    fn most(&self, transfer: &Transfer) -> u64 {
        transfer.length.unwrap_or(self.files.options().file_bytes_max)
    }

    fn too_long(&self, transfer: &Transfer) -> ResumableError {
        match transfer.length {
            Some(length) => ResumableError::TooLong { length },
            None => FilesError::TooLarge { max: self.files.options().file_bytes_max }.into(),
        }
    }

    fn transfer(
        &self,
        id: String,
        new: NewTransfer,
        length: Option<u64>,
        name: String,
        parts: Vec<String>,
    ) -> Transfer {
        let NewTransfer { owner, original, metadata } = new;
        let original = shortened(&original).to_owned();
        let (done, expires_us, place) = (false, 0, String::new());
        let mut transfer = Transfer {
            id,
            owner,
            length,
            place,
            original,
            metadata,
            name,
            parts,
            done,
            expires_us,
        };
        transfer.renew(now(), self.files.options().unfinished_for);
        transfer
    }

    fn progress(&self, transfer: &Transfer, offset: u64, file: Option<StoredFile>) -> Progress {
        Progress {
            id: transfer.id.clone(),
            offset,
            length: transfer.length,
            metadata: transfer.metadata.clone(),
            is_part: transfer.is_part(),
            parts: transfer.parts.clone(),
            expires_at: Timestamp { unix_us: transfer.expires_us },
            file,
        }
    }

    pub(crate) fn path(&self, id: &str) -> PathBuf {
        self.folder.join(id)
    }

    /// Makes the folder; gives the name of this disk.
    async fn prepare(&self) -> Result<String, ResumableError> {
        let made = self.ready.get_or_try_init(async || {
            let folder = self.folder.clone();
            let uploads = self.files.options().folder.clone();
            // As the database beside it: for no one else on the machine.
            let place = blocking(move || {
                std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
                own_place(&uploads)
            })
            .await?;
            self.transfers.prepare().await?;
            Ok::<String, ResumableError>(place)
        });
        made.await.cloned()
    }
}

/// Bytes of an upload that are coming.
pub struct Appending {
    resumable: Arc<Resumable>,
    held: Held,
    transfer: Transfer,
    pub(crate) file: File,
    /// Where they began.
    from: u64,
    at: u64,
    /// Where bytes wait that have a sum.
    pub(crate) apart: Option<Apart>,
}

impl Appending {
    /// Takes some of them.
    ///
    /// # Errors
    /// When they are more than were announced, none of which is kept then, or the disk fails.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ResumableError> {
        let most = self.resumable.most(&self.transfer);
        if bytes.len() as u64 > most - self.at {
            self.file.flush().await?;
            self.file.set_len(self.from).await?;
            return Err(self.resumable.too_long(&self.transfer));
        }
        // What is never taken need not come whole.
        if self.at == 0 && bytes.len() >= HEAD_BYTES && !self.transfer.is_part() {
            check_type(&self.resumable.files.options().types, bytes)?;
        }
        self.at += bytes.len() as u64;
        match &mut self.apart {
            None => self.file.write_all(bytes).await?,
            Some(apart) => apart.write(bytes).await?,
        }
        Ok(())
    }

    /// Waits until another request asks for the upload while nothing comes here: mostly of the same
    /// client, whose connection has broken without our knowing.
    pub async fn given_up(&self) {
        self.held.wanted().await;
        sleep(QUIET).await;
    }

    /// Keeps what has come although more was to come; nothing of what has a sum.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn keep(mut self) -> Result<(), ResumableError> {
        self.file.flush().await?;
        self.file.sync_data().await?;
        Ok(())
    }

    /// Keeps them: on the disk when this returns. The last ones make the upload a file.
    ///
    /// # Errors
    /// When their sum is wrong, or disk or database fail.
    pub async fn finish(mut self) -> Result<Progress, ResumableError> {
        if let Some(apart) = self.apart.take() {
            apart.add_to(self.resumable.path(&self.transfer.id), self.from).await?;
        }
        self.file.flush().await?;
        self.file.sync_data().await?;
        drop(self.file);
        match Some(self.at) == self.transfer.length && !self.transfer.is_part() {
            true => self.resumable.complete(self.held, self.transfer).await,
            false => Ok(self.resumable.progress(&self.transfer, self.at, None)),
        }
    }
}

fn check_place(transfer: &Transfer, here: &str) -> Result<(), ResumableError> {
    match transfer.place.is_empty() || transfer.place == here {
        true => Ok(()),
        false => Err(ResumableError::Elsewhere),
    }
}

fn now() -> Timestamp {
    Timestamp::from_system_time(SystemTime::now())
}

fn new_id() -> String {
    let bytes: [u8; ID_BYTES] = rand::rng().random();
    hex(&bytes)
}

/// The id of what is joined of parts, whose own ids no one guesses.
fn id_of(owner: &str, parts: &[String]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(owner);
    for part in parts {
        hasher.update([0]);
        hasher.update(part);
    }
    hex(&hasher.finalize()[..ID_BYTES])
}

/// Whether a text may be an id of ours: what is none is never looked for on a disk.
fn is_id(text: &str) -> bool {
    text.len() == 2 * ID_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
