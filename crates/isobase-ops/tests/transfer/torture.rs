//! Documents that engines like to change: numbers, names, depth, size, text.

use std::sync::Arc;

use isobase_engine::{
    Action, Engine, IfMissing, IndexDefinition, Precondition, WriteBatch, WriteOperation,
    WriteOutcome,
};
use isobase_types::{CollectionName, DocumentId, json};

/// Documents of the collection of small ones: several parts of every engine's bulk requests; many
/// parts of a mebibyte in a soak.
pub(crate) fn small() -> usize {
    if isobase_testkit::is_soak() { 10_000 } else { 1_500 }
}

/// Numbers, as they stand in a body.
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "0.0",
    "-0.0",
    "1",
    "1.0",
    "1.00",
    "100",
    "1e2",
    "1E2",
    "1E+2",
    "1e-2",
    "0.01",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "-9007199254740993",
    "9223372036854775806",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775807",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "12345678901234567890123456789012345678",
    "99999999999999999999999999999999999999",
    "123456789012345678901234567890123456789",
    "1234567890123456789012345678901234567890.5",
    "0.1",
    "0.1000000000000000055511151231257827",
    "0.30000000000000004",
    "1.50",
    "3.14159265358979",
    "5e-324",
    "2.2250738585072014e-308",
    "1e-400",
    "1e-130",
    "1e-131",
    "1e125",
    "1e126",
    "1e308",
    "1.7976931348623157e308",
    "-1.7976931348623157e308",
    "0e999999",
    "1e21",
    "1e22",
    "123456789e-5",
];

/// Names of fields.
const NAMES: &[&str] = &[
    "",
    " ",
    "_",
    "_x",
    "__x__",
    "__name__",
    "_id",
    "_rev",
    "_attachments",
    "isobase_meta",
    "isobase_json",
    "a.b",
    "a..b",
    ".",
    "$set",
    "$ne",
    "`",
    "a`b",
    "a\\\\b",
    "a/b",
    "a[0]",
    "*",
    "~",
    "key",
    "value",
    "size",
    "type",
    "Id",
    "ID",
    "é",
    "e\u{301}",
    "😀",
    "\u{10ffff}",
    "\\u0000",
    "\\n",
    "\u{7f}",
    "null",
    "0",
    "1",
    "rev",
    "revision",
    "created_at",
    "updated_at",
    "hash",
];

/// Texts, as they stand in a body.
const TEXTS: &[&str] = &[
    "",
    " ",
    "null",
    "true",
    "0",
    "é",
    "e\u{301}",
    "ﬀ",
    "😀",
    "👩‍👩‍👧‍👦",
    "\u{10ffff}",
    "\u{feff}x",
    "\u{2028}",
    "\\u0000",
    "a\\u0000b",
    "\\u001f",
    "\\n\\r\\t",
    "\\\"",
    "\\\\",
    "\u{fffe}\u{ffff}",
    "' OR 1=1 --",
    "{\\\"S\\\":\\\"x\\\"}",
    "2026-11-20T17:00:00.000000Z",
    "\\u001b[31m",
    "\u{202e}abc",
];

/// Ids that callers choose.
const IDS: &[&str] = &[
    "a",
    "A",
    "é",
    "e\u{301}",
    "😀",
    "\u{10ffff}",
    "a b",
    "a.b",
    "...",
    "a:b",
    "a%2Fb",
    "a+b",
    "a?b",
    "a#b",
    "00",
    "01",
    "-1",
    "1.0",
    "9223372036854775808",
    "+1",
    "null",
    "a\\b",
    "a\"b",
    "a'b",
    "a\nb",
    "~",
    "!",
    "x__",
    "$",
    "a\u{1}b",
    "\u{7f}",
    "design",
    "local",
    "x_",
];

/// A document to be written.
struct Torture {
    collection: CollectionName,
    /// None for an integer id.
    id: Option<DocumentId>,
    body: String,
}

/// All of them, with so many small ones.
fn documents(small: usize) -> Vec<Torture> {
    let mut all = Vec::new();
    let mut add = |collection: &str, id: Option<&str>, body: String| {
        let collection = CollectionName::new(collection).unwrap();
        let id = id.map(|id| DocumentId::parse(id).unwrap());
        let body = json::canonicalise_document(body.as_bytes()).expect(&body);
        all.push(Torture { collection, id, body });
    };
    for number in NUMBERS {
        add("numbers", None, format!("{{\"n\":{number},\"list\":[{number},{{\"n\":{number}}}]}}"));
    }
    let numbers: Vec<_> =
        NUMBERS.iter().enumerate().map(|(n, it)| format!("\"n{n}\":{it}")).collect();
    add("numbers", Some("all"), format!("{{{}}}", numbers.join(",")));
    for name in NAMES {
        add("names", None, format!("{{\"{name}\":1,\"in\":{{\"{name}\":{{\"{name}\":[]}}}}}}"));
    }
    for text in TEXTS {
        add("texts", None, format!("{{\"text\":\"{text}\",\"list\":[\"{text}\",[\"{text}\"]]}}"));
    }
    for id in IDS {
        add("ids", Some(id), "{\"chosen\":true}".to_owned());
    }
    add("ids", Some(&"x".repeat(512)), "{}".to_owned());
    add("ids", Some(&"😀".repeat(128)), "{}".to_owned());
    for depth in [1, 2, 18, 19, 20, 21, 30, 31, 32, 33, 100, 126] {
        add("depths", None, format!("{{\"d\":{}{}}}", "[".repeat(depth), "]".repeat(depth)));
        let open = "{\"d\":".repeat(depth);
        add("depths", None, format!("{open}1{}", "}".repeat(depth)));
        let mixed = "{\"d\":[".repeat(depth / 2);
        add("depths", None, format!("{{\"m\":{mixed}1{}}}", "]}".repeat(depth / 2)));
    }
    for body in [
        "{}",
        "{\"a\":{}}",
        "{\"a\":[]}",
        "{\"a\":null}",
        "{\"a\":[null,null]}",
        "{\"a\":\"\"}",
        "{\"b\":1,\"a\":2,\"\":3}",
        "{\"a\":1,\"A\":2}",
        "{\"a\":[{},[],\"\",0,false]}",
        "{\"isobase_json\":\"[1]\"}",
        "{\"a\":{\"isobase_json\":\"[1]\"}}",
        "{\"isobase_meta\":{\"revision\":1}}",
        "{\"a\":{\"S\":\"x\"}}",
        "{\"a\":{\"integerValue\":\"1\"}}",
    ] {
        add("shapes", None, body.to_owned());
    }
    for name in ["with blank", "Größe", "😀", "UPPER", "Upper", "a.b", "_users", "__x__", "-", "0"]
    {
        add(name, None, format!("{{\"in\":\"{name}\"}}"));
    }
    add(&"n".repeat(128), None, "{}".to_owned());
    add(&"😀".repeat(32), None, "{}".to_owned());
    for (n, bytes) in [380_000, 380_000, 390_000, 420_000, 1_100_000].into_iter().enumerate() {
        let text = "0123456789abcdefghijklmnopqrstuvwxyzäöüß".repeat(bytes / 44);
        add("large", None, format!("{{\"n\":{n},\"text\":\"{text}\"}}"));
    }
    for n in 0..400 {
        let fields: Vec<_> = (0..n).map(|field| format!("\"field{field}\":{field}")).collect();
        if n % 100 == 99 {
            add("wide", None, format!("{{{}}}", fields.join(",")));
        }
    }
    for n in 0..small {
        let body =
            format!("{{\"n\":{n},\"name\":\"number {n}\",\"even\":{},\"x\":{n}.5}}", n % 2 == 0);
        let chosen = format!("small-{n:05}");
        add("small", (n % 3 == 0).then_some(&*chosen), body);
    }
    all
}

/// Writes all of it, as callers do; names what the engine refuses. Some documents are changed,
/// some deleted, so that revisions and ids have gaps.
pub(crate) async fn write(engine: &Arc<dyn Engine>, small: usize) {
    let mut operations: Vec<WriteOperation> = Vec::new();
    for Torture { collection, id, body } in documents(small) {
        let action = match id {
            Some(id) => Action::Put { id, body, if_missing: IfMissing::Create },
            None => Action::Create { body },
        };
        operations.push(WriteOperation { collection, action, precondition: Precondition::None });
    }
    let outcomes = carry_out(engine, operations).await;
    assert!(outcomes.iter().all(Result::is_ok));
    let collection = CollectionName::new("small").unwrap();
    let ids: Vec<_> = (0..small).step_by(30).map(|n| format!("small-{n:05}")).collect();
    let ids = ids.iter().map(|id| DocumentId::parse(id).unwrap());
    let changes = ids.enumerate().map(|(n, id)| WriteOperation {
        collection: collection.clone(),
        action: match n % 2 {
            0 => Action::Delete { id },
            _ => Action::Patch {
                id,
                patch: isobase_types::json::Patch::Merge(
                    "{\"patched\":true,\"name\":null}".to_owned(),
                ),
            },
        },
        precondition: Precondition::Exists,
    });
    assert!(carry_out(engine, changes.collect()).await.iter().all(Result::is_ok));
    let empty = CollectionName::new("empty").unwrap();
    for (collection, fields) in
        [(&collection, "name"), (&collection, "even,-n"), (&empty, "unique(n)")]
    {
        let definition = IndexDefinition::parse(fields).unwrap();
        engine.create_index(collection, &definition).await.unwrap();
    }
}

async fn carry_out(engine: &Arc<dyn Engine>, operations: Vec<WriteOperation>) -> Vec<WriteOutcome> {
    let mut outcomes = Vec::new();
    for part in operations.chunks(500) {
        let batch = WriteBatch { operations: part.to_vec(), ..WriteBatch::default() };
        outcomes.extend(engine.write(batch).await.unwrap().outcomes);
    }
    outcomes
}
