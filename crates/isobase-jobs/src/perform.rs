//! The work itself.

use std::sync::Arc;

use isobase_auth::{AuditChain, ChainHead, Clock, VerifyError};
use isobase_engine::{Engine, Reconciled};
use isobase_ops::{
    Control, CopyOptions, CopyReport, FilePlace, FilesCopy, OnRefused,
    archive::{self, RestoreOptions},
    copy, preflight, samples,
};
use isobase_store::{SYSTEM_PREFIX, Store};
use serde::Serialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    Backups, Databases, Import, Imports, Origin, Purpose, Target, Work, ended::Ended,
    import::Importing, live::Board, samples::SamplesKept,
};

/// Documents of both sides that a copy shows.
const SAMPLES: usize = 20;

/// The means of a work.
pub(crate) struct Means<'a> {
    pub(crate) store: &'a Store,
    pub(crate) source: &'a str,
    pub(crate) backups: Option<&'a Backups>,
    pub(crate) imports: Option<&'a Imports>,
    pub(crate) databases: Option<&'a dyn Databases>,
    /// Where uploaded files of the database are.
    pub(crate) files: Option<&'a Arc<dyn FilePlace>>,
    pub(crate) board: &'a Board,
    /// Where samples of this job are kept.
    pub(crate) samples: (&'a SamplesKept, &'a str),
    pub(crate) control: Control,
    /// The same stop as that of `control`.
    pub(crate) stop: CancellationToken,
}

impl Means<'_> {
    /// Carries out a work, and gives its report.
    pub(crate) async fn carry_out(&self, work: &Work) -> Result<Value, Ended> {
        match work {
            Work::Backup { origin } => self.backup(*origin).await,
            Work::Verify { backup, restore } => self.verify(backup, *restore).await,
            Work::Restore { backup, to } => {
                let target = self.open(to, Purpose::Load).await?;
                let restored = self.restore(backup, &*target).await;
                finish(target, restored).await
            }
            Work::Copy { to, dry_run, .. } => {
                let purpose = if *dry_run { Purpose::Try } else { Purpose::Load };
                let target = self.open(to, purpose).await?;
                let copied = self.copy(work, &*target).await;
                finish(target, copied).await
            }
            Work::Import(import) => self.import(import).await,
            Work::Reconcile { collections } => self.reconcile(collections.clone()).await,
            Work::Audit { expected } => self.audit(expected.as_ref()).await,
            Work::Sweep => self.sweep().await,
        }
    }

    async fn backup(&self, origin: Origin) -> Result<Value, Ended> {
        let backups = self.backups()?;
        let made = Box::pin(backups.make(self.store.engine(), self.source, origin, &self.control));
        let made = backups.copy_away(made.await?).await?;
        let deleted = match origin {
            Origin::Scheduled { keep } => backups.keep(keep).await?,
            Origin::Asked => Vec::new(),
        };
        Ok(json!({ "backup": made, "deleted": deleted }))
    }

    async fn verify(&self, backup: &str, restore: bool) -> Result<Value, Ended> {
        let backups = self.backups()?;
        let verified = backups.verify(backup, &self.control).await?;
        if !restore {
            return Ok(value(&verified));
        }
        let scratch = self.databases()?.scratch().await.map_err(Ended::Failed)?;
        let restored = self.restore(backup, &*scratch).await;
        let restored = finish(scratch, restored).await;
        let error = match &restored {
            Ok(_) => None,
            Err(Ended::Failed(error)) => Some(error.clone()),
            Err(Ended::Stopped | Ended::After(..)) => return restored,
        };
        backups.note_restored(backup, error).await?;
        restored
    }

    async fn restore(&self, backup: &str, target: &dyn Target) -> Result<Value, Ended> {
        let input = self.backups()?.input(backup).await?;
        let options = RestoreOptions { files: target.files(), ..RestoreOptions::default() };
        let restored = archive::restore(vec![input], target.engine(), &options, &self.control);
        Ok(value(&Box::pin(restored).await?))
    }

    async fn copy(&self, work: &Work, target: &dyn Target) -> Result<Value, Ended> {
        let Work::Copy { collections, existing, leave_out, dry_run, .. } = work else {
            return Err(Ended::Failed("this is no copy".to_owned()));
        };
        let options = CopyOptions {
            collections: collections.clone(),
            existing: *existing,
            files: self.files(target),
            on_refused: if *leave_out { OnRefused::LeaveOut } else { OnRefused::Stop },
            ..CopyOptions::new(self.source)
        };
        let (from, to) = (self.store.engine(), target.engine());
        Ok(match dry_run {
            true => value(&Box::pin(preflight(from, to, &options, &self.control)).await?),
            false => {
                let report = Box::pin(copy(from, to, &options, &self.control)).await?;
                self.look_at_both(from, to, &report).await;
                value(&report)
            }
        })
    }

    /// Keeps some documents of both sides for those who want to see them: those of people, and not what
    /// the service keeps. They are compared already, so a copy is no worse without.
    async fn look_at_both(
        &self,
        from: &Arc<dyn Engine>,
        to: &Arc<dyn Engine>,
        report: &CopyReport,
    ) {
        let names = report.collections.iter().filter(|it| !it.name.starts_with(SYSTEM_PREFIX));
        let names: Vec<_> =
            names.filter_map(|it| isobase_types::CollectionName::new(&it.name).ok()).collect();
        match samples(from, to, &names, SAMPLES).await {
            Ok(found) => self.samples.0.keep(self.samples.1, found),
            Err(error) => tracing::warn!(%error, "no samples of the copy are shown: {error}"),
        }
    }

    /// From where to where files are copied: not at all when both databases have them in one place.
    fn files(&self, target: &dyn Target) -> Option<FilesCopy> {
        let (from, to) = (self.files?.clone(), target.files()?);
        (from.name() != to.name()).then_some(FilesCopy { from, to })
    }

    async fn import(&self, import: &Import) -> Result<Value, Ended> {
        let none = || Ended::Failed("this service takes no files to be imported".to_owned());
        let imports = self.imports.ok_or_else(none)?;
        let importing = Importing { import, imports, board: self.board, stop: &self.stop };
        Box::pin(importing.run()).await
    }

    async fn reconcile(
        &self,
        mut wanted: Vec<isobase_types::CollectionName>,
    ) -> Result<Value, Ended> {
        let engine = self.store.engine();
        let Some(reconcile) = engine.reconcile() else {
            let name = engine.name();
            return Err(Ended::Failed(format!(
                "{name} has nothing to reconcile: nobody else writes into its collections"
            )));
        };
        let failed = |error: isobase_engine::EngineError| Ended::Failed(error.to_string());
        if wanted.is_empty() {
            wanted = reconcile.reconcilable().await.map_err(failed)?;
        }
        let mut told = Vec::new();
        let total = u64::try_from(wanted.len()).ok();
        for (done, collection) in wanted.iter().enumerate() {
            self.board.stage("reconciling", done as u64, total);
            if self.stopped() {
                return Err(Ended::Stopped);
            }
            let found = reconcile.reconcile(collection).await.map_err(failed)?;
            let Reconciled { examined, created, updated, unreadable, .. } = found;
            told.push(json!({
                "collection": collection.as_str(), "examined": examined, "created": created,
                "updated": updated, "unreadable": unreadable,
            }));
        }
        Ok(json!({ "collections": told }))
    }

    /// A chain that is not whole is what was to be found out: the work succeeds, and its report says so.
    async fn audit(&self, expected: Option<&ChainHead>) -> Result<Value, Ended> {
        let chain = AuditChain::new(self.store, Clock::default());
        let told = |done, total| {
            self.board.stage("comparing", done, Some(total));
            !self.stopped()
        };
        match Box::pin(chain.verify(expected, told)).await {
            Ok(report) => Ok(value(&report)),
            Err(VerifyError::Stopped) => Err(Ended::Stopped),
            Err(error @ VerifyError::Store(_)) => Err(Ended::Failed(error.to_string())),
        }
    }

    async fn sweep(&self) -> Result<Value, Ended> {
        let mut deleted = 0;
        loop {
            self.board.stage("sweeping", deleted, None);
            if self.stopped() {
                return Err(Ended::Stopped);
            }
            match self.store.sweep().await {
                Ok(0) => return Ok(json!({ "deleted": deleted })),
                Ok(more) => deleted += more,
                Err(error) => return Err(Ended::Failed(error.to_string())),
            }
        }
    }

    async fn open(&self, to: &str, purpose: Purpose) -> Result<Box<dyn Target>, Ended> {
        self.board.stage("opening", 0, None);
        tokio::select! {
            opened = self.databases()?.open(to, purpose) => opened.map_err(Ended::Failed),
            // A server that keeps silent is not waited for.
            () = self.stop.cancelled() => Err(Ended::Stopped),
        }
    }

    fn stopped(&self) -> bool {
        self.control.is_stopped()
    }

    fn backups(&self) -> Result<&Backups, Ended> {
        self.backups.ok_or_else(|| Ended::Failed("there is no folder of backups".to_owned()))
    }

    fn databases(&self) -> Result<&dyn Databases, Ended> {
        self.databases
            .ok_or_else(|| Ended::Failed("this service opens no other databases".to_owned()))
    }
}

/// Closes a target after its work. What closing it says is told only of work that succeeded.
async fn finish(target: Box<dyn Target>, done: Result<Value, Ended>) -> Result<Value, Ended> {
    let closed = target.close(done.is_ok()).await;
    match (done, closed) {
        (Ok(_), Err(error)) => Err(Ended::Failed(error)),
        (done, _) => done,
    }
}

fn value(report: &impl Serialize) -> Value {
    serde_json::to_value(report).unwrap_or(Value::Null)
}
