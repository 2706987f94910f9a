"""A bare ASGI application on granian: one worker, one runtime thread, uvloop, HTTP/1, without access log."""

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops
from options import HOST, parse

if __name__ == "__main__":
    Granian(
        "asgi_app:app",
        address=HOST,
        port=parse().port,
        interface=Interfaces.ASGINL,
        workers=1,
        runtime_threads=1,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        # By default it stops accepting at 1024 open connections.
        backpressure=8192,
        log_enabled=False,
    ).serve()
