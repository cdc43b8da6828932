//! Values of PostgreSQL, from the binary form in which they come.

use std::{error::Error as StdError, net::IpAddr};

use isobase_postgres::tokio_postgres::types::{FromSql, Kind, Type};

use super::{
    arrays::{array, composite, multirange, range},
    numeric,
    reader::{Reader, Unreadable},
};
use crate::Value;

/// A value with its type, before it is read; NULL is none.
pub(crate) struct Raw<'a>(pub(crate) &'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The value that the bytes are.
pub(crate) fn decode(ty: &Type, raw: &[u8]) -> Result<Value, Unreadable> {
    match ty.kind() {
        Kind::Array(element) => return array(decode, element, raw),
        Kind::Domain(base) => return decode(base, raw),
        Kind::Range(element) => return range(decode, element, raw),
        Kind::Multirange(inner) => match inner.kind() {
            Kind::Range(element) => return multirange(decode, element, raw),
            _ => return multirange(decode, inner, raw),
        },
        Kind::Composite(fields) => return composite(decode, fields, raw),
        Kind::Enum(_) => return text(raw),
        _ => {}
    }
    match *ty {
        Type::BOOL => Ok(Value::Bool(raw.first() == Some(&1))),
        Type::INT2 | Type::INT4 | Type::INT8 => integer(raw).map(Value::Int),
        Type::FLOAT4 => Ok(Value::Float(f64::from(f32::from_be_bytes(fixed(raw)?)))),
        Type::FLOAT8 => Ok(Value::Float(f64::from_be_bytes(fixed(raw)?))),
        Type::NUMERIC => numeric::text(raw).map(Value::Decimal).ok_or(Unreadable),
        Type::JSON => text(raw).map(into_json),
        Type::JSONB => text(versioned(raw)?).map(into_json),
        Type::JSONPATH => text(versioned(raw)?),
        Type::BYTEA => Ok(Value::Bytes(raw.to_vec())),
        Type::UUID => Ok(Value::Uuid(fixed(raw)?)),
        Type::DATE => Ok(Value::Date(i32::from_be_bytes(fixed(raw)?))),
        Type::TIME => Ok(Value::Time(i64::from_be_bytes(fixed(raw)?))),
        Type::TIMESTAMP => Ok(Value::Timestamp(i64::from_be_bytes(fixed(raw)?))),
        Type::TIMESTAMPTZ => Ok(Value::TimestampTz(i64::from_be_bytes(fixed(raw)?))),
        Type::TIMETZ => time_with_offset(raw),
        Type::INTERVAL => interval(raw),
        Type::INET | Type::CIDR => network(raw, *ty == Type::CIDR),
        Type::MACADDR | Type::MACADDR8 => Ok(Value::Text(hardware_address(raw))),
        Type::BIT | Type::VARBIT => bits(raw),
        Type::MONEY => integer(raw).map(|cents| Value::Decimal(hundredths(cents))),
        Type::PG_LSN => {
            let place = u64::from_be_bytes(fixed(raw)?);
            Ok(Value::Text(format!("{:X}/{:X}", place >> 32, place & 0xffff_ffff)))
        }
        Type::VOID => Ok(Value::Null),
        Type::TEXT
        | Type::VARCHAR
        | Type::BPCHAR
        | Type::NAME
        | Type::UNKNOWN
        | Type::XML
        | Type::CHAR => text(raw),
        _ => by_name(ty, raw),
    }
}

/// Types of extensions, whose numbers differ from database to database, and the many that are
/// object identifiers.
fn by_name(ty: &Type, raw: &[u8]) -> Result<Value, Unreadable> {
    match ty.name() {
        "citext" => text(raw),
        "ltree" | "lquery" | "ltxtquery" => text(versioned(raw)?),
        "oid" | "xid" | "cid" => oid(raw),
        name if name.starts_with("reg") && raw.len() == 4 => oid(raw),
        _ => Err(Unreadable),
    }
}

fn oid(raw: &[u8]) -> Result<Value, Unreadable> {
    Ok(Value::Int(u32::from_be_bytes(fixed(raw)?).into()))
}

fn fixed<const N: usize>(raw: &[u8]) -> Result<[u8; N], Unreadable> {
    raw.try_into().map_err(|_| Unreadable)
}

fn integer(raw: &[u8]) -> Result<i64, Unreadable> {
    match raw.len() {
        2 => Ok(i16::from_be_bytes(fixed(raw)?).into()),
        4 => Ok(i32::from_be_bytes(fixed(raw)?).into()),
        _ => Ok(i64::from_be_bytes(fixed(raw)?)),
    }
}

fn text(raw: &[u8]) -> Result<Value, Unreadable> {
    str::from_utf8(raw).map(Value::from).map_err(|_| Unreadable)
}

fn into_json(value: Value) -> Value {
    match value {
        Value::Text(text) => Value::Json(text),
        other => other,
    }
}

/// Version 1 of a form is followed by the text.
fn versioned(raw: &[u8]) -> Result<&[u8], Unreadable> {
    match raw.split_first() {
        Some((1, rest)) => Ok(rest),
        _ => Err(Unreadable),
    }
}

fn time_with_offset(raw: &[u8]) -> Result<Value, Unreadable> {
    let mut reader = Reader(raw);
    let micros = i64::from_be_bytes(fixed(reader.take(8)?)?);
    Ok(Value::TimeTz { micros, west_seconds: reader.int()? })
}

fn interval(raw: &[u8]) -> Result<Value, Unreadable> {
    let mut reader = Reader(raw);
    let micros = i64::from_be_bytes(fixed(reader.take(8)?)?);
    let days = reader.int()?;
    Ok(Value::Interval { months: reader.int()?, days, micros })
}

fn network(raw: &[u8], is_network: bool) -> Result<Value, Unreadable> {
    let (address, bits) = match raw {
        [_, bits, _, 4, address @ ..] => (IpAddr::from(fixed::<4>(address)?), *bits),
        [_, bits, _, 16, address @ ..] => (IpAddr::from(fixed::<16>(address)?), *bits),
        _ => return Err(Unreadable),
    };
    let whole = if address.is_ipv4() { 32 } else { 128 };
    if is_network {
        return Ok(Value::Network(format!("{address}/{bits}")));
    }
    // PostgreSQL leaves out the length of one host.
    let text = if bits == whole { address.to_string() } else { format!("{address}/{bits}") };
    Ok(Value::Address(text))
}

fn hardware_address(raw: &[u8]) -> String {
    raw.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

fn bits(raw: &[u8]) -> Result<Value, Unreadable> {
    let mut reader = Reader(raw);
    let count = usize::try_from(reader.int()?).map_err(|_| Unreadable)?;
    let bytes = reader.take(count.div_ceil(8))?;
    let bit = |at: usize| if bytes[at / 8] >> (7 - at % 8) & 1 == 1 { '1' } else { '0' };
    Ok(Value::Text((0..count).map(bit).collect()))
}

/// `money` counts hundredths in the locale of nearly every server.
fn hundredths(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let cents = cents.unsigned_abs();
    format!("{sign}{}.{:02}", cents / 100, cents % 100)
}
