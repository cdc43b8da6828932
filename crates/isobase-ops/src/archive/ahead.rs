//! Frames of an archive in their order, while other threads read the documents of the next ones.
//!
//! To check and read documents takes several times as long as everything else about a frame.

use std::{
    collections::VecDeque,
    io::Read,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread,
};

use isobase_types::Document;
use parking_lot::Mutex;

use super::{
    ArchiveError,
    format::{Pass, read_lines},
    frame::{Frame, FrameKind, FrameReader},
};
use crate::CollectionDigest;

/// Content that is taken from the file before it is asked for; one frame may go beyond it. Ours:
/// four frames of a usual length, so that no thread waits for the file.
const AHEAD_BYTES: usize = 4 << 20;

/// What a frame that waits takes besides its content, about. Ours: frames without content are
/// bounded too.
const WAITING_BYTES: usize = 1 << 10;

/// Threads that read documents. Ours: two are faster than any engine writes.
const THREADS: usize = 2;

/// A frame, and what comes before it.
pub(crate) struct Next {
    pub(crate) frame: Frame,
    /// Bytes before it.
    pub(crate) before: u64,
    /// SHA-256 of them.
    pub(crate) hash: [u8; 32],
    /// What a frame of documents holds, or what is wrong with it; its content is gone then.
    pub(crate) documents: Option<Result<ReadDocuments, String>>,
}

/// The documents of a frame.
#[derive(Default)]
pub(crate) struct ReadDocuments {
    pub(crate) documents: Vec<Document>,
    /// What they add up to; nothing in a second pass.
    pub(crate) digest: CollectionDigest,
}

/// A frame of documents for a thread, and where it gives them back.
struct Job {
    content: Vec<u8>,
    done: SyncSender<Result<ReadDocuments, String>>,
}

struct Waiting {
    next: Next,
    bytes: usize,
    documents: Option<Receiver<Result<ReadDocuments, String>>>,
}

/// Reads frames up to the footer.
pub(crate) struct Ahead<R> {
    frames: FrameReader<R>,
    pass: Pass,
    /// To the threads, which end with it.
    jobs: Sender<Job>,
    waiting: VecDeque<Waiting>,
    /// Content of what is waiting.
    bytes: usize,
    /// Nothing comes after what is waiting: after the footer, or what is no frame.
    is_over: bool,
    failure: Option<ArchiveError>,
}

impl<R: Read> Ahead<R> {
    pub(crate) fn begin(frames: FrameReader<R>, pass: Pass) -> Self {
        let (jobs, receiver) = channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..THREADS {
            let receiver = receiver.clone();
            thread::spawn(move || work(&receiver, pass));
        }
        let waiting = VecDeque::new();
        Self { frames, pass, jobs, waiting, bytes: 0, is_over: false, failure: None }
    }

    /// The next frame; the footer is the last one.
    pub(crate) fn next(&mut self) -> Result<Next, ArchiveError> {
        while !self.is_over && self.bytes < AHEAD_BYTES {
            if let Err(failure) = self.take() {
                self.is_over = true;
                self.failure = Some(failure);
            }
        }
        let Some(Waiting { mut next, bytes, documents }) = self.waiting.pop_front() else {
            let offset = self.frames.offset;
            let failure = self.failure.take();
            return Err(failure.unwrap_or_else(|| ArchiveError::damaged(offset, "nothing follows")));
        };
        self.bytes -= bytes;
        next.documents = documents.map(|documents| {
            let read = documents.recv();
            read.unwrap_or_else(|_| Err("documents that cannot be read".to_owned()))
        });
        Ok(next)
    }

    /// Takes a frame from the file.
    fn take(&mut self) -> Result<(), ArchiveError> {
        let (before, hash) = (self.frames.offset, self.frames.hash());
        let mut frame = self.frames.frame()?;
        let bytes = frame.content.len() + WAITING_BYTES;
        let documents = match frame.kind {
            // No one asks for them; their checksum agreed.
            FrameKind::Documents if self.pass == Pass::Files => {
                frame.content = Vec::new();
                None
            }
            FrameKind::Documents => {
                let (done, documents) = sync_channel(1);
                let job = Job { content: std::mem::take(&mut frame.content), done };
                // Without a thread no one answers, and that is noticed then.
                let _ = self.jobs.send(job);
                Some(documents)
            }
            FrameKind::Footer => {
                self.frames.end()?;
                self.is_over = true;
                None
            }
            _ => None,
        };
        self.bytes += bytes;
        let next = Next { frame, before, hash, documents: None };
        self.waiting.push_back(Waiting { next, bytes, documents });
        Ok(())
    }
}

/// What a thread does until there are no jobs any more.
fn work(jobs: &Mutex<Receiver<Job>>, pass: Pass) {
    loop {
        let job = jobs.lock().recv();
        let Ok(Job { content, done }) = job else { return };
        // No one waits for it when the reading was given up.
        let _ = done.send(read_documents(&content, pass));
    }
}

fn read_documents(content: &[u8], pass: Pass) -> Result<ReadDocuments, String> {
    let documents = read_lines(content, pass)?;
    let mut digest = CollectionDigest::default();
    if pass == Pass::First {
        documents.iter().for_each(|document| digest.add(document));
    }
    Ok(ReadDocuments { documents, digest })
}
