//! What docs/auth.md shows, run in its order.

use http::Method;

use super::support::{App, Reply};

const PAGE: &str = include_str!("../../../../docs/auth.md");

/// One request of the page with the answer that it shows.
struct Shown<'a> {
    request: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: &'a str,
    status: u16,
    answer: &'a str,
}

impl<'a> Shown<'a> {
    fn read(text: &'a str) -> Self {
        let mut lines = text.lines();
        let request = lines.next().unwrap();
        let (mut headers, mut body) = (Vec::new(), "");
        for line in lines {
            if let Some(answer) = line.strip_prefix("→ ") {
                let (status, answer) = answer.split_once(' ').unwrap();
                let status = status.parse().unwrap();
                return Self { request, headers, body, status, answer };
            }
            match line.split_once(": ") {
                Some(header) if !line.starts_with('{') => headers.push(header),
                _ => body = line,
            }
        }
        panic!("no answer in {text}");
    }
}

/// Whether a text is as it is shown: `…` stands for anything.
fn is_as_shown(shown: &str, text: &str) -> bool {
    let mut pieces = shown.split('…');
    let Some(mut rest) = text.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.is_empty() || shown.ends_with('…')
}

#[tokio::test]
async fn the_page_tells_the_truth() {
    let app = App::new().await;
    let (mut cookie, mut token, mut shown) = (String::new(), String::new(), 0);
    let blocks = PAGE.split("```http\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    for example in blocks.flat_map(|block| block.trim().split("\n\n")) {
        let example = Shown::read(example);
        let (method, target) = example.request.split_once(' ').unwrap();
        let bearer = format!("Bearer {token}");
        let mut headers: Vec<_> =
            example.headers.iter().map(|(name, _)| (*name, &*bearer)).collect();
        if headers.is_empty() && !cookie.is_empty() {
            headers.push(("cookie", &cookie));
        }
        let method: Method = method.parse().unwrap();
        let reply: Reply = app.ask((method, target), &headers, example.body).await;
        let context = format!("{}: {} {}", example.request, reply.status, reply.text);
        assert_eq!(reply.status, example.status, "{context}");
        assert!(is_as_shown(example.answer, &reply.text), "{context}");
        if !reply.header("set-cookie").is_empty() {
            cookie = reply.cookie();
        }
        if target == "/api/sessions" && reply.text.contains("\"token\"") {
            token = reply.json()["token"].as_str().unwrap().to_owned();
        }
        shown += 1;
    }
    assert!(shown > 15, "{shown}");
}
