//! Ids that cannot be written through the HTTP interface.

use isobase_types::DocumentId;

/// The last segments of the routes below `/records/{collection}/`: a document of that id could
/// not be reached. A path with one of them is that route; here they are refused inside batches.
const RESERVED: [&str; 2] = ["batch", "changes"];

/// The name of the route that an id is, if it is one.
pub(super) fn reserved(id: &DocumentId) -> Option<&'static str> {
    match id {
        DocumentId::Integer(_) => None,
        DocumentId::Text(text) => RESERVED.into_iter().find(|name| *name == &**text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::routes;

    #[test]
    fn every_route_below_a_collection_is_reserved() {
        let routes = routes();
        let mut names: Vec<&str> = routes
            .iter()
            .filter_map(|route| route.spec().path.strip_prefix("/records/{collection}/"))
            .filter(|rest| !rest.starts_with('{'))
            .collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names, RESERVED);
    }
}
