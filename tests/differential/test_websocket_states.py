"""Every method of a WebSocket in every state that it can be in: the same on aiohttp and here.

What differs is named with its reason, in the order of the page about differences (docs/aiohttp.md).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import aiohttp.web
import pytest

import sketch.web
from tests.conformance.driver import settle
from tests.loops import LOOPS, NewLoop

from .talking import Peer, Talk, serve, show, talk_on

SHORTLY = 0.05

METHODS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "prepared": lambda web, request, ws: ws.prepared,
    "ws_protocol": lambda web, request, ws: ws.ws_protocol,
    "compress": lambda web, request, ws: ws.compress,
    "get_extra_info": lambda web, request, ws: ws.get_extra_info("nothing", 5),
    "status": lambda web, request, ws: ws.status,
    "can_prepare": lambda web, request, ws: bool(ws.can_prepare(request)),
    "prepare": lambda web, request, ws: quietly(ws.prepare(request)),
    "ping": lambda web, request, ws: ws.ping(b"p"),
    "pong": lambda web, request, ws: ws.pong(b"p"),
    "send_str": lambda web, request, ws: ws.send_str("s"),
    "send_str(int)": lambda web, request, ws: ws.send_str(5),
    "send_bytes": lambda web, request, ws: ws.send_bytes(b"s"),
    "send_bytes(str)": lambda web, request, ws: ws.send_bytes("s"),
    "send_json": lambda web, request, ws: ws.send_json([1]),
    "send_json_bytes": lambda web, request, ws: ws.send_json_bytes(1, dumps=lambda _: b"[1]"),
    "send_frame": lambda web, request, ws: ws.send_frame(b"f", web.WSMsgType.TEXT),
    "write": lambda web, request, ws: ws.write(b"x"),
    "receive": lambda web, request, ws: ws.receive(SHORTLY),
    "receive_str": lambda web, request, ws: ws.receive_str(timeout=SHORTLY),
    "receive_bytes": lambda web, request, ws: ws.receive_bytes(timeout=SHORTLY),
    "receive_json": lambda web, request, ws: ws.receive_json(timeout=SHORTLY),
    "receive, six times": lambda web, request, ws: receive_often(ws),
    "anext": lambda web, request, ws: asyncio.wait_for(anext(ws), SHORTLY),
    "close": lambda web, request, ws: ws.close(),
    "write_eof": lambda web, request, ws: ws.write_eof(),
}


async def quietly(action: Awaitable[object]) -> None:
    await action


async def receive_often(ws: Any) -> str:
    outcomes: list[str] = []
    for _ in range(6):
        try:
            outcomes.append(show(await ws.receive(SHORTLY)))
        except Exception as error:
            outcomes.append(show(error))
    return ", ".join(outcomes)


class State(NamedTuple):
    """How a WebSocket gets there.

    ``options``
        of its response.
    ``play``
        what the peer does.
    ``step``
        what the handler does before the method is tried; it may note things.
    """

    options: dict[str, Any]
    play: Callable[[Peer], Awaitable[None]]
    step: Callable[[Any, Talk], Awaitable[object]]


async def nothing(peer: Peer) -> None:
    """Waits."""


async def stay(ws: Any, talk: Talk) -> None:
    """Does nothing either."""


async def receive(ws: Any, talk: Talk) -> None:
    talk("open")
    talk(await ws.receive())


async def let_it_come(ws: Any, talk: Talk) -> None:
    """The peer's doings are there before the handler goes on."""
    talk("open")
    await talk.acted.wait()
    await settle()
    await settle()


async def close(ws: Any, talk: Talk) -> None:
    talk(await ws.close())


async def wait_too_long(ws: Any, talk: Talk) -> None:
    await talk.try_(ws.receive(0.001))


async def cancel(ws: Any, talk: Talk) -> None:
    waiting = asyncio.create_task(ws.receive())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    talk(waiting.cancelled())


async def wait_meanwhile(ws: Any, talk: Talk) -> None:
    talk.tasks.append(asyncio.create_task(ws.receive()))
    await asyncio.sleep(0)


async def say(peer: Peer) -> None:
    peer.say("[1]")


async def answer_close(peer: Peer) -> None:
    await peer.frame()
    peer.close()


async def close_with_code(peer: Peer) -> None:
    peer.close(3000, "bye")


async def close_without_code(peer: Peer) -> None:
    peer.close(None)


async def say_and_close(peer: Peer) -> None:
    peer.say("a")
    peer.close(3000)


async def end(peer: Peer) -> None:
    await peer.noted("open")
    peer.end()


async def say_and_end(peer: Peer) -> None:
    peer.say("a")
    peer.end()


async def vanish(peer: Peer) -> None:
    await peer.noted("open")
    peer.vanish()


async def break_protocol(peer: Peer) -> None:
    peer.send(3)


async def send_bad_text(peer: Peer) -> None:
    peer.send(1, b"\xff")


async def say_too_much(peer: Peer) -> None:
    peer.say("12345")


NOT_PREPARED = "not prepared"

STATES = {
    NOT_PREPARED: State({}, nothing, stay),
    "open": State({}, nothing, stay),
    "a message is there": State({}, say, let_it_come),
    "receive has timed out": State({}, nothing, wait_too_long),
    "receive was cancelled": State({}, nothing, cancel),
    "another task waits": State({}, answer_close, wait_meanwhile),
    "closed by us": State({}, answer_close, close),
    "closed by us, without an answer": State({}, nothing, close),
    "the peer has closed": State({}, close_with_code, let_it_come),
    "a message, and the peer has closed": State({}, say_and_close, let_it_come),
    "its close was received": State({}, close_with_code, receive),
    "its close was received, without a code": State({}, close_without_code, receive),
    "its close was received, without autoclose": State({"autoclose": False}, close_with_code, receive),
    "the peer has ended": State({}, end, let_it_come),
    "a message, and the peer has ended": State({}, say_and_end, let_it_come),
    "its end was received": State({}, end, receive),
    "the connection was reset": State({}, vanish, let_it_come),
    "the reset was received": State({}, vanish, receive),
    "an unknown opcode": State({}, break_protocol, receive),
    "bad UTF-8": State({}, send_bad_text, receive),
    "too large a message": State({"max_msg_size": 4}, say_too_much, receive),
    "no pong has come": State({"heartbeat": 0.05}, nothing, receive),
}


async def try_method(name: str, method: str, web: Any, request: Any, talk: Talk) -> Any:
    """The handler: brings a WebSocket into the state, and tries the method."""
    state = STATES[name]
    ws = web.WebSocketResponse(**{"timeout": SHORTLY, **state.options})
    if name != NOT_PREPARED:
        await ws.prepare(request)
        await state.step(ws, talk)
    talk("--")
    try:
        value = METHODS[method](web, request, ws)
        talk(await value if asyncio.iscoroutine(value) else value)
    except Exception as error:
        talk(error)
    talk(f"{ws.closed}, {show(ws.close_code)}, {show(ws.exception())}")
    if not ws.prepared:
        raise web.HTTPGone
    return ws


Outcome = tuple[str, str]
"""What the handler noted, and what the peer got."""


async def run_state(web: Any, state: str) -> dict[str, Outcome]:
    """What comes of every method in this state."""

    async def script(peer: Peer) -> None:
        await STATES[state].play(peer)
        peer.has_acted()
        await peer.rest()

    async def handler(web: Any, request: Any, talk: Talk) -> Any:
        return await try_method(state, methods[int(request.path[1:])], web, request, talk)

    methods = list(METHODS)
    talks = {str(number): Talk() for number in range(len(methods))}
    runner = await serve(web, handler, talks)
    try:
        await asyncio.gather(*[talk_on(runner, script, talk, name) for name, talk in talks.items()])
    finally:
        await runner.cleanup()
    # aiohttp closes sockets that it has not read to their ends, which is a reset at times.
    return {
        method: ("; ".join(talk.seen), "; ".join(talk.got).replace("RESET", "END"))
        for method, talk in zip(methods, talks.values(), strict=True)
    }


# -- the differences that are meant ----------------------------------------------------------------------


class Difference(NamedTuple):
    """What is other here, and better.

    ``states`` ``methods``
        where; no methods: all of them.
    ``theirs`` ``ours``
        what is replaced by what.
    """

    reason: str
    states: tuple[str, ...]
    methods: tuple[str, ...]
    theirs: str
    ours: str


RECEIVING = ("receive", "receive, six times", "anext", "receive_str", "receive_bytes", "receive_json")

DIFFERENCES = [
    Difference(
        "a close is answered with the code that it has (RFC 6455, section 5.5.1)",
        ("its close was received",), (), "CLOSE 1000 ''", "CLOSE 3000 ''",
    ),
    Difference(
        "the same",
        ("the peer has closed",), RECEIVING, "CLOSE 1000 ''", "CLOSE 3000 ''",
    ),
    Difference(
        "the same",
        ("a message, and the peer has closed",), ("receive, six times",), "CLOSE 1000 ''", "CLOSE 3000 ''",
    ),
    Difference(
        "a close frame without a code is 1005 (section 7.1.5)",
        ("its close was received, without a code",), (), "; True, 0, None", "; True, 1005, None",
    ),
    Difference(
        "how it ends is known when it has come",
        ("the peer has closed", "a message, and the peer has closed"), (),
        "False, None, None", "False, 3000, None",
    ),
    Difference(
        "the same",
        ("the peer has ended", "a message, and the peer has ended", "the connection was reset"), (),
        "False, None, None", "False, 1006, ConnectionError",
    ),
    Difference(
        "after a fault of the peer's the code is the one that says so",
        ("an unknown opcode",), (), "True, 1006, WebSocketError", "True, 1002, WebSocketError",
    ),
    Difference(
        "the same",
        ("bad UTF-8",), (), "True, 1006, WebSocketError", "True, 1007, WebSocketError",
    ),
    Difference(
        "the same",
        ("too large a message",), (), "True, 1006, WebSocketError", "True, 1009, WebSocketError",
    ),
    Difference(
        "and the peer is told what was wrong",
        ("an unknown opcode",), (), "CLOSE 1002 ''", "CLOSE 1002 'opcode 0x3 is reserved'",
    ),
    Difference(
        "the same",
        ("bad UTF-8",), (), "CLOSE 1007 ''", "CLOSE 1007 'a text message that is not UTF-8'",
    ),
    Difference(
        "the same",
        ("too large a message",), (), "CLOSE 1009 ''", "CLOSE 1009 'a message of more than 4 bytes'",
    ),
]  # fmt: skip


def with_differences(state: str, method: str, outcome: Outcome) -> Outcome:
    """An outcome of aiohttp's as it is meant to be here."""
    seen, got = outcome
    for difference in DIFFERENCES:
        if state in difference.states and (not difference.methods or method in difference.methods):
            seen = seen.replace(difference.theirs, difference.ours)
            got = got.replace(difference.theirs, difference.ours)
    return seen, got


@LOOPS
@pytest.mark.parametrize("state", STATES)
def test_every_method(state: str, new_loop: NewLoop) -> None:
    async def main() -> None:
        theirs = await run_state(aiohttp.web, state)
        ours = await run_state(sketch.web, state)
        expected = {method: with_differences(state, method, theirs[method]) for method in METHODS}
        differing = [method for method in METHODS if ours[method] != expected[method]]
        assert [f"{each}: {ours[each]}, and not {expected[each]}" for each in differing] == []
        for difference in DIFFERENCES:
            methods = difference.methods or tuple(METHODS)
            found = [difference.theirs in "; ".join(theirs[method]) for method in methods]
            assert state not in difference.states or any(found), difference

    with asyncio.Runner(loop_factory=new_loop, debug=False) as runner:
        runner.run(main())
