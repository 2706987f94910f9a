"""What can go wrong between the client in memory and the server: names as in aiohttp's client.

They are classes of their own: the client in memory works where aiohttp is not installed.
"""

from collections.abc import Mapping
from typing import Any


class ClientError(Exception):
    """What the client in memory raises; always one of the subclasses."""


class ServerDisconnectedError(ClientError, ConnectionResetError):
    """The server closed the connection before there was an answer."""


class ClientPayloadError(ClientError):
    """The body of an answer broke off, or breaks its framing."""


class InvalidAnswer(ClientError):
    """The server sent what is no HTTP."""


class ConnectionCut(ClientError, ConnectionResetError):
    """The client has left where it was told to (`Faults`): there is no answer, or not all of it."""


class ClientConnectionResetError(ClientError, ConnectionResetError):
    """Nothing can be sent any more."""


class WSMessageTypeError(ClientError, TypeError):
    """A message came, and it is of another type than the one that was wanted."""


class ClientResponseError(ClientError):
    """There is an answer, and it is not the one that was wanted.

    ``status``, ``message``, ``headers``
        its status, reason and fields.
    """

    def __init__(self, status: int, message: str, *, headers: Mapping[str, Any], url: object) -> None:
        super().__init__(f"{status}, message={message!r}, url={str(url)!r}")
        self.status = status
        self.message = message
        self.headers = headers


class ContentTypeError(ClientResponseError):
    """The body was to be JSON, and its type is another."""


class TooManyRedirects(ClientResponseError):
    """One redirect after the other, more than were to be followed."""


class WSServerHandshakeError(ClientResponseError):
    """The answer opens no WebSocket, or not as the client has offered."""
