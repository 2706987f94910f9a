"""A body as aiohttp's client has it: what a program that passes on a response, or reads its parts, holds."""

from typing import Any

import aiohttp


class _Connection:
    """What a reader tells that it has enough."""

    _reading_paused = False

    def pause_reading(self) -> None:
        pass

    def resume_reading(self, **options: Any) -> None:
        pass


def client_reader(data: bytes) -> aiohttp.StreamReader:
    """A reader into which a whole body has come."""
    reader = aiohttp.StreamReader(_Connection(), 2**16)  # type: ignore[arg-type]
    reader.feed_data(data)
    reader.feed_eof()
    return reader
