"""The part of the conformance suite in which an answer's body comes out of a file."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sketch.http.errors import Disconnected, LocalProtocolError
from sketch.http.heads import HttpVersion, HttpVersion10, HttpVersion11

from .driver import Opening, settle
from .scene import Stage, failure, head, on_loop

CONTENT = bytes(range(256)) * 4096
LARGE = 2**24
"""More than any socket takes of a client that does not read."""


@contextmanager
def a_file(content: bytes = CONTENT, *, size: int | None = None) -> Iterator[int]:
    """The descriptor of an open file; made longer than its content with zeros."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        if size is not None:
            os.ftruncate(file.fileno(), size)
        yield file.fileno()


class FileConformance(Stage):
    """What is promised to whoever sends files."""

    @pytest.mark.parametrize("version", [HttpVersion10, HttpVersion11])
    @pytest.mark.parametrize("length", [None, len(CONTENT)])
    @on_loop
    async def test_a_whole_file(self, version: HttpVersion, length: int | None) -> None:
        with a_file() as descriptor:
            async with self.exchange(Opening(version=version)) as scene:
                scene.exchange.start(head(), length)
                await scene.exchange.send_file(descriptor, 0, len(CONTENT))
                assert scene.exchange.bytes_sent >= len(CONTENT)
                await scene.exchange.finish()
                received = await scene.end()
                assert received.body == CONTENT

    @on_loop
    async def test_parts_of_a_file_between_other_pieces(self) -> None:
        with a_file() as descriptor:
            async with self.exchange() as scene:
                scene.exchange.start(head(), 305_006)
                await scene.exchange.send(b"abc")
                await scene.exchange.send_file(descriptor, 1000, 300_000)
                await scene.exchange.send_file(descriptor, 5, 0)
                await scene.exchange.send_file(descriptor, 5, 5000)
                await scene.exchange.send(b"def")
                await scene.exchange.finish()
                received = await scene.end()
                assert received.body == b"abc" + CONTENT[1000:301_000] + CONTENT[5:5005] + b"def"
                assert received.is_complete and received.is_reusable

    @on_loop
    async def test_nothing_of_a_file_for_head(self) -> None:
        with a_file() as descriptor:
            async with self.exchange(Opening(method="HEAD")) as scene:
                scene.exchange.start(head(), len(CONTENT))
                await scene.exchange.send_file(descriptor, 0, len(CONTENT))
                await scene.exchange.finish()
                received = await scene.end()
                assert received.body == b"" and received.get_all("Content-Length") == [str(len(CONTENT))]
                assert received.is_complete and received.is_reusable

    @on_loop
    async def test_a_file_where_there_is_no_answer(self) -> None:
        with a_file() as descriptor:
            async with self.exchange() as scene:
                with pytest.raises(LocalProtocolError):
                    await scene.exchange.send_file(descriptor, 0, 1)
                scene.exchange.respond(head(), b"all")
                with pytest.raises(LocalProtocolError):
                    await scene.exchange.send_file(descriptor, 0, 1)
                assert (await scene.end()).body == b"all"

    @on_loop
    async def test_more_of_a_file_than_declared_is_refused(self) -> None:
        with a_file() as descriptor:
            async with self.exchange() as scene:
                scene.exchange.start(head(), 3)
                with pytest.raises(LocalProtocolError):
                    await scene.exchange.send_file(descriptor, 0, 4)
                await scene.exchange.send_file(descriptor, 1, 3)
                await scene.exchange.finish()
                received = await scene.end()
                assert received.body == CONTENT[1:4] and received.is_complete

    @pytest.mark.parametrize("length", [None, 2 * len(CONTENT)])
    @on_loop
    async def test_a_file_that_has_shrunk(self, length: int | None) -> None:
        with a_file() as descriptor:
            async with self.exchange() as scene:
                scene.exchange.start(head(), length)
                with pytest.raises(LocalProtocolError, match="the file ends at byte 1048576, 1048576 bytes"):
                    await scene.exchange.send_file(descriptor, 0, 2 * len(CONTENT))
                scene.exchange.abort()
                assert not (await scene.end()).is_complete

    @on_loop
    async def test_a_file_waits_for_a_slow_client(self) -> None:
        with a_file(size=LARGE) as descriptor:
            async with self.exchange() as scene:
                await scene.client.pause()
                scene.exchange.start(head(), LARGE + 3)
                sending = asyncio.create_task(scene.exchange.send_file(descriptor, 0, LARGE))
                for _ in range(10):
                    await settle()
                assert not sending.done()
                await scene.client.resume()
                await sending
                await scene.exchange.send(b"end")
                await scene.exchange.finish()
                received = await scene.end()
                assert received.body == CONTENT + bytes(LARGE - len(CONTENT)) + b"end"
                assert received.is_complete and received.is_reusable

    @on_loop
    async def test_a_slow_client_leaves_in_the_middle_of_a_file(self) -> None:
        with a_file(size=LARGE) as descriptor:
            async with self.exchange() as scene:
                exchange = scene.exchange
                await scene.client.pause()
                exchange.start(head(), LARGE)
                sending = asyncio.create_task(exchange.send_file(descriptor, 0, LARGE))
                await settle()
                await scene.client.disconnect()
                assert isinstance(await failure(sending), Disconnected)
                assert exchange.is_disconnected
                assert isinstance(await failure(exchange.send_file(descriptor, 0, 1)), Disconnected)

    @on_loop
    async def test_a_file_whose_sending_is_cancelled_is_cut_off(self) -> None:
        with a_file(size=LARGE) as descriptor:
            async with self.exchange() as scene:
                await scene.client.pause()
                scene.exchange.start(head(), LARGE)
                sending = asyncio.create_task(scene.exchange.send_file(descriptor, 0, LARGE))
                await settle()
                sending.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await sending
                with pytest.raises(LocalProtocolError):
                    await scene.exchange.finish()
                await scene.client.resume()
                received = await scene.end()
                assert not received.is_complete and not received.is_reusable
