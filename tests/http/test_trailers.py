"""Which fields may come after a body."""

import pytest

from sketch.http.trailers import may_be_trailer


@pytest.mark.parametrize(
    "name",
    [
        "X-Sum",
        "Digest",
        "Content-Digest",
        "ETag",
        "Server-Timing",
        "grpc-status",
        "Contents",
        "Iffy",
        "Hosts",
    ],
)
def test_what_is_known_at_the_end_may_be_said_there(name: str) -> None:
    assert may_be_trailer(name)
    assert may_be_trailer(name.upper())


@pytest.mark.parametrize(
    "name",
    [
        "Transfer-Encoding", "Content-Length", "Trailer", "TE", "Connection", "Upgrade", "Host", "Forwarded",
        "X-Forwarded-For", "Via", "Cache-Control", "Expect", "Range", "If-Match", "If-Anything",
        "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "WWW-Authenticate", "Content-Type",
        "Content-Encoding",
        "Content-Range", "Content-Anything", "Location", "Date", "Vary", "Age", "Expires", "Retry-After",
    ],
)  # fmt: skip
def test_what_is_needed_before_may_not(name: str) -> None:
    assert not may_be_trailer(name)
    assert not may_be_trailer(name.lower())
    assert not may_be_trailer(name.upper())
