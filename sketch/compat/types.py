"""Types of aiohttp's and of sketch's that stand for the same thing, and how each side comes to take the
other's.

Interfaces and values that only servers use are replaced in aiohttp's modules by sketch's. A type that
aiohttp's client uses, too, cannot be: there ``isinstance`` by its name learns to know both.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any

import aiohttp
import aiohttp.abc
import aiohttp.helpers
import aiohttp.multipart
import aiohttp.payload
import aiohttp.streams

from .. import abc, aliases, streams
from ..http.deferred import deferred
from .changes import Changes

_INTERFACES = ("AbstractAccessLogger", "AbstractMatchInfo", "AbstractRouter", "AbstractView")

_KEYS = ("AppKey", "ChainMapProxy", "ETag", "RequestKey", "ResponseKey")
"""Of ``aiohttp.helpers``: those that its client has no use for."""

_SHARED: tuple[tuple[ModuleType, str, str], ...] = (
    (aiohttp.multipart, "BodyPartReader", "sketch.multipart"),
    (aiohttp.multipart, "MultipartReader", "sketch.multipart"),
    (aiohttp.streams, "StreamReader", "sketch.streams"),
)
"""What client and server both have: aiohttp's module, the name, sketch's module."""


_payloads = deferred("..payload", __package__)


def share_types(changes: Changes) -> None:
    """Make all of it so, from now on."""
    _share_payloads(changes)
    for name in _INTERFACES:
        _replace_interface(changes, name)
    helpers = aliases.MODULES["helpers"]
    for name in _KEYS:
        if hasattr(sys.modules["sketch.helpers"], name):
            ours = aliases.find("sketch.helpers", helpers, name)
            changes.set_attribute(aiohttp.helpers, name, ours)
            if hasattr(aiohttp, name):
                changes.set_attribute(aiohttp, name, ours)
    for module, name, ours in _SHARED:
        both = _stand_for_both(getattr(module, name), ours)
        changes.set_attribute(module, name, both)
        changes.set_attribute(aiohttp, name, both)
    # As iter_any() gives it, not by lines, which is what an unknown asynchronous iterable is read by.
    aiohttp.payload.PAYLOAD_REGISTRY.register(aiohttp.payload.StreamReaderPayload, streams.StreamReader)


def _replace_interface(changes: Changes, name: str) -> None:
    theirs, ours = getattr(aiohttp.abc, name), getattr(abc, name)
    # For whoever holds theirs already. What is registered there is not forgotten, and does no harm.
    theirs.register(ours)
    changes.set_attribute(aiohttp.abc, name, ours)


class _StandsForBoth(type):
    """The type of a class whose instances are those of aiohttp's, from which it is derived, and of
    sketch's."""

    theirs: type
    ours: tuple[str, str]

    def __instancecheck__(cls, instance: Any) -> bool:
        return cls.__subclasscheck__(type(instance))

    def __subclasscheck__(cls, subclass: type) -> bool:
        if "ours" not in vars(cls):
            return super().__subclasscheck__(subclass)
        module, name = cls.ours
        # Where that was never imported, nobody has an instance.
        ours: type | None = getattr(sys.modules.get(module), name, None)
        return issubclass(subclass, cls.theirs) or (ours is not None and issubclass(subclass, ours))


def _stand_for_both(theirs: type, module: str) -> type:
    name = theirs.__name__
    return _StandsForBoth(
        name,
        (theirs,),
        {
            "theirs": theirs,
            "ours": (module, name),
            "__module__": theirs.__module__,
            "__doc__": theirs.__doc__,
        },
    )


def _share_payloads(changes: Changes) -> None:
    """Have what nobody has registered with sketch looked up among what is registered with aiohttp."""
    find: Callable[..., Any] = _payloads.PayloadRegistry.get

    def find_in_both(registry: Any, data: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return find(registry, data, *args, **kwargs)
        except _payloads.LookupError as error:
            with suppress(aiohttp.payload.LookupError):
                return aiohttp.payload.PAYLOAD_REGISTRY.get(data, *args, **kwargs)
            raise error

    changes.set_attribute(_payloads.PayloadRegistry, "get", find_in_both)
