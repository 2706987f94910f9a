"""Keywords: each arrives where it belongs, and a wrong one is told at once."""

import logging
from typing import Any

import pytest

from sketch.accesslog import AbstractAccessLogger, AccessLogger
from sketch.http.exchange import Peer
from sketch.http.limits import DEFAULT_LIMITS, Limits
from sketch.runner.options import SERVER_OPTIONS, ServerOptions, server_options


def test_without_keywords_everything_is_as_sketch_has_it() -> None:
    assert server_options() == ServerOptions()
    assert server_options().limits == DEFAULT_LIMITS


@pytest.mark.parametrize(
    ("keyword", "limit", "value"),
    [
        ("keepalive_timeout", "keepalive_timeout", 7.5),
        ("lingering_time", "lingering_timeout", 0),
        ("max_line_size", "request_line", 100),
        ("max_field_size", "field_line", 200),
        ("max_headers", "fields", 5),
        ("read_bufsize", "read_buffer", 4096),
    ],
)
def test_the_keywords_of_aiohttp_are_limits(keyword: str, limit: str, value: float) -> None:
    options = server_options(**{keyword: value})
    assert getattr(options.limits, limit) == value
    assert getattr(server_options().limits, limit) != value


def test_a_keyword_goes_before_the_limits() -> None:
    options = server_options(limits=Limits(keepalive_timeout=1, fields=2), max_headers=3)
    assert options.limits == Limits(keepalive_timeout=1, fields=3)


def test_a_long_line_that_was_asked_for_fits_into_the_head() -> None:
    assert server_options(max_field_size=200_000).limits.head >= 200_000
    assert server_options(limits=Limits(head=1000), max_field_size=2000).limits.head == 1000


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("keep_alive_timeout", "keepalive_timeout"),
        ("access_logs", "access_log"),
        ("max_header", "max_headers"),
    ],
)
def test_an_unknown_keyword_is_named_with_its_neighbour(wrong: str, nearest: str) -> None:
    with pytest.raises(TypeError, match=f"unknown keyword {wrong!r}; the nearest known one is {nearest!r}"):
        server_options(**{wrong: 1})


def test_every_keyword_of_aiohttps_request_handler_is_known() -> None:
    documented = {
        *("keepalive_timeout", "tcp_keepalive", "logger", "access_log_class", "access_log", "debug"),
        *("access_log_format", "max_line_size", "max_headers", "max_field_size", "lingering_time"),
        *("read_bufsize", "auto_decompress", "timeout_ceil_threshold"),
    }
    assert documented <= SERVER_OPTIONS


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"keepalive_timeout": "75"}, "keepalive_timeout must be a number of seconds, got '75'"),
        ({"lingering_time": True}, "lingering_time must be a number of seconds"),
        ({"max_line_size": 1.5}, "max_line_size must be an int, got 1.5"),
        ({"limits": {}}, "limits must be a sketch.http.limits.Limits"),
        ({"access_log_class": AccessLogger(logging.getLogger())}, "access_log_class must be a class"),
        ({"access_log_class": int}, "access_log_class must be a class with a log method"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        server_options(**keywords)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"keepalive_timeout": -1}, "keepalive_timeout must not be negative, got -1"),
        ({"lingering_time": float("nan")}, "lingering_time must not be negative, got nan"),
        ({"max_headers": 0}, "max_headers must be at least 1, got 0"),
    ],
)
def test_a_value_out_of_range_is_refused(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        server_options(**keywords)


def test_the_access_logger_is_made_of_class_logger_and_format() -> None:
    class Quiet(AbstractAccessLogger):
        def log(self, request: Any, response: Any, time: float) -> None:
            raise AssertionError("not called here")

    logger = logging.getLogger("sketch-test")
    access_logger = server_options(
        access_log=logger, access_log_class=Quiet, access_log_format="%a"
    ).make_access_logger()
    assert isinstance(access_logger, Quiet)
    assert (access_logger.logger, access_logger.log_format) == (logger, "%a")


def test_without_an_access_log_there_is_no_access_logger() -> None:
    assert server_options(access_log=None).make_access_logger() is None
    assert isinstance(server_options().make_access_logger(), AccessLogger)


# -- proxies ---------------------------------------------------------------------------------------------


def test_nobody_is_trusted_by_default() -> None:
    assert server_options().proxies is None
    assert server_options(trusted_proxies=None, forwarded=None, proxy_protocol=False).proxies is None


def test_trusted_proxies() -> None:
    proxies = server_options(trusted_proxies=["10.0.0.0/8", "unix"], forwarded="x-forwarded").proxies
    assert proxies is not None
    assert (proxies.header, proxies.proxy_protocol) == ("x-forwarded", False)
    assert proxies.trusts(Peer(("10.1.1.1", 1))) and not proxies.trusts(Peer(("11.1.1.1", 1)))
    proxies = server_options(trusted_proxies="::1", proxy_protocol=True).proxies
    assert proxies is not None
    assert (proxies.header, proxies.proxy_protocol) == (None, True)


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"forwarded": "forwarded"}, ValueError, "need trusted_proxies"),
        ({"proxy_protocol": True}, ValueError, "need trusted_proxies"),
        ({"trusted_proxies": ["::1"]}, ValueError, "need forwarded or proxy_protocol"),
        ({"trusted_proxies": [], "forwarded": "forwarded"}, ValueError, "must not be empty"),
        ({"trusted_proxies": ["*"], "forwarded": "forwarded"}, ValueError, "trusted_proxies: '\\*'"),
        ({"trusted_proxies": ["::1"], "forwarded": "X-Forwarded-For"}, ValueError, "must be one of"),
        ({"trusted_proxies": ["::1"], "proxy_protocol": "v2"}, TypeError, "must be a bool, got 'v2'"),
    ],
)
def test_proxies_that_cannot_be_meant(keywords: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        server_options(**keywords)
