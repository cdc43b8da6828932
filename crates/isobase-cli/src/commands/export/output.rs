//! Where an export is written: standard output, or a file that appears when it is complete.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use anyhow::{Context, Result};

use crate::{
    output_file::{Access, OutputFile},
    print::end_when_nobody_reads,
};

const BUFFER_BYTES: usize = 256 << 10;

/// Where an export is written.
pub(super) enum Output {
    Standard(BufWriter<io::Stdout>),
    File { writer: BufWriter<File>, file: OutputFile },
}

impl Output {
    /// Standard output, or the file at a path.
    pub(super) fn open(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            return Ok(Self::Standard(BufWriter::with_capacity(BUFFER_BYTES, io::stdout())));
        };
        let file = OutputFile::create(path, Access::ByMask)?;
        let writer = BufWriter::with_capacity(BUFFER_BYTES, file.file().try_clone()?);
        Ok(Self::File { writer, file })
    }

    /// Makes the file durable and gives it its name.
    pub(super) fn finish(self) -> Result<()> {
        let Self::File { mut writer, file } = self else { return Ok(()) };
        writer.flush().context("cannot write the end of the export")?;
        // A pipe ends for its reader when no process has it open for writing.
        drop(writer);
        file.finish()
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
            Self::File { writer, .. } => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Standard(out) => {
                end_when_nobody_reads(out.flush());
                Ok(())
            }
            Self::File { writer, .. } => writer.flush(),
        }
    }
}
