"""How much a peer may send, and how long it may take: one object for all of it."""

from dataclasses import Field, dataclass, fields
from typing import Any, Final

_MAY_BE_ZERO: Final = frozenset({
    "body_grace", "body_rate", "body_timeout", "chunk_extensions", "discard", "keepalive_timeout",
    "lingering_timeout", "queue_timeout", "queued_requests", "trailer_fields", "trailers", "write_buffer",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what one peer can make the server hold or wait for. Sizes in bytes, times in seconds.

    Raises `TypeError` or `ValueError`, with the name and the value, for what cannot be meant."""

    request_line: int = 8190
    """The request line without its line end; 414 beyond (nginx ``large_client_header_buffers``, Apache
    ``LimitRequestLine``, aiohttp ``max_line_size``)."""

    field_line: int = 8190
    """One field line; 431 beyond (Apache ``LimitRequestFieldSize``, aiohttp ``max_field_size``)."""

    fields: int = 128
    """Number of field lines in one head; 431 beyond (aiohttp ``max_headers``; Apache takes 100)."""

    head: int = 65536
    """The whole head, request line included; 431 beyond (Tomcat and Go: 8 KiB and 1 MiB; hyper 400 KiB)."""

    chunk_line: int = 256
    """One chunk-size line with its extensions; 400 beyond (h11 and hyper bound it too; most do not)."""

    chunk_extensions: int = 16384
    """All chunk extensions of one body; 400 beyond (hyper, after CVE-2023-44487's relatives: 16 KiB)."""

    trailer_fields: int = 16
    """Number of trailer fields; 400 beyond."""

    trailers: int = 8192
    """The whole trailer section; 400 beyond."""

    read_buffer: int = 65536
    """Body bytes held for a handler that is not reading; the socket is not read beyond. It is taken up
    again when half of it has been consumed."""

    write_buffer: int = 65536
    """Answer bytes held for a client that is not reading; ``send`` waits beyond (asyncio's default)."""

    discard: int = 262144
    """Bytes of a body that nobody read which are thrown away to save the connection; beyond, the
    connection is closed after the answer."""

    head_timeout: float = 15.0
    """From the first byte of a head to its last; 408 beyond (nginx ``client_header_timeout``: 60)."""

    body_rate: int = 240
    """Bytes per second of a body on average, while the server is willing to read; 408 below, once
    ``body_grace`` is over (Kestrel ``MinRequestBodyDataRate``: the same). 0: no such bound."""

    body_grace: float = 10.0
    """How long a body may be slower than ``body_rate`` at its beginning (Kestrel: 5)."""

    body_timeout: float = 30.0
    """Between two pieces of a body, while the server is willing to read; 408 beyond (nginx
    ``client_body_timeout``: 60). 0: no such bound."""

    send_timeout: float = 30.0
    """How long a client may take nothing of what waits for it; the connection is cut beyond (nginx
    ``send_timeout``: 60)."""

    tls_handshake_timeout: float = 10.0
    """From the start of a connection to the end of its TLS handshake; closed beyond (asyncio: 60, Kestrel:
    10)."""

    first_byte_timeout: float = 30.0
    """From the start of a connection to its first byte; closed beyond."""

    keepalive_timeout: float = 75.0
    """Between two requests; closed beyond (nginx ``keepalive_timeout``; aiohttp's ``run_app``)."""

    lingering_timeout: float = 10.0
    """How long a connection that closes goes on discarding what still arrives, so that its last answer
    is not lost to a reset (RFC 9112, section 9.6; aiohttp ``lingering_time``)."""

    connections: int | None = None
    """Open connections in all; none is accepted beyond, and those that come wait in the backlog. ``None``:
    10 000, or as many as the descriptors of the process allow (nginx ``worker_connections``: 512)."""

    connections_per_peer: int | None = None
    """Open connections from one IP address; closed beyond (nginx ``limit_conn``). ``None``: no bound, because
    everybody behind one proxy has one address."""

    requests: int | None = None
    """Requests that are being answered at one time; others wait beyond. Answers that stream, and connections
    that were taken over, count as connections only. ``None``: no bound (uvicorn ``limit_concurrency``)."""

    queued_requests: int = 100
    """Requests that may wait for others to be answered; 503 with ``Retry-After`` beyond."""

    queue_timeout: float = 5.0
    """How long a request may wait for others to be answered; 503 with ``Retry-After`` beyond."""

    def __post_init__(self) -> None:
        for field in fields(self):
            _check(field, getattr(self, field.name))


def _check(field: Field[Any], value: Any) -> None:
    if value is None and field.default is None:
        return
    is_time, may_be_zero = field.type is float, field.name in _MAY_BE_ZERO
    meaning = "a number of seconds" if is_time else "a whole number"
    least = "0 or more" if may_be_zero else "more than 0"
    other = ", or None" if field.default is None else ""
    message = f"Limits({field.name}={value!r}): write {meaning}, {least}{other}"
    if type(value) is not int and (type(value) is not float or not is_time):
        raise TypeError(message)
    if not (value > 0 or (may_be_zero and value == 0)):
        raise ValueError(message)


DEFAULT_LIMITS = Limits()
"""The limits of a server that was not given any."""
