"""Content codings, on the way out: bytes go in as they are made, and come out encoded (RFC 9110, section
8.4.1).

It does not know what is encoded, who asked for it, or in which thread it runs. An encoder is for one body,
and for one thread at a time."""

from collections.abc import Callable
from typing import Any, Final, Protocol

from . import codecs
from .exchange import Bytes

DEFAULT_LEVELS: Final = {"gzip": 6, "deflate": 6, "br": 4, "zstd": 3}
"""For content that is made as it is asked for. The highest ones take up to a hundred times as long."""

LEVELS: Final = {"gzip": range(10), "deflate": range(10), "br": range(12), "zstd": range(1, 20)}
"""What each coding has. Above 19, Zstandard uses a larger window than clients allow (RFC 9659)."""

# 256 KiB. An encoder holds four times as much, as long as its stream stays open; most that repeats on a page
# repeats within them.
_WINDOW_BITS: Final = 18


class Encoder(Protocol):
    """One body on its way out."""

    def encode(self, data: Bytes) -> bytes:
        """Take the next bytes. Returns what is ready of them, which may be nothing for a long while."""

    def flush(self) -> bytes:
        """What is needed to decode all that was taken so far."""

    def finish(self) -> bytes:
        """The end of the body. Nothing may be called after it."""


class _Zlib:
    def __init__(self, window: int, level: int, strategy: int | None) -> None:
        self._zlib = codecs.zlib
        options = {} if strategy is None else {"strategy": strategy}
        self._deflate: Any = self._zlib.compressobj(level=level, wbits=window, **options)

    def encode(self, data: Bytes) -> bytes:
        encoded: bytes = self._deflate.compress(data)
        return encoded

    def flush(self) -> bytes:
        encoded: bytes = self._deflate.flush(self._zlib.Z_SYNC_FLUSH)
        return encoded

    def finish(self) -> bytes:
        encoded: bytes = self._deflate.flush(self._zlib.Z_FINISH)
        return encoded


class _Brotli:
    def __init__(self, level: int) -> None:
        brotli = codecs.brotli.Compressor(quality=level, lgwin=_WINDOW_BITS)
        self.encode: Callable[[Bytes], bytes] = brotli.process
        self.flush: Callable[[], bytes] = brotli.flush
        self.finish: Callable[[], bytes] = brotli.finish


class _Zstandard:
    def __init__(self, level: int) -> None:
        parameter = codecs.zstd.CompressionParameter
        options = {parameter.compression_level: level, parameter.window_log: _WINDOW_BITS}
        self._zstd: Any = codecs.zstd.ZstdCompressor(options=options)

    def encode(self, data: Bytes) -> bytes:
        encoded: bytes = self._zstd.compress(data)
        return encoded

    def flush(self) -> bytes:
        encoded: bytes = self._zstd.flush(self._zstd.FLUSH_BLOCK)
        return encoded

    def finish(self) -> bytes:
        encoded: bytes = self._zstd.flush(self._zstd.FLUSH_FRAME)
        return encoded


def make_encoder(coding: str, level: int | None = None, strategy: int | None = None) -> Encoder:
    """An encoder for one body.

    ``coding``
        one of `codecs.AVAILABLE`.
    ``level``
        one of the coding's `LEVELS`; ``None`` for the one in `DEFAULT_LEVELS`.
    ``strategy``
        zlib's (``zlib.Z_FILTERED``, ...); the other codings have none.

    Raises `ValueError`, with the remedy, for a coding that is not there."""
    check_coding(coding)
    if level is None:
        level = DEFAULT_LEVELS[coding]
    if coding == "br":
        return _Brotli(level)
    if coding == "zstd":
        return _Zstandard(level)
    # RFC 1952, and the zlib format of RFC 1950, which is what the coding "deflate" means (section 8.4.1.2).
    return _Zlib(31 if coding == "gzip" else 15, level, strategy)


def check_coding(coding: str) -> None:
    """Raises `ValueError`, with the remedy, for a coding that nothing can be encoded in."""
    if coding not in codecs.AVAILABLE:
        remedy = codecs.REMEDY if coding in LEVELS else f"use one of {', '.join(codecs.AVAILABLE)}"
        raise ValueError(f"the content coding {coding!r} is not available here: {remedy}")
