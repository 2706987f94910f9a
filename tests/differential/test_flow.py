"""What happens around handlers: middlewares, signals, errors."""

from typing import Any

import pytest

from .harness import ask, assert_same


def wrapped(web: Any, seen: list[Any]) -> Any:
    key = web.AppKey("key", str)

    def make(name: str) -> Any:
        @web.middleware  # type: ignore[untyped-decorator]
        async def around(request: Any, handler: Any) -> Any:
            seen.append(f"{name} in, {request.app[key]}, {handler.__name__}")
            try:
                response = await handler(request)
            except web.HTTPException as error:
                seen.append(f"{name} caught {error.status}")
                if error.status == 404 and request.path == "/replaced":
                    return web.Response(text="replaced")
                raise
            response.headers.add("X-Through", name)
            seen.append(f"{name} out")
            return response

        return around

    async def show(request: Any) -> Any:
        seen.append(request.app[key])
        return web.Response(text=request.app[key])

    async def missing(request: Any) -> Any:
        raise web.HTTPNotFound(text="none")

    async def returned(request: Any) -> Any:
        return web.HTTPConflict(reason="Twice")

    app = web.Application(middlewares=[make("outer"), make("inner")])
    app[key] = "app"
    sub = web.Application(middlewares=[make("sub")])
    sub[key] = "sub"
    for each in (app, sub):
        each.router.add_get("/show", show)
        each.router.add_get("/missing", missing)
        each.router.add_get("/returned", returned)

        async def prepare(request: Any, response: Any, each: Any = each) -> None:
            seen.append(f"prepare of {each[key]} in {request.app[key]}")
            seen.append(sorted(response.headers))
            response.headers.add("X-Prepared", each[key])

        each.on_response_prepare.append(prepare)
    app.add_subapp("/sub", sub)
    return app


@pytest.mark.filterwarnings("ignore:returning HTTPException:DeprecationWarning")
@pytest.mark.parametrize("path", ["/show", "/missing", "/returned", "/nowhere", "/replaced", "/post"])
def test_middlewares_and_prepare_signals(path: str) -> None:
    assert_same(
        wrapped, ask("GET", path), ask("GET", f"/sub{path}"), ask("POST", path), ask("HEAD", f"/sub{path}")
    )


def signals(web: Any, seen: list[Any]) -> Any:
    order: list[str] = []

    def note(name: str) -> Any:
        async def receiver(app: Any) -> None:
            order.append(name)

        return receiver

    def context(name: str) -> Any:
        async def both(app: Any) -> Any:
            order.append(f"enter {name}")
            yield
            order.append(f"leave {name}")

        return both

    async def show(request: Any) -> Any:
        seen.extend(order)
        return web.Response()

    app, sub = web.Application(), web.Application()
    for name, each in (("app", app), ("sub", sub)):
        each.on_startup.append(note(f"startup of {name}"))
        each.cleanup_ctx.append(context(f"one of {name}"))
        each.cleanup_ctx.append(context(f"two of {name}"))
        each.on_shutdown.append(note(f"shutdown of {name}"))
        each.on_cleanup.append(note(f"cleanup of {name}"))
    app.add_subapp("/sub", sub)
    app.on_startup.append(note("late startup"))
    app.on_cleanup.append(note("late cleanup"))
    app.router.add_get("/", show)
    return app


def test_signals_are_sent_in_the_same_order() -> None:
    assert_same(signals, ask())


def prepared(web: Any, seen: list[Any]) -> Any:
    async def show(request: Any) -> Any:
        return web.Response(text="x", headers={"X-Gone": "1"})

    async def stream(request: Any) -> Any:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"abc")
        return response

    async def refuse(request: Any) -> Any:
        raise web.HTTPForbidden

    async def change(request: Any, response: Any) -> None:
        seen.append(sorted(response.headers.keys() - {"Transfer-Encoding"}))
        seen.append((response.prepared, response.content_length, response.chunked))
        response.headers.pop("X-Gone", None)
        del response.headers["Server"]
        response.headers["X-Status"] = str(response.status)

    app = web.Application()
    app.on_response_prepare.append(change)
    app.router.add_get("/show", show)
    app.router.add_route("*", "/stream", stream)
    app.router.add_get("/refuse", refuse)
    return app


@pytest.mark.parametrize("path", ["/show", "/stream", "/refuse", "/nowhere"])
def test_prepare_signals_may_change_the_head(path: str) -> None:
    assert_same(prepared, ask("GET", path), ask("POST", path))


def kept(web: Any, seen: list[Any]) -> Any:
    key = web.AppKey("key", str)
    request_key = web.RequestKey("request_key", int)
    response_key = web.ResponseKey("response_key", int)

    @web.middleware  # type: ignore[untyped-decorator]
    async def around(request: Any, handler: Any) -> Any:
        request[request_key] = 1
        response = await handler(request)
        seen.append(
            (response.get(response_key), len(response), list(response), bool(response), response == response)
        )
        return response

    async def show(request: Any) -> Any:
        seen.append((request.app[key], request.config_dict[key], request.get(request_key), len(request)))
        seen.append((request == request, bool(request), request_key in request, "no" in request))
        response = web.Response()
        response[response_key] = 2
        return response

    app = web.Application(middlewares=[around])
    app[key] = "value"
    app.router.add_get("/", show)
    return app


def test_what_is_kept() -> None:
    assert_same(kept, ask())
