"""Media types by the names of files.

The standard library's table, without what the system's administrator wrote into ``/etc``: the same file has
the same type everywhere. Loaded when the first file is sent.
"""

from mimetypes import MimeTypes
from os.path import splitext
from typing import Final

CONTENT_TYPES: Final = MimeTypes()
"""The table. ``CONTENT_TYPES.add_type("text/x-poem", ".poem")`` adds to it, as in aiohttp."""

# What is compressed is sent as what it is: a client that asks for the archive wants the archive.
CONTENT_TYPES.encodings_map.clear()
for _content_type, _ending in (
    ("application/gzip", ".gz"),
    ("application/x-brotli", ".br"),
    ("application/x-bzip2", ".bz2"),
    ("application/x-compress", ".Z"),
    ("application/x-xz", ".xz"),
    ("application/zstd", ".zst"),
):
    CONTENT_TYPES.add_type(_content_type, _ending)

FALLBACK: Final = "application/octet-stream"


def find_content_type(path: str) -> str:
    """The type of a file by what its name ends in; ``application/octet-stream`` where that says nothing.

    Not `MimeTypes.guess_type`, which takes a name for a URL, so that ``a:b.txt`` has a scheme."""
    ending = splitext(path)[1]
    # ".tgz" is short for ".tar.gz".
    longer = CONTENT_TYPES.suffix_map.get(ending)
    if longer is not None:
        ending = splitext(longer)[1]
    types = CONTENT_TYPES.types_map[True]
    return types.get(ending) or types.get(ending.lower()) or FALLBACK
