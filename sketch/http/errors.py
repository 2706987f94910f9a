"""What can go wrong between two peers, and whose fault it is.

A `LocalProtocolError` is ours: code on this side asked for something that HTTP does not allow. A
`RemoteProtocolError` is the peer's, and carries the status that it deserves. `Disconnected` is nobody's:
the peer is gone, and whoever waits for it should stop.
"""

from collections.abc import Sequence


class ProtocolError(Exception):
    """HTTP was not kept to. Always one of the two subclasses."""


class LocalProtocolError(ProtocolError):
    """This side misused an exchange or an engine: a second response head, a body after its end."""


class RemoteProtocolError(ProtocolError):
    """The peer sent what the specification does not allow.

    ``status``
        the status code to answer with, where an answer is still possible.
    ``pieces``
        where a body breaks its framing: what came of it before the fault, and was not handed over yet.
    """

    pieces: Sequence[bytes] = ()

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Disconnected(ConnectionResetError):
    """The peer closed or lost the connection before the exchange was complete.

    A `ConnectionResetError`, as in aiohttp, so that handlers that catch `OSError` around a write go on
    working.
    """
