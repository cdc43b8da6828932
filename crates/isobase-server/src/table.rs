//! The table of routes, and finding a path in it.

use std::{borrow::Cow, sync::LazyLock};

use http::HeaderValue;
use percent_encoding::percent_decode_str;

use crate::{
    Method, Route,
    call::{PATH_PARAMETERS_MAX, PathParameters},
    data_store, records, service_routes,
};

/// Every route there is: the router and the OpenAPI document are made from these lists.
static LISTS: [&[Route]; 4] =
    [service_routes::ROUTES, records::ROUTES, records::SCHEMA_ROUTES, data_store::ROUTES];

/// The routes and the tree that finds them.
pub(crate) static TABLE: LazyLock<Table> = LazyLock::new(Table::new);

/// Routes by path.
pub(crate) struct Table {
    tree: matchit::Router<usize>,
    paths: Vec<PathEntry>,
    routes: usize,
}

/// The methods of one path.
pub(crate) struct PathEntry {
    /// By [`Method::index`].
    methods: [Option<RouteEntry>; Method::ALL.len()],
    /// Every method the path answers, for the `Allow` header.
    pub(crate) allow: HeaderValue,
    /// The last segment, when a path with a parameter in its place would match too: no document
    /// can have that id, and a write to it is told so.
    reserved: Option<Reserved>,
}

/// A name that is taken from the ids.
struct Reserved {
    name: &'static str,
    /// The methods of the path with the parameter.
    methods: [Option<RouteEntry>; Method::ALL.len()],
}

/// A route and its number, by which metrics are kept.
#[derive(Clone, Copy)]
pub(crate) struct RouteEntry {
    pub(crate) route: &'static Route,
    pub(crate) number: usize,
}

/// Where a path leads.
pub(crate) enum Found {
    /// To an entry of the table.
    Path(&'static PathEntry, PathParameters),
    /// To an entry, without its last slash.
    WithoutSlash,
    /// Nowhere.
    Nothing,
    /// It is not valid percent-encoded UTF-8.
    Malformed,
}

/// All routes in their order.
pub(crate) fn routes() -> impl Iterator<Item = &'static Route> {
    LISTS.iter().flat_map(|list| list.iter())
}

impl Table {
    fn new() -> Self {
        let mut table = Self { tree: matchit::Router::new(), paths: Vec::new(), routes: 0 };
        let mut seen: Vec<&'static str> = Vec::new();
        for (number, route) in routes().enumerate() {
            let place = seen.iter().position(|path| *path == route.path).unwrap_or_else(|| {
                seen.push(route.path);
                table.paths.push(PathEntry::default());
                table
                    .tree
                    .insert(route.path, seen.len() - 1)
                    .expect("a test checks that the paths of the table are valid");
                seen.len() - 1
            });
            let entry = &mut table.paths[place];
            entry.methods[route.method.index()] = Some(RouteEntry { route, number });
            table.routes = number + 1;
        }
        for (place, path) in seen.iter().enumerate() {
            let reserved = reserved_name(path, &seen).map(|(name, sibling)| {
                let methods = table.paths[sibling].methods;
                Reserved { name, methods }
            });
            let entry = &mut table.paths[place];
            entry.allow = entry.allowed();
            entry.reserved = reserved;
        }
        table
    }

    /// How many routes there are.
    pub(crate) fn len(&self) -> usize {
        self.routes
    }

    /// Finds a path as it was sent.
    pub(crate) fn find(&'static self, path: &str) -> Found {
        let decoded = match decode(path) {
            Ok(Cow::Borrowed(_)) => None,
            Ok(Cow::Owned(decoded)) => Some(decoded.into_boxed_str()),
            Err(()) => return Found::Malformed,
        };
        let text = decoded.as_deref().unwrap_or(path);
        if let Ok(found) = self.tree.at(text)
            && !found.params.iter().any(|(_, value)| value.is_empty())
        {
            let mut places = [(0, 0); PATH_PARAMETERS_MAX];
            for (place, (_, value)) in places.iter_mut().zip(found.params.iter()) {
                // The value is a part of the text.
                let from = value.as_ptr() as usize - text.as_ptr() as usize;
                *place = (from as u32, (from + value.len()) as u32);
            }
            let entry = &self.paths[*found.value];
            return Found::Path(entry, PathParameters { decoded, places });
        }
        match text.strip_suffix('/') {
            Some(trimmed) if path.ends_with('/') && self.tree.at(trimmed).is_ok() => {
                Found::WithoutSlash
            }
            _ => Found::Nothing,
        }
    }
}

impl Default for PathEntry {
    fn default() -> Self {
        let allow = HeaderValue::from_static("OPTIONS");
        Self { methods: [None; Method::ALL.len()], allow, reserved: None }
    }
}

impl PathEntry {
    /// The route of a method; `HEAD` has that of `GET`.
    pub(crate) fn route(&self, method: &http::Method) -> Option<RouteEntry> {
        self.methods[Method::of(method)?.index()]
    }

    /// The name that keeps a document from being written here, when the method would write one.
    pub(crate) fn reserved(&self, method: &http::Method) -> Option<&'static str> {
        let reserved = self.reserved.as_ref()?;
        let method = Method::of(method).filter(|method| *method != Method::Get)?;
        reserved.methods[method.index()].map(|_| reserved.name)
    }

    fn allowed(&self) -> HeaderValue {
        let mut names = Vec::new();
        for method in Method::ALL.iter().filter(|method| self.methods[method.index()].is_some()) {
            names.push(method.as_str());
            if *method == Method::Get {
                names.push("HEAD");
            }
        }
        names.push("OPTIONS");
        HeaderValue::from_str(&names.join(", ")).expect("method names are visible ASCII")
    }
}

/// The last segment of a path and the path that has a parameter in its place, if there is one.
fn reserved_name(path: &'static str, paths: &[&'static str]) -> Option<(&'static str, usize)> {
    let (parent, name) = path.rsplit_once('/').filter(|(_, name)| !name.starts_with('{'))?;
    let is_sibling = |other: &&str| {
        other.rsplit_once('/').is_some_and(|(of, name)| of == parent && name.starts_with('{'))
    };
    paths.iter().position(is_sibling).map(|sibling| (name, sibling))
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
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn paths_and_methods_of_the_table_are_unique() {
        let mut seen = HashSet::new();
        for route in routes() {
            assert!(seen.insert((route.path, route.method)), "{} twice", route.path);
            let parameters = route.path.matches('{').count();
            assert!(parameters <= PATH_PARAMETERS_MAX, "{}", route.path);
        }
        assert_eq!(TABLE.len(), seen.len());
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
