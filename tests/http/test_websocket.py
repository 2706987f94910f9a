"""The values that cross the seam of WebSockets."""

from collections.abc import Callable
from typing import Any

import pytest

from sketch.http.websocket import SharedMessage, WSMsgType


@pytest.mark.parametrize("make", [bytearray, lambda data: memoryview(bytearray(data))])
def test_a_shared_message_does_not_change(make: Callable[[bytes], Any]) -> None:
    data = make(b"one")
    message = SharedMessage(data)
    data[:] = b"two"
    assert (message.opcode, message.data, message.payload) == (WSMsgType.BINARY, b"one", b"one")


def test_a_shared_text() -> None:
    message = SharedMessage("\u00e9")
    assert (message.opcode, message.data, message.payload) == (WSMsgType.TEXT, "\u00e9", b"\xc3\xa9")


@pytest.mark.parametrize("data", [None, 5, ["a"], {"a": 1}])
def test_what_is_no_message(data: object) -> None:
    with pytest.raises(TypeError, match="encode it first"):
        SharedMessage(data)  # type: ignore[arg-type]
