//! The table of routes, and finding a path in it.

use std::borrow::Cow;

use http::HeaderValue;
use percent_encoding::percent_decode_str;

use crate::{
    Method, Spec,
    call::{PATH_PARAMETERS_MAX, PathParameters},
};

/// A list of routes that cannot be a service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRoute {
    /// Two routes have the same method and path.
    #[error("{method} {path} is there twice")]
    Twice {
        /// The method.
        method: &'static str,
        /// The path.
        path: String,
    },
    /// Two routes have the same name.
    #[error("the operation {0} is there twice")]
    Name(String),
    /// A path is not one, cannot be told from another, or has too many parameters.
    #[error("the path {path} cannot be used: {reason}")]
    Path {
        /// The path.
        path: String,
        /// Why not.
        reason: String,
    },
}

/// Routes by path.
pub(crate) struct Table {
    tree: matchit::Router<usize>,
    paths: Vec<PathEntry>,
}

/// The methods of one path.
pub(crate) struct PathEntry {
    methods: Methods,
    /// A slash at the end of the path changes nothing.
    takes_slash: bool,
    /// Every method the path answers, for the `Allow` header.
    pub(crate) allow: HeaderValue,
    /// The last segment, when a path with a parameter in its place would match too: no document
    /// can have that id, and a write to it is told so.
    reserved: Option<Reserved>,
}

/// A name that is taken from the ids.
struct Reserved {
    name: Box<str>,
    /// The methods of the path with the parameter.
    methods: Methods,
}

/// The number of the route of each method, by [`Method::index`].
type Methods = [Option<usize>; Method::ALL.len()];

/// Where a path leads.
pub(crate) enum Found<'a> {
    /// To an entry of the table.
    Path(&'a PathEntry, PathParameters),
    /// To an entry, without its last slash.
    WithoutSlash,
    /// Nowhere.
    Nothing,
    /// It is not valid percent-encoded UTF-8, or has a segment `.` or `..`.
    Malformed,
}

impl Table {
    /// The table of some routes, by their places in the list, without the one of all other paths.
    pub(crate) fn new(specs: &[Spec], fallback: Option<usize>) -> Result<Self, InvalidRoute> {
        let mut table = Self { tree: matchit::Router::new(), paths: Vec::new() };
        let mut seen: Vec<&str> = Vec::new();
        for (number, spec) in specs.iter().enumerate() {
            check_name(spec, &specs[..number])?;
            if fallback == Some(number) {
                continue;
            }
            let place = match seen.iter().position(|path| *path == spec.path) {
                Some(place) => place,
                None => {
                    table.insert_path(&spec.path)?;
                    seen.push(&spec.path);
                    seen.len() - 1
                }
            };
            table.paths[place].takes_slash |= spec.takes_slash;
            let slot = &mut table.paths[place].methods[spec.method.index()];
            if slot.replace(number).is_some() {
                let (method, path) = (spec.method.as_str(), spec.path.to_string());
                return Err(InvalidRoute::Twice { method, path });
            }
        }
        for (place, path) in seen.iter().enumerate() {
            let reserved = reserved_name(path, &seen).map(|(name, sibling)| {
                let methods = table.paths[sibling].methods;
                Reserved { name: name.into(), methods }
            });
            let entry = &mut table.paths[place];
            entry.allow = entry.allowed();
            entry.reserved = reserved;
        }
        Ok(table)
    }

    fn insert_path(&mut self, path: &str) -> Result<(), InvalidRoute> {
        let invalid = |reason: String| InvalidRoute::Path { path: path.to_owned(), reason };
        let parameters = path.matches('{').count();
        if parameters > PATH_PARAMETERS_MAX {
            return Err(invalid(format!("it has more than {PATH_PARAMETERS_MAX} parameters")));
        }
        let inserted = self.tree.insert(path, self.paths.len());
        inserted.map_err(|error| invalid(error.to_string()))?;
        self.paths.push(PathEntry::default());
        Ok(())
    }

    /// Finds a path as it was sent. It is split first and decoded then (RFC 3986, 2.2): an escaped
    /// slash belongs to its segment.
    pub(crate) fn find(&self, path: &str) -> Found<'_> {
        if has_dot_segment(path) {
            return Found::Malformed;
        }
        let decoded = match decode(path) {
            Ok(Cow::Borrowed(_)) => None,
            Ok(Cow::Owned(decoded)) => Some(decoded.into_boxed_str()),
            Err(()) => return Found::Malformed,
        };
        let split = decoded.as_deref().map(|decoded| without_inner_slashes(path, decoded));
        let text = split.as_deref().unwrap_or(path);
        if let Ok(found) = self.tree.at(text)
            && !found.params.iter().any(|(_, value)| value.is_empty())
        {
            let mut places = [(0, 0); PATH_PARAMETERS_MAX];
            for (place, (_, value)) in places.iter_mut().zip(found.params.iter()) {
                // The value is a part of the text, and has the same place in the decoded path.
                let from = value.as_ptr() as usize - text.as_ptr() as usize;
                *place = (from as u32, (from + value.len()) as u32);
            }
            let entry = &self.paths[*found.value];
            return Found::Path(entry, PathParameters { decoded, places });
        }
        let trimmed = text.strip_suffix('/').filter(|_| path.ends_with('/'));
        match trimmed.and_then(|trimmed| self.tree.at(trimmed).ok()) {
            Some(found) if self.paths[*found.value].takes_slash => {
                Found::Path(&self.paths[*found.value], PathParameters::default())
            }
            Some(_) => Found::WithoutSlash,
            None => Found::Nothing,
        }
    }
}

impl Default for PathEntry {
    fn default() -> Self {
        let allow = HeaderValue::from_static("OPTIONS");
        Self { methods: [None; Method::ALL.len()], takes_slash: false, allow, reserved: None }
    }
}

impl PathEntry {
    /// The number of the route of a method; `HEAD` has that of `GET`.
    pub(crate) fn route(&self, method: &http::Method) -> Option<usize> {
        self.methods[Method::of(method)?.index()]
    }

    /// The name that keeps a document from being written here, when the method would write one.
    pub(crate) fn reserved(&self, method: &http::Method) -> Option<&str> {
        let reserved = self.reserved.as_ref()?;
        let method = Method::of(method).filter(|method| *method != Method::Get)?;
        reserved.methods[method.index()].map(|_| &*reserved.name)
    }

    fn allowed(&self) -> HeaderValue {
        let mut names = Vec::new();
        for method in Method::ALL.iter().filter(|method| self.methods[method.index()].is_some()) {
            if *method == Method::Options {
                continue;
            }
            names.push(method.as_str());
            if *method == Method::Get {
                names.push("HEAD");
            }
        }
        names.push("OPTIONS");
        HeaderValue::from_str(&names.join(", ")).expect("method names are visible ASCII")
    }
}

fn check_name(spec: &Spec, before: &[Spec]) -> Result<(), InvalidRoute> {
    if before.iter().any(|other| other.operation.id == spec.operation.id) {
        return Err(InvalidRoute::Name(spec.operation.id.to_string()));
    }
    Ok(())
}

/// The last segment of a path and the path that has a parameter in its place, if there is one.
fn reserved_name<'a>(path: &'a str, paths: &[&str]) -> Option<(&'a str, usize)> {
    let (parent, name) = path.rsplit_once('/').filter(|(_, name)| !name.starts_with('{'))?;
    let is_sibling = |other: &&str| {
        other.rsplit_once('/').is_some_and(|(of, name)| of == parent && name.starts_with('{'))
    };
    paths.iter().position(is_sibling).map(|sibling| (name, sibling))
}

/// Whether a path has a segment `.` or `..`. Clients and proxies resolve them, so that no one knows
/// which path was meant; as ids they are sent as `%2E` and `%2E%2E`.
fn has_dot_segment(path: &str) -> bool {
    path.contains("/.") && path.split('/').any(|segment| matches!(segment, "." | ".."))
}

/// The decoded path with another character in place of each slash that was sent as `%2F`. No route
/// has that character, and the rest keeps its place.
fn without_inner_slashes<'a>(path: &str, decoded: &'a str) -> Cow<'a, str> {
    const INNER_SLASH: char = '\u{1}';
    if !path.contains("%2F") && !path.contains("%2f") {
        return Cow::Borrowed(decoded);
    }
    let segments = path.split('/').map(|segment| percent_decode_str(segment).decode_utf8_lossy());
    let segments: Vec<_> = segments
        .map(|segment| segment.replace('/', INNER_SLASH.encode_utf8(&mut [0; 4])))
        .collect();
    Cow::Owned(segments.join("/"))
}

/// Decodes a path. Unlike lenient decoders it refuses a `%` that is not followed by two digits.
fn decode(path: &str) -> Result<Cow<'_, str>, ()> {
    if !path.contains('%') {
        return Ok(Cow::Borrowed(path));
    }
    let bytes = path.as_bytes();
    let proper = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%').all(|(at, _)| {
        let digits = bytes.get(at + 1..at + 3);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if !proper {
        return Err(());
    }
    percent_decode_str(path).decode_utf8().map_err(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BodyLimit, Operation, Permission};

    fn spec(method: Method, path: &'static str, operation_id: &'static str) -> Spec {
        let operation = Operation::new(operation_id, "", "");
        let (permission, body) = (Permission::Read, BodyLimit::None);
        let (takes_slash, is_event_stream) = (false, false);
        Spec {
            method,
            path: path.into(),
            permission,
            body,
            takes_slash,
            is_event_stream,
            operation,
        }
    }

    #[test]
    fn a_list_with_two_of_one_is_refused() {
        let get = || spec(Method::Get, "/a/{b}", "get");
        let table = |specs: &[Spec]| Table::new(specs, None).err().map(|error| error.to_string());
        assert_eq!(table(&[get(), spec(Method::Put, "/a/{b}", "put")]), None);
        let twice = table(&[get(), spec(Method::Get, "/a/{b}", "other")]);
        assert_eq!(twice.as_deref(), Some("GET /a/{b} is there twice"));
        let name = table(&[get(), spec(Method::Put, "/a/{b}", "get")]);
        assert_eq!(name.as_deref(), Some("the operation get is there twice"));
        for path in ["/a/{c}", "/a/{", "/{a}/{b}/{c}/{d}/{e}"] {
            assert!(table(&[get(), spec(Method::Get, path, "other")]).is_some(), "{path}");
        }
    }

    #[test]
    fn escaped_slashes_belong_to_their_segment() {
        let table = Table::new(
            &[
                spec(Method::Get, "/records/{collection}", "list"),
                spec(Method::Get, "/records/{collection}/{id}", "get"),
            ],
            None,
        )
        .unwrap();
        let parameters = |path: &str| match table.find(path) {
            Found::Path(_, PathParameters { decoded, places }) => {
                let text = decoded.as_deref().unwrap_or(path).to_owned();
                let [first, second, ..] = places;
                [first, second].map(|(from, to)| text[from as usize..to as usize].to_owned())
            }
            Found::WithoutSlash => ["a slash".to_owned(), String::new()],
            Found::Nothing => ["nothing".to_owned(), String::new()],
            Found::Malformed => ["malformed".to_owned(), String::new()],
        };
        for (path, found) in [
            ("/records/c/x%2Fy", ["c", "x/y"]),
            ("/records/c/%2f", ["c", "/"]),
            ("/records/c%2Fd/x", ["c/d", "x"]),
            ("/records/%c3%a4/%C3%A4%2F%01", ["ä", "ä/\u{1}"]),
            ("/records/c%2Fd", ["c/d", ""]),
            ("/records%2Fc/d", ["nothing", ""]),
            ("/records/c/%2E%2E", ["c", ".."]),
            ("/records/c/%2E", ["c", "."]),
            ("/records/c/..", ["malformed", ""]),
            ("/records/c/.", ["malformed", ""]),
            ("/records/../c", ["malformed", ""]),
            ("/records/c/...", ["c", "..."]),
            ("/records/c/.a", ["c", ".a"]),
            ("/records/c/x/", ["a slash", ""]),
            ("/records/c/x%2F", ["c", "x/"]),
        ] {
            assert_eq!(parameters(path), found.map(str::to_owned), "{path}");
        }
    }

    #[test]
    fn decoding_refuses_broken_sequences() {
        assert_eq!(decode("/a"), Ok(Cow::Borrowed("/a")));
        assert_eq!(decode("/%e2%98%83%2Fb"), Ok(Cow::Borrowed("/\u{2603}/b")));
        for path in ["/%", "/%4", "/%zz", "/a%ff", "/%c3%28"] {
            assert_eq!(decode(path), Err(()), "{path}");
        }
    }
}
