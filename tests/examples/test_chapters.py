"""Each chapter of the tutorial runs as a program: asked over HTTP, ended by a signal, exit 0."""

import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.examples.process import EXAMPLES, PATIENCE, ask, running

CURL = shutil.which("curl")


def test_every_chapter_has_a_test() -> None:
    chapters = {path.name.removesuffix(".py") for path in (EXAMPLES / "tutorial").glob("*.py")}
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert {chapter.partition("_")[2] for chapter in chapters} <= tested
    assert len(chapters) == 11


def test_echo_protocol() -> None:
    with running("tutorial/01_echo_protocol.py") as example:
        answer = ask(example.port, "/hello", headers={"X-Number": "7"})
        assert answer.status == 200
        assert answer.text.startswith("GET /hello HTTP/1.1\r\n")
        assert "X-Number: 7\r\n" in answer.text
        assert example.stop() == 0


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
def test_echo_protocol_answers_curl() -> None:
    assert CURL is not None
    with running("tutorial/01_echo_protocol.py") as example:
        command = [CURL, "--silent", "--show-error", f"http://127.0.0.1:{example.port}/hello"]
        shown = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
        assert shown.stdout.startswith("GET /hello HTTP/1.1\n")
        assert example.stop(signal.SIGINT) == 0


def test_parser_protocol() -> None:
    with running("tutorial/02_parser_protocol.py") as example:
        answer = ask(example.port, "/where?from=here", method="POST", body="some data")
        assert answer.status == 200
        assert answer.text.startswith("POST /where?from=here\n9 bytes of body\n")
        assert "Content-Length = 9\n" in answer.text
        assert ask(example.port, "/again").status == 200
        assert example.stop() == 0


def test_request_and_response() -> None:
    with running("tutorial/03_request_and_response.py") as example:
        answer = ask(example.port, "/greet", method="POST", body='{"name": "Zoë"}')
        assert (answer.status, answer.reason) == (200, "OK")
        assert answer.text == "POST /greet\nHello, Zoë!\n"
        assert answer.headers["X-Powered-By"] == "sketch"
        answer = ask(example.port, "/greet", method="POST", body="Ada")
        assert (answer.status, answer.text) == (400, "Send me JSON.\n")
        assert example.stop() == 0


def test_application() -> None:
    with running("tutorial/04_application.py") as example:
        assert ask(example.port, "/").text == "Hello, world!\n"
        assert ask(example.port, "/about").text == "You asked for /about\n"
        answer = ask(example.port, "/nowhere")
        assert (answer.status, answer.text) == (404, "404: Not Found")
        assert example.stop() == 0


def test_run_app() -> None:
    with running("tutorial/05_run_app.py") as example:
        assert f"http://127.0.0.1:{example.port}" in example.output
        assert ask(example.port, "/").text == "Hello, world!\n"
        assert example.stop() == 0


def test_run_app_ends_with_ctrl_c() -> None:
    with running("tutorial/05_run_app.py") as example:
        assert example.stop(signal.SIGINT) == 0
        assert "Traceback" not in example.output


def test_route_parameters() -> None:
    with running("tutorial/06_route_parameters.py") as example:
        assert ask(example.port, "/user/ada").text == "This is ada\n"
        assert ask(example.port, "/user/Zo%C3%AB").text == "This is Zoë\n"
        assert ask(example.port, "/user/ada/posts/12").text == "Post 12 of ada\n"
        assert ask(example.port, "/user/ada/posts/last").status == 404
        answer = ask(example.port, "/user/ada", method="PUT", body="Ada L.")
        assert answer.text == "ada is now Ada L.\n"
        answer = ask(example.port, "/user/ada", method="DELETE")
        assert answer.status == 405
        assert answer.headers["Allow"] == "GET,HEAD,PUT"
        assert example.stop() == 0


def test_middlewares() -> None:
    with running("tutorial/07_middlewares.py") as example:
        answer = ask(example.port)
        assert (answer.status, answer.text) == (401, "Who are you?\n")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.headers["Server-Timing"].startswith("total;dur=")
        answer = ask(example.port, headers={"Authorization": "Bearer letmein"})
        assert (answer.status, answer.text) == (200, "Come in.\n")
        assert answer.headers["Server-Timing"].startswith("total;dur=")
        assert example.stop() == 0


def test_lifecycle_hooks() -> None:
    with running("tutorial/08_lifecycle_hooks.py") as example:
        answer = ask(example.port)
        assert answer.text == "ada\ngrace\n"
        assert answer.headers["X-Users"] == "2"
        assert example.stop() == 0
        said = ["database opens", "starting with 2", "Running on", "shutting down", "database closes"]
        said.append("cleaning up")
        positions = [example.output.find(words) for words in said]
        assert -1 not in positions, example.output
        assert positions == sorted(positions), example.output


def test_exceptions() -> None:
    with running("tutorial/09_exceptions.py") as example:
        answer = ask(example.port, "/user/nobody")
        assert (answer.status, answer.reason) == (404, "No such user")
        assert answer.text == "404: No such user"
        assert ask(example.port, "/user/ada").text == "Ada Lovelace\n"
        assert ask(example.port, "/square?of=7").text == "49\n"
        answer = ask(example.port, "/square?of=seven")
        assert (answer.status, answer.reason) == (400, "Bad Request")
        assert answer.text.startswith("Ask for the square of a number")
        answer = ask(example.port, "/")
        assert (answer.status, answer.headers["Location"]) == (302, "/user/ada")
        assert example.stop() == 0


def test_error_page() -> None:
    with running("tutorial/10_error_page.py") as example:
        page = ask(example.port, "/divide/0", headers={"Accept": "text/html"})
        assert page.status == 500
        assert page.headers["Content-Type"].startswith("text/html")
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert "Content-Security-Policy" in page.headers
        for shown in ("ZeroDivisionError", "10_error_page.py", "100 / by", "/divide/0"):
            assert shown in page.text
        plain = ask(example.port, "/divide/0")
        assert plain.headers["Content-Type"].startswith("text/plain")
        assert "ZeroDivisionError" in plain.text
        assert ask(example.port, "/divide/4").text == "25.0\n"
        assert example.stop() == 0


def test_graceful_shutdown() -> None:
    with running("tutorial/11_graceful_shutdown.py") as example, ThreadPoolExecutor(1) as threads:
        answer = threads.submit(ask, example.port, "/slow")
        example.wait_for("working")
        example.send_signal(signal.SIGTERM)
        assert answer.result(PATIENCE).text == "It took a while, but here it is.\n"
        assert example.wait() == 0
        assert "everything is put away" in example.output


def test_sample_application() -> None:
    with running("sample.py") as example:
        answer = ask(example.port, "/john_doe")
        assert (answer.status, answer.text) == (200, "Welcome, john_doe!")
        answer = ask(example.port, "/jane_doe")
        assert (answer.status, answer.reason) == (404, "No such user with as jane_doe :(")
        assert "No such user with as jane_doe :(" in answer.text
        example.wait_for("Received request to /jane_doe")
        assert example.output.count("Received request to /") == 2
        assert example.stop() == 0
