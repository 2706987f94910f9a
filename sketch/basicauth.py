"""Credentials of the Basic scheme (RFC 7617): a user's name and a password, as an ``Authorization`` field."""

import binascii
import warnings
from base64 import b64decode, b64encode
from typing import NamedTuple, Self

from yarl import URL


def encode_basic_auth(login: str, password: str = "", encoding: str = "utf-8") -> str:
    """The value of ``Authorization`` for these credentials (aiohttp documentation, ``encode_basic_auth``).

    ``encoding``
        of both; RFC 7617, section 2.1, recommends UTF-8.

    Raises `ValueError` for a colon in ``login``, where the password would seem to begin, and
    `UnicodeEncodeError` for characters that the encoding has not."""
    if ":" in login:
        raise ValueError(f"the login {login!r} has a colon, which none may have (RFC 7617, section 2)")
    return "Basic " + b64encode(f"{login}:{password}".encode(encoding)).decode("ascii")


class _Credentials(NamedTuple):
    login: str
    password: str
    encoding: str


class BasicAuth(_Credentials):
    """A login and a password (aiohttp documentation, ``BasicAuth``). Making one is deprecated, as in aiohttp:
    use `encode_basic_auth`. `decode` reads what a client sent, and is not deprecated.

    Raises `ValueError` for ``None`` and for a colon in ``login``."""

    __slots__ = ()

    def __new__(cls, login: str, password: str = "", encoding: str = "latin1") -> Self:
        if login is None or password is None:
            raise ValueError("neither the login nor the password can be None")
        if ":" in login:
            raise ValueError(
                f"the login {login!r} has a colon, which no login may have (RFC 7617, section 2)"
            )
        warnings.warn(
            "BasicAuth is deprecated: send encode_basic_auth(login, password) as the Authorization field",
            DeprecationWarning,
            stacklevel=2,
        )
        return cls._make((login, password, encoding))

    @classmethod
    def decode(cls, auth_header: str, encoding: str = "latin1") -> Self:
        """The credentials of an ``Authorization`` field.

        Raises `ValueError` for another scheme and for what is not the encoding of a login and a password."""
        scheme, _, encoded = auth_header.partition(" ")
        if not encoded:
            raise ValueError("an Authorization field has a scheme and, after a space, the credentials")
        if scheme.lower() != "basic":
            raise ValueError(f"the scheme is {scheme!r}, not Basic")
        try:
            decoded = b64decode(encoded.encode("ascii"), validate=True).decode(encoding)
        except (binascii.Error, UnicodeError) as error:
            raise ValueError(f"the credentials are no base64 of {encoding} text") from error
        login, colon, password = decoded.partition(":")
        if not colon:
            raise ValueError("the credentials have no colon between login and password")
        return cls._make((login, password, encoding))

    @classmethod
    def from_url(cls, url: URL, *, encoding: str = "latin1") -> Self | None:
        """The credentials in a URL; ``None`` where there are none. Raises `TypeError` for what is no URL."""
        if not isinstance(url, URL):
            raise TypeError(f"url should be a yarl.URL, got {url!r}")
        if url.raw_user is None and url.raw_password is None:
            return None
        return cls._make((url.user or "", url.password or "", encoding))

    def encode(self) -> str:
        """The value of ``Authorization``."""
        return encode_basic_auth(self.login, self.password, self.encoding)
