"""The names of methods and header fields, as ``from aiohttp import hdrs`` has them."""

from itertools import product
from typing import Final

from .http.names import *  # noqa: F403
from .http.names import HOST

HOST_ALL: Final = frozenset(map("".join, product(*zip(HOST.upper(), HOST.lower(), strict=True))))
"""``Host`` in every mixture of upper and lower case, for whoever compares names as they were sent."""
