"""What the servers are asked to do with WebSockets, as data.

It knows nothing of servers, sockets and frames. The names of the works are also what a server program gets as
``--work``.
"""

import json
import random
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

TEXT: Final = 0x1
BINARY: Final = 0x2

_LEAST_CYCLE: Final = 128 * 1024
"""Bytes after which messages come again: four times the window of permessage-deflate (RFC 7692), so that no
message is found in what was sent before it."""

_WORDS: Final = tuple(
    "the of and to in that it is was for on are with as they at be this from have or by one had not "
    "but what all were when we there can an your which their said if do will each about how up out "
    "them then she many some so these would other into has more her two like him see time could no "
    "make than first been its who now people"
    .split()
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class WebSocketWork:
    """One kind of load over WebSockets.

    ``size``
        bytes of one message.
    ``has_deflate``
        whether the client offers permessage-deflate; the server has to take it then.
    ``receivers``
        how many get each message of the one client that sends; 0 where each one gets its own back.
    ``burst``
        how many messages that client sends at a time.
    """

    name: str
    title: str
    size: int
    opcode: int = TEXT
    has_deflate: bool = False
    receivers: int = 0
    burst: int = 1


def _echo(kind: str, size: int, shown: str, short: str) -> WebSocketWork:
    return WebSocketWork(
        name=f"ws-{kind}-{short}",
        title=f"WebSocket echo of {shown} of {'text' if kind == 'text' else 'binary data'}",
        size=size,
        opcode=TEXT if kind == "text" else BINARY,
    )


_SIZES: Final = (
    (32, "32 bytes", "32b"),
    (2**10, "1 KiB", "1k"),
    (2**14, "16 KiB", "16k"),
    (2**20, "1 MiB", "1m"),
)

WEBSOCKET_WORKS: Final[tuple[WebSocketWork, ...]] = (
    *(_echo("text", *each) for each in _SIZES),
    *(_echo("binary", *each) for each in _SIZES),
    WebSocketWork(
        name="ws-deflate-1k", title="WebSocket echo of 1 KiB, deflated", size=2**10, has_deflate=True
    ),
    WebSocketWork(
        name="ws-deflate-16k", title="WebSocket echo of 16 KiB, deflated", size=2**14, has_deflate=True
    ),
    WebSocketWork(
        name="ws-broadcast", title="broadcast of 1 KiB to 1000 WebSockets", size=2**10, receivers=1000
    ),
    WebSocketWork(
        name="ws-broadcast-burst",
        title="broadcast of 8 messages of 1 KiB at a time to 1000 WebSockets",
        size=2**10,
        receivers=1000,
        burst=8,
    ),
    WebSocketWork(
        name="ws-broadcast-deflate",
        title="broadcast of 1 KiB to 1000 WebSockets, deflated",
        size=2**10,
        has_deflate=True,
        receivers=1000,
    ),
)

ECHO_WORKS: Final = tuple(
    work.name for work in WEBSOCKET_WORKS if not work.has_deflate and not work.receivers
)
"""Those that need nothing but frames."""

DEFLATE_WORKS: Final = ("ws-deflate-1k", "ws-deflate-16k")
QUICK_WEBSOCKET_WORKS: Final = ("ws-text-32b", "ws-text-16k")


@lru_cache(maxsize=1)
def messages(work: WebSocketWork) -> tuple[bytes, ...]:
    """The messages that are sent in turn, the same ones in every run. Text is JSON, without spaces where they
    would not fit; binary data is random."""
    source = random.Random(work.name)
    count = max(4, 1 + _LEAST_CYCLE // work.size) if work.size > 64 else 512
    if work.opcode == BINARY:
        return tuple(source.randbytes(work.size) for _ in range(count))
    return tuple(json_text(source, work.size).encode() for _ in range(count))


def json_text(source: random.Random, size: int) -> str:
    """JSON in ASCII of exactly this many characters, at least 20, as the records of a service might be."""
    records: list[dict[str, object]] = []
    length = 2
    while length + 200 < size:
        words = " ".join(source.choices(_WORDS, k=source.randrange(4, 12)))
        records.append({"id": source.randrange(10**6), "user": source.choice(_WORDS), "text": words})
        length += len(json.dumps(records[-1])) + 2
    text = json.dumps({"records": records}) if records else json.dumps({"id": source.randrange(10**6)})
    rest = size - len(text) - len(', "rest": ""')
    if rest < 0:
        return text[:-1] + " " * (size - len(text)) + "}"
    filling = " ".join(source.choices(_WORDS, k=rest))[:rest]
    return f'{text[:-1]}, "rest": "{filling}"}}'
