"""What proxies say: good and bad values, and lists whose left part is somebody else's."""

import ipaddress
import re

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import assume, given
from hypothesis import strategies as st
from multidict import CIMultiDict

from sketch.http.forwarded import (
    Hop,
    Node,
    last_element,
    list_forwarded,
    parse_authority,
    parse_forwarded_for,
    parse_node,
    parse_port,
    parse_scheme,
    read_forwarded,
    read_forwarded_for,
)

UNKNOWN = Node(None)
A = Node("192.0.2.1")
B = Node("192.0.2.2")


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("192.0.2.1", A),
        ("192.0.2.1:4711", Node("192.0.2.1", 4711)),
        ("192.0.2.1:0", A),
        ("192.0.2.1:_port", A),
        ("[2001:DB8::1]", Node("2001:db8::1")),
        ("[2001:db8:0:0::1]:443", Node("2001:db8::1", 443)),
        ("[::ffff:192.0.2.1]:80", Node("192.0.2.1", 80)),
        ("[::ffff:c000:201]", A),
        ("unknown", UNKNOWN),
        ("Unknown", UNKNOWN),
        ("unknown:80", Node(None, 80)),
        ("_hidden", Node(None, 0, "_hidden")),
        ("_SEVKISEK.a-b_c:_80", Node(None, 0, "_SEVKISEK.a-b_c")),
    ],
)
def test_nodes(text: str, node: Node) -> None:
    assert parse_node(text) == node


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "localhost", "example.com", "-", "unix:", "192.0.2", "192.0.2.1.5", "192.0.2.256",
        "192.0.2.01", "0x7f.0.0.1", "3221225985", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:123456",
        "192.0.2.1:-1", "192.0.2.1:+1", "192.0.2.1:_", "192.0.2.1 ", "192.0.2.1\n", "192.0.2.1/24",
        "١٩٢.0.2.1", "2001:db8::1", "[2001:db8::1", "2001:db8::1]", "[]", "[:]", "[192.0.2.1]",
        "[2001:db8::1]443", "[fe80::1%eth0]", "[fe80::1%25eth0]", "[v1.a]", "[::1::]", "[12345::]", "_",
        "_a b", "_" + "a" * 300, "_é", "unknown unknown", '"192.0.2.1"',
    ],
)  # fmt: skip
def test_what_is_no_node(text: str) -> None:
    with pytest.raises(ValueError):
        parse_node(text)


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("192.0.2.1", A),
        ("192.0.2.1:4711", Node("192.0.2.1", 4711)),
        ("2001:db8::1", Node("2001:db8::1")),
        ("::", Node("::")),
        ("::ffff:192.0.2.1", A),
        ("[2001:db8::1]", Node("2001:db8::1")),
        ("[2001:db8::1]:443", Node("2001:db8::1", 443)),
        ("unknown", UNKNOWN),
    ],
)
def test_elements_of_x_forwarded_for(text: str, node: Node) -> None:
    assert parse_forwarded_for(text) == node


@pytest.mark.parametrize(
    "text", ["_hidden", "fe80::1%eth0", "2001:db8::1:443:x", "1::2::3", "::1]", "-", "a"]
)
def test_what_is_no_element_of_x_forwarded_for(text: str) -> None:
    with pytest.raises(ValueError):
        parse_forwarded_for(text)


@pytest.mark.parametrize(
    ("text", "authority"),
    [
        ("example.com", ("example.com", None)),
        ("EXAMPLE.com.", ("EXAMPLE.com.", None)),
        ("example.com:8080", ("example.com", 8080)),
        ("my_host-1", ("my_host-1", None)),
        ("xn--bcher-kva.example", ("xn--bcher-kva.example", None)),
        ("192.0.2.1:80", ("192.0.2.1", 80)),
        ("[2001:db8::1]", ("[2001:db8::1]", None)),
        ("[2001:db8::1]:80", ("[2001:db8::1]", 80)),
    ],
)
def test_authorities(text: str, authority: tuple[str, int | None]) -> None:
    assert parse_authority(text) == authority


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "-a", "a b", "a,b", "a:", "a:0", "a:65536", "a:b", "a:1:2", "user@a", "a/b", "a?b", "a#b",
        "a\\b", "a\n", "a\r\nb", "bücher.example", "[::1", "[]", "[192.0.2.1]", "[::1]x", "[fe80::1%e]",
        "%61", "a" * 300, "http://a", "<a>", '"a"',
    ],
)  # fmt: skip
def test_what_is_no_authority(text: str) -> None:
    with pytest.raises(ValueError):
        parse_authority(text)


def test_schemes() -> None:
    schemes = {"http": "http", "HTTPS": "https", "ws": "http", "WSS": "https", "gopher": None, "h2c": None}
    assert {text: parse_scheme(text) for text in schemes} == schemes
    for text in ("", "1http", "http:", "http, https", "https\n", "hïttp"):
        with pytest.raises(ValueError):
            parse_scheme(text)


def test_ports() -> None:
    assert [parse_port(text) for text in ("1", "80", "00443", "65535")] == [1, 80, 443, 65535]
    for text in ("", "0", "65536", "000080", "-1", "+1", " 1", "1 ", "٣", "²", "0x50", "1_0"):
        with pytest.raises(ValueError):
            parse_port(text)


def test_the_last_element() -> None:
    assert last_element([]) is None
    assert last_element(["a"]) == "a"
    assert last_element(["a, b\t"]) == "b"
    assert last_element(["a", "b, c", "d"]) == "d"
    assert last_element(["a,"]) == ""


# -- lists, from the right -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "nodes"),
    [
        ([], []),
        ([""], []),
        (["192.0.2.1"], [A]),
        (["192.0.2.1, 192.0.2.2"], [B, A]),
        (["192.0.2.1", "192.0.2.2"], [B, A]),
        (["192.0.2.1,192.0.2.2\t,"], [B, A]),
        (["192.0.2.1,,, ,192.0.2.2"], [B, A]),
        (["192.0.2.1, unknown, 192.0.2.2"], [B, UNKNOWN, A]),
        (["192.0.2.1, junk, 192.0.2.2"], [B]),
        (["192.0.2.1", "junk", "192.0.2.2"], [B]),
        (["192.0.2.1, junk"], []),
        (["192.0.2.1 192.0.2.2"], []),
        (['"192.0.2.1, 192.0.2.2'], [B]),
        (["192.0.2.1\udcff, 192.0.2.2"], [B]),
    ],
)
def test_x_forwarded_for(lines: list[str], nodes: list[Node]) -> None:
    assert list(read_forwarded_for(lines)) == nodes


def hop(node: Node | None = None, scheme: str | None = None, authority: str | None = None) -> Hop:
    return Hop(node, scheme, authority)


@pytest.mark.parametrize(
    ("lines", "hops"),
    [
        ([], []),
        (["", " , ,"], []),
        (["for=192.0.2.1"], [hop(A)]),
        (["For=192.0.2.1;PROTO=HTTPS;Host=example.com"], [hop(A, "https", "example.com")]),
        (["for=192.0.2.1;by=_me;secret=x"], [hop(A)]),
        ([";for=192.0.2.1;;"], [hop(A)]),
        (['for="[2001:db8::1]:80"'], [hop(Node("2001:db8::1", 80))]),
        (['for="192.0.2.1:80"'], [hop(Node("192.0.2.1", 80))]),
        (['for="_hidden"'], [hop(Node(None, 0, "_hidden"))]),
        (["for=unknown"], [hop(UNKNOWN)]),
        (["proto=https"], [hop(scheme="https")]),
        (["proto=gopher"], [hop()]),
        (['host="example.com:81"'], [hop(authority="example.com:81")]),
        (["for=192.0.2.1, for=192.0.2.2"], [hop(B), hop(A)]),
        (["for=192.0.2.1,for=192.0.2.2 ,, "], [hop(B), hop(A)]),
        (["for=192.0.2.1", "for=192.0.2.2;proto=http"], [hop(B, "http"), hop(A)]),
        (['for=192.0.2.1;ext="a, b; c"', "for=192.0.2.2"], [hop(B), hop(A)]),
        # Malformed: the end.
        (["for=192.0.2.1, for=nobody, for=192.0.2.2"], [hop(B)]),
        (["for=192.0.2.1, for, for=192.0.2.2"], [hop(B)]),
        (["for=192.0.2.1, for=, for=192.0.2.2"], [hop(B)]),
        (["for=192.0.2.1, =x, for=192.0.2.2"], [hop(B)]),
        (["for=192.0.2.1, for=192.0.2.1;for=192.0.2.1, for=192.0.2.2"], [hop(B)]),
        (["for=192.0.2.1, for=192.0.2.1;FOR=192.0.2.1, for=192.0.2.2"], [hop(B)]),
        (["for=192.0.2.1, for = 192.0.2.1, for=192.0.2.2"], [hop(B)]),
        (["for=192.0.2.1, for=192.0.2.1; proto=http, for=192.0.2.2"], [hop(B)]),
        (["for=192.0.2.1, for=192.0.2.1:80, for=192.0.2.2"], [hop(B)]),
        (["for=192.0.2.1, for=[2001:db8::1], for=192.0.2.2"], [hop(B)]),
        (['for=192.0.2.1, for="192.0.2.1, for=192.0.2.2'], [hop(B)]),
        (["for=192.0.2.1, for=192.0.2.1;host=a b, for=192.0.2.2"], [hop(B)]),
        (['for=192.0.2.1, for=192.0.2.1;host="a,b", for=192.0.2.2'], [hop(B)]),
        (["for=192.0.2.1, for=192.0.2.1;proto=1, for=192.0.2.2"], [hop(B)]),
        (['for=192.0.2.1, for="\\_a", for=192.0.2.2'], [hop(B)]),
        (["for=192.0.2.1, for=192.0.2.1\n, for=192.0.2.2"], [hop(B)]),
        (["for=192.0.2.1\udcff, for=192.0.2.2"], [hop(B)]),
        (['for="192.0.2.1"x, for=192.0.2.2'], [hop(B)]),
    ],
)
def test_forwarded(lines: list[str], hops: list[Hop]) -> None:
    assert list(read_forwarded(lines)) == hops


OWN = 'for="[2001:db8::7]:9";proto=https;host="example.com"'
OWN_HOP = hop(Node("2001:db8::7", 9), "https", "example.com")


@pytest.mark.parametrize(
    "before",
    [
        'for="', 'for="a', 'for="a, for=', '"', '\\"', 'for="\\', 'for=192.0.2.1;host="', ";", "=", "for=x;",
        'for="[2001:db8::7]:9";proto=https;host=', 'a="b";c="', "for=192.0.2.9, ", 'x="y" ',
    ],
)  # fmt: skip
def test_nothing_on_the_left_changes_what_the_last_proxy_says(before: str) -> None:
    assert next(read_forwarded([f"{before}, {OWN}"])) == OWN_HOP
    assert next(read_forwarded([f"{before},{OWN}"])) == OWN_HOP
    assert next(read_forwarded([before, OWN])) == OWN_HOP


# Texts that are nearly what is expected.
SPICED = st.text(st.sampled_from(list('for=proto;host",\\ \t192.0.2:[]_%aé\udcff\n')), max_size=60)


@given(SPICED | st.text(max_size=60))
def test_anything_on_the_left_leaves_the_last_proxys_words(before: str) -> None:
    assert next(read_forwarded([f"{before},{OWN}"])) == OWN_HOP
    assert next(read_forwarded_for([f"{before},192.0.2.1"])) == A


@given(st.lists(SPICED | st.text(max_size=60), max_size=4))
def test_reading_never_raises(lines: list[str]) -> None:
    for found in read_forwarded(lines):
        if found.node is not None and found.node.ip is not None:
            ipaddress.ip_address(found.node.ip)
    for node in read_forwarded_for(lines):
        if node.ip is not None:
            ipaddress.ip_address(node.ip)


@given(SPICED | st.text(max_size=30))
def test_values_are_values_or_value_errors(text: str) -> None:
    for parse in (parse_node, parse_forwarded_for, parse_scheme, parse_port, parse_authority):
        try:
            parse(text)
        except ValueError:
            pass


def test_long_lists_are_read_in_one_pass() -> None:
    """All of a field as long as a head may be."""
    for line in ("::1," * 16000, "," * 65000, "a" * 65000, '"' * 65000, "a=" * 32000, ";" * 65000):
        assert len(list(read_forwarded_for([line]))) in (0, 16000)
        assert len(list(read_forwarded([line]))) <= 1
    assert len(list(read_forwarded(['for="::1",'.replace("::1", "[::1]") * 5000]))) == 5000


@pytest.mark.parametrize(
    ("lines", "elements"),
    [
        ([], []),
        ([""], [{}]),
        (["for=a;by=b, for=c"], [{"for": "a", "by": "b"}, {"for": "c"}]),
        (["For=a", "FOR=b"], [{"for": "a"}, {"for": "b"}]),
        (['for="[2001:db8::1]:47011"'], [{"for": "[2001:db8::1]:47011"}]),
        (["for=1.2.3.4:47011"], [{"for": "1.2.3.4:47011"}]),
        (["for=1.2.3.4:123456"], [{"for": "1.2.3.4"}]),
        ([r'for="a\"b, c\\"'], [{"for": 'a"b, c\\'}]),
        (["for=a by=b, for=c"], [{"for": "a"}, {"for": "c"}]),
        (['for="a, for=b'], [{}, {"for": "b"}]),
        ([" for=a ; by=b ,"], [{"for": "a", "by": "b"}, {}]),
    ],
)
def test_all_that_was_said(lines: list[str], elements: list[dict[str, str]]) -> None:
    found = list_forwarded(lines)
    assert [dict(each) for each in found] == elements
    for each in found:
        with pytest.raises(TypeError):
            each["for"] = "x"  # type: ignore[index]


PIECES = ("for=", "a", '"', "\\", ";", ",", " ", "\t", "=", ":", "1", "by=x", 'host="a;b,c"', "é", "[::1]")
pieces = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@given(st.lists(pieces, max_size=3))
def test_aiohttp_finds_the_same(lines: list[str]) -> None:
    fields = CIMultiDict([("Forwarded", line) for line in lines])
    theirs = make_mocked_request("GET", "/", fields).forwarded
    # Behind a value it takes four digits of a port only.
    assume(not any(re.search(r":\d{5}", line) for line in lines))
    assert list_forwarded(lines) == [dict(each) for each in theirs]


def test_a_long_line_takes_its_time_and_no_more() -> None:
    assert len(list_forwarded(["for=a;" * 20_000])) == 1
    assert len(list_forwarded(['for="' * 20_000])) == 1
    assert len(list_forwarded(["," * 20_000])) == 20_001
