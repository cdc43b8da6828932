//! Patches of documents, in each of their forms.

use super::{
    InvalidPatch, JsonPatch, PatchRefused, Raw, Update, canonicalise_document, canonicalise_value,
    merge_patch, own_id, patch_rules::OWN_NAMES, with_own_id, without_own_id,
};

/// The effect of a patch on a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Patch {
    /// A merge patch (RFC 7396): canonical text of an object without `id`.
    Merge(String),
    /// A JSON Patch (RFC 6902).
    Json(JsonPatch),
    /// Increments, and elements of arrays.
    Update(Update),
}

impl Patch {
    /// Reads a merge patch; an `id` in it is ignored.
    ///
    /// # Errors
    /// [`super::InvalidJson`] when it is no JSON object that we store.
    pub fn merge(input: &[u8]) -> Result<Self, super::InvalidJson> {
        canonicalise_document(input).map(Self::Merge)
    }

    /// Reads a JSON Patch.
    ///
    /// # Errors
    /// [`PatchError`] when it is no JSON, or no patch of a document.
    pub fn json(input: &[u8]) -> Result<Self, PatchError> {
        let patch = JsonPatch::parse(&canonicalise_value(input)?)?;
        patch.check_document()?;
        Ok(Self::Json(patch))
    }

    /// Reads an update.
    ///
    /// # Errors
    /// [`PatchError`] when it is no JSON, or no update of a document.
    pub fn update(input: &[u8]) -> Result<Self, PatchError> {
        Ok(Self::Update(Update::parse(&canonicalise_value(input)?)?))
    }

    /// About how many bytes it has.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Merge(patch) => patch.len(),
            Self::Json(patch) => patch.bytes(),
            Self::Update(update) => update.bytes(),
        }
    }

    /// The JSON texts that it brings: all that it can put into a document and was not there.
    #[must_use]
    pub fn texts(&self) -> Vec<&str> {
        match self {
            Self::Merge(patch) => vec![patch],
            Self::Json(patch) => patch.texts(),
            Self::Update(update) => update.texts(),
        }
    }

    /// The body that a patch makes of a body. A field `id` of the body's own stays as it is, and
    /// none is made that is called `_id` or `_rev`.
    ///
    /// # Errors
    /// [`PatchRefused`]; nothing of the patch counts then.
    pub fn apply(&self, body: &str) -> Result<String, PatchRefused> {
        let patch: &dyn Fn(&str) -> Result<String, PatchRefused> = match self {
            Self::Merge(patch) => return Ok(merge_patch(body, patch)),
            Self::Json(patch) => &|body| {
                let text = patch.apply(body)?;
                // A whole document may have been put in its place, with an `id` of its own.
                let is_object = text.starts_with('{');
                canonicalise_document(text.as_bytes()).map_err(|_| {
                    let message = if is_object { "cannot be stored" } else { "is no object" };
                    PatchRefused::conflict("", format!("what the patch makes {message}"))
                })
            },
            Self::Update(update) => &|body| update.apply(body),
        };
        match own_id(body) {
            None => Ok(without_new_names(body, patch(body)?)),
            Some(own) => {
                let body = without_own_id(body);
                Ok(with_own_id(&without_new_names(&body, patch(&body)?), own))
            }
        }
    }
}

/// The result of a patch of a body, without the names that only a document's id and revision have.
/// Another program may have given the document a field of such a name.
fn without_new_names(before: &str, mut after: String) -> String {
    for name in OWN_NAMES {
        if after.contains(name) && has_member(&after, name) && !has_member(before, name) {
            after = merge_patch(&after, &format!("{{\"{name}\":null}}"));
        }
    }
    after
}

fn has_member(body: &str, name: &str) -> bool {
    let named = |key: Raw<'_>| key.as_str_decoded().is_some_and(|key| key == name);
    Raw::new(body).members().any(|(key, _)| named(key))
}

/// Why a text is no patch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// It is not JSON that we store.
    #[error(transparent)]
    Json(#[from] super::InvalidJson),
    /// It is not of the form that a patch has.
    #[error(transparent)]
    Patch(#[from] InvalidPatch),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_id_of_a_body_survives_every_patch() {
        let body = r#"{"id":"ext-77","name":"x"}"#;
        let patches = [
            Patch::merge(br#"{"id":1,"name":"y"}"#).unwrap(),
            Patch::json(br#"[{"op":"replace","path":"/name","value":"y"}]"#).unwrap(),
            Patch::json(br#"[{"op":"replace","path":"","value":{"id":1,"name":"y"}}]"#).unwrap(),
            Patch::update(br#"{"merge":{"id":1,"name":"y"}}"#).unwrap(),
        ];
        for patch in patches {
            let patched = patch.apply(body).unwrap();
            assert_eq!(patched, r#"{"id":"ext-77","name":"y"}"#, "{patch:?}");
            assert_eq!(patch.apply(r#"{"name":"x"}"#).unwrap(), r#"{"name":"y"}"#);
        }
    }

    #[test]
    fn a_document_keeps_its_id_and_stays_an_object() {
        for patch in [
            r#"[{"op":"test","path":"/id","value":1}]"#,
            r#"[{"op":"copy","from":"/id","path":"/a"}]"#,
            r#"[{"op":"add","path":"/id/x","value":1}]"#,
            r#"[{"op":"add","path":"/_id","value":1}]"#,
            r#"[{"op":"move","from":"/a","path":"/_rev"}]"#,
            r#"[{"op":"replace","path":"","value":[]}]"#,
        ] {
            assert!(matches!(Patch::json(patch.as_bytes()), Err(PatchError::Patch(_))), "{patch}");
        }
        let patch = Patch::json(br#"[{"op":"copy","from":"/a","path":""}]"#).unwrap();
        assert_eq!(patch.apply(r#"{"a":{"id":1,"b":2}}"#).unwrap(), r#"{"b":2}"#);
        assert!(patch.apply(r#"{"a":1}"#).unwrap_err().is_conflict());
        assert_eq!(patch.apply(r#"{"a":{"_id":1,"b":2,"_rev":"3"}}"#).unwrap(), r#"{"b":2}"#);
        assert!(Patch::update(br#"{"increment":{"_rev":1}}"#).is_err());
        let merge = Patch::update(br#"{"merge":{"_id":1,"b":2}}"#).unwrap();
        assert_eq!(merge.apply(r#"{"a":1}"#).unwrap(), r#"{"a":1,"b":2}"#);
        assert_eq!(merge.apply(r#"{"_id":0}"#).unwrap(), r#"{"_id":1,"b":2}"#);
    }
}
