"""Typed keys: identity, names, and the same ``repr`` as aiohttp's."""

import types
import warnings
from collections import ChainMap
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aiohttp import web

from sketch import appkeys
from sketch.appkeys import (
    AppKey,
    BaseKey,
    ChainMapProxy,
    NotAppKeyWarning,
    RequestKey,
    ResponseKey,
    warn_about_string_key,
)

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


# -- string keys -----------------------------------------------------------------------------------------


class Owner:
    def __setitem__(self, key: str, value: object) -> None:
        warn_about_string_key(key, "web.RequestKey", stacklevel=3)


def test_a_string_key_is_told_once_where_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appkeys, "_told", set())
    owner = Owner()
    with pytest.warns(NotAppKeyWarning, match="'user'.*web.RequestKey") as caught:
        owner["user"] = 1
        owner["user"] = 2
    assert [warning.filename for warning in caught] == [__file__]


def test_an_application_tells_every_time() -> None:
    with pytest.warns(NotAppKeyWarning) as caught:
        for _ in range(2):
            warn_about_string_key("user", "web.AppKey", stacklevel=2, once=False)
    assert len(caught) == 2


def test_a_program_that_makes_up_keys_is_not_told_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appkeys, "_told", set())
    monkeypatch.setattr(appkeys, "_TOLD_AT_MOST", 3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for number in range(10):
            Owner()[f"key{number}"] = None
    assert len(caught) == 3


# -- ChainMapProxy ---------------------------------------------------------------------------------------


def test_the_first_mapping_with_a_key_wins() -> None:
    inner, outer = {"a": 1, "b": 2}, {"b": 3, "c": 4}
    proxy = ChainMapProxy([inner, outer])
    reference = ChainMap(inner, outer)
    assert list(proxy.items()) == list(reference.items())
    assert len(proxy) == 3
    assert "c" in proxy
    assert "d" not in proxy
    assert proxy.get("c") == 4
    assert proxy.get("d", 5) == 5
    with pytest.raises(KeyError):
        proxy["d"]


def test_is_a_view() -> None:
    inner: dict[str, int] = {}
    outer: dict[str, int] = {}
    proxy = ChainMapProxy([inner, outer])
    assert not proxy
    inner["a"] = 1
    assert proxy
    assert repr(proxy) == "ChainMapProxy({'a': 1}, {})"
