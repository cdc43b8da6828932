//! The order of a listing.

use std::fmt;

use crate::{FieldPath, InvalidFieldPath};

/// Most fields of an order.
///
/// Ours: each makes every key longer, and no one reads the eighth.
pub const ORDER_FIELDS_MAX: usize = 8;

/// Fields to sort by, most significant first; equal documents follow the order of their ids.
///
/// Empty means the order of ids. The final order by id has the direction of the last field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Order(pub Vec<OrderField>);

/// One field of an [`Order`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrderField {
    /// The field.
    pub path: FieldPath,
    /// Which end comes first.
    pub direction: Direction,
}

/// Which end of an order comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Small values first.
    #[default]
    Ascending,
    /// Large values first.
    Descending,
}

impl Order {
    /// Reads `-created_at,name`: field paths, each after an optional sign. `-` is descending. `+`
    /// is ascending, and so is a blank, which is what a URL makes of a `+`.
    ///
    /// # Errors
    /// [`InvalidOrder`] when there is no field, a field twice, more than [`ORDER_FIELDS_MAX`], or
    /// a malformed path.
    pub fn parse(text: &str) -> Result<Self, InvalidOrder> {
        let mut order = Self::default();
        let mut rest = text;
        loop {
            let (direction, unsigned) = match rest.strip_prefix('-') {
                Some(unsigned) => (Direction::Descending, unsigned),
                None => (Direction::Ascending, rest.strip_prefix(['+', ' ']).unwrap_or(rest)),
            };
            let (path, end) = FieldPath::parse_prefix(unsigned)?;
            order.push(OrderField { path, direction })?;
            let after = &unsigned[end..];
            match after.strip_prefix(',') {
                Some(next) => rest = next,
                None => match after.chars().next() {
                    None => return Ok(order),
                    Some(found) => return Err(InvalidFieldPath::Character { found }.into()),
                },
            }
        }
    }

    fn push(&mut self, field: OrderField) -> Result<(), InvalidOrder> {
        if self.0.iter().any(|other| other.path == field.path) {
            return Err(InvalidOrder::Twice { path: field.path });
        }
        if self.0.len() == ORDER_FIELDS_MAX {
            return Err(InvalidOrder::TooMany);
        }
        self.0.push(field);
        Ok(())
    }
}

/// The form that [`Order::parse`] reads.
impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, field) in self.0.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            let sign = if field.direction == Direction::Descending { "-" } else { "" };
            write!(f, "{comma}{sign}{}", field.path)?;
        }
        Ok(())
    }
}

/// Why a text is not an order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidOrder {
    /// A field path is malformed.
    #[error(transparent)]
    Path(#[from] InvalidFieldPath),
    /// A field stands twice.
    #[error("the field {path} stands twice, expected it once")]
    Twice {
        /// The field.
        path: FieldPath,
    },
    /// There are more than [`ORDER_FIELDS_MAX`] fields.
    #[error("at most {ORDER_FIELDS_MAX} fields are allowed")]
    TooMany,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_signs_and_prints_them_back() {
        let cases = [
            ("name", "name"),
            ("-created_at,name", "-created_at,name"),
            ("+a,-b.c", "a,-b.c"),
            (" a, b", "a,b"),
            (r#"-"a,b",c"#, r#"-"a,b",c"#),
            (r#"-"-a","+b""#, r#"-"-a","+b""#),
            ("id", "id"),
            ("a,b,c,d,e,f,g,h", "a,b,c,d,e,f,g,h"),
        ];
        for (text, printed) in cases {
            let order = Order::parse(text).unwrap();
            assert_eq!(order.to_string(), printed);
            assert_eq!(Order::parse(printed), Ok(order));
        }
    }

    #[test]
    fn refuses_malformed_orders() {
        let path = |text| FieldPath::parse(text).unwrap();
        let empty = || InvalidOrder::Path(InvalidFieldPath::EmptyStep);
        let cases = [
            ("", empty()),
            ("-", empty()),
            ("a,", empty()),
            (",a", empty()),
            ("a,,b", empty()),
            ("a,-a", InvalidOrder::Twice { path: path("a") }),
            (r#"a,"a""#, InvalidOrder::Twice { path: path("a") }),
            ("a,b,c,d,e,f,g,h,i", InvalidOrder::TooMany),
            ("a(b)", InvalidOrder::Path(InvalidFieldPath::Character { found: '(' })),
        ];
        for (text, error) in cases {
            assert_eq!(Order::parse(text), Err(error), "{text}");
        }
    }
}
