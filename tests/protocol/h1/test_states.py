"""The engine's states: what may happen in each, as a table, and what the answers make of the connection."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from sketch.http.errors import LocalProtocolError, RemoteProtocolError
from sketch.http.heads import HttpVersion10, ResponseHead
from sketch.protocol.h1.connection import H1Engine, Reading, Writing
from tests.protocol.h1.corpus import get, head, old, post
from tests.protocol.h1.transcript import AUTOMATIC, OK, engine_with


def fresh() -> H1Engine:
    return engine_with()


def second_cycle() -> H1Engine:
    engine = engine_with(get().wire)
    engine.respond(OK, b"", AUTOMATIC)
    engine.next_cycle()
    return engine


def in_body() -> H1Engine:
    return engine_with(post(b"Content-Length: 5", body=b"ab"))


def complete() -> H1Engine:
    return engine_with(get().wire)


def answering(engine: H1Engine) -> H1Engine:
    engine.start(OK, 5, AUTOMATIC)
    return engine


def answered(engine: H1Engine) -> H1Engine:
    engine.respond(OK, b"", AUTOMATIC)
    return engine


def closing() -> H1Engine:
    return answered(engine_with(get(b"Connection: close").wire))


def asking() -> H1Engine:
    return engine_with(get(b"Connection: upgrade", b"Upgrade: echo").wire)


def asking_in_body() -> H1Engine:
    fields = (b"Content-Length: 5", b"Connection: upgrade", b"Upgrade: echo")
    return engine_with(post(*fields, body=b"ab"))


def taken_over() -> H1Engine:
    engine = asking()
    engine.take_over(SWITCH, AUTOMATIC)
    return engine


def broken(engine: H1Engine) -> H1Engine:
    with pytest.raises(RemoteProtocolError):
        engine.receive_end()
    return engine


def refused(engine: H1Engine) -> H1Engine:
    with pytest.raises(RemoteProtocolError):
        engine.receive_head(b"GET\r\n\r\n")
    return engine


def told(engine: H1Engine) -> H1Engine:
    engine.answer_refusal(ResponseHead(400, "Bad Request"), b"", AUTOMATIC)
    return engine


def closed() -> H1Engine:
    engine = in_body()
    engine.close()
    return engine


SWITCH = ResponseHead(101, "Switching Protocols", (("Upgrade", "echo"),))

ACTIONS: dict[str, Callable[[H1Engine], object]] = {
    "receive_head": lambda engine: engine.receive_head(b"GET / HT"),
    "receive_body": lambda engine: engine.receive_body(b"c"),
    "hold": lambda engine: engine.hold(b"GET"),
    "receive_end": lambda engine: engine.receive_end(),
    "invite_body": lambda engine: engine.invite_body(),
    "inform": lambda engine: engine.inform(ResponseHead(103, "Early Hints")),
    "respond": lambda engine: engine.respond(OK, b"hello", AUTOMATIC),
    "respond, closing": lambda engine: engine.respond(
        ResponseHead(200, "OK", (("Connection", "close"),)), b"hello", AUTOMATIC
    ),
    "start": lambda engine: engine.start(OK, None, AUTOMATIC),
    "send": lambda engine: engine.send(b"hello"),
    "finish": lambda engine: engine.finish(()),
    "take_over": lambda engine: engine.take_over(SWITCH, AUTOMATIC),
    "next_cycle": lambda engine: engine.next_cycle(),
    "close": lambda engine: engine.close(),
    "answer_refusal": lambda engine: engine.answer_refusal(ResponseHead(408, "Timeout"), b"", AUTOMATIC),
}

ALWAYS = {"hold", "receive_end", "invite_body", "close"}
ANSWER = {"inform", "respond", "respond, closing", "start", "answer_refusal"}


class State(NamedTuple):
    make: Callable[[], H1Engine]
    reading: Reading
    writing: Writing
    legal: set[str]


STATES = {
    "fresh": State(fresh, Reading.HEAD, Writing.IDLE, {"receive_head", "answer_refusal"}),
    "second cycle": State(second_cycle, Reading.HEAD, Writing.IDLE, {"receive_head", "answer_refusal"}),
    "in body": State(in_body, Reading.BODY, Writing.IDLE, {"receive_body"} | ANSWER),
    "in body, answering": State(
        lambda: answering(in_body()), Reading.BODY, Writing.BODY, {"receive_body", "send"}
    ),
    "in body, answered": State(
        lambda: answered(in_body()), Reading.BODY, Writing.COMPLETE, {"receive_body"}
    ),
    "complete": State(complete, Reading.COMPLETE, Writing.IDLE, ANSWER),
    "asking": State(asking, Reading.COMPLETE, Writing.IDLE, {"take_over"} | ANSWER),
    "asking, in body": State(asking_in_body, Reading.BODY, Writing.IDLE, {"receive_body"} | ANSWER),
    "asking, answered": State(
        lambda: answered(asking()), Reading.COMPLETE, Writing.COMPLETE, {"next_cycle"}
    ),
    "taken over": State(taken_over, Reading.CLOSED, Writing.COMPLETE, set()),
    "answering": State(lambda: answering(complete()), Reading.COMPLETE, Writing.BODY, {"send"}),
    "answered": State(
        lambda: answered(complete()), Reading.COMPLETE, Writing.COMPLETE, {"next_cycle"}
    ),
    "answered, the last": State(closing, Reading.COMPLETE, Writing.COMPLETE, set()),
    "no request": State(lambda: refused(fresh()), Reading.CLOSED, Writing.IDLE, {"answer_refusal"}),
    "no second request": State(
        lambda: refused(second_cycle()), Reading.CLOSED, Writing.IDLE, {"answer_refusal"}
    ),
    "no request, answered": State(lambda: told(refused(fresh())), Reading.CLOSED, Writing.COMPLETE, set()),
    "too slow, answered": State(lambda: told(fresh()), Reading.CLOSED, Writing.COMPLETE, set()),
    "broken body": State(lambda: broken(in_body()), Reading.CLOSED, Writing.IDLE, ANSWER),
    "broken body, answering": State(
        lambda: broken(answering(in_body())), Reading.CLOSED, Writing.BODY, {"send"}
    ),
    "broken body, answered": State(
        lambda: broken(answered(in_body())), Reading.CLOSED, Writing.COMPLETE, set()
    ),
    "closed": State(closed, Reading.CLOSED, Writing.CLOSED, set()),
}  # fmt: skip

# What an action that is legal makes of the state; None: it stays.
AFTER: dict[str, tuple[Reading | None, Writing | None]] = {
    "inform": (None, None),
    "respond": (None, Writing.COMPLETE),
    "respond, closing": (None, Writing.COMPLETE),
    "start": (None, Writing.BODY),
    "send": (None, None),
    "take_over": (Reading.CLOSED, Writing.COMPLETE),
    "next_cycle": (Reading.HEAD, Writing.IDLE),
    "close": (Reading.CLOSED, Writing.CLOSED),
    "answer_refusal": (Reading.CLOSED, Writing.COMPLETE),
    "receive_head": (None, None),
    "receive_body": (None, None),
    "hold": (None, None),
    "invite_body": (None, None),
}


def state_of(engine: H1Engine) -> dict[str, object]:
    parts = {name: getattr(engine, name) for name in H1Engine.__slots__}
    parts["unread"] = bytes(parts["unread"])
    parts["_body"] = repr(parts["_body"])
    return parts


@pytest.mark.parametrize("name", STATES)
def test_the_states_are_what_they_are_called(name: str) -> None:
    engine = STATES[name].make()
    assert (engine.reading, engine.writing) == (STATES[name].reading, STATES[name].writing)
    assert engine.can_continue is (name in ("answered", "asking, answered"))
    assert engine.can_take_over is (name == "asking")


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("name", STATES)
def test_every_action_in_every_state(name: str, action: str) -> None:
    state = STATES[name]
    engine = state.make()
    before = state_of(engine)
    if action == "receive_end" and state.reading is Reading.BODY:
        with pytest.raises(RemoteProtocolError, match="middle of the body"):
            ACTIONS[action](engine)
        assert engine.reading is Reading.CLOSED
    elif action == "next_cycle" and action not in state.legal:
        assert engine.next_cycle() is False
        assert state_of(engine) == before
    elif action in state.legal | ALWAYS:
        ACTIONS[action](engine)
        reading, writing = AFTER.get(action, (None, None))
        assert engine.reading is (reading or state.reading)
        assert engine.writing is (writing or state.writing)
    else:
        with pytest.raises(LocalProtocolError):
            ACTIONS[action](engine)
        assert state_of(engine) == before


def test_the_states_are_all_there_are() -> None:
    """Every pair that can be reached is in the table; the others cannot be reached by any legal action."""
    pairs = {(state.reading, state.writing) for state in STATES.values()}
    for state in STATES.values():
        for action in state.legal | ALWAYS:
            engine = state.make()
            try:
                ACTIONS[action](engine)
            except RemoteProtocolError:
                assert state.reading is Reading.BODY
            assert (engine.reading, engine.writing) in pairs


# -- keeping the connection ------------------------------------------------------------------------------


def test_the_next_request_begins_with_what_was_held() -> None:
    engine = engine_with(get().wire + b"GET /2 ")
    engine.hold(b"HTTP/1.1\r\nHost: a\r\n\r\n")
    assert engine.held == len("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answered(engine).next_cycle()
    second = engine.receive_head(b"")
    assert second is not None
    assert second.target == "/2"
    assert engine.held == 0


def test_an_answer_may_close_the_connection() -> None:
    for value, closes in [("close", True), ("x, Close", True), ("x-close", False), ("upgrade", False)]:
        engine = engine_with(get().wire)
        engine.respond(ResponseHead(200, "OK", (("Connection", value),)), b"", AUTOMATIC)
        assert engine.keep_alive is not closes


def test_one_of_several_connection_fields_may_close_the_connection() -> None:
    engine = engine_with(get().wire)
    fields = (("Connection", "close"), ("Connection", "x"))
    engine.respond(ResponseHead(200, "OK", fields), b"", AUTOMATIC)
    assert not engine.keep_alive


def test_a_stream_to_http_1_0_ends_with_the_connection() -> None:
    engine = engine_with(old(b"Connection: keep-alive", keep_alive=True).wire)
    assert b"Connection: keep-alive" not in engine.start(OK, None, AUTOMATIC)
    assert not engine.keep_alive
    assert engine.send(b"abc") == (b"abc",)
    assert engine.finish(()) == b""


def test_an_answer_that_failed_changes_nothing() -> None:
    wrong = ResponseHead(200, "OK", (("Connection", "close"), ("Content-Length", "5")))
    engine = engine_with(get().wire)
    before = state_of(engine)
    with pytest.raises(LocalProtocolError):
        engine.respond(wrong, b"abc", AUTOMATIC)
    with pytest.raises(LocalProtocolError):
        engine.respond(ResponseHead(100, "Continue"), b"", AUTOMATIC)
    with pytest.raises(ValueError, match="X y"):
        engine.respond(ResponseHead(200, "OK", (("X y", "z"),)), b"", AUTOMATIC)
    with pytest.raises(ValueError, match="X y"):
        engine.start(ResponseHead(200, "OK", (("X y", "z"),)), None, AUTOMATIC)
    with pytest.raises(TypeError):
        OK.encode()
        engine.respond(OK, None, AUTOMATIC)  # type: ignore[arg-type]
    assert state_of(engine) == before


def test_a_piece_that_is_too_long_changes_nothing() -> None:
    engine = answering(complete())
    engine.send(b"abc")
    before = state_of(engine)
    with pytest.raises(LocalProtocolError, match="declares 5 bytes"):
        engine.send(b"def")
    assert state_of(engine) == before
    engine.send(b"de")
    with pytest.raises(LocalProtocolError, match="declares 5 bytes"):
        engine.send(b"f")
    assert engine.finish(()) == b""


def test_a_body_that_is_too_short_cannot_be_finished() -> None:
    engine = answering(complete())
    engine.send(b"abcd")
    with pytest.raises(LocalProtocolError, match="only 4"):
        engine.finish(())
    assert engine.writing is Writing.BODY


def test_trailers_that_cannot_be_sent_change_nothing() -> None:
    engine = complete()
    engine.start(OK, None, AUTOMATIC)
    with pytest.raises(ValueError, match="a b"):
        engine.finish([("a b", "c")])
    assert engine.writing is Writing.BODY
    assert engine.finish(iter([("A", "b")])) == b"0\r\nA: b\r\n\r\n"


@pytest.mark.parametrize("make", [list, tuple, iter])
def test_no_trailers_are_no_trailers(make: Callable[[list[tuple[str, str]]], Any]) -> None:
    engine = complete()
    engine.start(OK, None, AUTOMATIC)
    assert engine.finish(make([])) == b"0\r\n\r\n"


# -- expectations ----------------------------------------------------------------------------------------


def expecting() -> H1Engine:
    return engine_with(post(b"Content-Length: 3", b"Expect: 100-continue"))


def test_a_body_is_invited_once() -> None:
    engine = expecting()
    assert engine.awaits_continue
    assert engine.invite_body() == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert not engine.awaits_continue
    assert engine.invite_body() == b""
    engine.respond(OK, b"", AUTOMATIC)
    assert engine.keep_alive


def test_a_body_that_comes_is_not_invited() -> None:
    engine = expecting()
    assert engine.receive_body(b"a") == [b"a"]
    assert engine.invite_body() == b""


def test_a_body_is_not_invited_after_the_answer() -> None:
    engine = expecting()
    engine.start(OK, 0, AUTOMATIC)
    assert engine.invite_body() == b""


def test_a_handler_may_invite_the_body_itself() -> None:
    engine = expecting()
    assert engine.inform(ResponseHead(100, "Continue")) == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert engine.invite_body() == b""
    engine.respond(OK, b"", AUTOMATIC)
    assert engine.keep_alive


def test_other_interim_answers_invite_nothing() -> None:
    engine = expecting()
    engine.inform(ResponseHead(102, "Processing"))
    assert engine.awaits_continue


def test_an_answer_without_the_body_closes_the_connection() -> None:
    engine = expecting()
    assert b"\r\nConnection: close\r\n" in engine.respond(OK, b"", AUTOMATIC)
    assert not engine.keep_alive


@pytest.mark.parametrize(
    "fields",
    [(b"Expect: 200-ok",), (b"Expect: 100-continue, x",), (b"Expect: 100-continue", b"Expect: 100-continue")],
)
def test_other_expectations_are_not_waited_for(fields: tuple[bytes, ...]) -> None:
    assert not engine_with(post(b"Content-Length: 3", *fields)).awaits_continue


def test_http_1_0_knows_no_expectations_and_no_interim_answers() -> None:
    engine = engine_with(head(b"POST / HTTP/1.0", b"Content-Length: 3", b"Expect: 100-continue"))
    assert not engine.awaits_continue
    assert engine.inform(ResponseHead(103, "Early Hints")) == b""


@pytest.mark.parametrize("status", [101, 200, 99])
def test_only_interim_answers_inform(status: int) -> None:
    with pytest.raises(LocalProtocolError, match="interim"):
        complete().inform(ResponseHead(status, ""))


def test_the_version_of_an_old_request_is_kept() -> None:
    request = engine_with().receive_head(old(keep_alive=False).wire)
    assert request is not None
    assert request.version is HttpVersion10
