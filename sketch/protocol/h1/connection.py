"""One HTTP/1 connection, as the order in which messages may come and go.

The engine is fed bytes and says what they are; it is told what to answer and gives the bytes for it. One
request is answered at a time: what a client sends ahead waits, unparsed, until the answer before it is
complete. The state of a connection is three small sets: where reading is, where writing is, and whether
there will be a next request. Methods are named for what happened; what is legal is asked by predicates.

=============  =====================  ======================================================
reading        writing                what may happen
=============  =====================  ======================================================
HEAD           IDLE                   bytes of a head; the end of the connection
BODY           IDLE, BODY             bytes of the body; a response, its pieces, its end
BODY           COMPLETE               bytes of the body, which nobody will read
COMPLETE       IDLE, BODY             a response, its pieces, its end; bytes are held
COMPLETE       IDLE                   `take_over`, if `can_take_over`
COMPLETE       COMPLETE               `next_cycle`, if `can_continue`
CLOSED         any                    nothing more is parsed
any            CLOSED                 nothing more is written
=============  =====================  ======================================================
"""

from collections.abc import Iterable
from enum import Enum, auto
from typing import Final

from ...http.errors import LocalProtocolError, RemoteProtocolError
from ...http.exchange import Bytes
from ...http.headers import FieldLines, split_list
from ...http.heads import NO_BODY, Framing, HttpVersion11, RequestHead, ResponseHead
from ...http.limits import Limits
from ...http_parser import HttpParser, check_beginning
from ...http_writer import (
    CONTINUE,
    LAST_CHUNK,
    Automatic,
    BodyFraming,
    choose_framing,
    encode_chunk,
    encode_interim,
    encode_plain,
    encode_response,
    encode_start,
    encode_switch,
    encode_trailers,
)
from .body import BodyDecoder, ChunkedBody, CountedBody

_MEMORABLE: Final = 4096
"""Bytes of a head that are remembered for the next one: those of browsers are 500 to 2000. What a connection
keeps while it is idle must not be what a peer likes."""

_WINDOW: Final = 4096


class Reading(Enum):
    """What the next byte from the client belongs to."""

    HEAD = auto()
    BODY = auto()
    COMPLETE = auto()
    CLOSED = auto()


class Writing(Enum):
    """How much of the answer to the current request was given."""

    IDLE = auto()
    BODY = auto()
    COMPLETE = auto()
    CLOSED = auto()


# Members as module globals: reading one through its class costs 30 nanoseconds each time on 3.11.
HEAD: Final = Reading.HEAD
READING_BODY: Final = Reading.BODY
READ: Final = Reading.COMPLETE
READING_CLOSED: Final = Reading.CLOSED
IDLE: Final = Writing.IDLE
WRITING_BODY: Final = Writing.BODY
WRITTEN: Final = Writing.COMPLETE
WRITING_CLOSED: Final = Writing.CLOSED


_NO_REQUEST: Final = RequestHead("GET", "*", HttpVersion11, FieldLines())
_NO_HEAD_REQUEST: Final = RequestHead("HEAD", "*", HttpVersion11, FieldLines())


class H1Engine:
    """The server's side of one HTTP/1 connection (RFC 9112)."""

    __slots__ = (
        "_answers_plainly",
        "_body",
        "_declared",
        "_framing",
        "_last",
        "_limits",
        "_parser",
        "_refused",
        "_request",
        "_scanned",
        "_section",
        "_sent",
        "awaits_continue",
        "is_ended",
        "keep_alive",
        "reading",
        "unread",
        "writing",
    )

    def __init__(self, parser: HttpParser, limits: Limits) -> None:
        self._parser = parser
        self._limits = limits
        self.unread: bytes | bytearray = b""
        """What came and was not parsed yet."""
        self._scanned = 0
        self._refused = _NO_REQUEST
        self._request: RequestHead | None = None
        # That request's head as it came, and the field lines in it; empty where they are not remembered.
        self._last = self._section = b""
        self._body: BodyDecoder | None = None
        self._framing = BodyFraming.NONE
        self._declared: int | None = None
        self._sent = 0
        self._answers_plainly = False
        self.reading = HEAD
        self.writing = IDLE
        self.is_ended = False
        """Whether the client has said that it will send nothing more."""
        self.keep_alive = True
        """Whether another request may follow the current one. It only ever turns false."""
        self.awaits_continue = False
        """Whether the client holds its body back until it is invited (RFC 9110, section 10.1.1)."""

    # -- questions -------------------------------------------------------------------------------------

    @property
    def held(self) -> int:
        """Bytes that came and were not parsed yet, without an empty line before a head."""
        unread = self.unread
        return len(unread) - (unread[:2] == b"\r\n") * 2 if unread else 0

    @property
    def is_between_requests(self) -> bool:
        """Whether nothing of a next request has come yet."""
        return self.reading is HEAD and not self.held

    @property
    def can_continue(self) -> bool:
        """Whether the current exchange is complete on both sides, and another may follow."""
        return self.reading is READ and self.writing is WRITTEN and self.keep_alive

    @property
    def can_take_over(self) -> bool:
        """Whether the connection may become something else: the client asks for it, all of its request has
        come (RFC 9110, section 7.8), and nothing was answered."""
        request = self._request
        if request is None or self.reading is not READ or self.writing is not IDLE:
            return False
        return request.method == "CONNECT" or bool(request.framing.upgrade)

    @property
    def ends_with_connection(self) -> bool:
        """Whether the end of the connection looks like the end of the answer."""
        return self._framing is BodyFraming.CLOSE

    @property
    def trailers(self) -> list[tuple[bytes, bytes]]:
        """The fields that came after the current request's body."""
        return [] if self._body is None else self._body.trailers

    # -- what the client sends -------------------------------------------------------------------------

    def receive_head(self, data: bytes) -> RequestHead | None:
        """The next request's head, once all of it is there; what follows it is held.

        Raises `RemoteProtocolError` with the status to answer; reading is then closed, because nobody can
        say any more where the next request would begin."""
        if self.reading is not HEAD:
            raise LocalProtocolError(f"no head is expected while reading is {self.reading.name}")
        previous = self._request
        if previous is not None and self._section and not self.unread:
            if data == self._last and previous.framing is NO_BODY:
                # The same again, as from whoever polls; and so is how it is answered.
                self.reading = READ
                return previous
            line_end = data.find(b"\n") + 1
            if data.startswith(self._section, line_end):
                end = line_end + len(self._section)
                head = self._parser.parse_repeated(data, line_end, end, previous)
                if head is not None:
                    self._last = data if end == len(data) <= _MEMORABLE else b""
                    if end != len(data):
                        self.unread = data[end:]
                    return self._take_head(head)
        whole = b""
        try:
            if self.unread or not 0 < data.find(b"\r\n\r\n") == len(data) - 4 or data[0] == 13:
                found = self._cut_head(data)
                if found is None:
                    return None
                whole = found
            else:
                # It is one whole head and nothing else, as nearly always.
                whole = data
            head = self._parser.parse(whole)
        except RemoteProtocolError:
            self._refuse_head(whole or bytes(self.unread[:7]) + data[:7])
            raise
        if len(whole) <= _MEMORABLE:
            self._last = whole
            self._section = whole[whole.find(b"\n") + 1 :]
        else:
            self._last = self._section = b""
        return self._take_head(head)

    def _take_head(self, head: RequestHead) -> RequestHead:
        self._request = head
        framing = head.framing
        if framing is NO_BODY:
            self.reading = READ
        else:
            self._begin_body(framing)
        self._answers_plainly = (
            head.version is HttpVersion11 and head.method != "HEAD" and not self.awaits_continue
        )
        return head

    def _refuse_head(self, beginning: bytes) -> None:
        """What began like this is no request. If it is one for a head, its answer is one, too."""
        is_head = beginning.removeprefix(b"\r\n").startswith(b"HEAD ")
        self._refused = _NO_HEAD_REQUEST if is_head else _NO_REQUEST
        self.reading = READING_CLOSED
        self.keep_alive = False
        self._request = None
        self.unread = b""

    def _begin_body(self, framing: Framing) -> None:
        if not framing.keep_alive:
            self.keep_alive = False
        if framing.has_body:
            self.reading = READING_BODY
            self.awaits_continue = framing.expect_continue
            length = framing.content_length
            self._body = ChunkedBody(self._limits) if length is None else CountedBody(length)
        else:
            self.reading = READ

    def _cut_head(self, data: bytes) -> bytes | None:
        """The bytes of the next head, out of what is held and what came; ``None`` if they are not all
        there."""
        unread = self.unread or data
        if self.unread:
            # The head grows at one end of one buffer, and is cut off the other: each byte is copied a
            # bounded number of times, however many pieces it comes in, and whatever comes after it.
            if not isinstance(unread, bytearray):
                unread = bytearray(unread)
            unread += data
        # RFC 9112, section 2.2: one empty line is taken, for clients that send one after a body.
        begin = 2 if unread[:2] == b"\r\n" else 0
        end = unread.find(b"\r\n\r\n", max(self._scanned, begin)) + 4
        if end < 4:
            check_beginning(unread, self._limits, begin=begin, scanned=self._scanned)
            self.unread = unread
            self._scanned = max(len(unread) - 3, 0)
            return None
        self._scanned = 0
        head = bytes(unread[begin:end])
        if isinstance(unread, bytearray):
            del unread[:end]
            self.unread = unread
        else:
            self.unread = unread[end:]
        return head

    def receive_body(self, data: bytes) -> list[bytes]:
        """The pieces of the current request's body in what was held and in ``data``.

        Raises `RemoteProtocolError` for a body that breaks its framing; reading is then closed. What came of
        the body before the fault is in the error's ``pieces``."""
        body = self._body
        if self.reading is not READING_BODY or body is None:
            raise LocalProtocolError(f"no body is expected while reading is {self.reading.name}")
        if data or self.unread:
            self.awaits_continue = False
        try:
            if len(self.unread) > _WINDOW:
                pieces = self._feed_held(body, data)
            else:
                pieces = body.feed(bytes(self.unread) + data if self.unread else data)
                self.unread = body.unread
        except RemoteProtocolError:
            self.reading = READING_CLOSED
            self.keep_alive = False
            self.unread = b""
            raise
        if body.is_complete:
            self.reading = READ
            body.unread = b""
        return pieces

    def _feed_held(self, body: BodyDecoder, data: bytes) -> list[bytes]:
        """Feed what is held in windows: of thousands of small requests sent ahead, each must not copy all
        that comes after it."""
        held = self.unread if isinstance(self.unread, bytearray) else bytearray(self.unread)
        held += data
        pieces: list[bytes] = []
        size = _WINDOW
        while held and not body.is_complete:
            window = bytes(held[:size])
            try:
                pieces += body.feed(window)
            except RemoteProtocolError as error:
                error.pieces = [*pieces, *error.pieces]
                raise
            del held[: len(window) - len(body.unread)]
            size *= 2
        self.unread = held
        return pieces

    def hold(self, data: bytes) -> None:
        """Keep what came before its time: the beginning of a next request."""
        if self.reading is READING_CLOSED:
            return
        if type(self.unread) is bytes:
            self.unread = bytearray(self.unread)
        self.unread += data

    def receive_end(self) -> None:
        """The client will send nothing more; what it sent before is still answered.

        Raises `RemoteProtocolError` in the middle of a body, which can now never be complete (RFC 9112,
        section 8)."""
        self.is_ended = True
        if self.reading is READING_BODY:
            self.reading = READING_CLOSED
            self.keep_alive = False
            raise RemoteProtocolError("the connection ended in the middle of the body")

    # -- what the server answers -----------------------------------------------------------------------

    def invite_body(self) -> bytes:
        """The bytes for a client that waits before it sends its body: ``100 Continue``, or nothing."""
        if not self.awaits_continue or self.writing is not IDLE:
            return b""
        self.awaits_continue = False
        return CONTINUE

    def inform(self, head: ResponseHead) -> bytes:
        """The bytes of an interim response; none for a client that knows no such thing.

        Raises `LocalProtocolError` for a final status, and after a final response."""
        request = self._current_request()
        if not 100 <= head.status < 200 or head.status == 101:
            raise LocalProtocolError(f"status {head.status} is not an interim response")
        if request.version is not HttpVersion11:
            return b""
        data = encode_interim(head, request)
        if head.status == 100:
            self.awaits_continue = False
        return data

    def respond(self, head: ResponseHead, body: Bytes, automatic: Automatic) -> bytes:
        """The bytes of a whole response. Raises `LocalProtocolError` after another one."""
        wire = head.plain_wire
        if (
            wire is not None
            and self._answers_plainly
            and self.writing is IDLE
            and self.reading is not HEAD
            and self.keep_alive
        ):
            data = encode_plain(wire, body, automatic)
            self.writing = WRITTEN
            return data
        return b"".join(self.respond_in_parts(head, body, automatic))

    def respond_in_parts(self, head: ResponseHead, body: Bytes, automatic: Automatic) -> list[bytes]:
        """A whole response like `respond`, for a body that is too large to be copied behind its head."""
        request = self._current_request()
        keep_alive = self._keeps_alive_after(head)
        parts = encode_response(head, body, request, keep_alive=keep_alive, automatic=automatic)
        self.keep_alive = keep_alive
        self.writing = WRITTEN
        return parts

    def start(self, head: ResponseHead, content_length: int | None, automatic: Automatic) -> bytes:
        """The bytes of a response's head, with its body to follow. Raises `LocalProtocolError` after
        another one."""
        request = self._current_request()
        framing, declared = choose_framing(head, content_length, request)
        keep_alive = self._keeps_alive_after(head) and framing is not BodyFraming.CLOSE
        data = encode_start(head, framing, declared, request, keep_alive=keep_alive, automatic=automatic)
        self._framing = framing
        self._declared = declared
        self._sent = 0
        self.keep_alive = keep_alive
        self.writing = WRITING_BODY
        return data

    def send(self, data: Bytes) -> tuple[Bytes, ...]:
        """A piece of the body, framed, in parts. Raises `LocalProtocolError` beyond the declared length."""
        size = len(data)
        self.check_room(size)
        framing = self._framing
        if framing is BodyFraming.NONE or not size:
            return ()
        if framing is BodyFraming.CHUNKED:
            return encode_chunk(data)
        self._sent += size
        return (data,)

    @property
    def sends_bare(self) -> bool:
        """Whether the body is sent as it is, with nothing around its pieces."""
        return self._framing is BodyFraming.COUNTED or self._framing is BodyFraming.CLOSE

    def check_room(self, size: int) -> None:
        """Raise `LocalProtocolError` when no more bytes of a body may be sent, or not so many."""
        if self.writing is not WRITING_BODY:
            raise LocalProtocolError(f"no body can be sent while writing is {self.writing.name}")
        sent = self._sent + size
        if self._framing is BodyFraming.COUNTED and sent > (self._declared or 0):
            raise LocalProtocolError(
                f"the response declares {self._declared} bytes and its body has at least {sent}"
            )

    def sent_past(self, size: int) -> None:
        """So many bytes of the body were sent past the engine, because `sends_bare`: a file by the system."""
        self._sent += size

    def finish(self, trailers: Iterable[tuple[str, str]]) -> bytes:
        """The bytes that end the body. Raises `LocalProtocolError` before the declared length is reached."""
        if self.writing is not WRITING_BODY:
            raise LocalProtocolError(f"no body can end while writing is {self.writing.name}")
        framing = self._framing
        if framing is BodyFraming.COUNTED and self._sent != self._declared:
            raise LocalProtocolError(
                f"the response declares {self._declared} bytes and its body has only {self._sent}"
            )
        data = b""
        if framing is BodyFraming.CHUNKED:
            data = encode_trailers(trailers) if trailers else LAST_CHUNK
        self.writing = WRITTEN
        return data

    def take_over(self, head: ResponseHead, automatic: Automatic) -> tuple[bytes, bytes]:
        """The bytes of the head after which the connection is no longer ours, and the bytes that the client
        sent after its request.

        Raises `LocalProtocolError` unless `can_take_over`, and for a head that does not say so
        (`encode_switch`)."""
        request = self._current_request()
        if not self.can_take_over:
            raise LocalProtocolError(
                "nothing can be taken over: the client asks for no other protocol, or its body is not read"
            )
        data = encode_switch(head, request, automatic)
        rest = bytes(self.unread)
        self.lose()
        self.writing = WRITTEN
        return data, rest

    def _current_request(self) -> RequestHead:
        if self._request is None or self.reading is HEAD:
            raise LocalProtocolError("there is no request to answer")
        if self.writing is not IDLE:
            raise LocalProtocolError(f"the request was answered already (writing is {self.writing.name})")
        return self._request

    def _keeps_alive_after(self, head: ResponseHead) -> bool:
        if self.awaits_continue:
            # The body may or may not come: the next bytes could be either (RFC 9110, section 10.1.1).
            return False
        options = split_list(head.carried.get("connection", "").lower())
        return self.keep_alive and "close" not in options

    # -- from one request to the next ------------------------------------------------------------------

    def next_cycle(self) -> bool:
        """Go on to the next request, if `can_continue`; say whether it was so."""
        if self.reading is not READ or self.writing is not WRITTEN or not self.keep_alive:
            return False
        self.reading = HEAD
        self.writing = IDLE
        self._body = None
        if not self._section:
            # An idle connection keeps what it may recognise again, and nothing else.
            self._request = None
        return True

    def lose(self) -> None:
        """The client is gone. Nothing more is read; an answer may still be given, to nobody."""
        self.reading = READING_CLOSED
        self.keep_alive = False
        self.unread = b""

    def close(self) -> None:
        """Nothing more is read or written."""
        self.lose()
        self.writing = WRITING_CLOSED

    def answer_refusal(self, head: ResponseHead, body: bytes, automatic: Automatic) -> bytes:
        """The bytes of an answer to something that was no request. It is the last one."""
        if self.writing is not IDLE:
            raise LocalProtocolError("an answer was begun already")
        if self.reading is HEAD:
            self._refuse_head(bytes(self.unread[:7]))
        parts = encode_response(head, body, self._refused, keep_alive=False, automatic=automatic)
        self.keep_alive = False
        self.reading = READING_CLOSED
        self.writing = WRITTEN
        self.unread = b""
        return b"".join(parts)
