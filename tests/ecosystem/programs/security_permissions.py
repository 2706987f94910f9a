"""aiohttp-security: who somebody is, by a session or a cookie, and what they may do."""

import aiohttp_security
import aiohttp_session
from aiohttp import web
from aiohttp_security import AbstractAuthorizationPolicy, CookiesIdentityPolicy, SessionIdentityPolicy
from talking import Client, say, show, talk

PERMISSIONS = {"ada": {"read", "write"}, "bob": {"read"}}


class Policy(AbstractAuthorizationPolicy):
    async def authorized_userid(self, identity: str) -> str | None:
        return identity if identity in PERMISSIONS else None

    async def permits(self, identity: str | None, permission: object, context: object = None) -> bool:
        return identity is not None and permission in PERMISSIONS.get(identity, ())


async def login(request: web.Request) -> web.Response:
    response = web.Response(text="welcome")
    await aiohttp_security.remember(request, response, request.match_info["name"])
    return response


async def logout(request: web.Request) -> web.Response:
    await aiohttp_security.check_authorized(request)
    response = web.Response(text="bye")
    await aiohttp_security.forget(request, response)
    return response


async def who(request: web.Request) -> web.Response:
    anonymous = await aiohttp_security.is_anonymous(request)
    return web.json_response([anonymous, await aiohttp_security.authorized_userid(request)])


async def read(request: web.Request) -> web.Response:
    await aiohttp_security.check_permission(request, "read")
    return web.Response(text="read")


async def write(request: web.Request) -> web.Response:
    await aiohttp_security.check_permission(request, "write")
    return web.Response(text="written")


async def speak(client: Client) -> None:
    for name in ("nobody", "bob", "ada"):
        if name != "nobody":
            await show(await client.get(f"/login/{name}"))
        for path in ("/who", "/read", "/write", "/logout", "/who"):
            await show(await client.get(path))
    await client.get("/login/bob")
    say([(await client.get(path)).status for path in ("/read", "/write")])
    assert (await client.get("/read")).status == 200
    assert (await client.get("/write")).status == 403


def make(policy: aiohttp_security.AbstractIdentityPolicy) -> web.Application:
    app = web.Application()
    aiohttp_session.setup(app, aiohttp_session.SimpleCookieStorage())
    aiohttp_security.setup(app, policy, Policy())
    app.router.add_get("/login/{name}", login)
    app.add_routes([web.get(f"/{function.__name__}", function) for function in (logout, who, read, write)])
    return app


if __name__ == "__main__":
    talk(make(SessionIdentityPolicy()), speak)
    talk(make(CookiesIdentityPolicy()), speak)
