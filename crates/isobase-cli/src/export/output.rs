//! Where an export is written: standard output, or a file that appears when it is complete.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{overwriting, print::end_when_nobody_reads};

const BUFFER_BYTES: usize = 256 << 10;

/// Where an export is written.
pub(super) enum Output {
    Standard(BufWriter<io::Stdout>),
    File(PartialFile),
}

/// A file under another name until it is complete. Its drop takes it away.
pub(super) struct PartialFile {
    writer: BufWriter<File>,
    partial: PathBuf,
    path: PathBuf,
    complete: bool,
}

impl Output {
    /// Standard output, or the file at a path.
    pub(super) fn open(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            return Ok(Self::Standard(BufWriter::with_capacity(BUFFER_BYTES, io::stdout())));
        };
        overwriting::check(path)?;
        let mut partial = OsString::from(path);
        partial.push(format!(".{}.partial", std::process::id()));
        let partial = PathBuf::from(partial);
        let file = File::options()
            .write(true)
            .create_new(true)
            .open(&partial)
            .with_context(|| format!("cannot write {}", partial.display()))?;
        let writer = BufWriter::with_capacity(BUFFER_BYTES, file);
        Ok(Self::File(PartialFile { writer, partial, path: path.to_owned(), complete: false }))
    }

    /// Makes the file durable and gives it its name.
    pub(super) fn finish(mut self) -> Result<()> {
        let Self::File(file) = &mut self else { return Ok(()) };
        let context = || format!("cannot write {}", file.path.display());
        file.writer.flush().with_context(context)?;
        file.writer.get_ref().sync_all().with_context(context)?;
        fs::rename(&file.partial, &file.path).with_context(context)?;
        file.complete = true;
        // The name is durable when the folder is. Some file systems cannot sync one; the file
        // itself is safe then all the same.
        let folder = file.path.parent().filter(|folder| *folder != Path::new(""));
        if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Standard(out) => {
                let written = out.write(bytes);
                if let Err(error) = &written
                    && error.kind() == io::ErrorKind::BrokenPipe
                {
                    end_when_nobody_reads(Err(error.kind().into()));
                }
                written
            }
            Self::File(file) => file.writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Standard(out) => {
                end_when_nobody_reads(out.flush());
                Ok(())
            }
            Self::File(file) => file.writer.flush(),
        }
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if !self.complete {
            // What is left of it is of no use; nothing more can be done about it either.
            let _ = fs::remove_file(&self.partial);
        }
    }
}
