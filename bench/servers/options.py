"""The command line that every server program understands, and the bodies that they answer."""

import argparse
import logging
import logging.config

HOST = "127.0.0.1"
GREETING = "Hello, World!"
PIECE = b"x" * 65536
"""One piece of a streamed download."""

ROUTES = 1000
"""Number of further routes in the work ``routes``: ``/api/resource0/{id}`` and so on."""


def parse() -> argparse.Namespace:
    """Port, work and the rest, as `bench.peers.command` passes them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--work", default="plaintext")
    parser.add_argument("--access-log", default=None, metavar="FILE", help="write an access log there")
    parser.add_argument("--download-bytes", type=int, default=10 * 1024 * 1024)
    return parser.parse_args()


def log_to_file(*names: str, path: str) -> dict[str, object]:
    """A logging configuration that sends the loggers with these names to one file, as a service would."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(message)s"}},
        "handlers": {"file": {"class": "logging.FileHandler", "filename": path, "formatter": "line"}},
        "loggers": {name: {"handlers": ["file"], "level": "INFO", "propagate": False} for name in names},
    }


def access_logger(name: str, path: str | None) -> logging.Logger | None:
    """The logger with this name, writing to ``path``; ``None`` when there is to be no access log."""
    if path is None:
        return None
    logging.config.dictConfig(log_to_file(name, path=path))
    return logging.getLogger(name)
