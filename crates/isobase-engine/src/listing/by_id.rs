//! Answering a listing by the ids of documents.

use std::ops::Bound;

use isobase_types::{Direction, DocumentId, Literal};

use super::{
    constraints::{Constraint, Constraints},
    place::Place,
    planned::{Main, PlannedRange},
    range::{IdRange, Range},
};

pub(super) fn by_id(
    constraints: &Constraints<'_>,
    after: Option<&Place>,
    direction: Direction,
) -> Main {
    let reverse = direction == Direction::Descending;
    let mut ranges = id_ranges(constraints);
    if let Some(after) = after.and_then(|place| place.id(direction)) {
        for planned in &mut ranges {
            if let Range::Ids(range) = &mut planned.range {
                if reverse {
                    range.upper =
                        smaller_upper(range.upper.clone(), Bound::Excluded(after.clone()));
                } else {
                    range.lower = larger_lower(range.lower.clone(), Bound::Excluded(after.clone()));
                }
            }
        }
    }
    Main::Ordered { ranges, reverse }
}

pub(super) fn id_ranges(constraints: &Constraints<'_>) -> Vec<PlannedRange> {
    let ranges = match constraints.on_id() {
        Some(Constraint::Points(points)) => points
            .iter()
            .filter_map(|point| id_of_literal((*point)?))
            .map(|id| IdRange { lower: Bound::Included(id.clone()), upper: Bound::Included(id) })
            .collect(),
        Some(Constraint::Interval { lower, upper }) => id_interval(*lower, *upper),
        None => vec![IdRange { lower: Bound::Unbounded, upper: Bound::Unbounded }],
    };
    ranges
        .into_iter()
        .map(|range| PlannedRange { range: Range::Ids(range), prefix_bytes: 0 })
        .collect()
}

fn id_of_literal(literal: &Literal) -> Option<DocumentId> {
    match literal {
        Literal::Integer(integer) => Some(DocumentId::Integer(*integer)),
        Literal::Text(text) => match DocumentId::parse(text) {
            Ok(id @ DocumentId::Text(_)) => Some(id),
            _ => None,
        },
        // 5.0 equals 5, also as an id.
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
        Literal::Float(float) if float.fract() == 0.0 && float.abs() < 9.2e18 => {
            Some(DocumentId::Integer(*float as i64))
        }
        Literal::Float(_) | Literal::Bool(_) => None,
    }
}

/// The bounds are a superset; the filter is checked on each document again.
fn id_interval(lower: Bound<&Literal>, upper: Bound<&Literal>) -> Vec<IdRange> {
    let bound = |bound: Bound<&Literal>| match bound {
        Bound::Included(Literal::Integer(i)) => Bound::Included(DocumentId::Integer(*i)),
        Bound::Excluded(Literal::Integer(i)) => Bound::Excluded(DocumentId::Integer(*i)),
        Bound::Included(Literal::Text(t)) => Bound::Included(DocumentId::Text(t.as_str().into())),
        Bound::Excluded(Literal::Text(t)) => Bound::Excluded(DocumentId::Text(t.as_str().into())),
        _ => Bound::Unbounded,
    };
    vec![IdRange { lower: bound(lower), upper: bound(upper) }]
}

fn larger_lower(a: Bound<DocumentId>, b: Bound<DocumentId>) -> Bound<DocumentId> {
    match (&a, &b) {
        (Bound::Included(x), Bound::Excluded(y)) if x > y => a,
        (Bound::Excluded(x), Bound::Excluded(y)) if x > y => a,
        _ => b,
    }
}

fn smaller_upper(a: Bound<DocumentId>, b: Bound<DocumentId>) -> Bound<DocumentId> {
    match (&a, &b) {
        (Bound::Included(x), Bound::Excluded(y)) if x < y => a,
        (Bound::Excluded(x), Bound::Excluded(y)) if x < y => a,
        _ => b,
    }
}
