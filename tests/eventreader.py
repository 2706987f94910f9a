"""An event stream, read as the HTML standard says (section 9.2.6): what a browser would dispatch."""

import re
from typing import NamedTuple


class Event(NamedTuple):
    """One event, with the id that its client has then."""

    data: str
    event: str = "message"
    id: str = ""


def read_events(stream: bytes) -> list[Event]:
    """The events of a stream; what follows the last empty line is thrown away."""
    events: list[Event] = []
    data, event, last_id = "", "", ""
    text = stream.decode("utf-8").removeprefix("\ufeff")
    for line in re.split("\r\n|\r|\n", text)[:-1]:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                events.append(Event(data.removesuffix("\n"), event or "message", last_id))
            data = event = ""
        elif name == "data":
            data += value + "\n"
        elif name == "event":
            event = value
        elif name == "id" and "\0" not in value:
            last_id = value
    return events
