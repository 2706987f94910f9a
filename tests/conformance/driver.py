"""How the conformance suite reaches a carrier: it plays the client, through the interface here.

To hold a carrier to the contract of `Exchange`, derive from `Client` and from
`tests.conformance.exchange.ExchangeConformance`, which needs one method, `open`. A test acts on both
sides of an exchange, so the carrier and its client share one event loop; nothing may block.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sketch.http.heads import HttpVersion, HttpVersion11


@dataclass(frozen=True, kw_only=True)
class Opening:
    """The head of a request, and how its body is going to come.

    ``length``
        bytes of the body, to be declared; ``None`` for a chunked one.
    ``fields``
        header fields beside ``Host`` and those of the framing.
    """

    method: str = "GET"
    target: str = "/"
    version: HttpVersion = HttpVersion11
    length: int | None = 0
    fields: tuple[tuple[str, str], ...] = ()

    @property
    def all_fields(self) -> list[tuple[str, str]]:
        """The fields as a client sends them."""
        fields = [("Host", "localhost"), *self.fields]
        if self.length is None:
            fields.append(("Transfer-Encoding", "chunked"))
        elif self.length:
            fields.append(("Content-Length", str(self.length)))
        return fields


@dataclass(kw_only=True)
class Received:
    """All that a client knows when an exchange is over. Field values are decoded as UTF-8.

    ``interim``
        the status and the fields of each interim answer, in their order.
    ``status``
        the final one; ``None`` when there was no answer.
    ``is_complete``
        whether the client can tell that it has the whole answer.
    ``is_reusable``
        whether the connection can serve another request.
    """

    interim: list[tuple[int, list[tuple[str, str]]]] = field(default_factory=list)
    status: int | None = None
    fields: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    is_complete: bool = False
    is_reusable: bool = False

    def get_all(self, name: str) -> list[str]:
        """The values of the fields with this name, in any case."""
        return [value for key, value in self.fields if key.lower() == name.lower()]


class Client(ABC):
    """The far end of one exchange. It takes what the server sends all the time, unless it is paused.

    What a method does is on its way when it returns, and not necessarily there.
    """

    @abstractmethod
    async def feed(self, data: bytes) -> None:
        """Send the next bytes of the body; of a chunked one, as one chunk. May wait until the server
        takes them."""

    @abstractmethod
    async def end_body(self, trailers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """End a chunked body, with these fields after it. A counted one ends with its last byte."""

    @abstractmethod
    async def break_body(self) -> None:
        """Go on with what is no chunk. Only for chunked bodies."""

    @abstractmethod
    async def disconnect(self) -> None:
        """Leave without a word, in both directions. What was sent before may be lost, unless the server
        has had a chance to take it."""

    @abstractmethod
    async def pause(self) -> None:
        """Stop reading what the server sends: before `ExchangeConformance.flood_limit` bytes it has to
        wait. With sockets, buffers that are set small keep the tests fast."""

    @abstractmethod
    async def resume(self) -> None:
        """Read again."""

    @abstractmethod
    async def begin_draining(self) -> None:
        """Let the server begin to shut down (`Exchange.is_draining`)."""

    @abstractmethod
    async def wait_for_body(self, size: int) -> None:
        """Wait until at least ``size`` bytes of the answer's body have come."""

    @abstractmethod
    async def received(self) -> Received:
        """Read until the answer is complete or cut off. Called once, after the handler returned."""


async def settle() -> None:
    """Let every task and transport that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what nothing announces: the loop turns until it is true."""
    for _ in range(100_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("this never became true")
