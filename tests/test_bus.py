"""The seam for a bus: two applications of one process, joined by a toy."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sketch import web
from sketch.bus import LOCAL_BUS, Bus, Message
from sketch.http.exchange import ExchangeHandler
from sketch.http.memory import MemoryExchange, answer
from sketch.topics import Topics
from tests.asking import text_of
from tests.conformance.driver import settle
from tests.eventreader import read_events
from tests.net.stage import run
from tests.receivers import FakeReceiver


class Hub:
    """What joins buses: it takes each message to all that have subscribed, also to where it came from."""

    def __init__(self) -> None:
        self.buses: defaultdict[str, list[Bus]] = defaultdict(list)
        self.queue: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()

    async def run(self) -> None:
        while True:
            topic, data, id, origin = await self.queue.get()
            for bus in self.buses[topic]:
                bus.receive(Message(topic, data, id=id, origin=origin))


class ToyBus(Bus):
    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.log: list[str] = []

    def publish(self, message: Message) -> None:
        self.hub.queue.put_nowait((message.topic, message.data, message.id, message.origin))

    def subscribe(self, topic: str) -> None:
        self.log.append(f"+{topic}")
        self.hub.buses[topic].append(self)

    def unsubscribe(self, topic: str) -> None:
        self.log.append(f"-{topic}")
        self.hub.buses[topic].remove(self)


def application(hub: Hub) -> web.Application:
    async def publish(request: web.Request) -> web.Response:
        topic = request.app.topics[request.match_info["topic"]]
        return web.json_response(topic.publish(request.query["text"]))

    async def events(request: web.Request) -> web.StreamResponse:
        async with web.sse_response(request) as events:
            await events.follow(request.app.topics[request.match_info["topic"]].keep(10))
        return events

    async def join_hub(app: web.Application) -> AsyncIterator[None]:
        app.topics.use(ToyBus(hub))
        task = asyncio.create_task(hub.run())
        yield
        task.cancel()

    app = web.Application()
    app.router.add_get("/{topic}/publish", publish)
    app.router.add_get("/{topic}/events", events)
    app.cleanup_ctx.append(join_hub)
    return app


async def publish(handler: ExchangeHandler, text: str) -> str:
    exchange = MemoryExchange("GET", f"/room/publish?text={text}")
    await answer(handler, exchange)
    return text_of(exchange)


def test_two_applications_share_topics_and_ids_over_a_bus() -> None:
    async def main() -> None:
        hub = Hub()
        apps = [application(hub), application(hub)]
        first, second = [app.make_exchange_handler() for app in apps]
        for app in apps:
            await app.startup()
        clients = [MemoryExchange("GET", "/room/events") for _ in apps]
        streams = [
            asyncio.create_task(answer(handler, client))
            for handler, client in zip((first, second), clients, strict=True)
        ]
        await settle()
        assert [await publish(first, "one"), await publish(second, "two")] == ["1", "1"], "each has its own"
        await settle()
        assert await publish(first, "three") == "1"
        await settle()
        seen = [read_events(client.response_body) for client in clients]
        assert [event.data for event in seen[0]] == ["one", "two", "three"]
        assert sorted(seen[0]) == sorted(seen[1])
        # The client comes back, and to the other one.
        clients[0].disconnect()
        again = MemoryExchange("GET", "/room/events", {"Last-Event-ID": seen[0][0].id})
        streams.append(asyncio.create_task(answer(second, again)))
        await settle()
        assert [event.data for event in read_events(again.response_body)] == ["two", "three"]
        for client in (clients[1], again):
            client.begin_draining()
        await asyncio.gather(*streams)
        for app in apps:
            await app.cleanup()

    run(main)


def test_a_bus_is_told_of_the_topics_that_there_are() -> None:
    async def main() -> None:
        topics, hub, receivers = Topics(), Hub(), [FakeReceiver(), FakeReceiver()]
        topics["before"].subscribe(receivers[0])
        first, second = ToyBus(hub), ToyBus(hub)
        topics.use(first)
        for receiver in receivers:
            topics["room"].subscribe(receiver)
        topics["room"].keep(1)
        for receiver in receivers:
            topics["room"].unsubscribe(receiver)
        assert first.log == ["+before", "+room"]
        topics["room"].keep(0)
        assert first.log == ["+before", "+room", "-room"]
        topics.use(second)
        assert (first.log[-1], second.log) == ("-before", ["+before"])
        topics.use(LOCAL_BUS)
        assert second.log == ["+before", "-before"]

    run(main)


def test_what_comes_in() -> None:
    async def main() -> None:
        topics, receiver = Topics(bus := ToyBus(Hub())), FakeReceiver()
        topics["room"].subscribe(receiver)
        far = 2**60
        bus.receive(Message("room", "from elsewhere", id=far, origin="elsewhere"))
        bus.receive(Message("room", "an echo", id=far + 1, origin=topics.origin))
        bus.receive(Message("nobody's", "for nobody", id=far + 2, origin="elsewhere"))
        assert receiver.taken == ["from elsewhere"]
        assert list(topics) == list(topics._topics) == ["room"]
        # Who answers is later, whatever the clocks say.
        topics["room"].publish("answer")
        assert (await bus.hub.queue.get())[2] > far + 2

    run(main)


def test_when_the_bus_fails_those_here_have_the_message() -> None:
    class FailingBus(ToyBus):
        def publish(self, message: Message) -> None:
            raise ConnectionError("the bus is gone")

    async def main() -> None:
        topics, receiver = Topics(FailingBus(Hub())), FakeReceiver()
        topics["room"].subscribe(receiver)
        with pytest.raises(ConnectionError, match="the bus is gone"):
            topics["room"].publish("one")
        assert receiver.taken == ["one"]

    run(main)


def test_what_is_no_bus_is_refused() -> None:
    with pytest.raises(TypeError, match=r"a bus is a sketch\.topics\.Bus, got 5"):
        Topics().use(5)  # type: ignore[arg-type]
