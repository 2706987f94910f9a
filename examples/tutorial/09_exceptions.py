"""Chapter 9: better exceptions.

An `HTTPException` is a response and an exception: raise it from wherever the request turns out to be
hopeless, or return it.

    curl -i http://127.0.0.1:8080/user/nobody
    curl -i http://127.0.0.1:8080/user/ada
    curl -i "http://127.0.0.1:8080/square?of=seven"
    curl -i http://127.0.0.1:8080/
"""

from sketch.application import Application, run_app
from sketch.exceptions import HTTPBadRequest, HTTPFound, HTTPNotFound
from sketch.request import Request
from sketch.response import Response

USERS = {"ada": "Ada Lovelace"}


def find_user(username: str) -> str:
    try:
        return USERS[username]
    except KeyError:
        raise HTTPNotFound(reason="No such user") from None


async def index(request: Request) -> Response:
    raise HTTPFound("/user/ada")


async def show_user(request: Request) -> Response:
    return Response(f"{find_user(request.match_info['username'])}\n")


async def square(request: Request) -> Response:
    try:
        number = int(request.query["of"])
    except (KeyError, ValueError):
        return HTTPBadRequest(text="Ask for the square of a number: /square?of=7\n")
    return Response(f"{number * number}\n")


app = Application()
app.router.add_get("/", index)
app.router.add_get("/user/{username}", show_user)
app.router.add_get("/square", square)

if __name__ == "__main__":
    run_app(app)
