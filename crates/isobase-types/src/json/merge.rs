//! Merge patches.

use std::collections::HashMap;

use super::{Kind, Raw};

/// Members of a patch that are searched one by one; beyond that, a hash map is cheaper.
const MEMBERS_LINEAR_MAX: usize = 16;

/// Applies a merge patch (RFC 7396) to a document; both texts are canonical.
///
/// Keys that stay keep their place and new keys follow in the order of the patch. Text that the
/// patch does not name is copied. A patch that is not an object replaces everything.
#[must_use]
pub fn merge_patch(body: &str, patch: &str) -> String {
    let mut out = String::with_capacity(body.len() + patch.len());
    merge(Some(Raw::new(body)), Raw::new(patch), &mut out);
    out
}

/// Recurses as deep as the patch is nested: at most [`super::DEPTH_MAX`].
fn merge(target: Option<Raw<'_>>, patch: Raw<'_>, out: &mut String) {
    if patch.kind() != Kind::Object {
        out.push_str(patch.as_text());
        return;
    }
    let mut changes = Changes::new(patch);
    out.push('{');
    for (key, value) in target.into_iter().flat_map(Raw::members) {
        match changes.take(key) {
            None => push_member(key, out, |out| out.push_str(value.as_text())),
            Some(change) if change.kind() == Kind::Null => {}
            Some(change) => push_member(key, out, |out| merge(Some(value), change, out)),
        }
    }
    for (key, change) in changes.rest() {
        if change.kind() != Kind::Null {
            push_member(key, out, |out| merge(None, change, out));
        }
    }
    out.push('}');
}

pub(super) fn push_member(key: Raw<'_>, out: &mut String, value: impl FnOnce(&mut String)) {
    if !out.ends_with('{') {
        out.push(',');
    }
    out.push_str(key.as_text());
    out.push(':');
    value(out);
}

/// The members of a patch, and which have been used. Canonical keys are equal when their text is.
struct Changes<'a> {
    members: Vec<(Raw<'a>, Option<Raw<'a>>)>,
    /// Place by key, when there are more than [`MEMBERS_LINEAR_MAX`].
    places: Option<HashMap<&'a str, usize>>,
}

impl<'a> Changes<'a> {
    fn new(patch: Raw<'a>) -> Self {
        let members: Vec<_> = patch.members().map(|(key, value)| (key, Some(value))).collect();
        let places = (members.len() > MEMBERS_LINEAR_MAX).then(|| {
            let keys = members.iter().enumerate();
            keys.map(|(place, (key, _))| (key.as_text(), place)).collect()
        });
        Self { members, places }
    }

    /// Takes the change of a key, if there is one.
    fn take(&mut self, key: Raw<'_>) -> Option<Raw<'a>> {
        let place = match &self.places {
            Some(places) => *places.get(key.as_text())?,
            None => self.members.iter().position(|(own, _)| own.as_text() == key.as_text())?,
        };
        self.members.get_mut(place)?.1.take()
    }

    /// The operations not taken, in the order of the patch.
    fn rest(self) -> impl Iterator<Item = (Raw<'a>, Raw<'a>)> {
        self.members.into_iter().filter_map(|(key, value)| Some((key, value?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_rfc_7396() {
        // The table of appendix A, without the targets that are not objects.
        let cases = [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"{"a":"foo"}"#, "null", "null"),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
            (r#"{"a":1}"#, r#"{"a":{"b":null}}"#, r#"{"a":{}}"#),
        ];
        for (body, patch, merged) in cases {
            assert_eq!(merge_patch(body, patch), merged, "{body} {patch}");
        }
    }

    #[test]
    fn keeps_order_and_number_text() {
        assert_eq!(
            merge_patch(
                r#"{"z":1.0,"y":{"b":1e5,"a":2},"x":3}"#,
                r#"{"n":1,"y":{"a":null,"c":0.0},"z":7}"#
            ),
            r#"{"z":7,"y":{"b":1e5,"c":0.0},"x":3,"n":1}"#
        );
    }

    #[test]
    fn merges_many_members() {
        let member = |n: usize, value: &str| format!("\"k{n}\":{value}");
        let object = |members: Vec<String>| format!("{{{}}}", members.join(","));
        let body = object((0..100).map(|n| member(n, "0")).collect());
        let patch = object(
            (0..200).rev().map(|n| member(n, if n % 2 == 0 { "1" } else { "null" })).collect(),
        );
        let even = (0..100).step_by(2).chain((100..200).rev().filter(|n| n % 2 == 0));
        assert_eq!(merge_patch(&body, &patch), object(even.map(|n| member(n, "1")).collect()));
    }
}
