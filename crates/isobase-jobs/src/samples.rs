//! Samples that the last copies read of both sides.

use std::{collections::VecDeque, sync::Arc};

use isobase_ops::Sample;
use parking_lot::Mutex;

/// Copies whose samples are kept: they hold what people stored, so they stay in memory.
const KEPT: usize = 4;

/// Samples of the last copies, by the ids of the jobs. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct SamplesKept(Arc<Mutex<VecDeque<(String, Vec<Sample>)>>>);

impl SamplesKept {
    pub(crate) fn keep(&self, job: &str, samples: Vec<Sample>) {
        let mut kept = self.0.lock();
        kept.push_back((job.to_owned(), samples));
        while kept.len() > KEPT {
            kept.pop_front();
        }
    }

    pub(crate) fn of(&self, job: &str) -> Option<Vec<Sample>> {
        let kept = self.0.lock();
        kept.iter().find(|(id, _)| id == job).map(|(_, samples)| samples.clone())
    }
}
