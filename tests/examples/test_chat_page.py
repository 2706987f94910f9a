"""The page of the chat in a headless Chromium, also when the server is restarted. What the server says is
tried next door, in ``test_chat.py``."""

import asyncio
import uuid
from collections.abc import Iterator

import pytest

from tests.browser import NEEDS_CHROMIUM, Browser, Page, browsing
from tests.examples.process import Example, free_port, running

pytestmark = NEEDS_CHROMIUM

CHAT = "chat/chat.py"


@pytest.fixture(scope="module")
def example() -> Iterator[Example]:
    with running(CHAT) as example:
        yield example
        assert example.stop() == 0
        assert "Traceback" not in example.output


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


def some_room(example: Example) -> str:
    """The address of a room where nobody was."""
    return f"http://127.0.0.1:{example.port}/rooms/{uuid.uuid4().hex[:8]}"


async def join(page: Page, name: str) -> None:
    """Enter a name and wait for the connection."""
    await page.type("#name", name)
    await page.wait_for_text("connected", "#connection.open")


async def find_messages(page: Page) -> list[str]:
    """What is said, as it is shown."""
    found = await page.evaluate(
        "[...document.querySelectorAll('#messages li > p')].map((it) => it.innerText)"
    )
    return list(found)


def test_two_tabs_talk_before_and_after_a_restart(browser: Browser) -> None:
    port = free_port()

    async def talk(ann: Page, bob: Page, text: str) -> None:
        await ann.type("#text", text)
        await bob.type("#text", f"{text} to you, too")
        for page in (ann, bob):
            await page.wait_for_text(text, "#messages")
            await page.wait_for_text(f"{text} to you, too", "#messages")

    async def main() -> None:
        async with browser.session() as session:
            with running(CHAT, port) as first:
                url = f"http://127.0.0.1:{port}/rooms/lobby"
                ann, bob = await session.open(url), await session.open(url)
                await join(ann, "Ann")
                await bob.type("#name", "Ann")
                await bob.wait_for_text("taken", "#problem")
                await bob.evaluate("document.querySelector('#name').value = ''")
                await join(bob, "Bob")
                await ann.wait_for_text("Bob has joined", "#messages")
                await talk(ann, bob, "<img src=x onerror=alert(1)>")
                assert ann.complaints == bob.complaints == []
                assert await asyncio.to_thread(first.stop) == 0
            for page in (ann, bob):
                await page.wait_for_text("reconnecting in", "#connection")
            with running(CHAT, port):
                await ann.evaluate("document.querySelector('#retry').click()")
                for page in (ann, bob):
                    await page.wait_for_text("connected", "#connection.open")
                    await page.wait_for_text("Bob", "#people")
                await talk(ann, bob, "good morning")
                expected = ["<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)> to you, too"]
                expected += ["good morning", "good morning to you, too"]
                for page in (ann, bob):
                    assert await find_messages(page) == expected

    asyncio.run(main())


ABSENCE = """
globalThis.WebSocket = class extends WebSocket {
  constructor(url) {
    super(globalThis.isAway ? new URL("/nowhere", url) : url);
    globalThis.lastSocket = this;
  }
};
"""
"""A page that ``isAway`` finds no server."""


def test_a_tab_that_was_away_catches_up(example: Example, browser: Browser) -> None:
    async def main() -> None:
        async with browser.session() as session:
            url = some_room(example)
            ann, bob = await session.open(url), await session.open(url, script=ABSENCE)
            await join(ann, "Ann")
            await join(bob, "Bob")
            await ann.type("#text", "one")
            await bob.wait_for_text("one", "#messages")
            await bob.evaluate("isAway = true; lastSocket.close()")
            await bob.wait_for_text("reconnecting in", "#connection")
            assert await bob.evaluate("document.querySelector('#send').disabled") is True
            await ann.wait_for_text("Bob has left", "#messages")
            for text in ("two", "three"):
                await ann.type("#text", text)
            await ann.wait_for_text("three", "#messages")
            await bob.evaluate("isAway = false; document.querySelector('#retry').click()")
            await bob.wait_for_text("three", "#messages")
            assert await find_messages(bob) == ["one", "two", "three"]

    asyncio.run(main())


LONGEST_WAITS = """
Math.random = () => 1;
globalThis.waits = [];
addEventListener("load", () => {
  const wait = document.querySelector("#wait");
  new MutationObserver(() => waits.push(wait.textContent)).observe(wait, {childList: true});
});
"""
"""No wait is shorter than it could be, and all that are shown are noted."""


def test_the_waits_between_attempts_grow(example: Example, browser: Browser) -> None:
    async def main() -> None:
        async with browser.session() as session:
            page = await session.open(some_room(example), script=ABSENCE + LONGEST_WAITS)
            await join(page, "Ann")
            await page.evaluate("isAway = true; lastSocket.close()")
            await page.wait_for("waits.includes(' in 1 s')")
            for seconds in (2, 4, 8, 16, 30, 30):
                await page.evaluate("waits = []; document.querySelector('#retry').click()")
                await page.wait_for(f"waits.includes(' in {seconds} s')")
            await page.evaluate("isAway = false; document.querySelector('#retry').click()")
            await page.wait_for_text("connected", "#connection.open")
            await page.evaluate("waits = []; lastSocket.close()")
            assert await page.wait_for("waits.find(Boolean)") == " in 1 s"

    asyncio.run(main())


def test_what_is_refused_can_be_sent_again(example: Example, browser: Browser) -> None:
    async def main() -> None:
        async with browser.session() as session:
            page = await session.open(some_room(example))
            await join(page, "Ann")
            # More than the field itself takes.
            await page.evaluate("document.querySelector('#text').removeAttribute('maxlength')")
            await page.type("#text", "x" * 501)
            await page.wait_for_text("500 characters", "#problem")
            assert await page.evaluate("document.querySelector('#text').value.length") == 501
            await page.evaluate("document.querySelector('#text').value = ''")
            await page.type("#text", "short")
            await page.wait_for_text("short", "#messages")
            assert await page.evaluate("document.querySelector('#problem').innerText") == ""

    asyncio.run(main())


CONTRASTS = """
(() => {
  const shade = (color) => {
    const parts = color.match(/[\\d.]+/g).slice(0, 3).map((it) => it / 255);
    const [r, g, b] = parts.map((it) => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    const color = getComputedStyle(element).backgroundColor;
    return /, 0\\)$/.test(color) ? ground(element.parentElement) : color;
  };
  const shown = [...document.querySelectorAll("h1, h2, li, p, strong, time, label, input, button, #state")];
  return Object.fromEntries(shown.filter((it) => it.checkVisibility()).map((it) => {
    const [dark, light] = [shade(getComputedStyle(it).color), shade(ground(it))].sort((a, b) => a - b);
    return [`${it.tagName}#${it.id}.${it.className}`, (light + 0.05) / (dark + 0.05)];
  }));
})()
"""
"""The contrasts of all that is shown (WCAG 2.2, success criterion 1.4.3)."""


EXTENT = "(({scrollWidth, scrollHeight}) => [scrollWidth, scrollHeight])(document.documentElement)"
HEIGHT = 600


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1000])
def test_the_page_can_be_read(example: Example, browser: Browser, scheme: str, width: int) -> None:
    async def look(page: Page) -> None:
        contrasts = await page.evaluate(CONTRASTS)
        assert contrasts and {name: it for name, it in contrasts.items() if it < 4.5} == {}
        content = await page.evaluate(EXTENT)
        assert content[0] <= width and content[1] <= HEIGHT

    async def main() -> None:
        async with browser.session() as session:
            page = await session.open(some_room(example))
            size = {"width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": True}
            await page.call("Emulation.setDeviceMetricsOverride", **size)
            feature = {"name": "prefers-color-scheme", "value": scheme}
            await page.call("Emulation.setEmulatedMedia", features=[feature])
            await look(page)
            await join(page, "Ann")
            for text in ("x" * 500, "short"):
                await page.type("#text", text)
            await page.wait_for_text("short", "#messages")
            await look(page)

    asyncio.run(main())


def test_all_that_can_be_used_has_a_name(example: Example, browser: Browser) -> None:
    async def find(page: Page) -> set[tuple[str, str]]:
        tree = await page.call("Accessibility.getFullAXTree")
        nodes = [node for node in tree["nodes"] if not node["ignored"]]
        return {(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes}

    async def main() -> None:
        async with browser.session() as session:
            page = await session.open(f"http://127.0.0.1:{example.port}/rooms/den")
            first = await find(page)
            await join(page, "Ann")
            second = await find(page)
            assert {("textbox", "Your name"), ("button", "Enter"), ("heading", "den")} <= first
            used = {("textbox", "Message"), ("button", "Send"), ("log", "Messages")}
            assert used | {("complementary", "In this room")} <= second
            focus = "document.activeElement === document.querySelector('#text')"
            assert await page.evaluate(focus) is True

    asyncio.run(main())
