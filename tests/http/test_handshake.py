"""What is answered to offers of permessage-deflate (RFC 7692, section 7.1)."""

import pytest

from sketch.http.handshake import Deflate, WebSocketOffer


def answer(extensions: str, wanted: Deflate | None = Deflate()) -> str | None:  # noqa: B008 (immutable)
    agreement = WebSocketOffer(extensions=extensions).agree(deflate=wanted)
    fields = dict(agreement.fields)
    assert (agreement.deflate is None) == ("Sec-WebSocket-Extensions" not in fields)
    return fields.get("Sec-WebSocket-Extensions")


def test_nothing_is_said_of_what_is_as_usual() -> None:
    assert answer("permessage-deflate") == "permessage-deflate"
    assert answer("permessage-deflate; client_max_window_bits") == "permessage-deflate"
    assert answer("permessage-deflate; client_max_window_bits=15") == "permessage-deflate"


@pytest.mark.parametrize("bits", range(9, 16))
def test_a_bound_for_the_server_is_always_confirmed(bits: int) -> None:
    """Section 7.1.2.1: also the largest one, which is none. Some clients fail the connection otherwise."""
    confirmed = f"permessage-deflate; server_max_window_bits={bits}"
    assert answer(confirmed) == confirmed
    assert answer(f'permessage-deflate; server_max_window_bits="{bits}"') == confirmed


def test_the_smaller_window_of_the_two() -> None:
    wanted = Deflate(server_max_window_bits=12, client_max_window_bits=12)
    both = "permessage-deflate; server_max_window_bits={}; client_max_window_bits={}"
    assert answer(both.format(15, 15), wanted) == both.format(12, 12)
    assert answer(both.format(9, 10), wanted) == both.format(9, 10)
    assert answer("permessage-deflate", wanted) == "permessage-deflate; server_max_window_bits=12"


def test_the_first_offer_that_can_be_taken() -> None:
    offers = "x-other, permessage-deflate; server_max_window_bits=8, permessage-deflate; unknown"
    assert answer(offers) is None
    assert answer(f"{offers}, permessage-deflate; server_no_context_takeover") == (
        "permessage-deflate; server_no_context_takeover"
    )
    assert answer("permessage-deflate", None) is None
