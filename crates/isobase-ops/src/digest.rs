//! The meaning of equality of two databases: digests that do not depend on the order of documents.

use std::fmt;

use isobase_types::{Document, DocumentId};
use sha2::{Digest as _, Sha256};

/// A sum of SHA-256 hashes modulo 2^256: the same for the same things in any order, and things
/// can be taken out of it again.
///
/// It tells accidents, not attackers: who can choose documents freely can find sums that agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// Least significant first.
    limbs: [u64; 4],
}

impl Digest {
    /// Adds a hash.
    pub fn add(&mut self, hash: &[u8; 32]) {
        self.merge(&Self::of(hash));
    }

    /// Takes a hash out.
    pub fn remove(&mut self, hash: &[u8; 32]) {
        let mut borrow = false;
        for (limb, other) in self.limbs.iter_mut().zip(Self::of(hash).limbs) {
            let (without, first) = limb.overflowing_sub(other);
            let (without, second) = without.overflowing_sub(u64::from(borrow));
            *limb = without;
            borrow = first || second;
        }
    }

    /// Adds all that is in another.
    pub fn merge(&mut self, other: &Self) {
        let mut carry = false;
        for (limb, other) in self.limbs.iter_mut().zip(other.limbs) {
            let (sum, first) = limb.overflowing_add(other);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            *limb = sum;
            carry = first || second;
        }
    }

    /// Reads the 64 hexadecimal digits of [`fmt::Display`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut limbs = [0; 4];
        for (index, limb) in limbs.iter_mut().rev().enumerate() {
            *limb = u64::from_str_radix(text.get(index * 16..index * 16 + 16)?, 16).ok()?;
        }
        Some(Self { limbs })
    }

    /// A hash as a number, most significant byte first.
    fn of(hash: &[u8; 32]) -> Self {
        let mut limbs = [0; 4];
        for (limb, bytes) in limbs.iter_mut().rev().zip(hash.as_chunks::<8>().0) {
            *limb = u64::from_be_bytes(*bytes);
        }
        Self { limbs }
    }
}

/// 64 hexadecimal digits, most significant first.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.limbs.iter().rev().try_for_each(|limb| write!(f, "{limb:016x}"))
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("expected 64 hexadecimal digits"))
    }
}

/// The documents of a collection, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CollectionDigest {
    /// How many there are.
    pub documents: u64,
    /// Sum of [`content_hash`].
    pub content: Digest,
    /// Sum of [`times_hash`].
    pub times: Digest,
}

impl CollectionDigest {
    /// Counts a document in.
    pub fn add(&mut self, document: &Document) {
        self.documents += 1;
        let id = id_text(&document.id);
        self.content.add(&hash_content(&id, document));
        self.times.add(&hash_times(&id, document));
    }

    /// Counts all documents of another in.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.documents += other.documents;
        self.content.merge(&other.content);
        self.times.merge(&other.times);
    }

    /// Takes a document out that was counted in.
    pub fn remove(&mut self, document: &Document) {
        self.documents = self.documents.wrapping_sub(1);
        self.content.remove(&content_hash(document));
        self.times.remove(&times_hash(document));
    }
}

/// SHA-256 of the id as JSON, a zero byte, and the exact text of the body.
#[must_use]
pub fn content_hash(document: &Document) -> [u8; 32] {
    hash_content(&id_text(&document.id), document)
}

/// SHA-256 of the id as JSON, a zero byte, and the two times in microseconds since 1970, each as
/// eight bytes, most significant first.
#[must_use]
pub fn times_hash(document: &Document) -> [u8; 32] {
    hash_times(&id_text(&document.id), document)
}

/// The id as JSON, and a zero byte.
fn id_text(id: &DocumentId) -> Vec<u8> {
    let mut text = Vec::with_capacity(32);
    id.write_json(&mut text);
    text.push(0);
    text
}

fn hash_content(id: &[u8], document: &Document) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(id);
    hasher.update(document.body.as_bytes());
    hasher.finalize().into()
}

fn hash_times(id: &[u8], document: &Document) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(id);
    hasher.update(document.created_at.unix_us.to_be_bytes());
    hasher.update(document.updated_at.unix_us.to_be_bytes());
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use isobase_types::{Revision, Timestamp};

    use super::*;

    fn document(id: &str, body: &str) -> Document {
        Document {
            id: DocumentId::parse(id).unwrap(),
            revision: Revision::from_number(1),
            created_at: Timestamp { unix_us: 1 },
            updated_at: Timestamp { unix_us: 2 },
            body: body.to_owned(),
        }
    }

    #[test]
    fn the_order_does_not_count() {
        let documents: Vec<_> =
            (0..50).map(|n| document(&n.to_string(), &format!("{{\"n\":{n}}}"))).collect();
        let (mut forward, mut backward) = Default::default();
        documents.iter().for_each(|document| CollectionDigest::add(&mut forward, document));
        documents.iter().rev().for_each(|document| CollectionDigest::add(&mut backward, document));
        assert_eq!(forward, backward);
        assert_eq!(Digest::parse(&forward.content.to_string()), Some(forward.content));
        documents.iter().for_each(|document| forward.remove(document));
        assert_eq!(forward, CollectionDigest::default());
    }

    #[test]
    fn everything_else_counts() {
        let one = |document: &Document| {
            let mut digest = CollectionDigest::default();
            digest.add(document);
            digest
        };
        let base = document("1", "{\"a\":1}");
        assert_ne!(one(&base).content, one(&document("2", "{\"a\":1}")).content);
        assert_ne!(one(&base).content, one(&document("1", "{\"a\":1.0}")).content);
        assert_ne!(one(&document("a", "{}")).content, one(&document("\"a\"", "{}")).content);
        let later = Document { updated_at: Timestamp { unix_us: 3 }, ..base.clone() };
        assert_eq!(one(&base).content, one(&later).content);
        assert_ne!(one(&base).times, one(&later).times);
    }

    #[test]
    fn sums_carry_and_borrow() {
        let ones = [0xff; 32];
        let mut digest = Digest::default();
        digest.add(&ones);
        digest.add(&ones);
        assert_eq!(digest.to_string(), format!("{}e", "f".repeat(63)));
        digest.remove(&ones);
        digest.remove(&ones);
        assert_eq!(digest, Digest::default());
    }
}
