//! The arrays and objects around a place in a text, and the keys read in them.

use std::{borrow::Cow, collections::HashSet};

use super::error::cut;

/// Keys of one object that are compared one by one; beyond that, a hash set is cheaper.
const KEYS_LINEAR_MAX: usize = 16;

/// The open arrays and objects, outer ones first.
pub(super) struct Frames<'a> {
    stack: Vec<Frame<'a>>,
    /// The keys read in the objects of the stack.
    keys: Vec<Cow<'a, str>>,
}

/// An open array or object.
pub(super) struct Frame<'a> {
    pub(super) is_object: bool,
    /// Of an array: the place of the current element.
    pub(super) index: usize,
    /// Where its keys begin in `keys`.
    keys_from: usize,
    /// One bit for the hash of every key read: a clear bit spares the comparison.
    seen: u64,
    /// All keys, once there are more than [`KEYS_LINEAR_MAX`]; then `keys` has only the last.
    many: Option<HashSet<Cow<'a, str>>>,
}

impl<'a> Frames<'a> {
    pub(super) fn new() -> Self {
        Self { stack: Vec::with_capacity(8), keys: Vec::with_capacity(16) }
    }

    #[inline]
    pub(super) fn depth(&self) -> usize {
        self.stack.len()
    }

    #[inline]
    pub(super) fn innermost(&mut self) -> Option<&mut Frame<'a>> {
        self.stack.last_mut()
    }

    #[inline]
    pub(super) fn open(&mut self, is_object: bool) {
        let keys_from = self.keys.len();
        self.stack.push(Frame { is_object, index: 0, keys_from, seen: 0, many: None });
    }

    #[inline]
    pub(super) fn close(&mut self) {
        if let Some(frame) = self.stack.pop() {
            self.keys.truncate(frame.keys_from);
        }
    }

    /// Remembers a key of the innermost object. Returns the key, cut to be shown, if the object has
    /// it already.
    #[inline]
    pub(super) fn note_key(&mut self, key: Cow<'a, str>) -> Result<(), String> {
        let Some(frame) = self.stack.last_mut() else { return Ok(()) };
        let duplicate = match &mut frame.many {
            Some(many) => {
                self.keys.truncate(frame.keys_from);
                !many.insert(key.clone())
            }
            None => {
                let bit = 1 << (key_hash(&key) & 63);
                let seen = frame.seen & bit != 0;
                frame.seen |= bit;
                let duplicate = seen && self.keys[frame.keys_from..].contains(&key);
                if self.keys.len() - frame.keys_from == KEYS_LINEAR_MAX {
                    let mut many: HashSet<_> = self.keys.drain(frame.keys_from..).collect();
                    many.insert(key.clone());
                    frame.many = Some(many);
                }
                duplicate
            }
        };
        self.keys.push(key);
        if !duplicate {
            return Ok(());
        }
        Err(self.keys.last().map(|key| cut(key, 100)).unwrap_or_default())
    }

    /// The path of the place that the innermost one is at.
    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        for (depth, frame) in self.stack.iter().enumerate() {
            let keys_to = self.stack.get(depth + 1).map_or(self.keys.len(), |f| f.keys_from);
            let step = match frame.is_object {
                false => frame.index.to_string(),
                true if keys_to > frame.keys_from => cut(&self.keys[keys_to - 1], 100),
                true => break,
            };
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&step);
        }
        path
    }
}

/// A cheap hash that tells most short keys apart.
fn key_hash(key: &str) -> usize {
    let ends = key.as_bytes().first().zip(key.as_bytes().last());
    let (first, last) =
        ends.map_or((0, 0), |(first, last)| (usize::from(*first), usize::from(*last)));
    key.len().wrapping_mul(7) ^ first ^ (last << 2) ^ (last >> 4)
}
