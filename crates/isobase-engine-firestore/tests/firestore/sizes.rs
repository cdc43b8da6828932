//! What is refused before it is sent is what Firestore refuses.

use isobase_engine::ErrorKind;
use isobase_remote::{Backend, DocumentWrite};
use isobase_types::DocumentId;

use crate::support::{Database, after, key, on_each};

async fn is_stored(database: &Database, body: &str) -> Result<(), ErrorKind> {
    let backend = &database.backend;
    let after = after(backend, body, &[b"k"]);
    let write = DocumentWrite { key: key("sizes", "x"), before: None, after: Some(after) };
    backend.load(vec![write]).await.map_err(|error| error.kind)
}

fn is_refused(database: &Database, body: &str) -> bool {
    let backend = &database.backend;
    let id = DocumentId::parse("x").expect("an id");
    backend.refuses_size(&id, &after(backend, body, &[b"k"])).is_some()
}

#[test]
fn documents_fit_up_to_a_mebibyte_and_not_beyond() {
    on_each(async |database| {
        let small: Vec<_> = (0..2_000).map(|n| format!(r#"{{"a":{n},"b":{{}}}}"#)).collect();
        let maps = format!("[{}]", small.join(","));
        for extra in ["1", "[true,null,1.5,\"x\"]", &maps] {
            let body = |bytes: usize| {
                let half = "x".repeat(bytes / 2);
                format!(r#"{{"a":"{half}","b":"{half}","c":{extra}}}"#)
            };
            let (mut fits, mut too_large) = (0, 1 << 21);
            while too_large - fits > 2 {
                let middle = (fits + too_large) / 4 * 2;
                if is_refused(&database, &body(middle)) {
                    too_large = middle;
                } else {
                    fits = middle;
                }
            }
            assert_eq!(is_stored(&database, &body(fits)).await, Ok(()));
            assert!(fits > 900_000, "{fits}");
            // The longest name of a collection is counted, this one is short.
            let refused = is_stored(&database, &body(too_large + 400)).await;
            let case = format!("{} {fits} {}", database.host.name, extra.len());
            assert_eq!(refused, Err(ErrorKind::LimitExceeded), "{case}");
        }
    });
}

#[test]
fn deep_and_odd_values_are_stored() {
    on_each(async |database| {
        let nested = |levels: usize| {
            format!("{}1{}", r#"{"a":["#.repeat(levels / 2), "]}".repeat(levels / 2))
        };
        let bodies = [
            nested(18),
            nested(20),
            nested(24),
            nested(100),
            r#"{"a":[[1,[2]],{"b":[[]]}]}"#.to_owned(),
            r#"{"":1,"__x__":{"":2,"__y__":[3]},"_id":"q","isobase_meta":{"a":1}}"#.to_owned(),
            format!(r#"{{"{}":1}}"#, "n".repeat(1_500)),
            format!(r#"{{"a":{{"{}":1}}}}"#, "n".repeat(1_501)),
            r#"{"a.b":1,"`":2,"\\":3,"ключ":4,"a b":5,"0":6}"#.to_owned(),
        ];
        for body in bodies {
            assert!(!is_refused(&database, &body), "{body}");
            assert_eq!(is_stored(&database, &body).await, Ok(()), "{body}");
            assert_eq!(database.body("sizes", "x").await.as_deref(), Some(&*body));
        }
    });
}
