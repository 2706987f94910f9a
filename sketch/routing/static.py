"""Directories of files below a path.

Knows how a path below the prefix becomes a file below the directory, and that nothing else is reached: what a
name says is checked as text, and where it leads by what was opened. How a file is sent is the response's.
"""

import asyncio
import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from posixpath import normpath
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from yarl import URL

from ..exceptions import HTTPForbidden, HTTPNotFound
from ..fileresponse import CHUNK_SIZE, FileResponse, accepted_encodings, respond_with
from ..files import is_below, open_directory, open_file
from ..http import names
from ..http.deferred import deferred
from ..request import Request
from ..response import Response
from ..streamresponse import StreamResponse
from .abstract import ExpectHandler, Handler
from .matchinfo import UrlMappingMatchInfo
from .pattern import decode, decode_value
from .resources import Resolution
from .routes import AbstractRoute, ResourceRoute
from .subapps import PrefixResource

if TYPE_CHECKING:
    import base64
    import hashlib

    from .. import directorypage
else:
    base64 = deferred("base64")
    directorypage = deferred("..directorypage", __package__)
    hashlib = deferred("hashlib")

_MOST_HASHES: Final = 1024
"""Files whose hashes are kept, so that a page with a dozen versioned URLs does not read a dozen files."""


class StaticResource(PrefixResource):
    """The files of a directory (aiohttp documentation, ``UrlDispatcher.add_static``).

    ``chunk_size``
        that of `FileResponse`.
    ``show_index``
        whether a directory is shown as a page; it is 403 otherwise.
    ``follow_symlinks``
        whether a symbolic link may lead out of the directory.
    ``append_version``
        whether URLs have a hash of the content (`url_for`).

    Raises `ValueError` when the directory is none."""

    VERSION_KEY = "v"

    def __init__(
        self,
        prefix: str,
        directory: "str | os.PathLike[str]",
        *,
        name: str | None = None,
        expect_handler: ExpectHandler | None = None,
        chunk_size: int = CHUNK_SIZE,
        show_index: bool = False,
        follow_symlinks: bool = False,
        append_version: bool = False,
    ) -> None:
        super().__init__(prefix, name=name)
        self._directory = _check_directory(directory)
        self._root = os.path.join(self._directory, "")
        self._chunk_size = chunk_size
        self._show_index = show_index
        self._follow_symlinks = follow_symlinks
        self._append_version = append_version
        self._expect_handler = expect_handler
        self._hashes: dict[str, tuple[tuple[int, int], str]] = {}
        self._routes = {method: self._make_route(method, self._handle) for method in ("GET", "HEAD")}

    def _make_route(self, method: str, handler: Handler) -> ResourceRoute:
        return ResourceRoute(method, handler, self, expect_handler=self._expect_handler)

    def set_options_route(self, handler: Handler) -> None:
        """Answer ``OPTIONS`` (for aiohttp-cors). Raises `RuntimeError` for a second handler."""
        if "OPTIONS" in self._routes:
            raise RuntimeError(f"the OPTIONS route of {self!r} was set already")
        route = self._routes["OPTIONS"] = self._make_route("OPTIONS", handler)
        self._changed(route)

    def get_info(self) -> Mapping[str, Any]:
        return {"directory": self._directory, "prefix": self._prefix, "routes": self._routes}

    def __len__(self) -> int:
        return len(self._routes)

    def __iter__(self) -> Iterator[AbstractRoute]:
        return iter(self._routes.values())

    def __repr__(self) -> str:
        name = "" if self.name is None else f"{self.name!r} "
        return f"<StaticResource {name}{self._prefix} -> {str(self._directory)!r}>"

    # -- matching --------------------------------------------------------------------------------------

    @property
    def needs_request(self) -> bool:
        return type(self).resolve is not StaticResource.resolve

    def match(self, path: str) -> dict[str, str] | None:
        prefix = decode(self._prefix)
        if "/." in path:
            # What leaves the prefix by ".." is somebody else's.
            normal = normpath(path)
            if normal != prefix and not normal.startswith(f"{prefix}/"):
                return None
        if path == prefix or path.startswith(f"{prefix}/"):
            return {"filename": decode_value(path[len(prefix) + 1 :])}
        return None

    async def resolve(self, request: Any) -> Resolution:
        """Match a request by its ``match_path`` and ``method``."""
        values = self.match(request.match_path)
        if values is None:
            return None, set()
        route = self._routes.get(request.method)
        return None if route is None else UrlMappingMatchInfo(values, route), set(self._routes)

    # -- URLs ------------------------------------------------------------------------------------------

    def url_for(  # type: ignore[override]
        self, *, filename: "str | os.PathLike[str]", append_version: bool | None = None
    ) -> URL:
        """The URL of a file.

        ``append_version``
            whether it has a query ``v`` with a hash of the content, so that clients may keep it for ever;
            ``None``: as the resource was told. A file that is not there has none.

        Reads the file when it has changed since it was last asked for."""
        name = os.fspath(filename).lstrip("/")
        url = URL.build(path=self._prefix or "/", encoded=True) / name
        if self._append_version if append_version is None else append_version:
            version = self._find_hash(name)
            if version is not None:
                return url.with_query({self.VERSION_KEY: version})
        return url

    def _find_hash(self, name: str) -> str | None:
        try:
            file = open_file(self._locate(name), root=self._real_root)
        except OSError:
            return None
        state = file.modified, file.size
        known = self._hashes.get(file.path)
        if known is None or known[0] != state:
            digest = hashlib.sha256(file.content or b"")
            if file.content is None:
                with open(file.descriptor, "rb", closefd=False) as content:
                    while piece := content.read(CHUNK_SIZE):
                        digest.update(piece)
            known = state, base64.urlsafe_b64encode(digest.digest()).decode("ascii")
            if len(self._hashes) >= _MOST_HASHES:
                self._hashes.clear()
            self._hashes[file.path] = known
        file.close()
        return known[1]

    # -- answering -------------------------------------------------------------------------------------

    async def _handle(self, request: Request) -> StreamResponse:
        """Raises `HTTPNotFound` and `HTTPForbidden`, for middlewares to see. Cancelled, it closes what it
        opened."""
        call = partial(
            self._open, request.match_info["filename"], accepted_encodings(request),
            reads=request.exchange.head.method != names.METH_HEAD,
        )  # fmt: skip
        try:
            return await asyncio.get_running_loop().run_in_executor(None, call)
        except FileNotFoundError as error:
            raise HTTPNotFound from error
        except PermissionError as error:
            raise HTTPForbidden from error

    def _open(self, filename: str, accept_encoding: str | None, *, reads: bool) -> FileResponse | Response:
        path = self._locate(filename)
        try:
            file = open_file(path, accept_encoding, root=self._real_root, reads=reads)
        except IsADirectoryError:
            return self._show(path)
        return respond_with(file, self._chunk_size)

    @property
    def _real_root(self) -> str:
        """Where a file has to be in the end."""
        return "" if self._follow_symlinks else self._root

    def _locate(self, filename: str) -> str:
        """The path of a name from outside. Raises `FileNotFoundError` for one that leads out of the directory
        by itself."""
        if os.path.isabs(filename) or os.path.splitdrive(filename)[0] or "\0" in filename:
            raise FileNotFoundError(f"{filename!r} is no name of a file in a directory")
        path = os.path.normpath(self._root + filename)
        if path != str(self._directory) and not path.startswith(self._root):
            raise FileNotFoundError(f"{filename!r} is outside of the directory")
        return path

    # -- directories -----------------------------------------------------------------------------------

    def _show(self, path: str) -> Response:
        """The page of a directory."""
        descriptor = open_directory(path, self._real_root)
        try:
            if not self._show_index:
                raise PermissionError(f"{path!r} is a directory, and no index is shown")
            entries, left_out = self._list(path, descriptor)
        finally:
            os.close(descriptor)
        shown = "/".join(["", *Path(path).relative_to(self._directory).parts, ""]).replace("//", "/")
        base = self._prefix + quote(shown, errors="surrogateescape")
        page = directorypage.render_directory(shown, base, entries, left_out=left_out)
        return Response(
            body=page.encode(),
            headers={
                "Content-Type": "text/html; charset=utf-8",
                "Content-Security-Policy": directorypage.CONTENT_SECURITY_POLICY,
                "X-Content-Type-Options": "nosniff",
            },
        )

    def _list(self, path: str, descriptor: int) -> "tuple[list[directorypage.Entry], int]":
        """What can be reached in a directory, and how many names were left out because there are too many."""
        entries: list[directorypage.Entry] = []
        left_out = 0
        with os.scandir(descriptor if os.scandir in os.supports_fd else path) as names_in_it:
            for each in names_in_it:
                if len(entries) >= directorypage.MOST_ENTRIES:
                    left_out += 1
                elif (entry := self._describe(path, each)) is not None:
                    entries.append(entry)
        return entries, left_out

    def _describe(self, path: str, each: "os.DirEntry[str]") -> "directorypage.Entry | None":
        """An entry; ``None`` for one that would be answered with 403 or 404."""
        try:
            each.name.encode()  # A name that is not UTF-8 is no part of any path that is matched.
            status = each.stat()
            if each.is_symlink() and not is_below(
                os.path.realpath(os.path.join(path, each.name)), self._real_root
            ):
                return None
        except (OSError, UnicodeEncodeError):
            return None
        is_directory = S_ISDIR(status.st_mode)
        if not is_directory and not S_ISREG(status.st_mode):
            return None
        return directorypage.Entry(each.name, is_directory, status.st_size, status.st_mtime)


def _check_directory(directory: "str | os.PathLike[str]") -> Path:
    try:
        resolved = Path(directory).expanduser().resolve(strict=True)
    except FileNotFoundError as error:
        raise ValueError(f"the directory {str(directory)!r} does not exist") from error
    if not resolved.is_dir():
        raise ValueError(f"{str(directory)!r} is not a directory")
    return resolved
