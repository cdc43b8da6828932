//! Settings that a service takes while it runs, from its database.

use isobase_server::Offered;
use serde_json::json;

use super::{
    config::Config,
    load::Loaded,
    origin::Origin,
    report::{expected, rows},
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

/// Every setting, and whether it can be changed.
pub(crate) fn offered(loaded: &Loaded, config: &Config) -> Vec<Offered> {
    let offer = |row: super::report::Row| {
        let setting = table::find(&row.key);
        let changeable = CHANGEABLE.contains(&&*row.key);
        Offered {
            about: setting.map(|setting| setting.about.to_owned()).unwrap_or_default(),
            expects: setting.map(|setting| expected(setting.kind)).unwrap_or_default(),
            default: setting.and_then(|setting| setting.default).map(str::to_owned),
            changeable,
            locked_by: locked_by(&row.origin, changeable, setting.is_some()),
            origin: json!(row.origin),
            key: row.key,
            value: row.value,
        }
    };
    rows(loaded, config).into_iter().map(offer).collect()
}

/// Why a setting is not changed by the API.
fn locked_by(origin: &Origin, changeable: bool, is_setting: bool) -> Option<String> {
    match origin {
        Origin::Env { name } | Origin::EnvFile { name, .. } => {
            Some(format!("the variable {name} says its value"))
        }
        Origin::Flag { name } => Some(format!("the flag {name} says its value")),
        _ if changeable => None,
        _ if is_setting => Some("it is taken at a start: set it in isobase.toml".to_owned()),
        _ => Some("collections are declared in isobase.toml".to_owned()),
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
