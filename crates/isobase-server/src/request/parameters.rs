//! Parameters of the query string.

use std::{borrow::Cow, fmt::Display, str::FromStr};

use isobase_http::{Problem, ProblemItem};
use isobase_types::{FieldPath, InvalidParameter, Query, QueryLimits};
use percent_encoding::percent_decode_str;

use crate::{Call, codes};

/// The decoded parameters of a request, in their order. Handlers take the ones they know; what
/// is left at the end is refused, because a misspelt `if_missing` must not be a silent nothing.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    pairs: Vec<(String, String)>,
    faults: Vec<InvalidParameter>,
}

impl Parameters {
    /// Reads a query string: `&` between pairs, `+` for a blank, percent-encoded UTF-8.
    pub(crate) fn parse(query: &str) -> Self {
        let mut parameters = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (decode(name), decode(value)) {
                (Some(name), Some(value)) => {
                    parameters.pairs.push((name.into_owned(), value.into_owned()));
                }
                _ => parameters.fault(name, value, "expected percent-encoded UTF-8"),
            }
        }
        parameters
    }

    /// Takes a parameter away. Twice is a fault.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let mut taken = self.pairs.extract_if(.., |(given, _)| given == name);
        let value = taken.next()?.1;
        if let Some((_, again)) = taken.last() {
            self.fault(name, &again, "expected once");
        }
        Some(value)
    }

    /// Takes a parameter that is `true` or `false`; missing is false.
    pub(crate) fn take_flag(&mut self, name: &str) -> bool {
        self.take_choice(name).unwrap_or_default()
    }

    /// Takes a parameter that is `true` or `false`.
    pub(crate) fn take_choice(&mut self, name: &str) -> Option<bool> {
        let value = self.take(name)?;
        match value.as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                self.fault(name, &value, "expected true or false");
                None
            }
        }
    }

    /// Takes an integer of a range; missing is the default. Out of range is a fault.
    pub(crate) fn take_number<T>(&mut self, name: &str, default: T, range: (T, T)) -> T
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        let Some(value) = self.take(name) else { return default };
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        match value.parse::<T>() {
            Ok(number) if digits && (range.0..=range.1).contains(&number) => number,
            _ => {
                let (min, max) = range;
                self.fault(name, &value, &format!("expected an integer from {min} to {max}"));
                default
            }
        }
    }

    /// Takes `fields=a,b.c`.
    pub(crate) fn take_fields(&mut self) -> Vec<FieldPath> {
        self.take_paths("fields")
    }

    /// Takes a list of fields under any name, which reads as `fields` does.
    pub(crate) fn take_paths(&mut self, name: &str) -> Vec<FieldPath> {
        let Some(value) = self.take(name) else { return Vec::new() };
        let parameters = [("fields".to_owned(), value)];
        match Query::parse(&parameters, &QueryLimits::default()) {
            Ok(query) => query.fields,
            Err(faults) => {
                let of_name = |fault| InvalidParameter { parameter: name.to_owned(), ..fault };
                self.faults.extend(faults.into_iter().map(of_name));
                Vec::new()
            }
        }
    }

    /// The parameters that are left, and the faults so far.
    pub(crate) fn into_rest(self) -> (Vec<(String, String)>, Vec<InvalidParameter>) {
        (self.pairs, self.faults)
    }

    /// Refuses what is left.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        for (name, value) in std::mem::take(&mut self.pairs) {
            self.fault(&name, &value, "this operation has no such parameter");
        }
        if self.faults.is_empty() { Ok(()) } else { Err(refuse_parameters(self.faults)) }
    }

    /// Notes a parameter that is refused.
    pub(crate) fn fault(&mut self, name: &str, value: &str, message: &str) {
        self.faults.push(InvalidParameter::new(name, value, message));
    }
}

/// Refuses every query parameter.
pub(crate) fn no_parameters(call: &Call) -> Result<(), Problem> {
    Parameters::parse(call.query()).finish()
}

/// Query parameters that are refused; at least one.
pub(crate) fn refuse_parameters(faults: Vec<InvalidParameter>) -> Problem {
    let detail = faults.first().map(ToString::to_string).unwrap_or_default();
    faults.into_iter().fold(
        Problem::new(codes::INVALID_PARAMETER, detail),
        |problem, InvalidParameter { parameter, value, message }| {
            problem.with_item(ProblemItem::named(parameter, message, value))
        },
    )
}

fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('+') {
        return percent_decode_str(text).decode_utf8().ok();
    }
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8().ok()?;
    Some(Cow::Owned(decoded.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(parameters: Parameters) -> Vec<String> {
        let Err(problem) = parameters.finish() else { return Vec::new() };
        problem.items().iter().filter_map(|item| item.name.clone()).collect()
    }

    #[test]
    fn decodes_names_and_values() {
        let parameters = Parameters::parse("a%5Bgte%5D=1+2%2B3&&b&c=x=y&%E2%98%83=%00");
        let (pairs, faults) = parameters.into_rest();
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("a[gte]", "1 2+3"), ("b", ""), ("c", "x=y"), ("\u{2603}", "\0")]);
        assert!(faults.is_empty());
    }

    #[test]
    fn every_fault_is_listed() {
        let mut parameters =
            Parameters::parse("upsert=yes&meta=true&meta=false&n=11&x=%ff&y=1&m=%2B5");
        assert!(!parameters.take_flag("upsert"));
        assert!(parameters.take_flag("meta"));
        assert_eq!(parameters.take_number("n", 3_u32, (1, 10)), 3);
        assert_eq!(parameters.take_number("m", 3_u32, (1, 10)), 3);
        let mut found = faults(parameters);
        found.sort();
        assert_eq!(found, ["m", "meta", "n", "upsert", "x", "y"]);
    }

    #[test]
    fn known_parameters_leave_nothing() {
        let mut parameters = Parameters::parse("a=true&b=10");
        assert!(parameters.take_flag("a"));
        assert_eq!(parameters.take_number("b", 0_u32, (1, 10)), 10);
        assert!(!parameters.take_flag("c"));
        assert!(faults(parameters).is_empty());
    }
}
