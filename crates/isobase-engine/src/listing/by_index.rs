//! Answering a listing by an index: in its order, or by the ranges that the filter names.

use isobase_types::{Direction, OrderField};

use super::{
    constraints::{ComponentBounds, Constraint, Constraints, encode_point},
    place::{Place, complement, split},
    planned::{Main, PlannedRange, RANGES_MAX, ReadyIndex},
    range::{KeyRange, Range},
};

/// A way to read an index so that documents come in the asked order.
pub(super) struct OrderedCandidate {
    pub(super) index: i64,
    /// One per combination of equal values.
    pub(super) prefixes: Vec<Vec<u8>>,
    /// Bounds on the field after the equal ones.
    pub(super) bounds: Vec<ComponentBounds>,
    pub(super) equal_fields: usize,
    pub(super) reverse: bool,
    /// The index narrows the documents down, it does not only order them.
    pub(super) selective: bool,
    /// Every document in the ranges meets the filter.
    pub(super) covers: bool,
}

impl OrderedCandidate {
    pub(super) fn score(&self) -> (bool, usize, bool) {
        (self.selective, self.equal_fields, !self.reverse)
    }

    /// Whether the filter bounds the fields of the order, and other fields that the index has not.
    pub(super) fn is_only_bounded(&self) -> bool {
        self.selective && self.equal_fields == 0 && !self.covers
    }

    pub(super) fn into_main(self, after: Option<&Place>) -> Main {
        let mut ranges = Vec::new();
        for prefix in &self.prefixes {
            for bounds in &self.bounds {
                let mut keys = bounds.key_range(prefix);
                if let Some(place) = after {
                    continue_after(&mut keys, prefix, place, self.reverse);
                }
                let range = Range::Index { index: self.index, keys };
                ranges.push(PlannedRange { range, prefix_bytes: prefix.len() });
            }
        }
        Main::Ordered { ranges, reverse: self.reverse }
    }
}

fn continue_after(keys: &mut KeyRange, prefix: &[u8], place: &Place, reverse: bool) {
    if reverse {
        let end = [prefix, &complement(place.as_bytes())].concat();
        if keys.upper.as_ref().is_none_or(|upper| end < *upper) {
            keys.upper = Some(end);
        }
    } else {
        // The next larger byte string: the place itself is left out.
        let start = [prefix, place.as_bytes(), &[0]].concat();
        if start > keys.lower {
            keys.lower = start;
        }
    }
}

pub(super) fn ordered_candidates<'a>(
    index: &'a ReadyIndex,
    constraints: &'a Constraints<'a>,
    wanted: &'a [OrderField],
    id_direction: Direction,
) -> impl Iterator<Item = OrderedCandidate> + 'a {
    let equal_max = equal_prefix_fields(index, constraints);
    // The documents themselves are in the order of ids: no index gives it better.
    let first = usize::from(index.fields().is_empty());
    (first..=equal_max).filter_map(move |equal_fields| {
        let rest = &index.fields()[equal_fields..];
        let reverse = matches_order(rest, index_id_direction(index), wanted, id_direction)?;
        let prefixes = equal_prefixes(&index.fields()[..equal_fields], constraints)?;
        let bounds = match rest.first() {
            Some(field) => constraints.bounds(field),
            None => vec![ComponentBounds::default()],
        };
        if prefixes.len() * bounds.len() > RANGES_MAX {
            return None;
        }
        let bounded = rest.first().is_some_and(|field| constraints.on(&field.path).is_some());
        let selective = equal_fields > 0 || bounded || constraints.is_empty();
        let used = &index.fields()[..equal_fields + usize::from(bounded)];
        let covers = constraints.are_covered_by(used);
        Some(OrderedCandidate {
            index: index.id,
            prefixes,
            bounds,
            equal_fields,
            reverse,
            selective,
            covers,
        })
    })
}

fn index_id_direction(index: &ReadyIndex) -> Direction {
    split(&index.order).1
}

/// Whether reading the fields gives the wanted order, and if so, whether backwards.
fn matches_order(
    fields: &[OrderField],
    fields_id: Direction,
    wanted: &[OrderField],
    wanted_id: Direction,
) -> Option<bool> {
    if fields.len() != wanted.len() {
        return None;
    }
    let reverse = fields_id != wanted_id;
    let fits = fields.iter().zip(wanted).all(|(field, wanted)| {
        field.path == wanted.path && (field.direction != wanted.direction) == reverse
    });
    fits.then_some(reverse)
}

/// Ranges that hold every document that can meet the filter, in no useful order.
pub(super) struct SubsetCandidate {
    pub(super) ranges: Vec<PlannedRange>,
    pub(super) equal_fields: usize,
    pub(super) used_fields: usize,
    pub(super) exact: bool,
}

pub(super) fn subset_candidate(
    index: &ReadyIndex,
    constraints: &Constraints<'_>,
) -> Option<SubsetCandidate> {
    let equal_fields = equal_prefix_fields(index, constraints);
    let prefixes = equal_prefixes(&index.fields()[..equal_fields], constraints)?;
    let next = index.fields().get(equal_fields);
    let bounds = match next {
        Some(field) => constraints.bounds(field),
        None => vec![ComponentBounds::default()],
    };
    let bounded = next.is_some_and(|field| constraints.on(&field.path).is_some());
    if (equal_fields == 0 && !bounded) || prefixes.len() * bounds.len() > RANGES_MAX {
        return None;
    }
    let used_fields = equal_fields + usize::from(bounded);
    let exact = index.fields()[..used_fields].iter().all(|field| constraints.is_exact(&field.path));
    let ranges = prefixes
        .iter()
        .flat_map(|prefix| bounds.iter().map(|bounds| bounds.key_range(prefix)))
        .map(|keys| PlannedRange { range: Range::Index { index: index.id, keys }, prefix_bytes: 0 })
        .collect();
    Some(SubsetCandidate { ranges, equal_fields, used_fields, exact })
}

/// How many leading fields of the index the filter fixes to a few values.
fn equal_prefix_fields(index: &ReadyIndex, constraints: &Constraints<'_>) -> usize {
    index
        .fields()
        .iter()
        .take_while(|field| matches!(constraints.on(&field.path), Some(Constraint::Points(_))))
        .count()
}

/// The keys of all combinations of the values; `None` when there are too many.
fn equal_prefixes(fields: &[OrderField], constraints: &Constraints<'_>) -> Option<Vec<Vec<u8>>> {
    let mut prefixes = vec![Vec::new()];
    for field in fields {
        let Some(Constraint::Points(points)) = constraints.on(&field.path) else { return None };
        if prefixes.len() * points.len() > RANGES_MAX {
            return None;
        }
        prefixes = prefixes
            .iter()
            .flat_map(|prefix| {
                points.iter().map(move |point| {
                    let mut longer = prefix.clone();
                    encode_point(*point, field.direction, &mut longer);
                    longer
                })
            })
            .collect();
    }
    Some(prefixes)
}
