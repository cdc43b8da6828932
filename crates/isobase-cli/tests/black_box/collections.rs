//! The example of `docs/collections.md` answers as the page shows, on every engine.

use isobase_testkit::{TestServer, unique_name};

use super::{command::App, databases::on_servers};

const PAGE: &str = include_str!("../../../../docs/collections.md");

/// The blocks of a language, in their order.
fn blocks(language: &str) -> Vec<&'static str> {
    let opening = format!("```{language}\n");
    let after_opening = PAGE.split(opening.as_str()).skip(1);
    after_opening.map(|rest| rest.split("\n```").next().unwrap()).collect()
}

/// A call of curl, and what the page says it answers.
struct Step {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
    answer: String,
}

fn steps() -> Vec<Step> {
    let lines = blocks("console").into_iter().flat_map(|block| block.split("$ ").skip(1));
    lines.map(step).collect()
}

fn step(text: &'static str) -> Step {
    let (command, answer) = text.split_once('\n').unwrap();
    let mut words = words(command).into_iter();
    assert_eq!(words.next().as_deref(), Some("curl"), "{command}");
    let (mut method, mut path, mut body) = (None, String::new(), String::new());
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    while let Some(word) = words.next() {
        match word.as_str() {
            "-X" => method = words.next(),
            "--json" | "-d" => body = words.next().unwrap(),
            "-H" => {
                let header = words.next().unwrap();
                let (name, value) = header.split_once(": ").unwrap();
                headers.retain(|(known, _)| known != name);
                headers.push((name.to_owned(), value.to_owned()));
            }
            url => path = url.strip_prefix("localhost:8002").unwrap().to_owned(),
        }
    }
    let default = if body.is_empty() { "GET" } else { "POST" };
    let method = method.unwrap_or_else(|| default.to_owned());
    Step { method, path, headers, body, answer: answer.trim_end().to_owned() }
}

/// The words of a command line; single quotes hold one together.
fn words(line: &str) -> Vec<String> {
    let mut parts = line.split('\'');
    let mut words = Vec::new();
    while let Some(bare) = parts.next() {
        words.extend(bare.split_whitespace().map(str::to_owned));
        words.extend(parts.next().map(str::to_owned));
    }
    words
}

/// Whether a text is as the page has it, where `…` stands for anything.
fn is_like(text: &str, page: &str) -> bool {
    let mut parts = page.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    for part in &parts {
        match rest.split_once(part) {
            Some((_, after)) if !part.is_empty() => rest = after,
            Some(_) => rest = "",
            None => return false,
        }
    }
    rest.is_empty()
}

/// Plays the page against a database.
fn play(url: Option<&str>, variables: &[(&str, &str)]) {
    let app = App::new();
    app.write("isobase.toml", blocks("toml")[0]);
    let mut server = TestServer::builder().arg(app.path()).data(app.path().join("data"));
    if let Some(url) = url {
        server = server.records_url(url);
    }
    for (name, value) in variables {
        server = server.env(*name, *value);
    }
    let server = server.start().unwrap();
    for Step { method, path, headers, body, answer } in steps() {
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let said = server.request(&method, &path, &headers, body.as_bytes()).unwrap().text();
        assert!(is_like(&said, &answer), "{url:?}: {method} {path}\n{said}\nis not\n{answer}");
    }
}

#[test]
fn the_example_of_the_page_holds_on_sqlite_and_in_memory() {
    assert!(steps().len() > 9);
    play(None, &[]);
    play(Some("memory:"), &[]);
}

#[test]
fn the_example_of_the_page_holds_on_every_server() {
    let name = unique_name("page").replace('_', "-");
    for (url, variables) in on_servers(&name) {
        play(Some(&url), &variables);
    }
}

#[test]
fn mistakes_in_fields_stop_the_service() {
    let app = App::new();
    app.write(
        "isobase.toml",
        "[collections.people]\nfields.name = { type = \"strng\" }\n\
         fields.email = { type = \"string\", uniqe = true }\nonly_fields = \"yes\"\n",
    );
    app.run(&["serve", "."])
        .fails(2, &["isobase.toml:4: collections.people.only_fields is neither true nor false"]);
    app.write(
        "isobase.toml",
        "[collections.people]\nfields.name = { type = \"strng\" }\n\
         fields.email = { type = \"string\", uniqe = true }\n",
    );
    app.run(&["serve", "."]).fails(
        2,
        &[
            "isobase.toml:2: collections.people.fields.name.type is \"strng\"",
            "did you mean \"string\"?",
            "isobase.toml:3: collections.people.fields.email.uniqe is no setting of a field",
            "did you mean unique?",
        ],
    );
}
