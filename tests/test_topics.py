"""Topics: who gets what, which of them there are, and what they keep."""

import asyncio
import gc
import json
import logging
from contextvars import ContextVar
from typing import Any

import pytest

from sketch import topics as topics_module
from sketch.bus import Message
from sketch.topics import SlowSubscriberError, Topics, disconnect, drop_oldest, keep_latest
from tests.conformance.driver import settle
from tests.net.stage import run
from tests.receivers import EndingReceiver, FakeReceiver, Wrapper

# -- publishing and subscribing ----------------------------------------------------------------------------


def test_who_subscribes_gets_what_is_published() -> None:
    async def main() -> None:
        topics, first, second = Topics(), FakeReceiver(), FakeReceiver()
        topic = topics["room"]
        assert topic.publish("to nobody") == 0
        topic.subscribe(first)
        assert topic.publish("one") == 1
        topic.subscribe(second)
        assert topic.publish(b"two") == len(topic) == 2
        assert topic.publish_json({"three": 3}) == 2
        assert first.taken == ["one", b"two", json.dumps({"three": 3})]
        assert second.taken == first.taken[1:]
        assert topic.unsubscribe(first) is True
        assert topic.unsubscribe(first) is False
        assert topic.publish("four") == len(topic) == 1
        assert topics["elsewhere"].publish("five") == 0
        assert "four" not in first.taken and "five" not in second.taken

    run(main)


def test_all_get_the_same_object_so_that_it_is_encoded_once() -> None:
    async def main() -> None:
        seen: list[Any] = []

        class Recorder(FakeReceiver):
            def send_shared(self, message: Any) -> bool:
                seen.append(message)
                return True

        topic = Topics()["room"]
        topic.subscribe(Recorder()), topic.subscribe(Recorder())
        topic.publish("one")
        assert seen[0] is seen[1] and isinstance(seen[0], Message)

    run(main)


def test_a_subscription_is_a_block() -> None:
    async def main() -> None:
        topic, receiver = Topics()["room"], FakeReceiver()
        with topic.subscribe(receiver) as subscription:
            assert subscription.is_active and len(topic) == 1
            topic.publish("in")
        assert not subscription.is_active and len(topic) == 0
        async with topic.subscribe(receiver):
            topic.publish("in again")
        topic.publish("out")
        subscription.unsubscribe()
        assert receiver.taken == ["in", "in again"]

    run(main)


def test_a_receiver_subscribes_once() -> None:
    async def main() -> None:
        topic, receiver = Topics()["room"], FakeReceiver()
        first = topic.subscribe(receiver, policy=keep_latest())
        assert topic.subscribe(receiver) is first
        assert topic.publish("once") == 1
        assert receiver.taken == ["once"]
        first.unsubscribe()
        assert topic.subscribe(receiver) is not first

    run(main)


def test_what_has_a_stream_gets_it_through_that() -> None:
    async def main() -> None:
        topic, wrapper = Topics()["room"], Wrapper()
        topic.subscribe(wrapper)
        topic.publish("one")
        assert wrapper.stream.taken == ["one"]
        assert topic.unsubscribe(wrapper)

    run(main)


def test_who_is_gone_leaves_with_the_next_message() -> None:
    async def main() -> None:
        topics, receiver = Topics(), FakeReceiver()
        topic = topics["room"]
        subscription = topic.subscribe(receiver)
        receiver.leave()
        assert topic.publish("one") == len(topic) == len(topics) == 0
        assert not subscription.is_active

    run(main)


def test_who_says_when_it_ends_leaves_then() -> None:
    async def main() -> None:
        topics, receiver = Topics(), EndingReceiver()
        for _ in range(3):
            for name in ("room", "other", "left"):
                topics[name].subscribe(receiver)
            topics["left"].unsubscribe(receiver)
        assert len(receiver.at_end) == 1, "however often it subscribes"
        assert list(topics) == ["room", "other"]
        receiver.end()
        assert list(topics) == []
        late = topics["late"].subscribe(receiver)
        assert not late.is_active and list(topics) == []

    run(main)


def test_one_that_fails_holds_up_nobody(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(FakeReceiver):
        def send_shared(self, message: Any) -> bool:
            raise RuntimeError("broken")

    async def main() -> None:
        topic, failing, receiver = Topics()["room"], Failing(), FakeReceiver()
        topic.subscribe(failing)
        topic.subscribe(receiver)
        assert topic.publish("one") == len(topic) == 1
        assert receiver.taken == ["one"]

    run(main)
    (record,) = caplog.records
    assert record.getMessage() == "A subscriber of the topic 'room' failed"
    assert record.exc_info is not None


def test_what_cannot_be_published_or_subscribed() -> None:
    async def main() -> None:
        topics = Topics()
        with pytest.raises(TypeError, match="a message is str or bytes, got 5"):
            topics["room"].publish(5)  # type: ignore[arg-type]
        for receiver in (None, "ws", object()):
            with pytest.raises(TypeError, match="a receiver has send_shared"):
                topics["room"].subscribe(receiver)
        with pytest.raises(TypeError, match="policy="):
            topics["room"].subscribe(FakeReceiver(), policy=drop_oldest)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="the name of a topic is str, got 5"):
            topics[5]  # type: ignore[index]
        assert len(topics) == 0

    run(main)


# -- slow ones ---------------------------------------------------------------------------------------------


def test_one_that_is_slow_gets_the_rest_when_it_has_room_and_holds_up_nobody() -> None:
    async def main() -> None:
        topic, slow, quick = Topics()["room"], FakeReceiver(), FakeReceiver()
        subscription = topic.subscribe(slow)
        topic.subscribe(quick)
        slow.pause()
        for number in range(4):
            assert topic.publish(str(number)) == 2
        await settle()
        assert (slow.taken, quick.taken) == (["0"], ["0", "1", "2", "3"])
        assert subscription.waiting == 3
        slow.take_one()
        await settle()
        assert slow.taken == ["0", "1", "2", "3"][: len(slow.taken)]
        slow.resume()
        await settle()
        assert slow.taken == quick.taken
        topic.publish("4")
        assert slow.taken == quick.taken
        assert (subscription.waiting, subscription.dropped) == (0, 0)

    run(main)


def test_what_comes_while_it_catches_up_comes_in_order() -> None:
    async def main() -> None:
        topic, slow = Topics()["room"], FakeReceiver()
        topic.subscribe(slow)
        published = 0
        for step in range(200):
            if step % 7 == 0:
                slow.pause()
            elif step % 5 == 0:
                slow.resume()
            topic.publish(str(published))
            published += 1
            await asyncio.sleep(0)
        slow.resume()
        await settle()
        assert slow.taken == [str(number) for number in range(published)]

    run(main)


def test_the_oldest_are_dropped() -> None:
    async def main() -> None:
        topic, slow = Topics()["room"], FakeReceiver()
        subscription = topic.subscribe(slow, policy=drop_oldest(2))
        slow.pause()
        for number in range(6):
            topic.publish(str(number))
        slow.resume()
        await settle()
        assert slow.taken == ["0", "4", "5"]
        assert subscription.dropped == 3
        slow.pause()
        for number in range(6, 10):
            topic.publish(str(number))
        slow.resume()
        await settle()
        assert slow.taken == ["0", "4", "5", "6", "8", "9"]
        assert subscription.dropped == 4

    run(main)


def test_the_latest_is_kept() -> None:
    async def main() -> None:
        topic, slow = Topics()["room"], FakeReceiver()
        topic.subscribe(slow, policy=keep_latest())
        slow.pause()
        for number in range(6):
            topic.publish(str(number))
        slow.resume()
        await settle()
        assert slow.taken == ["0", "5"]

    run(main)


def test_too_slow_is_disconnected(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        topic, slow, quick = Topics()["room"], FakeReceiver(), FakeReceiver()
        subscription = topic.subscribe(slow, policy=disconnect(1000))
        topic.subscribe(quick, policy=disconnect(1000))
        slow.pause()
        counts = [topic.publish("x" * 400) for _ in range(5)]
        assert counts == [2, 2, 2, 1, 1]
        assert slow.closed == (1013, "too slow: more than 1000 bytes were waiting")
        assert (len(topic), subscription.is_active, subscription.waiting) == (1, False, 0)
        assert len(quick.taken) == 5

    with caplog.at_level(logging.INFO):
        run(main)
    (record,) = caplog.records
    assert record.levelno == logging.INFO and "is disconnected: too slow" in record.getMessage()


def test_who_leaves_while_it_is_slow_is_forgotten() -> None:
    async def main() -> None:
        for end in ("leave", "unsubscribe"):
            topic, slow = Topics()["room"], FakeReceiver()
            subscription = topic.subscribe(slow)
            slow.pause()
            topic.publish("one"), topic.publish("two")
            await settle()
            if end == "leave":
                slow.leave()
            else:
                subscription.unsubscribe()
            await settle()
            assert (len(topic), subscription.waiting, slow.taken) == (0, 0, ["one"])

    run(main)


def test_one_that_fails_while_it_catches_up(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(FakeReceiver):
        async def drain(self) -> None:
            raise RuntimeError("broken")

    async def main() -> None:
        topic, failing = Topics()["room"], Failing()
        topic.subscribe(failing)
        failing.pause()
        topic.publish("one")
        await settle()
        assert len(topic) == 0

    run(main)
    assert [record.getMessage() for record in caplog.records] == ["A subscriber of the topic 'room' failed"]


def test_catching_up_is_nothing_of_the_publisher_s() -> None:
    variable: ContextVar[str] = ContextVar("variable", default="nobody's")
    seen: list[str] = []

    class Looking(FakeReceiver):
        async def drain(self) -> None:
            seen.append(variable.get())

    async def main() -> None:
        topic, slow = Topics()["room"], Looking()
        topic.subscribe(slow)
        slow.pause()
        variable.set("the publisher's")
        topic.publish("one")
        await settle()
        assert seen == ["nobody's"]

    run(main)


# -- listening ---------------------------------------------------------------------------------------------


def test_a_program_listens() -> None:
    async def main() -> None:
        topic = Topics()["room"]
        heard: list[Any] = []

        async def listen() -> None:
            async for message in topic.listen():
                assert (message.topic, message.id > 0) == ("room", True)
                heard.append(message.data)
                if message.data == "end":
                    break

        task = asyncio.create_task(listen())
        await settle()
        assert topic.publish("one") == 1
        await settle()
        assert heard == ["one"]
        topic.publish(b"two"), topic.publish("end"), topic.publish("too late")
        await task
        del task
        await settle()
        assert heard == ["one", b"two", "end"]
        assert len(topic) == 0, "it is not referred to any more"

    run(main)


def test_it_listens_from_the_call_on_and_until_it_is_told() -> None:
    async def main() -> None:
        topic = Topics()["room"]
        listener = topic.listen()
        topic.publish("one"), topic.publish("two")
        assert listener.waiting == 2
        assert (await anext(listener)).data == "one"
        listener.unsubscribe()
        assert (len(topic), listener.waiting) == (0, 0)
        assert [message async for message in listener] == []
        with topic.listen() as listener:
            assert len(topic) == 1
        assert len(topic) == 0

    run(main)


def test_unsubscribing_ends_the_waiting_and_cancelling_loses_nothing() -> None:
    async def main() -> None:
        topic = Topics()["room"]
        listener = topic.listen()
        waiting = asyncio.ensure_future(anext(listener))
        await settle()
        topic.publish("one")
        waiting.cancel()
        await settle()
        assert (await anext(listener)).data == "one"
        waiting = asyncio.ensure_future(anext(listener))
        await settle()
        listener.unsubscribe()
        with pytest.raises(StopAsyncIteration):
            await waiting

    run(main)


def test_a_listener_in_a_circle_is_collected_in_any_thread() -> None:
    async def main() -> None:
        topic = Topics()["room"]
        circle: list[Any] = [topic.listen()]
        circle.append(circle)
        del circle
        assert len(topic) == 1
        await asyncio.to_thread(gc.collect)
        await settle()
        assert len(topic) == 0

    run(main)


def test_listeners_are_slow_subscribers_too() -> None:
    async def main() -> None:
        topic = Topics()["room"]
        patient, latest, strict = (
            topic.listen(policy=policy) for policy in (drop_oldest(2), keep_latest(), disconnect(300))
        )
        for number in range(6):
            topic.publish(f"{number} {'x' * 100}")
        assert topic.publish("6") == 2
        assert (patient.dropped, latest.dropped) == (5, 6)
        patient.unsubscribe()
        latest.unsubscribe()
        with pytest.raises(SlowSubscriberError, match="more than 300 bytes"):
            await anext(strict)
        with pytest.raises(SlowSubscriberError):
            await anext(strict)
        strict.unsubscribe()
        assert strict.waiting == 0

    run(main)


# -- which there are ---------------------------------------------------------------------------------------


def test_a_topic_that_nobody_subscribes_to_takes_no_memory() -> None:
    async def main() -> None:
        topics = Topics()
        for number in range(1000):
            topics[f"from a client {number}"].publish("hello")
        assert len(topics) == len(topics._topics) == 0
        held = topics["held"]
        assert topics["held"] is held and "held" not in topics
        receiver = FakeReceiver()
        topics["room"].subscribe(receiver)
        assert topics["room"] is topics["room"]
        assert (list(topics), "room" in topics, len(topics)) == (["room"], True, 1)
        topics["room"].unsubscribe(receiver)
        assert list(topics) == [] and list(topics._topics) == ["held"]

    run(main)


def test_both_are_true_also_when_they_are_empty() -> None:
    assert Topics() and Topics()["room"]


# -- ids and history ---------------------------------------------------------------------------------------


def test_ids_grow_also_over_the_end_of_a_topic_and_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        topics = Topics()
        listeners = [topics[name].listen() for name in ("a", "b")]
        for name in ("a", "b", "a", "b"):
            topics[name].publish("")
        seen = [(await anext(listeners[index % 2])).id for index in range(4)]
        assert seen == sorted(set(seen))
        assert Topics().next_id() >= seen[-1]
        # Of a clock that is set back, and one that stands still, nobody notices anything.
        monkeypatch.setattr("time.time_ns", lambda: 0)
        assert topics.next_id() > seen[-1]
        for listener in listeners:
            listener.unsubscribe()

    run(main)


def test_history() -> None:
    topics = Topics()
    topic = topics["room"]
    topic.publish("not kept")
    assert topic.history() == []
    assert topic.keep(3) is topic
    assert topic.is_kept
    for number in range(5):
        topic.publish(str(number))
    kept = topic.history()
    assert [message.data for message in kept] == ["2", "3", "4"]
    assert [message.data for message in topic.history(kept[0].id)] == ["3", "4"]
    assert topic.history(kept[-1].id) == []
    assert topic.history(1) == kept, "what is not known any more"
    assert topic.history(kept[-1].id + 1) == [], "what is not known yet"
    topic.keep(2)
    assert [message.data for message in topic.history()] == ["3", "4"]
    topic.keep(0)
    assert topic.history() == [] and not topic.is_kept


def test_history_loses_nothing_that_came_in_another_order() -> None:
    topics = Topics()
    topic = topics["room"].keep(10)
    for id in (5, 9, 7, 8):
        topic.deliver(Message("room", str(id), id=id, origin="elsewhere"))
    assert [message.id for message in topic.history(9)] == [7, 8]
    assert [message.id for message in topic.history(7)] == [9, 8]
    assert [message.id for message in topic.history(6)] == [9, 7, 8]


def test_a_topic_with_a_history_stays() -> None:
    topics = Topics()
    topics["room"].keep(3)
    topics["room"].publish("one")
    assert list(topics) == ["room"]
    assert len(topics["room"].history()) == 1
    topics["room"].keep(0)
    assert list(topics) == []


def test_of_topics_that_only_have_a_history_there_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monkeypatch.setattr(topics_module, "MOST_UNHEARD", 3)
        topics, receiver = Topics(), FakeReceiver()
        topics["heard"].keep(5).subscribe(receiver)
        for number in range(5):
            topics[str(number)].keep(5)
        assert list(topics) == ["heard", "2", "3", "4"]
        topics["2"].subscribe(receiver)
        topics["5"].keep(5)
        assert list(topics) == ["heard", "2", "3", "4", "5"]
        topics["heard"].unsubscribe(receiver)
        assert list(topics) == ["2", "4", "5", "heard"]
        assert len(topics._topics) == 4

    run(main)


def test_a_listener_begins_with_what_it_asks_for() -> None:
    async def main() -> None:
        topic = Topics()["room"].keep(10)
        for number in range(4):
            topic.publish(str(number))
        second = topic.history()[1].id
        listeners = [topic.listen(after=after, policy=keep_latest()) for after in (None, 0, second)]
        topic.publish("4")
        for listener, expected in zip(listeners, ["4", "01234", "234"], strict=True):
            assert [(await anext(listener)).data for _ in expected] == list(expected)
            assert listener.waiting == 0
            listener.unsubscribe()

    run(main)


@pytest.mark.parametrize("number", ["5", 1.5, True, None])
def test_what_is_kept_is_a_number(number: Any) -> None:
    with pytest.raises(TypeError, match=r"keep\(.*\): write a number of messages"):
        Topics()["room"].keep(number)
    with pytest.raises(ValueError, match=r"keep\(-1\): write 0 or more messages"):
        Topics()["room"].keep(-1)
