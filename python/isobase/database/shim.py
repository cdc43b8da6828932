"""``python -m isobase.database.shim DIR`` writes a package ``services/database`` into a folder, whose
modules are those of this package under the names that the specification shows."""

import pathlib
import sys

from .examples.index import EXAMPLES

_MODULES = [
    "connection", "operations", "schema", "db_connector", "db_operator", "schema_setup", "decorators",
    "column_matching", "errors", "testing", "testing.transaction_manager", "mock", "mock.schema_registry",
    "mock.mock_data_generator", "performance", "performance.query_logger", "sync", "sync.db_sync_manager",
]
_PROGRAMS = ["sync.db_sync_cli", "sync.cli", "examples.index"]
_EXAMPLES = [f"examples.{name}" for name in EXAMPLES]
_PACKAGES = ["", "testing", "mock", "performance", "sync", "examples", "tests"]
_TESTS = '''"""The toolkit works against the test database of this environment."""

import asyncio

from services.database import DBOperator, TestTransactionManager, match_column


def test_columns_are_matched():
    assert match_column("userId", ["id", "user_id"]) == "user_id"


def test_a_mock_operator_needs_no_database():
    assert DBOperator(test_mode="mock").insert("users", {"name": "x"})["name"] == "x"


def test_the_test_database_answers():
    with TestTransactionManager() as txn:
        assert txn.fetch_val("SELECT 41 + 1") == 42


def test_an_operator_awaits():
    async def run():
        db = DBOperator(test_mode="e2e")
        try:
            return await db.fetch_one("SELECT 1 AS one")
        finally:
            await db.close()

    assert asyncio.run(run()) == {"one": 1}
'''
_README = """# services/database

Every module here is one of the package `isobase.database` under another name; there is nothing to change in
these files. `python -m isobase.database.shim DIR` writes them anew.

- `pytest services/database/tests` asks the test database of the environment (`TEST_DB_HOST`, `TEST_DB_NAME`, …).
- `python -m services.database.examples.index list` names the examples.
- `python -m services.database.sync.db_sync_cli` dumps and restores.
"""


def write(folder):
    """Writes the package; gives the files."""
    root = pathlib.Path(folder) / "services"
    files = {root / "__init__.py": ""}
    for package in _PACKAGES:
        inner = root / "database" / package.replace(".", "/") / "__init__.py"
        source = f"isobase.database.{package}".rstrip(".")
        files[inner] = "" if package == "tests" else f"from {source} import *  # noqa: F403\n"
    for module in _MODULES:
        path = root / "database" / (module.replace(".", "/") + ".py")
        if module not in _PACKAGES:
            files[path] = f"from isobase.database.{module} import *  # noqa: F403\n"
    for program in _PROGRAMS + _EXAMPLES:
        path = root / "database" / (program.replace(".", "/") + ".py")
        files[path] = (
            f"import sys\n\nfrom isobase.database.{program} import main\n\n"
            'if __name__ == "__main__":\n    sys.exit(main())\n'
        )
    files[root / "database" / "tests" / "test_database.py"] = _TESTS
    files[root / "database" / "README.md"] = _README
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return sorted(files)


def main(arguments=None):
    """Runs the command; gives the status of the process."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) != 1:
        print("usage: python -m isobase.database.shim DIR", file=sys.stderr)
        return 2
    for path in write(arguments[0]):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
