"""The examples of docs/python.md, one after the other."""

import ast
import asyncio
import builtins
import pathlib
import re
import types

from isobase.documents import close_database_service

from service import Service

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "python.md"
SETTINGS = """
[collections.items]
fields.user_id = { type = "integer", required = true }
fields.name = { type = "string", required = true }
fields.done = { type = "integer", default = 0 }
event = "item"
"""


def test_examples_of_the_page_run(databases, tmp_path):
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.S | re.M)
    assert len(blocks) > 10
    names = {"__name__": "page", "__builtins__": builtins}

    async def run(url):
        for block in blocks:
            block = block.replace("http://127.0.0.1:8002", url)
            code = compile(block, str(PAGE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            result = types.FunctionType(code, names)()
            if asyncio.iscoroutine(result):
                await result

    close_database_service()
    with Service(tmp_path / "app", SETTINGS) as service:
        asyncio.run(run(service.url))
    close_database_service()
