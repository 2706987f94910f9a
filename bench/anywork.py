"""What is done alike with the works over HTTP and those over WebSockets: asking, loading."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from bench import client, wsclient, wsload
from bench.load import Load, run_load
from bench.peers import Peer
from bench.works import Work
from bench.wsworks import WebSocketWork

AnyWork = Work | WebSocketWork


def verify(peer: Peer, work: AnyWork, port: int) -> None:
    """See a server do a work rightly. Raises `bench.client.WrongAnswer`."""
    if isinstance(work, WebSocketWork):
        wsclient.verify(peer, work, port)
    else:
        client.verify(peer, work, port)


def answer_size(work: AnyWork, port: int) -> int:
    """Bytes of one whole answer, with its head."""
    if isinstance(work, WebSocketWork):
        return wsclient.answer_size(work, port)
    return client.answer_size(port, work.checks[0])


@contextmanager
def open_load(work: AnyWork, port: int, connections: int) -> Iterator[Callable[[int], Load]]:
    """What loads a server for so many seconds. Raises `bench.load.LoadFailed`, as what it yields does."""
    if isinstance(work, WebSocketWork):
        with wsload.open_load(work, port, connections=connections) as load:
            yield load.run
    else:
        yield partial(run_load, work, port, connections)
