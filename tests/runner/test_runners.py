"""Runners: the order of the end, and that every step of it is taken."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import nullcontext
from typing import Any

import pytest

from sketch.application import Application
from sketch.http.exchange import Peer
from sketch.http.heads import ResponseHead
from sketch.http.limits import Limits
from sketch.runner import AppRunner, GracefulExit, ServerRunner, TCPSite
from sketch.runner import runners as runners_module
from sketch.server import Server

Hook = Callable[[Application], Awaitable[None]]


class FakeServer:
    """Writes down what is asked of it."""

    def __init__(self, events: list[object], fail: str = "") -> None:
        self.events = events
        self.fail = fail
        self.shutdown_at_once = False
        self.waiting = asyncio.Event()

    def __call__(self) -> asyncio.Protocol:
        return asyncio.Protocol()

    def tell(self, event: str) -> None:
        self.events.append(event)
        if event == self.fail:
            raise LookupError(event)

    def pre_shutdown(self) -> None:
        self.tell("pre_shutdown")

    async def shutdown(self, timeout: float | None) -> None:  # noqa: ASYNC109
        self.tell(f"shutdown {timeout}")
        if timeout:
            self.waiting.set()
            await asyncio.sleep(0 if self.shutdown_at_once else timeout)


class StepRunner(ServerRunner):
    """Writes down its own steps."""

    __slots__ = ("events", "fail")

    def __init__(self, events: list[object], fail: str = "", **kwargs: Any) -> None:
        super().__init__(FakeServer(events, fail), **kwargs)
        self.events = events
        self.fail = fail

    async def shutdown(self) -> None:
        self.server_or_fake.tell("on_shutdown")

    async def _cleanup_server(self) -> None:
        self.server_or_fake.tell("on_cleanup")

    @property
    def server_or_fake(self) -> FakeServer:
        server: FakeServer = self._web_server
        return server


STEPS: list[object] = ["pre_shutdown", "on_shutdown", "shutdown 0.01", "on_cleanup"]


async def cleaned(runner: StepRunner) -> None:
    await runner.setup()
    await TCPSite(runner, "127.0.0.1", 0).start()
    await runner.cleanup()


def test_the_order_of_the_end() -> None:
    events: list[object] = []
    asyncio.run(cleaned(StepRunner(events, shutdown_timeout=0.01)))
    assert events == STEPS


@pytest.mark.parametrize("fail", ["pre_shutdown", "on_shutdown", "on_cleanup"])
def test_a_step_that_fails_does_not_stop_the_others(fail: str) -> None:
    events: list[object] = []
    with pytest.raises(LookupError, match=fail):
        asyncio.run(cleaned(StepRunner(events, fail, shutdown_timeout=0.01)))
    assert events == STEPS


def test_a_server_that_fails_to_wait_is_told_not_to() -> None:
    events: list[object] = []
    with pytest.raises(LookupError, match="shutdown 0.01"):
        asyncio.run(cleaned(StepRunner(events, "shutdown 0.01", shutdown_timeout=0.01)))
    assert events == [*STEPS[:3], "shutdown 0", STEPS[3]]


def test_further_failures_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(StepRunner):
        async def _cleanup_server(self) -> None:
            raise KeyError("second")

    with pytest.raises(LookupError, match="on_shutdown"):
        asyncio.run(cleaned(Failing([], "on_shutdown", shutdown_timeout=0.01)))
    (record,) = caplog.records
    assert (record.name, record.message) == ("sketch.server", "Error during cleanup")
    assert record.exc_info is not None and isinstance(record.exc_info[1], KeyError)


def test_cancelled_it_waits_no_longer_and_still_takes_every_step() -> None:
    events: list[object] = []

    async def main() -> None:
        runner = StepRunner(events, shutdown_timeout=60)
        await runner.setup()
        task = asyncio.create_task(runner.cleanup())
        await runner.server_or_fake.waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert events == ["pre_shutdown", "on_shutdown", "shutdown 60", "shutdown 0", "on_cleanup"]


def test_a_second_cleanup_and_one_before_the_setup_do_nothing() -> None:
    events: list[object] = []

    async def main() -> None:
        runner = StepRunner(events, shutdown_timeout=0.01)
        await runner.cleanup()
        assert events == []
        await runner.setup()
        await runner.cleanup()
        await runner.cleanup()

    asyncio.run(main())
    assert events == STEPS


def test_two_cleanups_at_once_are_one() -> None:
    events: list[object] = []

    async def main() -> None:
        runner = StepRunner(events, shutdown_timeout=0.01)
        await runner.setup()
        await asyncio.gather(runner.cleanup(), runner.cleanup())

    asyncio.run(main())
    assert events == STEPS


def test_a_second_setup_is_refused() -> None:
    async def main() -> None:
        runner = StepRunner([], shutdown_timeout=0.01)
        await runner.setup()
        with pytest.raises(RuntimeError, match="StepRunner is set up already"):
            await runner.setup()
        await runner.cleanup()
        assert runner.server is None

    asyncio.run(main())


def test_unknown_keywords_and_negative_timeouts_are_refused_at_construction() -> None:
    with pytest.raises(TypeError, match="unknown keyword 'shutdown_time'"):
        AppRunner(Application(), shutdown_time=5)
    with pytest.raises(ValueError, match="shutdown_timeout must not be negative"):
        AppRunner(Application(), shutdown_timeout=-1)


# -- applications ------------------------------------------------------------------------------------------


def noted(events: list[object], event: str) -> Hook:
    async def hook(app: Application) -> None:
        events.append(event)

    return hook


def test_an_application_goes_through_its_life() -> None:
    events: list[object] = []

    async def context(app: Application) -> AsyncIterator[None]:
        events.append("entered")
        yield
        events.append("left")

    async def main() -> None:
        app = Application()
        app.cleanup_ctx.append(context)
        app.on_startup.append(noted(events, "on_startup"))
        app.on_shutdown.append(noted(events, "on_shutdown"))
        app.on_cleanup.append(noted(events, "on_cleanup"))
        runner = AppRunner(app)
        assert runner.app is app
        await runner.setup()
        assert isinstance(runner.server, Server)
        assert app.frozen
        await runner.cleanup()

    asyncio.run(main())
    assert events == ["entered", "on_startup", "on_shutdown", "left", "on_cleanup"]


class TaskRunner(StepRunner):
    """Writes down how long it is to wait for tasks."""

    async def _finish_tasks(self, seconds: float | None) -> None:
        self.events.append(("tasks", seconds))


@pytest.mark.parametrize(
    ("timeout", "fail", "left"),
    [
        (None, "", None),
        # The handlers took all of it.
        (0.01, "", 0),
        # Whoever cannot wait for handlers does not wait for tasks.
        (60, "shutdown 60", 0),
    ],
)
def test_tasks_have_the_time_that_handlers_left(timeout: float | None, fail: str, left: float | None) -> None:
    events: list[object] = []
    with pytest.raises(LookupError) if fail else nullcontext():
        asyncio.run(cleaned(TaskRunner(events, fail, shutdown_timeout=timeout)))
    assert events[-2:] == [("tasks", left), "on_cleanup"]


def test_background_tasks_end_after_the_handlers_and_before_the_clean_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events: list[object] = []

    async def main() -> None:
        server = FakeServer(events)
        monkeypatch.setattr(runners_module, "ApplicationServer", lambda *arguments, **keywords: server)

        async def work(app: Application) -> None:
            await server.waiting.wait()
            # What a handler that is the last to end leaves to be done.
            await app.spawn(note("second task"))
            events.append("first task")

        async def note(event: str) -> None:
            events.append(event)

        async def spawn(app: Application) -> None:
            app.spawn(work(app))

        app = Application()
        app.on_startup.append(spawn)
        app.on_shutdown.append(noted(events, "on_shutdown"))
        app.on_cleanup.append(noted(events, "on_cleanup"))
        runner = AppRunner(app, shutdown_timeout=60)
        await runner.setup()
        server.shutdown_at_once = True
        await runner.cleanup()

    asyncio.run(main())
    assert events == [
        "pre_shutdown", "on_shutdown", "shutdown 60", "second task", "first task", "on_cleanup",
    ]  # fmt: skip


def test_background_tasks_are_cancelled_when_their_time_is_over(caplog: pytest.LogCaptureFixture) -> None:
    events: list[object] = []

    async def work_for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            events.append("cancelled")

    async def main() -> None:
        app = Application()
        app.on_cleanup.append(noted(events, "on_cleanup"))
        runner = AppRunner(app, shutdown_timeout=0.01)
        await runner.setup()
        app.spawn(work_for_ever())
        await runner.cleanup()

    asyncio.run(main())
    assert events == ["cancelled", "on_cleanup"]
    (record,) = caplog.records
    assert record.getMessage().startswith("Shutdown: 1 background task(s) were cancelled: ")


def test_a_start_that_fails_is_cleaned_up_once() -> None:
    events: list[object] = []

    async def context(app: Application) -> AsyncIterator[None]:
        yield
        events.append("left")

    async def fail(app: Application) -> None:
        raise LookupError("start")

    async def main() -> None:
        app = Application()
        app.cleanup_ctx.append(context)
        app.on_startup.append(fail)
        runner = AppRunner(app)
        try:
            with pytest.raises(LookupError, match="start"):
                await runner.setup()
            assert events == ["left"]
        finally:
            await runner.cleanup()

    asyncio.run(main())
    assert events == ["left"]


def test_routes_can_be_added_while_the_application_starts() -> None:
    async def add_route(app: Application) -> None:
        app.router.add_get("/", never_called)

    async def main() -> None:
        app = Application()
        app.on_startup.append(add_route)
        runner = AppRunner(app)
        await runner.setup()
        await runner.cleanup()
        assert len(list(app.router.routes())) == 2

    asyncio.run(main())


async def never_called(request: Any) -> Any:
    raise AssertionError("not called here")


def test_something_else_than_an_application_is_refused() -> None:
    with pytest.raises(TypeError, match="must be a web.Application, got 5"):
        AppRunner(5)  # type: ignore[arg-type]


def server_arguments(monkeypatch: pytest.MonkeyPatch, app: Application, **keywords: Any) -> dict[str, Any]:
    """What the server of an application is made with."""
    seen: dict[str, Any] = {}

    make = Server.__init__

    def note(self: Server, handler: Any, **arguments: Any) -> None:
        seen.update(arguments)
        make(self, handler, **arguments)

    async def main() -> None:
        runner = AppRunner(app, shutdown_timeout=0, **keywords)
        await runner.setup()
        await runner.cleanup()

    monkeypatch.setattr(Server, "__init__", note)
    asyncio.run(main())
    return seen


def test_the_server_is_told_what_the_runner_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.getLogger("sketch-test")
    arguments = server_arguments(
        monkeypatch,
        Application(),
        logger=logger,
        max_headers=9,
        handler_cancellation=True,
        tcp_keepalive=False,
        access_log=None,
    )
    assert arguments == {
        "ends_exchanges": True,
        "limits": Limits(fields=9),
        "logger": logger,
        "handler_cancellation": True,
        "tcp_keepalive": False,
        "refused": None,
        "loop": None,
        "proxies": None,
    }


def test_handler_args_go_before_the_runners_keywords(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Application(handler_args={"keepalive_timeout": 1})
    arguments = server_arguments(monkeypatch, app, keepalive_timeout=2, lingering_time=3)
    assert arguments["limits"] == Limits(keepalive_timeout=1, lingering_timeout=3)
    with pytest.raises(TypeError, match="unknown keyword 'keepalive'"):
        AppRunner(Application(handler_args={"keepalive": 1}))


def test_answers_of_the_server_itself_reach_the_access_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    refused = server_arguments(monkeypatch, Application())["refused"]
    with caplog.at_level(logging.INFO, "sketch.access"):
        refused(Peer(("192.0.2.7", 1)), ResponseHead(400, "Bad Request"), 150)
    (record,) = caplog.records
    assert record.message.startswith("192.0.2.7 ")
    assert '"-" 400 150' in record.message


@pytest.mark.parametrize("in_debug", [False, True])
def test_debug_is_the_runners_the_applications_or_the_loops(in_debug: bool) -> None:
    async def main() -> None:
        asyncio.get_running_loop().set_debug(False)
        runner = AppRunner(Application(), debug=in_debug)
        await runner.setup()
        assert runner.debug is in_debug
        await runner.cleanup()
        asyncio.get_running_loop().set_debug(in_debug)
        runner = AppRunner(Application())
        await runner.setup()
        assert runner.debug is in_debug
        await runner.cleanup()

    asyncio.run(main())


# -- signals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_raise_graceful_exit_while_the_runner_is_set_up(number: int) -> None:
    loop = asyncio.new_event_loop()
    before = signal.getsignal(signal.SIGTERM)
    runner = AppRunner(Application(), handle_signals=True)
    try:
        loop.run_until_complete(runner.setup())
        loop.call_soon(os.kill, os.getpid(), number)
        with pytest.raises(GracefulExit) as info:
            loop.run_forever()
        assert info.value.code == 1
        loop.run_until_complete(runner.cleanup())
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert signal.getsignal(signal.SIGTERM) is before
    finally:
        loop.close()


def test_a_failed_setup_leaves_no_signal_handlers() -> None:
    async def fail(app: Application) -> None:
        raise LookupError("start")

    async def main() -> None:
        before = signal.getsignal(signal.SIGTERM)
        app = Application()
        app.on_startup.append(fail)
        with pytest.raises(LookupError):
            await AppRunner(app, handle_signals=True).setup()
        assert signal.getsignal(signal.SIGTERM) is before

    asyncio.run(main())
