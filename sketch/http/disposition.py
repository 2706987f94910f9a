"""``Content-Disposition``: what a part or a body is called, read and written (RFC 2183, RFC 6266, RFC 7578).

It reads what strangers sent, in the forms that clients have come up with: quoted strings that are not quite,
names in a charset (RFC 8187, which followed RFC 5987) and names in numbered pieces (RFC 2231). What a name is
used for is not known here; that it may be ``../../etc/passwd`` is for the one who uses it to know.
"""

import re
import warnings
from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from .charset import decode_text
from .headers import is_token

_match_quoted = re.compile(r'"((?:[^"\\]++|\\.)*+)"[ \t]*(?=;|\Z)', re.DOTALL).match
_find_closing = re.compile(r'"[ \t]*+(?=;|\Z)').search
_match_continued = re.compile(r"[^*]+\*[0-9]+\*?").fullmatch
_unescape = re.compile(r"\\([\x00-\x7f])", re.DOTALL).sub
_find_control = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search
_is_plain = re.compile(r"[\t -~]*").fullmatch
# What aiohttp writes without a backslash in a quoted string; the others are legal with one.
_escape = re.compile(r"[^!#-\[\]-~]").sub

_OWS: Final = " \t"


class BadContentDispositionHeader(RuntimeWarning):
    """A ``Content-Disposition`` that cannot be read, or not to its end (aiohttp documentation)."""


class BadContentDispositionParam(RuntimeWarning):
    """A parameter of a ``Content-Disposition`` that was passed over (aiohttp documentation)."""


_Fault = BadContentDispositionHeader | BadContentDispositionParam


def parse_content_disposition(header: str | None) -> tuple[str | None, dict[str, str]]:
    """Type and parameters, as in ``("form-data", {"name": "file", "filename": "a.txt"})``.

    Type and names are in lower case. The value of ``name*`` is decoded; names in pieces are left in pieces
    (`content_disposition_filename`). ``(None, {})`` where there is none, or where it cannot be read: then
    this warns with `BadContentDispositionHeader`, or with `BadContentDispositionParam` for parameters that
    are passed over, as aiohttp does."""
    disposition, parameters, faults = read_disposition(header)
    for fault in faults:
        warnings.warn(fault, stacklevel=2)
    return disposition, parameters


def read_disposition(header: str | None) -> tuple[str | None, dict[str, str], list[_Fault]]:
    """As `parse_content_disposition`, with what was wrong in place of warnings: for what a stranger sent,
    who should not decide what a program warns of."""
    if not header:
        return None, {}, []
    kind, semicolon, rest = header.partition(";")
    kind = kind.strip(_OWS)
    faults: list[_Fault] = []
    if not is_token(kind):
        return None, {}, [BadContentDispositionHeader(header)]
    parameters: dict[str, str] = {}
    for name, value in _split(rest) if semicolon else ():
        if not name and value is None:
            # Nothing between two semicolons, or after the last one.
            faults.append(BadContentDispositionHeader(header))
            continue
        if value is None or name in parameters:
            return None, {}, [*faults, BadContentDispositionHeader(header)]
        if not is_token(name):
            faults.append(BadContentDispositionParam(f"{name}={value}"))
            continue
        decoded = _read_special(name, value) if _is_special(name) else _read_value(value)
        if decoded is not None:
            parameters[name] = decoded
        elif not _is_special(name):
            return None, {}, [*faults, BadContentDispositionHeader(header)]
        else:
            faults.append(BadContentDispositionParam(f"{name}={value}"))
    return kind.lower(), parameters, faults


def _split(text: str) -> Iterator[tuple[str, str | None]]:
    """The parameters as names and values as written. ``None`` is the value where there is no ``=``."""
    position = 0
    while position <= len(text):
        end = _find_end(text, position)
        name, equals, value = text[position:end].partition("=")
        yield name.strip(_OWS).lower(), value.strip(_OWS) if equals else None
        position = end + 1


def _find_end(text: str, start: int) -> int:
    """Where the parameter that begins at ``start`` ends: at a semicolon that is in no quoted string."""
    end = text.find(";", start)
    if end < 0:
        return len(text)
    equals = text.find("=", start, end)
    if equals < 0:
        return end
    begin = equals + 1 + len(text[equals + 1 : end]) - len(text[equals + 1 : end].lstrip(_OWS))
    if not text.startswith('"', begin):
        return end
    if (quoted := _match_quoted(text, begin)) is not None:
        return quoted.end()
    # Quotes inside that nobody escaped, as some clients write them: one before a semicolon ends it.
    closing = _find_closing(text, begin + 1)
    return len(text) if closing is None else closing.end()


def _is_quoted(value: str) -> bool:
    return len(value) >= 2 and value[0] == '"' == value[-1]


def _read_value(value: str) -> str | None:
    """What an ordinary parameter says; ``None`` where that cannot be told.

    A path's beginning is taken off quoted values, as old browsers sent it."""
    if _is_quoted(value):
        return _unescape(r"\1", value[1:-1].lstrip("\\/"))
    return value if is_token(value) else None


def _is_special(name: str) -> bool:
    return name.endswith("*") or _match_continued(name) is not None


def _read_special(name: str, value: str) -> str | None:
    """What ``name*`` (RFC 8187), ``name*0`` and ``name*0*`` (RFC 2231) say. Pieces are left encoded, because
    their charset is said in the first one only."""
    if _match_continued(name) is not None:
        if _is_quoted(value):
            return _unescape(r"\1", value[1:-1])
        return value if is_token(value) else None
    if not is_token(value) or value.count("'") != 2:
        return None
    charset, _, encoded = value.split("'")
    # A token is ASCII: where nothing is encoded, whatever the charset is called does not matter.
    return _decode(unquote_to_bytes(encoded), charset) if "%" in encoded else encoded


def _decode(octets: bytes, charset: str) -> str | None:
    try:
        return decode_text(octets, charset or "utf-8")
    except (LookupError, UnicodeError):
        return None


def content_disposition_filename(params: Mapping[str, str], name: str = "filename") -> str | None:
    """The parameter ``name`` in whichever form it was sent: in a charset, plain, or in pieces, in this order
    (RFC 6266, section 4.3; RFC 2231, section 3).

    ``None`` where there is none, or none that can be decoded."""
    for form in (f"{name}*", name):
        if form in params:
            return params[form]
    pieces = list(_pieces(params, name))
    if not pieces:
        return None
    first, is_encoded = pieces[0]
    if not is_encoded or first.count("'") < 2:
        return "".join([piece for piece, _ in pieces])
    charset, _, rest = first.split("'", 2)
    texts: list[str | None] = []
    # A character may be cut in two where both pieces are encoded.
    for is_encoded, run in groupby([(rest, True), *pieces[1:]], key=itemgetter(1)):
        text = "".join([piece for piece, _ in run])
        texts.append(_decode(unquote_to_bytes(text), charset) if is_encoded else text)
    return None if None in texts else "".join(filter(None, texts))


def _pieces(params: Mapping[str, str], name: str) -> Iterator[tuple[str, bool]]:
    """The pieces ``name*0``, ``name*1``... as far as none is missing, and whether they are encoded."""
    number = 0
    while True:
        for key in (f"{name}*{number}", f"{name}*{number}*"):
            if key in params:
                yield params[key], key.endswith("*")
                break
        else:
            return
        number += 1


# -- writing -----------------------------------------------------------------------------------------------


def content_disposition_header(
    disposition: str,
    quote_fields: bool = True,
    params: Mapping[str, str] | None = None,
    *,
    charset: str = "utf-8",
) -> str:
    """The value of a ``Content-Disposition`` field, as aiohttp writes it.

    ``disposition``
        its type: ``form-data``, ``attachment``, ``inline``.
    ``quote_fields``
        write ASCII only: file names percent-encoded (RFC 7578, section 4.2), other parameters that need it as
        ``name*=utf-8''...`` (RFC 8187). Without, values are written as they are, with ``"`` and ``\\``
        escaped, for recipients that expect that.
    ``charset``
        the one in which what is not ASCII is percent-encoded.

    Raises `ValueError` for a type or a name that is not a token, and for control characters where they cannot
    be encoded."""
    if not is_token(disposition):
        raise ValueError(f"{disposition!r} is not a content disposition type: it must be a token")
    written = [disposition]
    for name, value in (params or {}).items():
        if not is_token(name):
            raise ValueError(f"{name!r} is not the name of a parameter ({value!r}): it must be a token")
        written.append(_write(name, value, charset) if quote_fields else _write_as_it_is(name, value))
    return "; ".join(written)


def _write(name: str, value: str, charset: str) -> str:
    if name.lower() == "filename":
        return f'{name}="{quote(value, "", encoding=charset)}"'
    if _is_plain(value) is None:
        return f"{name}*={charset}''{quote(value, '', encoding=charset)}"
    escaped = _escape(r"\\\g<0>", value)
    return f'{name}="{escaped}"'


def _write_as_it_is(name: str, value: str) -> str:
    if (found := _find_control(value)) is not None:
        raise ValueError(f"{name}={value!r}: {found[0]!r} cannot be written without quote_fields=True")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name}="{escaped}"'
