//! Which entries.

use isobase_types::{Comparison, FieldPath, Filter, Literal, Operator, Timestamp};

use crate::Entry;

/// Which entries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestQuery {
    /// Of this service.
    pub service: Option<String>,
    /// Of this endpoint.
    pub endpoint: Option<String>,
    /// With this method.
    pub method: Option<String>,
    /// By this user.
    pub user: Option<String>,
    /// With this correlation id.
    pub correlation_id: Option<String>,
    /// With the key of this id.
    pub key_id: Option<String>,
    /// Answered by this model.
    pub model: Option<String>,
    /// With an error, or without one.
    pub has_error: Option<bool>,
    /// With this status.
    pub status: Option<u16>,
    /// With a status of this hundred: 4 for 400 to 499.
    pub class: Option<u16>,
    /// At this moment or after it.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
    /// That took at least so long.
    pub min_ms: Option<u32>,
    /// That took at most so long.
    pub max_ms: Option<u32>,
    /// With this text somewhere, in small or capital letters.
    pub text: Option<String>,
}

/// How many entries there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// Counted up to a bound.
    pub entries: u64,
    /// There may be more.
    pub capped: bool,
}

/// A page of entries, the newest first.
#[derive(Clone, Debug)]
pub struct RequestPage {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Where the page after this one begins.
    pub cursor: Option<String>,
    /// How many there are, where that was asked for.
    pub total: Option<Total>,
    /// Of a search that ended at its budget: back to which moment it has come.
    pub searched_to: Option<String>,
}

impl RequestQuery {
    /// The question to the engine: all but the text.
    pub(crate) fn filter(&self) -> Filter {
        let mut filters = Vec::new();
        for (field, value) in [
            ("service", &self.service),
            ("endpoint", &self.endpoint),
            ("method", &self.method),
            ("user_identifier", &self.user),
            ("correlation_id", &self.correlation_id),
            ("key_id", &self.key_id),
            ("usage.model", &self.model),
        ] {
            if let Some(value) = value {
                let literal = Literal::Text(value.clone());
                filters.push(compare(field, Operator::In(vec![literal])));
            }
        }
        if let Some(status) = self.status {
            let literal = Literal::Integer(status.into());
            filters.push(compare("status_code", Operator::In(vec![literal])));
        }
        if let Some(class) = self.class {
            let bound = |hundreds: u16| Literal::Integer(i64::from(hundreds) * 100);
            filters.push(compare("status_code", Operator::GreaterOrEqual(bound(class))));
            filters.push(compare("status_code", Operator::Less(bound(class + 1))));
        }
        let none = || compare("error", Operator::Null);
        match self.has_error {
            None => {}
            Some(true) => filters.push(Filter::Not(Box::new(none()))),
            Some(false) => filters.push(none()),
        }
        let moment = |moment: Timestamp| Literal::Text(moment.to_string());
        if let Some(from) = self.from {
            filters.push(compare("at", Operator::GreaterOrEqual(moment(from))));
        }
        if let Some(to) = self.to {
            filters.push(compare("at", Operator::Less(moment(to))));
        }
        let number = |number: u32| Literal::Integer(number.into());
        if let Some(min) = self.min_ms {
            filters.push(compare("duration_ms", Operator::GreaterOrEqual(number(min))));
        }
        if let Some(max) = self.max_ms {
            filters.push(compare("duration_ms", Operator::LessOrEqual(number(max))));
        }
        Filter::And(filters)
    }
}

pub(crate) fn compare(field: &str, operator: Operator) -> Filter {
    let path = FieldPath::parse(field).expect("the fields of this crate are valid");
    Filter::Compare(Comparison { path, operator })
}
