"""Chapter 5: `run_app`.

Everything at the end of chapter 4 in one call: it starts the server, prints where, and runs until it is
told to stop.

    curl http://127.0.0.1:8080/
"""

from sketch.application import Application, run_app
from sketch.request import Request
from sketch.response import Response


async def index(request: Request) -> Response:
    return Response("Hello, world!\n")


app = Application()
app.router.add_route("GET", "/", index)

if __name__ == "__main__":
    run_app(app)
