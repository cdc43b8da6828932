//! Which collections travel.

use isobase_types::CollectionName;

use crate::schemas;

/// The prefix of the names of the service's own collections.
const SYSTEM_PREFIX: &str = "isobase_";

/// Sessions, when they and keys were used, and sign-ins on their way: who is signed in at one service
/// is not signed in at another. Its jobs are done by no other, and who does what only one may do is
/// found out there.
const LEFT_OUT: [&str; 5] =
    ["isobase_sessions", "isobase_uses", "isobase_sign_ins", "isobase_jobs", "isobase_leases"];

/// Whether keys, accounts and whatever else a service keeps about itself travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum System {
    /// They travel, but sessions and jobs do not.
    #[default]
    Taken,
    /// They stay behind; in the target they stay as they are.
    LeftOut,
}

/// Which collections are meant.
#[derive(Clone, Debug)]
pub(crate) enum Selection {
    /// Whatever there is: of a target that is looked at.
    Everything,
    /// These, whichever they are.
    These(Vec<CollectionName>),
    /// The collections that the caller asks for: the named ones, or all when none is named.
    Asked(Vec<CollectionName>, System),
}

impl Selection {
    pub(crate) fn asked(names: &[CollectionName], system: System) -> Self {
        Self::Asked(names.to_vec(), system)
    }

    pub(crate) fn has(&self, name: &CollectionName) -> bool {
        match self {
            Self::Everything => true,
            Self::These(names) => names.contains(name),
            Self::Asked(..) if LEFT_OUT.contains(&name.as_str()) => false,
            Self::Asked(names, system) if names.is_empty() => {
                *system == System::Taken || !is_system(name)
            }
            // Anyone who names one wants it.
            Self::Asked(names, _) => names.contains(name),
        }
    }

    /// The names that were given; `None` if all are meant.
    pub(crate) fn named(&self) -> &[CollectionName] {
        match self {
            Self::Everything => &[],
            Self::These(names) | Self::Asked(names, _) => names,
        }
    }
}

/// Whether a service keeps something of its own in a collection. Schemas are a part of what they
/// describe.
pub(crate) fn is_system(name: &CollectionName) -> bool {
    name.as_str().starts_with(SYSTEM_PREFIX) && !schemas::are_in(name)
}

/// Of some collections those of the service, as text.
pub(crate) fn system_among<'a>(names: impl IntoIterator<Item = &'a CollectionName>) -> Vec<String> {
    names.into_iter().filter(|name| is_system(name)).map(CollectionName::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> CollectionName {
        CollectionName::new(text).unwrap()
    }

    fn chosen(selection: &Selection) -> Vec<&'static str> {
        let all = ["a", "b", "isobase_keys", "isobase_schemas", "isobase_sessions"];
        all.into_iter().filter(|text| selection.has(&name(text))).collect()
    }

    #[test]
    fn sessions_stay_and_the_rest_of_the_service_as_asked() {
        let all = |system| chosen(&Selection::asked(&[], system));
        assert_eq!(all(System::Taken), ["a", "b", "isobase_keys", "isobase_schemas"]);
        assert_eq!(all(System::LeftOut), ["a", "b", "isobase_schemas"]);
        let named = [name("b"), name("isobase_keys"), name("isobase_sessions")];
        assert_eq!(chosen(&Selection::asked(&named, System::Taken)), ["b", "isobase_keys"]);
        assert_eq!(chosen(&Selection::Everything).len(), 5);
        assert_eq!(chosen(&Selection::These(vec![name("isobase_sessions")])).len(), 1);
    }
}
