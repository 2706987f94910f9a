"""The content codings by other means than ours: the libraries' own functions for whole bodies."""

import gzip
import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Any

from sketch.http.coding import read_codings

brotli: Any = import_module("brotli")
zstd: Any = import_module("backports.zstd")

ENCODE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "deflate": zlib.compress,
    "br": lambda data: bytes(brotli.compress(data, quality=5)),
    "zstd": lambda data: bytes(zstd.compress(data)),
}

DECODE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "br": lambda data: bytes(brotli.decompress(data)),
    "zstd": lambda data: bytes(zstd.decompress(data)),
}


def decode(content_encoding: str | None, data: bytes) -> bytes:
    """What a whole body says."""
    for coding in reversed(read_codings([content_encoding or ""])):
        data = DECODE[coding](data)
    return data


def encode(content_encoding: str, data: bytes) -> bytes:
    """A whole body in these codings."""
    for coding in read_codings([content_encoding]):
        data = ENCODE[coding](data)
    return data


def deflate_bare(data: bytes) -> bytes:
    """Without the frame of the zlib format."""
    deflate = zlib.compressobj(wbits=-15)
    return deflate.compress(data) + deflate.flush()


def decode_so_far(coding: str, data: bytes) -> bytes:
    """What the beginning of a body says."""
    if coding == "br":
        return bytes(brotli.Decompressor().process(data))
    if coding == "zstd":
        return bytes(zstd.ZstdDecompressor().decompress(data))
    return zlib.decompressobj(31 if coding == "gzip" else 15).decompress(data)
