//! Rows in the binary form of COPY.
//!
//! Source: PostgreSQL documentation, COPY, "Binary Format"; of values the `…_recv` functions of
//! `src/backend/utils/adt`.

use isobase_postgres::tokio_postgres::types::Type;

use crate::Value;

/// The text before the first row: the signature, no flags, no extension.
pub(super) const HEADER: [u8; 19] = *b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// The text behind the last row.
pub(super) const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
/// The length of NULL.
const NULL: [u8; 4] = (-1_i32).to_be_bytes();

/// The rows; `None` when a value has no binary form of its column's type here. The text form, which
/// takes a text for a number or a moment, says then what is wrong with it, if anything is.
pub(super) fn write(types: &[Type], rows: &[Vec<Value>]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let fields = i16::try_from(types.len()).ok()?.to_be_bytes();
    for row in rows {
        out.extend_from_slice(&fields);
        for (ty, value) in types.iter().zip(row) {
            write_value(&mut out, ty, value)?;
        }
    }
    Some(out)
}

fn write_value(out: &mut Vec<u8>, ty: &Type, value: &Value) -> Option<()> {
    if value.is_null() {
        out.extend_from_slice(&NULL);
        return Some(());
    }
    match (value, ty) {
        (Value::Int(number), &Type::INT8) => field(out, &number.to_be_bytes()),
        (Value::Int(number), &Type::INT4) => {
            field(out, &i32::try_from(*number).ok()?.to_be_bytes())
        }
        (Value::Int(number), &Type::INT2) => {
            field(out, &i16::try_from(*number).ok()?.to_be_bytes())
        }
        (Value::Float(number), &Type::FLOAT8) => field(out, &number.to_be_bytes()),
        (Value::Bool(truth), &Type::BOOL) => field(out, &[u8::from(*truth)]),
        (Value::Text(text), &(Type::TEXT | Type::VARCHAR | Type::BPCHAR)) => {
            field(out, text.as_bytes())
        }
        (Value::Text(text) | Value::Json(text), &Type::JSON) => field(out, text.as_bytes()),
        (Value::Text(text) | Value::Json(text), &Type::JSONB) => {
            length(out, text.len() + 1)?;
            // The version of the form.
            out.push(1);
            out.extend_from_slice(text.as_bytes());
            Some(())
        }
        (Value::Bytes(bytes), &Type::BYTEA) => field(out, bytes),
        (Value::Uuid(bytes), &Type::UUID) => field(out, bytes),
        (Value::Date(days), &Type::DATE) => field(out, &days.to_be_bytes()),
        (Value::Timestamp(micros), &Type::TIMESTAMP)
        | (Value::TimestampTz(micros), &Type::TIMESTAMPTZ) => field(out, &micros.to_be_bytes()),
        _ => None,
    }
}

fn field(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    length(out, bytes.len())?;
    out.extend_from_slice(bytes);
    Some(())
}

fn length(out: &mut Vec<u8>, bytes: usize) -> Option<()> {
    out.extend_from_slice(&i32::try_from(bytes).ok()?.to_be_bytes());
    Some(())
}
