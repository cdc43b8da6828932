//! Jobs of any type in one queue, each with the way back to its submitter.

use isobase_writer::Reply;
use rusqlite::Connection;

use crate::error::{Error, Outcome};
use crate::handler::{JobFailure, WriteHandler, WriteJob};

/// The answer to a submitter: the job's reply or the handler's refusal, or an error of this layer.
pub type Answer<H, R> = Result<Result<R, <H as WriteHandler>::Refusal>, Error>;

/// A job in the queue.
pub(crate) type Work<H> = Box<dyn AnyJob<H>>;

/// A job whose type only it knows itself.
pub(crate) trait AnyJob<H: WriteHandler>: Send {
    fn needs_savepoint(&self) -> bool;

    /// Runs the job and keeps its reply, in place of that of a run that was rolled back.
    fn run(
        &mut self,
        handler: &mut H,
        connection: &Connection,
    ) -> Result<(), JobFailure<H::Refusal>>;

    /// Answers with the reply that was kept, or with what came instead.
    fn answer(self: Box<Self>, settled: Answer<H, ()>);
}

/// A job, and what its last run replied.
pub(crate) struct Submitted<H: WriteHandler, J: WriteJob<H>> {
    pub(crate) job: J,
    pub(crate) replied: Option<J::Reply>,
    pub(crate) reply: Reply<Answer<H, J::Reply>>,
}

impl<H: WriteHandler, J: WriteJob<H>> AnyJob<H> for Submitted<H, J> {
    fn needs_savepoint(&self) -> bool {
        self.job.needs_savepoint()
    }

    fn run(
        &mut self,
        handler: &mut H,
        connection: &Connection,
    ) -> Result<(), JobFailure<H::Refusal>> {
        self.replied = None;
        self.replied = Some(self.job.run(handler, connection)?);
        Ok(())
    }

    fn answer(self: Box<Self>, settled: Answer<H, ()>) {
        let Self { replied, reply, .. } = *self;
        reply.send(match settled {
            Ok(Ok(())) => replied.map(Ok).ok_or_else(|| Error::WriterFailed {
                reason: "the job got no reply".into(),
                outcome: Outcome::Unknown,
            }),
            Ok(Err(refusal)) => Ok(Err(refusal)),
            Err(error) => Err(error),
        });
    }
}
