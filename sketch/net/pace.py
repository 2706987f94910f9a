"""How fast a peer is expected to be, on the clock of its server. It knows bytes and seconds, no sockets."""

from ..http.limits import Limits

NEVER = float("inf")


class BodyPace:
    """How slowly a body may come. Only the time counts in which it would be read.

    It begins stopped: `resume` says that the body is read from now on.
    """

    __slots__ = ("_grace", "_heard", "_is_stopped", "_rate", "_received", "_started", "_stopped", "_timeout")

    def __init__(self, limits: Limits, now: float) -> None:
        self._grace = limits.body_grace
        self._rate: float = limits.body_rate
        self._timeout = limits.body_timeout
        self._received = 0
        self._started = self._heard = self._stopped = now
        self._is_stopped = True

    def limit(self, rate: float | None, timeout: float | None) -> None:
        """Expect something else from now on; ``None`` for what was expected before, 0 for nothing."""
        if rate is not None:
            self._rate = rate
        if timeout is not None:
            self._timeout = timeout

    def received(self, size: int, now: float) -> None:
        """Some of the body has come."""
        self._received += size
        self._heard = now

    def stop(self, now: float) -> None:
        """Nothing is read for a while."""
        if not self._is_stopped:
            self._is_stopped = True
            self._stopped = now

    def resume(self, now: float) -> None:
        """It is read again: the time in between was not the peer's."""
        if self._is_stopped:
            self._is_stopped = False
            self._started += now - self._stopped
            self._heard = now

    @property
    def deadline(self) -> float:
        """When the body is too slow, if nothing of it comes until then."""
        if self._is_stopped:
            return NEVER
        deadline = self._heard + self._timeout if self._timeout else NEVER
        if self._rate:
            deadline = min(deadline, self._started + self._grace + self._received / self._rate)
        return deadline


class SendPace:
    """How slowly an answer may be taken: a part of what waits, at least, in each ``send_timeout``.

    ``deadline``
        when to look again.
    """

    __slots__ = ("_interval", "_progress", "_timeout", "_untaken", "deadline")

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        # What waits is looked at a few times in each timeout, so that a breach is seen soon after it.
        self._interval = timeout / 6
        self._untaken = 0
        self._progress = 0.0
        self.deadline = NEVER

    def watch(self, untaken: int, now: float) -> None:
        """So many bytes wait to be taken."""
        self._untaken = untaken
        self._progress = now
        self.deadline = now + self._interval

    def is_stuck(self, untaken: int, now: float) -> bool:
        """Whether nothing of what waited was taken for too long; so many bytes are left now."""
        if untaken < self._untaken:
            self._progress = now
        self._untaken = untaken
        self.deadline = now + self._interval
        return now - self._progress >= self._timeout
