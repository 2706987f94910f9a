"""Log lines for programs that did not configure logging.

Knows the names of sketch's loggers and who listens to them. Does not log anything itself.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ..logs import access_logger

_NAMES = ("sketch", "sketch.access", "sketch.server", "sketch.web", "sketch.websocket")


class _LineFormatter(logging.Formatter):
    """Access lines as they are, everything else with its level and its logger's name."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")
        self._access = logging.Formatter("%(message)s")

    def format(self, record: logging.LogRecord) -> str:
        # By the logger's own name: `sketch.compat.install` changes it.
        if record.name == access_logger.name and record.levelno == logging.INFO:
            return self._access.format(record)
        return super().format(record)


def _nobody_else_listens(record: logging.LogRecord) -> bool:
    return not logging.getLogger().handlers


@contextmanager
def default_logging() -> Iterator[None]:
    """Show sketch's log lines from INFO on, access lines included, on standard error.

    Only where nobody configured logging: if the root logger or one of sketch's has a handler, nothing is
    done; and when the root logger gets one later, in ``on_startup`` say, lines are left to it. A level
    that was set on the logger ``sketch`` is kept. At the end everything is as it was."""
    if any(logging.getLogger(name).hasHandlers() for name in _NAMES):
        yield
        return
    logger = logging.getLogger("sketch")
    level = logger.level
    handler = logging.StreamHandler()
    handler.setFormatter(_LineFormatter())
    handler.addFilter(_nobody_else_listens)
    logger.addHandler(handler)
    if level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
