//! Chunks, written so that each is stored once however often it is sent, and wholly or not at all.

use std::{
    fmt::Display,
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use isobase_writer::Pauses;

use super::{
    chunk::{Chunk, Item, LeftOut},
    kinds::Ids,
};

/// How long a service or database may be away: time for a restart with a recovery.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The first pause between two tries; doubled up to the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LONGEST: Duration = Duration::from_secs(2);

/// How a chunk is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// All of its records or none. A chunk with a refused record is not stored then: mended and sent
    /// again it has another name, and what was stored of it would be stored twice.
    pub whole: bool,
    /// The fate of ids.
    pub ids: Ids,
}

/// The answer to a piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Records that are stored.
    pub stored: u64,
    /// Places in the piece, with reasons.
    pub refused: Vec<(usize, String)>,
    /// It is the answer to an earlier try.
    pub replayed: bool,
}

/// Why a piece was not written.
#[derive(Clone, Debug)]
pub struct Trouble<E> {
    /// The message.
    pub error: E,
    /// Another try makes sense: a chunk is stored once, also when the first try was stored.
    pub temporary: bool,
    /// Fewer records at once may be stored.
    pub too_large: bool,
    /// The database cannot write several records wholly or not at all.
    pub unsupported: bool,
}

/// Writes pieces of a file.
pub trait ChunkWriter: Send + Sync {
    /// What is told when it cannot.
    type Error: Display + Send;

    /// Writes a piece under its [`Chunk::key`]: once, however often it is asked to.
    fn write<'a>(
        &'a self,
        piece: &'a Chunk,
        manner: Manner,
    ) -> BoxFuture<'a, Result<Reply, Trouble<Self::Error>>>;

    /// Is told once for each piece that has to wait, and why.
    fn waiting(&self, reason: &str);
}

/// The outcome of a chunk.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Records stored now.
    pub new: u64,
    /// Records that an earlier import had stored.
    pub there: u64,
    /// Records that were refused.
    pub refused: Vec<LeftOut>,
}

/// Writes chunks, one after another.
#[derive(Debug)]
pub struct Sending<'a, W> {
    writer: &'a W,
    manner: Manner,
    skip_bad: bool,
}

impl<'a, W: ChunkWriter> Sending<'a, W> {
    /// Records that are refused are left out with `skip_bad`; else they end the import before their
    /// chunk, where the database can do that.
    pub fn new(writer: &'a W, ids: Ids, skip_bad: bool) -> Self {
        Self { writer, manner: Manner { whole: true, ids }, skip_bad }
    }

    /// Whether a refused record kept its whole chunk from being stored.
    pub fn stores_whole_chunks(&self) -> bool {
        self.manner.whole
    }

    /// Writes a chunk; waits while the service or database is away. Ends at the first refused
    /// record, unless such records are left out.
    ///
    /// A chunk that cannot be written in one piece is halved until it can. Halving always begins
    /// with the whole chunk, so that an import that is run again comes to the same pieces.
    ///
    /// # Errors
    /// What kept a piece from being written, for longer than [`PATIENCE`] or for good.
    pub async fn send(&mut self, chunk: &Chunk) -> Result<Sent, W::Error> {
        let mut sent = Sent::default();
        let mut waiting = vec![chunk.clone()];
        while let Some(piece) = waiting.pop() {
            match self.send_piece(&piece, &mut sent).await {
                Ok(()) => {}
                Err(Trouble { error, too_large: true, .. }) => match piece.halves() {
                    Some((first, second)) => waiting.extend([second, first]),
                    None => sent.refused.push(refused(piece.items.first(), error.to_string())),
                },
                Err(Trouble { error, .. }) => return Err(error),
            }
            if !self.skip_bad && !sent.refused.is_empty() {
                break;
            }
        }
        Ok(sent)
    }

    /// Writes a piece: whole at first, also where refused records are left out. So an import that
    /// ended at a record and is run again without it finds what it stored. The answer to an
    /// earlier try is kept with its name, refusals too; but what was refused then may be taken now,
    /// when the schema was mended: so that is sent once more, under the next name. Where nothing of
    /// it was stored that is all of it, also what was only refused with the rest of its piece.
    async fn send_piece(
        &mut self,
        piece: &Chunk,
        sent: &mut Sent,
    ) -> Result<(), Trouble<W::Error>> {
        let (mut piece, mut alone) = (piece.clone(), false);
        loop {
            let reply = self.try_patiently(&piece, alone).await?;
            let was_whole = self.manner.whole && !alone;
            if reply.replayed {
                sent.there += reply.stored;
            } else {
                sent.new += reply.stored;
            }
            let is_left_out = self.skip_bad && was_whole;
            if reply.refused.is_empty() || !(reply.replayed || is_left_out) {
                let all = reply.refused.into_iter();
                sent.refused
                    .extend(all.map(|(index, reason)| refused(piece.items.get(index), reason)));
                return Ok(());
            }
            let items = if reply.stored == 0 {
                piece.items.clone()
            } else {
                let items = reply.refused.iter().filter_map(|(index, _)| piece.items.get(*index));
                items.cloned().collect()
            };
            piece = piece.part("r", items);
            alone = self.skip_bad;
        }
    }

    /// Tries for as long as [`PATIENCE`] lasts; each record for itself where `alone`.
    async fn try_patiently(
        &mut self,
        piece: &Chunk,
        alone: bool,
    ) -> Result<Reply, Trouble<W::Error>> {
        let started = Instant::now();
        let (mut pauses, mut told) = (Pauses::new(PAUSE_FIRST, PAUSE_LONGEST), false);
        loop {
            let manner = Manner { whole: self.manner.whole && !alone, ..self.manner };
            match self.writer.write(piece, manner).await {
                Err(Trouble { unsupported: true, .. }) if manner.whole => {
                    self.manner.whole = false;
                }
                Err(Trouble { error, temporary: true, .. }) if started.elapsed() < PATIENCE => {
                    if !std::mem::replace(&mut told, true) {
                        self.writer.waiting(&error.to_string());
                    }
                    pauses.wait().await;
                }
                other => return other,
            }
        }
    }
}

/// A record that was refused. A place that is in no piece was named by a service that is another one
/// than ours.
fn refused(item: Option<&Item>, reason: String) -> LeftOut {
    let (number, line) = item.map_or((0, 0), |item| (item.number, item.line));
    LeftOut { number, line, reason }
}
