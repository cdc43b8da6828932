//! From native fields back to text.

use isobase_types::json;

use super::{
    Tree, number,
    shape::{Shape, sorted_places},
};

/// Appends fields as the canonical text they were made of. Where they do not fit the shape
/// (another program changed them) they have the usual form.
pub(super) fn write_fields(
    fields: &[(String, Tree)],
    shape: Option<&Shape<'_>>,
    out: &mut Vec<u8>,
) {
    let (order, entries) = match shape {
        Some(Shape::Object { order, entries }) => (order.as_ref(), Some(entries)),
        _ => (None, None),
    };
    let sorted = sorted_places(fields);
    let order = order.filter(|order| order.len() == fields.len());
    out.push(b'{');
    for place in 0..fields.len() {
        if place > 0 {
            out.push(b',');
        }
        // An order names every place below its length once.
        let rank = order.map_or(place, |order| order[place] as usize);
        let (name, value) = &fields[sorted[rank]];
        json::write_string(name, out);
        out.push(b':');
        write(value, entries.and_then(|entries| entries.at(rank)), out);
    }
    out.push(b'}');
}

fn write(tree: &Tree, shape: Option<&Shape<'_>>, out: &mut Vec<u8>) {
    match (tree, shape) {
        (Tree::Number(native), Some(Shape::Number(given))) if number::is_made_of(native, given) => {
            out.extend_from_slice(given.as_bytes());
        }
        (Tree::Number(native), _) => out.extend_from_slice(number::native(native).as_bytes()),
        (Tree::Array(elements), shape) => {
            let entries = match shape {
                Some(Shape::Array(entries)) => Some(entries),
                _ => None,
            };
            out.push(b'[');
            for (place, element) in elements.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write(element, entries.and_then(|entries| entries.at(place)), out);
            }
            out.push(b']');
        }
        (Tree::Object(fields), shape) => write_fields(fields, shape, out),
        (scalar, _) => scalar.write(out),
    }
}
