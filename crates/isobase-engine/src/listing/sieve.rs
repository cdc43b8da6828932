//! Leaving documents out while they are read.

use isobase_types::{Filter, Indexed, Order};

use super::{Place, place::encode_place};
use crate::Cutoff;

/// Looks at documents while they are read, before they are copied out of the database: most of those
/// that a listing without an index goes through are of no use to its page.
///
/// A reader that uses it gives every document that it admits and the last one of each part, in their
/// order, and says how many it left out ([`super::ListRun::leave_out`]).
#[derive(Debug)]
pub struct Sieve<'r> {
    /// `None` where every document meets it.
    filter: Option<&'r Filter>,
    cutoff: Option<Cutoff>,
    sorted: Option<Sorted<'r>>,
}

/// The part of the order that the page still has room for.
#[derive(Debug)]
struct Sorted<'r> {
    order: &'r Order,
    after: Option<&'r Place>,
    before: Option<&'r Place>,
    /// The place of the document that is looked at, in memory that all of them share.
    place: Vec<u8>,
}

impl<'r> Sieve<'r> {
    pub(crate) fn new(filter: Option<&'r Filter>, cutoff: Option<Cutoff>) -> Self {
        let filter = filter.filter(|filter| !filter.is_all());
        Self { filter, cutoff, sorted: None }
    }

    /// The same for documents between two places of an order.
    pub(crate) fn sorted(
        self,
        order: &'r Order,
        after: Option<&'r Place>,
        before: Option<&'r Place>,
    ) -> Self {
        if after.is_none() && before.is_none() {
            return self;
        }
        Self { sorted: Some(Sorted { order, after, before, place: Vec::new() }), ..self }
    }

    /// Whether the page may have a use for the document.
    pub fn admits(&mut self, document: Indexed<'_>) -> bool {
        let has_expired = Cutoff::has_passed(self.cutoff, document.updated_at);
        !has_expired
            && self.filter.is_none_or(|filter| filter.meets(document))
            && self.sorted.as_mut().is_none_or(|sorted| sorted.admits(document))
    }
}

impl Sorted<'_> {
    fn admits(&mut self, document: Indexed<'_>) -> bool {
        self.place.clear();
        encode_place(document, self.order, &mut self.place);
        self.after.is_none_or(|after| *self.place > *after.as_bytes())
            && self.before.is_none_or(|before| *self.place < *before.as_bytes())
    }
}
