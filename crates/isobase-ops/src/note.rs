//! The note that a load leaves in its target for the run that resumes it.

use isobase_engine::Counters;
use isobase_types::{CollectionName, DocumentId, Sequence, Timestamp};
use rand::TryRng;
use serde::{Deserialize, Serialize};

use crate::OpsError;

/// Changes when a program with this number cannot resume the work of one with another.
const VERSION: u32 = 1;

/// The note of a load that was begun. Its text has one line for people, then JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadNote {
    version: u32,
    /// `copy` or `restore`.
    pub(crate) work: String,
    /// Where the documents come from, as the caller names it.
    pub(crate) source: String,
    /// What else must be the same for the work to be the same.
    pub(crate) scope: String,
    /// When it began.
    pub(crate) begun_at: String,
    /// The counters of the target before: documents up to this revision were there already.
    base_sequence: u64,
    base_last_id: i64,
    /// What the source wrote after this place must be read again.
    pub(crate) since: u64,
    /// Which database and epoch the source is; `None` in notes of older programs, and of archives.
    #[serde(default)]
    pub(crate) identity: Option<String>,
    /// Documents written so far.
    pub(crate) documents: u64,
    /// The largest revision among them that is a number of a write, as the target has it.
    #[serde(default)]
    pub(crate) revision_max: u64,
    /// What a load before this one has written is deleted first.
    #[serde(default)]
    pub(crate) clears: bool,
    /// No one else has written since, and the counters before the load are those of that moment:
    /// until then nothing is loaded.
    #[serde(default = "yes")]
    pub(crate) fenced: bool,
    /// Which run of the work may write: the last one that was begun. 32 hexadecimal digits.
    #[serde(default)]
    pub(crate) owner: String,
    /// When the load was begun that this one goes on with or forgets; `None` when the target was
    /// whole. Not noted: what was found before the work is compared with it.
    #[serde(skip)]
    pub(crate) found: Option<String>,
    /// Everything up to here is in the target.
    place: NotedPlace,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NotedPlace {
    Start,
    After { collection: String, id: String },
    Parts { parts: u64 },
    End,
}

/// How far a load has come in the order of names and ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reached {
    /// Nothing is written.
    #[default]
    Start,
    /// Everything up to this document.
    After(CollectionName, DocumentId),
    /// So many parts of an archive.
    Parts(u64),
    /// Everything that was there when the reading began.
    End,
}

fn yes() -> bool {
    true
}

/// 32 hexadecimal digits that no one has had before.
pub(crate) fn random_name() -> Result<String, OpsError> {
    let mut name = [0; 16];
    rand::rngs::SysRng
        .try_fill_bytes(&mut name)
        .map_err(|_| OpsError::Task("the source of random numbers".to_owned()))?;
    Ok(format!("{:032x}", u128::from_be_bytes(name)))
}

impl LoadNote {
    /// The note of a load that begins.
    pub(crate) fn begin(work: &str, source: &str, scope: String, base: Counters) -> Self {
        Self {
            version: VERSION,
            work: work.to_owned(),
            source: source.to_owned(),
            scope,
            begun_at: now().to_string(),
            base_sequence: base.sequence.0,
            base_last_id: base.last_id,
            since: 0,
            identity: None,
            documents: 0,
            revision_max: 0,
            clears: false,
            fenced: false,
            owner: String::new(),
            found: None,
            place: NotedPlace::Start,
        }
    }

    /// Reads a note; `None` when this program did not write it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (_, json) = text.split_once('\n')?;
        serde_json::from_str(json).ok().filter(|note: &Self| note.version == VERSION)
    }

    /// The text of the note.
    pub(crate) fn to_text(&self) -> String {
        let Self { work, source, begun_at, .. } = self;
        let source = source.replace(char::is_control, " ");
        // Strings and numbers always become JSON.
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("a {work} from {source}, begun {begun_at}, has not ended\n{json}")
    }

    /// The target was written after its counters were read, up to this place: what it holds was
    /// there before the load.
    pub(crate) fn begins_after(&mut self, sequence: Sequence) {
        self.base_sequence = self.base_sequence.max(sequence.0);
    }

    pub(crate) fn base(&self) -> Counters {
        Counters { sequence: Sequence(self.base_sequence), last_id: self.base_last_id }
    }

    /// How far the load has come; `None` when a place in it is not one.
    pub(crate) fn reached(&self) -> Option<Reached> {
        Some(match &self.place {
            NotedPlace::Start => Reached::Start,
            NotedPlace::After { collection, id } => {
                Reached::After(CollectionName::new(collection).ok()?, DocumentId::parse(id).ok()?)
            }
            NotedPlace::Parts { parts } => Reached::Parts(*parts),
            NotedPlace::End => Reached::End,
        })
    }

    pub(crate) fn set_reached(&mut self, reached: &Reached) {
        self.place = match reached {
            Reached::Start => NotedPlace::Start,
            Reached::After(collection, id) => {
                NotedPlace::After { collection: collection.to_string(), id: id.to_string() }
            }
            Reached::Parts(parts) => NotedPlace::Parts { parts: *parts },
            Reached::End => NotedPlace::End,
        };
    }
}

/// The line of a note that is for people.
#[must_use]
pub fn first_line(note: &str) -> &str {
    note.lines().next().unwrap_or("nothing is known of it")
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_system_time(std::time::SystemTime::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_comes_back() {
        let base = Counters { sequence: Sequence(7), last_id: 3 };
        let mut note = LoadNote::begin("copy", "sqlite://a\nb.db", "all".to_owned(), base);
        for id in ["12", "a\"b\nc"] {
            let id = DocumentId::parse(id).unwrap();
            let reached = Reached::After(CollectionName::new("c d").unwrap(), id);
            note.set_reached(&reached);
            let back = LoadNote::parse(&note.to_text());
            assert_eq!(back.unwrap().reached(), Some(reached));
        }
        note.source = "sqlite://a.db".to_owned();
        let text = note.to_text();
        assert!(first_line(&text).starts_with("a copy from sqlite://a.db, begun 20"));
        assert_eq!(LoadNote::parse(&text), Some(note));
        assert_eq!(LoadNote::parse("a stranger's note"), None);
    }
}
