"""Typed keys: identity, names, and the same ``repr`` as aiohttp's."""

import types
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aiohttp import web

from sketch.appkeys import AppKey, BaseKey, NotAppKeyWarning, RequestKey, ResponseKey

KINDS: list[Any] = [AppKey, RequestKey, ResponseKey]


def define(module: str, source: str, **names: Any) -> dict[str, Any]:
    """Execute ``source`` as the body of a module of that name."""
    namespace = types.ModuleType(module).__dict__
    namespace.update(names)
    exec(compile(source, f"{module}.py", "exec"), namespace)
    return namespace


@pytest.mark.parametrize("kind", KINDS)
def test_compared_by_identity(kind: Any) -> None:
    first, second = kind("database", str), kind("database", str)
    assert first == first
    assert first != second
    assert len({first, second}) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_has_no_dictionary(kind: Any) -> None:
    with pytest.raises(AttributeError):
        kind("database", str).other = 1


def test_named_after_the_module_that_is_executed() -> None:
    key = define("shop.keys", "key = AppKey('database', str)", AppKey=AppKey)["key"]
    assert repr(key) == "<AppKey(shop.keys.database, type=str)>"


def test_a_helper_names_keys_after_the_module_that_called_it() -> None:
    library = define("library", "def make():\n    return AppKey('k', int)", AppKey=AppKey)
    key = define("shop", "key = make()", make=library["make"])["key"]
    assert repr(key) == "<AppKey(shop.k, type=int)>"


def test_made_in_a_thread_without_a_module_body() -> None:
    # A thread's stack has no module body; aiohttp fails there.
    with ThreadPoolExecutor(1) as pool:
        key = pool.submit(lambda: AppKey("k", int)).result()
    assert repr(key) == f"<AppKey({__name__}.k, type=int)>"


class Local:
    pass


@pytest.mark.parametrize(
    "expression",
    [
        "{kind}('k', str)",
        "{kind}('k')",
        "{kind}('k', Local)",
        "{kind}[str]('k')",
        "{kind}[Local]('k')",
        "{kind}[Iterable[int]]('k')",
        "{kind}[dict[str, int]]('k', dict)",
    ],
)
@pytest.mark.parametrize("kind", ["AppKey", "RequestKey", "ResponseKey"])
def test_repr_is_that_of_aiohttp(kind: str, expression: str) -> None:
    source = "key = " + expression.format(kind=kind)
    ours, theirs = {"AppKey": AppKey, "RequestKey": RequestKey, "ResponseKey": ResponseKey}, vars(web)
    names: dict[str, Any] = {"Local": Local, "Iterable": Iterable}
    mine = define("shop", source, **names, **{kind: ours[kind]})["key"]
    reference = define("shop", source, **names, **{kind: theirs[kind]})["key"]
    assert repr(mine) == repr(reference)


def test_sorted_by_name_before_strings() -> None:
    names = define("shop", "a = AppKey('a', int)\nb = AppKey('b', int)", AppKey=AppKey)
    a, b = names["a"], names["b"]
    assert sorted(["z", b, a]) == [a, b, "z"]
    assert isinstance(a, BaseKey)


def test_the_warning_is_shown_to_users() -> None:
    assert issubclass(NotAppKeyWarning, UserWarning)
