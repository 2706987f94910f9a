"""The ceiling: a uvloop protocol with httptools, all callbacks defined, and one canned answer.

It parses every request wholly and keeps its fields, but it knows no routes, builds no request and no
response, starts no task, has no limits and no deadlines. What a framework in Python on the same two
libraries costs is what it costs more than this. The answers have sketch's fields, so that both send as
many bytes.
"""

import asyncio
import os

import httptools
import uvloop
from options import GREETING, HOST, PIECE, parse

FIELDS = "Content-Length: {length}\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\nServer: sketch\r\n\r\n"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n"
    b"Date: Sat, 01 Jan 2000 00:00:00 GMT\r\nServer: sketch\r\n\r\n"
)
CHUNK_LINE = b"%x\r\n" % len(PIECE)


def canned(body: str, content_type: str = "text/plain; charset=utf-8") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n" + FIELDS.format(length=len(body))
    return (head + body).encode()


def answer_to(work: str) -> bytes:
    if work == "json":
        return canned('{"message": "Hello, World!"}', "application/json; charset=utf-8")
    if work == "post":
        return canned(os.environ["BENCH_ECHO_BODY"], "application/json; charset=utf-8")
    bodies = {"parameter": "sketch", "upload": "1048576", "routes": "42"}
    return canned(bodies.get(work, GREETING))


class Ceiling(asyncio.Protocol):
    """One connection. A fresh list of fields for each request, as whoever wants to use them needs."""

    __slots__ = ("body_bytes", "fields", "parser", "target", "transport")

    def connection_made(self, transport):
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data):
        self.parser.feed_data(data)

    def on_message_begin(self):
        self.fields = []
        self.body_bytes = 0

    def on_url(self, url):
        self.target = url

    def on_header(self, name, value):
        self.fields.append((name, value))

    def on_headers_complete(self):
        pass

    def on_body(self, body):
        self.body_bytes += len(body)

    def on_message_complete(self):
        self.transport.write(ANSWER)


class Download(Ceiling):
    """The same with a long chunked answer, written as fast as the client takes it."""

    __slots__ = ("can_write", "left")

    def on_message_complete(self):
        self.left = OPTIONS.download_bytes // len(PIECE)
        self.can_write = True
        self.transport.write(CHUNKED)
        self.write_on()

    def write_on(self):
        while self.left and self.can_write:
            self.left -= 1
            self.transport.writelines((CHUNK_LINE, PIECE, b"\r\n" if self.left else b"\r\n0\r\n\r\n"))

    def pause_writing(self):
        self.can_write = False

    def resume_writing(self):
        self.can_write = True
        self.write_on()


async def main():
    loop = asyncio.get_running_loop()
    protocol = Download if OPTIONS.work == "download" else Ceiling
    server = await loop.create_server(protocol, HOST, OPTIONS.port)
    await server.serve_forever()


OPTIONS = parse()
ANSWER = answer_to(OPTIONS.work)
uvloop.run(main())
