"""The programs of docs/responses.md do what the page says."""

import re
from pathlib import Path
from typing import Any

from sketch import web
from tests.net.stage import get, run, serving

PAGE = Path(__file__).parent.parent / "docs" / "responses.md"


def programs() -> dict[str, Any]:
    """What the page's programs define."""
    names: dict[str, Any] = {}
    for program in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE):
        exec(compile(program, str(PAGE), "exec"), names)
    return names


def application() -> web.Application:
    names = programs()
    app = web.Application()
    for name in ("page", "measured", "echo"):
        app.router.add_get(f"/{name}", names[name])
    return app


def test_the_programs_run() -> None:
    async def main() -> None:
        async with serving(application().make_exchange_handler()) as stage:
            line = await stage.connect(get("/page"))
            (answer,) = line.answers()
            assert answer.interim == [(103, [("Link", "</style.css>; rel=preload; as=style")])]
            assert answer.body == b"<link rel=stylesheet href=/style.css>"
            line = await stage.connect(get("/measured"))
            assert line.answers()[0].get_all("Trailer") == ["Server-Timing"]
            assert line.transport.received.endswith(b"0\r\nServer-Timing: total;dur=12.3\r\n\r\n")
            line = await stage.connect(get("/echo", "Connection: Upgrade", "Upgrade: echo/1.0"))
            await line.send(b"hello")
            assert line.transport.received.endswith(b"\r\n\r\nhello")
            await line.end()
            assert line.transport.is_lost and not line.transport.is_cut

    run(main)


def test_a_client_that_offers_nothing_is_told() -> None:
    async def main() -> None:
        async with serving(application().make_exchange_handler()) as stage:
            line = await stage.connect(get("/echo"))
            (answer,) = line.answers()
            assert (answer.status, answer.get_all("Upgrade")) == (426, ["echo/1.0"])
            assert line.is_open

    run(main)
