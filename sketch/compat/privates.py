"""What plugins and their tests do with responses beside what is documented: they read names that are private
in aiohttp, and have mocks answered.

Each name stands for something that sketch keeps otherwise. There is no more of them than published plugins
need.
"""

import weakref
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from ..http.deferred import deferred
from ..http.exchange import Exchange
from ..streamresponse import StreamResponse
from .changes import Changes

_testing = deferred("sketch.testing")

_NOTE: Final = "_sketch_compat_request"


def show_privates(changes: Changes) -> None:
    """Give responses these names."""
    prepare: Callable[[StreamResponse, Any], Awaitable[Any]] = StreamResponse.prepare

    async def prepare_and_note(response: StreamResponse, request: Any) -> Any:
        result = await prepare(response, _find_answerable(request))
        # Weak: a request knows its response already, and the two would keep each other.
        setattr(response, _NOTE, weakref.ref(request))
        return result

    changes.set_attribute(StreamResponse, "prepare", prepare_and_note)
    changes.set_attribute(StreamResponse, "_req", property(_find_request))
    changes.set_attribute(StreamResponse, "_eof_sent", property(_is_complete))
    changes.set_attribute(StreamResponse, "_payload_writer", property(_find_writer))


def _find_answerable(request: Any) -> Any:
    """The request itself; for a mock, which knows no exchange, a request in memory that says the same of
    itself, and tells the mock's writer what is written."""
    if isinstance(getattr(request, "exchange", None), Exchange):
        return request
    return _testing.make_mocked_request(
        _find(request, "method", str, "GET"),
        _find(request, "path", str, "/"),
        _find(request, "headers", Mapping, {}),
        writer=request._payload_writer,
    )


def _find(mock: Any, name: str, kind: type, default: Any) -> Any:
    """An attribute, unless it is a mock, too."""
    value = getattr(mock, name)
    return value if isinstance(value, kind) else default


def _find_request(response: StreamResponse) -> Any:
    """The request that is being answered; ``None`` before and after that (aiohttp-sse)."""
    note = getattr(response, _NOTE, None)
    return None if note is None or _is_complete(response) else note()


def _is_complete(response: StreamResponse) -> bool:
    """Whether the response was sent to its end."""
    exchange = response._exchange
    return exchange is not None and exchange.response_complete


def _find_writer(response: StreamResponse) -> Any:
    """What the body is written to; ``None`` before and after that (aiohttp-sse)."""
    request = _find_request(response)
    return None if request is None else getattr(request, "writer", None)
