"""A bare ASGI application: what a server costs with no framework on it."""

import json

TEXT = [(b"content-type", b"text/plain; charset=utf-8")]
JSON = [(b"content-type", b"application/json")]


async def read_body(receive):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body


async def app(scope, receive, send):
    path = scope["path"]
    status, headers = 200, TEXT
    if path == "/":
        body = b"Hello, World!"
    elif path == "/json":
        headers, body = JSON, json.dumps({"message": "Hello, World!"}).encode()
    elif path.startswith("/user/"):
        body = path[6:].encode()
    elif path == "/echo" and scope["method"] == "POST":
        headers, body = JSON, json.dumps(json.loads(await read_body(receive))).encode()
    else:
        status, body = 404, b"Not Found"
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [*headers, (b"content-length", b"%d" % len(body))],
        }
    )
    await send({"type": "http.response.body", "body": body})
