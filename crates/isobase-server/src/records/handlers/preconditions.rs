//! Conditions of a request (RFC 9110, section 13.1).
//!
//! Dates know whole seconds, and a document may change several times within one: revisions are the
//! better condition, and where both are sent a date is not looked at (section 13.2.2).

use std::time::UNIX_EPOCH;

use http::{HeaderMap, HeaderName, header};
use isobase_store::Precondition;
use isobase_types::{Document, Revision, Timestamp};

/// The conditions of a request on the document's revision.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Conditions {
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
    /// In seconds since 1970; none beside `If-Match`.
    if_unmodified_since: Option<i64>,
    /// In seconds since 1970; none beside `If-None-Match`.
    if_modified_since: Option<i64>,
}

/// The value of one of the headers.
#[derive(Debug, PartialEq, Eq)]
enum Tags {
    /// `*`
    Any,
    /// The entity tags that may be revisions of ours; others are dropped, they match nothing.
    List(Vec<Tag>),
}

#[derive(Debug, PartialEq, Eq)]
struct Tag {
    revision: Revision,
    weak: bool,
}

/// The answer of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadVerdict {
    /// The document.
    Send,
    /// 304: the caller has it.
    NotModified,
    /// 412: it is not the one the caller wants.
    Failed,
}

/// A condition that cannot be understood.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidConditions {
    /// The grammar of the header is broken.
    #[error("{header} must be '*' or a list of quoted revisions like \"12\", got {value:?}")]
    Malformed {
        /// Which header.
        header: &'static str,
        /// Its value, cut.
        value: String,
    },
    /// A write has both headers, and a store looks at one.
    #[error("If-Match and If-None-Match cannot be combined on a write; send one of them")]
    Both,
}

impl InvalidConditions {
    /// The header to blame.
    pub(crate) fn header(&self) -> &'static str {
        match self {
            Self::Malformed { header, .. } => header,
            Self::Both => IF_NONE_MATCH,
        }
    }
}

pub(crate) const IF_MATCH: &str = "If-Match";
pub(crate) const IF_NONE_MATCH: &str = "If-None-Match";

impl Conditions {
    /// Reads the headers. Costs four look-ups when there are none.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Result<Self, InvalidConditions> {
        let if_match = read_header(headers, header::IF_MATCH, IF_MATCH)?;
        let if_none_match = read_header(headers, header::IF_NONE_MATCH, IF_NONE_MATCH)?;
        let date = |name, tags: &Option<Tags>| tags.is_none().then(|| read_date(headers, name));
        Ok(Self {
            if_unmodified_since: date(header::IF_UNMODIFIED_SINCE, &if_match).flatten(),
            if_modified_since: date(header::IF_MODIFIED_SINCE, &if_none_match).flatten(),
            if_match,
            if_none_match,
        })
    }

    /// Reads the members of a batch operation: `*`, a header's value, or a bare revision.
    pub(crate) fn from_members(
        if_match: Option<&str>,
        if_none_match: Option<&str>,
    ) -> Result<Self, InvalidConditions> {
        Ok(Self {
            if_match: if_match.map(|value| read_member(value, "if_match")).transpose()?,
            if_none_match: if_none_match
                .map(|value| read_member(value, "if_none_match"))
                .transpose()?,
            ..Self::default()
        })
    }

    /// Whether the caller wants only to create: `If-None-Match: *`.
    pub(crate) fn asks_for_missing(&self) -> bool {
        self.if_none_match == Some(Tags::Any)
    }

    /// Whether a write demands that the document was not changed since a date: then it must be read
    /// first.
    pub(crate) fn asks_for_date(&self) -> bool {
        self.if_unmodified_since.is_some()
    }

    /// The conditions of a write on a document that was read for its date: that it is still this one.
    /// `None` if it does not meet the conditions.
    pub(crate) fn for_current(&self, document: &Document) -> Option<Precondition> {
        let verdict = self.judge_read(&document.revision, document.updated_at);
        let meets = verdict == ReadVerdict::Send
            || (verdict == ReadVerdict::NotModified && self.if_none_match.is_none());
        meets.then(|| Precondition::RevisionIn(vec![document.revision.clone()]))
    }

    /// Whether a write demands what no revision meets: `If-Match` compares strongly, and each of its
    /// tags is weak, as a proxy that compresses answers makes them (section 8.8.3.2).
    pub(crate) fn is_weak(&self) -> bool {
        let is_weak = |tags: &Tags| match tags {
            Tags::Any => false,
            Tags::List(tags) => !tags.is_empty() && tags.iter().all(|tag| tag.weak),
        };
        self.if_match.as_ref().is_some_and(is_weak)
    }

    /// The conditions of a write, dates apart. `If-Match` compares strongly: a weak tag matches nothing.
    pub(crate) fn into_precondition(self) -> Result<Precondition, InvalidConditions> {
        match (self.if_match, self.if_none_match) {
            (None, None) => Ok(Precondition::None),
            (Some(Tags::Any), None) => Ok(Precondition::Exists),
            (Some(Tags::List(tags)), None) => {
                let strong = tags.into_iter().filter(|tag| !tag.weak);
                Ok(Precondition::RevisionIn(strong.map(|tag| tag.revision).collect()))
            }
            (None, Some(Tags::Any)) => Ok(Precondition::Missing),
            (None, Some(Tags::List(tags))) => {
                let revisions = tags.into_iter().map(|tag| tag.revision).collect();
                Ok(Precondition::RevisionNotIn(revisions))
            }
            (Some(_), Some(_)) => Err(InvalidConditions::Both),
        }
    }

    /// The answer to a read of a document, in the order of section 13.2.2. `If-None-Match` compares
    /// weakly.
    pub(crate) fn judge_read(&self, revision: &Revision, updated_at: Timestamp) -> ReadVerdict {
        let matches = |tags: &Tags, weak_allowed: bool| match tags {
            Tags::Any => true,
            Tags::List(tags) => {
                tags.iter().any(|tag| (weak_allowed || !tag.weak) && tag.revision == *revision)
            }
        };
        if self.if_match.as_ref().is_some_and(|tags| !matches(tags, false)) {
            return ReadVerdict::Failed;
        }
        // As `Last-Modified` tells it.
        let changed = updated_at.unix_us.div_euclid(1_000_000);
        if self.if_unmodified_since.is_some_and(|date| changed > date) {
            return ReadVerdict::Failed;
        }
        if self.if_none_match.as_ref().is_some_and(|tags| matches(tags, true)) {
            return ReadVerdict::NotModified;
        }
        if self.if_modified_since.is_some_and(|date| changed <= date) {
            return ReadVerdict::NotModified;
        }
        ReadVerdict::Send
    }
}

fn read_header(
    headers: &HeaderMap,
    header: HeaderName,
    name: &'static str,
) -> Result<Option<Tags>, InvalidConditions> {
    let mut values = headers.get_all(header).iter();
    let Some(first) = values.next() else { return Ok(None) };
    let mut tags = parse(first.as_bytes(), name)?;
    for value in values {
        // Several lines of one header are one list (RFC 9110, section 5.3); `*` is not a list.
        match (&mut tags, parse(value.as_bytes(), name)?) {
            (Tags::List(tags), Tags::List(more)) => tags.extend(more),
            _ => return Err(malformed(name, value.as_bytes())),
        }
    }
    Ok(Some(tags))
}

/// A date in one of its three forms; anything else is ignored, as section 13.1.3 asks.
fn read_date(headers: &HeaderMap, name: HeaderName) -> Option<i64> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let date = httpdate::parse_http_date(value.to_str().ok()?).ok()?;
    let since = date.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

fn read_member(value: &str, name: &'static str) -> Result<Tags, InvalidConditions> {
    if value != "*"
        && let Ok(revision) = Revision::parse(value)
    {
        return Ok(Tags::List(vec![Tag { revision, weak: false }]));
    }
    parse(value.as_bytes(), name)
}

/// Reads `*` or a list of entity tags; empty elements of the list are allowed by RFC 9110,
/// section 5.6.1, an empty list is not.
fn parse(value: &[u8], header: &'static str) -> Result<Tags, InvalidConditions> {
    let mut rest = value.trim_ascii();
    if rest == b"*" {
        return Ok(Tags::Any);
    }
    let mut tags = Vec::new();
    let mut any = false;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(b",") {
            rest = after.trim_ascii_start();
            continue;
        }
        let (tag, after) = parse_tag(rest).ok_or_else(|| malformed(header, value))?;
        any = true;
        tags.extend(tag);
        rest = after.trim_ascii_start();
        if !rest.is_empty() && !rest.starts_with(b",") {
            return Err(malformed(header, value));
        }
    }
    if any { Ok(Tags::List(tags)) } else { Err(malformed(header, value)) }
}

/// One entity tag and what follows it; no tag when it cannot be a revision of ours.
fn parse_tag(text: &[u8]) -> Option<(Option<Tag>, &[u8])> {
    let (weak, text) = match text.strip_prefix(b"W/") {
        Some(text) => (true, text),
        None => (false, text),
    };
    let text = text.strip_prefix(b"\"")?;
    let end = text.iter().position(|byte| *byte == b'"')?;
    let (opaque, after) = (&text[..end], &text[end + 1..]);
    if !opaque.iter().all(|byte| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..)) {
        return None;
    }
    let revision = std::str::from_utf8(opaque).ok().and_then(|text| Revision::parse(text).ok());
    Some((revision.map(|revision| Tag { revision, weak }), after))
}

fn malformed(header: &'static str, value: &[u8]) -> InvalidConditions {
    let value = String::from_utf8_lossy(value).chars().take(100).collect();
    InvalidConditions::Malformed { header, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20 at 14:09:00 and a half.
    const NOW: Timestamp = Timestamp { unix_us: 1_795_183_740_500_000 };

    fn number(number: u64) -> Revision {
        Revision::from_number(number)
    }

    fn conditions(name: HeaderName, values: &[&str]) -> Result<Conditions, InvalidConditions> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        Conditions::from_headers(&headers)
    }

    fn precondition(name: HeaderName, values: &[&str]) -> Precondition {
        conditions(name, values).unwrap().into_precondition().unwrap()
    }

    #[test]
    fn no_header_demands_nothing() {
        assert_eq!(precondition(header::IF_MATCH, &[]), Precondition::None);
    }

    #[test]
    fn if_match_becomes_a_precondition() {
        let list = |numbers: &[u64]| {
            Precondition::RevisionIn(numbers.iter().copied().map(number).collect())
        };
        let cases = [
            (&["*"][..], Precondition::Exists),
            (&["\"5\""], list(&[5])),
            (&[" \"5\" ,\t\"6\""], list(&[5, 6])),
            (&["\"5\"", "\"6\""], list(&[5, 6])),
            (&[",,\"5\",,"], list(&[5])),
            (&["W/\"5\""], list(&[])),
            (&["\"\""], list(&[])),
            (&["\"a b\u{e9}\""][..0], Precondition::None),
        ];
        for (values, expected) in cases {
            assert_eq!(precondition(header::IF_MATCH, values), expected, "{values:?}");
        }
    }

    #[test]
    fn if_none_match_becomes_a_precondition() {
        let name = header::IF_NONE_MATCH;
        assert_eq!(precondition(name.clone(), &["*"]), Precondition::Missing);
        assert_eq!(
            precondition(name, &["W/\"5\", \"6\""]),
            Precondition::RevisionNotIn(vec![number(5), number(6)])
        );
    }

    #[test]
    fn malformed_headers_are_named() {
        let cases = [
            "",
            ",",
            "5",
            "\"5",
            "5\"",
            "\"5\" \"6\"",
            "\"5\"x",
            "w/\"5\"",
            "W/5",
            "*, \"5\"",
            "\"5\", *",
            "\"a b\"",
            "**",
            "'5'",
        ];
        for value in cases {
            for (name, text) in
                [(header::IF_MATCH, IF_MATCH), (header::IF_NONE_MATCH, IF_NONE_MATCH)]
            {
                let error = conditions(name, &[value]).unwrap_err();
                assert_eq!(error.header(), text, "{value:?}");
                assert!(error.to_string().starts_with(text), "{error}");
            }
        }
        conditions(header::IF_MATCH, &["*", "\"5\""]).unwrap_err();
        conditions(header::IF_MATCH, &["\"5\"", "*"]).unwrap_err();
    }

    #[test]
    fn both_headers_are_refused_on_a_write_only() {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_MATCH, http::HeaderValue::from_static("\"5\""));
        headers.insert(header::IF_NONE_MATCH, http::HeaderValue::from_static("\"6\""));
        let read = Conditions::from_headers(&headers).unwrap();
        assert_eq!(read.judge_read(&number(5), NOW), ReadVerdict::Send);
        assert_eq!(read.into_precondition(), Err(InvalidConditions::Both));
    }

    #[test]
    fn reads_compare_as_the_header_says() {
        let judge = |name: HeaderName, value: &str| {
            conditions(name, &[value]).unwrap().judge_read(&number(5), NOW)
        };
        let cases = [
            (header::IF_NONE_MATCH, "\"5\"", ReadVerdict::NotModified),
            (header::IF_NONE_MATCH, "W/\"5\"", ReadVerdict::NotModified),
            (header::IF_NONE_MATCH, "\"4\", \"5\"", ReadVerdict::NotModified),
            (header::IF_NONE_MATCH, "*", ReadVerdict::NotModified),
            (header::IF_NONE_MATCH, "\"4\"", ReadVerdict::Send),
            (header::IF_NONE_MATCH, "\"05\"", ReadVerdict::Send),
            (header::IF_MATCH, "\"5\"", ReadVerdict::Send),
            (header::IF_MATCH, "*", ReadVerdict::Send),
            (header::IF_MATCH, "W/\"5\"", ReadVerdict::Failed),
            (header::IF_MATCH, "\"4\"", ReadVerdict::Failed),
        ];
        for (name, value, verdict) in cases {
            assert_eq!(judge(name, value), verdict, "{value}");
        }
    }

    #[test]
    fn dates_are_looked_at_without_tags_only() {
        let judge = |pairs: &[(HeaderName, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(name, http::HeaderValue::from_static(value));
            }
            Conditions::from_headers(&headers).unwrap().judge_read(&number(5), NOW)
        };
        let (before, same) = ("Fri, 20 Nov 2026 14:08:59 GMT", "Fri, 20 Nov 2026 14:09:00 GMT");
        let (unmodified, modified) = (header::IF_UNMODIFIED_SINCE, header::IF_MODIFIED_SINCE);
        let (tag, none) = (header::IF_MATCH, header::IF_NONE_MATCH);
        let cases: [(&[_], _); 9] = [
            (&[(unmodified.clone(), before)], ReadVerdict::Failed),
            (&[(unmodified.clone(), same)], ReadVerdict::Send),
            (&[(unmodified.clone(), "yesterday")], ReadVerdict::Send),
            (&[(unmodified.clone(), before), (tag, "\"5\"")], ReadVerdict::Send),
            (&[(modified.clone(), before)], ReadVerdict::Send),
            (&[(modified.clone(), same)], ReadVerdict::NotModified),
            (&[(modified.clone(), same), (none, "\"4\"")], ReadVerdict::Send),
            (&[(modified.clone(), same), (modified.clone(), same)], ReadVerdict::Send),
            (&[(unmodified, before), (modified, same)], ReadVerdict::Failed),
        ];
        for (headers, verdict) in cases {
            assert_eq!(judge(headers), verdict, "{headers:?}");
        }
    }

    #[test]
    fn members_take_bare_revisions() {
        let read = |value| {
            Conditions::from_members(Some(value), None).and_then(Conditions::into_precondition)
        };
        assert_eq!(read("5"), Ok(Precondition::RevisionIn(vec![number(5)])));
        assert_eq!(read("\"5\""), Ok(Precondition::RevisionIn(vec![number(5)])));
        assert_eq!(read("*"), Ok(Precondition::Exists));
        read("").unwrap_err();
        read("5 6").unwrap_err();
    }
}
