"""Sockets and ports of this machine that nobody uses (aiohttp documentation, "Testing")."""

import os
import socket
import sys

_MAY_REUSE = os.name == "posix" and sys.platform != "cygwin"
"""On Windows ``SO_REUSEADDR`` would let two programs have one port."""


def get_port_socket(host: str, port: int, family: socket.AddressFamily = socket.AF_INET) -> socket.socket:
    """A TCP socket that is bound to this host and port. Raises `OSError` when they are taken."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if _MAY_REUSE:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except BaseException:
        sock.close()
        raise
    return sock


def get_unused_port_socket(host: str, family: socket.AddressFamily = socket.AF_INET) -> socket.socket:
    """A TCP socket that is bound to this host and a port that nobody uses."""
    return get_port_socket(host, 0, family)


def unused_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses at this moment."""
    with get_unused_port_socket("127.0.0.1") as sock:
        port: int = sock.getsockname()[1]
    return port
