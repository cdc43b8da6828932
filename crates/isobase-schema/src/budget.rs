//! A bound on the work of one check.
//!
//! Between two references a schema is as long as its text, so counting the references that are
//! followed bounds everything. A schema such as `{"allOf":[{"properties":{"a":{"$ref":"#"}}},
//! {"properties":{"a":{"$ref":"#"}}}]}` would otherwise take 2^n steps for n levels.

use std::{cell::Cell, panic::AssertUnwindSafe};

use jsonschema::{Keyword, ValidationError, paths::Location};
use serde_json::{Map, Value};

/// The keyword that [`crate::references`] puts before every reference. No schema can contain it:
/// the name is refused there.
pub(crate) const KEYWORD: &str = "\u{1}isobase-visit";

/// References every check may follow, and so many more for each byte of the document: each value
/// has at least two bytes and may be looked at by several subschemas.
const VISITS_FREE: u64 = 100_000;
const VISITS_PER_BYTE: u64 = 4;

/// Bytes of stack a check may use: threads have 2 MiB.
const STACK_BYTES_MAX: usize = 1 << 20;

thread_local! {
    /// What is left for the check that runs on this thread; written by [`run`] and [`Visit`].
    static LEFT: Cell<(u64, usize)> = const { Cell::new((0, 0)) };
}

/// The check was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

/// Runs a check of a document of so many bytes.
pub(crate) fn run<T>(bytes: usize, check: impl FnOnce() -> T) -> Result<T, Exhausted> {
    let visits = VISITS_FREE + VISITS_PER_BYTE * bytes as u64;
    LEFT.set((visits, stack_place()));
    // A check changes nothing but its own memory, so nothing is left half done.
    match std::panic::catch_unwind(AssertUnwindSafe(check)) {
        Ok(done) => Ok(done),
        Err(payload) if payload.is::<Exhausted>() => Err(Exhausted),
        Err(payload) => std::panic::resume_unwind(payload),
    }
}

/// Makes the keyword.
pub(crate) fn factory<'a>(
    _parent: &'a Map<String, Value>,
    _value: &'a Value,
    _path: Location,
) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
    Ok(Box::new(Visit))
}

/// Counts, and always agrees.
struct Visit;

impl Visit {
    fn count() {
        let (left, base) = LEFT.get();
        if left == 0 || stack_place().abs_diff(base) > STACK_BYTES_MAX {
            // The only way out of a library that cannot be told to stop. It is caught in `run`,
            // and unlike a panic it is not reported.
            std::panic::resume_unwind(Box::new(Exhausted));
        }
        LEFT.set((left - 1, base));
    }
}

impl<'i> Keyword<'i> for Visit {
    fn validate(&self, _instance: &'i Value) -> Result<(), ValidationError<'i>> {
        Self::count();
        Ok(())
    }

    fn is_valid(&self, _instance: &'i Value) -> bool {
        Self::count();
        true
    }
}

/// About where the stack is now.
#[inline(never)]
fn stack_place() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}
