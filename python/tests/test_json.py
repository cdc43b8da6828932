"""What is given is what is stored, or it is refused."""

import datetime
import decimal
import enum
import io
import json
import pathlib
import uuid

import httpx
import pytest

from isobase import _json
from isobase.client import Client
from isobase.client._requests import path, value
from isobase.database import DBOperator, InvalidValueError
from isobase.documents import IsobaseDatabaseService
from isobase.requests import RequestLog

LOOKS_LIKE_A_MARK = "\x000\x00"
#: These were stored as their ``str()``.
NO_JSON = [b"x", bytearray(b"x"), object(), int, datetime.timedelta(1), 1j, pathlib.PurePath("x")]


class Colour(enum.Enum):
    RED = "red"
    PRICE = decimal.Decimal("1.5")


class Word(str, enum.Enum):
    ONE = "one"


class Number(enum.IntEnum):
    TWO = 2


def test_texts_stay_texts_beside_decimals():
    with IsobaseDatabaseService("memory:") as db:
        given = {"v": decimal.Decimal("1.5"), "w": LOOKS_LIKE_A_MARK, LOOKS_LIKE_A_MARK: [LOOKS_LIKE_A_MARK]}
        db.save("a", "k", given)
        read = db.get("a", "k")
        assert {name: read[name] for name in given} == given
        assert db.find("a", {"w": LOOKS_LIKE_A_MARK, "v": decimal.Decimal("1.5")})


def test_values_have_the_form_of_their_type():
    key, at = uuid.uuid4(), datetime.datetime(2024, 2, 29, 12, 30)
    given = {
        "text": 'é"\\\n\u2028', "numbers": (0, -1, 10**40, 1.5, 1e300, decimal.Decimal("1.10"), True), "none": None,
        "set": {3, 1}, "mixed": {1, "a"}, "empty": [{}, [], ()], "key": key, "at": at, "day": at.date(),
        "enums": [Colour.RED, Colour.PRICE, Word.ONE, Number.TWO], Word.ONE: 1, 7: 2, Number.TWO: 3,
    }
    assert _json.loads(_json.dumps(given)) == {
        "text": 'é"\\\n\u2028', "numbers": [0, -1, 10**40, decimal.Decimal("1.5"), decimal.Decimal("1E300"),
                                           decimal.Decimal("1.10"), True], "none": None,
        "set": [1, 3], "mixed": ["a", 1], "empty": [{}, [], []], "key": str(key), "at": at.isoformat(),
        "day": "2024-02-29", "enums": ["red", decimal.Decimal("1.5"), "one", 2], "one": 1, "7": 2, "2": 3,
    }


def test_other_values_are_refused():
    with IsobaseDatabaseService("memory:") as db:
        for wrong in NO_JSON:
            for document in ({"v": wrong}, {"v": [{"w": wrong}], "n": decimal.Decimal(1)}):
                with pytest.raises(TypeError, match="has no form in JSON"):
                    db.save("a", "k", document)
        for name in (b"x", None, True, 1.5, (1,)):
            with pytest.raises(TypeError, match="a name in JSON is a text"):
                db.save("a", "k", {name: 1})
        own = []
        own.append(own)
        for wrong in (float("nan"), decimal.Decimal("Infinity"), {1: "a", "1": "b"}, own):
            with pytest.raises(ValueError):
                db.save("a", "k", {"v": wrong})
        assert db.list_all("a") == []


def test_requests_name_what_was_given():
    assert path("people", "a/b", 7, uuid.UUID(int=2)) == f"/people/a%2Fb/7/{uuid.UUID(int=2)}"
    for wrong in (b"x", None, True, 1.5, Colour.RED):
        with pytest.raises(TypeError):
            path("people", wrong)
    assert [value(one) for one in (Colour.RED, Word.ONE, decimal.Decimal("1.5"), None, False, [Word.ONE, 1])] == [
        "red", "one", "1.5", "null", "false", "one,1",
    ]
    for wrong in (b"x", {"a": 1}, object()):
        with pytest.raises(TypeError):
            value(wrong)


def test_uploads_have_the_name_of_their_file(tmp_path):
    forms = []

    def answer(request):
        forms.append(request.read())
        return httpx.Response(200, json={"filename": "x", "url": "/uploads/x", "size": 1})

    file = tmp_path / "letter.txt"
    file.write_bytes(b"inside")
    with Client("http://x", transport=httpx.MockTransport(answer)) as client:
        with file.open("rb") as opened:
            client.upload(opened)
        client.upload(bytearray(b"inside"))
        client.upload(io.BytesIO(b"inside"), "other.txt")
        for form, name in zip(forms, (b"letter.txt", b"file", b"other.txt")):
            assert b'filename="' + name + b'"' in form and b"inside" in form
        for wrong in (str(file), file, None):
            with pytest.raises(TypeError, match="bytes or an open file"):
                client.upload(wrong)
        assert len(forms) == 3


def test_stored_texts_are_what_was_given():
    db = DBOperator(test_mode="mock")
    at = datetime.datetime(2024, 1, 2, 3, 4, 5)
    assert json.loads(db._prepare_variables_for_storage({"at": at, "price": decimal.Decimal("1.5")})) == {
        "at": "2024-01-02 03:04:05", "price": 1.5,
    }
    with pytest.raises(TypeError):
        db._prepare_variables_for_storage({"v": b"x"})
    assert db._format_response_for_storage(b"x") == "b'x'"
    assert json.loads(db.clean_response_for_storage({"v": b"x"})) == {"v": "b'x'"}
    for call in (lambda: db.get_by_uuid("users", b"x"), lambda: db.clone_project(None, "b")):
        with pytest.raises(InvalidValueError):
            call()


def test_reports_hold_what_was_given():
    log = RequestLog("http://127.0.0.1:1", "test", flush_after=60)
    log.record("/a", "GET", request_body=b"body", cost=decimal.Decimal("0.5"))
    fields = log._queue.take(1)[0].fields
    assert (fields["request_body"], fields["cost"]) == ("body", decimal.Decimal("0.5"))
    for wrong in ({"error": KeyError("x")}, {"model": b"x"}, {"duration_ms": "5"}, {"cost": float("nan")}):
        with pytest.raises((TypeError, ValueError)):
            log.record("/a", "GET", **wrong)
    assert log.waiting == 0
