//! Deliveries as they are looked for.

use isobase_types::{Count, Filter, Order, PageRequest, Query};

/// The deliveries that wait.
pub(crate) fn pending() -> Query {
    use isobase_types::{Comparison, FieldPath, Literal, Operator};
    let state = Comparison {
        path: FieldPath::parse("state").expect("it is a valid path"),
        operator: Operator::In(vec![Literal::Text("pending".to_owned())]),
    };
    Query {
        filter: Filter::Compare(state),
        order: Order::default(),
        page: PageRequest::All,
        fields: Vec::new(),
        count: Count::None,
    }
}

/// All deliveries, the latest first.
pub(crate) fn over() -> Query {
    Query {
        filter: Filter::all(),
        order: Order::parse("-id").expect("it is a valid order"),
        page: PageRequest::All,
        fields: Vec::new(),
        count: Count::None,
    }
}
