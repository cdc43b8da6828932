//! Settings that a service takes while it runs, from its database.

use isobase_server::Offered;
use serde_json::json;

use super::{config::Config, load::Loaded, origin::Origin, report::rows, table};

/// Every setting, and whether it can be changed.
pub(crate) fn offered(loaded: &Loaded, config: &Config) -> Vec<Offered> {
    let offer = |row: super::report::Row| {
        let setting = table::find(&row.key);
        let changeable = setting.is_some_and(|setting| setting.declared().is_changeable);
        let usual = setting.and_then(|setting| setting.default_reading());
        Offered {
            about: setting.map(|setting| setting.declared().about.to_owned()).unwrap_or_default(),
            expects: setting.map(|setting| setting.described()).unwrap_or_default(),
            default: usual.map(|reading| reading.shown),
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
