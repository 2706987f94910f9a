"""What a response says after its body: trailer fields.

`TrailerBuilder` is the part of a response that announces and collects them. How they are sent, and whether
the framing has room for them, is the carrier's to know.
"""

from types import MappingProxyType

from multidict import CIMultiDict

from .http import names
from .http.exchange import Exchange
from .http.headers import check_field, split_list
from .http.trailers import may_be_trailer


class TrailerBuilder:
    """Trailer fields of a response (RFC 9110, section 6.5)."""

    _exchange: Exchange | None = None
    _trailers: dict[str, str] | None = None

    @property
    def headers(self) -> CIMultiDict[str]:
        """The header fields: ``Trailer`` is one."""
        raise NotImplementedError

    @property
    def content_length(self) -> int | None:
        """The declared length of the body; ``None`` where there is room for trailers after it."""
        raise NotImplementedError

    @property
    def trailers(self) -> MappingProxyType[str, str]:
        """The trailer fields that are set, to read; `set_trailer` sets them."""
        return MappingProxyType(self._trailers or {})

    def announce_trailers(self, *trailer_names: str) -> None:
        """Say before `prepare` which fields may come after the body (``Trailer``; RFC 9110, section 6.6.2).

        Raises `ValueError` for what is no name and for a field that must not be a trailer (section 6.5.1),
        `RuntimeError` once the response is prepared, and for a body of declared length, after which there
        is no room for trailers."""
        for name in trailer_names:
            check_field(name, "")
            _check_name(name)
        if self._exchange is not None:
            raise RuntimeError("trailers are announced before the response is prepared")
        if self.content_length is not None:
            raise RuntimeError(
                "a body of declared length has no trailers: do not set content_length, and of a Response "
                "call enable_chunked_encoding() first"
            )
        announced = self._announced()
        new = [name for name in trailer_names if name.lower() not in announced]
        if new:
            field = self.headers.getall(names.TRAILER, [])
            self.headers[names.TRAILER] = ", ".join([*field, *new])
        if self._trailers is None:
            self._trailers = {}

    def set_trailer(self, name: str, value: str) -> None:
        """Set a trailer field, at any time before `write_eof`. What is set before `prepare` is announced by
        that; later, only what was announced can be set.

        It is sent where the body is chunked, which HTTP/1.0 and answers without a body do not know; a client
        may ignore it. Raises `ValueError` for a field that cannot be sent or must not be a trailer,
        `RuntimeError` for one that was not announced and after the end of the body."""
        check_field(name, value)
        exchange = self._exchange
        if exchange is None:
            self.announce_trailers(name)
        elif exchange.response_complete:
            raise RuntimeError("Cannot call set_trailer() after write_eof()")
        elif name.lower() not in self._announced():
            raise RuntimeError(f"{name} was not announced: call announce_trailers({name!r}) before prepare()")
        _check_name(name)
        if self._trailers is None:
            self._trailers = {}
        self._trailers[name] = value

    def _announced(self) -> set[str]:
        return {name.lower() for line in self.headers.getall(names.TRAILER, []) for name in split_list(line)}

    def _check_room(self) -> None:
        """Refuse a length that was declared after trailers were announced."""
        if self._trailers is not None and self.content_length is not None:
            raise RuntimeError("trailers were announced, and a body of declared length has none")


def _check_name(name: str) -> None:
    if not may_be_trailer(name):
        raise ValueError(f"{name} cannot be a trailer field: a client needs to know it before the body")
