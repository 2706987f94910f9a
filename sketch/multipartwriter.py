"""Multipart bodies to be sent (RFC 2046, section 5.1; RFC 7578): parts that are payloads, between boundaries.

It knows the form of the whole and what each part says of itself; how a part's content is encoded is
`parttransfer`'s to know.
"""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from multidict import CIMultiDict, MultiMapping

from .http import names
from .http.disposition import content_disposition_header
from .http.exchange import Bytes
from .http.headers import check_field, is_token, quote_string
from .http.multipart import is_boundary
from .parttransfer import CONTENT_CODINGS, TRANSFER_ENCODINGS, PartWriter
from .payload import JsonPayload, LookupError, StringPayload, get_payload
from .payloadbase import Payload, Writer, is_payload, let_go

_logger = logging.getLogger("sketch.web")

_PARTS_ALONE: Final = (names.CONTENT_ENCODING, names.CONTENT_LENGTH, names.CONTENT_TRANSFER_ENCODING)


class Part(NamedTuple):
    """One part, and how its content is encoded; ``None`` where it is written as it is."""

    payload: Payload
    content_coding: str | None
    transfer_encoding: str | None

    @property
    def is_plain(self) -> bool:
        """Whether its content is written as it is."""
        return self.content_coding is None and self.transfer_encoding is None


class MultipartWriter(Payload):
    """A multipart body, made of parts (aiohttp documentation, ``MultipartWriter``).

    ``subtype``
        ``"mixed"``, ``"related"``, ``"form-data"``...
    ``boundary``
        what stands between the parts; by default 32 random digits.

    A part of ``form-data`` has a name in its ``Content-Disposition``, and neither ``Content-Length`` nor an
    encoding (RFC 7578, section 4). Other parts have a ``Content-Length``, where that is known, and are
    encoded as their ``Content-Encoding`` (gzip, deflate) and ``Content-Transfer-Encoding`` (base64,
    quoted-printable) say. A context manager, for the look of it; `close` closes the parts.

    Raises `ValueError` for a boundary that is not 1 to 70 characters of ASCII that can be seen, or spaces not
    at the end, and for a subtype that no field can carry.
    """

    _value: None
    _autoclose = True

    def __init__(self, subtype: str = "mixed", boundary: str | None = None) -> None:
        if boundary is None:
            boundary = os.urandom(16).hex()
        elif not is_boundary(boundary):
            raise ValueError(
                f"boundary should contain ASCII only chars that can be seen, 1 to 70 of them: {boundary!r}"
            )
        self._boundary = boundary.encode("ascii")
        value = boundary if is_token(boundary) else quote_string(boundary)
        content_type = f"multipart/{subtype}; boundary={value}"
        check_field(names.CONTENT_TYPE, content_type)
        super().__init__(None, content_type=content_type)
        self._parts: list[Part] = []
        self._is_form_data = subtype == "form-data"
        self._was_measured = False

    def __enter__(self) -> "MultipartWriter":
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        pass

    def __iter__(self) -> Iterator[Part]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __bool__(self) -> bool:
        return True

    @property
    def boundary(self) -> str:
        """What stands between the parts."""
        return self._boundary.decode("ascii")

    @property
    def consumed(self) -> bool:
        """Whether it, or a part of it, was written or closed, so that it cannot be written once more."""
        return self._consumed or any(getattr(part.payload, "consumed", False) for part in self._parts)

    # -- putting it together ---------------------------------------------------------------------------

    def append(self, obj: Any, headers: Mapping[str, str] | MultiMapping[str] | None = None) -> Payload:
        """Add a part: a payload, another writer, or what one can be made of (`PAYLOAD_REGISTRY`), with these
        fields. Returns its payload.

        Raises `TypeError` for what no payload can be made of, and what `append_payload` raises."""
        if is_payload(obj):
            obj.headers.update(headers or {})
            return self.append_payload(obj)
        try:
            payload = get_payload(obj, headers=headers or CIMultiDict())
        except LookupError as error:
            raise TypeError(f"Cannot create payload from {obj!r}: {error}") from None
        return self.append_payload(payload)

    def append_payload(self, payload: Payload) -> Payload:
        """Add a part.

        Raises `ValueError` for fields that no part can carry, for those that a part of ``form-data`` must not
        have, and for an encoding that nobody knows (`RuntimeError`, as in aiohttp)."""
        part = self._form_part(payload) if self._is_form_data else self._encoded_part(payload)
        for name, value in payload.headers.items():
            check_field(name, value)
        self._was_measured = False
        self._parts.append(part)
        return payload

    def _form_part(self, payload: Payload) -> Part:
        headers = payload.headers
        refused = [str(name) for name in _PARTS_ALONE if name in headers]
        if refused:
            raise ValueError(f"a part of form-data has no {', '.join(refused)} (RFC 7578, section 4)")
        if names.CONTENT_DISPOSITION not in headers:
            name = {"name": f"section-{len(self._parts)}"}
            headers[names.CONTENT_DISPOSITION] = content_disposition_header("form-data", True, name)
        return Part(payload, None, None)

    def _encoded_part(self, payload: Payload) -> Part:
        headers = payload.headers
        coding = headers.get(names.CONTENT_ENCODING, "").lower()
        encoding = headers.get(names.CONTENT_TRANSFER_ENCODING, "").lower()
        if coding not in ("", "identity", *CONTENT_CODINGS):
            raise RuntimeError(f"unknown content encoding: {coding}")
        if encoding not in ("", "binary", *TRANSFER_ENCODINGS):
            raise RuntimeError(f"unknown content transfer encoding: {encoding}")
        part = Part(
            payload,
            coding if coding in CONTENT_CODINGS else None,
            encoding if encoding in TRANSFER_ENCODINGS else None,
        )
        self._measure(part)
        return part

    def append_json(self, obj: Any, headers: Mapping[str, str] | MultiMapping[str] | None = None) -> Payload:
        """Add a value as JSON."""
        return self.append_payload(JsonPayload(obj, headers=headers or CIMultiDict()))

    def append_form(
        self,
        obj: Sequence[tuple[str, str]] | Mapping[str, str],
        headers: Mapping[str, str] | MultiMapping[str] | None = None,
    ) -> Payload:
        """Add the fields of a form, URL-encoded. Raises `TypeError` for what is no mapping and no pairs."""
        if not isinstance(obj, Sequence | Mapping) or isinstance(obj, str | bytes):
            raise TypeError(f"the fields of a form are a mapping or a sequence of pairs, and not {obj!r}")
        pairs = list(obj.items()) if isinstance(obj, Mapping) else obj
        content_type = "application/x-www-form-urlencoded"
        text = urlencode(pairs, doseq=True)
        return self.append_payload(
            StringPayload(text, headers=headers or CIMultiDict(), content_type=content_type)
        )

    # -- what it comes to ------------------------------------------------------------------------------

    @property
    def size(self) -> int | None:
        """Bytes of the whole body; ``None`` where a part is encoded, or its size is not known."""
        total = len(self._closing())
        is_known = True
        for part in self._parts:
            size = self._measure(part)
            if size is None:
                is_known = False
            else:
                total += len(self._opening(part)) + size + 2
        self._was_measured = True
        return total if is_known else None

    def _measure(self, part: Part) -> int | None:
        """The size of a part's content as it will be written, which its fields say, too. It changes while a
        file grows, or parts are added to a writer that is a part itself."""
        size = part.payload.size if part.is_plain else None
        if size is not None and not self._is_form_data:
            part.payload.headers[names.CONTENT_LENGTH] = str(size)
        return size

    def _is_measured(self) -> bool:
        """Whether the sizes are those that somebody was told: then they hold, however a file has grown."""
        nested = [part.payload for part in self._parts if isinstance(part.payload, MultipartWriter)]
        return self._was_measured and all(writer._is_measured() for writer in nested)

    def _opening(self, part: Part) -> bytes:
        lines = [f"--{self.boundary}"]
        for name, value in part.payload.headers.items():
            check_field(name, value)
            lines.append(f"{name}: {value}")
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")

    def _closing(self) -> bytes:
        return b"--%b--\r\n" % self._boundary

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The whole body as text, the parts before they are encoded. Blocks while a part is read from a file;
        raises `TypeError` where one can only be written."""
        texts: list[str] = []
        for part in self._parts:
            texts.append(self._opening(part).decode(encoding, errors))
            texts.append(part.payload.decode(getattr(part.payload, "encoding", None) or encoding, errors))
            texts.append("\r\n")
        return "".join([*texts, self._closing().decode()])

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """The whole body, as `write` writes it."""
        written = _Collector()
        await self.write(written)
        return b"".join(written.pieces)

    async def write(self, writer: Writer, close_boundary: bool = True) -> None:
        """Write all parts, and the last boundary unless told otherwise.

        Raises `ValueError` for a part of ``form-data`` that has lost its name, and what writing a part
        raises. Cancelled, a part of it is written."""
        if self._is_form_data:
            self._check_names()
        if not self._is_measured():
            _ = self.size
        ending = b""
        for part in self._parts:
            await writer.write(ending + self._opening(part))
            ending = b"\r\n"
            if part.is_plain:
                await part.payload.write(writer)
            else:
                encoder = PartWriter(writer, part.content_coding, part.transfer_encoding)
                await part.payload.write(encoder)
                await encoder.write_eof()
        await writer.write(ending + self._closing() if close_boundary else ending)

    def _check_names(self) -> None:
        for number, part in enumerate(self._parts):
            disposition = part.payload.headers.get(names.CONTENT_DISPOSITION, "")
            if "name=" not in disposition:
                raise ValueError(
                    f"part {number} of form-data has no name, its Content-Disposition is {disposition!r}: "
                    'call its set_content_disposition("form-data", name=...), with quote_fields=False '
                    "for a name that is not ASCII (RFC 7578, section 5.1)"
                )

    async def close(self) -> None:
        """Close all parts. What goes wrong with one is logged, and the others are closed nevertheless."""
        if self._consumed:
            return
        self._consumed = True
        for number, part in enumerate(self._parts):
            try:
                await let_go(part.payload)
            except Exception:
                _logger.exception("Error closing part %d of a multipart body", number)


class _Collector:
    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    async def write(self, chunk: Bytes, /) -> None:
        self.pieces.append(bytes(chunk))
