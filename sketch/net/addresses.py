"""Addresses to listen on: checked early, then bound. A bound socket listens already.

Knows host names, ports, paths of UNIX sockets and the errors that the system gives for them, which it
turns into messages that name the address. Does not know who accepts the connections.
"""

import asyncio
import errno
import os
import socket
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress

# `sun_path` in the system's `sockaddr_un`; a path in the file system needs a NUL byte at its end.
_LONGEST_UNIX_PATH = 108 if sys.platform == "linux" else 104

# Two families that are to share a port which the system picked: how often to pick again.
_PORT_ATTEMPTS = 16

_FAMILY_MISSING = frozenset({errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.EADDRNOTAVAIL})

AddressInfo = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]


# -- checks ------------------------------------------------------------------------------------------------


def check_host(host: object) -> str | None:
    """The host to bind to, or ``None`` for all interfaces. Raises `TypeError` for anything else."""
    if host is None or isinstance(host, str):
        return host or None
    raise TypeError(f"host must be a str or None, got {host!r}")


def check_port(port: object) -> int:
    """The port as it is. Raises `TypeError`, or `ValueError` outside of 0 to 65535."""
    if not isinstance(port, int) or isinstance(port, bool):
        raise TypeError(f"port must be an int, got {port!r}")
    if not 0 <= port <= 65535:
        raise ValueError(f"port must be between 0 and 65535, got {port}")
    return port


def check_backlog(backlog: object) -> int:
    """The length of the queue of connections that wait to be accepted. Raises `TypeError` or `ValueError`."""
    if not isinstance(backlog, int) or isinstance(backlog, bool):
        raise TypeError(f"backlog must be an int, got {backlog!r}")
    if backlog < 1:
        raise ValueError(f"backlog must be at least 1, got {backlog}")
    return backlog


def check_unix_path(path: "str | bytes | os.PathLike[str] | os.PathLike[bytes]") -> bytes:
    """The path of a UNIX socket as bytes; a leading NUL makes it a name in Linux's abstract namespace.

    Raises `TypeError` for what is no path, `ValueError` for one that is empty, holds a NUL byte elsewhere
    or is longer than the system's address structure, and for an abstract name where there are none."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(f"the path of a UNIX socket must be a str, bytes or os.PathLike, got {path!r}")
    raw = os.fsencode(path)
    if not raw.strip(b"\0"):
        raise ValueError("the path of a UNIX socket must not be empty")
    if b"\0" in raw[1:]:
        raise ValueError(f"the path of a UNIX socket must not contain a NUL byte, got {path!r}")
    is_abstract = raw[0] == 0
    if is_abstract and sys.platform != "linux":
        raise ValueError(f"abstract UNIX sockets exist on Linux only, got {path!r}")
    longest = _LONGEST_UNIX_PATH if is_abstract else _LONGEST_UNIX_PATH - 1
    if len(raw) > longest:
        raise ValueError(
            f"the path of a UNIX socket can have at most {longest} bytes here, got {len(raw)}: {path!r}"
        )
    return raw


def check_mode(mode: object) -> int | None:
    """Permission bits for a UNIX socket's file, or ``None``. Raises `TypeError` or `ValueError`."""
    if mode is None:
        return None
    if not isinstance(mode, int) or isinstance(mode, bool):
        raise TypeError(f"mode must be an int like 0o660, got {mode!r}")
    if not 0 <= mode <= 0o777:
        raise ValueError(f"mode must be between 0 and 0o777, got {mode:#o}")
    return mode


def check_socket(sock: object) -> socket.socket:
    """A stream socket of a family that can be served. Raises `TypeError` or `ValueError`."""
    if not isinstance(sock, socket.socket):
        raise TypeError(f"sock must be a socket.socket, got {sock!r}")
    families = {socket.AF_INET, socket.AF_INET6, getattr(socket, "AF_UNIX", socket.AF_INET)}
    if sock.type != socket.SOCK_STREAM or sock.family not in families:
        raise ValueError(f"sock must be a stream socket over IPv4, IPv6 or UNIX, got {sock!r}")
    return sock


# -- names -------------------------------------------------------------------------------------------------


def format_unix_path(path: bytes) -> str:
    """A UNIX socket's path for people; ``@`` stands for the NUL byte of an abstract name, as in `ss`."""
    return "@" + os.fsdecode(path[1:]) if path[:1] == b"\0" else os.fsdecode(path)


def is_unix(sock: socket.socket) -> bool:
    """Whether a socket's addresses are paths."""
    return sock.family == getattr(socket, "AF_UNIX", None)


def _format_address(address: object) -> str:
    if isinstance(address, tuple):
        host, port = address[:2]
        return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
    return str(address)


def _cannot_listen(where: str, error: OSError) -> OSError:
    reason = (error.strerror or str(error)).lower()
    return OSError(error.errno, f"cannot listen on {where}: {reason}")


# -- TCP ---------------------------------------------------------------------------------------------------


async def bind_tcp(
    host: str | None,
    port: int,
    *,
    backlog: int = 128,
    reuse_address: bool | None = None,
    reuse_port: bool | None = None,
) -> list[socket.socket]:
    """Listening sockets for every address that a host has, IPv4 first.

    ``host``
        ``None`` is every interface, over IPv4 and IPv6.
    ``port``
        0 lets the system pick one: the same for all addresses.
    ``reuse_address``
        ``SO_REUSEADDR``; by default as in `asyncio.loop.create_server`.

    IPv6 sockets take IPv6 only, as those of asyncio do. A family that the system lacks is passed over as
    long as another one is left. Raises `OSError` whose message names the address. Cancelled: nothing
    stays bound."""
    infos = await _resolve(host, port)
    for attempts_left in reversed(range(_PORT_ATTEMPTS)):
        try:
            return _bind_all(infos, port, backlog, _reuse_address(reuse_address), bool(reuse_port))
        except OSError as error:
            # The port that one family was given can be taken in the other.
            if port or error.errno != errno.EADDRINUSE or not attempts_left:
                raise
    raise AssertionError("the last attempt returns or raises")


def _reuse_address(wanted: bool | None) -> bool:
    # On Windows and Cygwin SO_REUSEADDR lets another process take the port over.
    return os.name == "posix" and sys.platform != "cygwin" if wanted is None else wanted


async def _resolve(host: str | None, port: int) -> list[AddressInfo]:
    flags = socket.AI_PASSIVE
    try:
        # A literal needs no name server, and therefore no thread to wait in.
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags | socket.AI_NUMERICHOST)
    except socket.gaierror:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
        except socket.gaierror as error:
            raise socket.gaierror(
                error.errno, f"cannot resolve the host {host!r}: {error.strerror}"
            ) from error
    # A name can stand in the hosts file twice. IPv4 first, so that a site's first address is the plain one.
    return sorted(dict.fromkeys(found), key=lambda info: info[0] != socket.AF_INET)


def _bind_all(
    infos: Sequence[AddressInfo], port: int, backlog: int, reuse_address: bool, reuse_port: bool
) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for info in infos:
            address = (info[4][0], port, *info[4][2:])
            try:
                sock = _bind_one(info, address, backlog, reuse_address, reuse_port)
            except OSError as error:
                if error.errno not in _FAMILY_MISSING:
                    raise _cannot_listen(_format_address(address), error) from error
                missing = missing or _cannot_listen(_format_address(address), error)
                continue
            sockets.append(sock)
            port = sock.getsockname()[1]
        if missing is not None and not sockets:
            raise missing
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _bind_one(
    info: AddressInfo, address: tuple[object, ...], backlog: int, reuse_address: bool, reuse_port: bool
) -> socket.socket:
    sock = socket.socket(info[0], info[1], info[2])
    try:
        if reuse_address:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            _set_reuse_port(sock)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        # With SO_REUSEADDR it is not `bind` but `listen` that finds out about another server.
        sock.listen(backlog)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _set_reuse_port(sock: socket.socket) -> None:
    option = getattr(socket, "SO_REUSEPORT", None)
    if option is None:
        raise ValueError("reuse_port is not supported by this system")
    sock.setsockopt(socket.SOL_SOCKET, option, 1)


# -- UNIX --------------------------------------------------------------------------------------------------


def bind_unix(path: bytes, *, backlog: int = 128, mode: int | None = None) -> socket.socket:
    """A listening UNIX socket at a path that `check_unix_path` has passed.

    ``mode``
        the file's permission bits, set before anybody can connect; by default what the umask leaves.

    The file of a server that is gone is removed. Raises `OSError` whose message names the path: when a
    server listens there, when a file of another kind is in the way, and for what the system refuses."""
    where = f"unix:{format_unix_path(path)}"
    is_abstract = path[:1] == b"\0"
    if not is_abstract:
        _remove_stale(path, where)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(path)
        if mode is not None and not is_abstract:
            os.chmod(path, mode)
        sock.listen(backlog)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise _cannot_listen(where, error) from error
    return sock


def _remove_stale(path: bytes, where: str) -> None:
    """Make way for `bind`, which would refuse a path that exists even if nobody listens there.

    Between the test and the removal another process can start to listen at the same path; there is no way
    to do both at once."""
    try:
        status = os.lstat(path)
    except OSError:
        return  # Not there, or out of reach: `bind` will tell.
    if not stat.S_ISSOCK(status.st_mode):
        raise FileExistsError(errno.EEXIST, f"cannot listen on {where}: a file that is no socket is there")
    if _is_served(path):
        raise OSError(errno.EADDRINUSE, f"cannot listen on {where}: another server listens there")
    with suppress(FileNotFoundError):
        os.unlink(path)


def _is_served(path: bytes) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        # A full backlog must not hold the start up: it is an answer, too.
        probe.setblocking(False)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
    return True


class UnixFile:
    """The file that a bound UNIX socket has left in the file system: which one it was, to remove just that.

    ``path``
        as bytes; a name in the abstract namespace has no file."""

    __slots__ = ("_identity", "path")

    def __init__(self, path: bytes) -> None:
        self.path = path
        self._identity: tuple[int, int] | None = None
        if path[:1] != b"\0":
            status = os.lstat(path)
            self._identity = (status.st_dev, status.st_ino)

    def remove(self) -> None:
        """Remove the file, unless it is gone or another server's by now. Never raises `OSError`."""
        identity, self._identity = self._identity, None
        with suppress(OSError):
            if identity is not None:
                status = os.lstat(self.path)
                if (status.st_dev, status.st_ino) == identity:
                    os.unlink(self.path)
