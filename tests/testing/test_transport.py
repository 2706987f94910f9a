"""The transport in memory keeps to what asyncio's own do."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sketch.testing.transport import READ_SIZE, MemoryTransport, TlsMemoryTransport


class Recorder(asyncio.Protocol):
    """Notes how it was called."""

    def __init__(self, *, keeps_open: bool = False) -> None:
        self.calls: list[str] = []
        self.data = b""
        self.keeps_open = keeps_open

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.calls.append("made")

    def data_received(self, data: bytes) -> None:
        self.calls.append(f"data {len(data)}")
        self.data += data

    def eof_received(self) -> bool:
        self.calls.append("eof")
        return self.keeps_open

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.calls.append(f"lost {type(exc).__name__}")


class Far:
    def __init__(self) -> None:
        self.data = b""
        self.ends = 0

    def bytes_came(self, data: bytes) -> None:
        self.data += data

    def end_came(self) -> None:
        self.ends += 1


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def play(
    steps: Callable[[MemoryTransport, Recorder, Far], Awaitable[None]],
    *,
    keeps_open: bool = False,
    make: type[MemoryTransport] = MemoryTransport,
) -> None:
    async def main() -> None:
        protocol, far = Recorder(keeps_open=keeps_open), Far()
        transport = make(protocol, far)
        assert protocol.calls == [], "not from inside its own call"
        await settle()
        assert protocol.calls.pop() == "made"
        await steps(transport, protocol, far)
        transport.abort()
        await settle()

    asyncio.run(main())


def test_bytes_both_ways() -> None:
    async def steps(transport: MemoryTransport, protocol: Recorder, far: Far) -> None:
        transport.feed(b"x" * (READ_SIZE + 1))
        assert protocol.calls == [] and transport.unread == READ_SIZE + 1
        await transport.taken()
        assert protocol.calls[0] == f"data {READ_SIZE}"
        await settle()
        assert protocol.calls[1:] == ["data 1"]
        transport.write(b"ab")
        transport.write(bytearray(b"c"))
        transport.writelines([b"d", memoryview(b"e")])
        assert far.data == b"abcde"
        assert transport.get_extra_info("peername") == ("127.0.0.1", 50000)
        assert transport.get_protocol() is protocol

    play(steps)


def test_reading_that_is_paused() -> None:
    async def steps(transport: MemoryTransport, protocol: Recorder, far: Far) -> None:
        transport.pause_reading()
        transport.pause_reading()
        transport.feed(b"abc")
        transport.feed_eof()
        await settle()
        assert protocol.calls == [] and not transport.is_reading()
        transport.resume_reading()
        transport.resume_reading()
        await settle()
        assert protocol.calls == ["data 3", "eof", "lost NoneType"]

    play(steps)


def test_a_client_that_takes_nothing() -> None:
    async def steps(transport: MemoryTransport, protocol: Recorder, far: Far) -> None:
        transport.set_write_buffer_limits(high=10)
        assert transport.get_write_buffer_limits() == (2, 10)
        transport.stop_taking()
        transport.write(b"x" * 10)
        assert protocol.calls == []
        transport.write(b"y")
        assert protocol.calls == ["pause"] and transport.get_write_buffer_size() == 11
        transport.take(8)
        await settle()
        assert protocol.calls == ["pause"] and far.data == b"x" * 8
        transport.take(1)
        await settle()
        assert protocol.calls == ["pause", "resume"]
        transport.take()
        transport.write(b"z")
        assert far.data == b"x" * 10 + b"yz"

    play(steps)


def test_what_is_taken_in_advance() -> None:
    async def steps(transport: MemoryTransport, protocol: Recorder, far: Far) -> None:
        transport.stop_taking()
        transport.take(3)
        transport.write(b"ab")
        transport.write(b"cd")
        assert far.data == b"abc" and transport.get_write_buffer_size() == 1

    play(steps)


def test_closing_sends_what_is_left() -> None:
    async def steps(transport: MemoryTransport, protocol: Recorder, far: Far) -> None:
        transport.stop_taking()
        transport.write(b"abc")
        transport.close()
        await settle()
        assert transport.is_closing() and not transport.is_lost and far.ends == 0
        transport.take()
        await settle()
        assert protocol.calls == ["lost NoneType"] and (far.data, far.ends) == (b"abc", 1)

    play(steps)


def test_aborting_does_not() -> None:
    async def steps(transport: MemoryTransport, protocol: Recorder, far: Far) -> None:
        transport.stop_taking()
        transport.write(b"abc")
        transport.abort()
        await settle()
        transport.write(b"d")
        transport.take()
        assert protocol.calls == ["lost NoneType"] and (far.data, far.ends) == (b"", 1)
        assert transport.is_cut

    play(steps)


def test_half_closes() -> None:
    async def steps(transport: MemoryTransport, protocol: Recorder, far: Far) -> None:
        transport.feed_eof()
        await settle()
        assert protocol.calls == ["eof"]
        transport.write(b"still")
        transport.write_eof()
        assert (far.data, far.ends) == (b"still", 1)
        with pytest.raises(RuntimeError):
            transport.write(b"more")
        transport.close()
        await settle()
        assert protocol.calls == ["eof", "lost NoneType"] and far.ends == 1

    play(steps, keeps_open=True)


def test_over_tls_an_end_is_the_end() -> None:
    async def steps(transport: MemoryTransport, protocol: Recorder, far: Far) -> None:
        assert not transport.can_write_eof()
        with pytest.raises(NotImplementedError):
            transport.write_eof()
        transport.feed_eof()
        await settle()
        assert protocol.calls == ["eof", "lost NoneType"]

    play(steps, keeps_open=True, make=TlsMemoryTransport)


def test_a_reset_comes_after_what_was_sent() -> None:
    async def steps(transport: MemoryTransport, protocol: Recorder, far: Far) -> None:
        transport.feed(b"abc")
        transport.feed_reset()
        await settle()
        assert protocol.calls == ["data 3", "lost ConnectionResetError"]

    play(steps)


def test_a_client_that_disconnects_takes_everything_along() -> None:
    async def steps(transport: MemoryTransport, protocol: Recorder, far: Far) -> None:
        transport.feed(b"abc")
        transport.disconnect()
        await settle()
        assert protocol.calls == ["lost ConnectionResetError"]

    play(steps)


def test_what_is_written_to_a_client_that_has_closed_meets_a_reset() -> None:
    async def steps(transport: MemoryTransport, protocol: Recorder, far: Far) -> None:
        transport.feed(b"abc")
        transport.feed_close()
        await settle()
        assert protocol.calls == ["data 3", "eof"]
        transport.write(b"answer")
        await settle()
        assert protocol.calls == ["data 3", "eof", "lost ConnectionResetError"] and far.data == b""

    play(steps, keeps_open=True)


@pytest.mark.parametrize("says_it_sends_no_more", [False, True])
def test_a_client_that_closes_is_told_of_once(says_it_sends_no_more: bool) -> None:
    async def steps(transport: MemoryTransport, protocol: Recorder, far: Far) -> None:
        if says_it_sends_no_more:
            transport.feed_eof()
        transport.feed_close()
        await settle()
        assert protocol.calls == ["eof"]
        transport.write(b"answer")
        await settle()
        assert protocol.calls == ["eof", "lost ConnectionResetError"]

    play(steps, keeps_open=True)


def test_closing_with_something_unread_is_a_reset() -> None:
    async def steps(transport: MemoryTransport, protocol: Recorder, far: Far) -> None:
        transport.stop_taking()
        transport.write(b"abc")
        transport.feed_close()
        await settle()
        assert protocol.calls == ["lost ConnectionResetError"]

    play(steps, keeps_open=True)


def test_whoever_waits_for_the_server_to_take_is_woken_by_the_end() -> None:
    async def steps(transport: MemoryTransport, protocol: Recorder, far: Far) -> None:
        transport.pause_reading()
        transport.feed(b"abc")
        waiting = asyncio.create_task(transport.taken())
        await settle()
        assert not waiting.done()
        transport.close()
        await waiting

    play(steps)
