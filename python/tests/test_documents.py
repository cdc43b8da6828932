"""The examples of docs/python.md, one after the other."""

import ast
import asyncio
import builtins
import pathlib
import re
import types

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "python.md"


def test_examples_of_the_page_run(databases):
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.S | re.M)
    assert len(blocks) > 4
    names = {"__name__": "page", "__builtins__": builtins}

    async def run():
        for block in blocks:
            code = compile(block, str(PAGE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            result = types.FunctionType(code, names)()
            if asyncio.iscoroutine(result):
                await result

    asyncio.run(run())
