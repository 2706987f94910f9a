"""The loggers' names are a promise: configurations refer to them."""

import logging

import pytest

from sketch import logs


@pytest.mark.parametrize(
    ("logger", "name"),
    [
        (logs.access_logger, "sketch.access"),
        (logs.server_logger, "sketch.server"),
        (logs.web_logger, "sketch.web"),
        (logs.ws_logger, "sketch.websocket"),
    ],
)
def test_names(logger: logging.Logger, name: str) -> None:
    assert logger is logging.getLogger(name)


def test_nothing_is_configured() -> None:
    for name in ("access", "server", "web", "websocket"):
        logger = logging.getLogger(f"sketch.{name}")
        assert logger.propagate
        assert logger.level == logging.NOTSET
