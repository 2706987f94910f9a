"""The constants are spelt as programs that come from aiohttp expect them."""

from aiohttp import hdrs
from multidict import CIMultiDict, istr

from sketch.http import names
from sketch.http.headers import is_token


def constants_of(module: object) -> dict[str, object]:
    return {name: value for name, value in vars(module).items() if name.isupper()}


def test_every_constant_of_aiohttp_is_there_with_its_value() -> None:
    theirs = constants_of(hdrs)
    del theirs["HOST_ALL"]  # Spellings of "Host" for aiohttp's own parser.
    assert constants_of(names) == theirs


def test_the_names_of_fields_are_tokens_that_know_their_folded_form() -> None:
    for name, value in constants_of(names).items():
        if not name.startswith("METH_"):
            assert isinstance(value, istr)
            assert is_token(value)
    assert CIMultiDict({"content-TYPE": "a/b"})[names.CONTENT_TYPE] == "a/b"
