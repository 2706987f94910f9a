"""What tests of an application need: it may use every room of ``sketch``, and none of them uses it."""

from ..http.memory import MemoryExchange, answer

__all__ = ("MemoryExchange", "answer")
