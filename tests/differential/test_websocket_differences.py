"""The differences in WebSockets that are meant, with both sides of each. The table is in docs/aiohttp.md.
Those in every state are in ``test_websocket_states.py``.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Any

import aiohttp.web
import pytest

import sketch.web
from tests.loops import LOOPS, NewLoop

from .harness import ask, differ
from .talking import KEY, Peer, Talk, compare, serve, talk_on

FIELDS = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", KEY),
]
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
TEXT = b"text " * 20


async def opened(web: Any, request: Any, **options: Any) -> Any:
    ws = web.WebSocketResponse(**{"timeout": 0.1, **options})
    await ws.prepare(request)
    return ws


async def listen(peer: Peer) -> None:
    await peer.rest()


# -- the opening handshake -------------------------------------------------------------------------------


def open_one(web: Any, seen: list[Any]) -> Any:
    async def handler(request: Any) -> Any:
        ws = web.WebSocketResponse()
        seen.append(bool(ws.can_prepare(request)))
        return await opened(web, request)

    app = web.Application()
    app.router.add_route("*", "/", handler)
    return app


def change(**changes: str) -> list[tuple[str, str]]:
    fields = dict(FIELDS) | {name.replace("_", "-"): value for name, value in changes.items()}
    return list(fields.items())


@pytest.mark.parametrize("version", ["", "9", "13, 8"])
def test_a_version_that_nobody_speaks(version: str) -> None:
    theirs, ours = differ(open_one, ask("GET", "/", change(Sec_WebSocket_Version=version)))
    assert (theirs.status, theirs.field("Sec-WebSocket-Version")) == (400, None)
    assert (ours.status, ours.field("Sec-WebSocket-Version")) == (426, "13")
    assert theirs.seen == ours.seen == ["False"]


@pytest.mark.parametrize("version", ["7", "8"])
def test_versions_before_the_standard(version: str) -> None:
    theirs, ours = differ(open_one, ask("GET", "/", change(Sec_WebSocket_Version=version)))
    assert (theirs.status, theirs.seen) == (None, ["True"])
    assert (ours.status, ours.seen) == (426, ["False"])


def test_another_method_than_get() -> None:
    theirs, ours = differ(open_one, ask("POST", "/", FIELDS))
    assert (theirs.status, theirs.seen) == (None, ["True"])
    assert (ours.status, ours.seen) == (400, ["False"])


def test_a_key_with_something_in_it() -> None:
    theirs, ours = differ(open_one, ask("GET", "/", change(Sec_WebSocket_Key=f"{KEY[:5]}!{KEY[5:]}")))
    assert (theirs.status, theirs.seen) == (None, ["True"])
    assert (ours.status, ours.seen) == (400, ["False"])


def test_several_protocols_in_upgrade() -> None:
    theirs, ours = differ(open_one, ask("GET", "/", change(Upgrade="h2c, websocket")))
    assert (theirs.status, theirs.seen) == (400, ["False"])
    assert (ours.status, ours.seen) == (None, ["True"])


@LOOPS
@pytest.mark.parametrize(
    ("offer", "theirs", "ours"),
    [
        # What is offered is granted (RFC 7692, sections 7.1.1.2 and 7.1.2.2).
        ("client_no_context_takeover", "", "; client_no_context_takeover"),
        ("client_max_window_bits=10", "", "; client_max_window_bits=10"),
        # Said twice (section 7.1).
        ("server_max_window_bits=12; server_max_window_bits=10", "; server_max_window_bits=10", None),
    ],
)
def test_what_is_offered_for_compression(
    offer: str, theirs: str | None, ours: str | None, new_loop: NewLoop
) -> None:
    async def handler(web: Any, request: Any, talk: Talk) -> Any:
        ws = await opened(web, request)
        talk(ws.headers.get("Sec-WebSocket-Extensions"))
        return ws

    both = compare(handler, listen, new_loop, f"Sec-WebSocket-Extensions: permessage-deflate; {offer}\r\n")
    for talk, answer in ((both.theirs, theirs), (both.ours, ours)):
        assert talk.seen[0] == ("None" if answer is None else f"permessage-deflate{answer}")


# -- frames ----------------------------------------------------------------------------------------------


@LOOPS
def test_frames_that_are_not_masked(new_loop: NewLoop) -> None:
    """RFC 6455, section 5.1."""

    async def handler(web: Any, request: Any, talk: Talk) -> Any:
        ws = await opened(web, request)
        talk(await ws.receive())
        return ws

    async def script(peer: Peer) -> None:
        peer.send_bare(b"\x81\x01a")
        await peer.rest()

    theirs, ours = compare(handler, script, new_loop)
    assert theirs.seen[0] == "TEXT(a, )"
    assert ours.seen[0] == "ERROR(WebSocketError, )"
    assert ours.got == ["CLOSE 1002 'a client masks its frames'", "END"]


@LOOPS
def test_a_message_of_just_the_size(new_loop: NewLoop) -> None:
    async def handler(web: Any, request: Any, talk: Talk) -> Any:
        ws = await opened(web, request, max_msg_size=4)
        talk(await ws.receive())
        return ws

    async def script(peer: Peer) -> None:
        peer.say("four")
        await peer.rest()

    theirs, ours = compare(handler, script, new_loop)
    assert theirs.seen[0] == "ERROR(WebSocketError, )"
    assert ours.seen[0] == "TEXT(four, )"


@LOOPS
@pytest.mark.parametrize(
    ("fields", "bits", "theirs_got", "ours_got"),
    [
        ("", 15, "deflated", "plain"),
        (DEFLATE, 0, "deflated", "plain"),
        (DEFLATE, None, "deflated", "deflated"),
    ],
)
def test_a_window_for_one_message(
    fields: str, bits: int | None, theirs_got: str, ours_got: str, new_loop: NewLoop
) -> None:
    async def handler(web: Any, request: Any, talk: Talk) -> Any:
        ws = await opened(web, request)
        await ws.send_bytes(TEXT, bits)
        return ws

    theirs, ours = compare(handler, listen, new_loop, fields)
    for talk, expected in ((theirs, theirs_got), (ours, ours_got)):
        assert talk.got[0].startswith("BINARY deflated" if expected == "deflated" else f"BINARY {TEXT!r}")


@LOOPS
def test_short_messages_are_not_compressed(new_loop: NewLoop) -> None:
    async def handler(web: Any, request: Any, talk: Talk) -> Any:
        ws = await opened(web, request)
        await ws.send_str("short")
        return ws

    theirs, ours = compare(handler, listen, new_loop, DEFLATE)
    assert theirs.got[0].startswith("TEXT deflated")
    assert ours.got[0] == "TEXT b'short'"


# -- what a program says ---------------------------------------------------------------------------------


@LOOPS
@pytest.mark.parametrize(
    ("code", "reason", "theirs_got"),
    [(1006, b"", "CLOSE 1006 ''"), (0, b"", "CLOSE 0 ''"), (1000, b"x" * 124, f"CLOSE 1000 '{'x' * 124}'")],
)
def test_what_a_close_frame_cannot_say(code: int, reason: bytes, theirs_got: str, new_loop: NewLoop) -> None:
    async def handler(web: Any, request: Any, talk: Talk) -> Any:
        ws = await opened(web, request)
        await talk.try_(ws.close(code=code, message=reason))
        return ws

    theirs, ours = compare(handler, listen, new_loop)
    assert (theirs.seen[0], theirs.got[0]) == ("True", theirs_got)
    assert (ours.seen[0], ours.got[0]) == ("ValueError", "CLOSE 1000 ''")


@LOOPS
def test_a_ping_that_is_too_large(new_loop: NewLoop) -> None:
    async def handler(web: Any, request: Any, talk: Talk) -> Any:
        ws = await opened(web, request)
        await talk.try_(ws.ping(bytes(126)))
        return ws

    theirs, ours = compare(handler, listen, new_loop)
    assert (theirs.seen[0], theirs.got[0]) == ("None", f"PING {bytes(126)!r}")
    assert (ours.seen[0], ours.got[0]) == ("ValueError", "CLOSE 1000 ''")


@LOOPS
def test_text_that_is_none(new_loop: NewLoop) -> None:
    async def handler(web: Any, request: Any, talk: Talk) -> Any:
        ws = await opened(web, request)
        await talk.try_(ws.send_frame(b"\xff", web.WSMsgType.TEXT))
        return ws

    theirs, ours = compare(handler, listen, new_loop)
    assert (theirs.seen[0], theirs.got[0]) == ("None", r"TEXT b'\xff'")
    assert (ours.seen[0], ours.got[0]) == ("ValueError", "CLOSE 1000 ''")


@pytest.mark.parametrize(
    "arguments", [{"heartbeat": 0}, {"max_msg_size": -1}, {"timeout": -1}, {"protocols": "chat"}]
)
def test_arguments_that_cannot_be_meant(arguments: dict[str, Any]) -> None:
    aiohttp.web.WebSocketResponse(**arguments)
    with pytest.raises((TypeError, ValueError)):
        sketch.web.WebSocketResponse(**arguments)


# -- the end ---------------------------------------------------------------------------------------------


@LOOPS
def test_a_handler_that_fails(new_loop: NewLoop, caplog: pytest.LogCaptureFixture) -> None:
    async def handler(web: Any, request: Any, talk: Talk) -> Any:
        await opened(web, request)
        raise LookupError

    theirs, ours = compare(handler, listen, new_loop)
    assert theirs.got[-1] in ("END", "RESET") and "CLOSE" not in " ".join(theirs.got)
    assert ours.got == ["CLOSE 1011 ''", "END"]


@LOOPS
def test_a_handler_that_returns_nothing(new_loop: NewLoop, caplog: pytest.LogCaptureFixture) -> None:
    async def handler(web: Any, request: Any, talk: Talk) -> None:
        await opened(web, request)

    async def script(peer: Peer) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await peer.rest()

    theirs, ours = compare(handler, script, new_loop)
    # An answer of HTTP, on a connection that is no longer HTTP's.
    assert "500 Internal Server Error" in theirs.got[0]
    assert ours.got == ["CLOSE 1000 ''", "END"]
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.name == "aiohttp.server"


@LOOPS
def test_a_close_by_one_task_while_another_receives(new_loop: NewLoop) -> None:
    async def handler(web: Any, request: Any, talk: Talk) -> Any:
        ws = await opened(web, request, timeout=5)
        receiving = asyncio.create_task(ws.receive())
        await asyncio.sleep(0)
        await ws.close()
        talk(await receiving, ws.close_code)
        return ws

    async def script(peer: Peer) -> None:
        await peer.frame()
        peer.close(1000, "goodbye")
        await peer.rest()

    theirs, ours = compare(handler, script, new_loop)
    # aiohttp takes 1000 for granted; here it is what the peer has said.
    assert theirs.seen == ours.seen == ["CLOSING(None, ) 1000", "returned"]

    async def silent(peer: Peer) -> None:
        await peer.rest()

    async def hasty(web: Any, request: Any, talk: Talk) -> Any:
        ws = await opened(web, request, timeout=0.05)
        receiving = asyncio.create_task(ws.receive())
        await asyncio.sleep(0)
        await ws.close()
        talk(await receiving, ws.close_code)
        return ws

    theirs, ours = compare(hasty, silent, new_loop)
    assert theirs.seen[0] == "CLOSING(None, ) 1000"
    assert ours.seen[0] == "CLOSING(None, ) 1006"


@LOOPS
def test_the_time_for_a_message_is_not_that_for_a_ping(new_loop: NewLoop) -> None:
    async def handler(web: Any, request: Any, talk: Talk) -> Any:
        ws = await opened(web, request)
        await talk.try_(ws.receive(0.05))
        return ws

    async def script(peer: Peer) -> None:
        for _ in range(8):
            peer.send(9)
            if not (await peer.frame()).startswith("PONG"):
                break
            await asyncio.sleep(0.02)
        else:
            peer.say("late")
        await peer.rest()

    theirs, ours = compare(handler, script, new_loop)
    assert theirs.seen[0] == "TEXT(late, )"
    assert ours.seen[0] == "TimeoutError"


@LOOPS
def test_a_server_that_goes_away(new_loop: NewLoop) -> None:
    async def handler(web: Any, request: Any, talk: Talk) -> Any:
        ws = await opened(web, request)
        talk("open")
        async for _ in ws:
            pass
        talk(ws.close_code)
        return ws

    async def run(web: Any) -> Talk:
        talk = Talk()
        runner = await serve(web, handler, {"": talk})

        async def script(peer: Peer) -> None:
            await peer.noted("open")
            ending = asyncio.create_task(runner.cleanup())
            if (await peer.frame()).startswith("CLOSE"):
                peer.close(1001)
                await peer.rest()
            await ending

        await talk_on(runner, script, talk)
        return talk

    with asyncio.Runner(loop_factory=new_loop) as runner:
        theirs, ours = runner.run(run(aiohttp.web)), runner.run(run(sketch.web))
    assert theirs.got in (["END"], ["RESET"])
    assert (ours.got, ours.seen) == (["CLOSE 1001 ''", "END"], ["open", "1001", "returned"])
