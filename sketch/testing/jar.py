"""The cookies that a client in memory keeps (RFC 6265, section 5): read out of ``Set-Cookie``, sent back to
where they belong. Public suffixes are not known here: the only server is the one under test.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.cookies import CookieError, Morsel, SimpleCookie

from yarl import URL

_FLAGS = frozenset({"httponly", "partitioned", "secure"})


@dataclass(frozen=True, slots=True)
class _Place:
    name: str
    host: str
    path: str


@dataclass(frozen=True, slots=True)
class _Kept:
    value: str
    sent: str
    """The value as it came, and as it goes: with its quotes."""
    is_for_subdomains: bool
    is_secure: bool
    expires: float | None


class CookieJar(Mapping[str, str]):
    """The cookies of one client; a mapping of names to values, of whatever place they are for."""

    def __init__(self) -> None:
        self._kept: dict[_Place, _Kept] = {}

    def __getitem__(self, name: str) -> str:
        for place, kept in self._kept.items():
            if place.name == name:
                return kept.value
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(place.name for place in self._kept))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __repr__(self) -> str:
        return f"<CookieJar {dict(self)}>"

    def set(self, name: str, value: str, url: URL) -> None:
        """Keep a cookie for the whole host of a URL."""
        self._kept[_Place(name, url.host or "", "/")] = _Kept(value, value, False, False, None)

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()

    def update(self, cookies: "SimpleCookie", url: URL, now: float) -> None:
        """Keep what an answer from this URL has set, at this time in seconds since 1970."""
        for name, morsel in cookies.items():
            self._update_one(name, morsel, url, now)

    def _update_one(self, name: str, morsel: "Morsel[str]", url: URL, now: float) -> None:
        host, domain = url.host or "", morsel["domain"].lstrip(".").lower()
        if domain and not _is_within(host, domain):
            return
        path = morsel["path"] if morsel["path"].startswith("/") else _directory(url.path)
        place = _Place(name, domain or host, path)
        expires = _expiry(morsel, now)
        if expires is not None and expires <= now:
            self._kept.pop(place, None)
        else:
            value, sent = morsel.value, morsel.coded_value
            self._kept[place] = _Kept(value, sent, bool(domain), bool(morsel["secure"]), expires)

    def select(self, url: URL, now: float) -> dict[str, str]:
        """The cookies to send to a URL, as they are sent, those for longer paths first."""
        fitting = [
            (place, kept)
            for place, kept in self._kept.items()
            if (kept.expires is None or kept.expires > now)
            and (url.scheme == "https" or not kept.is_secure)
            and (
                place.host == url.host or (kept.is_for_subdomains and _is_within(url.host or "", place.host))
            )
            and _is_below(url.path, place.path)
        ]
        fitting.sort(key=lambda pair: -len(pair[0].path))
        selected: dict[str, str] = {}
        for place, kept in fitting:
            selected.setdefault(place.name, kept.sent)
        return selected


def parse_set_cookies(values: list[str]) -> "SimpleCookie":
    """The cookies in ``Set-Cookie`` fields, as aiohttp's client gives them."""
    cookies: SimpleCookie = SimpleCookie()
    for value in values:
        pair, *attributes = value.split(";")
        name, _, text = map(str.strip, pair.partition("="))
        with suppress(CookieError):  # No name that Python has a place for.
            cookies[name] = ""
            cookies[name].set(name, cookies.value_decode(text)[0], text)
            _set_attributes(cookies[name], attributes)
    return cookies


def _set_attributes(morsel: "Morsel[str]", attributes: list[str]) -> None:
    for attribute in attributes:
        name, _, text = map(str.strip, attribute.partition("="))
        if name.lower() in morsel:  # One that this version of Python knows.
            is_flag = not text and name.lower() in _FLAGS
            morsel[name.lower()] = True if is_flag else text


def _expiry(morsel: "Morsel[str]", now: float) -> float | None:
    """Until when it is kept; ``None`` for as long as the client (RFC 6265, section 5.3)."""
    age = str(morsel["max-age"])
    if age.lstrip("-").isdigit():
        return now + int(age)
    try:
        return parsedate_to_datetime(morsel["expires"]).timestamp()
    except ValueError:
        return None


def _is_within(host: str, domain: str) -> bool:
    return host == domain or host.endswith("." + domain)


def _directory(path: str) -> str:
    """RFC 6265, section 5.1.4."""
    return path[: path.rfind("/")] or "/"


def _is_below(path: str, directory: str) -> bool:
    if path == directory or directory == "/":
        return True
    return path.startswith(directory if directory.endswith("/") else directory + "/")
