"""Text out of bytes, by a charset that a stranger names.

Python's codecs are more than charsets: some take time that grows with the square of what they are given
(punycode, IDNA), some are notations for programs; and a name that no codec has is remembered for good. Which
of them are charsets is known here, and others are not even looked up. How a peer names one is not.
"""

from encodings import normalize_encoding
from encodings.aliases import aliases
from typing import Final

# Codecs without an alias, which the table of aliases therefore does not know.
_UNALIASED: Final = frozenset({"cp1006", "cp720", "cp737", "cp856", "cp874", "cp875", "koi8_t", "koi8_u"})
_NO_CHARSETS: Final = frozenset({
    "base64_codec", "bz2_codec", "hex_codec", "mbcs", "oem", "quopri_codec", "rot_13", "uu_codec",
    "zlib_codec",
})  # fmt: skip
_CHARSETS: Final = frozenset(aliases.values()) - _NO_CHARSETS | _UNALIASED | {"utf_8_sig"}


def find_codec(charset: str) -> str:
    """The name of the codec for a charset, which `bytes.decode` and its like know. Raises `LookupError` for a
    name of no charset."""
    # What is not ASCII is left out when a name is normalized, here, and is something else to `bytes.decode`.
    name = normalize_encoding(charset).lower() if charset.isascii() else ""
    codec = aliases.get(name, name)
    if codec not in _CHARSETS:
        raise LookupError(f"unknown charset: {charset[:40]!r}")
    return codec


def decode_text(data: bytes | bytearray, charset: str) -> str:
    """The text. Raises `LookupError` for a name of no charset, `UnicodeDecodeError` for bytes that are not in
    it."""
    return data.decode(find_codec(charset))
