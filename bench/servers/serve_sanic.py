"""sanic on its own server with uvloop, a single process, without access log and banner."""

from options import GREETING, HOST, parse
from sanic import Sanic
from sanic.response import json, text

app = Sanic("bench", configure_logging=False)


@app.get("/")
async def plaintext(request):
    return text(GREETING)


@app.get("/json")
async def send_json(request):
    return json({"message": GREETING})


@app.get("/user/<name>")
async def user(request, name):
    return text(name)


@app.post("/echo")
async def echo(request):
    return json(request.json)


if __name__ == "__main__":
    app.run(host=HOST, port=parse().port, single_process=True, access_log=False, motd=False, debug=False)
