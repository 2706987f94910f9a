"""The half of the conformance suite in which a handler answers: what may be called when, and what of it
reaches the client."""

import array
import asyncio
from contextlib import suppress
from typing import Any

import pytest

from sketch.http.errors import Disconnected, LocalProtocolError
from sketch.http.exchange import Bytes
from sketch.http.heads import HttpVersion, HttpVersion10, HttpVersion11

from .driver import Opening, settle
from .scene import Stage, failure, head, on_loop
from .states import CALLS, LEGAL, STATES, TO_THE_END, perform

HTTP_1_0 = Opening(version=HttpVersion10)
TRAILERS = (("X-Sum", "6"), ("X-Count", "2"))
WITHOUT_BODY = pytest.mark.parametrize(
    ("method", "status"),
    [("HEAD", 200), ("HEAD", 404), ("GET", 204), ("GET", 304), ("GET", 205), ("HEAD", 304)],
)


class AnswerConformance(Stage):
    """What is promised to whoever answers, and to the client."""

    # -- the order of the calls ------------------------------------------------------------------------

    @pytest.mark.parametrize("state", STATES)
    @pytest.mark.parametrize("call", CALLS)
    @on_loop
    async def test_what_is_legal(self, state: str, call: str) -> None:
        async with self.exchange() as scene:
            await perform(scene.exchange, STATES[state])
            if call in LEGAL[state]:
                await perform(scene.exchange, [call])
                return
            with pytest.raises(LocalProtocolError):
                await perform(scene.exchange, [call])
            # A call that was refused did no harm.
            await perform(scene.exchange, TO_THE_END[state])
            received = await scene.end()
            assert (received.status, received.body) == (200, b"some")
            assert received.is_complete and received.is_reusable

    @pytest.mark.parametrize("state", STATES)
    @on_loop
    async def test_the_answer_knows_how_far_it_is(self, state: str) -> None:
        async with self.exchange() as scene:
            await perform(scene.exchange, STATES[state])
            assert scene.exchange.response_started is (state not in ("fresh", "informed"))
            assert scene.exchange.response_complete is (state in ("finished", "responded"))

    # -- at once ---------------------------------------------------------------------------------------

    @pytest.mark.parametrize("body", [b"hello", bytearray(b"hello"), memoryview(b"<hello>")[1:-1]])
    @on_loop
    async def test_respond(self, body: Bytes) -> None:
        async with self.exchange() as scene:
            scene.exchange.respond(head(201, [("X-One", "1"), ("X-One", "zwei ü")]), body)
            received = await scene.end()
            assert (received.status, received.body, received.trailers) == (201, b"hello", [])
            assert received.get_all("X-One") == ["1", "zwei ü"]
            assert received.get_all("Content-Length") == ["5"]
            assert received.interim == []
            assert received.is_complete and received.is_reusable

    @on_loop
    async def test_respond_without_a_body(self) -> None:
        async with self.exchange() as scene:
            scene.exchange.respond(head(404))
            received = await scene.end()
            assert (received.status, received.body) == (404, b"")
            assert received.get_all("Content-Length") == ["0"]
            assert received.is_complete and received.is_reusable

    @on_loop
    async def test_a_length_that_the_application_set_is_kept(self) -> None:
        async with self.exchange() as scene:
            scene.exchange.respond(head(200, [("content-length", "5")]), b"hello")
            received = await scene.end()
            assert received.get_all("Content-Length") == ["5"]
            assert received.body == b"hello" and received.is_complete

    @pytest.mark.parametrize("length", ["4", "6"])
    @on_loop
    async def test_respond_holds_the_body_to_a_length_that_the_application_set(self, length: str) -> None:
        async with self.exchange() as scene:
            with pytest.raises(LocalProtocolError):
                scene.exchange.respond(head(200, [("Content-Length", length)]), b"hello")
            assert not scene.exchange.response_started
            scene.exchange.respond(head(500), b"instead")
            received = await scene.end()
            assert (received.status, received.body, received.is_complete) == (500, b"instead", True)

    @on_loop
    async def test_respond_with_a_mebibyte(self) -> None:
        body = bytes(range(256)) * 4096
        async with self.exchange() as scene:
            scene.exchange.respond(head(), body)
            received = await scene.end()
            assert received.body == body and received.is_complete

    # -- in pieces -------------------------------------------------------------------------------------

    @on_loop
    async def test_a_counted_answer(self) -> None:
        async with self.exchange() as scene:
            scene.exchange.start(head(200, [("X-One", "1")]), 6)
            for piece in (b"ab", bytearray(b"c"), memoryview(b"def")):
                await scene.exchange.send(piece)
            await scene.exchange.finish()
            received = await scene.end()
            assert received.body == b"abcdef"
            assert received.get_all("Content-Length") == ["6"] and received.get_all("X-One") == ["1"]
            assert received.is_complete and received.is_reusable

    @on_loop
    async def test_an_answer_of_unknown_length(self) -> None:
        async with self.exchange() as scene:
            scene.exchange.start(head())
            for piece in (b"ab", b"", b"c", b"def"):
                await scene.exchange.send(piece)
            await scene.exchange.finish()
            received = await scene.end()
            assert received.body == b"abcdef"
            assert received.get_all("Content-Length") == []
            assert received.is_complete and received.is_reusable

    @pytest.mark.parametrize("length", [None, 0])
    @on_loop
    async def test_an_empty_answer(self, length: int | None) -> None:
        async with self.exchange() as scene:
            scene.exchange.start(head(), length)
            await scene.exchange.finish()
            received = await scene.end()
            assert (received.status, received.body, received.is_complete) == (200, b"", True)

    @pytest.mark.parametrize("length", [None, 6])
    @on_loop
    async def test_pieces_do_not_wait_for_the_end(self, length: int | None) -> None:
        async with self.exchange() as scene:
            scene.exchange.start(head(), length)
            await scene.exchange.send(b"abc")
            await scene.client.wait_for_body(3)
            await scene.exchange.send(b"def")
            await scene.client.wait_for_body(6)
            await scene.exchange.finish()
            assert (await scene.end()).body == b"abcdef"

    @on_loop
    async def test_a_length_is_counted_in_bytes(self) -> None:
        numbers = array.array("H", [1, 2, 3])
        async with self.exchange() as scene:
            scene.exchange.start(head(), 6)
            await scene.exchange.send(memoryview(numbers))
            await scene.exchange.finish()
            received = await scene.end()
            assert received.body == numbers.tobytes() and received.is_complete

    @on_loop
    async def test_a_length_is_counted_in_bytes_at_once(self) -> None:
        numbers = array.array("H", [1, 2, 3])
        async with self.exchange() as scene:
            scene.exchange.respond(head(), memoryview(numbers))
            received = await scene.end()
            assert received.get_all("Content-Length") == ["6"]
            assert received.body == numbers.tobytes() and received.is_reusable

    @pytest.mark.parametrize("is_set_by_application", [False, True])
    @on_loop
    async def test_more_than_declared_is_refused(self, is_set_by_application: bool) -> None:
        async with self.exchange() as scene:
            if is_set_by_application:
                scene.exchange.start(head(200, [("Content-Length", "3")]))
            else:
                scene.exchange.start(head(), 3)
            await scene.exchange.send(b"ab")
            with pytest.raises(LocalProtocolError):
                await scene.exchange.send(b"cd")
            await scene.exchange.send(b"C")
            with pytest.raises(LocalProtocolError):
                await scene.exchange.send(b"d")
            await scene.exchange.finish()
            received = await scene.end()
            assert received.get_all("Content-Length") == ["3"]
            assert (received.body, received.is_complete) == (b"abC", True)

    @pytest.mark.parametrize("is_set_by_application", [False, True])
    @on_loop
    async def test_less_than_declared_cuts_the_connection(self, is_set_by_application: bool) -> None:
        async with self.exchange() as scene:
            if is_set_by_application:
                scene.exchange.start(head(200, [("Content-Length", "3")]))
            else:
                scene.exchange.start(head(), 3)
            await scene.exchange.send(b"ab")
            with pytest.raises(LocalProtocolError):
                await scene.exchange.finish()
            assert not scene.exchange.response_complete
            assert isinstance(await failure(scene.exchange.send(b"c")), Disconnected)
            received = await scene.end()
            assert not received.is_complete and not received.is_reusable

    # -- where there is no body ------------------------------------------------------------------------

    @WITHOUT_BODY
    @on_loop
    async def test_respond_leaves_the_body_out(self, method: str, status: int) -> None:
        async with self.exchange(Opening(method=method)) as scene:
            scene.exchange.respond(head(status), b"left out")
            received = await scene.end()
            assert (received.status, received.body) == (status, b"")
            assert received.is_complete and received.is_reusable
            if status == 204:
                assert received.get_all("Content-Length") == []
            elif status in (200, 404):
                assert received.get_all("Content-Length") == ["8"]

    @WITHOUT_BODY
    @pytest.mark.parametrize("length", [None, 8])
    @on_loop
    async def test_send_leaves_the_body_out(self, method: str, status: int, length: int | None) -> None:
        async with self.exchange(Opening(method=method)) as scene:
            scene.exchange.start(head(status), length)
            await scene.exchange.send(b"left out")
            await scene.exchange.finish(TRAILERS)
            assert scene.exchange.response_complete
            received = await scene.end()
            assert (received.status, received.body, received.trailers) == (status, b"", [])
            assert received.is_complete and received.is_reusable

    @on_loop
    async def test_a_head_request_can_be_answered_without_the_body(self) -> None:
        async with self.exchange(Opening(method="HEAD")) as scene:
            scene.exchange.start(head(), 8)
            await scene.exchange.finish()
            received = await scene.end()
            assert received.get_all("Content-Length") == ["8"]
            assert received.is_complete and received.is_reusable

    @on_loop
    async def test_a_head_request_keeps_the_length_that_the_application_set(self) -> None:
        async with self.exchange(Opening(method="HEAD")) as scene:
            scene.exchange.respond(head(200, [("Content-Length", "1000")]))
            received = await scene.end()
            assert received.get_all("Content-Length") == ["1000"]
            assert received.is_complete and received.is_reusable

    # -- trailers --------------------------------------------------------------------------------------

    @on_loop
    async def test_trailers(self) -> None:
        async with self.exchange(Opening(fields=(("TE", "trailers"),))) as scene:
            scene.exchange.start(head(200, [("Trailer", "X-Sum, X-Count")]))
            await scene.exchange.send(b"abc")
            await scene.exchange.finish(TRAILERS)
            received = await scene.end()
            assert (received.body, received.trailers) == (b"abc", list(TRAILERS))
            assert received.is_complete and received.is_reusable

    @pytest.mark.parametrize(
        ("version", "length"), [(HttpVersion11, 3), (HttpVersion10, 3), (HttpVersion10, None)]
    )
    @on_loop
    async def test_trailers_without_room_for_them(self, version: HttpVersion, length: int | None) -> None:
        opening = Opening(version=version, fields=(("TE", "trailers"),))
        async with self.exchange(opening) as scene:
            scene.exchange.start(head(), length)
            await scene.exchange.send(b"abc")
            await scene.exchange.finish(TRAILERS)
            received = await scene.end()
            assert (received.body, received.trailers, received.is_complete) == (b"abc", [], True)

    @pytest.mark.parametrize("name", ["Content-Length", "set-cookie"])
    @on_loop
    async def test_trailers_that_belong_in_the_head(self, name: str) -> None:
        async with self.exchange(Opening(fields=(("TE", "trailers"),))) as scene:
            scene.exchange.start(head())
            await scene.exchange.send(b"abc")
            with pytest.raises(LocalProtocolError, match=name):
                await scene.exchange.finish([*TRAILERS, (name, "3")])
            received = await scene.end()
            assert (received.trailers, received.is_complete) == ([], False)

    # -- interim answers -------------------------------------------------------------------------------

    @on_loop
    async def test_interim_answers(self) -> None:
        async with self.exchange() as scene:
            link = ("Link", "</style.css>; rel=preload")
            scene.exchange.inform(head(103, [link]))
            scene.exchange.inform(head(102))
            assert not scene.exchange.response_started
            scene.exchange.respond(head(), b"final")
            received = await scene.end()
            assert [status for status, _ in received.interim] == [103, 102]
            assert link in received.interim[0][1]
            assert (received.status, received.body, received.is_complete) == (200, b"final", True)

    @on_loop
    async def test_http_1_0_gets_no_interim_answer(self) -> None:
        async with self.exchange(HTTP_1_0) as scene:
            scene.exchange.inform(head(103))
            scene.exchange.respond(head(), b"final")
            received = await scene.end()
            assert (received.interim, received.status, received.body) == ([], 200, b"final")

    @on_loop
    async def test_interim_and_final_are_told_apart(self) -> None:
        async with self.exchange() as scene:
            with pytest.raises(LocalProtocolError):
                scene.exchange.inform(head(200))
            with pytest.raises(LocalProtocolError):
                scene.exchange.respond(head(103))
            with pytest.raises(LocalProtocolError):
                scene.exchange.start(head(103))
            scene.exchange.respond(head(), b"final")
            received = await scene.end()
            assert (received.interim, received.status, received.body) == ([], 200, b"final")

    # -- HTTP/1.0, and whether another request follows -------------------------------------------------

    @on_loop
    async def test_http_1_0_knows_the_end_by_the_length_or_by_the_end_of_the_connection(self) -> None:
        async with self.exchange(HTTP_1_0) as scene:
            scene.exchange.respond(head(), b"hello")
            received = await scene.end()
            assert (received.body, received.is_complete) == (b"hello", True)
            assert received.get_all("Content-Length") == ["5"]
        opening = Opening(version=HttpVersion10, fields=(("Connection", "keep-alive"),))
        async with self.exchange(opening) as scene:
            scene.exchange.start(head())
            await scene.exchange.send(b"hello")
            await scene.exchange.finish()
            received = await scene.end()
            assert (received.body, received.is_complete, received.is_reusable) == (b"hello", True, False)
            assert received.get_all("Content-Length") == received.get_all("Transfer-Encoding") == []

    @pytest.mark.parametrize(
        "opening", [HTTP_1_0, Opening(fields=(("Connection", "close"),))], ids=["http-1.0", "close"]
    )
    @on_loop
    async def test_a_client_that_wants_no_second_request(self, opening: Opening) -> None:
        async with self.exchange(opening) as scene:
            assert scene.exchange.keep_alive is False
            scene.exchange.respond(head(), b"bye")
            received = await scene.end()
            assert (received.is_complete, received.is_reusable) == (True, False)

    @on_loop
    async def test_the_application_can_refuse_a_second_request_for_good(self) -> None:
        async with self.exchange() as scene:
            # The attribute is declared without a slot, which a type checker would take for read-only.
            exchange: Any = scene.exchange
            exchange.keep_alive = False
            with suppress(LocalProtocolError):  # Refused or ignored.
                exchange.keep_alive = True
            assert scene.exchange.keep_alive is False
            scene.exchange.respond(head(), b"bye")
            received = await scene.end()
            assert (received.is_complete, received.is_reusable) == (True, False)

    # -- without waiting -------------------------------------------------------------------------------

    @on_loop
    async def test_an_answer_goes_on_after_the_handler(self) -> None:
        body = bytes(2**22)
        async with self.exchange() as scene:
            await scene.client.pause()
            scene.exchange.respond(head(), body)
            assert scene.exchange.response_complete
            receiving = asyncio.create_task(scene.end())
            await settle()
            await scene.client.resume()
            received = await receiving
            assert len(received.body) == len(body) and received.is_complete
