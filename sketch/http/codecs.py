"""The libraries behind the content codings, and which of them are there.

The one place that knows that Brotli and Zstandard are optional. It is loaded by whoever first encodes or
decodes something, so that a program that never does pays for none of them."""

import sys
import zlib as standard_zlib
from importlib import import_module
from typing import Any, Final

brotli: Any
"""Google's ``Brotli``; ``None`` where it is not installed, or too old to bound what it unfolds."""

zstd: Any
"""``compression.zstd`` of Python 3.14, or its backport; ``None`` where neither is there."""

try:
    brotli = import_module("brotli")
    if not hasattr(brotli.Decompressor, "can_accept_more_data"):  # Before 1.2.
        brotli = None
except ImportError:
    brotli = None

try:
    if sys.version_info >= (3, 14):
        zstd = import_module("compression.zstd")
    else:
        zstd = import_module("backports.zstd")
except ImportError:
    zstd = None

zlib: Any = standard_zlib
"""What deflates and inflates: `zlib`, or what `set_zlib_backend` was given."""

AVAILABLE: Final = tuple(
    coding
    for coding, library in (("zstd", zstd), ("br", brotli), ("gzip", zlib), ("deflate", zlib))
    if library is not None
)
"""The codings that can be encoded and decoded, in the order in which a server would like to use them: by what
they save for the time they take, and ``deflate`` last, because clients do not agree on what it is."""

REMEDY: Final = "install sketch-web[compression]"
"""What there is to do where one of them is missing."""


def set_zlib_backend(backend: Any) -> None:
    """Use another module in the place of `zlib`, such as ``isal.isal_zlib`` or ``zlib_ng.zlib_ng``, from the
    next body on (aiohttp documentation, ``set_zlib_backend``).

    Raises `TypeError` for what has not the functions of `zlib`."""
    for name in ("compressobj", "decompressobj", "error"):
        if not hasattr(backend, name):
            raise TypeError(f"{backend!r} is no backend for zlib: it has no {name}")
    global zlib
    zlib = backend
