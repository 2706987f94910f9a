"""One line for one answer.

A format is read once, when the logger is made; a line is then a handful of small functions and one ``%``.
What strangers send is escaped, so that nobody writes lines of their own into the log. When a request
counts as answered, and how long it took, is said by whoever calls `AbstractAccessLogger.log`.
"""

import logging
import os
import re
import time as clock
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final, NamedTuple, cast

from multidict import CIMultiDict, CIMultiDictProxy, istr
from yarl import URL

from .callables import warn_registration
from .http.dates import current_date
from .http.exchange import Peer
from .http.heads import SERVER_SOFTWARE, HttpVersion11, ResponseHead
from .http.status import allows_body
from .logs import server_logger
from .request import BaseRequest
from .streamresponse import StreamResponse

Value = str | int


class AbstractAccessLogger(ABC):
    """What is told of every answer; programs write their own (aiohttp documentation,
    ``aiohttp.abc.AbstractAccessLogger``).

    ``logger``
        where the lines go.
    ``log_format``
        how they are to look; its language belongs to the subclass.
    """

    __slots__ = ("log_format", "logger")

    def __init__(self, logger: logging.Logger, log_format: str) -> None:
        self.logger = logger
        self.log_format = log_format

    @abstractmethod
    def log(self, request: BaseRequest, response: StreamResponse, time: float) -> None:
        """Tell of ``response`` to ``request``, ``time`` seconds after the request arrived.

        For an answer that the server made itself, before there was a request, ``request`` is a
        `RefusedRequest` and ``response`` a `Refusal`.
        """

    @property
    def enabled(self) -> bool:
        """Whether `log` has any effect at the moment; asked before every call."""
        return True


class AccessLogger(AbstractAccessLogger):
    """Access lines through `logging`, at level INFO (aiohttp documentation, ``AccessLogger``).

    ======== =============================================================
    ``%a``   the client's address
    ``%t``   when the request arrived, in local time
    ``%P``   the number of this process
    ``%r``   the request line
    ``%s``   the status
    ``%b``   the size of the response in bytes
    ``%T``   seconds from request to answer
    ``%Tf``  the same with six decimals
    ``%D``   the same in microseconds
    ``%{X}i`` the request's header field ``X``
    ``%{X}o`` the response's header field ``X``
    ``%%``   a percent sign
    ======== =============================================================

    Anything else after ``%`` is kept as it is, with a `UserWarning`. Each record also carries the values
    as attributes, for structured logs: ``remote_address``, ``request_start_time``, ``process_id``,
    ``first_request_line``, ``response_status``, ``response_size``, ``request_time``,
    ``request_time_frac``, ``request_time_micro``, ``request_header`` and ``response_header``; the last
    two are dictionaries.

    In every value that a client may have chosen, control characters, quotes and backslashes are written
    as escapes.
    """

    LOG_FORMAT = '%a %t "%r" %s %b "%{Referer}i" "%{User-Agent}i"'

    __slots__ = ("_fields", "_template")

    def __init__(self, logger: logging.Logger, log_format: str = LOG_FORMAT) -> None:
        super().__init__(logger, log_format)
        self._template, self._fields = _compile(log_format)

    @property
    def enabled(self) -> bool:
        """Whether the logger takes records of level INFO."""
        return self.logger.isEnabledFor(logging.INFO)

    def log(self, request: BaseRequest, response: StreamResponse, time: float) -> None:
        """See `AbstractAccessLogger.log`. A line that cannot be made is reported to the same logger, and
        nothing is raised."""
        try:
            values: list[Value] = []
            extra: dict[str, Any] = {}
            for name, header, read in self._fields:
                value = read(request, response, time)
                values.append(value)
                if header is None:
                    extra[name] = value
                else:
                    extra.setdefault(name, {})[header] = value
            self.logger.info(self._template % tuple(values), extra=extra)
        except Exception:
            self.logger.exception("an access line could not be written")


# -- a format, read once -----------------------------------------------------------------------------------


class _Field(NamedTuple):
    """One atom of a format: the record's attribute, the header field where it is one, how it is read."""

    name: str
    header: str | None
    read: Callable[[BaseRequest, StreamResponse, float], Value]


_ATOM: Final = r"%(?:(?P<simple>Tf?|[atPrsbD%])|\{(?P<header>[^{}\s]+)\}(?P<side>[io]))"


def _compile(log_format: str) -> tuple[str, list[_Field]]:
    """Make a template for the operator ``%`` out of a format, and the fields that fill it."""
    template: list[str] = []
    fields: list[_Field] = []
    end = 0
    for atom in re.finditer(_ATOM, log_format):
        template.append(_literal(log_format[end : atom.start()], log_format))
        end = atom.end()
        if atom["simple"] == "%":
            template.append("%%")
        else:
            template.append("%s")
            fields.append(_field(atom))
    template.append(_literal(log_format[end:], log_format))
    return "".join(template), fields


def _field(atom: re.Match[str]) -> _Field:
    simple, header, side = atom["simple"], atom["header"], atom["side"]
    if simple is not None:
        name, read = _SIMPLE[simple]
        return _Field(name, None, read)
    if side == "i":
        return _Field("request_header", header, partial(_request_header, istr(header)))
    read_automatic = _AUTOMATIC.get(header.lower())
    if read_automatic is not None:
        return _Field("response_header", header, partial(_automatic_header, istr(header), read_automatic))
    return _Field("response_header", header, partial(_response_header, istr(header)))


def _literal(text: str, log_format: str) -> str:
    if "%" in text:
        start = text.index("%")
        warn_registration(
            f"{text[start : start + 2]!r} in the access log format {log_format!r} means nothing and is kept "
            "as it is. Write %% for a percent sign"
        )
    return text.replace("%", "%%")


def escape(value: str) -> str:
    """``value`` on one line, between quotes: control characters, quotes and backslashes as escapes.

    Bytes that were not UTF-8 (surrogates of ``surrogateescape``) become ``\\xhh``; other printable
    characters stay as they are.
    """
    if value.isprintable() and '"' not in value and "\\" not in value:
        return value
    return "".join([_escape_character(character) for character in value])


def _escape_character(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


# -- the values ------------------------------------------------------------------------------------------


def _remote_address(request: BaseRequest, response: StreamResponse, time: float) -> str:
    remote = request.remote
    return "-" if remote is None else escape(remote)


_last_second: tuple[int, str] = (0, "[01/Jan/1970:00:00:00 +0000]")


def _request_start_time(request: BaseRequest, response: StreamResponse, time: float) -> str:
    # Requests of one second share its text: `strftime` costs more than the rest of the line's values.
    global _last_second
    started = int(clock.time() - time)
    second, text = _last_second
    if second != started:
        text = clock.strftime("[%d/%b/%Y:%H:%M:%S %z]", clock.localtime(started))
        _last_second = (started, text)
    return text


def _process_id(request: BaseRequest, response: StreamResponse, time: float) -> str:
    return f"<{os.getpid()}>"


def _first_request_line(
    request: "BaseRequest | RefusedRequest", response: StreamResponse, time: float
) -> str:
    if isinstance(request, RefusedRequest):
        return "-"
    version = request.version
    return f"{request.method} {escape(request.raw_path)} HTTP/{version.major}.{version.minor}"


def _response_status(request: BaseRequest, response: StreamResponse, time: float) -> int:
    return response.status


def _response_size(request: BaseRequest, response: StreamResponse, time: float) -> int:
    return response.body_length


def _request_time(request: BaseRequest, response: StreamResponse, time: float) -> str:
    return str(round(time))


def _request_time_frac(request: BaseRequest, response: StreamResponse, time: float) -> str:
    return f"{time:06f}"


def _request_time_micro(request: BaseRequest, response: StreamResponse, time: float) -> str:
    return str(round(time * 1000000))


def _request_header(name: str, request: BaseRequest, response: StreamResponse, time: float) -> str:
    return escape(request.headers.get(name, "-"))


def _response_header(name: str, request: BaseRequest, response: StreamResponse, time: float) -> str:
    return escape(response.headers.get(name, "-"))


def _automatic_header(
    name: str, read: Callable[[Any], str], request: BaseRequest, response: StreamResponse, time: float
) -> str:
    value = response.headers.get(name)
    return read(response) if value is None else escape(value)


def _content_length(response: Any) -> str:
    length = getattr(response, "content_length", None)
    return "-" if length is None or not allows_body(response.status) else str(length)


# Fields that the carrier writes itself, and that nobody finds among those of the response.
_AUTOMATIC: Final[Mapping[str, Callable[[Any], str]]] = {
    "content-length": _content_length,
    "date": lambda response: current_date(),
    "server": lambda response: SERVER_SOFTWARE,
}

_SIMPLE: Final[Mapping[str, tuple[str, Callable[[BaseRequest, StreamResponse, float], Value]]]] = {
    "a": ("remote_address", _remote_address),
    "t": ("request_start_time", _request_start_time),
    "P": ("process_id", _process_id),
    "r": ("first_request_line", _first_request_line),
    "s": ("response_status", _response_status),
    "b": ("response_size", _response_size),
    "T": ("request_time", _request_time),
    "Tf": ("request_time_frac", _request_time_frac),
    "D": ("request_time_micro", _request_time_micro),
}


# -- answers that the server made itself --------------------------------------------------------------------


class RefusedRequest(Mapping[str, Any]):
    """Stands for a request that never came to be: what was sent could not be read as one.

    Of a request it has what access loggers look at, empty. In a line, ``%r`` is ``-``.

    ``remote``
        the client's address, which is all that is known.
    """

    __slots__ = ("remote",)

    method = path = path_qs = raw_path = host = "-"
    scheme = "http"
    query_string = ""
    version = HttpVersion11
    headers: CIMultiDictProxy[str] = CIMultiDictProxy(CIMultiDict())
    url = rel_url = URL()

    def __init__(self, remote: str | None) -> None:
        self.remote = remote

    def __getitem__(self, key: str) -> Any:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<RefusedRequest from {self.remote}>"


class Refusal:
    """The answer to a `RefusedRequest`, as access loggers look at one.

    ``body_length``
        bytes sent.
    """

    __slots__ = ("body_length", "headers", "reason", "status")

    def __init__(self, head: ResponseHead, body_length: int) -> None:
        self.status = head.status
        self.reason = head.reason
        self.headers = CIMultiDictProxy(CIMultiDict(head.fields))
        self.body_length = body_length


def log_refusal(access_logger: AbstractAccessLogger, peer: Peer, head: ResponseHead, length: int) -> None:
    """Tell ``access_logger`` of an answer that the server made itself, of ``length`` bytes.

    Never raises: a connection that is about to close has nobody to tell of a logger's mistake, so that
    goes to the server's log."""
    if not access_logger.enabled:
        return
    try:
        request, response = RefusedRequest(peer.host), Refusal(head, length)
        # They look like a request and a response to a logger, and to nobody else.
        access_logger.log(cast(BaseRequest, request), cast(StreamResponse, response), 0.0)
    except Exception:
        server_logger.exception("the access logger failed on an answer of status %s", head.status)
