//! Standard error, as far as somebody reads it.
//!
//! Messages there are about the work and not the work itself: a reader that has left, a pipe
//! that is full or a disk without room must neither end nor delay it.

use std::{
    io::{self, Write},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    },
    thread,
    time::Duration,
};

/// Texts that may wait for a slow reader: some hundred kilobytes of log.
const WAITING_MAX: usize = 1_024;

/// How long the end of the process waits for a slow reader.
const FLUSH_MAX: Duration = Duration::from_millis(500);

/// Set once by [`do_not_wait`]. Until then each thread writes its own texts.
static QUEUE: OnceLock<SyncSender<Message>> = OnceLock::new();

/// Texts that were dropped since the last that was written.
static DROPPED: AtomicU64 = AtomicU64::new(0);

enum Message {
    Text(Vec<u8>),
    /// Answered when everything before it is written.
    Flush(SyncSender<()>),
}

/// Writes a text; what cannot be written is lost.
pub(crate) fn write(text: &[u8]) {
    let Some(queue) = QUEUE.get() else { return write_now(text) };
    if queue.try_send(Message::Text(text.to_vec())).is_err() {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

/// Writes a line; what cannot be written is lost.
pub(crate) fn write_line(text: &str) {
    write(format!("{text}\n").as_bytes());
}

/// From here on one thread writes, and no other waits for it: a service goes on when its log is not
/// read.
pub(crate) fn do_not_wait() {
    let (sender, receiver) = mpsc::sync_channel(WAITING_MAX);
    let writer = thread::Builder::new().name("standard-error".to_owned());
    // Without the thread each thread writes its own texts, as before.
    if writer.spawn(move || write_all(&receiver)).is_ok() {
        // A second call changes nothing: its thread ends, as its queue is dropped.
        let _ = QUEUE.set(sender);
    }
}

/// Waits a moment until what was said is written. Before every end of the process.
pub(crate) fn flush() {
    let Some(queue) = QUEUE.get() else { return };
    let (done, written) = mpsc::sync_channel(1);
    if queue.try_send(Message::Flush(done)).is_ok() {
        match written.recv_timeout(FLUSH_MAX) {
            // There is no reader: the process ends unheard.
            Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

fn write_all(messages: &Receiver<Message>) {
    for message in messages {
        match message {
            Message::Text(text) => {
                let dropped = DROPPED.swap(0, Ordering::Relaxed);
                if dropped > 0 {
                    write_now(
                        format!("({dropped} lines were dropped: they were read too slowly)\n")
                            .as_bytes(),
                    );
                }
                write_now(&text);
            }
            // The thread that asked may have given up.
            Message::Flush(done) => drop(done.try_send(())),
        }
    }
}

fn write_now(text: &[u8]) {
    // There is nowhere else to say it.
    let _ = io::stderr().lock().write_all(text);
}

/// The destination of the log.
pub(crate) struct Log;

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        write(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
