"""Made-up rows, and an operator without a database."""

import os
import tempfile

from isobase.database import DBOperator, MockDataGenerator, SchemaRegistry

TABLES = """
CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL, email text UNIQUE);
CREATE TABLE posts (id serial PRIMARY KEY, user_id int NOT NULL REFERENCES users, title text);
"""


def main():
    """Runs the example."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "schema.sql")
        with open(path, "w", encoding="utf-8") as file:
            file.write(TABLES)
        registry = SchemaRegistry("file", path)
        generator = MockDataGenerator(registry, seed=1)
        print("a user:", generator.generate_row("public", "users"))
        rows = generator.generate_related_rows("public", "users", {"posts": {"count": 2}})
        print("a user with posts:", rows)
        db = DBOperator(test_mode="mock", schema_file=path)
        print("from an operator:", db.fetch("users", limit=1))
