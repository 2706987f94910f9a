"""Loads a server with WebSocket messages, and counts the answers.

A client of its own, on epoll itself, and none of those whose servers are measured. Frames are masked and
encoded before it starts, and an answer is compared with bytes that were there before: it has less to do for
a message than a server in Python can have. Every byte of every answer is compared.
"""

import os
import select
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from time import perf_counter
from types import TracebackType
from typing import Final, NamedTuple, Self

from bench.load import Load, LoadFailed
from bench.wsclient import ECHO, PUBLISH, SUBSCRIBE, WebSocketClient
from bench.wsframes import Frame, FrameReader, Inflater, ProtocolError, client_frame, server_frame
from bench.wsworks import WebSocketWork, messages

_PATIENCE: Final = 10.0
"""Seconds without any answer after which a server is given up."""

_buffer = bytearray(2**18)
_view = memoryview(_buffer)


class _Canned(NamedTuple):
    """One message: as the client sends it, as a server sends it that does not deflate, and itself."""

    frame: bytes
    answer: bytes
    message: bytes


def _can(work: WebSocketWork) -> list[_Canned]:
    cans = []
    for message in messages(work):
        frame = client_frame(message, work.opcode, os.urandom(4), has_deflate=work.has_deflate)
        cans.append(_Canned(frame, server_frame(message, work.opcode), message))
    return cans


class _Echo:
    """One connection with one message on its way. Starts anywhere among the messages, so that the server does
    not get the same one from everybody."""

    __slots__ = ("_answer", "_cans", "_number", "_offset", "_receive_into", "_send", "_unsent", "begun")

    def __init__(self, client: WebSocketClient, cans: Sequence[_Canned], number: int) -> None:
        self.begun = 0.0
        self._cans = cans
        self._number = number % len(cans)
        self._receive_into = client.sock.recv_into
        self._send = client.sock.send
        self._answer = b""
        self._offset = 0
        self._unsent = memoryview(b"")

    def send_next(self, now: float) -> bool:
        """Send the next message; returns whether all of it is sent."""
        self.begun = now
        self._number = (self._number + 1) % len(self._cans)
        frame, self._answer, _ = self._cans[self._number]
        self._offset = 0
        try:
            sent = self._send(frame)
        except BlockingIOError:
            sent = 0
        if sent == len(frame):
            return True
        self._unsent = memoryview(frame)[sent:]
        return False

    def send_rest(self) -> bool:
        """Send what could not be sent before; returns whether that is all."""
        self._unsent = self._unsent[self._send(self._unsent) :]
        return not self._unsent

    def receive(self) -> bool:
        """Take what has arrived; returns whether the answer is complete with it. Raises `ProtocolError`."""
        count = self._receive_into(_buffer)
        if not count:
            raise ProtocolError("the connection was closed")
        if not self._answer.startswith(_view[:count], self._offset):
            raise ProtocolError(
                f"wrong after {self._offset} bytes of the answer: {bytes(_view[: min(count, 80)])!r}"
            )
        self._offset += count
        return self._offset == len(self._answer)


class _DeflatedEcho(_Echo):
    """The same where the answer is to be inflated before it can be compared."""

    __slots__ = ("_inflater", "_reader")

    def __init__(self, client: WebSocketClient, cans: Sequence[_Canned], number: int) -> None:
        super().__init__(client, cans, number)
        self._reader = FrameReader()
        self._inflater = client.opened.inflater

    def receive(self) -> bool:
        """Take what has arrived; returns whether the answer is complete with it. Raises `ProtocolError`."""
        frames = self._reader.receive(_take(self._receive_into))
        if frames:
            _check(frames, self._inflater, self._cans[self._number].message)
        return bool(frames)


class _Publication:
    """Messages on their way to all receivers: one, or several that are not deflated.

    ``answer``
        the bytes that each of them gets. Where they are deflated nobody knows them beforehand; but all
        receivers have got the same ones so far, so that the first one's, once inflated and found right, hold
        for the others.
    """

    __slots__ = ("answer", "message")

    def __init__(self, cans: Sequence[_Canned], *, has_deflate: bool) -> None:
        self.answer = b"" if has_deflate else b"".join(can.answer for can in cans)
        self.message = cans[0].message


class _Receiver:
    """One of those who get what is published. Messages are short, so what arrived of them is simply kept."""

    __slots__ = ("_held", "_inflater", "_receive_into")

    def __init__(self, client: WebSocketClient, inflater: Inflater | None) -> None:
        self._receive_into = client.sock.recv_into
        self._inflater = inflater
        self._held = b""

    def receive(self, publication: _Publication) -> bool:
        """Take what has arrived; returns whether all is complete with it. Raises `ProtocolError`."""
        self._held += _take(self._receive_into)
        if not publication.answer:
            frames = FrameReader().receive(self._held)
            if not frames:
                return False
            _check(frames, self._inflater, publication.message)
            publication.answer = self._held
        if self._held != publication.answer:
            if publication.answer.startswith(self._held):
                return False
            raise ProtocolError(f"wrong, or not what others got: {self._held[:80]!r}")
        self._held = b""
        return True


def _take(receive_into: Callable[[bytearray], int]) -> bytes:
    count = receive_into(_buffer)
    if not count:
        raise ProtocolError("the connection was closed")
    return bytes(_view[:count])


def _check(frames: list[Frame], inflater: Inflater | None, message: bytes) -> None:
    (frame, *others) = frames
    if others or inflater is None or not frame.is_deflated or inflater.inflate(frame.payload) != message:
        raise ProtocolError(f"not one deflated message, or the wrong one: {frames!r:.200}")


class WebSocketLoad(ABC):
    """A context with open connections, which wait for `run`. Entering it raises `LoadFailed`, too."""

    def __init__(self, work: WebSocketWork, port: int) -> None:
        self.work = work
        self._port = port
        self._cans = _can(work)
        self._ready = select.epoll()
        self._clients: list[WebSocketClient] = []
        self._latencies: list[float] = []

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all connections."""
        for client in self._clients:
            client.close()
        self._ready.close()

    def run(self, seconds: float) -> Load:
        """Send messages for so many seconds, each when the one before is answered; then wait for the last
        answers. Raises `LoadFailed`."""
        self._latencies.clear()
        begun = perf_counter()
        try:
            count = self._run(begun + seconds)
        except (OSError, ProtocolError) as error:
            raise LoadFailed(f"{self.work.name}: {error!r}") from error
        taken = perf_counter() - begun
        ordered = sorted(self._latencies)
        return Load(
            requests=count,
            bytes=count * self.work.size,
            seconds=taken,
            latency_p50_us=ordered[len(ordered) // 2] * 1e6,
            latency_p99_us=ordered[len(ordered) * 99 // 100] * 1e6,
        )

    @abstractmethod
    def _open(self) -> None:
        """Open the connections."""

    @abstractmethod
    def _run(self, end: float) -> int:
        """Send messages until then; returns how many were received."""

    def _connect(self, path: str) -> WebSocketClient:
        try:
            client = WebSocketClient(self._port, path, has_deflate=self.work.has_deflate)
        except (OSError, ProtocolError) as error:
            raise LoadFailed(f"{self.work.name}: {path}: {error!r}") from error
        self._clients.append(client)
        return client

    def _listen_to(self, client: WebSocketClient) -> int:
        client.sock.setblocking(False)
        self._ready.register(client.sock, select.EPOLLIN)
        return client.sock.fileno()

    def _poll(self) -> list[tuple[int, int]]:
        events = self._ready.poll(_PATIENCE)
        if not events:
            raise ProtocolError(f"no answer for {_PATIENCE} s")
        return events


class EchoLoad(WebSocketLoad):
    """Every connection gets its own messages back."""

    def __init__(self, work: WebSocketWork, port: int, connections: int) -> None:
        super().__init__(work, port)
        self._count = connections
        self._echoes: dict[int, _Echo] = {}

    def _open(self) -> None:
        kind = _DeflatedEcho if self.work.has_deflate else _Echo
        for number in range(self._count):
            client = self._connect(ECHO)
            self._echoes[self._listen_to(client)] = kind(client, self._cans, number)

    def _run(self, end: float) -> int:
        latencies, echoes = self._latencies, self._echoes
        for number, echo in echoes.items():
            self._send_next(number, echo, perf_counter())
        under_way = len(echoes)
        while under_way:
            events = self._poll()
            now = perf_counter()
            for number, event in events:
                echo = echoes[number]
                if event & select.EPOLLOUT and echo.send_rest():
                    self._ready.modify(number, select.EPOLLIN)
                if event & ~select.EPOLLOUT and echo.receive():
                    latencies.append(now - echo.begun)
                    if now < end:
                        self._send_next(number, echo, now)
                    else:
                        under_way -= 1
        return len(latencies)

    def _send_next(self, number: int, echo: _Echo, now: float) -> None:
        if not echo.send_next(now):
            self._ready.modify(number, select.EPOLLIN | select.EPOLLOUT)


class BroadcastLoad(WebSocketLoad):
    """One connection publishes, many receive; a message, or a burst of them, is sent when all receivers have
    got what was sent before. What is counted is messages received."""

    def __init__(self, work: WebSocketWork, port: int) -> None:
        super().__init__(work, port)
        self._receivers: dict[int, _Receiver] = {}
        self._number = 0

    def _open(self) -> None:
        inflater = None
        for _ in range(self.work.receivers):
            client = self._connect(SUBSCRIBE)
            inflater = inflater or client.opened.inflater
            self._receivers[self._listen_to(client)] = _Receiver(client, inflater)
        self._publisher = self._connect(PUBLISH)
        # One that is not counted: when it has arrived, the server knows all receivers.
        self.run(0)

    def _run(self, end: float) -> int:
        count = 0
        while True:
            begun = perf_counter()
            self._publish()
            count += len(self._receivers) * self.work.burst
            now = perf_counter()
            self._latencies.append(now - begun)
            if now >= end:
                return count

    def _publish(self) -> None:
        cans = [self._cans[(self._number + each) % len(self._cans)] for each in range(self.work.burst)]
        self._number += self.work.burst
        publication = _Publication(cans, has_deflate=self.work.has_deflate)
        self._publisher.sock.sendall(b"".join(can.frame for can in cans))
        missing = len(self._receivers)
        while missing:
            for number, _ in self._poll():
                missing -= self._receivers[number].receive(publication)


def open_load(work: WebSocketWork, port: int, *, connections: int) -> WebSocketLoad:
    """Open the connections that a work is done with. Raises `LoadFailed`."""
    if work.receivers:
        return BroadcastLoad(work, port)
    return EchoLoad(work, port, connections)
