"""One logger by two names: what sketch logs is aiohttp's, for whoever configured that."""

import logging
from functools import partial

from .changes import Changes

_NAMES = ("", ".access", ".server", ".web", ".websocket")


def share_loggers(changes: Changes) -> None:
    """Make each of sketch's loggers one with aiohttp's of the same kind: its name, its level, its handlers,
    and whatever is set on either of them later. What was set on sketch's before is back when the changes are
    taken back.

    They are ordinary loggers that many modules hold already, so that no other object can be put in their
    places; but two objects can share what they are made of."""
    for name in _NAMES:
        ours, theirs = logging.getLogger(f"sketch{name}"), logging.getLogger(f"aiohttp{name}")
        changes.on_undo(partial(setattr, ours, "__dict__", ours.__dict__))
        ours.__dict__ = theirs.__dict__
