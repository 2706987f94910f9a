"""A WebSocket client that waits for each answer, to ask servers whether they are right before their speed
counts."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bench.client import WrongAnswer
from bench.peers import HOST, Peer
from bench.wsframes import Frame, FrameReader, Opened, ProtocolError, client_frame, opening, read_opening
from bench.wsworks import BINARY, TEXT, WebSocketWork, messages

ECHO, SUBSCRIBE, PUBLISH = "/echo", "/subscribe", "/publish"
"""Where a server echoes; where it has those who get what is published; and where they publish."""

_TIMEOUT = 10.0
_LENGTHS = (0, 1, 125, 126, 65_535, 65_536)
"""Where the head of a frame gets longer."""


class WebSocketClient:
    """One WebSocket, open from the start. Raises `ProtocolError` and `OSError`."""

    def __init__(self, port: int, path: str, *, has_deflate: bool = False) -> None:
        self.sock = socket.create_connection((HOST, port), timeout=_TIMEOUT)
        self.has_deflate = has_deflate
        self._reader = FrameReader()
        try:
            self.opened = self._open(port, path)
        except BaseException:
            self.sock.close()
            raise

    def _open(self, port: int, path: str) -> Opened:
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = os.urandom(16)
        self.sock.sendall(opening(f"{HOST}:{port}", path, key, has_deflate=self.has_deflate))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            data = self.sock.recv(1)
            if not data:
                raise ProtocolError(f"the connection was closed after {head!r}")
            head += data
        opened = read_opening(head, key)
        if (opened.inflater is not None) != self.has_deflate:
            raise ProtocolError(f"asked for permessage-deflate: {self.has_deflate}; got {head!r}")
        return opened

    def send(self, message: bytes, opcode: int = TEXT) -> None:
        """Send a message."""
        self.sock.sendall(client_frame(message, opcode, os.urandom(4), has_deflate=self.has_deflate))

    def receive(self) -> Frame:
        """Wait for one message; its payload is inflated."""
        while True:
            data = self.sock.recv(2**16)
            if not data:
                raise ProtocolError("the connection was closed")
            frames = self._reader.receive(data)
            if len(frames) > 1:
                raise ProtocolError(f"more than one message: {frames!r}")
            if frames:
                return self._inflated(frames[0])

    def _inflated(self, frame: Frame) -> Frame:
        if not frame.is_deflated:
            return frame
        if self.opened.inflater is None:
            raise ProtocolError("a deflated message, which was not agreed on")
        return frame._replace(payload=self.opened.inflater.inflate(frame.payload))

    def close(self) -> None:
        """End the connection, without ceremony."""
        self.sock.close()


def verify(peer: Peer, work: WebSocketWork, port: int) -> None:
    """See a server do a work rightly, twice over one connection. Raises `WrongAnswer`."""
    try:
        if work.receivers:
            _verify_broadcast(work, port)
        else:
            _verify_echo(work, port)
    except (OSError, ProtocolError) as error:
        raise WrongAnswer(f"{peer.name}, {work.name}: {error!r}") from error


def _verify_echo(work: WebSocketWork, port: int) -> None:
    with _clients(port, [ECHO], work) as (client,):
        for message in messages(work)[:2] * 2:
            client.send(message, work.opcode)
            _check(client.receive(), message, work.opcode, work)
        for opcode in (TEXT, BINARY):
            for length in _LENGTHS:
                client.send(b"x" * length, opcode)
                _check(client.receive(), b"x" * length, opcode, work)


def _verify_broadcast(work: WebSocketWork, port: int) -> None:
    with _clients(port, [SUBSCRIBE, SUBSCRIBE, PUBLISH], work) as (*receivers, publisher):
        for message in messages(work)[:2] * 2:
            publisher.send(message)
            for receiver in receivers:
                _check(receiver.receive(), message, TEXT, work)


@contextmanager
def _clients(port: int, paths: list[str], work: WebSocketWork) -> Iterator[list[WebSocketClient]]:
    with ExitStack() as stack:
        clients = []
        for path in paths:
            clients.append(WebSocketClient(port, path, has_deflate=work.has_deflate))
            stack.callback(clients[-1].close)
        yield clients


def _check(frame: Frame, message: bytes, opcode: int, work: WebSocketWork) -> None:
    if frame.opcode != opcode or frame.payload != message:
        raise ProtocolError(f"wrong answer: opcode {frame.opcode}, {frame.payload[:200]!r}")
    if work.has_deflate and len(message) == work.size and not frame.is_deflated:
        raise ProtocolError("a message of this work is not deflated")


def answer_size(work: WebSocketWork, port: int) -> int:
    """Bytes that one client receives for one message, frame and all."""
    paths = [SUBSCRIBE, PUBLISH] if work.receivers else [ECHO]
    with _clients(port, paths, work) as clients:
        clients[-1].send(messages(work)[0], work.opcode)
        receiver = clients[0]
        payload = b""
        while not FrameReader().receive(payload):
            data = receiver.sock.recv(2**20)
            if not data:
                raise WrongAnswer(f"{work.name}: the connection was closed")
            payload += data
        return len(payload)
