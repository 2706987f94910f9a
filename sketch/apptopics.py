"""Which topics an application has: its own, or those of the application that it is part of.

Refuses to know what topics are.
"""

from typing import TYPE_CHECKING

from .http.deferred import deferred

if TYPE_CHECKING:
    from . import topics
    from .topics import Topics
else:
    topics = deferred(".topics", __package__)


class TopicsKeeper:
    """The part of an application that keeps its topics."""

    _topics: "Topics | None" = None
    _has_own_topics = False
    _joined: "TopicsKeeper | None" = None
    """The application that this one is part of."""

    @property
    def topics(self) -> "Topics":
        """Topics to publish to and to subscribe to, by name: ``app.topics["room"]``. Sub-applications share
        those of the application that they are part of, unless they are given their own
        (``subapp.topics = Topics()``)."""
        if self._topics is None:
            self._topics = topics.Topics() if self._joined is None else self._joined.topics
        return self._topics

    @topics.setter
    def topics(self, value: "Topics") -> None:
        if not isinstance(value, topics.Topics):
            raise TypeError(f"app.topics is a sketch.topics.Topics, got {value!r}")
        if self._topics is not None:
            raise RuntimeError("the topics of this application are in use: set others before anybody asks")
        self._topics = value
        self._has_own_topics = True

    def _share_topics(self, part: "TopicsKeeper") -> None:
        """Have an application that becomes a part of this one use the same topics. Raises `RuntimeError` when
        it has used others."""
        if part._has_own_topics:
            return
        if part._topics is not None:
            raise RuntimeError(
                "a sub-application shares the topics of the application that it is added to, and they were "
                "asked for before: ask in on_startup or later, or give it its own (subapp.topics = Topics())"
            )
        part._joined = self
