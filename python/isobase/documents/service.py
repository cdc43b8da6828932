"""Services of documents."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from isobase import _json, _native
from isobase._waiting import later

from .errors import DocumentError
from .settings import Settings, named

FIND_LIMIT = 10_000


class DatabaseService(ABC):
    """Documents by the name of a collection and an id. A subclass has the first four methods; the others are
    made of them."""

    @abstractmethod
    def get(self, db_name: str, doc_id: str) -> dict[str, Any]:
        """The document with ``_id``; an exception with status 404 if there is none."""

    @abstractmethod
    def save(self, db_name: str, doc_id: str, doc: dict[str, Any]) -> dict[str, Any]:
        """Stores a document in place of the one that is there; gives it with ``_id``."""

    @abstractmethod
    def delete(self, db_name: str, doc_id: str) -> Any:
        """Deletes a document; a missing one is no error."""

    @abstractmethod
    def list_all(self, db_name: str) -> list[dict[str, Any]]:
        """Every document of a collection; none if there is no such collection."""

    def find(
        self, db_name: str, selector: dict[str, Any], fields: Iterable[str] | None = None, limit: int = FIND_LIMIT
    ) -> list[dict[str, Any]]:
        """The documents whose fields equal all those of the selector; a missing field equals None."""
        meets = [
            one for one in self.list_all(db_name) if all(one.get(name) == value for name, value in selector.items())
        ]
        if fields is None:
            return meets[:limit]
        names = list(dict.fromkeys([*fields, "_id"]))
        return [{name: one.get(name) for name in names} for one in meets[:limit]]

    def get_many(self, db_name: str, doc_ids: Iterable[str]) -> dict[str, dict[str, Any] | None]:
        """``{id: document}`` in the order of the ids; None for one that is missing."""
        found: dict[str, dict[str, Any] | None] = {}
        for doc_id in doc_ids:
            try:
                found[doc_id] = self.get(db_name, doc_id)
            except Exception as error:
                if getattr(error, "status_code", None) != 404:
                    raise
                found[doc_id] = None
        return found

    def save_many(self, db_name: str, docs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Stores documents under their ``_id``; one that is refused does not stop the others. One outcome for
        each: ``{"ok": True, "id", "rev"}`` or ``{"ok": False, "id", "error"}``."""
        outcomes: list[dict[str, Any]] = []
        for doc in docs:
            doc_id = doc.get("_id")
            if not doc_id:
                outcomes.append({"ok": False, "id": None, "error": "missing _id"})
                continue
            try:
                saved = self.save(db_name, doc_id, doc)
            except Exception as error:
                outcomes.append({"ok": False, "id": doc_id, "error": str(getattr(error, "detail", error))})
            else:
                outcomes.append({"ok": True, "id": doc_id, "rev": (saved or {}).get("rev")})
        return outcomes

    def delete_many(self, db_name: str, doc_ids: Iterable[str]) -> list[dict[str, Any]]:
        """Deletes documents; one that is missing counts as done."""
        outcomes = []
        for doc_id in doc_ids:
            try:
                self.delete(db_name, doc_id)
            except Exception as error:
                if getattr(error, "status_code", None) != 404:
                    outcomes.append({"ok": False, "id": doc_id, "error": str(getattr(error, "detail", error))})
                    continue
            outcomes.append({"ok": True, "id": doc_id})
        return outcomes


class _Opened:
    """The parts that both services share: JSON in, JSON out, and the native half in between."""

    def __init__(self, native, exact_numbers):
        self._native = native
        self._loads = _json.loads if exact_numbers else json.loads

    @property
    def engine(self) -> str:
        """The name of the engine: ``memory``, ``sqlite``, ``postgres``, ``couchdb``, …"""
        return self._native.engine

    def _calls(self):
        return _Calls(self._loads)


class _Calls:
    """Each call: its name, its arguments, and how its answer is read."""

    def __init__(self, loads):
        self._loads = loads

    def get(self, db_name, doc_id):
        return "get", {"db": db_name, "id": doc_id}, self._loads

    def save(self, db_name, doc_id, doc):
        return "save", {"db": db_name, "id": doc_id, "document": _json.dumps(doc)}, self._loads

    def delete(self, db_name, doc_id):
        return "delete", {"db": db_name, "id": doc_id}, bool

    def list_all(self, db_name):
        return "list_all", {"db": db_name}, self._all

    def find(self, db_name, selector, fields, limit):
        arguments = {
            "db": db_name, "selector": _json.dumps(selector), "limit": limit,
            "fields": None if fields is None else list(dict.fromkeys([*fields, "_id"])),
        }
        return "find", arguments, self._all

    def get_many(self, db_name, doc_ids):
        def read(pairs):
            return {doc_id: None if text is None else self._loads(text) for doc_id, text in pairs}

        return "get_many", {"db": db_name, "ids": list(doc_ids)}, read

    def save_many(self, db_name, docs):
        return "save_many", {"db": db_name, "documents": [_json.dumps(doc) for doc in docs]}, json.loads

    def delete_many(self, db_name, doc_ids):
        return "delete_many", {"db": db_name, "ids": list(doc_ids)}, json.loads

    def _all(self, texts):
        return [self._loads(text) for text in texts]


def _open(settings, url, **waiting):
    native = getattr(_native, "Documents", None)
    if native is None:
        raise DocumentError("this build has no document store; build it with the feature \"documents\"")
    if url is not None:
        names = {"RECORDS_URL": url}
    else:
        names = named(Settings() if settings is None else settings)
    return native.open(names, **waiting)


class IsobaseDatabaseService(_Opened, DatabaseService):
    """Documents on the database of a URL (``memory:``, ``sqlite://PATH``, ``postgres://…``, ``couchdb://…``,
    ``dynamodb://…``, ``firestore://…``) or of settings. Threads may share one.

    A document with a ``_rev`` that is not empty is saved only if that is still its revision, else
    :class:`DocumentConflict`; without it the last write wins. With ``exact_numbers`` numbers with a fraction
    are ``Decimal``. The database is asked once when it is opened: :class:`OpenError` is told then.
    """

    def __init__(self, url: str | None = None, settings: Any = None, *, exact_numbers: bool = False):
        super().__init__(_open(settings, url), exact_numbers)

    def _ask(self, call):
        operation, arguments, read = call
        return read(self._native.call(operation, arguments))

    def get(self, db_name: str, doc_id: str) -> dict[str, Any]:
        """The document with ``_id`` and ``_rev``; :class:`DocumentNotFound` if there is none."""
        return self._ask(self._calls().get(db_name, doc_id))

    def save(self, db_name: str, doc_id: str, doc: dict[str, Any]) -> dict[str, Any]:
        """Stores a document; gives it with ``_id``, ``_rev``, and the same as ``id`` and ``rev``."""
        return self._ask(self._calls().save(db_name, doc_id, doc))

    def delete(self, db_name: str, doc_id: str) -> bool:
        """Deletes a document; says whether there was one."""
        return self._ask(self._calls().delete(db_name, doc_id))

    def list_all(self, db_name: str) -> list[dict[str, Any]]:
        """Every document of a collection, by id."""
        return self._ask(self._calls().list_all(db_name))

    def find(
        self, db_name: str, selector: dict[str, Any], fields: Iterable[str] | None = None, limit: int = FIND_LIMIT
    ) -> list[dict[str, Any]]:
        """The documents whose fields equal all those of the selector, by id; the database compares."""
        return self._ask(self._calls().find(db_name, selector, fields, limit))

    def get_many(self, db_name: str, doc_ids: Iterable[str]) -> dict[str, dict[str, Any] | None]:
        """``{id: document}`` in the order of the ids; None for one that is missing."""
        return self._ask(self._calls().get_many(db_name, doc_ids))

    def save_many(self, db_name: str, docs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Stores documents under their ``_id``, in as few writes as the database allows."""
        return self._ask(self._calls().save_many(db_name, docs))

    def delete_many(self, db_name: str, doc_ids: Iterable[str]) -> list[dict[str, Any]]:
        """Deletes documents, in as few writes as the database allows."""
        return self._ask(self._calls().delete_many(db_name, doc_ids))

    def close(self) -> None:
        """Closes the database: a file can be opened by another process then."""
        self._native.call("close", {})

    def __enter__(self) -> IsobaseDatabaseService:
        return self

    def __exit__(self, *_) -> None:
        self.close()


class AsyncDatabaseService(_Opened):
    """The same, awaited: ``db = await AsyncDatabaseService.open("sqlite://app.db")``. Several event loops may
    share one."""

    @classmethod
    async def open(
        cls, url: str | None = None, settings: Any = None, *, exact_numbers: bool = False
    ) -> AsyncDatabaseService:
        """Opens the database."""

        def call(operation, arguments, event_loop, future):
            return _open(settings, url, event_loop=event_loop, future=future)

        return cls(await later(call, "open", {}), exact_numbers)

    async def _ask(self, call):
        operation, arguments, read = call
        return read(await later(self._native.call, operation, arguments))

    async def get(self, db_name: str, doc_id: str) -> dict[str, Any]:
        """As :meth:`IsobaseDatabaseService.get`."""
        return await self._ask(self._calls().get(db_name, doc_id))

    async def save(self, db_name: str, doc_id: str, doc: dict[str, Any]) -> dict[str, Any]:
        """As :meth:`IsobaseDatabaseService.save`."""
        return await self._ask(self._calls().save(db_name, doc_id, doc))

    async def delete(self, db_name: str, doc_id: str) -> bool:
        """As :meth:`IsobaseDatabaseService.delete`."""
        return await self._ask(self._calls().delete(db_name, doc_id))

    async def list_all(self, db_name: str) -> list[dict[str, Any]]:
        """As :meth:`IsobaseDatabaseService.list_all`."""
        return await self._ask(self._calls().list_all(db_name))

    async def find(
        self, db_name: str, selector: dict[str, Any], fields: Iterable[str] | None = None, limit: int = FIND_LIMIT
    ) -> list[dict[str, Any]]:
        """As :meth:`IsobaseDatabaseService.find`."""
        return await self._ask(self._calls().find(db_name, selector, fields, limit))

    async def get_many(self, db_name: str, doc_ids: Iterable[str]) -> dict[str, dict[str, Any] | None]:
        """As :meth:`IsobaseDatabaseService.get_many`."""
        return await self._ask(self._calls().get_many(db_name, doc_ids))

    async def save_many(self, db_name: str, docs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """As :meth:`IsobaseDatabaseService.save_many`."""
        return await self._ask(self._calls().save_many(db_name, docs))

    async def delete_many(self, db_name: str, doc_ids: Iterable[str]) -> list[dict[str, Any]]:
        """As :meth:`IsobaseDatabaseService.delete_many`."""
        return await self._ask(self._calls().delete_many(db_name, doc_ids))

    async def close(self) -> None:
        """Closes the database."""
        await later(self._native.call, "close", {})

    async def __aenter__(self) -> AsyncDatabaseService:
        return self

    async def __aexit__(self, *_) -> None:
        await self.close()
