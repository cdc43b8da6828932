//! Values that only one document of a collection may have.
//!
//! An index that is [unique](IndexDefinition::is_unique) has two kinds of rows: those that sort,
//! as every index, and one for each document whose fields all have a value, under its
//! [`UniqueKey`]. A write asks who has the key that its document would get.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

use isobase_types::{CollectionName, DocumentId, json, key};
use sha2::{Digest, Sha256};

use crate::{EngineError, ErrorKind, IndexDefinition, Rejection, listing::id_key};

/// Most values that a refused declaration names, and most documents it names for each.
///
/// Ours: enough to see what is wrong; a person mends them with a query, not from a message.
pub const DUPLICATES_MAX: usize = 10;

/// Stands for the whole values of the fields of a unique index: SHA-256 over their
/// [whole components](key::encode_whole). Two keys are never equal for different values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UniqueKey([u8; UniqueKey::BYTES]);

impl UniqueKey {
    /// Its length in rows.
    pub const BYTES: usize = 32;

    /// The key of a document; `None` when the index is not unique, or when one of its fields is
    /// missing or null: such a document is equal to no other.
    #[must_use]
    pub fn of(definition: &IndexDefinition, body: &str, id: &DocumentId) -> Option<Self> {
        if !definition.is_unique() {
            return None;
        }
        let mut whole = Vec::with_capacity(64);
        for field in &definition.order().0 {
            if field.path.is_id() {
                key::encode_id_whole(id, &mut whole);
            } else if !key::encode_whole(json::find(body, &field.path)?, &mut whole) {
                return None;
            }
        }
        Some(Self(Sha256::digest(&whole).into()))
    }

    /// The row of a document that has it. Several may have it: what other programs wrote, or a
    /// load that is not finished.
    #[must_use]
    pub fn row(&self, id: &DocumentId) -> Vec<u8> {
        let mut row = self.0.to_vec();
        row.extend(id_key(id));
        row
    }

    /// Where its rows lie: the first possible, and the first after all of them. Beyond a key
    /// stands an id, which never begins with `ff`.
    #[must_use]
    pub fn rows(&self) -> (Vec<u8>, Vec<u8>) {
        let mut end = self.0.to_vec();
        end.push(0xff);
        (self.0.to_vec(), end)
    }

    /// The key of a row.
    #[must_use]
    pub fn of_row(row: &[u8]) -> Option<Self> {
        row.first_chunk().copied().map(Self)
    }
}

/// The rejection of a write that would give a second document the values of a unique index.
#[must_use]
pub fn not_unique(definition: &IndexDefinition) -> Rejection {
    let fields = definition.order().0.iter().map(|field| field.path.clone()).collect();
    Rejection::NotUnique { fields }
}

/// Collects which documents have equal values, from rows in their order.
#[derive(Clone, Debug, Default)]
pub struct Duplicates {
    found: Vec<Vec<DocumentId>>,
    last: Option<(UniqueKey, DocumentId)>,
    /// The last value is the last of `found`.
    is_open: bool,
}

impl Duplicates {
    /// The next row.
    pub fn see(&mut self, key: UniqueKey, id: DocumentId) {
        if let Some((last, first)) = &self.last
            && *last == key
        {
            if !self.is_open {
                self.found.push(vec![first.clone()]);
                self.is_open = true;
            }
            if let Some(ids) = self.found.last_mut().filter(|ids| ids.len() < DUPLICATES_MAX) {
                ids.push(id);
            }
            return;
        }
        self.last = Some((key, id));
        self.is_open = false;
    }

    /// Documents that have one value, found in another way.
    pub fn add(&mut self, mut ids: Vec<DocumentId>) {
        ids.truncate(DUPLICATES_MAX);
        self.found.push(ids);
    }

    /// Whether no more need be looked for.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.found.len() >= DUPLICATES_MAX
    }

    /// The refusal of the index, if there are any.
    ///
    /// # Errors
    /// [`ErrorKind::NotUnique`] names the documents.
    pub fn refuse(
        &self,
        collection: &CollectionName,
        definition: &IndexDefinition,
    ) -> Result<(), EngineError> {
        if self.found.is_empty() {
            return Ok(());
        }
        let named = self.found.iter().take(DUPLICATES_MAX).map(|ids| {
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            ids.join(", ")
        });
        let named: Vec<String> = named.collect();
        let (fields, named) = (definition.order(), named.join("; "));
        let message = format!(
            "documents of {collection} have equal values of {fields}, which are to be unique: \
             {named}; change or delete all but one of each"
        );
        Err(EngineError::new(ErrorKind::NotUnique, message))
    }
}

/// Who has which values, for an engine that works out a commit in memory before it writes it.
///
/// The engine lets it see every write. What it must know and does not, it notes, and lets the
/// write pass: then the engine asks the database, [tells it](Self::learn), takes everything back
/// and decides anew. `N` names an index.
#[derive(Debug)]
pub struct UniqueHolders<N> {
    /// As it is in the database.
    committed: HashMap<(N, UniqueKey), Vec<DocumentId>>,
    /// As the writes so far leave it.
    now: HashMap<(N, UniqueKey), Vec<DocumentId>>,
    undo: Vec<((N, UniqueKey), Vec<DocumentId>)>,
    wanted: HashSet<(N, UniqueKey)>,
}

impl<N> Default for UniqueHolders<N> {
    fn default() -> Self {
        Self {
            committed: HashMap::new(),
            now: HashMap::new(),
            undo: Vec::new(),
            wanted: HashSet::new(),
        }
    }
}

impl<N: Clone + Eq + Hash> UniqueHolders<N> {
    /// Says which documents of the database have a value.
    pub fn learn(&mut self, index: N, key: UniqueKey, holders: Vec<DocumentId>) {
        self.committed.insert((index, key), holders);
    }

    /// The keys to look up before the writes are decided; nothing when they are.
    pub fn take_wanted(&mut self) -> Vec<(N, UniqueKey)> {
        self.wanted.drain().collect()
    }

    /// Forgets every write.
    pub fn restart(&mut self) {
        self.now.clone_from(&self.committed);
        self.undo.clear();
        self.wanted.clear();
    }

    /// A place to go back to.
    #[must_use]
    pub fn mark(&self) -> usize {
        self.undo.len()
    }

    /// Takes back the writes after a mark.
    pub fn back_to(&mut self, mark: usize) {
        while self.undo.len() > mark {
            let Some((key, before)) = self.undo.pop() else { return };
            self.now.insert(key, before);
        }
    }

    /// A document's body changes from one to another; `None` if there is no document.
    ///
    /// # Errors
    /// [`Rejection::NotUnique`]; then nothing was noted.
    pub fn write<'d>(
        &mut self,
        indexes: impl Iterator<Item = (N, &'d IndexDefinition)>,
        id: &DocumentId,
        before: Option<&str>,
        after: Option<&str>,
    ) -> Result<(), Rejection> {
        let mut moved = Vec::new();
        for (index, definition) in indexes.filter(|(_, definition)| definition.is_unique()) {
            let key = |body| UniqueKey::of(definition, body, id);
            let (old, new) = (before.and_then(key), after.and_then(key));
            if old == new {
                continue;
            }
            if let Some(new) = new {
                let key = (index.clone(), new);
                match self.now.get(&key) {
                    Some(holders) if holders.iter().any(|holder| holder != id) => {
                        return Err(not_unique(definition));
                    }
                    Some(_) => {}
                    None => {
                        self.wanted.insert(key);
                    }
                }
            }
            moved.push((index, old, new));
        }
        for (index, old, new) in moved {
            if let Some(old) = old {
                self.change((index.clone(), old), |holders| holders.retain(|holder| holder != id));
            }
            if let Some(new) = new {
                self.change((index, new), |holders| holders.push(id.clone()));
            }
        }
        Ok(())
    }

    /// Those of which nothing is known yet are asked for before it matters.
    fn change(&mut self, key: (N, UniqueKey), change: impl FnOnce(&mut Vec<DocumentId>)) {
        let Some(holders) = self.now.get_mut(&key) else { return };
        self.undo.push((key, holders.clone()));
        change(holders);
    }
}

#[cfg(test)]
mod tests {
    use isobase_types::Order;

    use super::*;

    fn unique(fields: &str) -> IndexDefinition {
        IndexDefinition::unique(Order::parse(fields).unwrap()).unwrap()
    }

    fn key(fields: &str, body: &str) -> Option<UniqueKey> {
        UniqueKey::of(&unique(fields), body, &DocumentId::Integer(7))
    }

    #[test]
    fn equal_values_have_equal_keys() {
        let long = "x".repeat(300);
        let (long_a, long_b) = (format!("\"{long}a\""), format!("\"{long}b\""));
        let equal = [
            ("1", "1.0"),
            ("1e2", "100"),
            ("-0.0", "0"),
            ("0.1", "1e-1"),
            ("1e400", "10e399"),
            ("9007199254740993", "9007199254740993.0"),
            ("18446744073709551617", "1844674407370955161.7e1"),
            ("\"a\"", "\"\\u0061\""),
        ];
        for (a, b) in equal.into_iter().chain([("{\"a\":1,\"b\":[]}", "{\"b\":[],\"a\":1.0}")]) {
            let of = |value: &str| key("v", &format!("{{\"v\":{value}}}"));
            assert_eq!(of(a), of(b), "{a} {b}");
            assert!(of(a).is_some());
        }
        let others = [
            "1",
            "\"1\"",
            "true",
            "false",
            "[]",
            "{}",
            "[1]",
            "[[1]]",
            "[1,null]",
            "{\"a\":1}",
            "{\"a\":null}",
            "\"\"",
            "\"a\"",
            "\"A\"",
            "9007199254740993",
            "9007199254740992",
            "9007199254740993.5",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551616",
            "18446744073709551617",
            "-18446744073709551617",
            "0.1",
            "0.10000000000000001",
            "1e300",
            "1e-400",
            "2e-400",
            "0",
            &long_a,
            &long_b,
            "[\"a\",\"b\"]",
            "[\"ab\"]",
            "\"a\\u0000\"",
        ];
        let keys: HashSet<_> =
            others.iter().map(|value| key("v", &format!("{{\"v\":{value}}}"))).collect();
        assert_eq!(keys.len(), others.len());
    }

    #[test]
    fn missing_and_null_have_no_key() {
        for body in ["{}", r#"{"a":1}"#, r#"{"a":null,"b":2}"#, r#"{"a":1,"b":null}"#] {
            assert_eq!(key("a,b", body), None, "{body}");
        }
        assert!(key("a,b", r#"{"a":1,"b":2}"#).is_some());
        assert_ne!(key("a,b", r#"{"a":1,"b":2}"#), key("a,b", r#"{"a":2,"b":1}"#));
        assert_eq!(key("a,-b", r#"{"a":1,"b":2}"#), key("a,b", r#"{"a":1,"b":2}"#));
        let plain = IndexDefinition::new(Order::parse("a").unwrap()).unwrap();
        assert_eq!(UniqueKey::of(&plain, r#"{"a":1}"#, &DocumentId::Integer(1)), None);
    }

    #[test]
    fn rows_lie_between_their_bounds() {
        let key = key("a", r#"{"a":1}"#).unwrap();
        let (lower, upper) = key.rows();
        for id in ["1", "9223372036854775807", "a", "\u{10FFFF}"] {
            let row = key.row(&DocumentId::parse(id).unwrap());
            assert!(lower <= row && row < upper, "{id}");
            assert_eq!(UniqueKey::of_row(&row), Some(key));
        }
        assert_eq!(UniqueKey::of_row(&[1, 2]), None);
    }

    #[test]
    fn what_is_not_known_is_asked_for_and_decided_anew() {
        let definition = unique("a");
        let id = |n: i64| DocumentId::Integer(n);
        let (one, two) = (r#"{"a":1}"#, r#"{"a":2}"#);
        let key_of = |body: &str| key("a", body).unwrap();
        let mut holders = UniqueHolders::default();
        let indexes = || [(0, &definition)].into_iter();
        // 1 gives its value to 2 and takes another, which 3 has.
        holders.write(indexes(), &id(1), Some(one), Some(two)).unwrap();
        holders.write(indexes(), &id(2), None, Some(one)).unwrap();
        let mut wanted = holders.take_wanted();
        wanted.sort_unstable();
        let mut expected = [(0, key_of(one)), (0, key_of(two))];
        expected.sort_unstable();
        assert_eq!(wanted, expected);
        holders.learn(0, key_of(one), vec![id(1)]);
        holders.learn(0, key_of(two), vec![id(3)]);
        holders.restart();
        let refused = Err(Rejection::NotUnique {
            fields: vec![isobase_types::FieldPath::parse("a").unwrap()],
        });
        assert_eq!(holders.write(indexes(), &id(1), Some(one), Some(two)), refused);
        assert_eq!(holders.write(indexes(), &id(2), None, Some(one)), refused);
        let mark = holders.mark();
        holders.write(indexes(), &id(3), Some(two), None).unwrap();
        holders.write(indexes(), &id(1), Some(one), Some(two)).unwrap();
        holders.write(indexes(), &id(2), None, Some(one)).unwrap();
        assert!(holders.take_wanted().is_empty());
        holders.back_to(mark);
        assert_eq!(holders.write(indexes(), &id(2), None, Some(one)), refused);
    }

    #[test]
    fn duplicates_are_named_within_bounds() {
        let name = CollectionName::new("people").unwrap();
        let mut duplicates = Duplicates::default();
        let mut keys = [1, 2, 3].map(|n| key("a", &format!("{{\"a\":{n}}}")).unwrap());
        keys.sort_unstable();
        duplicates.see(keys[0], DocumentId::Integer(1));
        duplicates.refuse(&name, &unique("a")).unwrap();
        for n in 2..40 {
            duplicates.see(keys[1], DocumentId::Integer(n));
        }
        duplicates.see(keys[2], DocumentId::Integer(50));
        let refused = duplicates.refuse(&name, &unique("a")).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::NotUnique);
        assert!(refused.message.contains(": 2, 3, 4, 5, 6, 7, 8, 9, 10, 11; "), "{refused}");
    }
}
