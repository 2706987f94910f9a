"""blacksheep on uvicorn with uvloop and httptools, one process, without access log."""

import uvicorn
from blacksheep import Application, Request, json, text
from options import GREETING, HOST, parse

app = Application()


@app.router.get("/")
async def plaintext(request: Request):
    return text(GREETING)


@app.router.get("/json")
async def send_json(request: Request):
    return json({"message": GREETING})


@app.router.get("/user/{name}")
async def user(request: Request):
    return text(request.route_values["name"])


@app.router.post("/echo")
async def echo(request: Request):
    return json(await request.json())


uvicorn.run(
    app,
    host=HOST,
    port=parse().port,
    loop="uvloop",
    http="httptools",
    ws="none",
    lifespan="on",
    access_log=False,
    log_level="warning",
    timeout_keep_alive=75,
)
