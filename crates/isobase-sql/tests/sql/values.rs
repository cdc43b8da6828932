//! Values keep every digit on their way in and out.

use std::ops::Bound;

use isobase_sql::{ErrorKind, Range, Session, Value};

use crate::fixture::Fixture;

#[tokio::test]
async fn sqlite_keeps_its_five_kinds() {
    let fixture = Fixture::sqlite(isobase_sql::Settings::default());
    let values = [
        Value::Null,
        Value::Int(i64::MIN),
        Value::Float(0.1),
        Value::from("a\0☃'"),
        Value::Bytes(vec![0, 255]),
    ];
    let answer = fixture.db.run("SELECT $1, $2, $3, $4, $5", &values).await.unwrap();
    assert_eq!(answer.rows[0].values(), values);
    let stored = [
        (Value::Bool(true), Value::Int(1)),
        (Value::Json("{\"a\":1}".into()), Value::from("{\"a\":1}")),
        (Value::Array(vec![1.into(), "x".into()]), Value::from("[1,\"x\"]")),
        (Value::TimestampTz(0), Value::from("2000-01-01 00:00:00+00")),
    ];
    for (given, read) in stored {
        let answer = fixture.db.run("SELECT ?", &[given]).await.unwrap();
        assert_eq!(answer.into_value(), Some(read));
    }
}

/// Each literal as PostgreSQL reads it, the value that it becomes, and back again as a parameter.
#[tokio::test]
async fn postgres_values_go_round() {
    let Some(fixture) = Fixture::postgres().await else { return };
    fixture
        .script("CREATE TYPE {s}.mood AS ENUM ('so so', 'ok'); CREATE DOMAIN {s}.age AS int;")
        .await;
    fixture.script("CREATE TYPE {s}.pair AS (a int, b text);").await;
    let text = |text: &str| Value::from(text);
    let decimal = |text: &str| Value::Decimal(text.to_owned());
    let range = |lower, upper| Value::Range(Box::new(Range::Between(lower, upper)));
    let half = Bound::Included(decimal("1.50"));
    let uuid =
        [0x55, 0x0e, 0x84, 0, 0xe2, 0x9b, 0x41, 0xd4, 0xa7, 0x16, 0x44, 0x66, 0x55, 0x44, 0, 0];
    let cases = [
        ("bool", "true", Value::Bool(true)),
        ("int2", "-32768", Value::Int(-32768)),
        ("int8", "9223372036854775807", Value::Int(i64::MAX)),
        ("oid", "4294967295", Value::Int(4_294_967_295)),
        ("float4", "1.5", Value::Float(1.5)),
        ("float8", "-Infinity", Value::Float(f64::NEG_INFINITY)),
        (
            "numeric",
            "-12345678901234567890.0123456789",
            decimal("-12345678901234567890.0123456789"),
        ),
        ("numeric(5,2)", "0.10", decimal("0.10")),
        ("numeric", "NaN", decimal("NaN")),
        ("money", "-1234.56", decimal("-1234.56")),
        ("text", "a'b\"\\☃", text("a'b\"\\☃")),
        ("char(3)", "ab", text("ab ")),
        ("name", "n", text("n")),
        ("bytea", "\\x00ff", Value::Bytes(vec![0, 255])),
        (
            "jsonb",
            "{\"n\": 123456789012345678901234567890.10}",
            Value::Json("{\"n\": 123456789012345678901234567890.10}".into()),
        ),
        ("json", "{\"a\":1,\"a\":2}", Value::Json("{\"a\":1,\"a\":2}".into())),
        ("uuid", "550e8400-e29b-41d4-a716-446655440000", Value::Uuid(uuid)),
        ("date", "infinity", Value::Date(i32::MAX)),
        ("date", "0044-03-15 BC", Value::Date(-746_117)),
        ("timestamp", "20000-01-01 00:00:00.000001", Value::Timestamp(568_025_136_000_000_001)),
        ("timestamptz", "-infinity", Value::TimestampTz(i64::MIN)),
        ("time", "24:00:00", Value::Time(86_400_000_000)),
        (
            "timetz",
            "12:00:00-03:30",
            Value::TimeTz { micros: 43_200_000_000, west_seconds: 12_600 },
        ),
        (
            "interval",
            "-1 mons 3 days -00:00:01.500000",
            Value::Interval { months: -1, days: 3, micros: -1_500_000 },
        ),
        ("inet", "10.0.0.1/8", Value::Address("10.0.0.1/8".into())),
        ("inet", "::1", Value::Address("::1".into())),
        ("cidr", "10.0.0.0/8", Value::Network("10.0.0.0/8".into())),
        ("macaddr", "08:00:2b:01:02:03", text("08:00:2b:01:02:03")),
        ("bit(3)", "101", text("101")),
        ("pg_lsn", "16/B374D848", text("16/B374D848")),
        ("xml", "<a/>", text("<a/>")),
        ("int4range", "[1,5)", range(Bound::Included(1.into()), Bound::Excluded(5.into()))),
        (
            "tsrange",
            "(\"2000-01-01 00:00:00\",)",
            range(Bound::Excluded(Value::Timestamp(0)), Bound::Unbounded),
        ),
        ("int4range", "empty", Value::Range(Box::new(Range::Empty))),
        ("numrange[]", "{\"(,1.50]\"}", Value::Array(vec![range(Bound::Unbounded, half)])),
        ("{s}.mood", "so so", text("so so")),
        ("{s}.age", "5", Value::Int(5)),
        (
            "int[]",
            "{{1,NULL},{3,4}}",
            Value::Array(vec![
                Value::Array(vec![1.into(), Value::Null]),
                Value::Array(vec![3.into(), 4.into()]),
            ]),
        ),
        ("text[]", "{}", Value::Array(vec![])),
        ("{s}.mood[]", "{\"so so\",ok}", Value::Array(vec![text("so so"), text("ok")])),
        ("{s}.pair", "(1,\"x,y\")", Value::Json("{\"a\":1,\"b\":\"x,y\"}".into())),
    ];
    for (ty, literal, value) in cases {
        let ty = ty.replace("{s}", &fixture.schema);
        let sql = format!("SELECT $1::text::{ty}");
        let read = fixture.db.run(&sql, &[literal.into()]).await.unwrap().into_value().unwrap();
        assert_eq!(read, value, "{ty} {literal}");
        if ty.ends_with(".pair") {
            continue;
        }
        let sql = format!("SELECT $1::{ty}");
        let again =
            fixture.db.run(&sql, std::slice::from_ref(&value)).await.unwrap().into_value().unwrap();
        assert_eq!(again, value, "{ty} {literal} as a parameter");
    }
    let strange = fixture.db.run("SELECT 'a'::tsvector AS words", &[]).await.unwrap_err();
    assert!(strange.message.contains("'words' has the type tsvector"), "{strange}");
    let nul = fixture.db.run("SELECT $1::text", &["a\0b".into()]).await.unwrap_err();
    assert_eq!((nul.kind, nul.code()), (ErrorKind::Query, Some("22021")));
}
