"""HTTP clients that nobody of this project wrote, behind one interface."""

import asyncio
import io
import shutil
import ssl
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import httpx


@dataclass
class Answer:
    """What a client makes of an answer. Names of fields in lower case; of several with one name, the values
    of all."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes

    def get_all(self, name: str) -> list[str]:
        """The values of the fields with this name."""
        return [value for own, value in self.fields if own == name]


class HttpClient(ABC):
    """Sends requests to one server, and keeps its connections as it likes.

    ``authority``
        the file with the certificate of whoever signs the server's, for TLS.
    """

    def __init__(self, base: str, directory: Path, authority: Path | None = None) -> None:
        self._base = base
        self._directory = directory
        self._authority = authority
        self._tls = None if authority is None else ssl.create_default_context(cafile=authority)

    @abstractmethod
    async def request(
        self, method: str, target: str, body: bytes | None = None, fields: Mapping[str, str] | None = None
    ) -> Answer:
        """One request and its answer. Redirects are not followed, cookies not kept."""

    @abstractmethod
    async def upload(self, target: str, body: bytes) -> Answer:
        """A POST request whose body is sent in chunks."""

    async def close(self) -> None:  # noqa: B027 (most keep none)
        """Let go of the connections."""


class _Pieces(httpx.AsyncByteStream):
    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), 60_000):
            yield self._body[start : start + 60_000]


class AiohttpClient(HttpClient):
    """aiohttp."""

    def __init__(self, base: str, directory: Path, authority: Path | None = None) -> None:
        super().__init__(base, directory, authority)
        connector = aiohttp.TCPConnector(ssl=self._tls or True)
        self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    async def request(
        self, method: str, target: str, body: bytes | None = None, fields: Mapping[str, str] | None = None
    ) -> Answer:
        # In bytes, a large body would block the loop, it warns.
        return await self._send(method, target, body and io.BytesIO(body), fields)

    async def upload(self, target: str, body: bytes) -> Answer:
        return await self._send("POST", target, _Pieces(body), None)

    async def _send(self, method: str, target: str, body: object, fields: Mapping[str, str] | None) -> Answer:
        async with self._session.request(
            method, self._base + target, data=body, headers=fields, allow_redirects=False
        ) as response:
            content = await response.read()
            lines = [(name.lower(), value) for name, value in response.headers.items()]
            return Answer(response.status, lines, content)

    async def close(self) -> None:
        await self._session.close()


class HttpxClient(HttpClient):
    """httpx."""

    def __init__(self, base: str, directory: Path, authority: Path | None = None) -> None:
        super().__init__(base, directory, authority)
        self._client = httpx.AsyncClient(
            base_url=base, trust_env=False, timeout=20, verify=self._tls or False
        )

    async def request(
        self, method: str, target: str, body: bytes | None = None, fields: Mapping[str, str] | None = None
    ) -> Answer:
        return _read(await self._client.request(method, target, content=body, headers=fields))

    async def upload(self, target: str, body: bytes) -> Answer:
        return _read(await self._client.post(target, content=_Pieces(body)))

    async def close(self) -> None:
        await self._client.aclose()


def _read(response: httpx.Response) -> Answer:
    return Answer(response.status_code, list(response.headers.multi_items()), response.content)


class CurlClient(HttpClient):
    """curl, one process for each request."""

    async def request(
        self, method: str, target: str, body: bytes | None = None, fields: Mapping[str, str] | None = None
    ) -> Answer:
        options = [] if body is None else ["--data-binary", f"@{self._keep(body)}", "-H", "Content-Type:"]
        options += ["--head"] if method == "HEAD" else ["--request", method]
        for name, value in (fields or {}).items():
            options += ["-H", f"{name}: {value}"]
        return await self.run(*options, self._base + target)

    async def upload(self, target: str, body: bytes) -> Answer:
        path = self._keep(body)
        return await self.run(
            "-X", "POST", "-H", "Transfer-Encoding: chunked", "-T", str(path), self._base + target
        )

    def _keep(self, body: bytes) -> Path:
        path = self._directory / "body"
        path.write_bytes(body)
        return path

    async def run(self, *arguments: str) -> Answer:
        """Run curl with these arguments. The last answer's head, and all the bodies."""
        heads = self._directory / "heads"
        trust = [] if self._authority is None else ["--cacert", str(self._authority)]
        output = await run_curl("--dump-header", str(heads), *trust, *arguments)
        *_, last = heads.read_bytes().decode().strip().split("\r\n\r\n")
        status_line, *lines = last.split("\r\n")
        pairs = [line.partition(": ") for line in lines]
        fields = [(name.lower(), value) for name, _, value in pairs]
        return Answer(int(status_line.split(" ")[1]), fields, b"" if "--head" in arguments else output)


async def run_curl(*arguments: str) -> bytes:
    """What curl writes to its standard output."""
    process = await asyncio.create_subprocess_exec(
        "curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "20", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return output


HAS_CURL = shutil.which("curl") is not None
