"""Tests of `unittest`, run by hand."""

import unittest
from typing import Any

import pytest

from sketch import web
from sketch.testing import AioHTTPTestCase, TestServer, unittest_run_loop
from tests.testing.stage import make_app


def results(case: type[unittest.TestCase]) -> unittest.TestResult:
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    return result


def test_a_case() -> None:
    events: list[str] = []

    class Case(AioHTTPTestCase):
        async def get_application(self) -> web.Application:
            app = make_app()

            async def note(app: web.Application) -> None:
                events.append("cleaned up")

            app.on_cleanup.append(note)
            return app

        async def test_asking(self) -> None:
            async with self.client.get("/echo") as response:
                self.assertEqual(response.status, 200)
            self.assertIs(self.client.app, self.app)
            self.assertIs(self.client.server, self.server)
            self.assertTrue(self.loop.is_running())

        async def test_failing(self) -> None:
            response = await self.client.get("/nowhere")
            self.assertEqual(response.status, 200)

        def test_without_a_loop(self) -> None:
            self.assertIsNotNone(self.app)

    result = results(Case)
    assert (result.testsRun, len(result.failures), result.errors) == (3, 1, [])
    assert "404 != 200" in result.failures[0][1]
    assert events == ["cleaned up"] * 3


def test_what_can_be_overridden() -> None:
    seen: list[str] = []

    class Case(AioHTTPTestCase):
        def get_app(self) -> web.Application:
            return make_app()

        async def get_server(self, app: web.Application) -> TestServer:
            return TestServer(app, scheme="http", host="::1")

        async def setUpAsync(self) -> None:
            await super().setUpAsync()
            seen.append("up")

        async def tearDownAsync(self) -> None:
            seen.append("down")
            await super().tearDownAsync()

        async def test_host(self) -> None:
            seen.append(self.client.host)

    result = results(Case)
    assert result.wasSuccessful(), result.errors
    assert seen == ["up", "::1", "down"]


def test_a_case_without_an_application() -> None:
    class Case(AioHTTPTestCase):
        async def test_nothing(self) -> None:
            raise AssertionError("it does not come to that")

    ((_, traceback),) = results(Case).errors
    assert "define `async def get_application(self)`" in traceback


def test_the_decorator_is_deprecated() -> None:
    async def function() -> Any: ...

    with pytest.warns(DeprecationWarning, match="remove the decorator"):
        assert unittest_run_loop(function) is function
