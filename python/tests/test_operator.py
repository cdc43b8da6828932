"""Rows by the names of tables and columns."""

import asyncio
import datetime
import decimal
import ipaddress
import pickle
import uuid

import pytest

from isobase.database import (
    ColumnMatchError, ConnectionError, DBConnector, DBOperator, DriverError, InvalidValueError, MissingFileError, Multirange, QueryError,
    QueryTimeoutError, Range, SchemaError, match_column,
)


def run(test):
    return asyncio.run(test())


def test_rows_are_written_and_read(tables):
    async def test():
        db = DBOperator()
        try:
            email = f"{uuid.uuid4()}@x.org"
            row = await db.insert("users", {"name": "O'Hara; --", "email": email, "userName": "oh", "data": {"n": [1, {"m": None}]}})
            assert row["name"] == "O'Hara; --" and row["data"] == {"n": [1, {"m": None}]}
            assert isinstance(row["created_at"], datetime.datetime) and row["created_at"].tzinfo
            # A row as a parameter means its key.
            assert (await db.fetch_one("SELECT * FROM public.users WHERE id = $1", (row,))) == row
            assert (await db.fetch("users", {"Emails": email}, order_by="-id", limit=1)) == [row]
            assert (await db.get_by_name("users", "oh", name_column="userName")) == row
            changed = await db.update("users", {"name": "new"}, {"email": email, "user_name": "oh"})
            assert changed["name"] == "new"
            assert await db.insert("public", "users", {"name": "id only"}) == row["id"] + 1
            assert await db.update("public", "users", row["id"], {"name": "count"}) == 1
            again = await db.upsert("users", {"email": email, "name": "up"}, ["email"])
            assert (again["id"], again["name"]) == (row["id"], "up")
            assert await db.count("users", {"email": email}) == 1
            assert await db.execute("DELETE FROM users WHERE id = $1", (row["id"],)) == "DELETE 1"
            assert await db.delete("users", {"name": "id only"}) == 1
            assert await db.fetch_one("users", {"email": email}) is None
            rows = [(f"bulk\t{n}", f"bulk{n}-{email}") for n in range(100)]
            assert await db.bulk_insert("users", ["name", "email"], rows) == 100
            assert await db.delete("users", {"name": "bulk\t7"}, returning=True)
        finally:
            await db.close()

    run(test)


def test_errors_are_those_of_the_specification(tables):
    async def test():
        async with DBConnector() as connector:
            db = DBOperator(connector)
            with pytest.raises(ColumnMatchError) as caught:
                await db.delete("users", {"name": "x", "emial": "y"})
            assert str(caught.value).endswith("Did you mean: email?")
            assert "in table 'public.users'" in str(caught.value)
            assert caught.value.column_name == "emial" and caught.value.suggestions == ["email"]
            assert isinstance(caught.value.__cause__, KeyError)
            for call in (db.delete("users", {}), db.update("users", {"name": "x"}, {}), db.insert("users", {})):
                with pytest.raises(ValueError):
                    await call
            with pytest.raises(SchemaError, match="Table public.nope does not exist") as caught:
                await db.fetch("nope")
            assert isinstance(caught.value.__cause__, LookupError)
            with pytest.raises(SchemaError) as caught:
                await db.execute("SELECT * FROM nope")
            assert caught.value.__cause__.sqlstate == "42P01"
            with pytest.raises(QueryError, match="^Failed to get record by UUID: ") as caught:
                await db.get_by_uuid("users", "no number")
            assert str(caught.value.__cause__).startswith("invalid input syntax")
            with pytest.raises(QueryError) as caught:
                await db.execute("SELECT 1 FRM x")
            assert (caught.value.sqlstate, caught.value.position) == ("42601", 14)
            assert caught.value.statement == "SELECT 1 FRM x"
            assert isinstance(caught.value.__cause__, DriverError) and caught.value.__cause__.sqlstate == "42601"
            with pytest.raises(QueryError) as caught:
                await db.insert("users", {"name": None})
            assert caught.value.sqlstate == "23502" and "detail" not in str(caught.value).lower()
        with pytest.raises(ConnectionError) as caught:
            await DBConnector("postgres://u:secret@127.0.0.1:1/d").execute("SELECT 1")
        assert caught.value.__cause__ is not None and "secret" not in str(caught.value.__cause__)

    run(test)
    with pytest.raises(InvalidValueError):
        DBConnector("mysql://x")
    assert match_column("userId", ["id", "user_id"]) == "user_id"


def test_wrong_arguments_are_errors_of_the_toolkit(tmp_path):
    async def test():
        db = DBOperator(f"sqlite://{tmp_path}/a.db")
        await db.run_sql_script("CREATE TABLE users (id integer PRIMARY KEY, name text)")
        for call in (
            lambda: db.fetch("users", limit=-1),
            lambda: db.fetch("users", limit="x"),
            lambda: db.fetch("users", limit=2**64),
            lambda: db.fetch("users", offset=1.5),
            lambda: db.fetch("users", [1]),
            lambda: db.insert("users", ["a"]),
            lambda: db.update("users", ["a"], {"id": 1}),
            lambda: db.delete("users", 1),
            lambda: db.upsert("users", "name", ["id"]),
        ):
            with pytest.raises(InvalidValueError):
                await call()
        with pytest.raises(MissingFileError):
            await db.load_seed_data(tmp_path / "seed_projects.json")
        assert await db.count("users") == 0
        await db.close()

    run(test)
    with pytest.raises(InvalidValueError, match="a DBConnector or a URL"):
        DBOperator(5)


def test_values_keep_every_digit(tables):
    values = [
        ("numeric", decimal.Decimal("12345678901234567890.0123456789")),
        ("numeric", 10**30),
        ("uuid", uuid.uuid4()),
        ("date", datetime.date(1, 1, 1)),
        ("timestamp", datetime.datetime(9999, 12, 31, 23, 59, 59, 999999)),
        ("timestamptz", datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.timezone.utc)),
        ("time", datetime.time(23, 59, 59, 1)),
        ("interval", datetime.timedelta(days=-3, seconds=5, microseconds=7)),
        ("bytea", b"\x00\xff"),
        ("int[]", [1, None, 3]),
        ("text[]", ["a\"b\\", "NULL", ""]),
        ("jsonb", {"n": decimal.Decimal("1.10"), "list": [True, None, 123456789012345678901234567890]}),
        ("jsonb", [1, {"a": "☃"}]),
        ("float8", 0.1),
        ("bool", True),
        # Forms for what Python has no value for.
        ("date", "infinity"),
        ("date", "0044-03-15 BC"),
        ("timestamp", "20000-01-01 00:00:00"),
        ("time", "24:00:00"),
        ("interval", "1 mons 3 days 00:00:00"),
        ("inet", ipaddress.ip_address("::1")),
        ("inet", ipaddress.ip_interface("10.0.0.1/8")),
        ("cidr", ipaddress.ip_network("10.0.0.0/8")),
        ("int4range", Range(1, 5)),
        ("int4range", Range(empty=True)),
        ("numrange", Range(None, decimal.Decimal("1.50"), upper_inc=True)),
        ("tsrange", Range(datetime.datetime(2000, 1, 1), lower_inc=False)),
        ("daterange[]", [Range(datetime.date(2000, 1, 1), datetime.date(2001, 1, 1)), None]),
        ("int8multirange", Multirange([Range(1, 3), Range(5, None)])),
    ]

    async def test():
        async with DBConnector() as db:
            for kind, value in values:
                read = await db.fetch_val(f"SELECT $1::{kind}", (value,))
                assert read == value, (kind, value, read)
                assert type(read) is type(value) or kind in ("numeric",)

    run(test)


def test_every_day_is_itself(tables):
    """Moments are made out of numbers here; days by Python."""

    async def test():
        async with DBConnector() as db:
            sql = "SELECT d::timestamp AS moment, d::date AS day FROM generate_series($1::date, $2::date, '1 day') d"
            for first, last in (("1890-01-01", "2010-12-31"), ("0001-01-01", "0008-12-31"), ("9999-01-01", "9999-12-31")):
                rows = await db.fetch_all(sql, first, last)
                assert all(row["moment"].date() == row["day"] for row in rows)
                days = {row["day"] for row in rows}
                assert len(days) == len(rows) and min(days).isoformat() == first and max(days).isoformat() == last

    run(test)


def test_ranges_are_values(tables):
    import asyncpg
    from psycopg.types.range import Range as OfPsycopg

    async def test():
        async with DBConnector() as db:
            for given in (asyncpg.Range(1, 4, upper_inc=True), OfPsycopg(1, 5), Range(1, 5), "[1,4]"):
                assert await db.fetch_val("SELECT $1::int4range", (given,)) == Range(1, 5)
            ranges = [Range(1, 3), Range(2, 6)]
            assert await db.fetch_val("SELECT $1::int4multirange", (ranges,)) == [Range(1, 6)]
            assert await db.fetch_val("SELECT $1::int4range[]", (ranges,)) == ranges
            await db.execute("CREATE TABLE ranges (r int4range, m int4multirange)")
            rows = [(Range(1, 3), Multirange(ranges)), (Range(empty=True), Multirange()), (None, None)]
            assert await DBOperator(db).bulk_insert("ranges", ["r", "m"], rows) == 3
            read = await db.fetch_all("SELECT r, m FROM ranges")
            assert [row["r"] for row in read] == [Range(1, 3), Range(empty=True), None]
            assert [row["m"] for row in read] == [[Range(1, 6)], [], None]
            with pytest.raises(QueryError):
                await db.fetch_val("SELECT $1::int4range", (Range(5, 1),))
            with pytest.raises(TypeError):
                await db.fetch_val("SELECT $1::int4multirange", (Multirange([1]),))

    run(test)
    days = Range(datetime.date(2000, 1, 1), datetime.date(2000, 2, 1))
    assert datetime.date(2000, 1, 31) in days and datetime.date(2000, 2, 1) not in days
    assert 5 in Range() and 5 not in Range(empty=True) and not Range(empty=True)
    assert len({days, pickle.loads(pickle.dumps(days)), Range(1, 2)}) == 2
    with pytest.raises(AttributeError):
        days.lower = None


def test_transactions_stand_or_fall_together(tables):
    async def test():
        db = DBOperator()
        try:
            with pytest.raises(QueryError):
                async with db.transaction() as conn:
                    await conn.execute("UPDATE accounts SET balance = balance + $1 WHERE user_id = $2", (99, 2))
                    await conn.execute("UPDATE accounts SET balance = balance - $1 WHERE user_id = $2", (99, 1))
            assert (await db.get_by_column("accounts", "user_id", 2))["balance"] == 0
            async with db.transaction() as conn:
                await conn.execute("UPDATE accounts SET balance = balance + $1 WHERE user_id = $2", 5, 2)
            assert (await db.get_by_column("accounts", "user_id", 2))["balance"] == 5
        finally:
            await db.close()

    run(test)


def test_cancelled_tasks_leave_nothing_open(tables):
    async def test():
        async with DBConnector(max_size=1) as db:

            async def slow():
                async with db.transaction() as conn:
                    await conn.execute("UPDATE accounts SET balance = 1000 WHERE user_id = 1")
                    await conn.execute("SELECT pg_sleep(100)")

            task = asyncio.ensure_future(slow())
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(task, 0.3)
            balance = await db.fetch_val("SELECT balance FROM accounts WHERE user_id = 1 FOR UPDATE NOWAIT")
            assert balance < 1000
        async with DBConnector(statement_timeout=0.1) as db:
            with pytest.raises(QueryTimeoutError):
                await db.execute("SELECT pg_sleep(100)")

    run(test)


def test_several_loops_and_many_at_once(tables):
    db = DBConnector(max_size=4)

    async def many():
        return await asyncio.gather(*(db.fetch_val("SELECT $1::int", (n,)) for n in range(50)))

    for _ in range(2):
        assert asyncio.run(many()) == list(range(50))
    asyncio.run(db.close())


def test_sqlite_works_as_well(tmp_path):
    async def test():
        db = DBOperator(url=f"sqlite://{tmp_path}/a.db")
        await db.run_sql_script("CREATE TABLE users (id integer PRIMARY KEY, user_name text, data text)")
        row = await db.insert("users", {"userName": "ann", "data": {"a": 1}})
        assert row == {"id": 1, "user_name": "ann", "data": '{"a": 1}'}
        assert await db.fetch("users", {"userName": "ann"}) == [row]
        await db.close()

    run(test)


def test_mock_operators_need_no_database():
    db = DBOperator(test_mode="mock")
    assert db.insert("users", {"name": "x"})["name"] == "x"
    assert db.fetch("users", {"name": "y"})[0]["name"] == "y"

    async def test():
        assert (await db.fetch_one("SELECT * FROM users"))["mock_data"]

    run(test)


def test_texts_are_formatted():
    db = DBOperator(test_mode="mock", verbose=True)
    assert db._format_for_logging({"a": ["x" * 501]}) == {"a": ["x" * 500 + "... [truncated 1 chars]"]}
    assert db._prepare_variables_for_storage(None) == "{}"
    assert db._prepare_variables_for_storage({"at": datetime.datetime(2024, 1, 2, 3, 4, 5)}) == '{"at":"2024-01-02 03:04:05"}'
    assert db._format_response_for_storage({"content": "x"}) == "x"
    assert db.clean_response_for_storage(" SELECT * FROM x ") == "[FILTERED SQL] SELECT * FROM x"
