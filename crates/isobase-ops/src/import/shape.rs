//! What the first record shows of the program that wrote the file, where it is no plain record. Such
//! files are refused with the way out: imported as they are they would be of no use, without a word.

use isobase_types::json::{Kind, Raw};

/// Members in which answers of services and exports have their records, in any letters.
const WRAPPERS: [&str; 9] =
    ["data", "items", "results", "records", "rows", "docs", "documents", "value", "entries"];

/// What stands beside values. Source: Amazon DynamoDB Developer Guide, *Data type descriptors*
/// (November 2026).
const DYNAMODB_TYPES: [&str; 10] = ["S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"];

/// Source: MongoDB manual, *MongoDB Extended JSON (v2)* (November 2026).
const MONGODB_TYPES: [&str; 10] = [
    "$oid",
    "$date",
    "$numberInt",
    "$numberLong",
    "$numberDouble",
    "$numberDecimal",
    "$binary",
    "$uuid",
    "$timestamp",
    "$regularExpression",
];

const AS_IT_IS: &str = "docs/moving-data.md has the line of jq that makes the values plain; --format \
                        ndjson imports the records as they are";

/// Why records like this one are not imported, whatever else is in the file.
pub(super) fn refuses_record(body: &str) -> Option<String> {
    let record = Raw::new(body);
    let reason = if is_dynamodb(record) {
        "the records are DynamoDB's, with the type beside each value; isobase copy \
         dynamodb://REGION/PREFIX … takes whole tables, and "
    } else if is_firestore(record) {
        "the records are Firestore's, with the type beside each value; isobase copy \
         firestore://PROJECT … takes whole databases, and "
    } else if is_mongodb(record) {
        "the records are MongoDB's, with types beside values; "
    } else {
        return None;
    };
    Some(format!("{reason}{AS_IT_IS}"))
}

/// Why an object that is the whole file is not imported.
pub(super) fn refuses_file(body: &str) -> Option<String> {
    let whole = "or give --format ndjson to import the whole as one record";
    if let Some((member, first)) = list_in(body) {
        if let Some(reason) = refuses_record(first.as_text()) {
            return Some(reason);
        }
        return Some(format!(
            "the file is one object, and its member {member:?} is a list of objects; write them as \
             lines first, as in jq -c '.[{member:?}][]' FILE | isobase import -, {whole}"
        ));
    }
    let member = collection_in(Raw::new(body))?;
    Some(format!(
        "the file is one object of objects of objects, as if its members were collections; write those \
         of one as lines first, as in jq -c '.[{member:?}] | to_entries[] | .value + {{id: .key}}' FILE \
         | isobase import - --ids keep, {whole}"
    ))
}

/// The member with the records, when an object is an answer that has them in one, and the first of
/// them.
fn list_in(body: &str) -> Option<(String, Raw<'_>)> {
    Raw::new(body).members().find_map(|(name, value)| {
        let name = name.as_str_decoded()?;
        let first = value.elements().next().filter(|first| first.kind() == Kind::Object)?;
        let is_wrapper = WRAPPERS.iter().any(|it| it.eq_ignore_ascii_case(&name));
        is_wrapper.then(|| (name.into_owned(), first))
    })
}

/// The first member of an object all of whose members have nothing but objects.
fn collection_in(object: Raw<'_>) -> Option<String> {
    let are_objects = |value: Raw<'_>| {
        value.members().next().is_some() && value.members().all(|(_, it)| it.kind() == Kind::Object)
    };
    let (name, _) = object.members().next()?;
    let name = name.as_str_decoded()?;
    object.members().all(|(_, value)| are_objects(value)).then(|| name.into_owned())
}

/// The only member of an object.
fn only_member(value: Raw<'_>) -> Option<(String, Raw<'_>)> {
    let mut members = value.members();
    let (name, value) = members.next()?;
    members.next().is_none().then_some((name.as_str_decoded()?.into_owned(), value))
}

/// Whether an object has members, and each of them is an object of one member with such a name.
fn is_typed(object: Raw<'_>, is_type: impl Fn(&str) -> bool) -> bool {
    let mut members = object.members().peekable();
    members.peek().is_some()
        && members.all(|(_, value)| only_member(value).is_some_and(|(name, _)| is_type(&name)))
}

/// An item of a table, or a line of an export.
fn is_dynamodb(record: Raw<'_>) -> bool {
    let item = only_member(record).filter(|(name, _)| name == "Item").map(|(_, item)| item);
    is_typed(item.unwrap_or(record), |name| DYNAMODB_TYPES.contains(&name))
}

/// `{"name": …, "fields": {"a": {"stringValue": …}}}`
fn is_firestore(record: Raw<'_>) -> bool {
    let member = |wanted: &str| {
        let named = |name: &Raw<'_>| name.as_str_decoded().is_some_and(|name| name == wanted);
        record.members().find(|(name, _)| named(name)).map(|(_, value)| value)
    };
    member("name").is_some_and(|name| name.kind() == Kind::String)
        && member("fields").is_some_and(|it| is_typed(it, |name| name.ends_with("Value")))
}

/// Ids alone are read as they are.
fn is_mongodb(record: Raw<'_>) -> bool {
    record.members().any(|(name, value)| {
        let kind = only_member(value).map(|(kind, _)| kind);
        let is_id = name.as_str_decoded().is_some_and(|name| name == "_id");
        kind.is_some_and(|kind| MONGODB_TYPES.contains(&&*kind) && !(is_id && kind == "$oid"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_other_programs_are_known_by_their_types() {
        for (record, program) in [
            (r#"{"Item":{"a":{"S":"x"},"n":{"N":"5"}}}"#, "DynamoDB"),
            (r#"{"a":{"S":"x"},"l":{"L":[{"S":"x"}]}}"#, "DynamoDB"),
            (r#"{"name":"projects/p/x","fields":{"a":{"stringValue":"x"}}}"#, "Firestore"),
            (r#"{"_id":{"$oid":"5f"},"at":{"$date":"2026-01-01T00:00:00Z"}}"#, "MongoDB"),
            (r#"{"_id":{"$numberLong":"2"},"a":1}"#, "MongoDB"),
        ] {
            let refused = refuses_record(record).unwrap();
            assert!(refused.contains(program), "{record}: {refused}");
        }
        for record in [
            "{}",
            r#"{"Item":{}}"#,
            r#"{"Item":{"a":1}}"#,
            r#"{"S":{"S":"x"},"n":1}"#,
            r#"{"name":"x","fields":{"a":1}}"#,
            r#"{"_id":{"$oid":"5f"},"a":{"b":1}}"#,
        ] {
            assert_eq!(refuses_record(record), None, "{record}");
        }
    }

    #[test]
    fn objects_with_the_records_inside_are_known() {
        for (file, way_out) in [
            (r#"{"next":null,"data":[{"a":1}]}"#, r#"jq -c '.["data"][]'"#),
            (r#"{"Items":[{"a":1}],"Count":1}"#, r#"jq -c '.["Items"][]'"#),
            (r#"{"Items":[{"a":{"S":"x"}}],"Count":1}"#, "DynamoDB"),
            (r#"{"users":{"u1":{"n":1},"u2":{}}}"#, r#"'.["users"] | to_entries[]"#),
        ] {
            let refused = refuses_file(file).unwrap();
            assert!(refused.contains(way_out), "{file}: {refused}");
        }
        for file in [r#"{"lines":[{"a":1}]}"#, r#"{"data":[1]}"#, r#"{"a":{"b":{"c":1}},"d":1}"#] {
            assert_eq!(refuses_file(file), None, "{file}");
        }
    }
}
