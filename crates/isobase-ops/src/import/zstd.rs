//! Files packed with zstd (RFC 8878).

use std::io::{self, BufRead, Read};

use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

/// Unpacks frame after frame. Holds a window of what was unpacked, at most 128 MiB: `zstd` itself
/// packs with larger ones only when it is told to.
pub(crate) struct Zstd<R> {
    input: R,
    frame: FrameDecoder,
    /// A frame was begun and its end not checked.
    in_frame: bool,
}

impl<R: BufRead> Zstd<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, frame: FrameDecoder::new(), in_frame: false }
    }

    /// Begins the next frame; false at the end of the file.
    fn begin(&mut self) -> io::Result<bool> {
        loop {
            if self.input.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.frame.reset(&mut self.input) {
                Ok(()) => break,
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let mut skipped = (&mut self.input).take(u64::from(length));
                    io::copy(&mut skipped, &mut io::sink())?;
                }
                Err(error) => return Err(damaged(&error)),
            }
        }
        self.in_frame = true;
        Ok(true)
    }

    fn check(&mut self) -> io::Result<()> {
        self.in_frame = false;
        let told = self.frame.get_checksum_from_data();
        if told.is_some() && told != self.frame.get_calculated_checksum() {
            return Err(damaged(&"its checksum is another"));
        }
        Ok(())
    }
}

fn damaged(what: &dyn std::fmt::Display) -> io::Error {
    let message = format!("it is no whole file of zstd: {what}");
    io::Error::new(io::ErrorKind::InvalidData, message)
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.frame.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            if !self.in_frame {
                if !self.begin()? {
                    return Ok(0);
                }
            } else if self.frame.is_finished() {
                self.check()?;
            } else {
                let block = BlockDecodingStrategy::UptoBlocks(1);
                let decoded = self.frame.decode_blocks(&mut self.input, block);
                decoded.map_err(|error| damaged(&error))?;
            }
        }
    }
}
