"""`sketch.compat.install`: what is in whose place, what stays, and that all of it can be taken back."""

import re
from pathlib import Path

import pytest

from tests.compat.running import output, run, run_text

# -- modules -----------------------------------------------------------------------------------------------


def test_aiohttp_web_is_sketch() -> None:
    assert run_text("""
        import aiohttp.web
        import sketch.web
        from aiohttp import web, web_request
        from aiohttp.web_exceptions import HTTPNotFound
        from aiohttp.web_urldispatcher import UrlDispatcher, _ExpectHandler, MatchInfoError
        assert aiohttp.web is web is sketch.web
        assert HTTPNotFound is sketch.web.HTTPNotFound
        assert web_request.Request is sketch.web.Request
        print(aiohttp.web_app.Application.__module__, UrlDispatcher.__module__)
    """).split() == ["sketch.application", "sketch.router"]


def test_the_client_and_what_it_needs_stay_aiohttps() -> None:
    run_text("""
        import aiohttp
        from aiohttp import hdrs
        for name in ("ClientSession", "CookieJar", "ClientTimeout", "FormData", "MultipartWriter"):
            assert getattr(aiohttp, name).__module__.startswith("aiohttp."), name
        assert hdrs.__name__ == "aiohttp.hdrs"
        assert aiohttp.abc.AbstractCookieJar.__module__ == "aiohttp.abc"
    """)


def test_a_second_call_does_nothing_and_all_is_taken_back() -> None:
    run_text("""
        import logging, sys
        import aiohttp
        import sketch.logs
        from sketch import compat, streamresponse
        web, meta_path = aiohttp.web, list(sys.meta_path)
        compat.install()
        assert compat.is_installed() and aiohttp.web is web and sys.meta_path == meta_path
        import aiohttp.test_utils

        compat.uninstall()
        assert not compat.is_installed()
        assert not [name for name in sys.modules if name.startswith("aiohttp.web")]
        assert "aiohttp.test_utils" not in sys.modules and not hasattr(aiohttp, "web")
        assert len(sys.meta_path) == len(meta_path) - 1
        assert sketch.logs.access_logger.name == "sketch.access"
        assert logging.getLogger("aiohttp.access").name == "aiohttp.access"
        assert not hasattr(streamresponse.StreamResponse, "_req")
        assert streamresponse.StreamResponse.prepare.__module__ == "sketch.streamresponse"
        assert aiohttp.abc.AbstractView.__module__ == "aiohttp.abc"
        assert type(aiohttp.StreamReader) is type
        from aiohttp import web, test_utils
        assert web.__name__ == "aiohttp.web"
        assert test_utils.Application is web.Application and web.Application.__module__ == "aiohttp.web_app"
        compat.uninstall()
    """)


def test_it_can_be_installed_again() -> None:
    run_text("""
        from sketch import compat
        for _ in range(3):
            compat.uninstall()
            compat.install()
            from aiohttp import web
            assert web.__name__ == "sketch.web"
    """)


def test_messages_have_the_types_of_aiohttps() -> None:
    """A program that compares with ``is``, and is a client, too."""
    assert run_text("""
        import asyncio
        import aiohttp
        from aiohttp import WSMsgType, web

        async def handler(request):
            ws = web.WebSocketResponse(max_msg_size=10)
            await ws.prepare(request)
            try:
                await ws.receive_bytes()
            except aiohttp.WSMessageTypeError:
                await ws.send_str("as text")
            async for message in ws:
                if message.type is aiohttp.WSMsgType.TEXT:
                    await ws.send_bytes(message.data.encode())
                elif message.type is WSMsgType.ERROR:
                    assert type(message.data) is type(ws.exception()) is aiohttp.WebSocketError
                    assert message.data.code is aiohttp.WSCloseCode.MESSAGE_TOO_BIG
            assert (await ws.receive()).type is web.WSMsgType.CLOSED is WSMsgType.CLOSED
            return ws

        async def main():
            app = web.Application()
            app.router.add_get("/", handler)
            runner = web.AppRunner(app)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            async with aiohttp.ClientSession() as session:
                async with session.ws_connect(f"http://127.0.0.1:{runner.addresses[0][1]}/") as ws:
                    for data in ("a", "b", "too much of it"):
                        await ws.send_str(data)
                        message = await ws.receive()
                        print(message.type is WSMsgType.TEXT, message.type is WSMsgType.BINARY, message.data)
            await runner.cleanup()

        asyncio.run(main())
    """).splitlines() == ["True False as text", "False True b'b'", "False False 1009"]


def test_messages_that_were_loaded_before_keep_their_types() -> None:
    assert (
        output(
            run(
                "-c",
                """
if True:
    from sketch.http.websocket import WSMsgType
    import aiohttp, sketch.compat
    sketch.compat.install()
    from aiohttp import web
    print(web.WSMsgType is WSMsgType, aiohttp.WSMsgType.TEXT == WSMsgType.TEXT)
    """,
            )
        )
        == "True True"
    )


# -- too late ----------------------------------------------------------------------------------------------


def test_whoever_came_first_is_named(tmp_path: Path) -> None:
    (tmp_path / "a_plugin.py").write_text("from aiohttp.web import Application\n")
    (tmp_path / "another.py").write_text("import aiohttp.web_request as requests\n")
    (tmp_path / "main.py").write_text(
        "import a_plugin, another, sketch.compat\n"
        "try:\n    sketch.compat.install()\nexcept RuntimeError as error:\n    print(error)\n"
        "import aiohttp.web\nassert aiohttp.web.__name__ == 'aiohttp.web'\n"
        "assert not sketch.compat.is_installed()\n"
    )
    said = output(run("main.py", directory=tmp_path))
    assert re.match(
        r"aiohttp\.web is imported already, by a_plugin, another: call sketch\.compat\.install\(\) before",
        said,
    )


def test_aiohttps_own_modules_are_named_where_nobody_else_is_to_blame(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        "import sys, aiohttp.test_utils, sketch.compat\n"
        "try:\n    sketch.compat.install()\nexcept RuntimeError as error:\n    print(error)\n"
    )
    assert "by aiohttp.test_utils" in output(run("main.py", directory=tmp_path))


def test_one_of_the_inner_modules_is_enough() -> None:
    program = "import aiohttp.web_exceptions, sketch.compat; sketch.compat.install()"
    result = run("-c", program)
    assert result.returncode == 1
    assert "RuntimeError: aiohttp.web" in result.stderr


def test_nothing_is_changed_where_it_fails_on_the_way() -> None:
    program = (
        "import sys, sketch.compat\n"
        "sketch.compat.share_loggers = lambda changes: 1 / 0\n"
        "try:\n    sketch.compat.install()\nexcept ZeroDivisionError: pass\n"
        "assert not [name for name in sys.modules if name.startswith('aiohttp.web')]\n"
        "from aiohttp import abc, web\n"
        "assert web.__name__ == 'aiohttp.web' and abc.AbstractView.__module__ == 'aiohttp.abc'\n"
    )
    output(run("-W", "error", "-c", program))


# -- types -------------------------------------------------------------------------------------------------


def test_interfaces_are_known_by_both_names() -> None:
    assert run_text("""
        import asyncio
        from aiohttp import web
        from aiohttp.abc import AbstractAccessLogger, AbstractMatchInfo, AbstractRouter, AbstractView
        from aiohttp.test_utils import TestClient, TestServer

        class Hello(AbstractView):
            def __await__(self):
                return self.answer().__await__()
            async def answer(self):
                assert isinstance(self.request.match_info, AbstractMatchInfo)
                return web.Response(text="a view of aiohttp's kind")

        class Lines(AbstractAccessLogger):
            def log(self, request, response, time):
                print(request.method, response.status)

        async def main():
            app = web.Application()
            assert isinstance(app.router, AbstractRouter)
            assert issubclass(web.View, AbstractView)
            app.router.add_view("/", Hello)
            async with TestClient(TestServer(app, access_log_class=Lines)) as client:
                print(await (await client.get("/")).text())

        asyncio.run(main())
    """).splitlines() in (["GET 200", "a view of aiohttp's kind"], ["a view of aiohttp's kind"])


def test_interfaces_that_somebody_took_before_know_sketchs_classes() -> None:
    program = (
        "from aiohttp.abc import AbstractMatchInfo, AbstractRouter, AbstractView\n"
        "import sketch.compat\nsketch.compat.install()\n"
        "from aiohttp import web\n"
        "assert isinstance(web.UrlDispatcher(), AbstractRouter)\n"
        "assert issubclass(web.View, AbstractView)\n"
        "assert issubclass(web.UrlMappingMatchInfo, AbstractMatchInfo)\n"
    )
    output(run("-W", "error", "-c", program))


def test_a_request_s_body_is_a_stream_reader_that_the_client_can_send_on() -> None:
    assert (
        run_text("""
        import asyncio
        import aiohttp
        from aiohttp import web
        from aiohttp.streams import StreamReader
        from aiohttp.test_utils import TestClient, TestServer

        async def forward(request):
            assert isinstance(request.content, aiohttp.StreamReader)
            assert isinstance(request.content, StreamReader)
            assert not isinstance(request, aiohttp.StreamReader)
            async with aiohttp.ClientSession() as session:
                async with session.post(request.url.with_path("/echo"), data=request.content) as answer:
                    assert isinstance(answer.content, aiohttp.StreamReader)
                    return web.Response(body=await answer.read())

        async def echo(request):
            return web.Response(body=await request.read())

        class Reader(aiohttp.StreamReader):
            pass

        async def main():
            app = web.Application()
            app.router.add_post("/", forward)
            app.router.add_post("/echo", echo)
            async with TestClient(TestServer(app)) as client:
                # One line of more bytes than a line may have.
                answer = await client.post("/", data=aiohttp.BytesPayload(b"x" * 700_000))
                print(answer.status, len(await answer.read()))
            assert not issubclass(web.Request, Reader) and issubclass(Reader, aiohttp.StreamReader)
            assert not isinstance(aiohttp.EMPTY_PAYLOAD, Reader)
            assert isinstance(aiohttp.EMPTY_PAYLOAD, aiohttp.StreamReader)

        asyncio.run(main())
    """)
        == "200 700000"
    )


def test_values_that_only_servers_have_are_the_same() -> None:
    run_text("""
        import aiohttp, aiohttp.helpers
        from aiohttp import web
        assert aiohttp.helpers.AppKey is web.AppKey
        app = web.Application()
        app[aiohttp.helpers.AppKey("key", int)] = 1
        assert isinstance(web.Request(app=app).config_dict, aiohttp.ChainMapProxy)
        assert web.Request(version="1.1").version == aiohttp.HttpVersion11 > aiohttp.HttpVersion10
    """)


# -- loggers -----------------------------------------------------------------------------------------------


def test_lines_go_to_aiohttps_loggers() -> None:
    said = run_text("""
        import asyncio, logging, sys
        from aiohttp import web
        from aiohttp.log import server_logger
        from aiohttp.test_utils import TestClient, TestServer

        line = "%(name)s %(levelname)s %(message)s"
        logging.basicConfig(stream=sys.stdout, format=line, level=logging.WARNING)
        logging.getLogger("aiohttp.access").setLevel(logging.INFO)
        server_logger.addFilter(lambda record: not print("filtered", record.name))

        async def fails(request):
            raise LookupError

        async def main():
            app = web.Application()
            app.router.add_get("/", fails)
            async with TestClient(TestServer(app)) as client:
                await client.get("/")

        asyncio.run(main())
    """)
    assert "filtered aiohttp.server\naiohttp.server ERROR Error handling request" in said
    assert re.search(r"^aiohttp\.access INFO 127\.0\.0\.1 .* \"GET / HTTP/1\.1\" 500", said, re.M)


def test_run_app_shows_lines_where_nobody_configured_logging() -> None:
    said = run_text("""
        import logging, io, sys
        from aiohttp import web
        sys.stderr = io.StringIO()

        async def started(app):
            logging.getLogger("aiohttp.access").info("a line")
            web.Application().logger.warning("a warning")
            raise web.GracefulExit

        app = web.Application()
        app.on_startup.append(started)
        web.run_app(app, host="127.0.0.1", port=0, print=None)
        print(sys.stderr.getvalue())
        assert not logging.getLogger("aiohttp").handlers
    """)
    assert said.splitlines() == ["a line", "WARNING aiohttp.web: a warning"]


# -- programs ----------------------------------------------------------------------------------------------


def test_an_unchanged_program(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("from aiohttp import web\n")
    (tmp_path / "program.py").write_text(
        "import sys\nfrom beside import web\nif __name__ == '__main__':\n    print(web.__name__, sys.argv)\n"
    )
    assert output(run("-m", "sketch.compat", str(tmp_path / "program.py"), "-x", "1")) == (
        f"sketch.web ['{tmp_path / 'program.py'}', '-x', '1']"
    )


def test_an_unchanged_module(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(
        "import sys\nfrom aiohttp import web\nprint(web.__name__, sys.argv[1:])\n"
    )
    assert output(run("-m", "sketch.compat", "-m", "module", "x", directory=tmp_path)) == "sketch.web ['x']"


@pytest.mark.parametrize("arguments", [(), ("-c", "1"), ("-m",)])
def test_arguments_that_name_no_program(arguments: tuple[str, ...]) -> None:
    result = run("-m", "sketch.compat", *arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("usage: python -m sketch.compat")
