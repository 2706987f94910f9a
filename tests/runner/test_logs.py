"""Log lines without configuration: shown where nobody else listens, and gone afterwards."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sketch.runner.logs import default_logging


@contextmanager
def unconfigured() -> Iterator[None]:
    """No handlers at the root logger, where pytest puts its own for every phase of a test."""
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    try:
        yield
    finally:
        root.handlers = handlers


def test_lines_are_shown_from_info_on(capsys: pytest.CaptureFixture[str]) -> None:
    with unconfigured(), default_logging():
        logging.getLogger("sketch.access").info("a request")
        logging.getLogger("sketch.access").error("no line")
        logging.getLogger("sketch.web").warning("beware")
        logging.getLogger("sketch.web").debug("details")
    assert capsys.readouterr().err == "a request\nERROR sketch.access: no line\nWARNING sketch.web: beware\n"


def test_afterwards_everything_is_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("sketch")
    before = (logger.level, list(logger.handlers))
    with unconfigured(), default_logging():
        assert (logger.level, list(logger.handlers)) != before
    assert (logger.level, list(logger.handlers)) == before


def test_a_level_that_was_set_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("sketch")
    logger.setLevel(logging.ERROR)
    try:
        with unconfigured(), default_logging():
            logging.getLogger("sketch.access").info("a request")
        assert logger.level == logging.ERROR
    finally:
        logger.setLevel(logging.NOTSET)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["", "sketch", "sketch.access"])
def test_where_somebody_listens_nothing_is_done(capsys: pytest.CaptureFixture[str], name: str) -> None:
    handler = logging.StreamHandler(io.StringIO())
    logger = logging.getLogger(name)
    with unconfigured():
        logger.addHandler(handler)
        try:
            with default_logging():
                assert logging.getLogger("sketch").handlers == ([handler] if name == "sketch" else [])
                logging.getLogger("sketch.access").error("a request")
        finally:
            logger.removeHandler(handler)
    assert capsys.readouterr().err == ""


def test_whoever_configures_logging_later_takes_over(capsys: pytest.CaptureFixture[str]) -> None:
    theirs = io.StringIO()
    with unconfigured(), default_logging():
        handler = logging.StreamHandler(theirs)
        logging.getLogger().addHandler(handler)
        logging.getLogger("sketch.access").info("a request")
        logging.getLogger().removeHandler(handler)
    assert (capsys.readouterr().err, theirs.getvalue()) == ("", "a request\n")
