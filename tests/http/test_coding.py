"""What clients accept, and what bodies say they are in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.http.coding import ContentCoding, negotiate, read_codings

ALL = ("zstd", "br", "gzip", "deflate")


@pytest.mark.parametrize(
    ("accept_encoding", "available", "chosen"),
    [
        # The examples of RFC 9110, section 12.5.3.
        ("compress, gzip", ALL, "gzip"),
        ("", ALL, "identity"),
        ("*", ALL, "zstd"),
        ("compress;q=0.5, gzip;q=1.0", ALL, "gzip"),
        ("gzip;q=1.0, identity; q=0.5, *;q=0", ALL, "gzip"),
        # Its rules: no field at all; nothing but codings that are not there; identity excluded, or not.
        (None, ALL, "identity"),
        ("compress", ALL, "identity"),
        ("compress, identity;q=0", ALL, None),
        ("compress, *;q=0", ALL, None),
        ("*;q=0", ALL, None),
        ("*;q=0, identity;q=0.1", ALL, "identity"),
        ("identity;q=0", ALL, None),
        ("identity;q=0, *", ALL, "zstd"),
        ("gzip;q=0", ALL, "identity"),
        ("gzip;q=0.0, *", ALL, "zstd"),
        ("br;q=0, zstd;q=0.000, *;q=0.5", ALL, "gzip"),
        # Weights; the server decides among equals, and whatever was asked for goes before identity.
        ("gzip, deflate, br, zstd", ALL, "zstd"),
        ("gzip, deflate, br", ALL, "br"),
        ("gzip, deflate", ALL, "gzip"),
        ("gzip, deflate", ("deflate", "gzip"), "deflate"),
        ("gzip;q=0.001", ALL, "gzip"),
        ("gzip;q=0.9, br;q=0.8", ALL, "gzip"),
        ("gzip;q=0.5, identity", ALL, "identity"),
        ("gzip;q=0.5, identity;q=0.5", ALL, "gzip"),
        ("gzip;q=0.5, identity;q=0.5", ("identity", "gzip"), "identity"),
        ("gzip;q=0.5, *;q=1", ALL, "zstd"),
        ("gzip;q=0.5, *;q=1", ("gzip",), "identity"),
        ("*;q=0.1, gzip;q=0.2, identity;q=0.3", ALL, "identity"),
        # Names are case-insensitive; x-gzip is gzip (section 8.4.1.3).
        ("GZip", ALL, "gzip"),
        ("x-gzip", ALL, "gzip"),
        ("X-GZIP;q=0.7, br;q=0.6", ALL, "gzip"),
        ("gzip;q=0.1, x-gzip;q=0.9, br;q=0.5", ALL, "gzip"),
        # What cannot be read is passed over; white space is where it may be.
        ("gzip ; q=1 , br ;  Q=0.5", ALL, "gzip"),
        ("gzip;q=high, br;q=0.5", ALL, "br"),
        ("gzip;q=-1, br;q=nan, deflate;q=0.1", ALL, "deflate"),
        ("gzip;q=, br", ALL, "br"),
        ("gzip;level=9, br", ALL, "br"),
        ("gzip;q=7, br", ALL, "br"),
        ("gzip;q=7, br;q=0.9", ALL, "gzip"),
        (",, gzip,", ALL, "gzip"),
        (";q=1, gzip;q=0.1", ALL, "gzip"),
        ("gzip", (), "identity"),
    ],
)
def test_what_a_client_would_like_best(
    accept_encoding: str | None, available: tuple[str, ...], chosen: str | None
) -> None:
    assert negotiate(accept_encoding, available) == chosen


@given(st.text(alphabet='gzipbrdeflatx-*;q=0.19, "\\\t\x00ü', max_size=60))
def test_whatever_a_client_accepts(accept_encoding: str) -> None:
    assert negotiate(accept_encoding, ALL) in (*ALL, "identity", None)


@given(
    st.dictionaries(st.sampled_from([*ALL, "compress", "identity"]), st.integers(0, 1000), max_size=6),
    st.permutations(ALL),
)
def test_no_heavier_one_is_passed_over(weights: dict[str, int], available: list[str]) -> None:
    value = ", ".join(f"{name};q={weight / 1000:.3f}" for name, weight in weights.items())
    chosen = negotiate(value, available)
    offered = [name for name in (*available, "identity") if weights.get(name)]
    if offered:
        heaviest = max(weights[name] for name in offered)
        assert chosen == next(name for name in offered if weights[name] == heaviest)
    else:
        assert chosen == (None if "identity" in weights else "identity")


@pytest.mark.parametrize(
    ("values", "codings"),
    [
        ([], ()),
        ([""], ()),
        (["gzip"], ("gzip",)),
        (["X-GZip, br"], ("gzip", "br")),
        (["gzip", "identity, zstd"], ("gzip", "zstd")),
        (["identity"], ()),
        ([" aws-chunked ,, gzip"], ("aws-chunked", "gzip")),
    ],
)
def test_what_a_body_is_in(values: list[str], codings: tuple[str, ...]) -> None:
    assert read_codings(values) == codings


def test_the_codings_of_responses() -> None:
    """Those of aiohttp first, and ours."""
    assert [coding.value for coding in ContentCoding] == ["deflate", "gzip", "identity", "br", "zstd"]
    assert all(coding.name == coding.value for coding in ContentCoding)
