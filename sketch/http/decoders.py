"""Content codings, on the way in: encoded bytes go in as they come, and pieces of a bounded size come out
(RFC 9110, section 8.4.1).

Whoever decodes says how large a piece may be, and is never given, nor made to hold, more, however much a few
bytes unfold to. Faults are the peer's. It is not known here who wants the bytes, or how many in all. A
decoder is for one body, and for one thread at a time."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from . import codecs
from .errors import RemoteProtocolError

# Bytes given to a library at a time. What it does not take, because a member ends within, it copies: for
# members of a few bytes in one large piece that would take the square of their number.
_STEP: Final = 4096

# An encoded body may be so much larger than its content, and no more. That takes what clients do, such as to
# flush after every few bytes, and not what only keeps a server busy: millions of members, blocks or names
# with nothing in them, and most of all such as a second coding unfolds to.
_PADDING: Final = 65536
_PADDING_FACTOR: Final = 8

# Bytes that the beginning of a member counts for besides: about as many as are decoded in the time that a new
# decompressor takes (0.5 and 20 microseconds, and what is around it). Members of a byte or two are padding,
# too: 64 KiB of them would take a second.
_MEMBER: Final = 512
_ZSTANDARD_MEMBER: Final = 2048

# Zstandard has windows of up to 2 GiB, and the content coding those of up to 8 MiB (RFC 9659). Brotli has 16
# MiB at most (RFC 7932), and deflate 32 KiB.
_ZSTANDARD_WINDOW_BITS: Final = 23

# Brotli's library grows its buffer in blocks, the first of which has this size, and stops after a block.
_BROTLI_BLOCK: Final = 32752


class Decoder(Protocol):
    """One body on its way in."""

    @property
    def needs_input(self) -> bool:
        """Whether there is nothing more to come out before something goes in."""

    def decode(self, data: bytes, max_length: int) -> bytes:
        """Take encoded bytes, and return a piece of at most ``max_length`` bytes of what they say.

        ``data``
            ``b""`` to be given the rest, as long as the decoder needs no input.

        Raises `RemoteProtocolError` for what is not in the coding."""

    def finish(self) -> None:
        """Nothing more goes in, and everything came out. Raises `RemoteProtocolError` for a body that has
        not come to its end. One of no bytes at all is complete."""


class _Member(Protocol):
    """What the libraries have in common: the interface of ``compression.zstd.ZstdDecompressor``."""

    @property
    def needs_input(self) -> bool:
        """Whether it has given all that it can."""

    @property
    def eof(self) -> bool:
        """Whether the member has come to its end."""

    @property
    def unused_data(self) -> bytes:
        """What came after that."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most so many bytes."""


class _Inflation:
    """zlib's, in that form: zlib gives back what it was not able to take."""

    def __init__(self, window: int) -> None:
        self._inflate: Any = codecs.zlib.decompressobj(wbits=window)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return bool(self._inflate.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inflate.unused_data)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        inflate = self._inflate
        piece: bytes = inflate.decompress(inflate.unconsumed_tail + data, max_length)
        # Filled to the brim, it may hold more, even if it has taken everything.
        self.needs_input = len(piece) < max_length
        return piece


class _Debrotli:
    """Brotli's, in that form: it stops at blocks of its own, and has no members."""

    unused_data: Final = b""

    def __init__(self) -> None:
        self._brotli: Any = codecs.brotli.Decompressor()
        self._surplus = b""
        # That it can accept more says nothing of what it has yet to give.
        self._is_brimful = False

    @property
    def needs_input(self) -> bool:
        return not self._surplus and not self._is_brimful and bool(self._brotli.can_accept_more_data())

    @property
    def eof(self) -> bool:
        return not self._surplus and bool(self._brotli.is_finished())

    def decompress(self, data: bytes, max_length: int) -> bytes:
        piece: bytes = self._surplus
        if not piece:
            limit = min(max_length, _BROTLI_BLOCK)
            piece = self._brotli.process(data, output_buffer_limit=limit)
            self._is_brimful = len(piece) >= limit
        self._surplus = piece[max_length:]
        return piece[:max_length]


def _begin_gzip(beginning: bytes) -> _Member:
    return _Inflation(31)


def _begin_deflate(beginning: bytes) -> _Member:
    # The zlib format begins with an 8, its method (RFC 1950). Some clients leave its frame out (RFC 9110,
    # section 8.4.1.2), and no bare deflate stream begins like that but one of stored blocks with odd
    # padding.
    return _Inflation(15 if beginning[0] & 0x0F == 8 else -15)


def _begin_brotli(beginning: bytes) -> _Member:
    return _Debrotli()


def _begin_zstandard(beginning: bytes) -> _Member:
    window = codecs.zstd.DecompressionParameter.window_log_max
    member: _Member = codecs.zstd.ZstdDecompressor(options={window: _ZSTANDARD_WINDOW_BITS})
    return member


class _MemberDecoder:
    """Members, one after the other, each decoded by a new decompressor (RFC 1952, section 2.2; RFC 8878,
    section 3.1). Brotli has one only."""

    __slots__ = (
        "_at", "_begin", "_coding", "_cost", "_error", "_input", "_member", "_members", "_taken", "_unfolded",
    )  # fmt: skip

    def __init__(
        self, coding: str, begin: Callable[[bytes], _Member], error: type[Exception], cost: int
    ) -> None:
        self._coding = coding
        self._begin = begin
        self._error = error
        self._cost = cost
        self._member: _Member | None = None
        self._members = 0
        # Encoded bytes that no member has taken yet: `_input` from `_at` on.
        self._input = b""
        self._at = 0
        # Bytes that were taken, and what the members count for; bytes that came of them.
        self._taken = 0
        self._unfolded = 0

    @property
    def needs_input(self) -> bool:
        if self._member is not None and not self._member.needs_input:
            return False
        return self._at == len(self._input)

    def decode(self, data: bytes, max_length: int) -> bytes:
        if data:
            self._input = self._input[self._at :] + data
            self._at = 0
        pieces: list[bytes] = []
        room = max_length
        while room and not self.needs_input:
            try:
                piece = self._go_on(room)
            except self._error as error:
                raise RemoteProtocolError(f"the body is not in the content coding {self._coding}") from error
            if piece:
                pieces.append(piece)
                room -= len(piece)
            self._unfolded += len(piece)
            if self._taken > _PADDING + _PADDING_FACTOR * self._unfolded:
                raise RemoteProtocolError(f"the body is mostly padding of its content coding {self._coding}")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _go_on(self, room: int) -> bytes:
        member = self._member
        step = b""
        if member is None or member.needs_input:
            step = self._input[self._at : self._at + _STEP]
            self._at += len(step)
            self._taken += len(step)
        if member is None:
            member = self._begin_member(step)
        piece = member.decompress(step, room)
        if member.eof:
            rest = len(member.unused_data)
            self._at -= rest
            self._taken -= rest
            self._member = None
        return piece

    def _begin_member(self, beginning: bytes) -> _Member:
        if self._members and self._coding == "br":
            raise RemoteProtocolError("something follows the end of the content coding br")
        if self._members:
            self._taken += self._cost
        self._members += 1
        self._member = self._begin(beginning)
        return self._member

    def finish(self) -> None:
        if self._member is not None or not self.needs_input:
            raise RemoteProtocolError(f"the body ends before its content coding {self._coding} does")


class _Chain:
    """Two codings: what the first decoder gives, which may be a chain as well, the second one takes."""

    __slots__ = ("_first", "_second")

    def __init__(self, first: Decoder, second: Decoder) -> None:
        self._first = first
        self._second = second

    @property
    def needs_input(self) -> bool:
        return self._second.needs_input and self._first.needs_input

    def decode(self, data: bytes, max_length: int) -> bytes:
        if data and not self.needs_input:
            raise AssertionError("a decoder was given more although it had something to give")
        while True:
            between = b""
            if self._second.needs_input:
                between = self._first.decode(data, _STEP)
                data = b""
            piece = self._second.decode(between, max_length)
            if piece or self.needs_input:
                return piece

    def finish(self) -> None:
        self._first.finish()
        self._second.finish()


def make_decoder(codings: Sequence[str]) -> Decoder:
    """A decoder for one body.

    ``codings``
        one of `codecs.AVAILABLE` or several, in the order in which they were applied (RFC 9110, section 8.4).

    Raises `ValueError` for one that is not there, and for none."""
    if not codings:
        raise ValueError("a body without a content coding needs no decoder")
    decoder = _make_decoder(codings[-1])
    for coding in reversed(codings[:-1]):
        decoder = _Chain(decoder, _make_decoder(coding))
    return decoder


def _make_decoder(coding: str) -> Decoder:
    if coding not in codecs.AVAILABLE:
        raise ValueError(f"the content coding {coding!r} is not available here")
    if coding == "br":
        return _MemberDecoder(coding, _begin_brotli, codecs.brotli.error, 0)
    if coding == "zstd":
        return _MemberDecoder(coding, _begin_zstandard, codecs.zstd.ZstdError, _ZSTANDARD_MEMBER)
    begin = _begin_gzip if coding == "gzip" else _begin_deflate
    return _MemberDecoder(coding, begin, codecs.zlib.error, _MEMBER)
