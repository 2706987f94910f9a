"""The command line: ``python -m sketch module:function`` serves the application that a function makes.

Knows arguments and how to find the function. Everything else is `run_app`.
"""

import argparse
import logging
import pkgutil
import socket
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from .application import Application
from .net.addresses import check_port, check_unix_path
from .net.proxies import HEADERS
from .runner import run_app
from .runner.options import server_options

_FUNCTION_HELP = """callable that takes the list of remaining arguments and returns the application, or a
coroutine that does; or the application itself. In the form module:function"""


def main(argv: Sequence[str] | None = None, *, prog: str = "sketch") -> NoReturn:
    """Serve what the arguments name (aiohttp documentation, "Command Line Interface").

    ``argv``
        without the program's name; by default the process's.
    ``prog``
        what the program is called in messages.

    Raises `SystemExit`: with code 0 after the service was stopped, 2 for arguments that make no sense, 1
    when a certificate cannot be used or the address not be listened on. Exceptions of the application
    pass through."""
    parser = _parser(prog)
    options, rest = parser.parse_known_args(argv)
    entry = _find_entry(parser, options.entry_func)
    _check_address(parser, options)
    proxies = _find_proxies(parser, options)
    tls = _tls_arguments(parser, options)
    logging.basicConfig(level=logging.DEBUG)
    host, port = options.hostname, options.port
    if options.path and host is None:
        port = None
    elif host is None:
        host = "localhost"
    app = entry if isinstance(entry, Application) else entry(rest)
    run_app(app, host=host, port=port, path=options.path, **proxies, **tls)
    parser.exit(message="Stopped\n")


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=prog, description="Serve a sketch.web application.")
    parser.add_argument("entry_func", metavar="entry-func", help=_FUNCTION_HELP)
    parser.add_argument("-H", "--hostname", help="host to serve on (default: localhost)")
    parser.add_argument(
        "-P", "--port", type=int, help="port to serve on (default: 8080, with a certificate 8443)"
    )
    parser.add_argument(
        "-U",
        "--path",
        help="UNIX socket to serve on. Together with a host name, both are served on.",
    )
    parser.add_argument(
        "--trusted-proxy",
        metavar="network",
        action="append",
        help="network of proxies that are believed, or unix; may be given several times",
    )
    parser.add_argument(
        "--forwarded", choices=HEADERS, help="header fields in which they say who the client is"
    )
    parser.add_argument(
        "--proxy-protocol", action="store_true", help="their connections begin with a PROXY header"
    )
    # Named at length: what is not known here is the application's, and must stay so.
    tls = parser.add_argument_group("TLS")
    tls.add_argument(
        "--tls-certificate", metavar="FILE", help="certificate, followed by the intermediate ones (PEM)"
    )
    tls.add_argument(
        "--tls-key", metavar="FILE", help="its private key (PEM); by default in the certificate's file"
    )
    tls.add_argument(
        "--tls-reload-on-sighup",
        action="store_true",
        default=None,
        help="load certificate and key again at each SIGHUP",
    )
    tls.add_argument(
        "--tls-reload-interval",
        metavar="SECONDS",
        type=float,
        help="look whether they have changed, and load them again",
    )
    return parser


def _find_entry(parser: argparse.ArgumentParser, entry_func: str) -> Any:
    module, _, function = entry_func.partition(":")
    if not module or not function:
        parser.error("'entry-func' not in 'module:function' syntax")
    if module.startswith("."):
        parser.error("relative module names not supported")
    try:
        entry = pkgutil.resolve_name(entry_func)
    except AttributeError:
        parser.error(f"module {module!r} has no attribute {function!r}")
    except ValueError:
        parser.error(f"{entry_func!r} is no name of a function in a module")
    except ModuleNotFoundError as error:
        # A module that was found and imports one that is missing shows where: its traceback is kept.
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        parser.error(f"unable to import {module}: {error}")
    if not callable(entry):
        parser.error(f"{entry_func} is not callable")
    return entry


def _tls_arguments(parser: argparse.ArgumentParser, options: argparse.Namespace) -> dict[str, Any]:
    """The keywords of `run_app` that were asked for."""
    names = ("certificate", "key", "reload_on_sighup", "reload_interval")
    given = {name: value for name in names if (value := getattr(options, f"tls_{name}")) is not None}
    if given and options.tls_certificate is None:
        parser.error("the other options for TLS need --tls-certificate")
    if not given.get("reload_interval", 1) > 0:
        parser.error("--tls-reload-interval must be more than 0 seconds")
    return given


def _check_address(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    if options.port is None:
        options.port = 8080 if options.tls_certificate is None else 8443
    if options.path is not None and not hasattr(socket, "AF_UNIX"):
        parser.error("file system paths not supported by your operating environment")
    try:
        check_port(options.port)
        if options.path is not None:
            check_unix_path(options.path)
    except ValueError as error:
        parser.error(str(error))


def _find_proxies(parser: argparse.ArgumentParser, options: argparse.Namespace) -> dict[str, Any]:
    """The keywords of `server_options` that were given."""
    given = {
        "trusted_proxies": options.trusted_proxy,
        "forwarded": options.forwarded,
        "proxy_protocol": options.proxy_protocol,
    }
    keywords = {name: value for name, value in given.items() if value}
    try:
        server_options(**keywords)
    except ValueError as error:
        parser.error(str(error))
    return keywords


if __name__ == "__main__":
    main(sys.argv[1:])
