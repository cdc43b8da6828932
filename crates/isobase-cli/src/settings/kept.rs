//! What a database keeps of settings: which, and from what value on.

use super::{
    setting::{Setting, Value},
    table::{self, CHANGEABLE},
};

/// Least values that are taken from the database: with less, no request could get through that takes
/// the change back. Files, variables and flags are changed on the machine, and have no such bound.
const LEAST: [(&str, &str); 10] = [
    ("accounts.session_lifetime", "5m"),
    ("deadlines.body", "1s"),
    ("deadlines.body_idle", "1s"),
    ("deadlines.header", "1s"),
    ("deadlines.request", "1s"),
    ("deadlines.write_idle", "1s"),
    ("limits.body_bytes", "64KiB"),
    ("limits.connections_max", "16"),
    ("limits.header_bytes", "8KiB"),
    ("limits.uri_bytes", "1KiB"),
];

/// A setting that can be changed by the API.
pub(crate) fn changeable(key: &str) -> Option<&'static Setting> {
    CHANGEABLE.contains(&key).then(|| table::find(key)).flatten()
}

/// A value that the database keeps, or is to keep.
///
/// # Errors
/// What was expected.
pub(crate) fn parse_stored(setting: &Setting, text: &str) -> Result<Value, String> {
    let value = setting.parse(text)?;
    let least = LEAST.iter().find(|(key, _)| *key == setting.key);
    match least.filter(|(_, least)| setting.parse(least).is_ok_and(|it| is_less(&value, &it))) {
        Some((_, least)) => Err(format!("at least {least}, so that it can be changed again")),
        None => Ok(value),
    }
}

fn is_less(value: &Value, least: &Value) -> bool {
    match (value, least) {
        (Value::Duration(value), Value::Duration(least)) => value < least,
        (Value::Size(value), Value::Size(least))
        | (Value::Integer(value), Value::Integer(least)) => value < least,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::setting::Kind, *};

    #[test]
    fn what_can_be_changed_is_a_setting_and_no_secret() {
        for key in CHANGEABLE {
            let setting = table::find(key).unwrap_or_else(|| panic!("{key}"));
            let hidden = [Kind::Secret, Kind::Url, Kind::Folder];
            assert!(!hidden.contains(&setting.kind), "{key}");
        }
        let mut sorted = CHANGEABLE;
        sorted.sort_unstable();
        assert_eq!(sorted, CHANGEABLE);
    }

    #[test]
    fn nobody_is_shut_out_by_what_is_changed() {
        for (key, least) in LEAST {
            let setting = changeable(key).unwrap_or_else(|| panic!("{key}"));
            for taken in [least, setting.default.unwrap_or_default()] {
                assert!(parse_stored(setting, taken).is_ok(), "{key} = {taken}");
            }
        }
        let connections = changeable("limits.connections_max").unwrap();
        let refused = parse_stored(connections, "15").unwrap_err();
        assert!(refused.starts_with("at least 16"), "{refused}");
        for (key, less) in [("deadlines.request", "0"), ("limits.uri_bytes", "1")] {
            assert!(parse_stored(changeable(key).unwrap(), less).is_err(), "{key}");
        }
    }
}
