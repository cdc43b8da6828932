"""Values that are read straight from what the server sent."""

import asyncio
import decimal
import json

import pytest

from isobase.database import DBConnector, DBOperator

TEXTS = [
    '{"a":"\\u00e9\\n\\"x\\\\", "b":[1,-0,1e400,1.10,12345678901234567890123,true,false,null,{}], "":[[],[ ]], "a":2}',
    " [ ] ", '"\\ud83d\\ude00"', '"\\ud800"', "-5", "1.0", "null", '"é\\/"', "[" * 150 + "]" * 150,
    '{"k":"' + "x" * 100_000 + '"}',
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_json_is_what_the_module_of_python_makes_of_it(text):
    async def read():
        async with DBConnector() as db:
            return await db.fetch_val("SELECT $1::text::json", text)

    wanted = json.loads(text, parse_float=decimal.Decimal)
    found = asyncio.run(read())
    assert (found, repr(found)) == (wanted, repr(wanted))


def test_many_rows_leave_the_collector_as_it_was():
    import gc

    async def read():
        async with DBConnector() as db:
            return await db.fetch_all("SELECT n, null::int AS nothing FROM generate_series(1, 2000) n")

    for enable in (gc.disable, gc.enable):
        enable()
        rows = asyncio.run(read())
        assert gc.isenabled() == (enable is gc.enable)
        assert (len(rows), rows[-1]) == (2000, {"n": 2000, "nothing": None})


def test_rows_that_come_in_several_parts_are_one_list():
    series = "SELECT n, 'x' || n AS text FROM generate_series(1, {}) n"

    async def read():
        async with DBConnector() as db:
            for count in (2047, 2048, 2049, 6000):
                rows = await db.fetch_all(series.format(count))
                assert rows == [{"n": n, "text": f"x{n}"} for n in range(1, count + 1)]
            # A statement that fails after many of its rows have come.
            with pytest.raises(Exception, match="division by zero"):
                await db.fetch_all("SELECT 1 / (5000 - n) FROM generate_series(1, 6000) n")
            async with db.transaction() as transaction:
                assert len(await transaction.fetch_all(series.format(5000))) == 5000

    asyncio.run(read())
    # Where nothing waits in a loop.
    assert len(DBOperator(test_mode="e2e").execute(series.format(5000), fetch_all=True)) == 5000


def test_rows_are_inserted_while_they_are_made_or_not_at_all(tables):
    def made(count, last):
        for n in range(count):
            yield (f"made {n}", None)
        yield last

    async def insert():
        async with DBConnector() as connector:
            db = DBOperator(connector)
            assert await db.bulk_insert("users", ["name", "email"], made(5000, ("made last", None))) == 5001
            assert await db.execute("DELETE FROM users WHERE name LIKE 'made %'") == "DELETE 5001"
            for last, error in (((object(), None), TypeError), (("made",), ValueError), ((None, None), Exception)):
                with pytest.raises(error):
                    await db.bulk_insert("users", ["name", "email"], made(5000, last))
                assert await connector.fetch_val("SELECT count(*) FROM users WHERE name LIKE 'made %'") == 0

    asyncio.run(insert())


@pytest.mark.parametrize(
    ("type", "text"),
    [
        ("jsonb", "[]"), ("jsonb", '{"a": [], "n": 12345678901234567890.5}'), ("jsonb", "1.10"), ("date", "0001-01-01"),
        ("date", "infinity"), ("date", "0044-03-15 BC"), ("timestamp", "0001-01-01 00:00:00.000001"),
        ("timestamptz", "1880-01-01 12:00:00+00"), ("timestamptz", "-infinity"), ("time", "24:00:00"),
        ("interval", "1 mon -2 days +03:00:00"), ("text[]", '{a,NULL,"NULL"}'), ("text[]", "{}"), ("numeric[]", "{1.10,NaN}"),
        ("numeric", "Infinity"), ("int4range", "empty"), ("bytea", "\\x00ff"), ("inet", "10.0.0.1/8"), ("float8", "-0"),
    ],
)
def test_what_was_read_can_be_written_back(type, text):
    async def round_trip():
        async with DBConnector() as db:
            value = await db.fetch_val(f"SELECT $1::text::{type}", text)
            return await db.fetch_dict(f"SELECT ($1::{type})::text AS a, ($2::text::{type})::text AS b", (value, text))

    written, wanted = asyncio.run(round_trip()).values()
    assert written == wanted


def test_a_text_for_a_column_of_json_is_json():
    async def write():
        async with DBConnector() as db:
            return [await db.fetch_val("SELECT ($1::jsonb)::text", (value,)) for value in ('"1"', "1", None)]

    # So the string "1", which is read as '1', is written back as json.dumps('1').
    assert asyncio.run(write()) == ['"1"', "1", None]
