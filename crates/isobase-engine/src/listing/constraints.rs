//! Constraints of a filter on single fields.

use std::ops::Bound;

use isobase_types::{Comparison, Direction, FieldPath, Filter, Literal, Operator, OrderField, key};

use super::{place::complement, range::KeyRange};

pub(super) fn encode_point(point: Point<'_>, direction: Direction, out: &mut Vec<u8>) {
    match point {
        Some(literal) => key::encode_literal(literal, direction, out),
        None => key::encode(None, direction, out),
    }
}

/// Bounds on one component of a key. A bound is a prefix: "included" takes in every key that
/// begins with it.
#[derive(Clone, Debug)]
pub(super) struct ComponentBounds {
    pub(super) lower: Bound<Vec<u8>>,
    pub(super) upper: Bound<Vec<u8>>,
}

impl Default for ComponentBounds {
    fn default() -> Self {
        Self { lower: Bound::Unbounded, upper: Bound::Unbounded }
    }
}

impl ComponentBounds {
    pub(super) fn key_range(&self, prefix: &[u8]) -> KeyRange {
        let lower = match &self.lower {
            Bound::Included(bound) => Some([prefix, bound].concat()),
            Bound::Excluded(bound) => key::successor([prefix, bound].concat()),
            Bound::Unbounded => Some(prefix.to_vec()),
        };
        let upper = match &self.upper {
            Bound::Included(bound) => key::successor([prefix, bound].concat()),
            Bound::Excluded(bound) => Some([prefix, bound].concat()),
            Bound::Unbounded => key::successor(prefix.to_vec()),
        };
        match lower {
            Some(lower) => KeyRange { lower, upper },
            // Nothing is larger than every key: an empty range.
            None => KeyRange { lower: Vec::new(), upper: Some(Vec::new()) },
        }
    }

    pub(super) fn in_direction(self, direction: Direction) -> Self {
        let flip = |bound: Bound<Vec<u8>>| bound.map(|bytes| complement(&bytes));
        match direction {
            Direction::Ascending => self,
            Direction::Descending => Self { lower: flip(self.upper), upper: flip(self.lower) },
        }
    }
}

/// A value a field must have; none is null.
pub(super) type Point<'a> = Option<&'a Literal>;

#[derive(Debug)]
pub(super) enum Constraint<'a> {
    Points(Vec<Point<'a>>),
    Interval { lower: Bound<&'a Literal>, upper: Bound<&'a Literal> },
}

/// The constraints on single fields for the filter to hold.
pub(super) struct Constraints<'a> {
    pub(super) fields: Vec<(&'a FieldPath, Constraint<'a>)>,
    /// Together they say as much as the filter.
    pub(super) complete: bool,
}

impl<'a> Constraints<'a> {
    pub(super) fn of(filter: &'a Filter) -> Self {
        let mut constraints = Self { fields: Vec::new(), complete: true };
        constraints.add(filter);
        constraints
    }

    fn add(&mut self, filter: &'a Filter) {
        match filter {
            Filter::And(all) => all.iter().for_each(|one| self.add(one)),
            Filter::Or(any) => match points_of_alternatives(any) {
                Some((path, points)) => self.insert(path, Constraint::Points(points)),
                None => self.complete = false,
            },
            Filter::Not(_) => self.complete = false,
            Filter::Compare(Comparison { path, operator }) => match constraint_of(operator) {
                Some(constraint) => self.insert(path, constraint),
                None => self.complete = false,
            },
        }
    }

    fn insert(&mut self, path: &'a FieldPath, constraint: Constraint<'a>) {
        let Some((_, existing)) = self.fields.iter_mut().find(|(known, _)| *known == path) else {
            self.fields.push((path, constraint));
            return;
        };
        match (&mut *existing, constraint) {
            (
                Constraint::Interval { lower, upper },
                Constraint::Interval { lower: other_lower, upper: other_upper },
            ) if same_type(&[*lower, *upper, other_lower, other_upper]) => {
                match (*lower, other_lower) {
                    (Bound::Unbounded, other) => *lower = other,
                    (_, Bound::Unbounded) => {}
                    _ => self.complete = false,
                }
                match (*upper, other_upper) {
                    (Bound::Unbounded, other) => *upper = other,
                    (_, Bound::Unbounded) => {}
                    _ => self.complete = false,
                }
            }
            (Constraint::Interval { .. }, points @ Constraint::Points(_)) => {
                *existing = points;
                self.complete = false;
            }
            // One of them is enough to narrow down; the filter is checked again anyway.
            _ => self.complete = false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Whether keys within the bounds on these fields are proof that the filter holds.
    pub(super) fn are_covered_by(&self, fields: &[OrderField]) -> bool {
        self.complete
            && fields.len() == self.fields.len()
            && fields.iter().all(|field| self.is_exact(&field.path))
    }

    pub(super) fn on(&self, path: &FieldPath) -> Option<&Constraint<'a>> {
        self.fields.iter().find(|(known, _)| *known == path).map(|(_, constraint)| constraint)
    }

    pub(super) fn on_id(&self) -> Option<&Constraint<'a>> {
        self.fields.iter().find(|(path, _)| path.is_id()).map(|(_, constraint)| constraint)
    }

    /// The bounds the filter puts on a field, in the direction of the field.
    pub(super) fn bounds(&self, field: &OrderField) -> Vec<ComponentBounds> {
        let bounds = match self.on(&field.path) {
            None => vec![ComponentBounds::default()],
            Some(Constraint::Points(points)) => points
                .iter()
                .map(|point| {
                    let mut bytes = Vec::new();
                    encode_point(*point, Direction::Ascending, &mut bytes);
                    ComponentBounds {
                        lower: Bound::Included(bytes.clone()),
                        upper: Bound::Included(bytes),
                    }
                })
                .collect(),
            Some(Constraint::Interval { lower, upper }) => vec![interval_bounds(*lower, *upper)],
        };
        bounds.into_iter().map(|bounds| bounds.in_direction(field.direction)).collect()
    }

    /// Whether a key in the bounds is proof that the condition on the field holds.
    pub(super) fn is_exact(&self, path: &FieldPath) -> bool {
        match self.on(path) {
            Some(Constraint::Points(points)) => {
                points.iter().flatten().all(|literal| !key::is_truncating(literal))
            }
            Some(Constraint::Interval { lower, upper }) => {
                [lower, upper].into_iter().all(|bound| match bound {
                    Bound::Included(literal) | Bound::Excluded(literal) => {
                        !key::is_truncating(literal)
                    }
                    Bound::Unbounded => true,
                })
            }
            None => false,
        }
    }
}

fn constraint_of(operator: &Operator) -> Option<Constraint<'_>> {
    let interval = |lower, upper| Some(Constraint::Interval { lower, upper });
    match operator {
        Operator::In(literals) => Some(Constraint::Points(distinct(literals.iter().map(Some)))),
        Operator::Null => Some(Constraint::Points(vec![None])),
        Operator::Greater(literal) => interval(Bound::Excluded(literal), Bound::Unbounded),
        Operator::GreaterOrEqual(literal) => interval(Bound::Included(literal), Bound::Unbounded),
        Operator::Less(literal) => interval(Bound::Unbounded, Bound::Excluded(literal)),
        Operator::LessOrEqual(literal) => interval(Bound::Unbounded, Bound::Included(literal)),
        Operator::Like { .. } | Operator::Contains(_) => None,
    }
}

/// Alternatives that all fix the same field (`name=null` is "is null or is the text").
fn points_of_alternatives(any: &[Filter]) -> Option<(&FieldPath, Vec<Point<'_>>)> {
    let mut points = Vec::new();
    let mut found: Option<&FieldPath> = None;
    for filter in any {
        let Filter::Compare(Comparison { path, operator }) = filter else { return None };
        if *found.get_or_insert(path) != path {
            return None;
        }
        match constraint_of(operator)? {
            Constraint::Points(more) => points.extend(more),
            Constraint::Interval { .. } => return None,
        }
    }
    found.map(|path| (path, distinct(points.into_iter())))
}

/// Every value once: a range read twice would give its documents twice. Values are the same when
/// their keys are (`5` and `5.0`).
fn distinct<'a>(points: impl Iterator<Item = Point<'a>>) -> Vec<Point<'a>> {
    let mut seen = std::collections::BTreeSet::new();
    points
        .filter(|point| {
            let mut bytes = Vec::new();
            encode_point(*point, Direction::Ascending, &mut bytes);
            seen.insert(bytes)
        })
        .collect()
}

fn same_type(bounds: &[Bound<&Literal>]) -> bool {
    let mut kinds = bounds.iter().filter_map(|bound| match bound {
        Bound::Included(literal) | Bound::Excluded(literal) => Some(type_of(literal)),
        Bound::Unbounded => None,
    });
    let first = kinds.next();
    kinds.all(|kind| Some(kind) == first)
}

fn type_of(literal: &Literal) -> u8 {
    match literal {
        Literal::Bool(_) => 0,
        Literal::Integer(_) | Literal::Float(_) => 1,
        Literal::Text(_) => 2,
    }
}

/// Bounds within the type of the literals: a comparison never holds across types.
fn interval_bounds(lower: Bound<&Literal>, upper: Bound<&Literal>) -> ComponentBounds {
    let encoded = |literal: &Literal| {
        let mut bytes = Vec::new();
        key::encode_literal(literal, Direction::Ascending, &mut bytes);
        bytes
    };
    let ((Bound::Included(any) | Bound::Excluded(any), _)
    | (_, Bound::Included(any) | Bound::Excluded(any))) = (lower, upper)
    else {
        return ComponentBounds::default();
    };
    let tags = key::type_range(any, Direction::Ascending);
    // Strings that only differ after the kept bytes share a key, so a truncated bound takes in
    // its own key.
    let exclude = |literal: &Literal| {
        if key::is_truncating(literal) {
            Bound::Included(encoded(literal))
        } else {
            Bound::Excluded(encoded(literal))
        }
    };
    ComponentBounds {
        lower: match lower {
            Bound::Included(literal) => Bound::Included(encoded(literal)),
            Bound::Excluded(literal) => exclude(literal),
            Bound::Unbounded => Bound::Included(vec![tags.start]),
        },
        upper: match upper {
            Bound::Included(literal) => Bound::Included(encoded(literal)),
            Bound::Excluded(literal) => exclude(literal),
            Bound::Unbounded => Bound::Excluded(vec![tags.end]),
        },
    }
}
