"""The server: a protocol factory, the registry of its connections, and their end.

It knows a handler of exchanges, and nothing of what stands behind it. Listening sockets are made by
others, with ``loop.create_server(server, ...)``.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING

from .http.deferred import deferred
from .http.exchange import Exchange, ExchangeHandler
from .http.limits import DEFAULT_LIMITS, Limits
from .net.admission import Refused
from .net.h1 import TURNS_TO_LEAVE, H1Connection
from .net.registry import Acceptor, Connection, Registry

if TYPE_CHECKING:
    from .net import proxied
    from .net.proxies import TrustedProxies
else:
    proxied = deferred(".net.proxied", __package__)

CANCELLATION_GRACE = 5.0
"""Seconds that handlers have for their clean-up once they are cancelled at the end of a shutdown."""

GOODBYE = 0.25
"""Seconds at the end of a shutdown in which clients may close the connections that they know are over."""

MOST_NAMED = 10
"""Requests that the log names when they are cut off."""

server_logger = logging.getLogger("sketch.server")

_MOMENT = 0.1
"""Seconds after which it is looked again at whether clients have taken their answers."""


class Server:
    """Serves exchanges to a handler, on any number of connections.

    ``handler``
        called for each exchange, in a task of its own.
    ``ends_exchanges``
        whether the handler calls `Exchange.end` itself, whatever becomes of it. Else it is called when the
        handler returns, at the price of another coroutine for each exchange.
    ``limits``
        what one client may make the server hold or wait for.
    ``handler_cancellation``
        whether a handler is cancelled when its client leaves; else it runs to its end.
    ``tcp_keepalive``
        whether the operating system probes idle connections.
    ``refused``
        told of answers to what was no request: to whom, the head, the size in bytes.
    ``proxies``
        the proxies that are believed when they say who is behind them; ``None``: nobody is.

    Made in a coroutine, or given the ``loop`` in which it will serve.
    """

    def __init__(
        self,
        handler: ExchangeHandler,
        *,
        ends_exchanges: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        logger: logging.Logger = server_logger,
        handler_cancellation: bool = False,
        tcp_keepalive: bool = True,
        refused: Refused | None = None,
        proxies: "TrustedProxies | None" = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if not ends_exchanges:
            handler = _see_to_the_end(handler, logger)
        self._registry = Registry(
            handler,
            loop or asyncio.get_running_loop(),
            limits=limits,
            logger=logger,
            handler_cancellation=handler_cancellation,
            tcp_keepalive=tcp_keepalive,
            refused=refused,
            proxies=proxies,
        )
        self._introducing = proxies if proxies is not None and proxies.proxy_protocol else None

    def __call__(self) -> asyncio.Protocol:
        """The protocol of a new connection."""
        if self._introducing is not None:
            return proxied.ProxiedConnection(self._registry, self._introducing)
        return H1Connection(self._registry)

    def secured_by(self, ssl_context: ssl.SSLContext) -> Callable[[], asyncio.Protocol] | None:
        """The protocol factory for plain sockets on which TLS begins after something else, here the header of
        the PROXY protocol; ``None`` where TLS comes first, and is the event loop's to begin."""
        if self._introducing is None:
            return None
        return partial(proxied.ProxiedConnection, self._registry, self._introducing, ssl_context)

    @property
    def limits(self) -> Limits:
        """What one client may make the server hold or wait for."""
        return self._registry.limits

    @property
    def connections(self) -> list[Connection]:
        """The connections that are open."""
        return list(self._registry.connections)

    def add_acceptor(self, acceptor: Acceptor) -> None:
        """Have this paused while there are more connections than the limits allow. Without any, a connection
        beyond them is closed."""
        self._registry.add_acceptor(acceptor)

    def remove_acceptor(self, acceptor: Acceptor) -> None:
        """Forget one that has stopped."""
        self._registry.acceptors.discard(acceptor)

    @property
    def requests_count(self) -> int:
        """Requests begun so far."""
        return self._registry.requests_count

    def pre_shutdown(self) -> None:
        """Begin to go away: idle connections are closed, the others after their current answer, which
        says so."""
        self._registry.is_draining = True
        self._registry.draining.set()
        for connection in self.connections:
            connection.drain()

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - aiohttp's name
        """Wait for answers, until the clients have taken them, at most ``timeout`` seconds (``None``: for
        ever); then cut what is left.

        Cancelled, it cuts at once."""
        self.pre_shutdown()
        for connection in self.connections:
            connection.say_goodbye()
        try:
            await self._wait_for_answers(timeout)
        finally:
            left = self._tasks()
            if left:
                self._registry.logger.warning(
                    "Shutdown: %d request(s) were cut off%s", len(left), self._name_some()
                )
            self._registry.is_over = True
            for connection in self.connections:
                connection.abort()
            for task in left:
                task.cancel()
        await _settle(left, self._registry.logger)

    def _name_some(self) -> str:
        """The requests that are being answered, those that are needed to see what holds a shutdown up."""
        requests = [connection.request for connection in self._registry.connections if connection.task]
        names = [f"{head.method} {head.target[:200]}" for head in requests if head is not None]
        if not names:
            return ""
        more = ", ..." if len(names) > MOST_NAMED else ""
        return ": " + ", ".join(names[:MOST_NAMED]) + more

    def _tasks(self) -> list["asyncio.Task[None]"]:
        """Those of all handlers, of clients that have left, too."""
        registry = self._registry
        tasks = [task for connection in registry.connections if (task := connection.task) is not None]
        return [*tasks, *registry.abandoned]

    async def _wait_for_answers(self, seconds: float | None) -> None:
        registry = self._registry
        try:
            async with asyncio.timeout(seconds):
                while True:
                    # Whoever was answered a moment ago may have sent the next request, or is about to leave.
                    for _ in range(TURNS_TO_LEAVE + 1):
                        await asyncio.sleep(0)
                    if tasks := self._tasks():
                        await asyncio.wait(tasks)
                    elif any(connection.is_sending for connection in registry.connections):
                        # It is closing, and lost once the client has taken the rest. Over TLS that is not
                        # said: it may have taken all, and not answer to the end of the connection.
                        registry.removed.clear()
                        await _wait_a_moment(registry.removed)
                    elif any(connection.is_lingering for connection in registry.connections):
                        # Told that this is the end. Those who look go by themselves, and the others are not
                        # reset in the middle of another request.
                        await _wait_for_goodbyes(registry)
                        return
                    else:
                        return
        except TimeoutError:
            pass


async def _wait_for_goodbyes(registry: Registry) -> None:
    try:
        async with asyncio.timeout(GOODBYE):
            while any(connection.is_lingering for connection in registry.connections):
                registry.removed.clear()
                await registry.removed.wait()
    except TimeoutError:
        pass


def _see_to_the_end(handler: ExchangeHandler, logger: logging.Logger) -> ExchangeHandler:
    """A handler around one that may return, or raise, without a word to the exchange."""

    async def handle(exchange: Exchange) -> None:
        try:
            await handler(exchange)
        except asyncio.CancelledError:
            exchange.abort()
            raise
        except Exception:
            logger.exception("The exchange handler failed: it has to answer, whatever happens")
        finally:
            exchange.end()

    return handle


async def _settle(tasks: Collection["asyncio.Task[None]"], logger: logging.Logger) -> None:
    """Wait until cancelled tasks have come to their ends, or show that they will not."""
    if not tasks:
        return
    ended, stubborn = await asyncio.wait(tasks, timeout=CANCELLATION_GRACE)
    for task in ended:
        # Looked at: what it is was logged where it was raised.
        task.cancelled() or task.exception()
    for task in stubborn:
        logger.error("Shutdown: a handler was cancelled, goes on all the same and is left behind: %r", task)


async def _wait_a_moment(event: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_MOMENT):
            await event.wait()
    except TimeoutError:
        pass
