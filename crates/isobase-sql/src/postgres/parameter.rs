//! Values as parameters of PostgreSQL.

use std::error::Error as StdError;

use bytes::BytesMut;
use isobase_postgres::tokio_postgres::types::{Format, IsNull, Kind, ToSql, Type, to_sql_checked};

use crate::{Value, value::multirange_text};

/// A value on its way to a parameter, whose type the server has found out.
///
/// It travels as text, which the server reads as it reads a literal: a text becomes a UUID, a
/// moment, an address or a number as the type wants it, and what does not fit is refused there,
/// with a SQLSTATE. Only bytes travel as they are.
#[derive(Debug)]
pub(crate) struct Parameter<'a>(pub(crate) &'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        if self.0.is_null() {
            return Ok(IsNull::Yes);
        }
        match (self.0, is_json(ty)) {
            (Value::Bytes(bytes), _) if *ty == Type::BYTEA => out.extend_from_slice(bytes),
            (Value::Text(text) | Value::Json(text), _) => out.extend_from_slice(text.as_bytes()),
            (value, true) => out.extend_from_slice(value.to_json().as_bytes()),
            // A list of ranges is an array of them anywhere else.
            (Value::Array(elements), _) if matches!(ty.kind(), Kind::Multirange(_)) => {
                let ranges = elements.iter().filter_map(|element| match element {
                    Value::Range(range) => Some(range.as_ref()),
                    _ => None,
                });
                out.extend_from_slice(multirange_text(ranges).as_bytes());
            }
            (value, false) => {
                out.extend_from_slice(value.to_sql_text().unwrap_or_default().as_bytes());
            }
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, ty: &Type) -> Format {
        match self.0 {
            Value::Bytes(_) if *ty == Type::BYTEA => Format::Binary,
            _ => Format::Text,
        }
    }

    to_sql_checked!();
}

fn is_json(ty: &Type) -> bool {
    match ty.kind() {
        Kind::Domain(base) => is_json(base),
        _ => *ty == Type::JSON || *ty == Type::JSONB,
    }
}
