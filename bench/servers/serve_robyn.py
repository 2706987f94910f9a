"""robyn: one process, one worker, async handlers, warnings only."""

import sys

from options import GREETING, HOST, parse

options = parse()
# robyn reads the command line itself, as soon as it is imported.
sys.argv[1:] = ["--processes", "1", "--workers", "1", "--log-level", "WARNING", "--disable-openapi"]

from robyn import Request, Robyn  # noqa: E402

app = Robyn(__file__)


@app.get("/")
async def plaintext(request: Request):
    return GREETING


@app.get("/json")
async def json(request: Request):
    return {"message": GREETING}


@app.get("/user/:name")
async def user(request: Request):
    return request.path_params["name"]


@app.post("/echo")
async def echo(request: Request):
    return request.json()


app.start(host=HOST, port=options.port, _check_port=False)
