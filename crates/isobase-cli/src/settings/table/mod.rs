//! Every setting there is, each declared once: its type, name, default and documentation.

mod accounts;
mod backups;
mod changes;
mod databases;
mod licences;
mod limits;
mod requests;
mod service;
mod sql;
mod uploads;
mod webhooks;

use super::setting::AnySetting;

pub(super) use accounts::*;
pub(super) use backups::*;
pub(super) use changes::*;
pub(super) use databases::*;
pub(super) use licences::*;
pub(super) use limits::*;
pub(super) use requests::*;
pub(crate) use service::*;
pub(super) use sql::*;
pub(super) use uploads::*;
pub(super) use webhooks::*;

/// Declares settings, and lists them in the order of the documentation.
macro_rules! settings {
    ($(static $name:ident: $type:ty = $value:expr;)*) => {
        $(pub(crate) static $name: $type = $value;)*

        /// The settings of this file.
        pub(super) static ALL: &[&dyn crate::settings::setting::AnySetting] = &[$(&$name),*];
    };
}
use settings;

/// Every setting, in the order of the documentation.
pub(crate) fn all() -> impl Iterator<Item = &'static dyn AnySetting> + Clone {
    let parts = [
        service::ALL,
        accounts::ALL,
        limits::ALL,
        changes::ALL,
        uploads::ALL,
        databases::ALL,
        licences::ALL,
        requests::ALL,
        backups::ALL,
        webhooks::ALL,
        sql::ALL,
    ];
    parts.into_iter().flatten().copied()
}

/// The setting at a place in the file.
pub(super) fn find(key: &str) -> Option<&'static dyn AnySetting> {
    all().find(|setting| setting.declared().key == key)
}

/// A setting that can be changed while the service runs.
pub(crate) fn changeable(key: &str) -> Option<&'static dyn AnySetting> {
    find(key).filter(|setting| setting.declared().is_changeable)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_default_can_be_written_down() {
        for setting in all() {
            let key = setting.declared().key;
            let Some(default) = setting.default_reading() else { continue };
            assert_eq!(
                setting.parse(&default.shown).map(|it| it.shown),
                Ok(default.shown),
                "{key}"
            );
        }
    }

    #[test]
    fn a_section_of_the_file_is_documented_in_one_place() {
        let mut sections: Vec<_> =
            all().map(|it| it.declared().key.split_once('.').map(|(name, _)| name)).collect();
        sections.dedup();
        let unique: HashSet<_> = sections.iter().collect();
        assert_eq!(unique.len(), sections.len(), "{sections:?}");
    }

    #[test]
    fn names_are_unique() {
        let mut names = HashSet::new();
        for setting in all() {
            let declared = setting.declared();
            assert!(names.insert(declared.key.to_owned()), "{}", declared.key);
            for variable in declared.all_variables() {
                assert!(names.insert(variable.clone()), "{variable}");
            }
        }
    }

    #[test]
    fn no_secret_and_no_place_can_be_changed_by_the_api() {
        for setting in all().filter(|setting| setting.declared().is_changeable) {
            let (key, url) = (setting.declared().key, "postgres://u:hush@h/d");
            assert_eq!(setting.shown(url), url, "{key} may be a secret");
            assert!(!setting.expected().contains("folder"), "{key} is a place");
        }
    }

    #[test]
    fn nobody_is_shut_out_by_what_is_changed() {
        for setting in all().filter(|setting| setting.declared().is_changeable) {
            let Some(default) = setting.default_reading() else { continue };
            assert!(setting.parse_stored(&default.shown).is_ok(), "{}", setting.declared().key);
        }
        for (key, less) in [
            ("accounts.session_lifetime", "4m"),
            ("deadlines.request", "0"),
            ("limits.body_bytes", "63KiB"),
            ("limits.connections_max", "15"),
            ("limits.uri_bytes", "1"),
        ] {
            let refused = find(key).unwrap().parse_stored(less).unwrap_err();
            assert!(refused.starts_with("at least "), "{key}: {refused}");
        }
    }
}
