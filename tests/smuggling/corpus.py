"""The corpus: all attacks, each as the first request of a connection, and many as a later one."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.judging.echo import Read
from tests.smuggling.attack import Attack
from tests.smuggling.chunks import chunk_sizes, last_chunks, line_ends_of_chunks, sizes_and_data, trailers
from tests.smuggling.heads import connections, empty_lines, hosts, line_ends, request_lines, targets
from tests.smuggling.lengths import both_framings, content_length_alone, transfer_encoding_alone

FAMILIES: tuple[Callable[[], Iterator[Attack]], ...] = (
    content_length_alone,
    transfer_encoding_alone,
    both_framings,
    chunk_sizes,
    line_ends_of_chunks,
    sizes_and_data,
    last_chunks,
    trailers,
    line_ends,
    empty_lines,
    request_lines,
    targets,
    hosts,
    connections,
)

HONEST = b"POST /honest HTTP/1.1\r\nHost: front.example\r\nContent-Length: 3\r\n\r\nabc"
HONEST_READ = Read("POST", "/honest", b"abc")

FOLLOWER = b"GET /follower HTTP/1.1\r\nHost: front.example\r\n\r\n"
FOLLOWER_READ = Read("GET", "/follower", b"")


def make_corpus() -> list[Attack]:
    """Every attack as it is, and every third one behind an honest request on the same connection."""
    first = [attack for family in FAMILIES for attack in family()]
    later = [
        replace(attack, name=f"later {attack.name}", data=HONEST + attack.data, before=(HONEST_READ,))
        for attack in first[::3]
    ]
    return first + later
