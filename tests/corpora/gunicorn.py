"""gunicorn's corpus: a file of bytes for each case, and beside it one of Python with what is expected.

The Python is read and not run. The rules by which the bytes are written are those of ``treq.py`` beside them.
"""

import ast
import re
from typing import Any

from tests.corpora.case import Case, Told
from tests.corpora.download import GUNICORN, read_files

FOLDER = "tests/requests"


def read_gunicorn() -> list[Case]:
    """All cases."""
    files = read_files(GUNICORN, FOLDER)
    cases = []
    for path, data in files.items():
        if path.endswith(".http"):
            stem = path.removesuffix(".http")
            told = _read_expectation(files[f"{stem}.py"].decode())
            is_valid = path.startswith("valid/")
            assert (told is not None) == is_valid
            cases.append(Case(f"gunicorn/{stem}", unescape(data), is_valid, told, has_end=True))
    return cases


def unescape(data: bytes) -> bytes:
    """The bytes that a file stands for."""
    data = data.replace(b"\n", b"").replace(b"\\r\\n", b"\r\n")
    data = data.replace(b"\\0", b"\0").replace(b"\\n", b"\n").replace(b"\\t", b"\t")
    data = re.sub(rb"\\x([0-9a-fA-F]{2})", lambda match: bytes([int(match[1], 16)]), data)
    assert b"\\" not in data, "an escape that is not known here"
    return data


def _read_expectation(program: str) -> tuple[Told, ...] | None:
    """The requests that are expected; ``None`` for an error."""
    values: dict[str, Any] = {}
    for statement in ast.parse(program).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            values[statement.targets[0].id] = _evaluate(statement.value, values)
    expected = values["request"]
    if expected is None:
        return None
    requests = expected if isinstance(expected, list) else [expected]
    return tuple(Told(each["method"], each["uri"], each["body"] or b"") for each in requests)


def _evaluate(node: ast.expr, values: dict[str, Any]) -> Any:
    """Literals, names from above, and the notation for a target. Any other name stands for an error."""
    match node:
        case ast.Name(id=name):
            return values.get(name)
        case ast.Call(func=ast.Name(id="uri"), args=[argument]):
            return _evaluate(argument, values)
        case ast.Dict(keys=keys, values=items):
            pairs = zip(keys, items, strict=True)
            return {_evaluate(key, values): _evaluate(item, values) for key, item in pairs if key is not None}
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_evaluate(item, values) for item in items]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _evaluate(left, values) + _evaluate(right, values)
        case ast.Constant(value=value):
            return value
        case ast.Call(func=ast.Attribute(value=of, attr="decode" | "encode" | "replace" as name), args=texts):
            return getattr(_evaluate(of, values), name)(*[_evaluate(text, values) for text in texts])
        case ast.Call(func=ast.Name(id="Config")):
            return None
    return ast.literal_eval(node)
