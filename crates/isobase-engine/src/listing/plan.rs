//! Choosing how to answer a listing.

use isobase_types::{Filter, Order};

use super::{
    by_id::{by_id, id_ranges},
    by_index::{OrderedCandidate, ordered_candidates, subset_candidate},
    constraints::{Constraint, Constraints},
    place::{Place, split},
    planned::{Main, PlannedRange, ReadyIndex},
};

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

#[cfg(test)]
mod tests {
    use isobase_types::{Comparison, FieldPath, Literal, Operator};

    use super::*;
    use crate::listing::range::Range;

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
