"""A slice of the soak of frames, in every run of the tests; and that the soak would notice."""

from collections import Counter

import pytest

from sketch.http.websocket import WebSocketError, WSMessage
from sketch.protocol.ws import connection, frames
from sketch.protocol.ws.assembly import Assembly
from sketch.protocol.ws.connection import WebSocketEngine
from tests.fuzz import soak
from tests.fuzz.framecheck import CODES, Checker
from tests.fuzz.framemutator import (
    BYTE_MUTATIONS,
    MUTATIONS,
    ByteMutation,
    Frame,
    Mutation,
    make_stream,
)
from tests.fuzz.mutator import random_for
from tests.protocol.ws.building import frame


def test_a_series_follows_from_its_seed() -> None:
    series = [make_stream(1, number) for number in range(100)]
    assert [make_stream(1, number) for number in range(100)] == series
    assert [make_stream(2, number) for number in range(100)] != series


@pytest.mark.parametrize("mutate", {mutate.__name__: mutate for mutate in MUTATIONS}.values())
def test_each_mutation_of_frames_changes_something(mutate: Mutation) -> None:
    right = [Frame(1, b"hello", fin=False), Frame(0, b" world"), Frame(8, b"\x03\xe8")]
    results = {
        b"".join(each.encode() for each in mutate(random_for(1, number), right)) for number in range(200)
    }
    assert len(results) > 4


@pytest.mark.parametrize("mutate", BYTE_MUTATIONS)
@pytest.mark.parametrize("data", [b"", b"x", frame(1, b"hello")])
def test_each_mutation_takes_any_bytes_and_changes_something(mutate: ByteMutation, data: bytes) -> None:
    results = {mutate(random_for(1, number), data) for number in range(200)}
    assert len(results) > 4 or len(data) < 2


@pytest.mark.parametrize(("opcode", "payload", "rsv"), [(1, b"hello", 0), (2, b"x" * 126, 4), (10, b"", 0)])
def test_a_frame_is_encoded_as_the_builder_does_it(opcode: int, payload: bytes, rsv: int) -> None:
    assert Frame(opcode, payload, rsv=rsv).encode() == frame(opcode, payload, rsv=rsv, key=b"mask")
    assert Frame(opcode, payload, rsv=rsv, key=None).encode() == frame(opcode, payload, rsv=rsv, key=None)


def test_any_bytes_end_in_messages_or_a_close_code() -> None:
    checker = Checker()
    codes = Counter(checker.check(20260728, number) for number in range(6000))
    # The mutations are neither too coarse to get into a message nor too fine to break anything.
    assert codes.keys() == {None, *CODES}
    assert min(codes.values()) > 400
    assert codes[None] > 1500


def test_the_soak_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert soak.main(["--series", "frames", "--count", "300", "--seed", "7"]) == 0
    assert "300 inputs" in capsys.readouterr().out


def test_the_soak_notices_other_exceptions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def read_badly(payload: bytes) -> tuple[int, str]:
        return int.from_bytes(payload[:2], "big"), payload[2:].decode()

    monkeypatch.setattr(connection, "read_close", read_badly)
    assert soak.main(["--series", "frames", "--count", "3000", "--seed", "7"]) == 1
    printed = capsys.readouterr().out
    assert "--series frames --seed 7" in printed
    assert "Stream(data=" in printed


def test_the_soak_notices_a_wrong_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "PROTOCOL_ERROR", frames.INVALID_TEXT)
    assert soak.main(["--series", "frames", "--count", "3000", "--seed", "7"]) == 1


def test_the_soak_notices_a_difference_between_whole_and_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    finish = Assembly.finish

    def finish_badly(self: Assembly) -> WSMessage:
        message = finish(self)
        return message._replace(data=message.data[:-1]) if self.size == 5 else message

    monkeypatch.setattr(Assembly, "finish", finish_badly)
    assert soak.main(["--series", "frames", "--count", "3000", "--seed", "7"]) == 1


def test_the_soak_notices_what_goes_on_after_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_badly(
        self: WebSocketEngine, error: WebSocketError, messages: list[WSMessage]
    ) -> list[WSMessage]:
        self.failure = error
        return messages

    monkeypatch.setattr(WebSocketEngine, "_fail", fail_badly)
    assert soak.main(["--series", "frames", "--count", "3000", "--seed", "7"]) == 1
