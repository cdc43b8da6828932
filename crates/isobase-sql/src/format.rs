//! Texts for logs and for columns that hold what a program answered.

use std::fmt::Write;

use serde_json::{Map, Value as Json};

/// Characters of a text that a log shows.
pub const LOG_TEXT_MAX: usize = 500;
/// Characters of a text that is stored.
pub const STORED_TEXT_MAX: usize = 10_000;

/// The first characters of a text, and how many were left out.
#[must_use]
pub fn truncate_text(text: &str, max: usize) -> String {
    let count = text.chars().count();
    if count <= max {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(max).collect();
    let _ = write!(cut, "... [truncated {} chars]", count - max);
    cut
}

/// The same value with every text in it cut.
#[must_use]
pub fn truncate(value: &Json, max: usize) -> Json {
    match value {
        Json::String(text) => Json::String(truncate_text(text, max)),
        Json::Array(elements) => elements.iter().map(|element| truncate(element, max)).collect(),
        Json::Object(members) => Json::Object(
            members.iter().map(|(name, value)| (name.clone(), truncate(value, max))).collect(),
        ),
        other => other.clone(),
    }
}

/// Variables as the text of a JSON object to be stored. Text that is no JSON stays as it is.
#[must_use]
pub fn variables_for_storage(variables: &Json) -> String {
    match variables {
        Json::Null => "{}".to_owned(),
        Json::String(text) if text.is_empty() => "{}".to_owned(),
        Json::Object(members) if members.is_empty() => "{}".to_owned(),
        Json::String(text) => match serde_json::from_str::<Json>(text) {
            Ok(parsed) => truncate(&parsed, STORED_TEXT_MAX).to_string(),
            Err(_) => text.clone(),
        },
        other => truncate(other, STORED_TEXT_MAX).to_string(),
    }
}

/// A response as text to be stored: of an object with `content` that alone.
#[must_use]
pub fn response_for_storage(response: &Json) -> String {
    let text_of = |value: &Json| match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    match response {
        Json::Object(members) => {
            members.get("content").map_or_else(|| response.to_string(), text_of)
        }
        other => text_of(other),
    }
}

/// A response as clean text: words of SQL and of the shell are marked. It helps a reader, and
/// protects from nothing: parameters do that.
#[must_use]
pub fn clean_response(response: &Json) -> String {
    match response {
        Json::Null => String::new(),
        Json::Object(members) => clean_members(members),
        Json::String(text) => match serde_json::from_str::<Json>(text) {
            Ok(Json::Object(members)) => clean_members(&members),
            Ok(_) => text.clone(),
            Err(_) => clean_text(text),
        },
        other => other.to_string(),
    }
}

fn clean_members(members: &Map<String, Json>) -> String {
    let clean = |value: &Json| match value {
        Json::String(text) => Json::String(clean_text(text)),
        other => Json::String(clean_text(&other.to_string())),
    };
    let cleaned: Map<String, Json> =
        members.iter().map(|(name, value)| (name.clone(), clean(value))).collect();
    Json::Object(cleaned).to_string()
}

/// Puts a mark before every such word that white space follows, and keeps the blanks.
fn clean_text(text: &str) -> String {
    const SQL: [&str; 7] = ["select", "insert", "update", "delete", "drop", "alter", "create"];
    const COMMANDS: [&str; 6] = ["rm", "sudo", "chmod", "chown", "wget", "curl"];
    let text = text.trim();
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        if after.starts_with(char::is_whitespace) {
            let lower = word.to_lowercase();
            if SQL.contains(&lower.as_str()) {
                cleaned.push_str("[FILTERED SQL] ");
            } else if COMMANDS.contains(&lower.as_str()) {
                cleaned.push_str("[FILTERED CMD] ");
            }
        }
        cleaned.push_str(word);
        let mark = after.chars().next().map_or(0, char::len_utf8);
        cleaned.push_str(&after[..mark]);
        rest = &after[mark..];
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn long_texts_are_cut_inside_too() {
        let long = "ä".repeat(501);
        let cut = format!("{}... [truncated 1 chars]", "ä".repeat(500));
        assert_eq!(truncate_text(&long, LOG_TEXT_MAX), cut);
        assert_eq!(truncate(&json!({"a": [long, 1]}), LOG_TEXT_MAX), json!({"a": [cut, 1]}));
    }

    #[test]
    fn variables_become_objects() {
        let cases = [
            (json!(null), "{}"),
            (json!(""), "{}"),
            (json!("{\"a\": 1}"), "{\"a\":1}"),
            (json!("plain"), "plain"),
            (json!({"a": null}), "{\"a\":null}"),
        ];
        for (given, stored) in cases {
            assert_eq!(variables_for_storage(&given), stored);
        }
    }

    #[test]
    fn responses_become_text() {
        assert_eq!(response_for_storage(&json!({"content": "x", "b": 1})), "x");
        assert_eq!(response_for_storage(&json!({"content": {"a": 1}})), "{\"a\":1}");
        assert_eq!(response_for_storage(&json!(5)), "5");
        assert_eq!(clean_response(&json!("SELECT * FROM x")), "[FILTERED SQL] SELECT * FROM x");
        assert_eq!(
            clean_response(&json!("please select\none")),
            "please [FILTERED SQL] select\none"
        );
        assert_eq!(clean_response(&json!("selected dropping")), "selected dropping");
        assert_eq!(clean_response(&json!({"a": "rm -rf"})), "{\"a\":\"[FILTERED CMD] rm -rf\"}");
        assert_eq!(clean_response(&json!("[1, 2]")), "[1, 2]");
    }
}
