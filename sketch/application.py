"""The application: routes, middlewares, signals and state, from its making to its end.

Everything that can be decided once is decided at `Application.freeze`; `sketch.dispatch` does what is left
to do for a request. Sockets, and everything that listens on them, are not known here.
"""

import asyncio
import contextvars
import logging
import warnings
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from functools import partial
from importlib import import_module
from types import EllipsisType
from typing import Any, TypeVar, overload

from .accesslog import AbstractAccessLogger, AccessLogger
from .appkeys import AppKey
from .appstate import ApplicationState
from .apptopics import TopicsKeeper
from .background import MAX_TASKS, BackgroundTasks, close_all, wait_for_all
from .dispatch import Dispatching
from .logs import web_logger
from .middleware import Middleware, Middlewares
from .request import Request
from .requestbody import CLIENT_MAX_SIZE
from .router import UrlDispatcher
from .routing.abstract import AbstractRouter
from .routing.decorators import RouteDecorators
from .routing.options import RouteOptions, check_options
from .routing.resources import AbstractResource
from .routing.routedef import AbstractRouteDef
from .routing.routes import AbstractRoute
from .routing.subapps import Domain, MaskDomain, MatchedSubAppResource, PrefixedSubAppResource
from .signals import CleanupContext, Signal
from .streamresponse import StreamResponse

T = TypeVar("T")
A = TypeVar("A", bound=AbstractResource)
U = TypeVar("U")
H = TypeVar("H", bound=Callable[..., Any])


class Application(Dispatching, RouteDecorators, TopicsKeeper, ApplicationState):
    """A web application (aiohttp documentation, ``Application``).

    ``middlewares``
        ``async def (request, handler)`` functions, the outermost first.
    ``client_max_size``
        bytes of a body that ``request.read()`` takes; more is answered with 413.
    ``handler_args``
        keyword arguments for the server that serves this application.
    ``route_options``
        what holds for every route, in sub-applications too, that says nothing else itself.
    ``max_background_tasks``
        how many tasks that `spawn` began may run at one time.

    A mapping, too: what handlers share, by `AppKey` or, with a warning, by string.
    """

    def __init__(
        self,
        *,
        logger: logging.Logger = web_logger,
        router: UrlDispatcher | None = None,
        middlewares: Iterable[Middleware] | None = (),
        handler_args: Mapping[str, Any] | None = None,
        client_max_size: int = CLIENT_MAX_SIZE,
        client_max_fields: int = 1000,
        loop: asyncio.AbstractEventLoop | None = None,
        debug: bool | EllipsisType = ...,
        route_options: RouteOptions | None = None,
        max_background_tasks: int = MAX_TASKS,
    ) -> None:
        for name, given in (
            ("router", router is not None),
            ("loop", loop is not None),
            ("debug", debug is not ...),
        ):
            if given:
                warnings.warn(f"{name} argument is deprecated", DeprecationWarning, stacklevel=2)
        if router is not None and not isinstance(router, AbstractRouter):
            raise TypeError(f"router must be a web.UrlDispatcher, got {router!r}")
        super().__init__()
        self.logger = logger
        self.handler_args = dict(handler_args or {})
        self._router = UrlDispatcher() if router is None else router
        self._loop = loop
        self._debug = debug
        self._client_max_size = client_max_size
        self._client_max_fields = client_max_fields
        self._middlewares = Middlewares(middlewares or ())
        self._route_options = route_options and check_options(route_options, "the application")
        self._background = BackgroundTasks(logger, max_background_tasks)
        self._settings = {}
        self._subapps: list[Application] = []
        self._pre_frozen = False
        self._is_ready = False
        self._has_middlewares = False
        self._has_prepare_hooks = False
        self._on_response_prepare: Signal[Request, StreamResponse] = Signal(self)
        self._on_startup: Signal[Application] = Signal(self)
        self._on_shutdown: Signal[Application] = Signal(self)
        self._on_cleanup: Signal[Application] = Signal(self)
        self._cleanup_ctx = CleanupContext()
        self._on_startup.append(self._cleanup_ctx.enter)
        self._on_cleanup.append(self._cleanup_ctx.leave)

    def __init_subclass__(cls) -> None:
        warnings.warn(
            f"Inheritance class {cls.__name__} from web.Application is discouraged",
            DeprecationWarning,
            stacklevel=3,
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} 0x{id(self):x}>"

    def __call__(self) -> "Application":
        """The application itself: servers that expect a factory take it as it is."""
        return self

    # -- parts -----------------------------------------------------------------------------------------

    @property
    def router(self) -> UrlDispatcher:
        """The router."""
        return self._router

    @property
    def middlewares(self) -> Middlewares:
        """The middlewares, the outermost first; frozen with the application."""
        return self._middlewares

    @property
    def route_options(self) -> RouteOptions | None:
        """What holds for every route that says nothing else itself."""
        return self._route_options

    @property
    def on_response_prepare(self) -> "Signal[Request, StreamResponse]":
        """Sent ``(request, response)`` before a response's head is settled."""
        return self._on_response_prepare

    @property
    def on_startup(self) -> "Signal[Application]":
        """Sent the application before it serves, in the loop in which it will."""
        return self._on_startup

    @property
    def on_shutdown(self) -> "Signal[Application]":
        """Sent the application when it stops, before requests in flight are waited for."""
        return self._on_shutdown

    @property
    def on_cleanup(self) -> "Signal[Application]":
        """Sent the application at its end, when no handler runs any more."""
        return self._on_cleanup

    @property
    def cleanup_ctx(self) -> CleanupContext:
        """Async generators that set something up before their ``yield`` and clean it up after it."""
        return self._cleanup_ctx

    @property
    def has_subapps(self) -> bool:
        """Whether other applications are part of this one."""
        return bool(self._subapps)

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """Deprecated: the loop that the application runs in; ``None`` before it does."""
        warnings.warn("loop property is deprecated", DeprecationWarning, stacklevel=2)
        return self._loop

    @property
    def debug(self) -> bool:
        """Deprecated: whether the application was made for debugging, or runs in a debugging loop."""
        warnings.warn("debug property is deprecated", DeprecationWarning, stacklevel=2)
        return self.is_debugging

    @property
    def is_ready(self) -> bool:
        """Whether it is being served and is to stay: false before its start is complete, and from the first
        sign of its end on."""
        return self._is_ready

    @property
    def is_debugging(self) -> bool:
        """Whether errors may show the inside of the program."""
        if isinstance(self._debug, EllipsisType):
            return self._loop is not None and self._loop.get_debug()
        return bool(self._debug)

    # -- routes ----------------------------------------------------------------------------------------

    def add_routes(self, routes: Iterable[AbstractRouteDef]) -> list[AbstractRoute]:
        """Add the routes of a `RouteTableDef` or a list of ``web.get(...)`` and the like."""
        return self._router.add_routes(routes)

    @overload
    def get(self, key: AppKey[T], default: None = None) -> T | None: ...

    @overload
    def get(self, key: AppKey[T], default: U) -> T | U: ...

    @overload
    def get(self, key: str, default: Any = None, **kwargs: Any) -> Any: ...

    def get(self, key: Any, default: Any = ..., **kwargs: Any) -> Any:
        """Decorate a handler for ``GET`` and ``HEAD``, where the only argument is a path (keywords are those
        of `UrlDispatcher.add_get`); else, what is kept by a key.

        ``@app.get("/users")`` is a route, ``app.get(key)`` and ``app.get("/users", None)`` are the
        mapping's."""
        if default is ... and isinstance(key, str) and key.startswith("/"):

            def register(handler: H) -> H:
                self._router.add_get(key, handler, **kwargs)
                return handler

            return register
        return self._state.get(key, None if default is ... else default)

    # -- sub-applications ------------------------------------------------------------------------------

    def add_subapp(self, prefix: str, subapp: "Application") -> PrefixedSubAppResource:
        """Give all that is below a path to another application.

        Raises `TypeError` and `ValueError` for a prefix that is none, `RuntimeError` when either of the
        two is frozen."""
        if not isinstance(prefix, str):
            raise TypeError(f"Prefix must be str, not {prefix!r}")
        prefix = prefix.rstrip("/")
        if not prefix:
            raise ValueError("Prefix cannot be empty")
        return self._join(partial(PrefixedSubAppResource, prefix, subapp), subapp)

    def add_domain(self, domain: str, subapp: "Application") -> MatchedSubAppResource:
        """Give all requests for a host, or for hosts that match a mask with ``*``, to another application.

        Raises as `add_subapp`."""
        if not isinstance(domain, str):
            raise TypeError(f"Domain must be str, not {domain!r}")
        rule = MaskDomain(domain) if "*" in domain else Domain(domain)
        return self._join(partial(MatchedSubAppResource, rule, subapp), subapp)

    def _join(self, make_resource: Callable[[], A], subapp: "Application") -> A:
        if self._frozen:
            raise RuntimeError("Cannot add sub application to frozen application")
        if subapp._frozen:
            raise RuntimeError("Cannot add frozen application")
        self._share_topics(subapp)
        resource = make_resource()
        self._router.register_resource(resource)
        for name in ("on_startup", "on_shutdown", "on_cleanup"):
            getattr(self, name).append(partial(_send_for, getattr(subapp, name), subapp))
        self._subapps.append(subapp)
        subapp.pre_freeze()
        if self._loop is not None:
            subapp._set_loop(self._loop)
        return resource

    # -- life ------------------------------------------------------------------------------------------

    @property
    def pre_frozen(self) -> bool:
        """Whether routes, middlewares and signals are settled."""
        return self._pre_frozen

    def pre_freeze(self) -> None:
        """Settle routes, middlewares and signals: what is added from now on raises `RuntimeError`."""
        if self._pre_frozen:
            return
        self._pre_frozen = True
        self._middlewares.freeze()
        self._router.freeze()
        self._cleanup_ctx.freeze()
        for signal in (self._on_response_prepare, self._on_startup, self._on_shutdown, self._on_cleanup):
            signal.freeze()
        for subapp in self._subapps:
            subapp.pre_freeze()
        family = [self, *self._subapps]
        self._has_middlewares = any(len(app._middlewares) or app._has_middlewares for app in family)
        self._has_prepare_hooks = any(
            len(app._on_response_prepare) or app._has_prepare_hooks for app in family
        )

    def freeze(self) -> None:
        """Settle everything: changing the state from now on is deprecated and warns."""
        if self._frozen:
            return
        self.pre_freeze()
        self._frozen = True
        given = {
            "client_max_size": self._client_max_size,
            "client_max_fields": self._client_max_fields,
            "has_prepare_hooks": self._has_prepare_hooks,
        }
        self._settings = {name: value for name, value in given.items() if value != getattr(Request, name)}
        for subapp in self._subapps:
            subapp.freeze()

    def _set_loop(self, loop: asyncio.AbstractEventLoop | None) -> None:
        if loop is None:
            loop = asyncio.get_running_loop()
        if self._loop is not None and self._loop is not loop:
            raise RuntimeError(f"{self!r} was made for another event loop than the one it is to run in")
        self._loop = loop
        for subapp in self._subapps:
            subapp._set_loop(loop)

    async def startup(self) -> None:
        """Send `on_startup`. What a receiver raises is passed on; call `cleanup` then, too."""
        self._on_startup.freeze()
        for app in self._family():
            app._background.open()
        await self._on_startup.send(self)

    async def shutdown(self) -> None:
        """Send `on_shutdown`."""
        await self._on_shutdown.send(self)

    async def cleanup(self) -> None:
        """Send `on_cleanup`; after a start-up that failed, leave only the contexts that were entered.

        Background tasks that are left are cancelled before and have 5 seconds for their own clean-up, those
        of sub-applications too."""
        try:
            await close_all([app._background for app in self._family()])
        finally:
            if self._on_cleanup.frozen:
                await self._on_cleanup.send(self)
            else:
                await self._cleanup_ctx.leave(self)

    def _family(self) -> Iterator["Application"]:
        """The application and all that are part of it, however deep."""
        yield self
        for subapp in self._subapps:
            yield from subapp._family()

    def make_handler(
        self,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        access_log_class: type[AbstractAccessLogger] = AccessLogger,
        **kwargs: Any,
    ) -> Any:
        """Deprecated: freeze the application and make a server of it, a protocol factory; use ``AppRunner``.

        ``**kwargs``
            see `sketch.runner.options.server_options`."""
        warnings.warn(
            "Application.make_handler is deprecated: use web.AppRunner", DeprecationWarning, stacklevel=2
        )
        serving = import_module(".runner.serving", __package__)
        return serving.make_server(self, loop=loop, access_log_class=access_log_class, **kwargs)

    # -- background tasks ------------------------------------------------------------------------------

    def spawn(
        self,
        coroutine: Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> "asyncio.Task[T]":
        """Begin a task that no request waits for, and that the end of the application does wait for: within
        the runner's ``shutdown_timeout``, after the last handler and before `on_cleanup`. Then it is
        cancelled. What it raises is logged with its name, whether or not the task is awaited.

        ``name``
            for the log; by default that of the coroutine.
        ``context``
            the context that it runs in; by default a copy of the caller's, so that it sees the caller's
            context variables and cannot change them.

        Nothing of the request ends with it: neither a client that leaves nor a deadline cancels the task.
        Raises `TooManyTasks` beyond ``max_background_tasks``, `RuntimeError` before `startup`, from
        `cleanup` on and outside of the application's event loop, `TypeError` for what is no coroutine. A
        coroutine that is not begun is closed."""
        return self._background.spawn(coroutine, name=name, context=context)

    async def finish_tasks(self, seconds: float | None = None) -> None:
        """Wait until no background task is left, here and in sub-applications, for at most so many seconds
        (``None``: for ever). Runners do it before `cleanup`. Cancellation ends the waiting only."""
        await wait_for_all([app._background for app in self._family()], seconds)


def __getattr__(name: str) -> Any:
    # The tutorial imports run_app from here. It belongs to the edge, which imports this module.
    if name == "run_app":
        return import_module(".runner", __package__).run_app_locally
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


async def _send_for(signal: "Signal[Application]", subapp: Application, app: Application) -> None:
    """Pass the signal of an application on to one of its parts."""
    await signal.send(subapp)
