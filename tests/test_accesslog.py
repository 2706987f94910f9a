"""Access lines: the same as aiohttp's for the same format, and nothing that a stranger can forge."""

import datetime
import logging
import os
import re
import time as clock
from collections.abc import Mapping
from typing import Any, cast

import pytest
from aiohttp.web_log import AccessLogger as ReferenceLogger
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from sketch import accesslog
from sketch.accesslog import AbstractAccessLogger, AccessLogger, RefusedRequest, escape, log_refusal
from sketch.http.exchange import Peer
from sketch.http.heads import HttpVersion10, HttpVersion11, ResponseHead
from sketch.request import BaseRequest
from sketch.response import StreamResponse


class FakeRequest:
    """What both loggers look at of a request."""

    def __init__(
        self,
        path: str = "/shop?page=2",
        headers: Mapping[str, str] | None = None,
        remote: str | None = "192.0.2.7",
    ) -> None:
        self.method = "GET"
        self.path_qs = self.raw_path = path
        self.version = HttpVersion11
        self.headers = CIMultiDictProxy(CIMultiDict(headers or {}))
        self.remote = remote


class FakeResponse:
    status = 404
    body_length = 1234
    headers = CIMultiDictProxy(CIMultiDict({"Content-Type": "text/plain"}))


class Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def make_logger(level: int = logging.INFO) -> tuple[logging.Logger, Collector]:
    logger, collector = logging.Logger("test"), Collector()
    logger.setLevel(level)
    logger.addHandler(collector)
    return logger, collector


def write(log_format: str, request: Any = None, *, kind: Any = AccessLogger, seconds: float = 1.5) -> Any:
    """The one record that a logger of this format writes."""
    logger, collector = make_logger()
    kind(logger, log_format).log(request or FakeRequest(), FakeResponse(), seconds)
    [record] = collector.records
    return record


ATTRIBUTES = [*ReferenceLogger.LOG_FORMAT_MAP.values()]

# -- against aiohttp ---------------------------------------------------------------------------------------

FORMATS = [
    AccessLogger.LOG_FORMAT,
    "",
    "nothing to fill",
    "%a",
    "%t",
    "%P",
    "%r",
    "%s %b",
    "%T",
    "%Tf",
    "%T f",
    "%D",
    "%{User-Agent}i",
    "%{user-agent}i",
    "%{Nobody-Sent}i",
    "%{Content-Type}o",
    "%{X}o|%{Referer}i|%{User-Agent}i|%{Content-Type}o",
    "%a%a%s%s",
    "%s100",
    "{%s} (%r) $1 \\1 \t é",
]


@pytest.mark.parametrize("log_format", FORMATS)
def test_writes_what_aiohttp_writes(log_format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    request = FakeRequest(headers={"User-Agent": "curl/8.5", "Referer": "http://shop.example/"})
    for _ in range(3):  # the second may turn between the two
        mine = write(log_format, request)
        reference = write(log_format, request, kind=ReferenceLogger)
        if mine.getMessage() == reference.getMessage():
            break
    assert mine.getMessage() == reference.getMessage()
    for name in ATTRIBUTES:
        assert getattr(mine, name, None) == getattr(reference, name, None)
    assert mine.levelno == reference.levelno


@given(st.floats(0, 1e6, allow_nan=False))
def test_durations_are_written_as_aiohttp_writes_them(seconds: float) -> None:
    log_format = "%T %Tf %D"
    mine = write(log_format, seconds=seconds).getMessage()
    assert mine == write(log_format, kind=ReferenceLogger, seconds=seconds).getMessage()


def test_the_default_format_is_aiohttps() -> None:
    assert AccessLogger.LOG_FORMAT == ReferenceLogger.LOG_FORMAT


# -- the atoms ---------------------------------------------------------------------------------------------


def test_the_default_line() -> None:
    record = write(AccessLogger.LOG_FORMAT, FakeRequest(headers={"User-Agent": "curl"}))
    time = r"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]"
    expected = rf'192\.0\.2\.7 {time} "GET /shop\?page=2 HTTP/1\.1" 404 1234 "-" "curl"'
    assert re.fullmatch(expected, record.getMessage())


def test_the_time_is_that_of_the_arrival() -> None:
    for seconds in (0.0, 90.0):
        before = int(clock.time() - seconds)
        written = datetime.datetime.strptime(
            write("%t", seconds=seconds).getMessage(), "[%d/%b/%Y:%H:%M:%S %z]"
        )
        assert before <= written.timestamp() <= clock.time() - seconds
        local = datetime.datetime.fromtimestamp(written.timestamp()).astimezone()
        assert written.utcoffset() == local.utcoffset()


def test_a_percent_sign() -> None:
    assert write("100%% of %s, %%a").getMessage() == "100% of 404, %a"


def test_the_process() -> None:
    assert write("%P").getMessage() == f"<{os.getpid()}>"


def test_http_1_0() -> None:
    request = FakeRequest()
    request.version = HttpVersion10
    assert write("%r", request).getMessage() == "GET /shop?page=2 HTTP/1.0"


def test_an_unknown_client() -> None:
    assert write("%a", FakeRequest(remote=None)).getMessage() == "-"


@pytest.mark.parametrize("log_format", ["%z", "%{X}e", "%", "%{}i", "100% sure %%"])
def test_what_means_nothing_is_kept_with_a_warning(log_format: str) -> None:
    logger, collector = make_logger()
    with pytest.warns(UserWarning, match="means nothing") as caught:
        access_logger = AccessLogger(logger, log_format)
    assert caught[0].filename == __file__
    access_logger.log(cast(BaseRequest, FakeRequest()), cast(StreamResponse, FakeResponse()), 0)
    assert collector.records[0].getMessage() == log_format.replace("%%", "%")


def test_values_are_attributes_of_the_record() -> None:
    record = write('%a "%r" %s %{User-Agent}i %{Referer}i', FakeRequest(headers={"User-Agent": "curl"}))
    assert record.remote_address == "192.0.2.7"
    assert record.first_request_line == "GET /shop?page=2 HTTP/1.1"
    assert record.response_status == 404
    assert record.request_header == {"User-Agent": "curl", "Referer": "-"}


# -- what strangers send -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Mozilla/5.0 (X11; Linux)", "Mozilla/5.0 (X11; Linux)"),
        ("größe 大", "größe 大"),
        ('curl" 200 5', '\\" '.join(["curl", "200 5"])),
        ("a\\b", "a\\\\b"),
        ("a\r\nb\tc\x00\x1b[31m", "a\\r\\nb\\tc\\x00\\x1b[31m"),
        ("\x7f\x85\u2028\u202e", "\\x7f\\x85\\u2028\\u202e"),
        (b"caf\xe9".decode("utf-8", "surrogateescape"), "caf\\xe9"),
    ],
)
def test_escapes(value: str, written: str) -> None:
    assert escape(value) == written


@given(st.text(st.characters(exclude_categories=())))
def test_what_is_escaped_is_one_printable_line_that_can_be_read_back(value: str) -> None:
    written = escape(value)
    assert written.isprintable()
    assert not re.search(r'(?<!\\)(\\\\)*"', written)
    written.encode("utf-8")
    if value.isascii():
        assert written.encode("ascii").decode("unicode_escape") == value


def test_every_value_of_a_stranger_is_escaped() -> None:
    evil = 'x\n192.0.2.1 - "GET /forged'
    request = FakeRequest(path=evil, remote=evil, headers={"User-Agent": evil})
    record = write("%a %r %{User-Agent}i", request)
    assert "\n" not in record.getMessage()
    for value in (record.remote_address, record.first_request_line, record.request_header["User-Agent"]):
        assert "\n" not in value


# -- when nobody listens, and when something breaks ----------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "enabled"), [(logging.INFO, True), (logging.DEBUG, True), (logging.WARNING, False)]
)
def test_enabled_follows_the_logger(level: int, enabled: bool) -> None:
    logger = logging.getLogger(f"{__name__}.enabled")
    access_logger = AccessLogger(logger)
    logger.setLevel(logging.CRITICAL)
    assert not access_logger.enabled
    logger.setLevel(level)
    assert access_logger.enabled is enabled


def test_a_broken_request_is_reported_and_not_raised() -> None:
    logger, collector = make_logger()
    AccessLogger(logger, "%a").log(cast(BaseRequest, object()), cast(StreamResponse, FakeResponse()), 0)
    [record] = collector.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None


def test_a_logger_of_ones_own() -> None:
    lines: list[str] = []

    class Own(AbstractAccessLogger):
        def log(self, request: BaseRequest, response: StreamResponse, time: float) -> None:
            lines.append(f"{self.log_format} {response.status} {time}")

    own = Own(make_logger()[0], "own")
    assert own.enabled
    own.log(cast(BaseRequest, FakeRequest()), cast(StreamResponse, FakeResponse()), 2.5)
    assert lines == ["own 404 2.5"]


# -- answers that the server made itself ---------------------------------------------------------------------


def test_a_refusal_is_a_line_like_others() -> None:
    logger, collector = make_logger()
    head = ResponseHead(400, "Bad Request", [("Content-Type", "text/plain")])
    log_format = AccessLogger.LOG_FORMAT.replace("%t ", "") + " %T %{Content-Type}o"
    log_refusal(AccessLogger(logger, log_format), Peer(("192.0.2.9", 5)), head, 17)
    assert collector.records[0].getMessage() == '192.0.2.9 "-" 400 17 "-" "-" 0 text/plain'


def test_a_refusal_costs_nothing_when_nobody_listens() -> None:
    class Closed(AccessLogger):
        @property
        def enabled(self) -> bool:
            return False

        def log(self, request: BaseRequest, response: StreamResponse, time: float) -> None:
            raise AssertionError("asked although it is closed")

    log_refusal(Closed(make_logger()[0]), Peer(), ResponseHead(400, "Bad Request"), 0)


def test_a_logger_that_cannot_cope_with_a_refusal(caplog: pytest.LogCaptureFixture) -> None:
    class Careless(AccessLogger):
        def log(self, request: BaseRequest, response: StreamResponse, time: float) -> None:
            request["user"]

    log_refusal(Careless(make_logger()[0]), Peer(), ResponseHead(431, "Too Large"), 0)
    assert "status 431" in caplog.text


def test_a_refused_request_is_an_empty_one() -> None:
    request = RefusedRequest(None)
    assert request
    assert list(request) == []
    assert request.get("user") is None
    assert not request.headers
    assert request.path == request.method == "-"
    assert str(request.rel_url) == ""
    assert "None" in repr(request)
    assert accesslog.Refusal(ResponseHead(400, "Bad Request"), 3).body_length == 3
