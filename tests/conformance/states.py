"""What may be called when, as a table: the states of an answer, and the way through them."""

from collections.abc import Sequence

from sketch.http.exchange import Exchange

from .scene import head

STATES: dict[str, Sequence[str]] = {
    "fresh": (),
    "informed": ("inform",),
    "started": ("start",),
    "sending": ("start", "send"),
    "finished": ("start", "send", "finish"),
    "responded": ("respond",),
}
"""Each state of an answer, by the calls that lead to it."""

LEGAL: dict[str, Sequence[str]] = {
    "fresh": ("inform", "start", "respond"),
    "informed": ("inform", "start", "respond"),
    "started": ("send", "finish"),
    "sending": ("send", "finish"),
    "finished": (),
    "responded": (),
}
"""What may be called there. Everything else is refused."""

TO_THE_END: dict[str, Sequence[str]] = {
    "fresh": ("respond",),
    "informed": ("respond",),
    "started": ("send", "finish"),
    "sending": ("finish",),
    "finished": (),
    "responded": (),
}
"""The calls that complete the answer from there."""

CALLS = ("inform", "start", "send", "finish", "respond")


async def perform(exchange: Exchange, calls: Sequence[str]) -> None:
    """Make these calls. What reaches the client of a complete answer is always ``some``."""
    for call in calls:
        if call == "inform":
            exchange.inform(head(103, [("Link", "</style.css>")]))
        elif call == "start":
            exchange.start(head())
        elif call == "send":
            await exchange.send(b"some")
        elif call == "finish":
            await exchange.finish()
        elif call == "respond":
            exchange.respond(head(), b"some")
        else:
            raise AssertionError(f"no such call: {call}")
