//! What somebody may not see is neither shown nor told, by any face, and changes nothing of what
//! they are shown and told: rows, events and files, on every engine.

use isobase_testkit::{
    ForeignDatabase, TestServer,
    http::{Connection, Response, request_bytes},
    postgres_url, unique_name,
};
use serde_json::{Value, json};

use super::command::App;

const KEY: &str = "the-key-of-this-test";

/// A picture of eight by eight pixels.
const PICTURE: [u8; 75] = [
    137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 8, 0, 0, 0, 8, 8, 2, 0,
    0, 0, 75, 109, 41, 220, 0, 0, 0, 18, 73, 68, 65, 84, 120, 156, 99, 248, 207, 192, 128, 21, 97,
    23, 29, 180, 18, 0, 40, 255, 63, 193, 110, 236, 223, 97, 0, 0, 0, 0, 73, 69, 78, 68, 174, 66,
    96, 130,
];

/// Collections with the same fields and rules: documents are their owners', and some are public.
fn settings() -> String {
    let collection = |name: &str| {
        format!(
            "[collections.{name}]\nevent = \"{name}\"\nfields.owner = \"integer\"\n\
             fields.n = \"integer\"\nfields.public = \"boolean\"\n\
             fields.scan = {{ type = \"file\", private = true }}\n\
             [collections.{name}.rules]\n\
             list = \"or(owner.eq.@user.id, public.eq.true, @user.role.eq.moderator)\"\n\
             create = \"owner = @user.id\"\nupdate = \"owner = @user.id\"\n\
             delete = \"owner = @user.id\"\n"
        )
    };
    ["seen", "alone", "shared"].map(collection).concat()
}

/// What somebody sends to be known, and the id of their account.
struct Who {
    name: &'static str,
    header: (&'static str, String),
    id: Value,
}

/// A service on one engine, and people.
struct Desk {
    server: TestServer,
    url: String,
    /// The folder of its settings.
    _app: App,
    nobody: Who,
    ann: Who,
    bob: Who,
    moderator: Who,
    key: Who,
}

impl Desk {
    fn new(url: &str, variables: &[(&'static str, String)]) -> Self {
        let app = App::new();
        let settings = app.write("isobase.toml", &settings());
        let builder = TestServer::builder().records_url(url).env("INTERNAL_API_KEY", KEY);
        let builder = variables.iter().fold(builder, |it, (name, value)| it.env(*name, value));
        let server = builder.arg("--config").arg(settings).start().unwrap();
        let known = |name, header, text: &str| Who {
            name,
            header: (header, text.to_owned()),
            id: Value::Null,
        };
        let mut desk = Self {
            server,
            url: url.to_owned(),
            _app: app,
            nobody: known("nobody", "x-nobody", "1"),
            ann: known("ann", "", ""),
            bob: known("bob", "", ""),
            moderator: known("moderator", "", ""),
            key: known("key", "x-api-key", KEY),
        };
        desk.ann = desk.account("ann", "user");
        desk.bob = desk.account("bob", "user");
        desk.moderator = desk.account("carl", "moderator");
        desk
    }

    fn account(&self, name: &'static str, role: &str) -> Who {
        let body = json!({ "username": name, "password": "correct horse" });
        let mut made = body.clone();
        made["role"] = role.into();
        self.json(&self.key, "POST", "/api/v1/accounts", &made);
        let begun = self.json(&self.nobody, "POST", "/api/sessions", &body);
        let token = begun["token"].as_str().unwrap_or_else(|| panic!("{}: {begun}", self.url));
        let header = ("authorization", format!("Bearer {token}"));
        Who { name, header, id: begun["user"]["id"].clone() }
    }

    fn everybody(&self) -> [&Who; 5] {
        [&self.nobody, &self.ann, &self.bob, &self.moderator, &self.key]
    }

    fn ask(&self, who: &Who, method: &str, path: &str, body: &Value) -> Response {
        self.ask_with(who, method, path, body, &[])
    }

    fn ask_with(
        &self,
        who: &Who,
        method: &str,
        path: &str,
        body: &Value,
        more: &[(&str, &str)],
    ) -> Response {
        let mut headers = vec![("content-type", "application/json"), who.header()];
        headers.extend(more);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.server.request(method, path, &headers, body.as_bytes()).unwrap()
    }

    /// The answer to what must succeed.
    #[track_caller]
    fn json(&self, who: &Who, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.ask(who, method, path, body);
        let (status, text) = (answer.status, answer.text());
        assert!(status < 300, "{}: {method} {path}: {status} {text}", self.url);
        answer.json().unwrap()
    }

    /// Uploads the picture; gives its name.
    fn picture(&self, who: &Who) -> String {
        let head =
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n";
        let form = [head.as_bytes(), &PICTURE, b"\r\n--b--\r\n"].concat();
        let headers = [("content-type", "multipart/form-data; boundary=b"), who.header()];
        let sent = self.server.request("POST", "/api/upload", &headers, &form).unwrap();
        assert_eq!(sent.status, 200, "{}", sent.text());
        sent.json().unwrap()["filename"].as_str().unwrap().to_owned()
    }
}

impl Who {
    fn header(&self) -> (&str, &str) {
        (self.header.0, &self.header.1)
    }
}

/// An event that was told.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Event {
    name: String,
    data: String,
    id: String,
}

/// An event stream.
struct Stream {
    connection: Connection,
    text: String,
    /// How far it was looked through.
    seen: usize,
}

impl Stream {
    /// Is open when nothing is missed any more.
    fn open(desk: &Desk, who: &Who, query: &str, after: Option<&str>) -> Self {
        let mut connection = desk.server.connect().unwrap();
        let mut headers = vec![("accept", "text/event-stream"), who.header()];
        headers.extend(after.map(|id| ("last-event-id", id)));
        let path = format!("/api/events?{query}");
        let host = desk.server.address().to_string();
        connection.send(&request_bytes(&host, "GET", &path, &headers, b"")).unwrap();
        let mut stream = Self { connection, text: String::new(), seen: 0 };
        let first = stream.next();
        assert_eq!(first.name, "connected", "{}: {path}: {}", desk.url, stream.text);
        stream
    }

    fn next(&mut self) -> Event {
        loop {
            let rest = &self.text[self.seen..];
            if let Some(end) = rest.find("\n\n") {
                let event = &rest[..end];
                let field = |name: &str| {
                    let found = event.lines().find_map(|line| line.strip_prefix(name));
                    found.unwrap_or_default().trim_start().to_owned()
                };
                let event = Event { name: field("event:"), data: field("data:"), id: field("id:") };
                self.seen += end + 2;
                if event.name != "ping" {
                    return event;
                }
                continue;
            }
            let part = self.connection.read_part().unwrap();
            assert!(!part.is_empty(), "the stream ended: {}", self.text);
            self.text.push_str(&String::from_utf8(part).unwrap());
        }
    }

    /// All events up to the one that tells of this document.
    fn until(&mut self, id: &Value) -> Vec<Event> {
        let mark = format!("{{\"id\":{id},");
        let mut events = Vec::new();
        loop {
            let event = self.next();
            let is_last = event.data.starts_with(&mark);
            events.push(event);
            if is_last {
                return events;
            }
        }
    }
}

/// A document, and its private picture.
struct Letter {
    id: Value,
    scan: String,
}

fn letter(desk: &Desk, collection: &str, who: &Who, public: bool) -> Letter {
    let scan = desk.picture(who);
    let body = json!({ "owner": who.id, "public": public, "scan": scan });
    let made = desk.json(who, "POST", &format!("/api/{collection}"), &body);
    Letter { id: made["id"].clone(), scan }
}

/// Whether each face shows a document to somebody: all of them must say the same.
fn is_shown(desk: &Desk, who: &Who, letter: &Letter, told: &[Event]) -> bool {
    let Letter { id, scan } = letter;
    let one = format!("/api/seen/{id}");
    let (file, link) = (format!("/uploads/{scan}"), format!("/api/upload/{scan}/link"));
    let status = |method: &str, path: &str| match desk.ask(who, method, path, &json!(null)).status {
        200 => true,
        404 => false,
        other => panic!("{}: {} {path}: {other}", desk.url, who.name),
    };
    let holds = |path: &str| {
        let answer = desk.ask(who, "GET", path, &json!(null));
        assert_eq!(answer.status, 200, "{path}");
        answer.text().contains(scan)
    };
    let faces = [
        ("row", status("GET", &one)),
        ("record", status("GET", &format!("/records/seen/{id}"))),
        ("list", holds("/api/seen")),
        ("records", holds("/records/seen")),
        ("feed", holds("/changes?include=body&limit=1000")),
        ("events", told.iter().any(|event| event.data.contains(scan))),
        ("file", status("GET", &file)),
        ("head of the file", status("HEAD", &file)),
        ("thumbnail", status("GET", &format!("{file}?thumb=4x4"))),
        ("link", status("POST", &link)),
    ];
    let shown = faces[0].1;
    assert!(faces.iter().all(|face| face.1 == shown), "{}: {}: {faces:?}", desk.url, who.name);
    shown
}

/// Principal × document, on every face; and what is told and shown when a document comes into
/// sight and leaves it.
fn check_faces(desk: &Desk) {
    let open = |who| Stream::open(desk, who, "topics=seen", None);
    let mut streams = desk.everybody().map(open);
    let letters = [
        letter(desk, "seen", &desk.ann, false),
        letter(desk, "seen", &desk.bob, false),
        letter(desk, "seen", &desk.bob, true),
    ];
    let table = [
        ("nobody", [false, false, true]),
        ("ann", [true, false, true]),
        ("bob", [false, true, true]),
        ("carl", [true; 3]),
        ("key", [true; 3]),
    ];
    for ((who, stream), (name, expected)) in
        desk.everybody().into_iter().zip(&mut streams).zip(table)
    {
        let told = stream.until(&letters[2].id);
        let shown = letters.each_ref().map(|letter| is_shown(desk, who, letter, &told));
        assert_eq!((who.name, shown), (name, expected), "{}", desk.url);
    }
    // The second comes into sight of all, the third leaves that of most.
    let [_, second, third] = &letters;
    for (letter, public) in [(second, true), (third, false)] {
        let path = format!("/api/seen/{}", letter.id);
        desk.json(&desk.bob, "PATCH", &path, &json!({ "public": public }));
    }
    let end = letter(desk, "seen", &desk.bob, true);
    for (who, stream) in desk.everybody().into_iter().zip(&mut streams) {
        let told = stream.until(&end.id);
        let names: Vec<&str> = told.iter().map(|event| event.name.as_str()).collect();
        let sees_all = ["bob", "carl", "key"].contains(&who.name);
        let expected = match sees_all {
            true => ["seen_updated", "seen_updated", "seen_created"],
            false => ["seen_created", "seen_deleted", "seen_created"],
        };
        assert_eq!(names, expected, "{}: {}", desk.url, who.name);
        let tells = told.iter().any(|event| event.data.contains(&third.scan));
        assert_eq!(tells, sees_all, "{}: {}: {told:?}", desk.url, who.name);
        for (letter, shown) in [(second, true), (third, sees_all)] {
            for path in ["", "?thumb=4x4"] {
                let path = format!("/uploads/{}{path}", letter.scan);
                let status = desk.ask(who, "GET", &path, &json!(null)).status;
                assert_eq!(status == 200, shown, "{}: {} {path}: {status}", desk.url, who.name);
            }
        }
    }
}

/// A text of a collection as it would be of any other: its name, and the ids of documents in the
/// order in which they came up.
#[derive(Default)]
struct Renamed {
    ids: Vec<String>,
}

impl Renamed {
    fn text(&mut self, collection: &str, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("\"id\":") {
            let value = at + "\"id\":".len();
            let end = value + rest[value..].find([',', '}']).unwrap();
            let id = &rest[value..end];
            let known = self.ids.iter().position(|known| known == id);
            let number = known.unwrap_or_else(|| {
                self.ids.push(id.to_owned());
                self.ids.len() - 1
            });
            out.push_str(&format!("{}#{number}", &rest[..value]));
            rest = &rest[end..];
        }
        out.push_str(rest);
        let capital = format!("{}{}", collection[..1].to_uppercase(), &collection[1..]);
        out.replace(collection, "_").replace(&capital, "_")
    }

    fn events(&mut self, collection: &str, events: &[Event]) -> Vec<String> {
        let each = |event: &Event| self.text(collection, &format!("{} {}", event.name, event.data));
        events.iter().map(each).collect()
    }
}

/// One of two equal collections: somebody else writes into the second.
struct Side {
    name: &'static str,
    created: Vec<Value>,
    renamed: Renamed,
    streams: Vec<Stream>,
}

impl Side {
    fn new(desk: &Desk, name: &'static str) -> Self {
        let queries =
            [format!("topics={name}"), format!("topics={name}&filter[{name}]=n%5Bgte%5D%3D3")];
        let open = |query: &String| Stream::open(desk, &desk.ann, query, None);
        let streams = queries.iter().map(open).collect();
        Self { name, created: Vec::new(), renamed: Renamed::default(), streams }
    }

    /// Ann's so-and-so-many-th step; gives what it was answered.
    fn step(&mut self, desk: &Desk, number: usize, scan: &str) -> String {
        let me = &desk.ann.id;
        let create = |n: i64| ("POST", None, json!({ "owner": me, "n": n }));
        let (method, of, body) = match number {
            0 => ("POST", None, json!({ "owner": me, "n": 1, "scan": scan })),
            1 => create(2),
            2 => ("PATCH", Some(0), json!({ "n": 3 })),
            3 => create(5),
            4 => ("PATCH", Some(0), json!({ "scan": null })),
            5 => ("DELETE", Some(1), json!(null)),
            6 => ("PATCH", Some(2), json!({ "public": true, "scan": scan })),
            7 => ("PATCH", Some(2), json!({ "n": 1 })),
            8 => ("PATCH", Some(1), json!({ "n": 4 })),
            _ => create(9),
        };
        let mut path = format!("/api/{}", self.name);
        if let Some(of) = of {
            path.push_str(&format!("/{}", self.created[of]));
        }
        let answer = desk.ask(&desk.ann, method, &path, &body);
        if method == "POST" {
            self.created.push(answer.json().unwrap()["id"].clone());
        }
        let text = format!("{} {}", answer.status, answer.text());
        without_request_id(&self.renamed.text(self.name, &text))
    }

    fn lists(&mut self, desk: &Desk) -> Vec<String> {
        let queries = ["", "?sort=-n", "?page=1&limit=2", "?count=exact&limit=5", "?n[gte]=3"];
        let answers = queries.map(|query| {
            let path = format!("/api/{}{query}", self.name);
            desk.ask(&desk.ann, "GET", &path, &json!(null)).text()
        });
        answers.map(|text| self.renamed.text(self.name, &text)).into()
    }
}

/// What bob does beside ann's step: nothing of it is hers to see.
fn disturb(desk: &Desk, number: usize, theirs: &mut Vec<Letter>) {
    theirs.push(letter(desk, "shared", &desk.bob, false));
    let path = |letter: &Letter| format!("/api/shared/{}", letter.id);
    let first = path(&theirs[0]);
    match number % 3 {
        0 => drop(desk.json(&desk.bob, "PATCH", &first, &json!({ "n": number }))),
        1 => drop(desk.json(&desk.key, "PATCH", &first, &json!({ "owner": 4_000 + number }))),
        _ => drop(desk.json(&desk.key, "DELETE", &path(&theirs.remove(0)), &json!(null))),
    }
}

/// Ann does the same in two collections, and bob something else in one of them: she is answered
/// and told the same.
fn check_alone(desk: &mut Desk) {
    let mut sides = ["alone", "shared"].map(|name| Side::new(desk, name));
    let scan = desk.picture(&desk.ann);
    let mut theirs = Vec::new();
    for number in 0..10 {
        disturb(desk, number, &mut theirs);
        let [one, two] = sides.each_mut().map(|side| side.step(desk, number, &scan));
        assert_eq!(one, two, "{}: step {number}", desk.url);
    }
    let [one, two] = sides.each_mut().map(|side| side.lists(desk));
    assert_eq!(one, two, "{}", desk.url);
    assert!(one[0].contains("#"), "{one:?}");
    let told = sides.each_mut().map(|side| {
        let last = side.created.last().unwrap().clone();
        let all: Vec<_> = side.streams.iter_mut().map(|stream| stream.until(&last)).collect();
        side.streams.clear();
        all
    });
    for which in 0..told[0].len() {
        let [one, two] = [0, 1].map(|side| {
            let Side { name, renamed, .. } = &mut sides[side];
            renamed.events(name, &told[side][which])
        });
        assert_eq!(one, two, "{}", desk.url);
        assert!(one.len() >= 4, "{one:?}");
    }
    // What happened before somebody listened, and what was missed, also over a restart.
    desk.server.kill().unwrap();
    desk.server.start_again().unwrap();
    let [one, two] = [0, 1].map(|side| {
        let Side { name, renamed, created, .. } = &mut sides[side];
        let (whole, last) = (&told[side][0], created.last().unwrap());
        let query = format!("topics={name}&since=0");
        let all = Stream::open(desk, &desk.ann, &query, None).until(last);
        assert_eq!(all, *whole, "{}: what was told is told again", desk.url);
        let query = format!("topics={name}");
        let missed = Stream::open(desk, &desk.ann, &query, Some(&all[2].id)).until(last);
        assert_eq!(missed, all[3..], "{}", desk.url);
        let filtered = format!("topics={name}&since=0&filter[{name}]=n%5Bgte%5D%3D3");
        renamed.events(name, &Stream::open(desk, &desk.ann, &filtered, None).until(last))
    });
    assert_eq!(one, two, "{}", desk.url);
    check_hidden_files(desk, &theirs);
}

/// A problem without what is of its own.
fn without_request_id(text: &str) -> String {
    match text.find("\"request_id\":\"") {
        Some(at) => {
            let value = at + "\"request_id\":\"".len();
            let end = value + text[value..].find('"').unwrap();
            format!("{}{}", &text[..value], &text[end..])
        }
        None => text.to_owned(),
    }
}

/// A file that is not to be seen is answered as one that is not there, whatever is asked of it.
fn check_hidden_files(desk: &Desk, theirs: &[Letter]) {
    let hidden = &theirs.last().unwrap().scan;
    assert_eq!(desk.ask(&desk.bob, "GET", &format!("/uploads/{hidden}"), &json!(null)).status, 200);
    let missing = "00000000-0000-4000-8000-000000000000.png";
    let own = letter(desk, "alone", &desk.ann, false);
    let row = format!("/api/alone/{}", own.id);
    let signed = "expires=4000000000&signature=00112233445566778899aabbccddeeff";
    let asks: [(&str, String, Value, &[(&str, &str)]); 12] = [
        ("GET", "/uploads/NAME".into(), json!(null), &[]),
        ("HEAD", "/uploads/NAME".into(), json!(null), &[]),
        ("GET", "/uploads/NAME".into(), json!(null), &[("range", "bytes=0-3")]),
        ("GET", "/uploads/NAME".into(), json!(null), &[("range", "bytes=9000-")]),
        ("GET", "/uploads/NAME".into(), json!(null), &[("if-none-match", "*")]),
        ("GET", "/uploads/NAME?thumb=4x4".into(), json!(null), &[]),
        ("GET", "/uploads/NAME?thumb=x".into(), json!(null), &[]),
        ("GET", format!("/uploads/NAME?{signed}"), json!(null), &[]),
        ("GET", format!("/uploads/NAME?thumb=4x4&{signed}"), json!(null), &[]),
        ("POST", "/api/upload/NAME/link".into(), json!(null), &[]),
        ("POST", "/api/upload/NAME/link?expires_in=x".into(), json!(null), &[]),
        ("PATCH", row, json!({ "scan": "NAME" }), &[]),
    ];
    for (method, path, body, more) in asks {
        for who in [&desk.nobody, &desk.ann] {
            let [one, two] = [hidden, missing].map(|name| {
                let body = match body.is_null() {
                    true => Value::Null,
                    false => json!({ "scan": name }),
                };
                let path = path.replace("NAME", name);
                let answer = desk.ask_with(who, method, &path, &body, more);
                let own = ["date", "x-request-id"];
                let mut headers = answer.headers.clone();
                headers.retain(|(name, _)| !own.contains(&name.as_str()));
                let text = without_request_id(&answer.text()).replace(name, "NAME");
                (answer.status, headers, text)
            });
            assert!(one.0 >= 400, "{}: {method} {path}: {one:?}", desk.url);
            assert_eq!(one, two, "{}: {method} {path}", desk.url);
        }
    }
}

fn check(url: &str, variables: &[(&'static str, String)]) {
    let mut desk = Desk::new(url, variables);
    check_faces(&desk);
    check_alone(&mut desk);
}

#[test]
fn what_is_not_seen_changes_nothing_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    check(&format!("sqlite://{}", folder.path().join("it.db").display()), &[]);
}

#[test]
fn what_is_not_seen_changes_nothing_on_postgres() {
    let Some(url) = postgres_url() else { return };
    let separator = if url.contains('?') { '&' } else { '?' };
    check(&format!("{url}{separator}schema={}", unique_name("unseen")), &[]);
}

#[test]
fn what_is_not_seen_changes_nothing_on_document_databases() {
    for database in ForeignDatabase::all("unseen") {
        check(&database.url(), &database.credentials());
    }
}
