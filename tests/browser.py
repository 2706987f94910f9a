"""A headless Chromium, driven over its DevTools protocol: pages are opened, typed into, and looked at.

The protocol is JSON over one WebSocket for the browser and one for each page
(https://chromedevtools.github.io/devtools-protocol/). Nothing here waits for an amount of time: for what a
page is to become, its changes are observed.
"""

import asyncio
import base64
import contextlib
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
import pytest
from yarl import URL

PROGRAM = shutil.which("chromium")

NEEDS_CHROMIUM = pytest.mark.skipif(PROGRAM is None, reason="chromium is not installed")

PATIENCE = 30.0
"""Seconds to wait for what takes a fraction of one on an idle machine."""

_OPTIONS = [
    "--headless",
    "--no-sandbox",  # It needs rights that containers do not have; the pages are our own.
    "--no-first-run",
    "--no-proxy-server",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    # A page that nobody looks at is as fast as another one.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    # It reaches this machine and nothing else.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-port=0",
]

_LISTENING = re.compile(r"DevTools listening on (ws://\S+)")

_WAIT = """
new Promise((resolve) => {
  const look = () => {
    const found = (%s);
    if (found) {
      observer.disconnect();
      resolve(found);
    }
  };
  const observer = new MutationObserver(look);
  observer.observe(document, {subtree: true, childList: true, characterData: true, attributes: true});
  look();
})
"""


class Browser:
    """A Chromium as a process of its own, with an empty profile in ``directory``."""

    def __init__(self, directory: Path) -> None:
        assert PROGRAM is not None, "chromium is not installed"
        self._process = subprocess.Popen(
            [PROGRAM, *_OPTIONS, f"--user-data-dir={directory}", "about:blank"],
            env={**os.environ, "HOME": str(directory)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # It has many processes: they are ended as a group.
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        # The pipe is emptied all the time, or a browser that complains much would stand still.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = self._find_url()
        """Where the browser's own WebSocket is."""

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._lines.put(line)
        self._lines.put("")

    def _find_url(self) -> str:
        output = ""
        while line := self._lines.get(timeout=PATIENCE):
            output += line
            if listening := _LISTENING.search(line):
                return listening[1]
        raise AssertionError(f"chromium has ended:\n{output}")

    def close(self) -> None:
        """End it, with all its processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        assert self._process.stderr is not None
        self._process.stderr.close()

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator["Session"]:
        """Pages that share their cookies and storage with no others. They are closed in the end."""
        async with aiohttp.ClientSession() as http, _Channel(await http.ws_connect(self.url)) as channel:
            created = await channel.call("Target.createBrowserContext")
            session = Session(self.url, http, channel, created["browserContextId"])
            try:
                yield session
            finally:
                await session.close()


@contextlib.contextmanager
def browsing(directory: Path) -> Iterator[Browser]:
    """A browser, which is ended at last."""
    browser = Browser(directory)
    try:
        yield browser
    finally:
        browser.close()


class _Channel:
    """Commands and their answers, and what the browser tells by itself."""

    def __init__(self, websocket: "aiohttp.ClientWebSocketResponse[bool]") -> None:
        self.events: list[dict[str, Any]] = []
        self._websocket = websocket
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._number = 0

    async def __aenter__(self) -> "_Channel":
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._websocket.close()
        await self._reading

    async def _read(self) -> None:
        async for message in self._websocket:
            said = json.loads(message.data)
            if "id" not in said:
                self.events.append(said)
            elif not (answer := self._answers.pop(said["id"])).done():
                answer.set_result(said)
        for answer in self._answers.values():
            answer.cancel()

    async def call(self, method: str, **parameters: Any) -> Any:
        """One command, and its result. Raises `AssertionError` for one that fails."""
        self._number += 1
        number = self._number
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._websocket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(PATIENCE):
            said = await answer
        assert "error" not in said, f"{method}: {said['error']}"
        return said["result"]


class Session:
    """A window of a browser, so to speak: `Browser.session` makes one."""

    def __init__(self, url: str, http: aiohttp.ClientSession, channel: _Channel, context: str) -> None:
        self._url = URL(url)
        self._http = http
        self._channel = channel
        self._context = context
        self._pages = contextlib.AsyncExitStack()

    async def open(self, url: str, *, script: str = "") -> "Page":
        """A page of its own, once it is loaded.

        ``script``
            run before the page's own scripts."""
        target = await self._channel.call(
            "Target.createTarget", url="about:blank", browserContextId=self._context
        )
        address = self._url.with_path(f"/devtools/page/{target['targetId']}")
        # What a page says is not bounded: screenshots are large.
        websocket = await self._http.ws_connect(address, max_msg_size=0)
        page = Page(await self._pages.enter_async_context(_Channel(websocket)))
        await page.open(url, script)
        return page

    async def close(self) -> None:
        """Close the pages."""
        await self._pages.aclose()
        await self._channel.call("Target.disposeBrowserContext", browserContextId=self._context)


class Page:
    """One page. What is wrong with it is collected: see `complaints`."""

    def __init__(self, channel: _Channel) -> None:
        self._channel = channel

    async def call(self, method: str, **parameters: Any) -> Any:
        """A command of the protocol."""
        return await self._channel.call(method, **parameters)

    async def open(self, url: str, script: str) -> None:
        """Load a document, and wait for its scripts."""
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        # A page has the focus although other pages are in front of it.
        await self.call("Emulation.setFocusEmulationEnabled", enabled=True)
        await self.call("Page.addScriptToEvaluateOnNewDocument", source=script)
        went = await self.call("Page.navigate", url=url)
        assert "errorText" not in went, f"{url}: {went['errorText']}"
        await self.evaluate(
            "document.readyState === 'complete' || new Promise((done) => addEventListener('load', done))"
            ".then(() => true)"
        )

    async def evaluate(self, expression: str) -> Any:
        """The value of an expression of JavaScript; that of a promise is waited for. Raises `AssertionError`
        where it throws."""
        came = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in came, f"{expression}: {came['exceptionDetails']}"
        return came["result"].get("value")

    async def wait_for(self, expression: str) -> Any:
        """The value of an expression, once it is true, or what counts as true: it is looked at whenever the
        document changes. Raises `TimeoutError` with what the page shows then."""
        try:
            return await self.evaluate(_WAIT % expression)
        except TimeoutError as error:
            shown = await self.evaluate("document.body.innerText")
            raise TimeoutError(f"never came true: {expression}\nthe page shows:\n{shown}") from error

    async def wait_for_text(self, text: str, selector: str = "body") -> None:
        """Wait until an element shows a text."""
        await self.wait_for(
            f"document.querySelector({json.dumps(selector)})?.innerText.includes({json.dumps(text)})"
        )

    async def type(self, selector: str, text: str, *, enter: bool = True) -> None:
        """Type into a field, and press Enter."""
        await self.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")
        await self.call("Input.insertText", text=text)
        if enter:
            key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
            await self.call("Input.dispatchKeyEvent", type="keyDown", **key)
            await self.call("Input.dispatchKeyEvent", type="keyUp", **key)

    async def screenshot(self) -> bytes:
        """What it looks like, as PNG."""
        shot = await self.call("Page.captureScreenshot", format="png")
        return base64.b64decode(shot["data"])

    @property
    def complaints(self) -> list[str]:
        """What went wrong: errors of scripts, violations of the policy, requests that failed."""
        found = []
        for event in self._channel.events:
            parameters = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                found.append(str(parameters["exceptionDetails"]))
            elif event["method"] == "Log.entryAdded" and parameters["entry"]["level"] == "error":
                found.append(parameters["entry"]["text"])
        return found
