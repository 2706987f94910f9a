"""Credentials of the Basic scheme, and the same in aiohttp."""

import warnings
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from sketch import BasicAuth, encode_basic_auth

TEXT = st.text(max_size=20)


def outcome(function: Any, *args: Any) -> object:
    """What a call gives, or the kind of what it raises."""
    try:
        return function(*args)
    except Exception as error:
        return type(error)


@given(TEXT, TEXT)
def test_what_is_encoded_can_be_decoded(login: str, password: str) -> None:
    if ":" in login or any("\ud800" <= each <= "\udfff" for each in login + password):
        return
    field = encode_basic_auth(login, password)
    assert BasicAuth.decode(field, "utf-8") == (login, password, "utf-8")
    assert field == aiohttp.encode_basic_auth(login, password)


@given(st.one_of(TEXT, TEXT.map("Basic {}".format), st.binary().map(lambda raw: f"basic {raw.hex()}")))
def test_a_strangers_field_is_read_or_refused_as_in_aiohttp(field: str) -> None:
    ours = outcome(BasicAuth.decode, field)
    theirs = outcome(aiohttp.BasicAuth.decode, field)
    if ours is ValueError:
        assert isinstance(theirs, type) and issubclass(theirs, ValueError)
    else:
        assert ours == theirs


@pytest.mark.parametrize(
    ("field", "complaint"),
    [
        ("Basic", "a scheme and"),
        ("Bearer abc", "the scheme is 'Bearer'"),
        ("Basic !", "no base64"),
        ("Basic bm9jb2xvbg==", "no colon"),
        ("Basic ünï", "no base64"),
    ],
)
def test_what_is_wrong_with_a_field(field: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        BasicAuth.decode(field)


def test_making_one_is_deprecated_and_reading_one_is_not() -> None:
    with pytest.warns(DeprecationWarning, match="encode_basic_auth"):
        credentials = BasicAuth("Aladdin", "open sesame")
    assert credentials.encode() == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert BasicAuth.decode(credentials.encode()) == credentials
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert tuple(aiohttp.BasicAuth("Aladdin", "open sesame")) == tuple(credentials)


@pytest.mark.parametrize("login", ["a:b", None])
def test_a_login_that_is_none(login: Any) -> None:
    with pytest.raises(ValueError):
        BasicAuth(login)
    if login is not None:
        with pytest.raises(ValueError, match="RFC 7617"):
            encode_basic_auth(login)


def test_credentials_of_a_url() -> None:
    assert BasicAuth.from_url(URL("http://ada:%C3%BC@host/")) == ("ada", "ü", "latin1")
    assert BasicAuth.from_url(URL("http://host/")) is None
    with pytest.raises(TypeError):
        BasicAuth.from_url("http://host/")  # type: ignore[arg-type]
