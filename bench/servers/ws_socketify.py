"""socketify's WebSockets: plain functions, as in its documentation, and the topics of the server below it."""

from options import HOST, parse
from socketify import App, AppListenOptions, CompressOptions, OpCode

SETTINGS = {
    # With the documentation's shared compressor every message is compressed by itself.
    "compression": CompressOptions.SHARED_COMPRESSOR,
    "max_payload_length": 4 * 1024 * 1024,
    "max_backpressure": 16 * 1024 * 1024,
    "idle_timeout": 120,
}
HAS_DEFLATE = "deflate" in parse().work

app = App()


def echo(ws, message, opcode):
    ws.send(message, opcode, HAS_DEFLATE)


def subscribe(ws):
    ws.subscribe("room")


def publish(ws, message, opcode):
    ws.publish("room", message, OpCode.TEXT, HAS_DEFLATE)


app.ws("/echo", {**SETTINGS, "message": echo})
app.ws("/subscribe", {**SETTINGS, "open": subscribe})
app.ws("/publish", {**SETTINGS, "message": publish})
app.get("/", lambda response, request: response.end(""))
app.listen(AppListenOptions(port=parse().port, host=HOST))
app.run()
