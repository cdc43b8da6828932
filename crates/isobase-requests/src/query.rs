//! Which entries.

use std::fmt;

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
    /// None of these.
    pub without: Vec<LeftOut>,
}

/// Entries that are left out of what is read: those of a service, of an endpoint, or of both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Of this service; of each without one.
    pub service: Option<String>,
    /// Of this endpoint; of all without one.
    pub endpoint: Option<String>,
}

impl LeftOut {
    /// Reads `/health`, or with a service in front `llm:/ready`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        match text.split_once(':').filter(|(service, _)| !service.contains('/')) {
            Some((service, endpoint)) => Self {
                service: Some(service.trim().to_owned()),
                endpoint: Some(endpoint.trim().to_owned()),
            },
            None => Self { service: None, endpoint: Some(text.to_owned()) },
        }
    }
}

/// As it is read.
impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(service) = &self.service {
            write!(f, "{service}:")?;
        }
        f.write_str(self.endpoint.as_deref().unwrap_or_default())
    }
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
    /// Whether an index has exactly the entries that are chosen: in the order of time, at most one
    /// field beside it.
    pub(crate) fn is_found_by_an_index(&self) -> bool {
        let Self { service, endpoint, method, user, correlation_id, status, .. } = self;
        let texts = [service, endpoint, method, user, correlation_id];
        let fields = texts.iter().filter(|it| it.is_some()).count() + usize::from(status.is_some());
        let Self { key_id, model, has_error, class, min_ms, max_ms, without, .. } = self;
        let others = key_id.is_some()
            || model.is_some()
            || has_error.is_some()
            || class.is_some()
            || min_ms.is_some()
            || max_ms.is_some();
        fields <= 1 && !others && without.is_empty()
    }

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
        filters.extend(without(&self.without));
        Filter::And(filters)
    }
}

/// What is true of all entries but those that are left out.
pub(crate) fn without(left_out: &[LeftOut]) -> Option<Filter> {
    let is = |field: &str, values: &[&String]| {
        let values = values.iter().map(|value| Literal::Text((*value).clone())).collect();
        compare(field, Operator::In(values))
    };
    let everywhere: Vec<&String> = left_out
        .iter()
        .filter(|it| it.service.is_none())
        .filter_map(|it| it.endpoint.as_ref())
        .collect();
    let mut any = match everywhere.is_empty() {
        true => Vec::new(),
        false => vec![is("endpoint", &everywhere)],
    };
    for it in left_out {
        let Some(service) = &it.service else { continue };
        let mut both = vec![is("service", &[service])];
        both.extend(it.endpoint.as_ref().map(|endpoint| is("endpoint", &[endpoint])));
        any.push(Filter::And(both));
    }
    (!any.is_empty()).then(|| Filter::Not(Box::new(Filter::Or(any))))
}

pub(crate) fn compare(field: &str, operator: Operator) -> Filter {
    let path = FieldPath::parse(field).expect("the fields of this crate are valid");
    Filter::Compare(Comparison { path, operator })
}
