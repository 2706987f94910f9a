"""The load of WebSockets: its frames, its messages, and how it treats servers, right ones and wrong ones."""

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from bench import command, report, wsclient, wsload
from bench.client import WrongAnswer
from bench.command import parse
from bench.environment import WORK_DIRECTORY
from bench.figures import empty_results
from bench.load import Load, LoadFailed
from bench.peers import HERE, HOST, PEERS, WEBSOCKET_PEERS
from bench.wsframes import (
    Frame,
    FrameReader,
    Inflater,
    ProtocolError,
    client_frame,
    deflated,
    masked,
    opening,
    read_opening,
    server_frame,
)
from bench.wsworks import (
    BINARY,
    DEFLATE_WORKS,
    ECHO_WORKS,
    QUICK_WEBSOCKET_WORKS,
    TEXT,
    WEBSOCKET_WORKS,
    WebSocketWork,
    json_text,
    messages,
)

Handler = Callable[[ServerConnection], None]

KEY = b"the sample nonce"
ACCEPTED = "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
LENGTHS = (0, 1, 125, 126, 65_535, 65_536)


def work(*, size: int = 100, **values: Any) -> WebSocketWork:
    return WebSocketWork(name="a-work", title="a work", size=size, **values)


@contextmanager
def serving(handler: Handler, compression: str | None = None) -> Iterator[int]:
    """A server in other threads, on whose port ``handler`` is called for each connection."""

    def until_closed(connection: ServerConnection) -> None:
        try:
            handler(connection)
        except ConnectionClosed:
            return

    with serve(until_closed, HOST, 0, compression=compression, max_size=2**21) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            port: int = server.socket.getsockname()[1]
            yield port
        finally:
            server.shutdown()
            thread.join()


def echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


class Room:
    """Where what is published goes to all who subscribe, once there are so many."""

    def __init__(
        self, count: int, change: Callable[[str, int], str] = lambda message, number: message
    ) -> None:
        self.members: list[ServerConnection] = []
        self.count = count
        self.change = change
        self.is_full = threading.Event()

    def __call__(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        if connection.request.path == wsclient.SUBSCRIBE:
            self.members.append(connection)
            if len(self.members) == self.count:
                self.is_full.set()
        for message in connection:
            assert self.is_full.wait(10)
            assert isinstance(message, str)
            for number, member in enumerate(self.members):
                member.send(self.change(message, number))


def run(port: int, a_work: WebSocketWork, connections: int = 3, seconds: float = 0.05) -> Load:
    with wsload.open_load(a_work, port, connections=connections) as load:
        return load.run(seconds)


# -- frames --------------------------------------------------------------------------------------------


def test_masking_twice_changes_nothing() -> None:
    assert masked(b"\x00\x01\x02\x03\x04", b"\xff\x00\x0f\xf0") == b"\xff\x01\x0d\xf3\xfb"
    assert masked(masked(b"any payload", b"abcd"), b"abcd") == b"any payload"


def test_the_frames_of_the_specification() -> None:
    # RFC 6455, section 5.7.
    assert server_frame(b"Hello", TEXT) == bytes.fromhex("810548656c6c6f")
    assert client_frame(b"Hello", TEXT, bytes.fromhex("37fa213d")) == bytes.fromhex("818537fa213d7f9f4d5158")
    assert server_frame(b"x" * 256, BINARY)[:4] == bytes.fromhex("827e0100")
    assert server_frame(b"x" * 65_536, BINARY)[:10] == bytes.fromhex("827f0000000000010000")


def test_a_deflated_message_is_that_of_the_specification() -> None:
    # RFC 7692, section 7.2.3.2: the same one twice, the second in terms of the first.
    inflater = Inflater(has_takeover=True)
    assert inflater.inflate(bytes.fromhex("f248cdc9c90700")) == b"Hello"
    assert inflater.inflate(bytes.fromhex("f200110000")) == b"Hello"
    assert Inflater(has_takeover=False).inflate(deflated(b"Hello")) == b"Hello"


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_messages_deflated_by_themselves_may_come_in_any_order(first: bytes, second: bytes) -> None:
    for has_takeover in (True, False):
        inflater = Inflater(has_takeover=has_takeover)
        assert [inflater.inflate(deflated(each)) for each in (first, second, first)] == [first, second, first]


def test_what_is_not_deflated_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError, match="cannot be inflated"):
        Inflater(has_takeover=True).inflate(b"\xff\xff\xff")


@pytest.mark.parametrize("length", LENGTHS)
def test_frames_are_read_whole_and_in_pieces(length: int) -> None:
    data = server_frame(b"x" * length, TEXT) + server_frame(b"end", BINARY)
    frames = [Frame(0x81, b"x" * length), Frame(0x82, b"end")]
    assert FrameReader().receive(data) == frames
    reader = FrameReader()
    step = max(1, length // 50)
    pieces = [data[start : start + step] for start in range(0, len(data), step)]
    assert [frame for piece in pieces for frame in reader.receive(piece)] == frames


@pytest.mark.parametrize("head", [b"\x01\x00", b"\x80\x00", b"\x81\x80"])
def test_fragments_and_masked_frames_are_not_understood(head: bytes) -> None:
    with pytest.raises(ProtocolError, match="a fragment or a masked frame"):
        FrameReader().receive(head)


def test_a_websocket_is_opened_as_in_the_specification() -> None:
    # RFC 6455, section 1.3.
    head = opening("server.example.com", "/chat", KEY, has_deflate=False).decode()
    assert head.startswith("GET /chat HTTP/1.1\r\nHost: server.example.com\r\n")
    assert "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" in head
    assert "Extensions" not in head
    assert read_opening(f"{ACCEPTED}\r\n".encode(), KEY).inflater is None


def test_what_is_agreed_on_is_read() -> None:
    offer = opening("a", "/", KEY, has_deflate=True).decode()
    assert "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" in offer
    agreed = f"{ACCEPTED}Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=12\r\n\r\n"
    assert read_opening(agreed.encode(), KEY).inflater is not None


@pytest.mark.parametrize(
    "head",
    [
        "HTTP/1.1 200 OK\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: of another key\r\n",
        f"{ACCEPTED}Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10\r\n",
        f"{ACCEPTED}Sec-WebSocket-Extensions: x-other\r\n",
    ],
)
def test_what_was_not_asked_for_is_refused(head: str) -> None:
    with pytest.raises(ProtocolError):
        read_opening(f"{head}\r\n".encode(), KEY)


# -- works ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("a_work", WEBSOCKET_WORKS, ids=lambda a_work: str(a_work.name))
def test_messages_have_their_size_and_do_not_come_again_soon(a_work: WebSocketWork) -> None:
    found = messages(a_work)
    assert {len(message) for message in found} == {a_work.size}
    assert len(set(found)) == len(found)
    assert a_work.size == 32 or sum(map(len, found)) > 4 * 2**15
    messages.cache_clear()
    assert found == messages(a_work)
    if a_work.opcode == TEXT:
        for message in found:
            json.loads(message)


@given(st.integers(20, 3000))
def test_text_is_json_of_any_length(size: int) -> None:
    text = json_text(random.Random(size), size)
    assert len(text) == size
    assert isinstance(json.loads(text), dict)


def test_every_work_is_done_by_sketch_and_aiohttp() -> None:
    names = {a_work.name for a_work in WEBSOCKET_WORKS}
    assert len(names) == len(WEBSOCKET_WORKS)
    assert {*ECHO_WORKS, *DEFLATE_WORKS, *QUICK_WEBSOCKET_WORKS} <= names
    peers = {peer.name: peer for peer in WEBSOCKET_PEERS}
    assert set(peers["sketch"].works) == set(peers["aiohttp"].works) == names
    for peer in WEBSOCKET_PEERS:
        assert (HERE / "servers" / f"{peer.program}.py").exists()


# -- load ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_answers_are_counted(opcode: int) -> None:
    counted = []

    def count(connection: ServerConnection) -> None:
        for message in connection:
            counted.append(message)
            connection.send(message)

    with serving(count) as port:
        found = run(port, work(opcode=opcode))
    assert found.requests == len(counted) >= 3
    assert found.bytes == 100 * found.requests
    assert found.seconds >= 0.05
    assert 0 < found.latency_p50_us <= found.latency_p99_us
    assert found.errors == 0


def test_connections_do_not_all_send_the_same_message() -> None:
    first: list[str | bytes] = []

    def remember(connection: ServerConnection) -> None:
        first.append(connection.recv())
        connection.send(first[-1])
        echo(connection)

    with serving(remember) as port:
        run(port, work(), seconds=0)
    assert len(set(first)) == 3


def test_messages_that_take_several_sends_arrive() -> None:
    with serving(echo) as port:
        assert run(port, work(size=2**20), connections=2).requests >= 2


def test_deflated_answers_are_inflated_and_counted() -> None:
    with serving(echo, compression="deflate") as port:
        assert run(port, work(size=1000, has_deflate=True)).requests >= 3


def test_a_load_can_be_run_again() -> None:
    with serving(echo) as port, wsload.open_load(work(), port, connections=2) as load:
        assert load.run(0).requests == 2
        assert load.run(0).requests == 2


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_a_broadcast_counts_what_all_receivers_get(compression: str | None) -> None:
    with serving(Room(4), compression) as port:
        found = run(port, work(size=1000, receivers=4, has_deflate=compression is not None))
    assert found.requests >= 4
    assert found.requests % 4 == 0


def shorten(message: str | bytes) -> str | bytes:
    return message[:-1]


def replace_last(message: str | bytes) -> str | bytes:
    return message[:-1] + "?" if isinstance(message, str) else message[:-1] + b"?"


@pytest.mark.parametrize("size", [100, 70_000])
@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("spoil", [shorten, replace_last])
def test_a_wrong_answer_ends_the_load(
    spoil: Callable[[str | bytes], str | bytes], compression: str | None, size: int
) -> None:
    def spoiling(connection: ServerConnection) -> None:
        connection.send(connection.recv())
        for message in connection:
            connection.send(spoil(message))

    with serving(spoiling, compression) as port, pytest.raises(LoadFailed, match="a-work"):
        run(port, work(size=size, has_deflate=compression is not None), seconds=5)


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_an_answer_too_many_ends_the_load(compression: str | None) -> None:
    def twice(connection: ServerConnection) -> None:
        for message in connection:
            connection.send(message)
            connection.send(message)

    with serving(twice, compression) as port, pytest.raises(LoadFailed):
        run(port, work(has_deflate=compression is not None), seconds=5)


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_a_receiver_that_gets_something_else_ends_the_load(compression: str | None) -> None:
    room = Room(3, lambda message, number: message if number < 2 else message.upper())
    with serving(room, compression) as port, pytest.raises(LoadFailed):
        run(port, work(receivers=3, has_deflate=compression is not None), seconds=5)


def test_a_server_that_closes_ends_the_load() -> None:
    with serving(lambda connection: None) as port, pytest.raises(LoadFailed):
        run(port, work(), seconds=5)


def test_a_server_that_does_not_answer_ends_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wsload, "_PATIENCE", 0.05)

    def listen(connection: ServerConnection) -> None:
        for _ in connection:
            pass

    with serving(listen) as port, pytest.raises(LoadFailed, match="no answer for 0.05 s"):
        run(port, work())


def test_a_server_without_compression_is_not_loaded_with_it() -> None:
    with serving(echo) as port, pytest.raises(LoadFailed, match="asked for permessage-deflate: True"):
        run(port, work(has_deflate=True))


# -- checks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["ws-text-32b", "ws-binary-1k", "ws-deflate-1k", "ws-broadcast", "ws-broadcast-deflate"]
)
def test_a_server_that_is_right_passes(name: str) -> None:
    (a_work,) = (each for each in WEBSOCKET_WORKS if each.name == name)
    with serving(Room(2) if a_work.receivers else echo, "deflate") as port:
        wsclient.verify(WEBSOCKET_PEERS[0], a_work, port)
    with serving(Room(1) if a_work.receivers else echo, "deflate") as port:
        size = wsclient.answer_size(a_work, port)
    assert size < a_work.size if a_work.has_deflate else size == len(server_frame(b"x" * a_work.size, TEXT))


def constant(connection: ServerConnection) -> None:
    for _ in connection:
        connection.send("x")


def as_text(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message, text=True)


def uncompressed(connection: ServerConnection) -> None:
    connection.protocol.extensions[0].encode = lambda frame, **_: frame  # type: ignore[method-assign]
    echo(connection)


@pytest.mark.parametrize(
    ("handler", "a_work"),
    [
        (constant, work()),
        (as_text, work()),
        (lambda connection: None, work()),
        (uncompressed, work(has_deflate=True)),
        (Room(2, lambda message, number: message * (1 + number)), work(receivers=2)),
    ],
)
def test_a_server_that_is_wrong_does_not_pass(handler: Handler, a_work: WebSocketWork) -> None:
    with serving(handler, "deflate") as port, pytest.raises(WrongAnswer, match=r"sketch, a-work"):
        wsclient.verify(WEBSOCKET_PEERS[0], a_work, port)


# -- the command line ----------------------------------------------------------------------------------


def test_a_whole_run_measures_both_and_keeps_the_figures() -> None:
    run_ = parse([])
    assert list(run_.http.peers) == list(PEERS)
    assert list(run_.websockets.works) == list(WEBSOCKET_WORKS)
    assert (run_.output, run_.has_parts, run_.is_whole) == (HERE, True, True)


def test_only_websockets_can_be_measured() -> None:
    run_ = parse(["--websockets"])
    assert not run_.http.works
    assert list(run_.websockets.peers) == list(WEBSOCKET_PEERS)
    assert (run_.output, run_.has_parts, run_.is_whole) == (HERE, True, True)
    part = parse(["--websockets", "--servers", "picows", "aiohttp", "--rounds", "1"])
    assert [peer.name for peer in part.websockets.peers] == ["picows", "aiohttp"]
    assert (part.output, part.has_parts, part.is_whole) == (WORK_DIRECTORY, False, False)


def test_figures_of_http_are_kept_where_only_websockets_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "HERE", tmp_path)
    kept = empty_results()
    kept["date"] = kept["websockets"]["date"] = "yesterday"
    kept["plan"] = kept["websockets"]["plan"] = {"rounds": 9, "seconds": 2, "connections": 64}
    report.write(kept, tmp_path)
    for arguments, dates in (
        (["--websockets"], ("yesterday", "")),
        ([], ("", "")),
        (["--websockets", "--servers", "picows"], ("", "")),
    ):
        results = command.begin(parse(arguments))
        assert (results["date"], results["websockets"]["date"]) == dates


def test_a_quick_run_has_two_works_over_websockets_and_three_minutes() -> None:
    run_ = parse(["--quick"])
    assert [a_work.name for a_work in run_.websockets.works] == ["ws-text-32b", "ws-text-16k"]
    assert [peer.name for peer in run_.websockets.peers] == ["sketch", "picows", "aiohttp"]
    assert run_.estimate() <= 180


def test_works_of_either_kind_can_be_chosen() -> None:
    run_ = parse(["--works", "json", "ws-broadcast"])
    assert [a_work.name for a_work in run_.http.works] == ["json"]
    assert [a_work.name for a_work in run_.websockets.works] == ["ws-broadcast"]
