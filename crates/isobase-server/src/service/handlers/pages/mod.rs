//! Pages for people. They load nothing but what the service has itself.

use std::{fmt::Write, sync::LazyLock};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::HeaderValue;
use isobase_http::Stage;
use sha2::{Digest, Sha256};

use crate::{cached::etag_of, codes};

const STYLE: &str = include_str!("docs.css");
const SCRIPT: &str = include_str!("docs.js");

/// RapiDoc 9.3.8 as npm has it, with its licences: it shows an OpenAPI document and tries its routes.
pub(super) const VIEWER: &str = concat!(
    "/*\n",
    include_str!("../../../../vendor/rapidoc/LICENSE.txt"),
    "*/\n",
    include_str!("../../../../vendor/rapidoc/rapidoc-min.js.LICENSE.txt"),
    include_str!("../../../../vendor/rapidoc/rapidoc-min.js"),
);

/// A page and the policy that fits it.
pub(crate) struct Page {
    pub(crate) html: Bytes,
    pub(crate) policy: HeaderValue,
    pub(crate) etag: HeaderValue,
}

/// The page of routes.
pub(crate) fn docs() -> &'static Page {
    static PAGE: LazyLock<Page> = LazyLock::new(|| {
        let body = "<rapi-doc spec-url=\"openapi.json\" render-style=\"focused\" \
            schema-style=\"table\" show-header=\"false\" load-fonts=\"false\" \
            allow-spec-url-load=\"false\" allow-spec-file-load=\"false\" \
            allow-server-selection=\"false\" regular-font=\"system-ui, sans-serif\" \
            mono-font=\"ui-monospace, monospace\" use-path-in-nav-bar=\"true\" \
            show-method-in-nav-bar=\"as-colored-text\" primary-color=\"#0b5fad\">\n\
            <noscript>This page needs its own script; the same content is at \
            <a href=\"openapi.json\">openapi.json</a>.</noscript></rapi-doc>\n\
            <script src=\"docs/rapidoc.js\"></script>";
        let head = "<style>html, body { margin: 0; height: 100%; }</style>";
        // The viewer writes `style` attributes, which no hash can name. Scripts stay named.
        let more =
            format!("style-src 'unsafe-inline'; script-src 'self' 'sha256-{}'", digest(SCRIPT));
        Page::new("Isobase", head, &format!("{body}\n<script>{SCRIPT}</script>"), &more)
    });
    &PAGE
}

/// The page of problem codes.
pub(crate) fn errors() -> &'static Page {
    static PAGE: LazyLock<Page> = LazyLock::new(|| {
        let head = format!("<style>{STYLE}</style>");
        Page::new("Errors", &head, &errors_body(), &format!("style-src 'sha256-{}'", digest(STYLE)))
    });
    &PAGE
}

impl Page {
    fn new(title: &str, head: &str, body: &str, sources: &str) -> Self {
        let html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <link rel=\"icon\" href=\"data:,\">\n\
             <title>{title}</title>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n"
        );
        let policy = format!(
            "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'; {sources}"
        );
        let policy = HeaderValue::try_from(policy).expect("the policy is visible ASCII");
        let etag = etag_of(html.as_bytes());
        Self { html: html.into(), policy, etag }
    }
}

/// The hash of an inline part, as a policy names it.
fn digest(text: &str) -> String {
    BASE64_STANDARD.encode(Sha256::digest(text.as_bytes()))
}

fn errors_body() -> String {
    let mut body = String::from(
        "<header><h1>Errors</h1><p>Every problem has one of these codes. Decide by the code; the \
         text in <code>detail</code> is for people.</p></header>\n<main>\n",
    );
    let codes = codes::every();
    for stage in Stage::ALL {
        // Writing to a String cannot fail.
        let _ = writeln!(body, "<h2>{}</h2>", escape(stage.title()));
        for code in codes.iter().filter(|code| code.stage() == stage) {
            let _ = writeln!(
                body,
                "<section id=\"{name}\" class=\"code\"><h3><code>{name}</code> <small>{status} \
                 {title}</small></h3><p>{meaning}</p><p>{remedy}</p></section>",
                name = code.as_str(),
                status = code.status().as_u16(),
                title = escape(code.title()),
                meaning = escape(code.meaning()),
                remedy = escape(code.remedy()),
            );
        }
    }
    body.push_str("</main>");
    body
}

/// Text for HTML, with `code` marked by backticks.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_code = false;
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '`' => {
                out.push_str(if in_code { "</code>" } else { "<code>" });
                in_code = !in_code;
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_load_nothing_from_elsewhere() {
        for page in [docs(), errors()] {
            let html = std::str::from_utf8(&page.html).unwrap();
            let html = html.replace("src=\"docs/rapidoc.js\"", "");
            for part in ["http://", "https://", "src=", "@import", "url(", " onclick", " style="] {
                assert!(!html.contains(part), "{part}");
            }
        }
        assert!(VIEWER.contains("RapiDoc 9.3.8") && VIEWER.starts_with("/*\nMIT License"));
    }

    #[test]
    fn every_code_has_a_place_to_link_to() {
        let html = std::str::from_utf8(&errors().html).unwrap();
        for code in codes::every() {
            assert!(html.contains(&format!("id=\"{}\"", code.as_str())), "{}", code.as_str());
        }
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escape("a<b> & `\"c\"`"), "a&lt;b&gt; &amp; <code>&quot;c&quot;</code>");
    }
}
