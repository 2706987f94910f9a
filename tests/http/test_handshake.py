"""The opening handshake: which requests open a WebSocket, and what is agreed on for it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.http.exchange import Exchange
from sketch.http.handshake import Deflate, HandshakeError, WebSocketAgreement, WebSocketOffer, prove
from sketch.http.heads import HttpVersion10
from sketch.http.memory import MemoryExchange

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
FIELDS = {
    "Host": "example.org",
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
}


def offer_of(method: str = "GET", without: str = "", **fields: str) -> WebSocketOffer:
    """What a request offers that is a handshake but for these fields."""
    all_fields = FIELDS | {name.replace("_", "-"): value for name, value in fields.items()}
    all_fields.pop(without, None)
    return MemoryExchange(method, "/", all_fields).read_websocket_offer()


def refusal(exchange: Exchange) -> HandshakeError:
    with pytest.raises(HandshakeError) as caught:
        exchange.read_websocket_offer()
    return caught.value


# -- the request -----------------------------------------------------------------------------------------


def test_the_example_of_the_rfc() -> None:
    """RFC 6455, section 1.3."""
    offer = offer_of(Sec_WebSocket_Protocol="chat, superchat")
    assert offer == WebSocketOffer(["chat", "superchat"], "", KEY)
    assert offer.agree(["superchat", "chat"]) == WebSocketAgreement(
        101,
        [
            ("Upgrade", "websocket"),
            ("Connection", "upgrade"),
            ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            ("Sec-WebSocket-Protocol", "chat"),
        ],
        "chat",
        None,
    )
    assert prove(KEY) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize(
    ("fields", "of_offer"),
    [
        ({"Upgrade": "WebSocket"}, {}),
        ({"Upgrade": "h2c, websocket"}, {}),
        ({"Connection": "keep-alive, UPGRADE"}, {}),
        ({"Sec_WebSocket_Protocol": "a,b ,\tc"}, {"protocols": ["a", "b", "c"]}),
        ({"Sec_WebSocket_Extensions": "x; y"}, {"extensions": "x; y"}),
    ],
)
def test_what_opens_a_websocket(fields: dict[str, str], of_offer: dict[str, Any]) -> None:
    assert offer_of(**fields) == WebSocketOffer(key=KEY)._replace(
        protocols=of_offer.get("protocols", []), extensions=of_offer.get("extensions", "")
    )


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"without": "Upgrade"}, 400, "Upgrade: websocket and Connection: Upgrade are missing"),
        ({"without": "Connection"}, 400, "are missing"),
        ({"Upgrade": "websockets"}, 400, "are missing"),
        ({"Connection": "close"}, 400, "are missing"),
        ({"method": "POST"}, 400, "a WebSocket is opened with GET, not with POST"),
        ({"method": "HEAD"}, 400, "not with HEAD"),
        ({"without": "Sec-WebSocket-Version"}, 426, "Sec-WebSocket-Version is '', and only 13 is spoken"),
        ({"Sec_WebSocket_Version": "8"}, 426, "is '8'"),
        ({"Sec_WebSocket_Version": "013"}, 426, "is '013'"),
        ({"Sec_WebSocket_Version": "13, 8"}, 426, "is '13, 8'"),
        ({"without": "Sec-WebSocket-Key"}, 400, "Sec-WebSocket-Key is '', and not 16 bytes in base64"),
        ({"Sec_WebSocket_Key": "c2hvcnQ="}, 400, "not 16 bytes"),
        ({"Sec_WebSocket_Key": KEY[:-1]}, 400, "not 16 bytes"),
        ({"Sec_WebSocket_Key": "!" * 22 + "=="}, 400, "not 16 bytes"),
        ({"Sec_WebSocket_Key": f"{KEY}, {KEY}"}, 400, "not 16 bytes"),
    ],
)
def test_what_opens_none(changes: dict[str, str], status: int, message: str) -> None:
    with pytest.raises(HandshakeError, match=message) as caught:
        offer_of(**changes)
    assert caught.value.status == status
    fields = [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
    assert list(caught.value.fields) == (fields if status == 426 else [])


def test_fields_that_come_twice() -> None:
    pairs = list(FIELDS.items())
    for name in ("Sec-WebSocket-Key", "Sec-WebSocket-Version"):
        assert refusal(MemoryExchange("GET", "/", [*pairs, (name, FIELDS[name])])).status in (400, 426)
    twice = [*pairs, ("Sec-WebSocket-Protocol", "a"), ("Sec-WebSocket-Protocol", "b, c")]
    assert list(MemoryExchange("GET", "/", twice).read_websocket_offer().protocols) == ["a", "b", "c"]


def test_http_1_0_knows_no_upgrade() -> None:
    """RFC 9110, section 7.8."""
    assert refusal(MemoryExchange("GET", "/", FIELDS, version=HttpVersion10)).status == 400


# -- subprotocols ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offered", "spoken", "chosen"),
    [
        ([], [], None),
        ([], ["a"], None),
        (["a"], [], None),
        (["a", "b"], ["b"], "b"),
        (["a", "b"], ["b", "a"], "a"),
        (["A"], ["a"], None),
    ],
)
def test_the_clients_order_counts(offered: list[str], spoken: list[str], chosen: str | None) -> None:
    agreement = WebSocketOffer(offered, "", KEY).agree(spoken)
    assert agreement.protocol == chosen
    assert [value for name, value in agreement.fields if name == "Sec-WebSocket-Protocol"] == [
        each for each in [chosen] if each
    ]


def test_where_nothing_is_to_be_proved() -> None:
    """RFC 8441, section 5."""
    assert WebSocketOffer(["a"]).agree(["a"]) == WebSocketAgreement(
        200, [("Sec-WebSocket-Protocol", "a")], "a", None
    )


# -- permessage-deflate: RFC 7692, section 7.1 -------------------------------------------------------------

PLAIN = Deflate()
FORGETFUL = Deflate(server_no_context_takeover=True, client_no_context_takeover=True)
SMALL = Deflate(server_max_window_bits=10, client_max_window_bits=11)

AGREEMENTS = [
    # No offer, or none of it.
    ("", PLAIN, None),
    ("x-webkit-deflate-frame", PLAIN, None),
    ("permessage-bzip2; client_max_window_bits", PLAIN, None),
    # Nothing asked, nothing given but what the server wants.
    ("permessage-deflate", PLAIN, ""),
    (" permessage-deflate ", PLAIN, ""),
    ("permessage-deflate;", PLAIN, None),
    ("permessage-deflate", FORGETFUL, "; server_no_context_takeover; client_no_context_takeover"),
    ("permessage-deflate", SMALL, "; server_max_window_bits=10"),
    # 7.1.1: context takeover.
    ("permessage-deflate; server_no_context_takeover", PLAIN, "; server_no_context_takeover"),
    ("permessage-deflate; client_no_context_takeover", PLAIN, "; client_no_context_takeover"),
    (
        "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
        PLAIN,
        "; server_no_context_takeover; client_no_context_takeover",
    ),
    ("permessage-deflate; server_no_context_takeover=1", PLAIN, None),
    ("permessage-deflate; client_no_context_takeover=", PLAIN, None),
    # 7.1.2.1: the window of the server. It has a value, which bounds it.
    ("permessage-deflate; server_max_window_bits=15", PLAIN, "; server_max_window_bits=15"),
    ("permessage-deflate; server_max_window_bits=12", PLAIN, "; server_max_window_bits=12"),
    ('permessage-deflate; server_max_window_bits="12"', PLAIN, "; server_max_window_bits=12"),
    ("permessage-deflate; server_max_window_bits = 12", PLAIN, "; server_max_window_bits=12"),
    ("permessage-deflate; server_max_window_bits=12", SMALL, "; server_max_window_bits=10"),
    ("permessage-deflate; server_max_window_bits=9", SMALL, "; server_max_window_bits=9"),
    ("permessage-deflate; server_max_window_bits", PLAIN, None),
    ("permessage-deflate; server_max_window_bits=7", PLAIN, None),
    ("permessage-deflate; server_max_window_bits=16", PLAIN, None),
    ("permessage-deflate; server_max_window_bits=012", PLAIN, None),
    ("permessage-deflate; server_max_window_bits=-9", PLAIN, None),
    ("permessage-deflate; server_max_window_bits=ten", PLAIN, None),
    # zlib has no such compressor.
    ("permessage-deflate; server_max_window_bits=8", PLAIN, None),
    # 7.1.2.2: the window of the client. It may have no value, and is the server's to choose only then.
    ("permessage-deflate; client_max_window_bits", PLAIN, ""),
    (
        "permessage-deflate; client_max_window_bits",
        SMALL,
        "; server_max_window_bits=10; client_max_window_bits=11",
    ),
    ("permessage-deflate; client_max_window_bits=10", PLAIN, "; client_max_window_bits=10"),
    ("permessage-deflate; client_max_window_bits=15", PLAIN, ""),
    ("permessage-deflate; client_max_window_bits=8", PLAIN, "; client_max_window_bits=8"),
    (
        "permessage-deflate; client_max_window_bits=13",
        SMALL,
        "; server_max_window_bits=10; client_max_window_bits=11",
    ),
    ("permessage-deflate; client_max_window_bits=", PLAIN, None),
    ("permessage-deflate; client_max_window_bits=7", PLAIN, None),
    ("permessage-deflate; client_max_window_bits=16", PLAIN, None),
    # What is not known, or said twice, is declined as a whole.
    ("permessage-deflate; unknown", PLAIN, None),
    ("permessage-deflate; Server_No_Context_Takeover", PLAIN, None),
    ("permessage-deflate; client_max_window_bits; client_max_window_bits=10", PLAIN, None),
    ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", PLAIN, None),
    # The first offer that can be taken is (section 5.1).
    ("permessage-deflate; unknown, permessage-deflate", PLAIN, ""),
    (
        "permessage-deflate; server_max_window_bits=8, other, permessage-deflate; server_max_window_bits=10",
        PLAIN,
        "; server_max_window_bits=10",
    ),
    (
        "permessage-deflate; server_no_context_takeover, permessage-deflate",
        PLAIN,
        "; server_no_context_takeover",
    ),
    # Not offered by the server.
    ("permessage-deflate", None, None),
]


@pytest.mark.parametrize(("offered", "wanted", "answer"), AGREEMENTS)
def test_compression(offered: str, wanted: Deflate | None, answer: str | None) -> None:
    agreement = WebSocketOffer(extensions=offered).agree((), wanted)
    expected = [] if answer is None else [("Sec-WebSocket-Extensions", f"permessage-deflate{answer}")]
    assert agreement.fields == expected
    assert (agreement.deflate is None) is (answer is None)
    if agreement.deflate is not None:
        bounded = "server_max_window_bits" in offered
        assert f"permessage-deflate{answer}" == agreement.deflate.encode(is_bounded=bounded)


BITS = st.integers(9, 15)
DEFLATE = st.builds(Deflate, st.booleans(), st.booleans(), BITS, BITS)


@given(DEFLATE, DEFLATE, st.booleans())
def test_neither_side_gets_more_than_it_wants(offered: Deflate, wanted: Deflate, can_shrink: bool) -> None:
    parameters = [offered.encode()]
    if can_shrink and offered.client_max_window_bits == 15:
        parameters.append("client_max_window_bits")
    agreed = WebSocketOffer(extensions="; ".join(parameters)).agree((), wanted).deflate
    assert agreed is not None
    agreed.check()
    for name in ("server_no_context_takeover", "client_no_context_takeover"):
        assert getattr(agreed, name) is (getattr(offered, name) or getattr(wanted, name))
    assert agreed.server_max_window_bits == min(offered.server_max_window_bits, wanted.server_max_window_bits)
    is_said = can_shrink or offered.client_max_window_bits != 15
    assert agreed.client_max_window_bits == (
        min(offered.client_max_window_bits, wanted.client_max_window_bits) if is_said else 15
    )


WORDS = st.sampled_from(
    ["permessage-deflate", "server_max_window_bits", "client_max_window_bits", "server_no_context_takeover",
     ";", ",", "=", '"', "\\", " ", "8", "12", "15", "\u0661", "\xff", "permessage-deflate; "]
)  # fmt: skip


@given(st.lists(WORDS | st.text(max_size=3), max_size=12).map("".join), DEFLATE)
def test_no_offer_raises(extensions: str, wanted: Deflate) -> None:
    agreement = WebSocketOffer(extensions=extensions).agree((), wanted)
    if agreement.deflate is not None:
        assert agreement.deflate.server_max_window_bits <= wanted.server_max_window_bits
        assert 8 <= agreement.deflate.client_max_window_bits <= 15
        agreement.fields[0][1].encode("ascii")


@given(
    st.dictionaries(
        st.sampled_from([*FIELDS, "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"]),
        st.binary(max_size=30) | st.sampled_from([value.encode() for value in FIELDS.values()]),
    )
)
def test_no_request_raises_anything_else(fields: dict[str, bytes]) -> None:
    pairs = [
        (name, fields.get(name, value.encode()))
        for name, value in (FIELDS | dict.fromkeys(fields, "")).items()
    ]
    try:
        offer = MemoryExchange("GET", "/", pairs).read_websocket_offer()
    except HandshakeError as error:
        assert error.status in (400, 426)
    else:
        assert offer.agree(["a"], PLAIN).status == 101


@pytest.mark.parametrize(
    "deflate",
    [Deflate(server_max_window_bits=8), Deflate(client_max_window_bits=16), Deflate(False, False, True)],
)
def test_windows_that_zlib_has_not(deflate: Deflate) -> None:
    with pytest.raises(ValueError, match="a window has 9 to 15 bits"):
        deflate.check()


# -- the answer to offers of permessage-deflate ----------------------------------------------------------


def answer_to(extensions: str, wanted: Deflate | None = Deflate()) -> str | None:  # noqa: B008 (immutable)
    agreement = WebSocketOffer(extensions=extensions).agree(deflate=wanted)
    fields = dict(agreement.fields)
    assert (agreement.deflate is None) == ("Sec-WebSocket-Extensions" not in fields)
    return fields.get("Sec-WebSocket-Extensions")


def test_nothing_is_said_of_what_is_as_usual() -> None:
    assert answer_to("permessage-deflate") == "permessage-deflate"
    assert answer_to("permessage-deflate; client_max_window_bits") == "permessage-deflate"
    assert answer_to("permessage-deflate; client_max_window_bits=15") == "permessage-deflate"


@pytest.mark.parametrize("bits", range(9, 16))
def test_a_bound_for_the_server_is_always_confirmed(bits: int) -> None:
    """Section 7.1.2.1: also the largest one, which is none. Some clients fail the connection otherwise."""
    confirmed = f"permessage-deflate; server_max_window_bits={bits}"
    assert answer_to(confirmed) == confirmed
    assert answer_to(f'permessage-deflate; server_max_window_bits="{bits}"') == confirmed


def test_the_smaller_window_of_the_two() -> None:
    wanted = Deflate(server_max_window_bits=12, client_max_window_bits=12)
    both = "permessage-deflate; server_max_window_bits={}; client_max_window_bits={}"
    assert answer_to(both.format(15, 15), wanted) == both.format(12, 12)
    assert answer_to(both.format(9, 10), wanted) == both.format(9, 10)
    assert answer_to("permessage-deflate", wanted) == "permessage-deflate; server_max_window_bits=12"


def test_the_first_offer_that_can_be_taken() -> None:
    offers = "x-other, permessage-deflate; server_max_window_bits=8, permessage-deflate; unknown"
    assert answer_to(offers) is None
    assert answer_to(f"{offers}, permessage-deflate; server_no_context_takeover") == (
        "permessage-deflate; server_no_context_takeover"
    )
    assert answer_to("permessage-deflate", None) is None
