"""Background tasks: when they may begin, how many, whose they are, and how they end."""

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from sketch import web
from sketch.application import Application
from sketch.http.memory import MemoryExchange, answer
from tests.asking import text_of
from tests.conformance.driver import settle
from tests.net.stage import pass_time, run


async def work() -> str:
    return "done"


async def work_for_ever() -> None:
    await asyncio.Event().wait()


class Started:
    """An application between its start-up and its clean-up."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __aenter__(self) -> Application:
        self.app.freeze()
        await self.app.startup()
        return self.app

    async def __aexit__(self, *error: object) -> None:
        await self.app.cleanup()


def messages(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int, str]]:
    return [(record.name, record.levelno, record.getMessage()) for record in caplog.records]


# -- what a task is ----------------------------------------------------------------------------------------


def test_a_task_is_a_task_with_a_name() -> None:
    async def main() -> None:
        async with Started(Application()) as app:
            named, unnamed = app.spawn(work(), name="the work"), app.spawn(work())
            assert (named.get_name(), unnamed.get_name()) == ("the work", "work")
            assert [await named, await unnamed] == ["done", "done"]

    run(main)


def test_a_task_outlives_its_request_and_is_not_cancelled_with_it() -> None:
    async def main() -> None:
        app = Application()
        ends: list[str] = []
        event = asyncio.Event()

        async def note_end() -> None:
            await event.wait()
            ends.append("done")

        async def handler(request: web.Request) -> web.Response:
            request.app.spawn(note_end())
            await work_for_ever()
            raise AssertionError("cancelled before")

        app.router.add_get("/", handler, options=web.RouteOptions(on_disconnect="cancel"))
        async with Started(app):
            exchange = MemoryExchange()
            task = asyncio.create_task(answer(app.make_exchange_handler(), exchange))
            await settle()
            exchange.disconnect()
            await asyncio.wait([task])
            assert task.cancelled() and ends == []
            event.set()
            await app.finish_tasks()
            assert ends == ["done"]

    run(main)


def test_a_task_sees_the_context_of_its_caller_and_cannot_change_it() -> None:
    variable = contextvars.ContextVar("variable", default="nobody's")
    seen: list[str] = []

    async def look() -> None:
        seen.append(variable.get())
        variable.set("the task's")

    async def main() -> None:
        async with Started(Application()) as app:
            other = contextvars.copy_context()
            variable.set("the caller's")
            await app.spawn(look())
            seen.append(variable.get())
            await app.spawn(look(), context=other)
            seen.append(other[variable])

    run(main)
    assert seen == ["the caller's", "the caller's", "nobody's", "the task's"]


@pytest.mark.parametrize("is_awaited", [False, True])
def test_a_failure_is_logged_with_the_name(is_awaited: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise LookupError("lost")

    async def main() -> None:
        async with Started(Application(logger=logging.getLogger("the.application"))) as app:
            task = app.spawn(fail(), name="find it")
            if is_awaited:
                with pytest.raises(LookupError):
                    await task
            await settle()

    run(main)
    (record,) = caplog.records
    assert messages(caplog) == [("the.application", logging.ERROR, "The background task 'find it' failed")]
    assert record.exc_info is not None and isinstance(record.exc_info[1], LookupError)


def test_a_task_that_somebody_cancels_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with Started(Application()) as app:
            app.spawn(work_for_ever()).cancel()
            await settle()

    run(main)
    assert caplog.records == []


def test_what_ends_the_program_ends_it() -> None:
    async def leave() -> None:
        raise SystemExit(3)

    async def main() -> None:
        app = Application()
        await app.startup()
        app.spawn(leave())
        await settle()

    with pytest.raises(SystemExit, match="3"):
        asyncio.run(main())


# -- when, and how many ------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [work, work_for_ever, 5, None, asyncio.Event])
def test_only_a_coroutine_can_be_spawned(value: Any) -> None:
    async def main() -> None:
        async with Started(Application()) as app:
            with pytest.raises(
                TypeError, match=r"spawn\(\) takes a coroutine, got .*: call the coroutine fu"
            ):
                app.spawn(value)

    run(main)


def test_too_early_and_too_late() -> None:
    async def spawn_late(app: Application) -> None:
        with pytest.raises(RuntimeError, match="is being cleaned up: spawn before on_cleanup"):
            app.spawn(work())

    async def main() -> None:
        app = Application()
        app.on_cleanup.append(spawn_late)
        with pytest.raises(RuntimeError, match="has not started yet: spawn in on_startup"):
            app.spawn(work())
        async with Started(app):
            await app.spawn(work())
        await spawn_late(app)

    run(main)


def test_start_up_may_spawn_in_every_way() -> None:
    names: list[str] = []

    async def main() -> None:
        app, sub = Application(), Application()

        async def spawn(app: Application) -> None:
            names.append(app.spawn(work(), name="on_startup").get_name())

        async def context(app: Application) -> AsyncIterator[None]:
            names.append(app.spawn(work(), name="context").get_name())
            yield

        for each in (app, sub):
            each.on_startup.append(spawn)
            each.cleanup_ctx.append(context)
        app.add_subapp("/sub", sub)
        async with Started(app):
            await app.finish_tasks()

    run(main)
    assert names == ["context", "on_startup"] * 2


def test_another_thread_is_told_what_to_do() -> None:
    async def main() -> None:
        async with Started(Application()) as app:
            with pytest.raises(
                RuntimeError, match=r"from another thread, use loop\.call_soon_threadsafe\(ap"
            ):
                await asyncio.to_thread(app.spawn, work())

    asyncio.run(main())


def test_there_are_so_many_and_no_more() -> None:
    async def main() -> None:
        async with Started(Application(max_background_tasks=2)) as app:
            event = asyncio.Event()
            tasks = [app.spawn(event.wait()), app.spawn(event.wait())]
            with pytest.raises(web.TooManyTasks, match=r"2 background tasks .*max_background_tasks=\.\.\."):
                app.spawn(work())
            event.set()
            await asyncio.wait(tasks)
            assert await app.spawn(work()) == "done"

    run(main)


@pytest.mark.parametrize(
    ("value", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)]
)
def test_a_bound_that_cannot_be_meant(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"^max_background_tasks={value}: write "):
        Application(max_background_tasks=value)


def test_each_application_has_its_own_tasks() -> None:
    async def main() -> None:
        app, sub = Application(max_background_tasks=1), Application(max_background_tasks=1)
        app.add_subapp("/sub", sub)
        async with Started(app):
            event = asyncio.Event()
            app.spawn(event.wait())
            sub.spawn(event.wait())
            for each in (app, sub):
                with pytest.raises(web.TooManyTasks):
                    each.spawn(work())
            event.set()
            await app.finish_tasks()

    run(main)


def test_a_handler_spawns_in_the_application_that_it_belongs_to() -> None:
    async def main() -> None:
        app, sub = Application(), Application(max_background_tasks=1)

        async def handler(request: web.Request) -> web.Response:
            request.app.spawn(work())
            with pytest.raises(web.TooManyTasks):
                request.app.spawn(work())
            return web.Response(text="both")

        sub.router.add_get("/", handler)
        app.add_subapp("/sub", sub)
        async with Started(app):
            exchange = MemoryExchange(target="/sub/")
            await answer(app.make_exchange_handler(), exchange)
            assert text_of(exchange) == "both"

    run(main)


# -- the end -------------------------------------------------------------------------------------------------


def test_the_end_is_waited_for_with_all_that_is_spawned_meanwhile() -> None:
    done: list[int] = []

    async def main() -> None:
        app, sub = Application(), Application()
        app.add_subapp("/sub", sub)

        async def chain(number: int) -> None:
            await asyncio.sleep(1)
            done.append(number)
            if number < 3:
                (app if number % 2 else sub).spawn(chain(number + 1))

        async with Started(app):
            app.spawn(chain(0))
            waiting = asyncio.create_task(app.finish_tasks())
            for _ in range(4):
                await settle()
                await pass_time(1)
            await waiting

    run(main)
    assert done == [0, 1, 2, 3]


def test_the_end_is_waited_for_so_long_and_no_longer(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with Started(Application()) as app:
            tasks = [app.spawn(work_for_ever(), name="b"), app.spawn(work_for_ever(), name="a")]
            waiting = asyncio.create_task(app.finish_tasks(10))
            await settle()
            await pass_time(5)
            assert not waiting.done()
            await pass_time(5)
            assert waiting.done() and not any(task.done() for task in tasks)
        assert all(task.cancelled() for task in tasks)

    run(main)
    assert messages(caplog) == [
        ("sketch.web", logging.WARNING, "Shutdown: 2 background task(s) were cancelled: a, b")
    ]


def test_clean_up_comes_when_the_tasks_have_come_to_their_ends() -> None:
    order: list[str] = []

    async def tidy_up(name: str) -> None:
        try:
            await work_for_ever()
        finally:
            await asyncio.sleep(0)
            order.append(name)

    async def note(app: Application) -> None:
        order.append("on_cleanup")

    async def main() -> None:
        app, sub = Application(), Application()
        sub.on_cleanup.append(note)
        app.add_subapp("/sub", sub)
        async with Started(app):
            app.spawn(tidy_up("app"))
            sub.spawn(tidy_up("sub"))
            await settle()

    run(main)
    assert (sorted(order[:2]), order[2]) == (["app", "sub"], "on_cleanup")


def test_a_task_that_will_not_be_cancelled_is_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        event = asyncio.Event()

        async def cling() -> None:
            try:
                await work_for_ever()
            except asyncio.CancelledError:
                await event.wait()

        app = Application()
        async with Started(app):
            for number in range(11):
                app.spawn(work_for_ever(), name=f"task {number:02}")
            app.spawn(cling(), name="cling")
            await settle()
            cleaning = asyncio.create_task(app.cleanup())
            await settle()
            assert not cleaning.done()
            await pass_time(5)
            assert cleaning.done()
            event.set()
            await settle()

    run(main)
    warning, error = (record.getMessage() for record in caplog.records)
    assert warning.startswith("Shutdown: 12 background task(s) were cancelled: cling, task 00, task 01, ")
    assert warning.endswith(", task 08, ...")
    assert error.startswith("Shutdown: a background task was cancelled, goes on all the same and is left be")
    assert "name='cling'" in error


def test_a_start_up_that_fails_cancels_what_it_spawned() -> None:
    async def main() -> None:
        tasks: list[asyncio.Task[None]] = []

        async def spawn_and_fail(app: Application) -> None:
            tasks.append(app.spawn(work_for_ever()))
            raise LookupError("no database")

        app = Application()
        app.on_startup.append(spawn_and_fail)
        runner = web.AppRunner(app)
        with pytest.raises(LookupError):
            await runner.setup()
        assert tasks[0].cancelled()

    run(main)


def test_clean_up_happens_even_if_nobody_waits_for_it_any_more() -> None:
    ends: list[str] = []

    async def cling() -> None:
        try:
            await work_for_ever()
        except asyncio.CancelledError:
            await pass_on.wait()
        ends.append("clung")

    async def note(app: Application) -> None:
        ends.append("on_cleanup")

    pass_on = asyncio.Event()

    async def main() -> None:
        app = Application()
        app.on_cleanup.append(note)
        app.freeze()
        await app.startup()
        app.spawn(cling())
        await settle()
        cleaning = asyncio.create_task(app.cleanup())
        await settle()
        cleaning.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cleaning
        pass_on.set()
        await settle()

    run(main)
    assert ends == ["on_cleanup", "clung"]


@pytest.mark.parametrize("end", ["finish_tasks", "cleanup"])
def test_a_task_may_bring_the_end_about(end: str) -> None:
    async def main() -> None:
        app = Application()
        app.freeze()
        await app.startup()
        step: Coroutine[Any, Any, None] = getattr(app, end)()
        task = app.spawn(step)
        await asyncio.wait([task])
        assert not task.cancelled() and task.exception() is None
        await app.cleanup()

    run(main)
