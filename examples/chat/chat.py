"""A chat with rooms. Run it, open http://localhost:8080 in two windows, and talk to yourself.

A room has two topics: one for what is said, which keeps the last messages, and one for who comes and goes.
The page is in ``static``; it and the server send each other JSON through a WebSocket.
"""

import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from sketch import run_app, web

STATIC = Path(__file__).with_name("static")
POLICY = "default-src 'none'; connect-src 'self'; img-src 'self'; script-src 'self'; style-src 'self'; \
base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

HISTORY = 50  # Messages that a room remembers.
LONGEST_NAME, LONGEST_TEXT = 20, 500  # Characters.
AT_ONCE, PER_SECOND = 5, 1.0  # Messages of one person.
NAME_REFUSED = 4001  # A close code of our own (RFC 6455, section 7.4.2).

PEOPLE = web.AppKey("PEOPLE", dict[str, set[str]])  # By room.


@dataclass
class Said:
    """What a page sends."""

    text: str


class Speaker:
    """Somebody in a room: a few messages at once, and more as time goes by."""

    def __init__(self, name: str) -> None:
        self.name, self.left, self.since = name, float(AT_ONCE), time.monotonic()

    def say(self, said: Said) -> dict[str, object]:
        """The message for the others. Raises `ValueError`, with what is wrong with it, for none."""
        text, now = said.text.strip(), time.monotonic()
        if not 0 < len(text) <= LONGEST_TEXT:
            raise ValueError(f"A message has 1 to {LONGEST_TEXT} characters.")
        self.left, self.since = min(AT_ONCE, self.left + PER_SECOND * (now - self.since)), now
        if self.left < 1:
            raise ValueError("Not so fast: wait a moment, and send it again.")
        self.left -= 1
        return {"type": "said", "id": uuid.uuid4().hex, "time": time.time(), "name": self.name, "text": text}


async def talk(request: web.Request) -> web.WebSocketResponse:
    ws = await request.websocket(origins="same", heartbeat=30, max_msg_size=8 * LONGEST_TEXT)
    room, name = request.match_info["room"], " ".join(request.query.get("name", "").split())
    people = request.app[PEOPLE].get(room, set())
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable() or name in people:
        await ws.close(code=NAME_REFUSED, message=b"This name is taken, or is none: try another one.")
        return ws
    said, moves = request.app.topics[f"said in {room}"].keep(HISTORY), request.app.topics[f"moves in {room}"]
    people.add(name)
    request.app[PEOPLE][room] = people
    moves.publish_json({"type": "joined", "name": name, "people": sorted(people)})
    try:
        with said.subscribe(ws), moves.subscribe(ws):
            await ws.send_json({"type": "welcome", "name": name, "people": sorted(people)})
            for message in said.history():
                ws.send_shared(message)
            speaker = Speaker(name)
            while not ws.closed:
                try:
                    said.publish_json(speaker.say(await ws.receive_json(expect=Said)))
                except ValueError as problem:
                    await ws.send_json({"type": "refused", "reason": str(problem)})
                except TypeError:  # It was no text: bytes, or the end.
                    break
    finally:
        people.remove(name)
        moves.publish_json({"type": "left", "name": name, "people": sorted(people)})
        if not people:
            del request.app[PEOPLE][room]
    return ws


async def show(request: web.Request) -> web.FileResponse:
    return web.FileResponse(STATIC / "index.html", headers={"Content-Security-Policy": POLICY})


async def enter(request: web.Request) -> web.Response:
    raise web.HTTPFound("/rooms/lobby")


app = web.Application()
app[PEOPLE] = {}
app.router.add_get("/", enter)
app.router.add_get("/rooms/{room:[a-z0-9-]{1,30}}", show)
app.router.add_get("/rooms/{room:[a-z0-9-]{1,30}}/socket", talk)
app.router.add_static("/static", STATIC)

if __name__ == "__main__":
    run_app(app)
