"""Values that are read straight from what the server sent."""

import asyncio
import decimal
import json

import pytest

from isobase.database import DBConnector

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
