"""What goes wrong with a request on purpose: where it is cut, how it arrives, how its client reads."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How a client in memory behaves worse than it could. A request with any of these has a connection of its
    own.

    ``cut_request_at``
        bytes of the request, head included, that arrive; the client is gone then.
    ``cut_answer_at``
        bytes of the answer, head included, that the client takes before it is gone; with 0 it leaves as soon
        as the request is sent.
    ``by``
        how it goes: ``"reset"`` breaks the connection, ``"close"`` ends it, as a program does that is closed,
        and ``"half_close"``, for `cut_request_at` only, sends nothing more and waits for an answer.
    ``half_close``
        whether the client sends nothing more after the whole request, and says so.
    ``pieces``
        bytes of the request that arrive at a time: with 1, byte by byte.
    ``cuts``
        places in the request at which it is cut into pieces.
    ``takes``
        bytes of the answer that the client takes; more when it is told to, with `Connection.take`.

    Raises `ValueError` for what cannot be meant.
    """

    cut_request_at: int | None = None
    cut_answer_at: int | None = None
    by: Literal["reset", "close", "half_close"] = "reset"
    half_close: bool = False
    pieces: int | None = None
    cuts: tuple[int, ...] = ()
    takes: int | None = None

    def __post_init__(self) -> None:
        for name in ("cut_request_at", "cut_answer_at", "takes"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"Faults({name}={value!r}): write a number of bytes, 0 or more")
        if self.pieces is not None and self.pieces < 1:
            raise ValueError(f"Faults(pieces={self.pieces!r}): write a number of bytes, 1 or more")
        if self.by not in ("reset", "close", "half_close"):
            raise ValueError(f"Faults(by={self.by!r}): write 'reset', 'close' or 'half_close'")
        if self.by == "half_close" and self.cut_answer_at is not None:
            raise ValueError("Faults(by='half_close') is about the request: write half_close=True")

    def cut(self, data: bytes, position: int = 0) -> list[bytes]:
        """The pieces in which these bytes arrive; ``position`` is where in the request they begin."""
        if self.pieces is not None:
            return [data[start : start + self.pieces] for start in range(0, len(data), self.pieces)]
        places = sorted({cut - position for cut in self.cuts if 0 < cut - position < len(data)})
        bounds = zip([0, *places], [*places, len(data)], strict=True)
        return [data[start:end] for start, end in bounds if end > start]


NO_FAULTS = Faults()
