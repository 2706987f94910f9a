"""`run_app` as a process: what it prints, how it ends, and with which exit code.

Every script is a program of its own. A test waits for a line that the program prints, never for time.
"""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Authority

ROOT = Path(__file__).parent.parent
LONGEST = 60.0
"""Seconds after which a program that hangs is killed."""

PREAMBLE = """
import asyncio, os, signal, socket, sys, threading
from sketch import web

def say(text):
    print(text, flush=True)

async def hello(request):
    return web.Response(text="hello")

def make_app(*routes):
    app = web.Application()
    app.router.add_get("/", hello)
    for path, handler in routes:
        app.router.add_get(path, handler)
    return app

def hook(text):
    async def run(app):
        say(text)
    return run
"""


class Program:
    """A running script. ``lines`` holds what it has said so far."""

    def __init__(self, script: str, directory: Path, loop: str) -> None:
        path = directory / "program.py"
        path.write_text(PREAMBLE + textwrap.dedent(script))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        environment.update(PYTHONPATH=str(ROOT), SKETCH_LOOP=loop)
        self.process = subprocess.Popen(
            [sys.executable, str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=directory,
        )
        self._watchdog = threading.Timer(LONGEST, self.process.kill)
        self._watchdog.start()
        self.lines: list[str] = []

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Read lines until one matches."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if match := re.search(pattern, line):
                return match
        raise AssertionError(f"{pattern!r} was not said: {self.lines}\n{self.end()[1]}")

    def wait_for_address(self) -> tuple[str, int]:
        match = self.wait_for(r"Running on http://([^/]+):(\d+) ")
        return match[1], int(match[2])

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self) -> tuple[int, str]:
        """Wait for the end; the exit code and what was said on standard error."""
        output, errors = self.process.communicate()
        self.lines += output.splitlines()
        return self.process.returncode, errors

    def close(self) -> None:
        self._watchdog.cancel()
        self.process.kill()
        self.process.communicate()


Start = Callable[[str], Program]


@pytest.fixture(params=["asyncio", "uvloop"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    programs: list[Program] = []

    def start(script: str) -> Program:
        programs.append(Program(script, tmp_path, request.param))
        return programs[-1]

    yield start
    for program in programs:
        program.close()


def ask(address: tuple[str, int] | str, path: str = "/") -> socket.socket:
    """Send a request and leave the answer to `answer`."""
    if isinstance(address, str):
        client = socket.socket(socket.AF_UNIX)
        client.connect(address)
    else:
        client = socket.create_connection(address)
    client.settimeout(LONGEST)
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    return client


def answer(client: socket.socket) -> str:
    """Everything up to the end of the connection."""
    with client, client.makefile("rb") as file:
        return file.read().decode()


# -- signals -----------------------------------------------------------------------------------------------

# The handler waits for `on_shutdown`: it can only finish if the hook runs before it is waited for.
IN_FLIGHT = """
    async def slow(request):
        say("in flight")
        await stopping.wait()
        say("handled")
        return web.Response(text="done")

    async def on_shutdown(app):
        say("on_shutdown")
        stopping.set()

    stopping = asyncio.Event()
    app = make_app(("/slow", slow))
    app.on_shutdown.append(on_shutdown)
    app.on_cleanup.append(hook("on_cleanup"))
    web.run_app(app, host="127.0.0.1", port=0)
    say("returned")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_program_in_order(start: Start, number: int) -> None:
    program = start(IN_FLIGHT)
    address = program.wait_for_address()
    idle = socket.create_connection(address)
    idle.settimeout(LONGEST)
    idle.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert idle.recv(65536).endswith(b"hello")
    in_flight = ask(address, "/slow")
    program.wait_for("in flight")
    program.signal(number)
    with idle:
        assert idle.recv(1) == b""
    assert answer(in_flight).endswith("done")
    code, errors = program.end()
    assert code == 0
    assert program.lines[-4:] == ["on_shutdown", "handled", "on_cleanup", "returned"]
    assert "Traceback" not in errors
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(start: Start, number: int) -> None:
    program = start("""
        async def endless(request):
            await asyncio.Event().wait()

        app = make_app(("/endless", endless))
        app.on_shutdown.append(hook("on_shutdown"))
        app.on_cleanup.append(hook("on_cleanup"))
        web.run_app(app, host="127.0.0.1", port=0)
    """)
    client = ask(program.wait_for_address(), "/endless")
    # The answer to a later request shows that the first has been taken up.
    assert answer(ask(tuple(client.getpeername()))).endswith("hello")
    program.signal(number)
    program.wait_for("on_shutdown")
    program.signal(number)
    code, _ = program.end()
    assert code == -number
    assert "on_cleanup" not in program.lines
    client.close()


def test_a_second_signal_ends_a_program_whose_loop_is_blocked(start: Start) -> None:
    program = start("""
        async def block(request):
            say("blocked")
            while signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
                pass
            say("signalled")
            while True:
                pass

        web.run_app(make_app(("/block", block)), host="127.0.0.1", port=0)
    """)
    client = ask(program.wait_for_address(), "/block")
    program.wait_for("blocked")
    program.signal(signal.SIGTERM)
    program.wait_for("signalled")
    program.signal(signal.SIGTERM)
    assert program.end()[0] == -signal.SIGTERM
    client.close()


def test_a_signal_during_the_start_cleans_up_what_had_started(start: Start) -> None:
    program = start("""
        async def context(app):
            say("entered")
            yield
            say("left")

        async def hang(app):
            say("hanging")
            await asyncio.Event().wait()

        app = make_app()
        app.cleanup_ctx.append(context)
        app.on_startup.append(hang)
        web.run_app(app, host="127.0.0.1", port=0)
        say("returned")
    """)
    program.wait_for("hanging")
    program.signal(signal.SIGTERM)
    code, errors = program.end()
    assert code == 0, errors
    assert program.lines == ["entered", "hanging", "left", "returned"]


def test_what_does_not_end_in_time_is_cut_off(start: Start) -> None:
    program = start("""
        async def endless(request):
            say("in flight")
            try:
                await asyncio.Event().wait()
            finally:
                say("cancelled")

        app = make_app(("/endless", endless))
        app.on_cleanup.append(hook("on_cleanup"))
        web.run_app(app, host="127.0.0.1", port=0, shutdown_timeout=0.1)
    """)
    client = ask(program.wait_for_address(), "/endless")
    program.wait_for("in flight")
    program.signal(signal.SIGTERM)
    assert program.end()[0] == 0
    assert program.lines[-2:] == ["cancelled", "on_cleanup"]
    with client:
        try:
            assert client.recv(1) == b""
        except ConnectionResetError:
            pass


def test_the_programs_own_signal_handlers_come_back(start: Start) -> None:
    program = start("""
        def mine(number, frame):
            say("mine")

        async def stop(app):
            os.kill(os.getpid(), signal.SIGTERM)

        signal.signal(signal.SIGTERM, mine)
        app = make_app()
        app.on_startup.append(stop)
        web.run_app(app, host="127.0.0.1", port=0)
        os.kill(os.getpid(), signal.SIGTERM)
        say(str(signal.getsignal(signal.SIGINT) is signal.default_int_handler))
    """)
    assert program.end()[0] == 0
    assert program.lines[-2:] == ["mine", "True"]


def test_without_signal_handlers_ctrl_c_ends_it_in_order_too(start: Start) -> None:
    program = start("""
        app = make_app()
        app.on_cleanup.append(hook("on_cleanup"))
        web.run_app(app, host="127.0.0.1", port=0, handle_signals=False)
        say("returned")
    """)
    program.wait_for_address()
    program.signal(signal.SIGINT)
    code, errors = program.end()
    assert code == 0, errors
    assert program.lines[-2:] == ["on_cleanup", "returned"]


def test_it_runs_in_another_thread(start: Start) -> None:
    program = start("""
        async def stop(request):
            raise web.GracefulExit

        def run():
            web.run_app(make_app(("/stop", stop)), host="127.0.0.1", port=0)
            say("returned")

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    """)
    answer(ask(program.wait_for_address(), "/stop"))
    code, errors = program.end()
    assert code == 0, errors
    assert program.lines[-1] == "returned"


# -- TLS ---------------------------------------------------------------------------------------------------


def common_name(address: tuple[str, int], trust: ssl.SSLContext) -> str:
    with socket.create_connection(address, timeout=LONGEST) as sock:
        with trust.wrap_socket(sock, server_hostname="localhost") as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
            certificate = client.getpeercert()
            assert certificate is not None
            subject: Any = certificate["subject"]
            return str(dict(part for relative in subject for part in relative)["commonName"])


def test_certificates_are_reloaded_at_sighup(start: Start, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.issue("localhost", common_name="first")
    program = start("""
        async def hang_up(app):
            # As early as that.
            os.kill(os.getpid(), signal.SIGHUP)

        app = make_app()
        app.on_startup.append(hang_up)
        import logging; logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
        web.run_app(
            app, host="127.0.0.1", port=0,
            certificate="server.pem", key="server-key.pem", reload_on_sighup=True,
        )
        say(str(signal.getsignal(signal.SIGHUP) is signal.SIG_DFL))
    """)
    first = program.wait_for("were reloaded|Running on")
    second = program.wait_for("were reloaded|Running on")
    line = first if "Running" in first[0] else second
    match = re.search(r"Running on https://([^/]+):(\d+) ", line.string)
    assert match is not None and {first[0], second[0]} == {"were reloaded", "Running on"}
    address = match[1], int(match[2])
    trust = authority.make_client_context()
    assert common_name(address, trust) == "first"
    authority.issue("localhost", common_name="second")
    program.signal(signal.SIGHUP)
    program.wait_for("were reloaded")
    assert common_name(address, trust) == "second"
    (tmp_path / "server-key.pem").unlink()
    program.signal(signal.SIGHUP)
    program.wait_for("not reloaded, .* server-key.pem: there is no such file")
    assert common_name(address, trust) == "second"
    program.signal(signal.SIGTERM)
    code, errors = program.end()
    assert (code, program.lines[-1]) == (0, "True"), errors


# -- ends from the inside ----------------------------------------------------------------------------------

STOPPING = """
    async def stop(request):
        raise {error}

    async def slow(request):
        say("in flight")
        await asyncio.sleep(0.05)
        return web.Response(text="done")

    app = make_app(("/stop", stop), ("/slow", slow))
    app.on_cleanup.append(hook("on_cleanup"))
    web.run_app(app, host="127.0.0.1", port=0)
    say("returned")
"""


def test_graceful_exit_ends_it_like_a_signal(start: Start) -> None:
    program = start(STOPPING.format(error="web.GracefulExit"))
    address = program.wait_for_address()
    in_flight = ask(address, "/slow")
    program.wait_for("in flight")
    answer(ask(address, "/stop"))
    assert answer(in_flight).endswith("done")
    code, errors = program.end()
    assert code == 0, errors
    assert program.lines[-2:] == ["on_cleanup", "returned"]


def test_system_exit_keeps_its_code(start: Start) -> None:
    program = start(STOPPING.format(error="SystemExit(3)"))
    answer(ask(program.wait_for_address(), "/stop"))
    code, errors = program.end()
    assert code == 3, errors
    assert program.lines[-1] == "on_cleanup"


def test_system_exit_at_the_start_keeps_its_code(start: Start) -> None:
    program = start("""
        async def context(app):
            yield
            say("left")

        async def stop(app):
            raise SystemExit(4)

        app = make_app()
        app.cleanup_ctx.append(context)
        app.on_startup.append(stop)
        web.run_app(app, host="127.0.0.1", port=0)
    """)
    code, errors = program.end()
    assert (code, program.lines) == (4, ["left"])
    assert "never retrieved" not in errors


def test_a_failed_start_leaves_what_was_entered_and_shows_one_traceback(start: Start) -> None:
    program = start("""
        def context(name):
            async def run(app):
                say(f"{name} entered")
                yield
                say(f"{name} left")
            return run

        async def fail(app):
            raise LookupError("no database")

        app = make_app()
        app.cleanup_ctx.extend([context("first"), context("second")])
        app.on_startup.append(fail)
        app.on_cleanup.append(hook("on_cleanup"))
        web.run_app(app, host="127.0.0.1", port=0)
    """)
    code, errors = program.end()
    assert code == 1
    assert program.lines == ["first entered", "second entered", "second left", "first left"]
    assert errors.count("Traceback") == 1
    assert errors.splitlines()[-1] == "LookupError: no database"


def test_the_start_s_error_is_seen_when_the_clean_up_fails_too(start: Start) -> None:
    program = start("""
        async def context(app):
            yield
            raise KeyError("clean-up")

        async def fail(app):
            raise LookupError("start")

        app = make_app()
        app.cleanup_ctx.append(context)
        app.on_startup.append(fail)
        web.run_app(app, host="127.0.0.1", port=0)
    """)
    code, errors = program.end()
    assert code == 1
    assert "KeyError: 'clean-up'" in errors
    assert errors.splitlines()[-1] == "LookupError: start"


def test_an_error_of_the_clean_up_is_shown(start: Start) -> None:
    program = start("""
        async def fail(app):
            raise LookupError("clean-up")

        app = make_app()
        app.on_shutdown.append(fail)
        app.on_cleanup.append(hook("on_cleanup"))
        web.run_app(app, host="127.0.0.1", port=0)
    """)
    program.wait_for_address()
    program.signal(signal.SIGTERM)
    code, errors = program.end()
    assert (code, program.lines[-1]) == (1, "on_cleanup")
    assert errors.splitlines()[-1] == "LookupError: clean-up"


# -- where it listens --------------------------------------------------------------------------------------


def test_a_port_in_use_is_one_line_and_exit_code_1(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        program = start(f"""
            app = make_app()
            app.on_cleanup.append(hook("on_cleanup"))
            try:
                web.run_app(app, host="127.0.0.1", port={port})
            except SystemExit as error:
                say(repr(error.__cause__))
                raise
        """)
        code, errors = program.end()
    assert code == 1
    assert errors == f"sketch: cannot listen on 127.0.0.1:{port}: address already in use\n"
    assert program.lines[0] == "on_cleanup"
    assert program.lines[1].startswith("OSError(")


def test_all_interfaces_are_both_families(start: Start) -> None:
    program = start("web.run_app(make_app(), port=0)")
    host, port = program.wait_for_address()
    assert host == "0.0.0.0"
    assert answer(ask(("127.0.0.1", port))).endswith("hello")
    try:
        client = ask(("::1", port))
    except OSError:
        pytest.skip("no IPv6 here")
    assert answer(client).endswith("hello")


def test_several_kinds_of_sites_at_once(start: Start, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = start(f"""
        sock = socket.create_server(("127.0.0.1", 0))
        say(str(sock.getsockname()[1]))
        hosts = ["127.0.0.1", "127.0.0.2"]
        web.run_app(make_app(), host=hosts, port={port}, path="app.sock", path_mode=0o600, sock=sock)
    """)
    given_port = int(program.wait_for(r"^\d+$")[0])
    names = program.wait_for(r"Running on (.*) =")[1]
    assert names.split(", ") == sorted(
        [
            f"http://127.0.0.1:{port}",
            f"http://127.0.0.2:{port}",
            f"http://127.0.0.1:{given_port}",
            "http://unix:app.sock:",
        ]
    )
    path = tmp_path / "app.sock"
    assert path.stat().st_mode & 0o777 == 0o600
    addresses: list[tuple[str, int] | str] = [("127.0.0.1", port), ("127.0.0.2", port)]
    for address in [*addresses, ("127.0.0.1", given_port), str(path)]:
        assert answer(ask(address)).endswith("hello")
    program.signal(signal.SIGTERM)
    assert program.end()[0] == 0
    assert not path.exists()


def test_a_socket_left_by_a_killed_program_is_replaced(start: Start, tmp_path: Path) -> None:
    script = 'web.run_app(make_app(), path="app.sock")'
    first = start(script)
    first.wait_for("Running on")
    second = start(script)
    code, errors = second.end()
    assert (code, errors) == (1, "sketch: cannot listen on unix:app.sock: another server listens there\n")
    first.signal(signal.SIGKILL)
    assert first.end()[0] == -signal.SIGKILL
    third = start(script)
    third.wait_for("Running on")
    assert answer(ask(str(tmp_path / "app.sock"))).endswith("hello")


# -- what it says --------------------------------------------------------------------------------------------


def test_an_application_can_be_awaited(start: Start) -> None:
    program = start("""
        async def make():
            await asyncio.sleep(0)
            return make_app()

        web.run_app(make(), host="127.0.0.1", port=0)
    """)
    assert answer(ask(program.wait_for_address())).endswith("hello")


def test_the_address_is_said_to_whoever_is_given(start: Start) -> None:
    program = start("""
        web.run_app(make_app(), host="127.0.0.1", port=0, print=lambda text: say(text.replace("=", "*")))
    """)
    program.wait_for(r"^\*{8} Running on http://127\.0\.0\.1:\d+ \*{8}$")
    program.wait_for("Press CTRL")


LOGGING = """
    async def stop(request):
        raise web.GracefulExit

    {setup}
    web.run_app(make_app(("/stop", stop)), host="127.0.0.1", port=0{arguments})
"""


def log_of(start: Start, setup: str = "", arguments: str = "") -> str:
    program = start(LOGGING.format(setup=setup, arguments=arguments))
    address = program.wait_for_address()
    assert answer(ask(address)).endswith("hello")
    program.signal(signal.SIGTERM)
    return program.end()[1]


def test_access_lines_are_shown_where_nobody_configured_logging(start: Start) -> None:
    lines = log_of(start).splitlines()
    assert re.fullmatch(r'127\.0\.0\.1 \[.*\] "GET / HTTP/1\.1" 200 \d+ "-" "-"', lines[0])
    assert lines[1].startswith("INFO sketch.server: SIGTERM: ")


def test_without_an_access_log_there_are_no_access_lines(start: Start) -> None:
    assert '"GET /' not in log_of(start, arguments=", access_log=None")


def test_logging_that_was_configured_is_left_alone(start: Start) -> None:
    assert log_of(start, "import logging; logging.basicConfig(level=logging.ERROR)") == ""


WARNING = "WARNING sketch.server: Debug mode is on, and other machines may reach http://0.0.0.0:"


def test_debug_mode_in_reach_of_others_is_warned_of(start: Start) -> None:
    program = start('web.run_app(make_app(), host="0.0.0.0", port=0, debug=True)')
    program.wait_for_address()
    program.signal(signal.SIGTERM)
    assert program.end()[1].startswith(WARNING)


def test_debug_mode_on_loopback_is_not(start: Start) -> None:
    program = start('web.run_app(make_app(), host="127.0.0.1", port=0, path="app.sock", debug=True)')
    program.wait_for("Running on")
    program.signal(signal.SIGTERM)
    assert "Debug mode" not in program.end()[1]


def test_the_loop_is_the_one_that_was_asked_for(start: Start) -> None:
    program = start("""
        async def show(app):
            say(f"loop {type(asyncio.get_running_loop()).__module__.partition('.')[0]}")
            say(f"asked for {os.environ['SKETCH_LOOP']}")
            raise web.GracefulExit

        app = make_app()
        app.on_startup.append(show)
        web.run_app(app)
    """)
    assert program.end()[0] == 0
    assert program.lines[0].split()[-1] == program.lines[1].split()[-1]
