"""Chapter 10: the 500 page.

An error that nobody expected is answered with 500, and the server lives on. With `debug=True` the answer
is a page with the exception and its traceback: open http://127.0.0.1:8080/divide/0 in a browser. Without
it nothing of the inside leaves the process, and the traceback is in the log.

    curl -i http://127.0.0.1:8080/divide/0
    curl -i http://127.0.0.1:8080/divide/4
"""

from sketch.application import Application, run_app
from sketch.request import Request
from sketch.response import Response


async def divide(request: Request) -> Response:
    by = int(request.match_info["by"])
    return Response(f"{100 / by}\n")


app = Application()
app.router.add_get(r"/divide/{by:\d+}", divide)

if __name__ == "__main__":
    run_app(app, debug=True)
