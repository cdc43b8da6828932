"""The client, against the executable."""

import asyncio
import decimal
import io
import signal
import threading

import anyio
import httpx
import pytest

from isobase.client import (
    AsyncClient, Client, Conflict, ConnectionFailed, InvalidRequest, NotFound, Refused, Unauthenticated, Unavailable,
)
from isobase.client._events import Parser
from isobase.requests import RequestLog

from service import Service, free_port

SETTINGS = """
[collections.items]
fields.name = { type = "string", required = true }
event = "item"
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("service") / "app", SETTINGS) as service:
        yield service


def test_records_go_round(service):
    with Client(service.url) as client:
        people = client.records("people")
        ann = people.create({"name": "Ann", "age": 41, "tags": ["a"]}, idempotency_key="k1")
        again = people.create({"name": "Ann", "age": 41, "tags": ["a"]}, idempotency_key="k1")
        assert (again.id, again.replayed, ann.replayed) == (ann.id, True, False)
        assert people.get(ann.id) == {"id": ann.id, "name": "Ann", "age": 41, "tags": ["a"]}
        assert people.get(ann.id).revision == ann.revision
        assert people.get("nobody") is None
        odd = "a/b ?#%☃ \"x\" .."
        assert people.put(odd, {"name": "odd"}, if_none_match="*").id == odd
        assert people.get(odd)["name"] == "odd"
        with pytest.raises(Conflict) as caught:
            people.put(odd, {"name": "again"}, if_none_match="*")
        assert caught.value.code and caught.value.request_id and not caught.value.is_temporary
        changed = people.patch(ann.id, {"age": 42, "tags": None}, if_match=ann)
        assert changed == {"id": ann.id, "name": "Ann", "age": 42}
        with pytest.raises(Conflict):
            people.patch(ann.id, {"age": 1}, if_match=ann.revision)
        assert people.patch(ann.id, [{"op": "replace", "path": "/name", "value": "Anna"}])["name"] == "Anna"
        assert people.update(ann.id, {"increment": {"age": 8}})["age"] == 50
        report = people.batch([
            {"method": "put", "id": "b1", "body": {"name": "Bob", "age": 7}, "upsert": True},
            {"method": "delete", "id": "nobody"},
        ])
        assert [result["status"] for result in report["results"]] == [201, 404]
        found = people.list({"age[gte]": 7, "name[in]": ["Bob", "Anna", "x,\"y"]}, sort="-age", fields=["name"])
        assert found == [{"id": ann.id, "name": "Anna"}, {"id": "b1", "name": "Bob"}]
        assert people.list(page=1, limit=2, count="exact").total == 3
        people.delete(odd)
        with pytest.raises(NotFound):
            people.delete(odd)
        with pytest.raises(InvalidRequest) as caught:
            people.list({"age[nope]": 1})
        assert caught.value.errors


def test_large_listings_come_in_pages(service):
    with Client(service.url) as client:
        many = client.records("many")
        for part in range(3):
            many.batch([{"method": "create", "body": {"n": part * 50 + n}} for n in range(50)], atomic=True)
        assert sorted(one["n"] for one in many.iterate(page_size=40)) == list(range(150))
        assert len(list(many.iterate([("n[gte]", 10), ("n[lt]", 20)], sort="-n"))) == 10
        changes = many.changes(since="0", limit=10)
        assert len(changes["changes"]) == 10 and changes["more"]


def test_numbers_keep_their_digits_when_asked(service):
    digits = decimal.Decimal("12345678901234567890.123456789012345678901")
    with Client(service.url, exact_numbers=True) as client:
        client.records("numbers").put("a", {"n": digits, "big": 10**40})
        assert client.records("numbers").get("a") == {"id": "a", "n": digits, "big": 10**40}
        with pytest.raises(ValueError):
            client.records("numbers").put("a", {"n": decimal.Decimal("NaN")})


def test_accounts_sign_in_and_out(tmp_path):
    with Service(tmp_path / "app", SETTINGS) as service, Client(service.url) as client:
        with pytest.raises(Unauthenticated):
            client.me()
        client.register("ann", "correct horse")
        assert client.me()["username"] == "ann"
        other = Client(service.url)
        with pytest.raises(Unauthenticated):
            other.sign_in("ann", "wrong")
        session = other.sign_in("ann", "correct horse")
        assert other.token == session["token"] and other.me()["username"] == "ann"
        assert other.renew()["expires_at"]
        assert len(other.sessions()) == 2
        other.change_password("correct horse", "battery staple")
        with pytest.raises(Unauthenticated):
            client.me()
        token = other.token
        other.sign_out()
        assert other.token is None
        with pytest.raises(Unauthenticated):
            Client(service.url, token=token).me()


def test_keys_are_sent(tmp_path):
    key = "k" * 40
    with Service(tmp_path / "app", environment={"INTERNAL_API_KEY": key}) as service:
        with pytest.raises(Unauthenticated) as caught:
            Client(service.url).records("people").list()
        assert caught.value.code == "unauthenticated"
        with Client(service.url, api_key=key) as client:
            assert client.records("people").create({"n": 1}).id == 1
        log = RequestLog(service.url, "keyless", flush_after=0)
        log.record("/a", "GET", status_code=200)
        # It may be given a key: reports are kept until then, within their bounds.
        assert log.shut_down(0.5) == 1 and log.dropped == 0
        log._queue.take(1)
        log = RequestLog(service.url, "keyed", api_key=key, flush_after=0)
        log.record("/a", "GET", status_code=200)
        assert log.shut_down(30) == 0 and log.dropped == 0


def test_collections_of_the_app(service):
    with Client(service.url) as client:
        items = client.app("items")
        milk = items.create({"name": "milk"})
        assert items.update(milk.id, {"name": "oat milk"})["name"] == "oat milk"
        assert items.get(milk.id)["name"] == "oat milk" and items.get(10**9) is None
        assert [row["name"] for row in items.list({"name": "oat milk"})] == ["oat milk"]
        items.delete(milk.id)
        with pytest.raises(Refused):
            items.create({})
        uploaded = client.upload(io.BytesIO(b"hello"), "a.txt")
        assert uploaded["size"] == 5 and uploaded["filename"].endswith(".txt")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_awaited_client_does_the_same(service, backend):
    async def test():
        async with AsyncClient(service.url) as client:
            people = client.records(f"awaited_{backend}")
            await people.batch([{"method": "create", "body": {"n": n}} for n in range(30)])
            assert sorted([one["n"] async for one in people.iterate(page_size=7)]) == list(range(30))
            found = []

            async def find(n):
                found.extend(await people.list({"n": n}))

            async with anyio.create_task_group() as group:
                for n in range(30):
                    group.start_soon(find, n)
            assert sorted(one["n"] for one in found) == list(range(30))
            assert await people.get("nobody") is None
            with pytest.raises(NotFound):
                await people.delete("nobody")

    anyio.run(test, backend=backend)


def test_failures_have_names():
    with pytest.raises(ConnectionFailed) as caught:
        Client(f"http://127.0.0.1:{free_port()}").health()
    assert caught.value.is_temporary

    def answer(request):
        headers = {"retry-after": "2", "content-type": "application/problem+json"}
        return httpx.Response(503, headers=headers, json={"code": "outcome_unknown", "detail": "x"})

    with pytest.raises(Unavailable) as caught:
        Client("http://x", transport=httpx.MockTransport(answer)).health()
    assert caught.value.retry_after_s == 2 and not caught.value.is_temporary
    page = httpx.MockTransport(lambda request: httpx.Response(502, text="<html>"))
    with pytest.raises(Refused) as caught:
        Client("http://x", transport=page).health()
    assert (caught.value.status, caught.value.code) == (502, "")


def test_events_go_on_where_they_were(tmp_path):
    with Service(tmp_path / "app", SETTINGS) as service, Client(service.url) as client:
        items = client.app("items")
        events = client.events(["items"], filters={"items": {"name[ne]": "hidden"}})
        assert next(events).type == "connected"
        names = []
        for round, how in enumerate((signal.SIGTERM, signal.SIGKILL)):
            items.create({"name": f"before {round}"})
            items.create({"name": "hidden"})
            names.append(named(next(events)))
            # Written while no one listens: the stream is cut, and opened again at its place.
            service.stop(how)
            service.start()
            items.create({"name": f"after {round}"})
            names.append(named(next(event for event in events if event.type != "connected")))
        assert names == ["before 0", "after 0", "before 1", "after 1"]
        place = items.create({"name": "last"})
        last = next(events)
        assert last.data["id"] == place.id
        events.close()
        # Another stream, from a place that was kept.
        items.create({"name": "kept"})
        again = client.events("items", since=last.id)
        assert named(next(event for event in again if event.type != "connected")) == "kept"
        again.close()
        with pytest.raises(Refused) as caught:
            next(client.events("items", since="no place"))
        assert caught.value.status == 422


def named(event):
    assert event.type == "item_created" and event.id
    return event.data["name"]


def test_awaited_events_end_with_their_task(service):
    async def listen():
        async with AsyncClient(service.url) as client:
            async for event in client.events("items"):
                if event.type == "connected":
                    await client.app("items").create({"name": "seen"})
                elif event.data.get("name") == "seen":
                    return event.type

    async def test():
        assert await asyncio.wait_for(listen(), 60) == "item_created"
        task = asyncio.ensure_future(listen_for_ever())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def listen_for_ever():
        async with AsyncClient(service.url) as client:
            async for _ in client.events("items"):
                pass

    asyncio.run(test())


def test_events_are_read_as_the_standard_says():
    text = (
        "\ufeff: comment\r\ndata: 1\rid: a\r\n\r\n" ": ping\n\n" "event: x\ndata: é\ndata:2\nid: b\n\n"
        "id: lost\n\n" "retry: 250\n\n" "data: cut\nid: never"
    ).lstrip("\ufeff").encode()
    for size in (1, 2, 3, len(text)):
        parser = Parser()
        events = [event for at in range(0, len(text), size) for event in parser.feed(text[at : at + size])]
        assert events == [("message", "1", "a"), ("x", "é\n2", "b")]
        assert parser.retry_s == 0.25


def test_threads_share_a_client(service):
    with Client(service.url) as client:
        failures = []

        def write(number):
            try:
                client.records("threads").put(f"t{number}", {"n": number})
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=write, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures and len(client.records("threads").list()) == 20
