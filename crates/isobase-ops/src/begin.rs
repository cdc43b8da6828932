//! How a load begins in its target, or goes on there.

use std::sync::Arc;

use isobase_engine::{Counters, Engine};
use isobase_types::CollectionName;

use crate::{
    Control, Event, Existing, OpsError,
    existing::{base_of, check_empty, check_empty_before},
    loader::Loader,
    note::{LoadNote, Reached, first_line},
    replay::clear_after,
    selection::Selection,
};

/// What the target tells of loads that were begun there. Nothing is written to find it.
pub(crate) enum Found {
    /// There was none, or it has ended.
    Nothing,
    /// One that is to be forgotten.
    Forgotten(Box<LoadNote>),
    /// The same one.
    Begun(Box<LoadNote>, Reached),
}

/// A load that begins or goes on.
pub(crate) struct Plan {
    pub(crate) note: LoadNote,
    pub(crate) reached: Reached,
    pub(crate) resumed: bool,
}

/// The options of a load about its target.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) to: &'a Arc<dyn Engine>,
    pub(crate) existing: Existing,
    pub(crate) restart: bool,
    pub(crate) control: &'a Control,
}

impl Found {
    /// Looks at the target. `loaded` are collections that an unfinished load may have brought.
    pub(crate) async fn look(
        wanted: Wanted<'_>,
        loaded: &[CollectionName],
    ) -> Result<Self, OpsError> {
        let Wanted { to, existing, restart, .. } = wanted;
        let unfinished = to.unfinished().await.map_err(OpsError::target_failed)?;
        let Some(text) = unfinished else {
            check_empty(to, existing).await?;
            return Ok(Self::Nothing);
        };
        let not_resumable = |reason: &str| {
            let reason = reason.to_owned();
            Err(OpsError::NotResumable { note: first_line(&text).to_owned(), reason })
        };
        // Without the counters in it no one knows which documents were there before, so it
        // cannot be forgotten either.
        let Some(note) = LoadNote::parse(&text) else {
            return not_resumable("its note was written by another version or program");
        };
        if restart {
            match note.fenced {
                true => check_empty_before(to, existing, note.base().sequence, loaded).await?,
                // It has loaded nothing.
                false => drop(check_empty(to, existing).await?),
            }
            return Ok(Self::Forgotten(Box::new(note)));
        }
        let Some(reached) = note.reached() else {
            return not_resumable("its place cannot be read");
        };
        Ok(Self::Begun(Box::new(note), reached))
    }

    /// Refuses to go on with a load that is another work; `same` tells why it is.
    pub(crate) fn of_same_work(
        self,
        control: &Control,
        same: impl FnOnce(&LoadNote) -> Result<(), String>,
    ) -> Result<Self, OpsError> {
        if let Self::Begun(note, _) = &self {
            same(note).map_err(|reason| {
                let note = first_line(&note.to_text()).to_owned();
                OpsError::NotResumable { note, reason }
            })?;
            control.tell(Event::Resumed { documents: note.documents });
        }
        Ok(self)
    }

    pub(crate) fn is_begun(&self) -> bool {
        matches!(self, Self::Begun(..))
    }

    /// The plan. When the load begins, `begin` makes its note of the counters before it.
    pub(crate) async fn plan(
        self,
        wanted: Wanted<'_>,
        begin: impl FnOnce(Counters) -> LoadNote,
    ) -> Result<Plan, OpsError> {
        let (base, forgotten, fenced) = match self {
            Self::Begun(mut note, reached) => {
                note.found = Some(note.begun_at.clone());
                return Ok(Plan { note: *note, reached, resumed: true });
            }
            // What it has loaded is above its counters; before them nothing is.
            Self::Forgotten(note) => (note.base(), Some(note.begun_at), note.fenced),
            Self::Nothing => {
                let base = base_of(wanted.to, wanted.existing, wanted.control).await?;
                (base, None, false)
            }
        };
        let mut note = begin(base);
        note.clears = forgotten.is_some();
        note.fenced = fenced;
        note.found = forgotten;
        Ok(Plan { note, reached: Reached::Start, resumed: false })
    }
}

/// Deletes what a load that was forgotten has written. The target is marked with the note of
/// the new load by now, so that a cut in between resumes here.
pub(crate) async fn clear_forgotten(
    loader: &mut Loader,
    to: &Arc<dyn Engine>,
    loaded: &[CollectionName],
) -> Result<(), OpsError> {
    if !loader.note.clears {
        return Ok(());
    }
    clear_after(to, &Selection::Everything, loaded, loader.note.base().sequence).await?;
    loader.note.clears = false;
    loader.mark().await
}
