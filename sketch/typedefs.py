"""Names for the types of arguments, as ``aiohttp.typedefs`` has them, for annotations."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from http.cookies import BaseCookie, Morsel
from typing import Any

from yarl import URL, Query

from .http.exchange import Bytes
from .middleware import Handler, Middleware
from .responsehead import LooseHeaders

__all__ = [
    "DEFAULT_JSON_DECODER",
    "DEFAULT_JSON_ENCODER",
    "Byteish",
    "Handler",
    "JSONBytesEncoder",
    "JSONDecoder",
    "JSONEncoder",
    "LooseCookies",
    "LooseCookiesIterables",
    "LooseCookiesMappings",
    "LooseHeaders",
    "Middleware",
    "PathLike",
    "Query",
    "RawHeaders",
    "StrOrURL",
]

Byteish = Bytes
"""What a body may be handed over as."""

JSONEncoder = Callable[[Any], str]
"""``json.dumps``, or what does the same."""

JSONBytesEncoder = Callable[[Any], bytes]
"""An encoder of JSON that returns bytes."""

JSONDecoder = Callable[[str], Any]
"""``json.loads``, or what does the same."""

DEFAULT_JSON_ENCODER: JSONEncoder = json.dumps
DEFAULT_JSON_DECODER: JSONDecoder = json.loads

LooseCookiesMappings = Mapping[str, str | BaseCookie[str] | Morsel[Any]]
LooseCookiesIterables = Iterable[tuple[str, str | BaseCookie[str] | Morsel[Any]]]
LooseCookies = LooseCookiesMappings | LooseCookiesIterables | BaseCookie[str]
"""Cookies, in any form that says their names and values."""

PathLike = str | os.PathLike[str]
"""The path of a file."""

RawHeaders = tuple[tuple[bytes, bytes], ...]
"""Header fields as they were sent."""

StrOrURL = str | URL
"""A URL, as text or parsed."""
