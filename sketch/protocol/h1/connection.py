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
COMPLETE       COMPLETE               `next_cycle`, if `can_continue`
CLOSED         any                    nothing more is parsed
any            CLOSED                 nothing more is written
=============  =====================  ======================================================
"""

import re
from collections.abc import Iterable
from enum import Enum, auto
from typing import Final

from ...http.errors import LocalProtocolError, RemoteProtocolError
from ...http.exchange import Bytes
from ...http.heads import NO_BODY, Framing, HttpVersion11, RequestHead, ResponseHead
from ...http.limits import Limits
from ...http_parser import HttpParser
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
    encode_trailers,
)
from .body import BodyDecoder, ChunkedBody, CountedBody

_BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")


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


class H1Engine:
    """The server's side of one HTTP/1 connection (RFC 9112)."""

    __slots__ = (
        "_answers_plainly",
        "_body",
        "_declared",
        "_framing",
        "_limits",
        "_parser",
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
        self._request: RequestHead | None = None
        # The field lines of that request, as they came.
        self._section = b""
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
        """Bytes that came and were not parsed yet."""
        return len(self.unread)

    @property
    def is_between_requests(self) -> bool:
        """Whether nothing of a next request has come yet."""
        return self.reading is HEAD and not self.unread

    @property
    def can_continue(self) -> bool:
        """Whether the current exchange is complete on both sides, and another may follow."""
        return self.reading is READ and self.writing is WRITTEN and self.keep_alive

    @property
    def ends_with_connection(self) -> bool:
        """Whether the end of the connection, at this moment, would look like the end of the answer."""
        return self.writing is WRITING_BODY and self._framing is BodyFraming.CLOSE

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
        if previous is not None and data.endswith(self._section) and not self.unread:
            head = self._parser.parse_repeated(data, len(self._section), previous)
            if head is not None:
                return self._take_head(head)
        try:
            if self.unread or not 0 < data.find(b"\r\n\r\n") == len(data) - 4 or data[0] == 13:
                whole = self._cut_head(data)
                if whole is None:
                    return None
                data = whole
            # Else it is one whole head and nothing else, as nearly always.
            head = self._parser.parse(data)
        except RemoteProtocolError:
            self.reading = READING_CLOSED
            self.keep_alive = False
            raise
        self._section = data[data.find(b"\n") + 1 :]
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
        unread = self.unread
        if unread:
            if data:
                if type(unread) is bytes:
                    unread = self.unread = bytearray(unread)
                unread += data
            data = bytes(unread)
        if data[:2] == b"\r\n":
            # RFC 9112, section 2.2: one empty line is taken, for clients that send one after a body.
            data = data[2:]
            self._scanned = 0
        end = data.find(b"\r\n\r\n", self._scanned) + 4
        if end < 4:
            self._hold_unfinished_head(data)
            return None
        if end > self._limits.head:
            raise RemoteProtocolError("the header section is too large", status=431)
        self._scanned = 0
        self.unread = data[end:]
        return data[:end]

    def _hold_unfinished_head(self, data: bytes) -> None:
        limits = self._limits
        if _BARE_LINE_FEED.search(data, max(self._scanned - 1, 0)):
            raise RemoteProtocolError("a line of the head does not end in CR LF")
        if len(data) > limits.request_line + 2 and data.find(b"\r\n", 0, limits.request_line + 2) < 0:
            raise RemoteProtocolError("the request line is too long", status=414)
        if len(data) > limits.head:
            raise RemoteProtocolError("the header section is too large", status=431)
        self.unread = data
        self._scanned = max(len(data) - 3, 0)

    def receive_body(self, data: bytes) -> list[bytes]:
        """The pieces of the current request's body in what was held and in ``data``.

        Raises `RemoteProtocolError` for a body that breaks its framing; reading is then closed."""
        body = self._body
        if self.reading is not READING_BODY or body is None:
            raise LocalProtocolError(f"no body is expected while reading is {self.reading.name}")
        if self.unread:
            data = bytes(self.unread) + data
            self.unread = b""
        if data:
            self.awaits_continue = False
        try:
            pieces = body.feed(data)
        except RemoteProtocolError:
            self.reading = READING_CLOSED
            self.keep_alive = False
            raise
        if body.is_complete:
            self.reading = READ
            self.unread = body.unread
            body.unread = b""
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
        return encode_interim(head) if request.version is HttpVersion11 else b""

    def respond(self, head: ResponseHead, body: Bytes, automatic: Automatic) -> bytes:
        """The bytes of a whole response. Raises `LocalProtocolError` after another one."""
        wire = head.plain_wire
        if wire is not None and self.writing is IDLE and self._answers_plainly and self.keep_alive:
            self.writing = WRITTEN
            return encode_plain(wire, body, automatic)
        request = self._current_request()
        self._settle_keep_alive(head)
        data = encode_response(head, body, request, keep_alive=self.keep_alive, automatic=automatic)
        self.writing = WRITTEN
        return data

    def start(self, head: ResponseHead, content_length: int | None, automatic: Automatic) -> bytes:
        """The bytes of a response's head, with its body to follow. Raises `LocalProtocolError` after
        another one."""
        request = self._current_request()
        self._settle_keep_alive(head)
        framing, declared = choose_framing(head, content_length, request)
        if framing is BodyFraming.CLOSE:
            self.keep_alive = False
        self._framing = framing
        self._declared = declared
        self._sent = 0
        data = encode_start(head, framing, declared, request, keep_alive=self.keep_alive, automatic=automatic)
        self.writing = WRITING_BODY
        return data

    def send(self, data: Bytes) -> tuple[Bytes, ...]:
        """A piece of the body, framed, in parts. Raises `LocalProtocolError` beyond the declared length."""
        if self.writing is not WRITING_BODY:
            raise LocalProtocolError(f"no body can be sent while writing is {self.writing.name}")
        framing = self._framing
        size = len(data)
        if framing is BodyFraming.NONE or not size:
            return ()
        if framing is BodyFraming.CHUNKED:
            return encode_chunk(data)
        sent = self._sent + size
        if self._declared is not None and sent > self._declared:
            raise LocalProtocolError(
                f"the response declares {self._declared} bytes and its body has at least {sent}"
            )
        self._sent = sent
        return (data,)

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

    def _current_request(self) -> RequestHead:
        if self._request is None:
            raise LocalProtocolError("there is no request to answer")
        if self.writing is not IDLE:
            raise LocalProtocolError(f"the request was answered already (writing is {self.writing.name})")
        return self._request

    def _settle_keep_alive(self, head: ResponseHead) -> None:
        if "close" in head.carried.get("connection", "").lower():
            self.keep_alive = False
        if self.awaits_continue:
            # The body may or may not come: the next bytes could be either (RFC 9110, section 10.1.1).
            self.keep_alive = False

    # -- from one request to the next ------------------------------------------------------------------

    def next_cycle(self) -> bool:
        """Go on to the next request, if `can_continue`; say whether it was so."""
        if self.reading is not READ or self.writing is not WRITTEN or not self.keep_alive:
            return False
        self.reading = HEAD
        self.writing = IDLE
        self._body = None
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
        self.keep_alive = False
        self.writing = WRITTEN
        return encode_response(head, body, _NO_REQUEST, keep_alive=False, automatic=automatic)


_NO_REQUEST: Final = RequestHead("GET", "*", HttpVersion11, ())
