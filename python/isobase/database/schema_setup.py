"""The schemas of the specification."""

from __future__ import annotations

from isobase._waiting import later

from .db_operator import _connector


class SchemaSetup:
    """Creates the public schema and those of projects, verifies and mends them."""

    def __init__(self, connector=None, *, url=None, test=False):
        self.connector = _connector(connector, url, test, {})

    async def _ask(self, what, name=None, kind=None):
        arguments = {"what": what, "name": name, "kind": kind}
        return await later(self.connector._call, "setup", arguments)

    async def ensure_public_schema(self) -> list[str]:
        """Creates what is missing of the public schema."""
        return await self._ask("public")

    async def ensure_project_schema(self, name) -> list[str]:
        """Creates what is missing of a project's schema, and of the public one."""
        return await self._ask("project", name)

    async def verify_schema(self, name, schema_type="project") -> dict[str, bool]:
        """``{table: whether it is there}``; empty when there is no such schema."""
        return await self._ask("verify", name, schema_type)

    async def fix_schema(self, name, schema_type="project") -> list[str]:
        """Creates what is missing; gives the tables that were created."""
        return await self._ask("fix", name, schema_type)

    async def get_all_project_schemas(self) -> list[str]:
        """All schemas but the public one and the database's own."""
        return await self._ask("projects")

    async def fix_all_project_schemas(self) -> dict[str, list[str]]:
        """``{schema: tables that were created}``."""
        return await self._ask("fix_all")

    async def close(self) -> None:
        """Closes all connections."""
        await self.connector.close()
