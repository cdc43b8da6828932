//! Licences for people, and for programs.

use serde_json::{Value, json};

use crate::print::Printer;

/// Licences, one a line.
pub(super) fn rows(licences: &[Value], printer: Printer) {
    for licence in licences {
        match printer.json {
            true => printer.json_line(licence),
            false => printer.line(&row(licence)),
        }
    }
}

fn row(licence: &Value) -> String {
    let text = |name: &str| licence[name].as_str().unwrap_or_default();
    let expiry =
        licence["expiry_date"].as_str().map_or("never", |text| &text[..text.len().min(10)]);
    format!(
        "{:>6}  {:12}  {:10}  {}  {}",
        licence["id"].to_string(),
        text("state"),
        printable(expiry),
        printable(text("license_key")),
        printable(text("email")),
    )
}

/// One licence with its installations.
pub(super) fn one(licence: &Value, installations: &Value, printer: Printer) {
    if printer.json {
        printer.json_line(&json!({ "license": licence, "installations": installations }));
        return;
    }
    let names = [
        "id",
        "email",
        "license_key",
        "state",
        "created_at",
        "expiry_date",
        "max_installations",
        "at_limit",
        "allow_n",
        "grace_days",
        "suspended_at",
        "revoked_at",
        "deleted_at",
        "note",
    ];
    for name in names {
        let shown = match &licence[name] {
            Value::Null => continue,
            Value::String(text) => printable(text),
            other => other.to_string(),
        };
        printer.line(&format!("{name:18} {shown}"));
    }
    for installation in installations.as_array().into_iter().flatten() {
        let text = |name: &str| printable(installation[name].as_str().unwrap_or("-"));
        printer.line(&format!(
            "{:18} {}  activated {}, last seen {}",
            "installation",
            text("installation_id"),
            text("activated_at"),
            text("last_seen"),
        ));
    }
}

/// A licence after a change.
pub(super) fn changed(licence: &Value, printer: Printer) {
    if printer.json {
        printer.json_line(licence);
        return;
    }
    let expiry = licence["expiry_date"].as_str().unwrap_or("never");
    let (id, state) = (&licence["id"], licence["state"].as_str().unwrap_or_default());
    printer.note(&format!("license {id} is {state}, expires {expiry}"));
}

/// Text of somebody else, without what would steer a terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
