//! The rows of a bulk insert, sent while they are made.

use isobase_sql::{BulkRows, RowSender};
use pyo3::{prelude::*, types::PyIterator};

use crate::from_python;

/// Rows of a part: a few hundred microseconds of work.
const PART_ROWS: usize = 1_024;

/// The rows that are not made yet, and where they go.
pub(crate) struct Rest<'py> {
    given: Bound<'py, PyIterator>,
    sender: RowSender,
}

/// The rows as the insert takes them, and what is left to be made once it runs.
pub(crate) fn begin<'py>(given: &Bound<'py, PyAny>) -> PyResult<(BulkRows, Option<Rest<'py>>)> {
    let given = given.try_iter()?;
    let first = from_python::rows(&given, PART_ROWS)?;
    if first.len() < PART_ROWS {
        return Ok((first.into(), None));
    }
    let (sender, rows) = BulkRows::channel();
    sender.send(first);
    Ok((rows, Some(Rest { given, sender })))
}

impl Rest<'_> {
    /// Makes the rows. When one cannot be made the insert fails, too.
    pub(crate) fn send(self) -> PyResult<()> {
        loop {
            let rows = from_python::rows(&self.given, PART_ROWS)?;
            let is_last = rows.len() < PART_ROWS;
            // An insert that has failed says so itself.
            if !self.sender.send(rows) {
                return Ok(());
            }
            if is_last {
                self.sender.finish();
                return Ok(());
            }
        }
    }
}
