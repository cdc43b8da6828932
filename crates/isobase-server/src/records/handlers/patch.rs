//! The forms of a patch.

use http::{HeaderMap, header};
use isobase_http::{Problem, ProblemItem};
use isobase_types::json::{InvalidPatch, Patch, PatchError};

use crate::{
    codes,
    request::{require_json, unusable},
};

/// The media type of a JSON Patch. Source: RFC 6902, section 6.
pub(crate) const JSON_PATCH: &str = "application/json-patch+json";
/// The media type of an update: increments, and elements of arrays. Ours.
pub(crate) const UPDATE: &str = "application/vnd.isobase.update+json";

/// What a body is a patch by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PatchForm {
    /// A merge patch; also what says nothing but that it is JSON.
    Merge,
    /// A JSON Patch.
    Json,
    /// An update.
    Update,
}

impl PatchForm {
    /// By the `Content-Type`.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = value.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case(JSON_PATCH) {
            return Ok(Self::Json);
        }
        if essence.eq_ignore_ascii_case(UPDATE) {
            return Ok(Self::Update);
        }
        require_json(headers).map(|()| Self::Merge)
    }

    pub(super) fn read(self, body: &[u8]) -> Result<Patch, Problem> {
        match self {
            Self::Merge => Patch::merge(body).map_err(|error| unusable(&error)),
            Self::Json => Patch::json(body).map_err(refused),
            Self::Update => Patch::update(body).map_err(refused),
        }
    }
}

fn refused(error: PatchError) -> Problem {
    match error {
        PatchError::Json(error) => unusable(&error),
        PatchError::Patch(error) => {
            let text = error.to_string();
            let InvalidPatch { pointer, message } = error;
            Problem::new(codes::INVALID_PATCH, text).with_item(ProblemItem::at(pointer, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_media_type_tells_the_form() {
        let form = |value: &'static str| {
            let value = HeaderValue::from_static(value);
            PatchForm::of(&HeaderMap::from_iter([(header::CONTENT_TYPE, value)])).ok()
        };
        assert_eq!(PatchForm::of(&HeaderMap::new()).ok(), Some(PatchForm::Merge));
        for (value, expected) in [
            ("application/json", Some(PatchForm::Merge)),
            ("application/merge-patch+json", Some(PatchForm::Merge)),
            ("Application/JSON-Patch+JSON; charset=utf-8", Some(PatchForm::Json)),
            ("application/vnd.isobase.update+json", Some(PatchForm::Update)),
            ("text/plain", None),
        ] {
            assert_eq!(form(value), expected, "{value}");
        }
    }
}
