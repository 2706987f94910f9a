"""How an HTTP/1 connection ends: so that the client can tell, nothing that it should get is lost, and nobody
is waited for without end.
"""

import asyncio
from contextlib import suppress

from ..http.heads import ResponseHead
from ..http.status import phrase
from ..protocol.h1.connection import WRITING_BODY, H1Engine
from .connection import SocketConnection
from .registry import Registry

_SILENCE = 2.0
"""Seconds without a byte after which a client over TLS, which was told that the answer is the last, is taken
to have nothing more to send: longer than its round trip, and than it takes to read the answer."""

_REFUSAL_FIELDS = (
    ("Content-Type", "text/plain; charset=utf-8"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'"),
)


class EndingConnection(SocketConnection):
    """The ways in which an HTTP/1 connection comes to its end, on the server's side."""

    __slots__ = ("_has_heard", "_is_lingering", "_linger_until", "_untaken", "engine")

    def __init__(self, registry: Registry) -> None:
        super().__init__(registry)
        self.engine = H1Engine(registry.parser, registry.limits)
        self._untaken = 0
        self._is_lingering = False
        self._linger_until = 0.0
        self._has_heard = False

    @property
    def is_lingering(self) -> bool:
        """Whether the client was told that nothing more comes, and may close."""
        return self._is_lingering

    @property
    def is_sending(self) -> bool:
        """Whether a part of an answer is not taken by the client."""
        return self.unsent > 0

    def _refuse(self, status: int, reason: str) -> None:
        """Answer what is no request, and close."""
        registry = self.registry
        head = ResponseHead(status, phrase(status), _REFUSAL_FIELDS)
        body = f"{status}: {phrase(status)}\n{reason}\n".encode()
        data = self.engine.answer_refusal(head, body, registry.clock.automatic)
        if self.transport is not None:
            self.transport.write(data)
        self._linger()
        if registry.refused is not None:
            try:
                registry.refused(self.peer, head, len(data))
            except Exception:
                registry.logger.exception("The access logger failed for an answer to what was no request")

    def client_left(self) -> None:
        """Take the end of what the client sends for the end of its interest."""
        self.engine.lose()
        self._close_transport()

    def _linger(self) -> None:
        """Close, but go on taking what still arrives: to reset the connection now could destroy the answer
        on its way (RFC 9112, section 9.6).

        TLS has no half close. The client has to find out from the answer that nothing more will be read,
        and we wait until it does, or is silent."""
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        self.engine.close()
        if self.engine.is_ended:
            self._close()
            return
        self._is_lingering = True
        self._wait_for_client()
        if not self._can_half_close():
            self._has_heard = False
            self._linger_until = self.deadline
            self.deadline = self.registry.clock.now + _SILENCE
        self.resume_reading()
        if self._can_half_close():
            # Not connected any more: the loop is about to say so.
            with suppress(OSError):
                transport.write_eof()

    def _can_half_close(self) -> bool:
        return self.transport is not None and self.transport.can_write_eof()

    def _close(self) -> None:
        """Close once everything is sent."""
        self.engine.close()
        self._close_transport()

    def _close_transport(self) -> None:
        transport = self.transport
        # One of asyncio's over TLS forgets what it is connected to when it is closed twice.
        if transport is not None and not transport.is_closing():
            self._wait_for_client()
            transport.close()

    def _wait_for_client(self) -> None:
        """Let the client take what is left: a part of it, at least, within each such time."""
        self._untaken = self.untaken
        self.deadline = self.registry.clock.now + self.registry.limits.lingering_timeout

    def abort(self) -> None:
        """Cut the connection, so that the client can tell."""
        if self._is_lingering and self._can_half_close() and not self.unsent:
            # It has been told, and lacks nothing.
            self._close_transport()
            return
        engine = self.engine
        if engine.ends_with_connection and (engine.writing is WRITING_BODY or self.unsent):
            self.reset_on_close()
        engine.lose()
        if self.transport is not None:
            self.transport.abort()

    def _give_up(self) -> None:
        """Cut off a client that takes nothing. The system would go on holding what it has for it, megabytes
        at times, and the client would see no end."""
        self.reset_on_close()
        self.abort()

    def _check_end(self, transport: asyncio.Transport) -> None:
        """Whether the client takes what is left, and over TLS, whether it still sends."""
        untaken, now = self.untaken, self.registry.clock.now
        if transport.is_closing() or transport.can_write_eof():
            if untaken < self._untaken:
                self._wait_for_client()
            elif self.unsent:
                self._give_up()
            else:
                self.abort()
            return
        if untaken < self._untaken:
            self._untaken = untaken
            self._linger_until = now + self.registry.limits.lingering_timeout
        if now < self._linger_until and (self._has_heard or self.unsent):
            self._has_heard = False
            self.deadline = now + _SILENCE
        else:
            self._close()
