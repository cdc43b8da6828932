//! Singular and plural of the words that columns are named with.

use std::{collections::HashMap, sync::LazyLock};

use parking_lot::{RwLock, RwLockReadGuard};

/// Whether a singular stands for its plural, and which words are exceptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inflection {
    /// Singular and plural are different names.
    Off,
    /// They stand for each other. The pairs (plural, singular) come before all that is known.
    On(Vec<(String, String)>),
}

impl Default for Inflection {
    fn default() -> Self {
        Self::On(Vec::new())
    }
}

/// Words that libraries of inflection get wrong, or that the specification fixes. Every word
/// that stands here as a singular is also its own singular.
const EXCEPTIONS: [(&str, &str); 41] = [
    ("data", "datum"),
    ("datas", "datum"),
    ("people", "person"),
    ("persons", "person"),
    ("children", "child"),
    ("childs", "child"),
    ("news", "new"),
    ("series", "series"),
    ("species", "species"),
    ("analyses", "analysis"),
    ("addresses", "address"),
    ("statuses", "status"),
    ("aliases", "alias"),
    ("axes", "axis"),
    // The plural of two words, which are one here.
    ("bases", "base"),
    ("basis", "base"),
    ("buses", "bus"),
    ("bonuses", "bonus"),
    ("caches", "cache"),
    ("campuses", "campus"),
    ("canvases", "canvas"),
    ("corpora", "corpus"),
    ("criteria", "criterion"),
    ("diagnoses", "diagnosis"),
    ("gases", "gas"),
    ("indexes", "index"),
    ("indices", "index"),
    ("lenses", "lens"),
    ("matrices", "matrix"),
    ("media", "medium"),
    ("metadata", "metadata"),
    ("moves", "move"),
    ("movies", "movie"),
    ("phenomena", "phenomenon"),
    ("processes", "process"),
    ("quizzes", "quiz"),
    ("schemata", "schema"),
    ("schemas", "schema"),
    ("vertices", "vertex"),
    ("viruses", "virus"),
    ("yeses", "yes"),
];

impl Inflection {
    /// The singular of a name: of its last word, the words being parted by `_`. In lower case.
    pub(crate) fn singular(&self, name: &str) -> String {
        let name = name.to_lowercase();
        let Self::On(own) = self else { return name };
        let (front, word) = match name.rsplit_once('_') {
            Some((front, word)) if !word.is_empty() => (Some(front), word),
            _ => (None, name.as_str()),
        };
        let own = own.iter().map(|(plural, singular)| (plural.as_str(), singular.as_str()));
        let mut known = own.chain(EXCEPTIONS);
        let found = known.find_map(|(plural, singular)| {
            (plural == word || singular == word).then(|| singular.to_owned())
        });
        let singular = found.unwrap_or_else(|| by_library(word));
        match front {
            Some(front) => format!("{front}_{singular}"),
            None => singular,
        }
    }
}

/// Words of one or two letters and words that are not of letters are no nouns.
fn by_library(word: &str) -> String {
    let is_word = word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    // The library takes the last s of a word like "addres" for a plural.
    if !is_word {
        return match word {
            "ids" => "id".to_owned(),
            _ => word.to_owned(),
        };
    }
    if let Some(singular) = remembered().get(word) {
        return singular.clone();
    }
    let singular = pluralizer::pluralize(word, 1, false);
    let mut words = REMEMBERED.write();
    if words.len() >= WORDS_MAX {
        words.clear();
    }
    words.insert(word.to_owned(), singular.clone());
    singular
}

/// Words that the library was asked for, which tries a hundred patterns for each: the same names of
/// columns come with every statement.
static REMEMBERED: LazyLock<RwLock<HashMap<String, String>>> = LazyLock::new(RwLock::default);
/// How many words are remembered; then it begins anew.
const WORDS_MAX: usize = 4_096;

fn remembered() -> RwLockReadGuard<'static, HashMap<String, String>> {
    REMEMBERED.read()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_their_singular() {
        let inflection = Inflection::default();
        let cases = [
            ("ids", "id"),
            ("user_ids", "user_id"),
            ("addresses", "address"),
            ("address", "address"),
            ("categories", "category"),
            ("status", "status"),
            ("is_active", "is_active"),
            ("Boxes", "box"),
            ("caches", "cache"),
            ("axes", "axis"),
            ("axis", "axis"),
            ("bases", "base"),
            ("basis", "base"),
            ("bus", "bus"),
            ("companies", "company"),
            ("", ""),
            ("_", "_"),
            ("größen", "größen"),
        ];
        for (name, singular) in cases {
            assert_eq!(inflection.singular(name), singular, "{name}");
        }
    }

    #[test]
    fn own_pairs_come_first() {
        let own = Inflection::On(vec![("octopodes".into(), "octopus".into())]);
        assert_eq!(own.singular("blue_octopodes"), "blue_octopus");
        assert_eq!(Inflection::Off.singular("Names"), "names");
    }
}
