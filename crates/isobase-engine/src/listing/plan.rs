//! Choosing how to answer a listing.

use std::ops::Bound;

use isobase_types::{
    Comparison, Direction, DocumentId, FieldPath, Filter, Literal, Operator, Order, OrderField, key,
};

use super::{
    Place,
    place::{complement, split},
    range::{IdRange, KeyRange, Range},
};

/// Most ranges one listing reads side by side: the values of an `in`, multiplied over fields.
pub(crate) const RANGES_MAX: usize = 64;

/// An index that is complete, as the planner needs to know it.
#[derive(Clone, Debug)]
pub struct ReadyIndex {
    /// The engine's number for it.
    pub id: i64,
    /// What it orders by.
    pub order: Order,
}

impl ReadyIndex {
    /// The fields whose values stand in the keys, as values: the id stands at their end in a
    /// form of its own, also when the order names it.
    fn fields(&self) -> &[OrderField] {
        split(&self.order).0
    }
}

/// How to answer a listing.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Read these first and sort what meets the filter; if they turn out to hold many entries,
    /// go on with `main` instead.
    pub(crate) probe: Option<Vec<PlannedRange>>,
    pub(crate) main: Main,
    /// Every document in the ranges of `main` meets the filter, so none needs to be read in vain.
    pub(crate) covers: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Main {
    /// The ranges give documents in the asked order, once merged.
    Ordered { ranges: Vec<PlannedRange>, reverse: bool },
    /// Read everything in the ranges and keep the first documents.
    Sort { ranges: Vec<PlannedRange> },
}

/// A range, and how many bytes at the front of its keys say nothing about the order.
#[derive(Clone, Debug)]
pub(crate) struct PlannedRange {
    pub(crate) range: Range,
    pub(crate) prefix_bytes: usize,
}

/// Chooses how to answer a listing.
pub(crate) fn choose(
    filter: &Filter,
    order: &Order,
    after: Option<&Place>,
    indexes: &[ReadyIndex],
) -> Plan {
    let constraints = Constraints::of(filter);
    let (fields, id_direction) = split(order);
    let plan = |main, covers| Plan { probe: None, main, covers };
    if fields.is_empty() && (constraints.is_empty() || constraints.on_id().is_some()) {
        // An interval of ids is read with some more than it holds.
        let points = matches!(constraints.on_id(), None | Some(Constraint::Points(_)));
        let covers = constraints.complete && constraints.fields.len() <= 1 && points;
        return plan(by_id(&constraints, after, id_direction), covers);
    }
    let best = indexes
        .iter()
        .flat_map(|index| ordered_candidates(index, &constraints, fields, id_direction))
        .max_by_key(OrderedCandidate::score);
    // What only bounds the order itself may still hold much that the filter leaves out: another index
    // may find the little that is wanted.
    let bounded = best.as_ref().filter(|best| best.is_only_bounded()).map(|best| best.index);
    let subset = indexes
        .iter()
        .filter(|index| Some(index.id) != bounded)
        .filter_map(|index| subset_candidate(index, &constraints))
        .max_by_key(|candidate| candidate.equal_fields);
    match (best, subset) {
        (Some(best), Some(subset)) if best.is_only_bounded() => {
            Plan { probe: Some(subset.ranges), main: best.into_main(after), covers: false }
        }
        (Some(best), _) if best.selective => {
            let covers = best.covers;
            plan(best.into_main(after), covers)
        }
        (best, Some(subset)) => {
            let main = match best {
                Some(best) => best.into_main(after),
                None if fields.is_empty() => by_id(&constraints, after, id_direction),
                None => Main::Sort { ranges: subset.ranges.clone() },
            };
            Plan { probe: Some(subset.ranges), main, covers: false }
        }
        (Some(best), None) => plan(best.into_main(after), false),
        (None, None) if fields.is_empty() => plan(by_id(&constraints, after, id_direction), false),
        (None, None) => plan(Main::Sort { ranges: id_ranges(&constraints) }, false),
    }
}

/// Index ranges that hold exactly the documents that meet the filter, if there are such.
pub(crate) fn exact_ranges(filter: &Filter, indexes: &[ReadyIndex]) -> Option<Vec<PlannedRange>> {
    let constraints = Constraints::of(filter);
    if !constraints.complete {
        return None;
    }
    indexes.iter().find_map(|index| {
        let candidate = subset_candidate(index, &constraints)?;
        (candidate.exact && candidate.used_fields == constraints.fields.len())
            .then_some(candidate.ranges)
    })
}

// --- by id -------------------------------------------------------------------------------------

fn by_id(constraints: &Constraints<'_>, after: Option<&Place>, direction: Direction) -> Main {
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

fn id_ranges(constraints: &Constraints<'_>) -> Vec<PlannedRange> {
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

// --- by index ----------------------------------------------------------------------------------

/// A way to read an index so that documents come in the asked order.
struct OrderedCandidate {
    index: i64,
    /// One per combination of equal values.
    prefixes: Vec<Vec<u8>>,
    /// Bounds on the field after the equal ones.
    bounds: Vec<ComponentBounds>,
    equal_fields: usize,
    reverse: bool,
    /// The index narrows the documents down, it does not only order them.
    selective: bool,
    /// Every document in the ranges meets the filter.
    covers: bool,
}

impl OrderedCandidate {
    fn score(&self) -> (bool, usize, bool) {
        (self.selective, self.equal_fields, !self.reverse)
    }

    /// Whether the filter bounds the fields of the order, and other fields that the index has not.
    fn is_only_bounded(&self) -> bool {
        self.selective && self.equal_fields == 0 && !self.covers
    }

    fn into_main(self, after: Option<&Place>) -> Main {
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

fn ordered_candidates<'a>(
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
struct SubsetCandidate {
    ranges: Vec<PlannedRange>,
    equal_fields: usize,
    used_fields: usize,
    exact: bool,
}

fn subset_candidate(index: &ReadyIndex, constraints: &Constraints<'_>) -> Option<SubsetCandidate> {
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

/// The keys of all combinations of the values; none when there are too many.
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

fn encode_point(point: Point<'_>, direction: Direction, out: &mut Vec<u8>) {
    match point {
        Some(literal) => key::encode_literal(literal, direction, out),
        None => key::encode(None, direction, out),
    }
}

/// Bounds on one component of a key. A bound is a prefix: "included" takes in every key that
/// begins with it.
#[derive(Clone, Debug)]
struct ComponentBounds {
    lower: Bound<Vec<u8>>,
    upper: Bound<Vec<u8>>,
}

impl Default for ComponentBounds {
    fn default() -> Self {
        Self { lower: Bound::Unbounded, upper: Bound::Unbounded }
    }
}

impl ComponentBounds {
    fn key_range(&self, prefix: &[u8]) -> KeyRange {
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

    fn in_direction(self, direction: Direction) -> Self {
        let flip = |bound: Bound<Vec<u8>>| bound.map(|bytes| complement(&bytes));
        match direction {
            Direction::Ascending => self,
            Direction::Descending => Self { lower: flip(self.upper), upper: flip(self.lower) },
        }
    }
}

// --- what the filter says about fields ---------------------------------------------------------

/// A value a field must have; none is null.
type Point<'a> = Option<&'a Literal>;

#[derive(Debug)]
enum Constraint<'a> {
    Points(Vec<Point<'a>>),
    Interval { lower: Bound<&'a Literal>, upper: Bound<&'a Literal> },
}

/// What must hold of single fields for the filter to hold.
struct Constraints<'a> {
    fields: Vec<(&'a FieldPath, Constraint<'a>)>,
    /// Together they say as much as the filter.
    complete: bool,
}

impl<'a> Constraints<'a> {
    fn of(filter: &'a Filter) -> Self {
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

    fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Whether keys within the bounds on these fields are proof that the filter holds.
    fn are_covered_by(&self, fields: &[OrderField]) -> bool {
        self.complete
            && fields.len() == self.fields.len()
            && fields.iter().all(|field| self.is_exact(&field.path))
    }

    fn on(&self, path: &FieldPath) -> Option<&Constraint<'a>> {
        self.fields.iter().find(|(known, _)| *known == path).map(|(_, constraint)| constraint)
    }

    fn on_id(&self) -> Option<&Constraint<'a>> {
        self.fields.iter().find(|(path, _)| path.is_id()).map(|(_, constraint)| constraint)
    }

    /// The bounds the filter puts on a field, in the direction of the field.
    fn bounds(&self, field: &OrderField) -> Vec<ComponentBounds> {
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
    fn is_exact(&self, path: &FieldPath) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_in_an_index_is_no_value() {
        let path = FieldPath::parse("id").unwrap();
        let operator = Operator::In(vec![Literal::Integer(5)]);
        let filter = Filter::Compare(Comparison { path, operator });
        let index = ReadyIndex { id: 1, order: Order::parse("id").unwrap() };
        let plan = choose(&filter, &Order::parse("name").unwrap(), None, &[index]);
        // The keys of the index hold ids in a form of their own: a range of values finds none.
        assert!(plan.probe.is_none());
        let Main::Sort { ranges } = plan.main else { panic!("{:?}", plan.main) };
        assert!(matches!(ranges[..], [PlannedRange { range: Range::Ids(_), .. }]));
    }
}
