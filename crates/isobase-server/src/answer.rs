//! Answers of wire types.

use http::{Response, StatusCode};
use isobase_http::Body;
use serde::Serialize;

/// An answer with a wire type as JSON.
pub(crate) fn json(body: &impl Serialize) -> Response<Body> {
    json_with(StatusCode::OK, body)
}

/// An answer with another status than 200.
pub(crate) fn json_with(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    let text = serde_json::to_vec(body).expect("wire types have text keys and always serialise");
    Body::json(status, text)
}

/// Puts the members of a wire type behind what was written of an object: documents are spliced
/// into an answer as text, and what stands beside them is a type.
pub(crate) fn splice(open_object: &mut Vec<u8>, rest: &impl Serialize) {
    let text = serde_json::to_vec(rest).expect("wire types have text keys and always serialise");
    let members = text.strip_prefix(b"{").unwrap_or(&text);
    if members != b"}" && open_object.last() != Some(&b'{') {
        open_object.push(b',');
    }
    open_object.extend_from_slice(members);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_follow_what_is_there() {
        let text = |open: &str, rest: serde_json::Value| {
            let mut out = open.as_bytes().to_vec();
            splice(&mut out, &rest);
            String::from_utf8(out).unwrap()
        };
        let members = serde_json::json!({ "a": 1 });
        assert_eq!(text("{", members.clone()), r#"{"a":1}"#);
        assert_eq!(text(r#"{"items":[]"#, members), r#"{"items":[],"a":1}"#);
        assert_eq!(text(r#"{"items":[]"#, serde_json::json!({})), r#"{"items":[]}"#);
        assert_eq!(text("{", serde_json::json!({})), "{}");
    }
}
