"""The chat, as a program of its own: what its server says over sockets. Its page is next door, in
``test_chat_page.py``."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import pytest

from tests.examples.process import PATIENCE, Example, ask, running

Chat = aiohttp.ClientWebSocketResponse[bool]


@pytest.fixture(scope="module")
def example() -> Iterator[Example]:
    with running("chat/chat.py") as example:
        yield example
        assert example.stop() == 0
        assert "Traceback" not in example.output


class Client:
    """People who come by aiohttp's client."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session = session
        self.base = f"127.0.0.1:{port}/rooms"

    async def enter(self, room: str, name: str, **options: Any) -> Chat:
        """A WebSocket, before anything has come."""
        url = f"http://{self.base}/{room}/socket"
        chat: Chat = await self._session.ws_connect(url, params={"name": name}, **options)
        return chat

    async def join(self, room: str, name: str) -> Chat:
        """A WebSocket, after the welcome."""
        chat = await self.enter(room, name)
        welcome = await chat.receive_json()
        assert welcome["type"] == "welcome" and name in welcome["people"]
        return chat


def run(port: int, main: Callable[[Client], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
            await main(Client(session, port))

    asyncio.run(bounded())


async def say(chat: Chat, text: str) -> None:
    await chat.send_json({"text": text})


def without_ids(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in ("id", "time")}


def said(name: str, text: str) -> dict[str, Any]:
    return {"type": "said", "name": name, "text": text}


def test_two_people_talk(example: Example) -> None:
    async def main(client: Client) -> None:
        ann = await client.enter("garden", "Ann")
        assert await ann.receive_json() == {"type": "welcome", "name": "Ann", "people": ["Ann"]}
        bob = await client.enter("garden", " Bob \t B. ")
        both = ["Ann", "Bob B."]
        assert await bob.receive_json() == {"type": "welcome", "name": "Bob B.", "people": both}
        assert await ann.receive_json() == {"type": "joined", "name": "Bob B.", "people": both}
        await say(ann, "  <b>hello</b> 😀 ")
        heard = [await chat.receive_json() for chat in (ann, bob)]
        assert heard[0] == heard[1] and without_ids(heard[0]) == said("Ann", "<b>hello</b> 😀")
        await bob.close()
        assert await ann.receive_json() == {"type": "left", "name": "Bob B.", "people": ["Ann"]}
        await (await client.join("elsewhere", "Ann")).close()
        await ann.close()
        back = await client.enter("garden", "Ann")
        assert (await back.receive_json())["people"] == ["Ann"]
        assert await back.receive_json() == heard[0]
        await back.close()

    run(example.port, main)


def test_the_last_messages_are_kept(example: Example) -> None:
    async def main(client: Client) -> None:
        texts = [f"{number} of 55" for number in range(55)]
        for name in range(0, 55, 5):
            chat = await client.join("attic", f"speaker {name}")
            for text in texts[name : name + 5]:
                await say(chat, text)
                while (await chat.receive_json()).get("text") != text:
                    pass
            await chat.close()
        late = await client.join("attic", "late")
        assert [(await late.receive_json())["text"] for _ in range(50)] == texts[5:]
        await say(late, "the next one")
        assert (await late.receive_json())["text"] == "the next one"
        await late.close()

    run(example.port, main)


@pytest.mark.parametrize("name", ["", " ", "x" * 21, "zero\N{ZERO WIDTH SPACE}width", "taken"])
def test_names_that_are_refused(example: Example, name: str) -> None:
    async def main(client: Client) -> None:
        async with await client.join("names", "taken"):
            chat = await client.enter("names", name)
            message = await chat.receive()
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 4001)
            assert message.extra and "try another one" in message.extra

    run(example.port, main)


@pytest.mark.parametrize(
    "data",
    [
        "",
        "hello",
        '{"text": ',
        "[" * 2000,
        "null",
        '"hello"',
        "{}",
        '{"text": 1}',
        '{"text": ""}',
        '{"text": " "}',
        json.dumps({"text": "x" * 501}),
    ],
    ids=lambda data: data[:20],
)
def test_messages_that_are_refused(example: Example, data: str) -> None:
    async def main(client: Client) -> None:
        chat = await client.join(uuid.uuid4().hex[:8], "Ann")
        await chat.send_str(data)
        assert (await chat.receive_json())["type"] == "refused"
        await say(chat, "x" * 500)
        assert without_ids(await chat.receive_json()) == said("Ann", "x" * 500)
        await chat.close()

    run(example.port, main)


def test_messages_that_end_it(example: Example) -> None:
    async def main(client: Client) -> None:
        chat = await client.join("end", "Ann")
        await chat.send_str("x" * 4001)
        assert (await chat.receive()).data == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
        chat = await client.join("end", "Bob")
        await chat.send_bytes(b'{"text": "hello"}')
        assert (await chat.receive()).data == aiohttp.WSCloseCode.OK

    run(example.port, main)


def test_nobody_says_too_much_at_once(example: Example) -> None:
    async def main(client: Client) -> None:
        chat = await client.join("rush", "Ann")
        for number in range(30):
            await say(chat, str(number))
        kinds = [(await chat.receive_json())["type"] for _ in range(30)]
        assert kinds[:5] == ["said"] * 5 and "refused" in kinds
        await chat.close()

    run(example.port, main)


def test_pages_of_others_are_refused(example: Example) -> None:
    async def main(client: Client) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await client.enter("lobby", "Ann", origin="https://elsewhere.example")
        assert refusal.value.status == 403
        chat = await client.enter("lobby", "Ann", origin=f"http://127.0.0.1:{example.port}")
        assert (await chat.receive_json())["type"] == "welcome"
        await chat.close()

    run(example.port, main)


def test_the_page(example: Example) -> None:
    page = ask(example.port, "/rooms/lobby")
    assert page.status == 200 and page.headers["Content-Type"].startswith("text/html")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert ask(example.port).headers["Location"] == "/rooms/lobby"
    assert ask(example.port, "/rooms/No_room").status == 404
    for name in ("chat.js", "chat.css", "icon.svg"):
        answer = ask(example.port, f"/static/{name}")
        assert answer.status == 200 and name in page.text
        assert "://" not in answer.text.replace("http://www.w3.org/2000/svg", "")
