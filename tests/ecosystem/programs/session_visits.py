"""aiohttp-session: what is kept for a visitor, in a plain cookie and in an encrypted one."""

import aiohttp_session
from aiohttp import web
from aiohttp_session import SimpleCookieStorage
from aiohttp_session.cookie_storage import EncryptedCookieStorage
from cryptography.fernet import Fernet
from talking import Client, say, show, talk


async def visit(request: web.Request) -> web.Response:
    session = await aiohttp_session.get_session(request)
    session["visits"] = session.get("visits", 0) + 1
    return web.Response(text=f"{session.new} {session['visits']}")


async def login(request: web.Request) -> web.Response:
    session = await aiohttp_session.new_session(request)
    session["user"] = request.query["user"]
    raise web.HTTPFound("/who")


async def who(request: web.Request) -> web.Response:
    session = await aiohttp_session.get_session(request)
    return web.json_response({"user": session.get("user"), "visits": session.get("visits")})


async def logout(request: web.Request) -> web.Response:
    session = await aiohttp_session.get_session(request)
    session.invalidate()
    return web.Response(text="bye")


async def stream(request: web.Request) -> web.StreamResponse:
    session = await aiohttp_session.get_session(request)
    response = web.StreamResponse()
    await response.prepare(request)
    session["too"] = "late"
    await response.write(b"streamed")
    return response


async def speak(client: Client) -> None:
    await show(await client.get("/visit"))
    assert await show(await client.get("/visit")) != "True 1"
    assert '"Ada"' in await show(await client.get("/login", params={"user": "Ada"}))
    await show(await client.get("/logout"))
    assert "null" in await show(await client.get("/who"))
    client.session.cookie_jar.update_cookies({"AIOHTTP_SESSION": "forged"}, client.make_url("/"))
    response = await client.get("/stream")
    say(response.status, "streamed" in await response.text())


async def speak_plainly(client: Client) -> None:
    await show(await client.get("/visit"))
    response = await client.get("/visit")
    say([(cookie["path"], cookie["httponly"], cookie["max-age"]) for cookie in response.cookies.values()])
    await speak(client)


def make(storage: aiohttp_session.AbstractStorage) -> web.Application:
    app = web.Application()
    aiohttp_session.setup(app, storage)
    app.add_routes(
        [web.get(f"/{function.__name__}", function) for function in (visit, login, who, logout, stream)]
    )
    return app


if __name__ == "__main__":
    talk(make(EncryptedCookieStorage(Fernet(Fernet.generate_key()))), speak)
    talk(
        make(EncryptedCookieStorage(b"Thirty  two  length  bytes  key.", max_age=100, samesite="Lax")), speak
    )
    talk(make(SimpleCookieStorage(max_age=10)), speak_plainly)
