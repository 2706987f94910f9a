"""Server-sent events: what is sent, when it ends, and what it follows."""

import asyncio
import logging
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sketch import web
from sketch.http.memory import MemoryExchange, answer
from sketch.http.memoryhead import Fields
from sketch.sse import EventSourceResponse
from sketch.topics import drop_oldest, keep_latest
from tests.asking import ask_handler, fields_of, text_of
from tests.conformance.driver import settle
from tests.eventreader import Event, read_events
from tests.net.stage import pass_time, run

Play = Callable[[EventSourceResponse], Awaitable[object]]


class Stream:
    """A client of an event stream, and the handler that sends it."""

    def __init__(
        self,
        play: Play,
        fields: Fields = (),
        method: str = "GET",
        app: web.Application | None = None,
        **options: Any,
    ) -> None:
        self.app = app or web.Application()
        self.exchange = MemoryExchange(method, "/", fields)
        self.went_on = False
        self.events: EventSourceResponse | None = None

        async def handle(request: web.Request) -> web.StreamResponse:
            async with web.sse_response(request, **options) as self.events:
                await play(self.events)
            self.went_on = True
            return self.events

        if app is None:
            self.app.router.add_route("*", "/", handle)
        self.task = asyncio.create_task(answer(self.app.make_exchange_handler(), self.exchange))

    @property
    def received(self) -> str:
        return text_of(self.exchange)

    @property
    def got(self) -> list[Event]:
        return read_events(self.exchange.response_body)

    @property
    def data(self) -> list[str]:
        return [event.data for event in self.got]

    async def leave(self) -> None:
        self.exchange.disconnect()
        await self.task


async def wait(events: EventSourceResponse) -> None:
    await events.wait()


# -- what is sent ------------------------------------------------------------------------------------------


def test_the_head_is_sent_at_once_and_says_what_follows() -> None:
    async def main() -> None:
        stream = Stream(wait)
        await settle()
        assert sorted(fields_of(stream.exchange)) == [
            ("Cache-Control", "no-store"),
            ("Content-Type", "text/event-stream"),
            ("Transfer-Encoding", "chunked"),
            ("X-Accel-Buffering", "no"),
        ]
        assert stream.received == ""
        await stream.leave()

    run(main)


def test_fields_can_be_said_otherwise_but_not_the_type() -> None:
    async def main() -> None:
        fields = {"cache-control": "no-cache", "Content-Type": "text/html", "X-Own": "1"}
        stream = Stream(wait, headers=fields)
        await settle()
        got = {name.lower(): value for name, value in fields_of(stream.exchange)}
        assert (got["cache-control"], got["content-type"], got["x-own"]) == (
            "no-cache",
            "text/event-stream",
            "1",
        )
        await stream.leave()

    run(main)


def test_events() -> None:
    async def main() -> None:
        async def play(events: EventSourceResponse) -> None:
            await events.send("a\nb", event="news", id="1", retry=5)
            await events.send_json({"c": "d\n"}, id="2")
            await events.send_comment("nothing")

        stream = Stream(play, retry=3000)
        await stream.task
        assert stream.got == [Event("a\nb", "news", "1"), Event('{"c": "d\\n"}', id="2")]
        assert stream.received.startswith("retry: 3000\n\nevent: news\n")
        assert stream.received.endswith(": nothing\n\n")
        assert stream.exchange.response_complete and stream.went_on

    run(main)


def test_what_cannot_be_sent_is_an_error_of_the_handler(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async def play(events: EventSourceResponse) -> None:
            await events.send("a", event="news\ndata: injected")

        stream = Stream(play)
        await stream.task
        assert stream.received == "" and stream.exchange.aborted and not stream.went_on

    run(main)
    (record,) = caplog.records
    assert record.exc_info is not None and "one line without CR, LF and NUL" in str(record.exc_info[1])


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"retry": -1}, ValueError),
        ({"retry": 1.5}, TypeError),
        ({"keepalive": 0}, ValueError),
        ({"keepalive": float("nan")}, ValueError),
        ({"keepalive": "15"}, TypeError),
        ({"keepalive": True}, TypeError),
    ],
)
def test_times_are_checked_before_anything_is_sent(options: dict[str, Any], error: type[Exception]) -> None:
    async def handle(request: web.Request) -> web.Response:
        with pytest.raises(error, match=f"{next(iter(options))}="):
            web.sse_response(request, **options)
        return web.Response(text="refused")

    assert text_of(ask_handler(handle)) == "refused"


def test_a_handler_may_return_nothing() -> None:
    async def handle(request: web.Request) -> None:
        async with web.sse_response(request) as events:
            await events.send("hello")

    exchange = ask_handler(handle)
    assert exchange.response_complete and text_of(exchange) == "data: hello\n\n"


def test_without_a_block_it_is_a_response_like_others() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        events = web.sse_response(request)
        await events.prepare(request)
        await events.send("hello")
        events.stop()
        return events

    exchange = ask_handler(handle)
    assert exchange.response_complete and text_of(exchange) == "data: hello\n\n"


def test_head_gets_the_head() -> None:
    async def main() -> None:
        for play in (wait, lambda events: events.send("never seen")):
            stream = Stream(play, method="HEAD", retry=3000)
            await stream.task
            assert stream.received == "" and stream.exchange.response_complete

    run(main)


@pytest.mark.parametrize(
    ("fields", "expected"), [({}, None), ({"Last-Event-ID": "7"}, "7"), ({"last-event-id": "ü"}, "ü")]
)
def test_last_event_id(fields: Fields, expected: str | None) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response(web.sse_response(request).last_event_id)

    assert ask_handler(handle, fields=fields).response_body == web.json_response(expected).body


# -- when it ends ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", ["disconnect", "begin_draining", "stop"])
def test_it_ends(event: str, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        stream = Stream(wait)
        await settle()
        assert stream.events is not None
        getattr(stream.events if event == "stop" else stream.exchange, event)()
        await stream.task
        assert stream.went_on
        assert stream.exchange.response_complete is (event != "disconnect")

    with caplog.at_level(logging.INFO):
        run(main)
    assert caplog.records == []


def test_it_ends_for_a_client_that_takes_nothing() -> None:
    async def main() -> None:
        async def play(events: EventSourceResponse) -> None:
            while True:
                await events.send("x" * 1000)

        for event in ("disconnect", "begin_draining"):
            stream = Stream(play)
            stream.exchange.pause_client()
            await settle()
            getattr(stream.exchange, event)()
            await stream.task
            assert stream.went_on and stream.data == ["x" * 1000]

    run(main)


def test_programs_can_send_from_elsewhere() -> None:
    async def main() -> None:
        stream = Stream(wait)
        await settle()
        assert stream.events is not None
        await asyncio.gather(*[stream.events.send(str(number)) for number in range(5)])
        assert stream.data == ["0", "1", "2", "3", "4"]
        await stream.leave()
        with pytest.raises(ConnectionResetError):
            await stream.events.send("too late")

    run(main)


# -- silence -----------------------------------------------------------------------------------------------


def test_silence_is_broken_by_comments() -> None:
    async def main() -> None:
        stream = Stream(wait)
        await settle()
        await pass_time(10)
        assert stream.received == ""
        await pass_time(5)
        assert stream.received == ":\n\n"
        await pass_time(8)
        assert stream.events is not None
        await stream.events.send("hello")
        await pass_time(8)
        assert stream.received == ":\n\ndata: hello\n\n"
        await pass_time(7)
        assert stream.received == ":\n\ndata: hello\n\n:\n\n"
        await stream.leave()

    run(main)


def test_silence_can_be_longer_or_left_alone() -> None:
    async def main() -> None:
        for keepalive, expected in ((60, ""), (3.5, ":\n\n"), (None, "")):
            stream = Stream(wait, keepalive=keepalive)
            await settle()
            await pass_time(20)
            assert stream.received == expected
            await stream.leave()

    run(main)


def test_a_client_that_is_slow_is_not_sent_more_comments() -> None:
    async def main() -> None:
        stream = Stream(lambda events: events.send("hello"))
        stream.exchange.pause_client()
        await settle()
        for _ in range(5):
            await pass_time(20)
        assert stream.received == "data: hello\n\n"
        stream.exchange.resume_client()
        await stream.task

        stream = Stream(wait)
        stream.exchange.pause_client()
        for _ in range(5):
            await settle()
            await pass_time(20)
        assert stream.received == ":\n\n"
        stream.exchange.begin_draining()
        await stream.task
        assert stream.went_on

    run(main)


# -- topics ------------------------------------------------------------------------------------------------


async def follow(events: EventSourceResponse, **options: Any) -> None:
    await events.follow(events._request.app.topics["news"], **options)  # type: ignore[attr-defined]


def test_a_topic_is_followed() -> None:
    async def main() -> None:
        stream = Stream(lambda events: follow(events, event="news"))
        await settle()
        topic = stream.app.topics["news"]
        assert topic.publish("one\ntwo") == 1
        topic.publish_json({"three": 3})
        await settle()
        assert stream.data == ["one\ntwo", '{"three": 3}']
        assert {event.event for event in stream.got} == {"news"}
        ids = [int(event.id) for event in stream.got]
        assert ids == sorted(set(ids))
        await stream.leave()
        assert len(stream.app.topics) == 0

    run(main)


def test_an_event_is_encoded_once_for_all() -> None:
    async def main() -> None:
        app = web.Application()
        app.topics["news"].keep(1)

        async def handle(request: web.Request) -> None:
            async with web.sse_response(request) as events:
                await events.follow(app.topics["news"])

        app.router.add_get("/", handle)
        streams = [Stream(wait, app=app) for _ in range(3)]
        await settle()
        assert app.topics["news"].publish("hello") == 3
        await settle()
        (message,) = app.topics["news"].history()
        (encoded,) = message.encoded.values()
        for stream in streams:
            assert stream.exchange._parts[0] is encoded
            await stream.leave()

    run(main)


def test_who_comes_back_gets_what_was_missed() -> None:
    async def main() -> None:
        first = Stream(follow)
        app, topic = first.app, first.app.topics["news"].keep(3)
        await settle()
        topic.publish("one"), topic.publish("two")
        await settle()
        await first.leave()
        for text in ("three", "four"):
            assert topic.publish(text) == 0
        # The same route, another client.
        second = Stream(follow, {"Last-Event-ID": first.got[0].id}, app=app)
        await settle()
        topic.publish("five")
        await settle()
        assert second.data == ["two", "three", "four", "five"]
        for last_event_id in ("", "not ours", "-5", "1" * 30, "٣"):
            other = Stream(follow, {"Last-Event-ID": last_event_id}, app=app)
            await settle()
            assert other.data == []
            await other.leave()
        await second.leave()

    run(main)


def test_a_program_can_ask_for_all_of_the_history() -> None:
    async def main() -> None:
        stream = Stream(lambda events: follow(events, after=0))
        stream.app.topics["news"].keep(2)
        for number in range(4):
            stream.app.topics["news"].publish(str(number))
        await settle()
        assert stream.data == ["2", "3"]
        await stream.leave()

    run(main)


def test_several_topics_are_followed_in_several_tasks() -> None:
    async def main() -> None:
        async def play(events: EventSourceResponse) -> None:
            async with asyncio.TaskGroup() as group:
                for name in ("news", "weather"):
                    group.create_task(events.follow(stream.app.topics[name], event=name))

        for event in ("disconnect", "begin_draining"):
            stream = Stream(play)
            await settle()
            stream.app.topics["news"].publish("one"), stream.app.topics["weather"].publish("rain")
            await settle()
            assert [(event.event, event.data) for event in stream.got] == [
                ("news", "one"),
                ("weather", "rain"),
            ]
            getattr(stream.exchange, event)()
            await stream.task
            assert stream.went_on and len(stream.app.topics) == 0

    run(main)


def test_slow_clients() -> None:
    async def main() -> None:
        for policy, expected in ((drop_oldest(2), ["0", "8", "9"]), (keep_latest(), ["0", "9"])):
            stream = Stream(lambda events, policy=policy: follow(events, policy=policy))  # type: ignore[misc]
            await settle()
            stream.exchange.pause_client()
            for number in range(10):
                stream.app.topics["news"].publish(str(number))
                await settle()
            stream.exchange.resume_client()
            await settle()
            assert stream.data == expected
            await stream.leave()

    run(main)


def test_a_client_that_is_too_slow_is_disconnected_and_can_come_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        stream = Stream(follow)
        topic = stream.app.topics["news"].keep(10)
        await settle()
        stream.exchange.pause_client()
        for number in range(5):
            topic.publish(f"{number}{'x' * 2**19}")
            await settle()
        stream.exchange.resume_client()
        await stream.task
        assert [data[0] for data in stream.data] == ["0"]
        assert stream.went_on and stream.exchange.response_complete
        again = Stream(follow, {"Last-Event-ID": stream.got[-1].id}, app=stream.app)
        await settle()
        assert [data[0] for data in again.data] == ["1", "2", "3", "4"]
        await again.leave()

    run(main)
    assert caplog.records == []


def test_binary_messages_are_no_events(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        stream = Stream(follow)
        await settle()
        stream.app.topics["news"].publish(b"binary")
        await stream.task
        assert not stream.went_on and len(stream.app.topics) == 0

    run(main)
    (record,) = caplog.records
    assert record.exc_info is not None and "an event stream is text: publish str" in str(record.exc_info[1])


# -- compression -------------------------------------------------------------------------------------------


def test_a_middleware_that_compresses_leaves_streams_as_they_are() -> None:
    async def handle(request: web.Request) -> None:
        async with web.sse_response(request) as events:
            await events.send("hello")

    app = web.Application(middlewares=[web.compress(minimum_size=0)])
    app.router.add_get("/", handle)
    exchange = MemoryExchange("GET", "/", {"Accept-Encoding": "gzip"})
    asyncio.run(answer(app.make_exchange_handler(), exchange))
    assert exchange.response_body == b"data: hello\n\n"
    assert "Content-Encoding" not in dict(fields_of(exchange)) and "Vary" not in dict(fields_of(exchange))


def test_what_is_compressed_because_it_was_asked_for_is_sent_at_once() -> None:
    async def main() -> None:
        app = web.Application(middlewares=[web.compress()])
        exchange = MemoryExchange("GET", "/", {"Accept-Encoding": "gzip"})

        async def handle(request: web.Request) -> None:
            events = web.sse_response(request)
            events.enable_compression()
            async with events:
                await events.send("hello")
                await events.wait()

        app.router.add_get("/", handle)
        task = asyncio.create_task(answer(app.make_exchange_handler(), exchange))
        await settle()
        assert dict(fields_of(exchange))["Content-Encoding"] == "gzip"
        decompressor = zlib.decompressobj(wbits=31)
        assert decompressor.decompress(exchange.response_body) == b"data: hello\n\n"
        exchange.begin_draining()
        await task
        assert exchange.response_complete

    run(main)
