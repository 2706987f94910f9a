"""Requests without a server, whose surroundings are mocks (aiohttp documentation, "Testing").

What a handler answers goes to a `MemoryExchange`, and is told to the mock of the writer besides.
"""

import asyncio
import inspect
from collections.abc import Sequence
from typing import Any, Final, cast
from unittest import mock

from multidict import CIMultiDict

from ..application import Application
from ..exceptions import HTTPRequestEntityTooLarge
from ..http import names
from ..http.exchange import Bytes, Peer
from ..http.headers import FieldLines, split_list
from ..http.heads import Framing, HttpVersion, HttpVersion11, RequestHead, ResponseHead
from ..http.memory import MemoryExchange
from ..request import Request
from ..responsehead import LooseHeaders
from ..routing.matchinfo import UrlMappingMatchInfo
from ..signals import Signal
from ..streams import EMPTY_PAYLOAD, StreamReader, reader_of

_UNSET: Final[Any] = object()

_STATE: Final = ("__contains__", "__delitem__", "__getitem__", "__setitem__", "get", "setdefault")
"""What a mocked application really does: it keeps what it is given."""


class MockedExchange(MemoryExchange):
    """An exchange in memory that has a transport, a protocol, a writer and a task, all of them mocks unless a
    test says otherwise."""

    __slots__ = ("mocks",)

    mocks: dict[str, Any]

    @property
    def transport(self) -> Any:
        """The transport that the request was made with."""
        return self.mocks["transport"]

    def respond(self, head: ResponseHead, body: Bytes = b"") -> None:
        """As any exchange; the writer is told."""
        super().respond(head, body)
        self._tell_head()
        self._tell("write_eof", bytes(body))

    def start(self, head: ResponseHead, content_length: int | None = None) -> None:
        """As any exchange; the writer is told."""
        super().start(head, content_length)
        self._tell_head()

    async def send(self, data: Bytes) -> None:
        """As any exchange; the writer is told."""
        await super().send(data)
        await self._told("write", bytes(data))

    async def finish(self, trailers: Sequence[tuple[str, str]] = ()) -> None:
        """As any exchange; the writer is told."""
        await super().finish(trailers)
        await self._told("write_eof", b"")

    def _tell_head(self) -> None:
        head = self.response_head
        assert head is not None, "it was handed over a moment ago"
        line = f"HTTP/1.1 {head.status} {head.reason}"
        self._tell("write_headers", line, CIMultiDict(head.fields))

    def _tell(self, name: str, *arguments: Any) -> None:
        """Tell the writer where nobody can wait for it."""
        answer = getattr(self.mocks["writer"], name)(*arguments)
        if inspect.iscoroutine(answer):
            answer.close()

    async def _told(self, name: str, *arguments: Any) -> None:
        answer = getattr(self.mocks["writer"], name)(*arguments)
        if inspect.isawaitable(answer):
            await answer


class MockedRequest(Request):
    """A request that `make_mocked_request` made."""

    @property
    def answered(self) -> MockedExchange:
        """What was answered: `MemoryExchange` has the head and the body."""
        return cast(MockedExchange, self.exchange)

    @property
    def transport(self) -> Any:
        """The transport that it was made with."""
        return self.answered.mocks["transport"]

    @property
    def protocol(self) -> Any:
        """The protocol that it was made with."""
        return self.answered.mocks["protocol"]

    @property
    def writer(self) -> Any:
        """The writer that it was made with."""
        return self.answered.mocks["writer"]

    @property
    def task(self) -> Any:
        """A mock."""
        return self.answered.mocks["task"]

    @property
    def loop(self) -> Any:
        """The loop that it was made with: the one that ran, or a mock."""
        return self.answered.mocks["loop"]

    @property
    def body_exists(self) -> bool:
        """Whether it was made with a payload."""
        return self.content is not EMPTY_PAYLOAD

    @property
    def can_read_body(self) -> bool:
        """Whether there is anything left to read of it."""
        return self.body_exists and not self.content.at_eof()

    async def read(self) -> bytes:
        """The whole payload, from any reader that has aiohttp's methods."""
        if isinstance(self.content, StreamReader):
            return await super().read()
        if self._read_bytes is None:
            self._read_bytes = await self._read_strange(self.content)
        return self._read_bytes

    def _content_again(self) -> StreamReader:
        # Any reader: how much of it was read, only ours says.
        if self._read_bytes or isinstance(self.content, StreamReader):
            return super()._content_again()
        return self.content

    async def _read_strange(self, content: Any) -> bytes:
        body = bytearray()
        while piece := await content.readany():
            body += piece
            if self.client_max_size and len(body) > self.client_max_size:
                raise HTTPRequestEntityTooLarge(self.client_max_size, len(body))
        return bytes(body)


def make_mocked_request(
    method: str,
    path: str,
    headers: LooseHeaders | None = None,
    *,
    match_info: Any = _UNSET,
    version: HttpVersion = HttpVersion11,
    closing: bool = False,
    app: Any = None,
    writer: Any = _UNSET,
    protocol: Any = _UNSET,
    transport: Any = _UNSET,
    payload: Any = EMPTY_PAYLOAD,
    sslcontext: Any = None,
    client_max_size: int = 1024**2,
    client_max_fields: int = 1000,
    loop: Any = ...,
) -> MockedRequest:
    """A request for testing a handler by itself. What is not given is a mock.

    ``match_info``
        the values of the path's parameters.
    ``closing``
        whether the client wants the connection to be closed.
    ``payload``
        the body: a `StreamReader`, anything with its methods, or bytes.
    ``sslcontext``
        anything, for a request over TLS.

    Made inside or outside of an event loop."""
    fields = CIMultiDict(headers or ())
    if transport is _UNSET:
        transport = _mock_transport(sslcontext)
    if writer is _UNSET:
        writer = _mock_writer(transport)
    if protocol is _UNSET:
        protocol = _mock_protocol(transport, sslcontext)
    protocol.transport, protocol.writer = transport, writer
    version = HttpVersion(*version)
    keeps = not closing and version >= HttpVersion11
    exchange = _make_exchange(method.upper(), path, fields, payload, version, keeps, protocol, transport)
    exchange.mocks = {
        "loop": _find_loop() if loop is ... else loop, "protocol": protocol, "task": mock.Mock(),
        "transport": transport, "writer": writer,
    }  # fmt: skip
    app = _mock_app() if app is None else app
    request = MockedRequest(exchange, app)
    request._content = _make_content(payload)
    request.client_max_size, request.client_max_fields = client_max_size, client_max_fields
    request._match_info = UrlMappingMatchInfo({} if match_info is _UNSET else match_info, mock.Mock())
    request._match_info.add_app(app)
    request.has_prepare_hooks = bool(app.on_response_prepare)
    return request


def _make_exchange(
    method: str,
    path: str,
    fields: "CIMultiDict[str]",
    payload: Any,
    version: HttpVersion,
    keeps: bool,
    protocol: Any,
    transport: Any,
) -> MockedExchange:
    peer = Peer(protocol.peername, secure=bool(protocol.ssl_context), get_extra_info=transport.get_extra_info)
    exchange = MockedExchange(method, path, list(fields.items()), None, version=version, peer=peer)
    exchange.head = _reframe(exchange.head, fields, payload, keeps)
    exchange._keep_alive = keeps
    return exchange


def _make_content(payload: Any) -> Any:
    if isinstance(payload, bytes | bytearray):
        return reader_of(bytes(payload)) if payload else EMPTY_PAYLOAD
    # aiohttp has one such object of its own.
    return EMPTY_PAYLOAD if type(payload).__name__ == "EmptyStreamReader" else payload


def _reframe(head: RequestHead, fields: "CIMultiDict[str]", payload: Any, keeps: bool) -> RequestHead:
    """The head without what an exchange in memory adds for a body that is to come."""
    framing = head.framing
    declared = fields.get(names.CONTENT_LENGTH)
    length = None if declared is None else int(declared)
    if declared is None and _make_content(payload) is EMPTY_PAYLOAD:
        length = 0
    lines = FieldLines([pair for pair in head.fields if pair[0].decode("utf-8", "surrogateescape") in fields])
    connection = [option.lower() for option in split_list(fields.get(names.CONNECTION, ""))]
    upgrade = tuple(split_list(fields.get(names.UPGRADE, ""))) if "upgrade" in connection else ()
    return RequestHead(
        head.method,
        head.target,
        head.version,
        lines,
        Framing(length, keep_alive=keeps, has_expectation=framing.has_expectation, upgrade=upgrade),
    )


def _mock_transport(sslcontext: Any) -> Any:
    known = {"sslcontext": sslcontext, "sockname": ("127.0.0.1", 80)}
    transport = mock.Mock()
    transport.get_extra_info.side_effect = lambda name, default=None: known.get(name, default)
    return transport


def _mock_writer(transport: Any) -> Any:
    writer = mock.Mock()
    writer.transport = transport
    for name in ("drain", "write", "write_eof", "write_headers"):
        setattr(writer, name, make_mocked_coro(None))
    return writer


def _mock_protocol(transport: Any, sslcontext: Any) -> Any:
    info = transport.get_extra_info
    return mock.Mock(peername=info("peername"), sockname=info("sockname"), ssl_context=sslcontext)


def _mock_app() -> Any:
    state: dict[Any, Any] = {}
    keeping = {name: mock.Mock(side_effect=getattr(state, name)) for name in _STATE}
    app = mock.MagicMock(spec=Application, on_response_prepare=Signal(None))
    app.configure_mock(**keeping)
    app.on_response_prepare.freeze()
    return app


def _find_loop() -> Any:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return mock.Mock()


def make_mocked_coro(return_value: Any = _UNSET, raise_exception: Any = _UNSET) -> Any:
    """A mock of a coroutine function, which returns that value, or raises that exception. A value that can be
    awaited is awaited."""
    if raise_exception is not _UNSET:
        return mock.AsyncMock(side_effect=raise_exception)
    if not inspect.isawaitable(return_value):
        return mock.AsyncMock(return_value=return_value)

    async def wait(*args: Any, **kwargs: Any) -> Any:
        return await return_value

    return mock.AsyncMock(side_effect=wait)
