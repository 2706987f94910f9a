"""What a process holds, tasks, descriptors, objects, memory; and what it complains of.

Taken before and after, a census shows what was left behind. It knows no names of the server's inside: it
counts the live instances of every class of sketch and of the event loops.
"""

import asyncio
import gc
import logging
import os
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

_COUNTED = ("sketch.", "asyncio.", "uvloop.", "_asyncio")
_KEPT = {"sketch.http.heads.ResponseHead": 64}
"""Instances that are kept on purpose: the head of each status, once it was answered."""

_CONNECTION = "sketch.net.h1.H1Connection"
_COMPLAINTS_KEPT = 20


@dataclass(frozen=True, kw_only=True)
class Census:
    """One count.

    ``blocks``
        blocks of memory that Python's allocator has handed out.
    ``resident``
        bytes of memory that the process has in use, as the system sees it.
    ``objects``
        live instances by class, garbage not counted.
    """

    tasks: int
    descriptors: int
    blocks: int
    resident: int
    objects: Mapping[str, int]

    @property
    def connections(self) -> int:
        """Connections, those that nobody lists any more included."""
        return self.objects.get(_CONNECTION, 0)

    def to_json(self) -> dict[str, Any]:
        """As a value that `from_json` understands."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Census":
        """The count that `to_json` made a value of."""
        return cls(**value)


class Complaints(logging.Handler):
    """Collects what a process complains of: records from level WARNING on, and exceptions that nobody
    handled. The first are kept.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def install(self, loop: asyncio.AbstractEventLoop) -> None:
        """Listen to the logs, the loop, and to exceptions that have nowhere to go."""
        logging.getLogger().addHandler(self)
        loop.set_exception_handler(lambda loop, context: self.add(f"in the event loop: {context!r}"))
        sys.unraisablehook = lambda unraisable: self.add(f"could not be raised: {unraisable.exc_value!r}")

    def emit(self, record: logging.LogRecord) -> None:
        """Called by logging."""
        text = f"{record.levelname} {record.name}: {record.getMessage()}"
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        self.add(text)

    def add(self, text: str) -> None:
        """One more."""
        if len(self.texts) < _COMPLAINTS_KEPT:
            self.texts.append(text)


def take_census() -> Census:
    """Count. Called inside the event loop that is looked at."""
    # Twice: what the first run finalizes may be garbage only for the second.
    gc.collect()
    gc.collect()
    return Census(
        tasks=len(asyncio.all_tasks()),
        descriptors=len(os.listdir("/proc/self/fd")),
        blocks=sys.getallocatedblocks(),
        resident=resident(),
        objects=_count_objects(),
    )


def resident(process: int | str = "self") -> int:
    """Bytes of memory that a process has in use."""
    with open(f"/proc/{process}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def _count_objects() -> dict[str, int]:
    counted: Counter[str] = Counter()
    for kind, count in Counter(map(type, gc.get_objects())).items():
        module = getattr(kind, "__module__", None)
        if isinstance(module, str) and f"{module}.".startswith(_COUNTED):
            counted[f"{module}.{kind.__qualname__}"] += count
    return dict(counted)


def differences(before: Census, after: Census, *, blocks: int | None = None) -> list[str]:
    """What was left behind between two counts, in sentences.

    ``blocks``
        by how much the number of memory blocks may have grown; ``None``: it is not judged."""
    found: list[str] = []
    for name in ("tasks", "descriptors"):
        old, new = getattr(before, name), getattr(after, name)
        if new > old:
            found.append(f"{name}: {new}, and {old} before")
    for name, count in sorted(after.objects.items()):
        if count > before.objects.get(name, 0) + _KEPT.get(name, 0):
            found.append(f"instances of {name}: {count}, and {before.objects.get(name, 0)} before")
    if blocks is not None and after.blocks - before.blocks > blocks:
        found.append(f"memory: {after.blocks - before.blocks} more blocks than before, allowed are {blocks}")
    return found
