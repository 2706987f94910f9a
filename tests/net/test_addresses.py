"""Addresses: refused early, bound all or nothing, and named in every error."""

import asyncio
import errno
import os
import socket
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from sketch.net import addresses
from sketch.net.addresses import (
    UnixFile,
    bind_tcp,
    bind_unix,
    check_backlog,
    check_host,
    check_mode,
    check_port,
    check_socket,
    check_unix_path,
    format_unix_path,
)


def bind(host: str | None, port: int, **keywords: Any) -> list[socket.socket]:
    return asyncio.run(bind_tcp(host, port, **keywords))


def close(sockets: list[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="abstract UNIX sockets are Linux's")


# -- checks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("port", [-1, 65536, 100000])
def test_a_port_out_of_range_is_refused(port: int) -> None:
    with pytest.raises(ValueError, match=f"between 0 and 65535, got {port}"):
        check_port(port)


@pytest.mark.parametrize("port", ["8080", 80.0, True])
def test_a_port_that_is_no_int_is_refused(port: object) -> None:
    with pytest.raises(TypeError, match="port must be an int"):
        check_port(port)


def test_the_ends_of_the_range_are_ports() -> None:
    assert (check_port(0), check_port(65535)) == (0, 65535)


def test_an_empty_host_is_every_interface() -> None:
    assert (check_host(None), check_host(""), check_host("localhost")) == (None, None, "localhost")
    with pytest.raises(TypeError, match="host must be a str or None, got b'localhost'"):
        check_host(b"localhost")


def test_a_backlog_is_a_positive_int() -> None:
    assert check_backlog(1) == 1
    with pytest.raises(ValueError, match="at least 1, got 0"):
        check_backlog(0)
    with pytest.raises(TypeError, match="backlog must be an int"):
        check_backlog(None)


def test_a_mode_is_permission_bits() -> None:
    assert (check_mode(None), check_mode(0o660)) == (None, 0o660)
    with pytest.raises(ValueError, match="between 0 and 0o777, got 0o1777"):
        check_mode(0o1777)
    with pytest.raises(TypeError, match="mode must be an int like 0o660, got '660'"):
        check_mode("660")


def test_a_unix_path_has_a_longest_length() -> None:
    longest = "/" + "x" * (106 if sys.platform == "linux" else 102)
    assert check_unix_path(longest) == os.fsencode(longest)
    with pytest.raises(ValueError, match=f"at most {len(longest)} bytes here, got {len(longest) + 1}"):
        check_unix_path(longest + "x")


def test_the_longest_unix_path_is_the_systems() -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        with pytest.raises(OSError) as allowed:
            sock.connect("/" + "x" * (addresses._LONGEST_UNIX_PATH - 2))
        assert allowed.value.errno == errno.ENOENT
        with pytest.raises(OSError, match="too long"):
            sock.connect("/" + "x" * (addresses._LONGEST_UNIX_PATH - 1))


@pytest.mark.parametrize("path", ["", b"", "\0"])
def test_an_empty_unix_path_is_refused(path: str | bytes) -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        check_unix_path(path)


def test_a_nul_byte_inside_a_unix_path_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL byte"):
        check_unix_path("/tmp/a\0b")
    with pytest.raises(TypeError, match="must be a str, bytes or os.PathLike, got 5"):
        check_unix_path(5)  # type: ignore[arg-type]


def test_a_socket_is_a_stream() -> None:
    with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
        assert check_socket(stream) is stream
        with pytest.raises(ValueError, match="must be a stream socket"):
            check_socket(datagram)
    with pytest.raises(TypeError, match="must be a socket.socket"):
        check_socket(5)


# -- TCP ---------------------------------------------------------------------------------------------------


def test_a_bound_socket_listens() -> None:
    (sock,) = bind("127.0.0.1", 0)
    with sock, socket.create_connection(sock.getsockname()):
        assert not sock.getblocking()
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)


def test_a_port_in_use_is_named() -> None:
    (sock,) = bind("127.0.0.1", 0)
    port = sock.getsockname()[1]
    with (
        sock,
        pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}: address already in use") as info,
    ):
        bind("127.0.0.1", port)
    assert info.value.errno == errno.EADDRINUSE


def test_a_port_that_somebody_bound_without_listening_is_named_too() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=f"127.0.0.1:{port}: address already in use"):
            bind("127.0.0.1", port)


@needs_ipv6
def test_every_interface_is_both_families_on_one_port() -> None:
    sockets = bind(None, 0)
    try:
        assert [sock.family for sock in sockets] == [socket.AF_INET, socket.AF_INET6]
        assert [sock.getsockname()[0] for sock in sockets] == ["0.0.0.0", "::"]
        assert len({sock.getsockname()[1] for sock in sockets}) == 1
        assert sockets[1].getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    finally:
        close(sockets)


@needs_ipv6
def test_a_port_taken_in_the_other_family_is_picked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    bind_one = addresses._bind_one
    refusals = iter([True, True])

    def refuse_ipv6_twice(info: Any, *arguments: Any) -> socket.socket:
        if info[0] == socket.AF_INET6 and next(refusals, False):
            raise OSError(errno.EADDRINUSE, "Address already in use")
        return bind_one(info, *arguments)

    monkeypatch.setattr(addresses, "_bind_one", refuse_ipv6_twice)
    sockets = bind(None, 0)
    close(sockets)
    assert len(sockets) == 2


def taken_in_ipv6_only() -> socket.socket:
    """A socket with a port that is free in IPv4. The next one may be in use there, by whoever."""
    while True:
        other = socket.socket(socket.AF_INET6)
        other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        other.bind(("::", 0))
        try:
            close(bind("0.0.0.0", other.getsockname()[1]))
        except OSError:
            other.close()
        else:
            return other


@needs_ipv6
def test_nothing_stays_bound_when_one_of_two_families_fails() -> None:
    with taken_in_ipv6_only() as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=rf"cannot listen on \[::\]:{port}"):
            bind(None, port)
        close(bind("0.0.0.0", port))


def test_a_family_that_is_missing_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    bind_one = addresses._bind_one

    def have_no_ipv6(info: Any, *arguments: Any) -> socket.socket:
        if info[0] == socket.AF_INET6:
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        return bind_one(info, *arguments)

    monkeypatch.setattr(addresses, "_bind_one", have_no_ipv6)
    sockets = bind(None, 0)
    close(sockets)
    assert [sock.family for sock in sockets] == [socket.AF_INET]
    with pytest.raises(OSError, match=r"cannot listen on \[::1\]:0: cannot assign requested address"):
        bind("::1", 0)


def test_a_host_that_does_not_resolve_is_named() -> None:
    with pytest.raises(socket.gaierror, match="cannot resolve the host 'no such host'"):
        bind("no such host", 0)


def test_an_address_of_another_machine_is_named() -> None:
    # TEST-NET-1 (RFC 5737): nobody has it.
    with pytest.raises(OSError, match="cannot listen on 192.0.2.1:0"):
        bind("192.0.2.1", 0)


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="no SO_REUSEPORT here")
def test_two_can_share_a_port_that_both_want_to_share() -> None:
    first = bind("127.0.0.1", 0, reuse_port=True)
    second = bind("127.0.0.1", first[0].getsockname()[1], reuse_port=True)
    close(first + second)


def test_without_so_reuseport_sharing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "SO_REUSEPORT", raising=False)
    with pytest.raises(ValueError, match="reuse_port is not supported"):
        bind("127.0.0.1", 0, reuse_port=True)


# -- UNIX --------------------------------------------------------------------------------------------------


def test_the_mode_is_set(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with bind_unix(os.fsencode(path), mode=0o620):
        assert stat.S_IMODE(path.stat().st_mode) == 0o620


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path / "socket")
    bind_unix(path).close()
    assert os.path.exists(path)
    with bind_unix(path), socket.socket(socket.AF_UNIX) as client:
        client.connect(path)


def test_a_live_socket_is_refused(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path / "socket")
    with bind_unix(path):
        with pytest.raises(OSError, match="cannot listen on unix:.*: another server listens there") as info:
            bind_unix(path)
        assert info.value.errno == errno.EADDRINUSE
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)


def test_a_socket_with_a_full_backlog_is_alive(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path / "socket")
    clients = []
    with bind_unix(path, backlog=1):
        while True:
            client = socket.socket(socket.AF_UNIX)
            client.setblocking(False)
            clients.append(client)
            try:
                client.connect(path)
            except BlockingIOError:
                break
        with pytest.raises(OSError, match="another server listens there"):
            bind_unix(path)
    close(clients)


def test_a_file_that_is_no_socket_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    path.write_text("precious")
    with pytest.raises(FileExistsError, match="a file that is no socket is there"):
        bind_unix(os.fsencode(path))
    assert path.read_text() == "precious"


def test_a_link_to_a_stale_socket_is_kept(tmp_path: Path) -> None:
    bind_unix(os.fsencode(tmp_path / "target")).close()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(FileExistsError):
        bind_unix(os.fsencode(tmp_path / "link"))
    assert (tmp_path / "target").exists()


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="cannot listen on unix:.*/missing/socket: no such file"):
        bind_unix(os.fsencode(tmp_path / "missing" / "socket"))


@needs_linux
def test_an_abstract_name_has_no_file() -> None:
    name = check_unix_path(f"\0sketch-test-{os.getpid()}")
    assert format_unix_path(name) == f"@sketch-test-{os.getpid()}"
    with bind_unix(name, mode=0o600), socket.socket(socket.AF_UNIX) as client:
        client.connect(name)
        UnixFile(name).remove()
        with pytest.raises(OSError, match="cannot listen on unix:@sketch-test-.*: address already in use"):
            bind_unix(name)


def test_only_the_file_that_was_made_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with bind_unix(os.fsencode(path)):
        unix_file = UnixFile(os.fsencode(path))
        path.rename(tmp_path / "moved")
        path.write_text("another")
        unix_file.remove()
        assert path.exists()
        unix_file = UnixFile(os.fsencode(tmp_path / "moved"))
        unix_file.remove()
        unix_file.remove()
        assert not (tmp_path / "moved").exists()
