"""A server in a process of its own that says what it holds when asked: ``python -m tests.soak.served``.

It serves on a listening socket that it is given, with `web.run_app`, and ends on SIGTERM like any program.
One line on its standard input asks for a census, which it writes to its standard output; the last line there,
after the end of the event loop, is what was complained of.
"""

import argparse
import asyncio
import gc
import json
import logging
import os
import socket
import sys
from collections.abc import Sequence
from typing import Any

from sketch import web
from sketch.http.limits import Limits
from tests.soak.application import make_app
from tests.soak.census import Complaints, take_census


class Control:
    """The other end of the pipes: questions come in, answers go out."""

    def __init__(self) -> None:
        self._complaints = Complaints()

    async def start(self, app: web.Application) -> None:
        """Begin to listen to questions, and to complaints."""
        loop = asyncio.get_running_loop()
        self._complaints.install(loop)
        loop.add_reader(sys.stdin.fileno(), self._answer)

    async def stop(self, app: web.Application) -> None:
        """Listen no longer."""
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())

    def say_farewell(self) -> None:
        """The last line."""
        gc.collect()
        say(self._complaints.texts)

    def _answer(self) -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            # Whoever started this is gone, and nobody else would end it.
            os._exit(3)
        say(take_census().to_json())


def say(value: object) -> None:
    """One line of JSON on the standard output."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--descriptor", type=int, required=True, help="of the listening socket")
    parser.add_argument("--loop", default="uvloop")
    parser.add_argument("--record", default="", help="the file in which requests begun are noted")
    parser.add_argument("--limits", type=json.loads, default={}, help="fields of Limits, as JSON")
    parser.add_argument("--options", type=json.loads, default={}, help="arguments of run_app, as JSON")
    serve(parser.parse_args(arguments))


def serve(options: argparse.Namespace) -> None:
    """Serve the application on the given socket."""
    record = os.open(options.record, os.O_WRONLY | os.O_APPEND | os.O_CREAT) if options.record else -1
    app = make_app(record)
    control = Control()
    app.on_startup.append(control.start)
    app.on_cleanup.append(control.stop)
    arguments: dict[str, Any] = options.options
    logging.getLogger("sketch.access").addHandler(logging.NullHandler())
    web.run_app(
        app,
        sock=socket.socket(fileno=options.descriptor),
        loop=options.loop,
        limits=Limits(**options.limits),
        print=lambda *lines: say("ready"),
        **arguments,
    )
    control.say_farewell()


if __name__ == "__main__":
    main()
